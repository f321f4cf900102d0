"""Which alerts a change raises by itself, so that nobody is called out for what was planned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from vigie.city.quantity import DURATION_UNITS, parse
from vigie.metrics.rules import CAMERA_ALERTS, RECORDER_ALERT, RECORDING_ALERT, WATCH_ALERTS
from vigie.metrics.thresholds import NOT_WRITTEN_AFTER
from vigie.plan.changes import HostChange, Interruption, Move, Notice
from vigie.plan.model import Plan

TARGET_ALERT: Final = WATCH_ALERTS[0]
NOT_RECORDED_ALERT: Final = CAMERA_ALERTS[3]


def notices(
    before: Plan, after: Plan, hosts: Iterable[HostChange], moves: Iterable[Move], broken: Iterable[Interruption]
) -> tuple[Notice, ...]:
    """The alerts to expect while the change is made, by alert."""
    return (*_watching(before, after, hosts), *_recording(moves, broken))


def _watching(before: Plan, after: Plan, hosts: Iterable[HostChange]) -> Iterator[Notice]:
    """Hosts go first and the watchers learn of it last: until then a watcher asks what is not there."""
    hosts = list(hosts)
    watched = {target.host for target in before.targets}
    gone = tuple(one.host for one in hosts if one.kind == "removed" and one.host in watched)
    if gone:
        yield Notice(TARGET_ALERT.name, "the host goes before its watchers are told", gone)
    before_, after_ = before.monitoring, after.monitoring
    if before_.scrape_interval_seconds != after_.scrape_interval_seconds:
        watchers = tuple(host.name for host in after.deployed_hosts if host.tier == "noc")
        text = f"scraped every {after_.scrape_interval_seconds} s instead of {before_.scrape_interval_seconds} s"
        yield Notice("every alert", f"{text}: it is raised that much earlier or later", watchers)
    stopped = tuple(
        effect.unit.removeprefix("recorder@").removesuffix(".service")
        for one in hosts
        for effect in one.units
        if one.kind == "changed" and effect.unit.startswith("recorder@") and effect.verb in {"stops", "restarts"}
    )
    if stopped:
        yield Notice(RECORDER_ALERT.name, "the recorder stops or restarts", stopped)


def _recording(moves: Iterable[Move], broken: Iterable[Interruption]) -> Iterator[Notice]:
    """Footage that is missing for longer than the exporter and the alert wait."""
    cameras = {move.camera: move.seconds for move in moves if move.interrupted}
    unknown = {move.camera for move in moves if move.interrupted}  # the run may take longer from host to host
    for one in broken:
        for camera in one.cameras:
            cameras[camera] = max(cameras.get(camera, 0.0), one.seconds or 0.0)
            if one.seconds is None:
                unknown.add(camera)
    for alert in (NOT_RECORDED_ALERT, RECORDING_ALERT):
        patience = NOT_WRITTEN_AFTER.value + parse(f"{alert.hold[:-1]} {alert.hold[-1]}", DURATION_UNITS, "30 s")
        late = tuple(sorted(name for name, seconds in cameras.items() if name in unknown or seconds > patience))
        if late:
            yield Notice(alert.name, f"no footage for more than {patience:g} s, if the run is slow", late)
