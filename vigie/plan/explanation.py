"""``explain(plan, camera)``: why one camera is recorded where it is, what that costs, and what happens if it breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from math import asin, cos, radians, sin, sqrt
from typing import Final

from vigie.metrics import ALERTS, METRICS, RECORDING_RULES
from vigie.plan.footage import kept_bytes
from vigie.plan.model import Camera, GroupLoad, Host, Identity, Plan, RecorderLoad, SiteLoad

EARTH_KM: Final = 6371.0  # mean radius (IUGG)
NEAR_NAMES: Final = 5


class UnknownCamera(ValueError):  # noqa: N818 - a fact about the question, not a failure of ours
    """No camera of the plan is called that; ``near`` are ids that look like it, closest first."""

    def __init__(self, camera: str, near: tuple[str, ...]) -> None:
        super().__init__(f"no camera is called {camera!r}")
        self.near = near


@dataclass(frozen=True, slots=True)
class Bound:
    """One bound of a recorder: what is asked of it beside what it can do, in ``unit``."""

    name: str
    load: int
    limit: int
    unit: str


@dataclass(frozen=True, slots=True)
class RecordedBy:
    """One recorder of the camera; ``standby`` take its identity over. ``bounds`` are those of the recorder today,
    ``taken_over`` those of a spare that holds the fullest member of the group."""

    identity: str
    identity_address: str
    host: str
    host_address: str
    group: str
    members: int
    standby: tuple[str, ...]
    bounds: tuple[Bound, ...]
    taken_over: tuple[Bound, ...]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The nearest other site that the same group records."""

    site: str
    kilometres: float
    sites: int


@dataclass(frozen=True, slots=True)
class Scrape:
    """Where the camera's metrics come from, and who reads them."""

    job: str
    target: str
    watchers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that the plan says of one camera. ``uplink_bits_per_second`` is what it sends over its site's uplink, that is
    ``uplink_share`` of it; ``kept_bytes`` is the most that its recorders keep of it, all together."""

    camera: Camera
    site: SiteLoad
    uplink_bits_per_second: int
    uplink_share: float
    kept_bytes: int
    recorded_by: tuple[RecordedBy, ...]
    neighbour: Neighbour | None
    lot_title: str
    lot_kind: str
    lot_exercised: bool
    loss: str
    scrapes: tuple[Scrape, ...]
    alerts: tuple[str, ...]


def explain(plan: Plan, name: str) -> Explanation:
    """Why camera ``name`` is recorded where it is. Raises ``UnknownCamera`` with near names."""
    camera = plan.cameras_by_id.get(name)
    if camera is None:
        raise UnknownCamera(name, tuple(get_close_matches(name, plan.cameras_by_id, NEAR_NAMES)))
    site = next(site for site in plan.capacity.sites if site.site == camera.site)
    names = camera.identities or (camera.identity,)
    recorders = tuple(_recorded_by(plan, one) for one in plan.identities if one.id in names)
    sent = len(names) * camera.main.bits_per_second + (camera.sub.bits_per_second if camera.analysed else 0)
    lot = next((lot for lot in plan.lots if lot.id == camera.lot), None)
    return Explanation(
        camera=camera,
        site=site,
        uplink_bits_per_second=sent,
        uplink_share=sent / site.uplink_bits_per_second,
        kept_bytes=len(names) * kept_bytes(camera),
        recorded_by=tuple(sorted(recorders, key=lambda one: names.index(one.identity))),
        neighbour=_neighbour(plan, camera, site, recorders[0].group) if recorders else None,
        lot_title=lot.title if lot else "",
        lot_kind=lot.kind if lot else "",
        lot_exercised=bool(lot and lot.exercised),
        loss=_loss(recorders),
        scrapes=tuple(_scrapes(plan, {one.host for one in recorders})) if camera.deployed else (),
        alerts=alerts_of_a_camera() if camera.deployed else (),
    )


def _recorded_by(plan: Plan, identity: Identity) -> RecordedBy:
    load = next(load for load in plan.capacity.recorders if load.host == identity.host)
    group = next((group for group in plan.capacity.groups if group.group == identity.group), None)
    host: Host = plan.host(identity.host)
    return RecordedBy(
        identity=identity.id,
        identity_address=identity.address,
        host=host.name,
        host_address=host.address,
        group=identity.group,
        members=len(group.members) if group else 1,
        standby=identity.standby,
        bounds=bounds(load),
        taken_over=bounds(group) if group and identity.standby else (),
    )


def bounds(load: RecorderLoad | GroupLoad) -> tuple[Bound, ...]:
    """Every bound of a recorder, or of the spare of a group that holds its fullest member."""
    return (
        Bound("cameras", load.cameras, load.cameras_limit, "cameras"),
        Bound("written", load.ingest_bits_per_second, load.ingest_limit_bits_per_second, "bit/s"),
        Bound("read", load.read_bits_per_second, load.read_limit_bits_per_second, "bit/s"),
        Bound("floor of retention", load.needed_bytes, load.usable_bytes, "B"),
    )


def _loss(recorders: tuple[RecordedBy, ...]) -> str:
    if len({one.host for one in recorders}) > 1:
        return f"{recorders[1].host} goes on recording it: no gap at all (mirrored)"
    standby = recorders[0].standby if recorders else ()
    if not standby:
        return "it is not recorded until its recorder is back: the group has no spare"
    return f"{' or '.join(standby)} takes over {recorders[0].identity} with all its cameras, within every bound below"


def kilometres(one: SiteLoad, other: SiteLoad) -> float:
    """Great-circle distance of two sites (haversine)."""
    south, north = radians(one.latitude), radians(other.latitude)
    half = sin((north - south) / 2) ** 2
    half += cos(south) * cos(north) * sin(radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(half))


def _neighbour(plan: Plan, camera: Camera, site: SiteLoad, group: str) -> Neighbour | None:
    """Recorders are shared by sites that are near: the nearest of them says how near."""
    members = {identity.id for identity in plan.identities if identity.group == group}
    names = {other.site for other in plan.cameras if other.identity in members} - {camera.site}
    others = [other for other in plan.capacity.sites if other.site in names]
    if not others:
        return None
    nearest = min(others, key=lambda other: (kilometres(site, other), other.site))
    return Neighbour(nearest.site, round(kilometres(site, nearest), 3), len(others))


def _scrapes(plan: Plan, hosts: set[str]) -> Iterator[Scrape]:
    watchers = tuple(host.name for host in plan.deployed_hosts if host.tier == "noc")
    exporters = {metric.exporter for metric in METRICS}
    for target in plan.targets:
        if target.host in hosts and target.job in exporters:
            yield Scrape(target.job, f"{target.host} ({target.address}:{target.port})", watchers)


def alerts_of_a_camera() -> tuple[str, ...]:
    """Alerts that can be raised for a camera by name: those over a metric with the label ``camera``."""
    expressions = {rule.name: rule.expression for rule in RECORDING_RULES}
    by_camera = {metric.name for metric in METRICS if "camera" in metric.labels}

    def metrics(expression: str) -> set[str]:
        found = set(re.findall(r"[a-z_]+:vigie_[a-z0-9_]+:[a-z0-9_]+|vigie_[a-z0-9_]+", expression))
        return {name for one in found for name in (metrics(expressions[one]) if one in expressions else {one})}

    return tuple(alert.name for alert in ALERTS if metrics(alert.expression) & by_camera)
