"""What a change of plan does to footage that is there already: what stays behind, what is erased, what is out of reach."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from vigie.plan.capacity import SECONDS_PER_DAY
from vigie.plan.changes import Fate, Remainder, RetentionChange, VolumeChange, VolumeKind
from vigie.plan.constants import RECORDINGS
from vigie.plan.model import Camera, Host, Plan, Volume

# These delete a disk with the machine, so its volume is protected there; the others leave it where it is.
_PROTECTING: Final = frozenset({"proxmox", "openstack"})


def kept_bytes(camera: Camera, seconds: int | None = None) -> int:
    """The most that one recorder keeps of ``camera`` over ``seconds``, by default until its ceiling."""
    kept = camera.retention_ceiling_seconds if seconds is None else seconds
    return -(-camera.bytes_per_day * kept // SECONDS_PER_DAY)


def recorded_on(plan: Plan) -> dict[str, dict[str, Camera]]:
    """The deployed cameras of each recorder host, by id."""
    hosts = {identity.id: identity.host for identity in plan.identities}
    found: dict[str, dict[str, Camera]] = defaultdict(dict)
    for camera in plan.deployed_cameras:
        for identity in camera.identities or (camera.identity,):
            found[hosts[identity]][camera.id] = camera
    return found


def remainders(before: Plan, after: Plan) -> tuple[Remainder, ...]:
    """Footage of cameras that leave a recorder which stays. It is kept to the lower of the two ceilings."""
    old, new = recorded_on(before), recorded_on(after)
    staying = {host.name for host in after.deployed_hosts}
    usable = {load.host: load.usable_bytes for load in after.capacity.recorders}
    by_id = after.cameras_by_id
    found = []
    for host in sorted(old.keys() & staying):
        left = [old[host][name] for name in sorted(old[host].keys() - new.get(host, {}).keys())]
        if not left:
            continue
        ceilings = {
            camera.id: min(camera.retention_ceiling_seconds, _ceiling(by_id.get(camera.id), camera)) for camera in left
        }
        size = sum(kept_bytes(camera, ceilings[camera.id]) for camera in left)
        own = sum(kept_bytes(camera, camera.retention_floor_seconds) for camera in new.get(host, {}).values())
        names = tuple(camera.id for camera in left)
        found.append(Remainder(host, names, size, max(ceilings.values()), size + own <= usable.get(host, 0)))
    return tuple(found)


def _ceiling(now: Camera | None, before: Camera) -> int:
    return (now or before).retention_ceiling_seconds


def retention(before: Plan, after: Plan) -> tuple[RetentionChange, ...]:
    """Deployed cameras whose floor or ceiling changes, those of one change together."""
    old = {camera.id: camera for camera in before.deployed_cameras}
    counts: dict[tuple[int, int, int, int], list[int]] = defaultdict(lambda: [0, 0])
    for camera in after.deployed_cameras:
        was = old.get(camera.id)
        if was is None:
            continue
        bounds = (
            was.retention_floor_seconds,
            camera.retention_floor_seconds,
            was.retention_ceiling_seconds,
            camera.retention_ceiling_seconds,
        )
        if bounds[0] == bounds[1] and bounds[2] == bounds[3]:
            continue
        copies = len(was.identities) or 1
        counts[bounds][0] += 1
        counts[bounds][1] += copies * kept_bytes(was, max(0, bounds[2] - bounds[3]))
    return tuple(
        RetentionChange(cameras, *bounds, erased_seconds=max(0, bounds[2] - bounds[3]), erased_bytes=size)
        for bounds, (cameras, size) in sorted(counts.items())
    )


def volumes(before: Plan, after: Plan) -> tuple[VolumeChange, ...]:
    """The volumes of deployed hosts that come, go, move or change their size."""
    old = {(host.name, volume.name): (host, volume) for host in before.deployed_hosts for volume in host.volumes}
    new = {(host.name, volume.name): (host, volume) for host in after.deployed_hosts for volume in host.volumes}
    recorded = recorded_on(before)
    found: list[VolumeChange] = []
    for host, name in sorted(old.keys() | new.keys()):
        was, now = old.get((host, name)), new.get((host, name))
        if was is None and now is not None:
            found.append(VolumeChange(host, name, "added", 0, now[1].size_bytes))
        elif was is not None:
            at_stake = _footage(was[0], was[1], recorded)
            kept = now[1] if now else None
            moved = now is not None and another_machine(was[0], now[0])
            found += _volume(after.target, was[0], was[1], kept, at_stake, moved)
    return tuple(found)


def _footage(host: Host, volume: Volume, recorded: dict[str, dict[str, Camera]]) -> int:
    """The most footage that lies on ``volume``."""
    if volume.mount != str(RECORDINGS):
        return 0
    return min(volume.size_bytes, sum(kept_bytes(camera) for camera in recorded.get(host.name, {}).values()))


def another_machine(was: Host, now: Host) -> bool:
    """Whether the host is to be another racked machine, as far as its address tells: its disks are others, too."""
    return was.machine is not None and now.machine is not None and was.machine.address != now.machine.address


def _volume(
    target: str, host: Host, was: Volume, now: Volume | None, at_stake: int, moved: bool
) -> Iterator[VolumeChange]:
    def change(kind: VolumeKind, footage_bytes: int = 0, fate: Fate | None = None) -> VolumeChange:
        size = now.size_bytes if now else 0
        return VolumeChange(host.name, was.name, kind, was.size_bytes, size, footage_bytes, fate)

    if now is None:
        yield change("vanishes", at_stake, "protected" if target in _PROTECTING else "out of reach")
        return
    if moved or now.mount != was.mount:
        yield change("moves", at_stake, "out of reach")
    if now.size_bytes > was.size_bytes:
        yield change("grows")
    elif now.size_bytes < was.size_bytes:
        yield change("shrinks", at_stake, "refused")
