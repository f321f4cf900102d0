"""``difference(before, after)``: what the way from one plan to the other makes, moves, restarts, interrupts and deletes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from functools import cache
from itertools import chain
from typing import Any, Final

from vigie.plan import footage
from vigie.plan.changes import (
    CameraChange,
    Change,
    Difference,
    FirewallChange,
    HostChange,
    Kind,
    LotChange,
    Move,
    NamedChange,
    Value,
)
from vigie.plan.consequences import (
    Variables,
    breaks,
    broken_identities,
    deployed_variables,
    interruptions,
    reconnect_seconds,
    unit_effects,
)
from vigie.plan.document import sealed
from vigie.plan.model import Camera, Capacity, FirewallRule, Host, LotSummary, Plan
from vigie.plan.notices import notices

# Told in categories of their own.
_HOST_PARTS: Final = frozenset({"name", "volumes", "firewall"})
_CAMERA_PARTS: Final = frozenset(
    {"id", "identity", "identities", "retention_floor_seconds", "retention_ceiling_seconds"}
)
_PLAN_PARTS: Final = frozenset(
    {
        "city",
        "hosts",
        "identities",
        "cameras",
        "lab_devices",
        "flows",
        "targets",
        "forwards",
        "capacity",
        "digest",
        "lots",
    }
)
_CAPACITY_PARTS: Final = frozenset({"recorders", "sites", "groups", "tiers"})


def difference(before: Plan, after: Plan) -> Difference:
    """All that differs from ``before`` (what is deployed) to ``after``. Pure; in seconds also for 100,000 cameras.

    Raises ``ValueError`` if the plans are of two cities.
    """
    if before.city != after.city:
        raise ValueError(f"plans of two cities: {before.city!r} and {after.city!r}")
    if before == after:
        return Difference(before.city, before.digest, after.digest)
    old, new = deployed_variables(before), deployed_variables(after)
    causes = breaks(before, after, old, new)
    moves, interrupted = _moves(before, after, *broken_identities(causes))
    cameras = {camera.id: camera for camera in chain(after.deployed_cameras, before.deployed_cameras)}
    found = interruptions(causes, interrupted, cameras)
    hosts = tuple(_hosts(before, after, old, new))
    return Difference(
        city=before.city,
        before=before.digest,
        after=after.digest,
        lots=tuple(_lots(before.lots, after.lots)),
        hosts=hosts,
        volumes=footage.volumes(before, after),
        cameras=tuple(_cameras(before, after)),
        moves=moves,
        interruptions=found,
        remainders=footage.remainders(before, after),
        retention=footage.retention(before, after),
        identities=_named(before.identities, after.identities, lambda one: one.id, "id", "cameras"),
        firewall=tuple(_firewall(before, after)),
        targets=_named(before.targets, after.targets, lambda one: f"{one.job} on {one.host}", "job", "host"),
        sites=_named(before.capacity.sites, after.capacity.sites, lambda one: one.site, "site"),
        loads=tuple(_loads(before, after)),
        forwards=_named(before.forwards, after.forwards, lambda one: one.name, "name"),
        notices=notices(before, after, hosts, moves, found),
        planned=tuple(_planned(before, after)),
        settings=tuple(_settings(before, after)),
    )


@cache
def _fields(kind: Any, skipped: frozenset[str]) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind) if one.name not in skipped)


def changes(before: Any, after: Any, skipped: frozenset[str] = frozenset()) -> Iterator[Change]:
    """The fields of two dataclasses of one kind that differ, those of nested ones with their path."""
    for name in _fields(type(before), skipped):  # type: ignore[arg-type]  # a class is hashable
        old, new = getattr(before, name), getattr(after, name)
        if old is new or old == new:
            continue
        if is_dataclass(old) and is_dataclass(new):
            for inner in changes(old, new):
                yield Change(f"{name}.{inner.field}", inner.before, inner.after)
        else:
            yield Change(name, _plain(old), _plain(new))


def _plain(value: Any) -> Value:
    if isinstance(value, tuple):
        return tuple(one if isinstance(one, str) else str(asdict(one)) for one in value)
    plain: Value = str(asdict(value)) if is_dataclass(value) and not isinstance(value, type) else value
    return plain


def _named(
    before: Iterable[Any], after: Iterable[Any], name: Callable[[Any], str], *skipped: str
) -> tuple[NamedChange, ...]:
    """What comes, goes and changes among things that have a name, sorted by it."""
    old, new = {name(one): one for one in before}, {name(one): one for one in after}
    left_out = frozenset(skipped)
    found = []
    for key in sorted(old.keys() | new.keys()):
        if key not in old or key not in new:
            found.append(NamedChange(key, "added" if key in new else "removed"))
        elif told := tuple(changes(old[key], new[key], left_out)):
            found.append(NamedChange(key, "changed", told))
    return tuple(found)


def _lots(before: Iterable[LotSummary], after: Iterable[LotSummary]) -> Iterator[LotChange]:
    old, new = {lot.id: lot for lot in before}, {lot.id: lot for lot in after}
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        if was is None and now is not None:
            yield LotChange(name, "added", None, now.price)
        elif now is None and was is not None:
            yield LotChange(name, "removed", was.price, None)
        elif was is not None and now is not None and was != now:
            told = tuple(changes(was, now, frozenset({"id"})))
            step = "changed" if was.deployed == now.deployed else ("exercised" if now.deployed else "withdrawn")
            yield LotChange(name, step, was.price, now.price, told)  # type: ignore[arg-type]  # one of the literals


def _hosts(
    before: Plan, after: Plan, old: Mapping[str, Variables], new: Mapping[str, Variables]
) -> Iterator[HostChange]:
    for host in before.deployed_hosts:
        if host.name not in new:
            yield HostChange(host.name, host.tier, host.lot, "removed", units=unit_effects(old[host.name], None))
    for host in after.deployed_hosts:
        if host.name not in old:
            yield HostChange(host.name, host.tier, host.lot, "added", units=unit_effects(None, new[host.name]))
            continue
        was, now = old[host.name], new[host.name]
        told = tuple(changes(before.host(host.name), host, _HOST_PARTS))
        names = tuple(sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name)))
        if told or names:
            yield HostChange(host.name, host.tier, host.lot, "changed", told, names, unit_effects(was, now))


def placements(plan: Plan) -> dict[str, tuple[tuple[str, str], ...]]:
    """Of each deployed camera, by id: the identities that record it, each with its host."""
    hosts = {identity.id: identity.host for identity in plan.identities}
    known: dict[tuple[str, ...], tuple[tuple[str, str], ...]] = {}
    found = {}
    for camera in plan.deployed_cameras:
        names = camera.identities or (camera.identity,)
        if names not in known:
            known[names] = tuple((name, hosts[name]) for name in names)
        found[camera.id] = known[names]
    return found


def _moves(
    before: Plan, after: Plan, broken: Mapping[str, set[str]], everywhere: set[str]
) -> tuple[tuple[Move, ...], set[str]]:
    """The cameras that change recorders, and all that no recorder goes on recording without a break."""
    were, are = placements(before), placements(after)
    cameras = after.cameras_by_id
    moves = []
    interrupted = set()
    for name in sorted(were.keys() & are.keys()):
        was, now = were[name], are[name]
        if was == now and name not in broken and name not in everywhere:
            continue
        goes_on = [one for one in was if one in now and one[0] not in broken.get(name, ())]
        stops = name in everywhere or not goes_on
        if stops:
            interrupted.add(name)
        if set(was) != set(now):
            moves.append(
                Move(
                    camera=name,
                    site=cameras[name].site,
                    before=tuple(identity for identity, _ in was),
                    after=tuple(identity for identity, _ in now),
                    hosts_before=tuple(host for _, host in was),
                    hosts_after=tuple(host for _, host in now),
                    interrupted=stops,
                    seconds=reconnect_seconds(cameras[name]) if stops else 0.0,
                )
            )
    return tuple(moves), interrupted


def _cameras(before: Plan, after: Plan) -> Iterator[CameraChange]:
    old = {camera.id: camera for camera in before.deployed_cameras}
    new = {camera.id: camera for camera in after.deployed_cameras}
    were, are = placements(before), placements(after)

    def change(camera: Camera, kind: Kind, told: tuple[Change, ...] = ()) -> CameraChange:
        recorders = tuple(host for _, host in (were if kind == "removed" else are)[camera.id])
        return CameraChange(camera.id, camera.site, kind, recorders, told)

    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield change(old[name], "removed")
        elif name not in old:
            yield change(new[name], "added")
        elif old[name] != new[name] and (told := tuple(changes(old[name], new[name], _CAMERA_PARTS))):
            yield change(new[name], "changed", told)


def _rules(host: Host) -> dict[tuple[str, str, int, str], FirewallRule]:
    return {(rule.chain, rule.protocol, rule.port, rule.purpose): rule for rule in host.firewall}


def _firewall(before: Plan, after: Plan) -> Iterator[FirewallChange]:
    """For hosts that stay: what a host that comes or goes brings is seen at the other end."""
    old = {host.name: host for host in before.deployed_hosts}
    for host in after.deployed_hosts:
        if host.name not in old or old[host.name].firewall == host.firewall:
            continue
        were, are = _rules(old[host.name]), _rules(host)
        for key in sorted(were.keys() | are.keys()):
            was = were[key].peers if key in were else ()
            now = are[key].peers if key in are else ()
            if was != now:
                known, allowed = set(was), set(now)
                opened = tuple(peer for peer in now if peer not in known)
                closed = tuple(peer for peer in was if peer not in allowed)
                chain_, protocol, port, purpose = key
                yield FirewallChange(host.name, chain_, protocol, port, purpose, opened, closed)


def _loads(before: Plan, after: Plan) -> Iterator[NamedChange]:
    """Recorders, groups (the proof of N+1) and tiers as they are loaded, those of lots to come included."""
    old, new = before.capacity, after.capacity
    yield from _named(old.groups, new.groups, lambda one: one.group, "group")
    yield from _named(old.recorders, new.recorders, lambda one: one.host, "host")
    yield from _named(old.tiers, new.tiers, lambda one: one.tier, "tier")


def _planned(before: Plan, after: Plan) -> Iterator[NamedChange]:
    """Hosts and cameras that are not deployed in either plan."""

    def of(one: Plan, other: Plan) -> tuple[list[Host], list[Camera]]:
        hosts, cameras = _deployed_names(other)
        return (
            [host for host in one.hosts if not host.deployed and host.name not in hosts],
            [camera for camera in one.cameras if not camera.deployed and camera.id not in cameras],
        )

    old, new = of(before, after), of(after, before)
    yield from _named(old[0], new[0], lambda one: one.name, "name")
    yield from _named(old[1], new[1], lambda one: one.id, "id")


def _deployed_names(plan: Plan) -> tuple[set[str], set[str]]:
    return {host.name for host in plan.deployed_hosts}, {camera.id for camera in plan.deployed_cameras}


def _settings(before: Plan, after: Plan) -> Iterator[Change]:
    """What is written once for the whole city."""
    yield from changes(before, after, _PLAN_PARTS)
    for change in changes(before.capacity, after.capacity, _CAPACITY_PARTS):
        yield Change(f"capacity.{change.field}", change.before, change.after)


def nothing_yet(plan: Plan) -> Plan:
    """The plan of the same city before its first deployment: what ``plan`` is compared with where nothing is deployed."""
    capacity = Capacity(recorders=(), sites=(), raw_bytes=0, usable_bytes=0, needed_bytes=0)
    return sealed(
        replace(
            plan,
            time_sources=(),
            hosts=(),
            identities=(),
            cameras=(),
            lab_devices=(),
            flows=(),
            targets=(),
            forwards=(),
            capacity=capacity,
            lots=(),
        )
    )
