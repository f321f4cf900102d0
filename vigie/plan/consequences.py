"""What a change does to what runs on hosts: units that start, stop, restart or reload, cameras that are interrupted.

Judged by what hosts are really given: the variables of the plan, and the recorder files rendered from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from vigie.plan.changes import Interruption, UnitEffect
from vigie.plan.footage import another_machine
from vigie.plan.model import Camera, Host, Plan, Stream
from vigie.plan.variables import host_variables
from vigie.recording.mediamtx import hash_password, render_configuration
from vigie.recording.mediamtx.identity import identity_settings
from vigie.recording.mediamtx.reload import RECONNECT_SECONDS, Reload, reload

Variables = Mapping[str, Any]
LAB_DEVICES: Final = "vigie-lab-encoder.service"

# Passwords are no part of a plan: any will do, as long as both files have the same.
_LOGIN: Final = {"username": "viewer", "password": "viewer"}
_HASH: Final = hash_password("viewer")
_ENCODING: Final = tuple(field.name for field in fields(Stream) if field.name != "path")
# Of a host: a change of these makes it leave the network or be made anew.
REBUILDING: Final = ("address", "prefix_length", "layer", "volumes")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit of a service, and which values of the host's variables its files hold; ``None``: of no such file.

    A test compares these with the files that the roles lay.
    """

    name: str
    restart_on: Callable[[Variables], Any] | None = None
    reload_on: Callable[[Variables], Any] | None = None


def _values(*names: str) -> Callable[[Variables], list[Any]]:
    return lambda variables: [variables.get(name) for name in names]


def _prometheus(variables: Variables) -> list[Any]:
    """Targets are read again without a reload; only their jobs stand in the file."""
    jobs = sorted({target["job"] for target in variables.get("vigie_targets", ())})
    return [
        jobs,
        *_values("vigie_city", "vigie_name", "vigie_scrape_interval_seconds", "vigie_alertmanagers")(variables),
    ]


UNITS: Final[Mapping[str, tuple[_Unit, ...]]] = {
    "base": (
        _Unit("nftables.service", reload_on=_values("vigie_firewall")),
        _Unit(
            "chrony.service",
            restart_on=_values("vigie_time_sources", "vigie_time_source", "vigie_time_command_port", "vigie_target"),
        ),
        _Unit("prometheus-node-exporter.service", restart_on=_values("vigie_address")),
    ),
    "prometheus": (_Unit("prometheus.service", restart_on=_values("vigie_address"), reload_on=_prometheus),),
    "alertmanager": (_Unit("prometheus-alertmanager.service", restart_on=_values("vigie_address")),),
    "lab_encoder": (_Unit(LAB_DEVICES, restart_on=_values("vigie_lab_devices")),),
}


def _units(variables: Variables) -> dict[str, _Unit]:
    """The units that run on a host, by name; recorder identities that stand by do not."""
    found = [unit for service in variables["vigie_services"] for unit in UNITS.get(service, ())]
    exporters: Mapping[str, Any] = variables.get("vigie_exporters", {})
    found += [_Unit(f"vigie-exporter-{name}.service", restart_on=_exporter(name)) for name in exporters]
    archive: Mapping[str, Any] = variables.get("vigie_archive", {})
    found += [_Unit(f"vigie-{name}.service", restart_on=_archive(name)) for name in archive]
    found += [
        _Unit(f"recorder@{one['id']}.service", _mounts, _recorder(one["id"]))
        for one in variables.get("vigie_identities", ())
        if one["active"]
    ]
    return {unit.name: unit for unit in found}


def _mounts(variables: Variables) -> list[str]:
    return [volume["mount"] for volume in variables["vigie_volumes"]]


def _exporter(name: str) -> Callable[[Variables], list[Any]]:
    return lambda variables: [variables["vigie_exporters"][name], variables["vigie_address"], variables["vigie_ports"]]


def _archive(name: str) -> Callable[[Variables], Any]:
    return lambda variables: variables["vigie_archive"][name]


def _recorder(identity: str) -> Callable[[Variables], Any]:
    return lambda variables: next(one for one in variables["vigie_identities"] if one["id"] == identity)


def unit_effects(before: Variables | None, after: Variables | None) -> tuple[UnitEffect, ...]:
    """What happens to each unit of a host whose variables change; ``None`` for a host that is not there."""
    old = _units(before) if before else {}
    new = _units(after) if after else {}
    effects = [UnitEffect(name, "stops") for name in old.keys() - new.keys()]
    effects += [UnitEffect(name, "starts") for name in new.keys() - old.keys()]
    for name in old.keys() & new.keys():
        assert before is not None
        assert after is not None
        unit = new[name]
        if unit.restart_on and unit.restart_on(before) != unit.restart_on(after):
            effects.append(UnitEffect(name, "restarts"))
        elif unit.reload_on and unit.reload_on(before) != unit.reload_on(after):
            effects.append(UnitEffect(name, "reloads"))
    return tuple(sorted(effects, key=lambda effect: effect.unit))


def deployed_variables(plan: Plan) -> dict[str, dict[str, Any]]:
    """The variables of each deployed host."""
    return {host.name: host_variables(plan, host.name) for host in plan.deployed_hosts}


def reloads(before: Variables, after: Variables) -> dict[str, Reload]:
    """By identity: what its recorder does with its new file, for those that run on the host before and after and are
    told otherwise."""
    old, new = _running(before), _running(after)
    told = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    return {name: reload(_file(old[name]), _file(new[name])) for name in told}


def _running(variables: Variables) -> dict[str, Any]:
    return {one["id"]: one for one in variables.get("vigie_identities", ()) if one["active"]}


def _file(identity: Mapping[str, Any]) -> dict[str, Any]:
    return render_configuration(identity_settings(identity, _LOGIN, _HASH, _HASH))


def reconnect_seconds(camera: Camera) -> float:
    """The most that a camera misses when its recorder connects anew: a try, a pause, and the wait for a keyframe."""
    return RECONNECT_SECONDS + camera.main.keyframe_interval_seconds


@dataclass(frozen=True, slots=True)
class Break:
    """Cameras that one cause interrupts on one recorder identity, or, without ``identity``, on whichever records them."""

    where: str
    identity: str | None
    cause: str
    cameras: frozenset[str]
    rebuilt: bool = False


def breaks(before: Plan, after: Plan, old: Mapping[str, Variables], new: Mapping[str, Variables]) -> list[Break]:
    """Every cause that interrupts cameras on hosts that stay; ``old`` and ``new`` are ``deployed_variables``."""
    found: list[Break] = []
    for host in sorted(old.keys() & new.keys()):
        if old[host] != new[host] or _rebuilding(before, after, host):
            found += _breaks_of(host, _rebuilding(before, after, host), old[host], new[host])
    found += _set_anew(before, after)
    devices = {device.id: device for device in after.lab_devices}
    for device in before.lab_devices:
        again = devices.get(device.id)
        if again and device.host != again.host:
            cameras = frozenset(stream.camera for stream in device.streams)
            found.append(Break(again.host, None, "another host plays the device", cameras))
    return found


def _set_anew(before: Plan, after: Plan) -> Iterator[Break]:
    """Cameras whose devices have to encode otherwise: many devices drop the stream for that."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    hosts = {identity.id: identity.host for identity in after.identities}
    old = before.cameras_by_id
    for camera in after.deployed_cameras:
        was = old.get(camera.id)
        if was is None or not was.deployed or was.main == camera.main:
            continue
        changed = [name for name in _ENCODING if getattr(was.main, name) != getattr(camera.main, name)]
        if changed:
            found[hosts[camera.identity], ", ".join(changed)].add(camera.id)
    for (host, names), cameras in sorted(found.items()):
        yield Break(host, None, f"the device is set anew: {names}", frozenset(cameras))


def _made_of(host: Host) -> dict[str, Any]:
    """What the target makes a host of; how much of a volume the keeper leaves free is no part of it."""
    found: dict[str, Any] = {name: getattr(host, name) for name in REBUILDING}
    return found | {"volumes": [(volume.name, volume.size_bytes, volume.mount) for volume in host.volumes]}


def _rebuilding(before: Plan, after: Plan, host: str) -> list[str]:
    """What makes the target build the host anew, or take it down for a while."""
    was, now = before.host(host), after.host(host)
    old, new = _made_of(was), _made_of(now)
    found = [name for name, value in old.items() if new[name] != value]
    if another_machine(was, now):
        found.append("machine")
    return found if before.target == after.target else ["target", *found]


def _breaks_of(host: str, rebuilt: list[str], old: Variables, new: Variables) -> Iterator[Break]:
    cause = f"the host leaves the network or is made anew ({', '.join(rebuilt)})"
    were, are = _running(old), _running(new)
    if rebuilt:
        for identity in sorted(were.keys() & are.keys()):
            yield Break(host, identity, cause, _cameras(were[identity]) & _cameras(are[identity]), rebuilt=True)
    for identity, effect in reloads(old, new).items() if not rebuilt else ():
        if effect.every:
            staying = _cameras(were[identity]) & _cameras(are[identity])
            yield Break(host, identity, f"every camera restarts: {', '.join(effect.settings)}", staying)
        elif effect.restarted:
            yield Break(host, identity, "its source changes", frozenset(effect.restarted))
    played = _played(old) & _played(new)
    if played and (rebuilt or UnitEffect(LAB_DEVICES, "restarts") in unit_effects(old, new)):
        yield Break(host, None, cause if rebuilt else "the simulated devices restart", played, bool(rebuilt))


def _cameras(identity: Variables) -> frozenset[str]:
    return frozenset(camera["id"] for camera in identity["cameras"])


def _played(variables: Variables) -> frozenset[str]:
    devices = variables.get("vigie_lab_devices", ())
    return frozenset(stream["camera"] for device in devices for stream in device["streams"])


def broken_identities(found: list[Break]) -> tuple[dict[str, set[str]], set[str]]:
    """By camera, the identities on which it is interrupted, and the cameras that are interrupted on all of them."""
    by_camera: dict[str, set[str]] = defaultdict(set)
    everywhere: set[str] = set()
    for one in found:
        for camera in one.cameras:
            if one.identity is None:
                everywhere.add(camera)
            else:
                by_camera[camera].add(one.identity)
    return by_camera, everywhere


def interruptions(found: list[Break], interrupted: set[str], cameras: Mapping[str, Camera]) -> tuple[Interruption, ...]:
    """``found`` by cause, less the cameras that another recorder goes on with; ``cameras`` are those of either plan."""
    told = []
    for one in found:
        names = tuple(sorted(one.cameras & interrupted))
        if names:
            seconds = None if one.rebuilt else max(reconnect_seconds(cameras[name]) for name in names)
            told.append(Interruption(one.where, one.cause, names, seconds))
    return tuple(told)
