"""Why a camera is recorded where it is: every figure against the plan, counted another way."""

from __future__ import annotations

from math import cos, hypot, radians

import pytest

from tests.unit.cities import DEMO, committed
from vigie.city import load_city
from vigie.metrics import ALERTS
from vigie.plan import plan
from vigie.plan.explanation import UnknownCamera, alerts_of_a_camera, explain

FES = committed("fes")[1]
DEMO_PLAN = plan(load_city(DEMO))


def test_the_recorder_its_bounds_and_its_spare() -> None:
    found = explain(DEMO_PLAN, "cam-station-hall")
    (recorder,) = found.recorded_by
    assert (recorder.identity, recorder.host, recorder.group) == ("rec-2", "recorder-2", "group-1")
    assert (recorder.members, recorder.standby) == (2, ("recorder-spare-1",))
    cameras, written, _, kept = recorder.bounds
    mine = [camera for camera in DEMO_PLAN.cameras if camera.identity == "rec-2"]
    assert (cameras.load, cameras.limit) == (len(mine), 100)
    assert written.load == sum(camera.main.bits_per_second for camera in mine)
    assert kept.load <= kept.limit
    fullest = max(load.cameras for load in DEMO_PLAN.capacity.recorders)
    assert recorder.taken_over[0].load == fullest
    assert found.loss.startswith("recorder-spare-1 takes over rec-2")


def test_the_share_of_the_uplink() -> None:
    found = explain(DEMO_PLAN, "cam-station-hall")
    assert found.uplink_bits_per_second == found.camera.main.bits_per_second == 1_500_000
    assert found.uplink_share == pytest.approx(1.5 / 50)


def test_a_mirrored_camera_names_both_recorders_and_loses_nothing() -> None:
    camera = next(camera for camera in FES.cameras if len(camera.identities) == 2 and camera.deployed)
    found = explain(FES, camera.id)
    assert tuple(one.identity for one in found.recorded_by) == camera.identities
    assert "no gap" in found.loss
    sub = camera.sub.bits_per_second if camera.analysed else 0
    assert found.uplink_bits_per_second == 2 * camera.main.bits_per_second + sub
    assert found.kept_bytes == 2 * -(-camera.bytes_per_day * camera.retention_ceiling_seconds // 86_400)


def test_the_neighbour_is_the_nearest_site_of_the_group() -> None:
    found = explain(FES, "cam-sefrou-6")
    assert found.neighbour is not None
    group = {identity.id for identity in FES.identities if identity.group == found.recorded_by[0].group}
    sites = {camera.site for camera in FES.cameras if camera.identity in group} - {"sefrou"}
    at = {site.site: site for site in FES.capacity.sites}
    here = at["sefrou"]

    def flat(name: str) -> float:
        east = (at[name].longitude - here.longitude) * cos(radians(here.latitude))
        return hypot(at[name].latitude - here.latitude, east) * 111.2

    nearest = min(sites, key=flat)
    assert (found.neighbour.site, found.neighbour.sites) == (nearest, len(sites))
    assert found.neighbour.kilometres == pytest.approx(flat(nearest), rel=0.01)


def test_who_scrapes_it_and_which_alerts_it_can_raise() -> None:
    found = explain(DEMO_PLAN, "cam-station-hall")
    assert {(one.job, one.watchers) for one in found.scrapes} == {
        (job, ("noc-1",)) for job in ("camera", "recording", "retention", "storage")
    }
    assert all("recorder-2 (10.77.0.66:" in one.target for one in found.scrapes)
    assert {"VigieCameraNotRecorded", "VigieRecordingStopped", "VigieSiteUnreachable"} <= set(found.alerts)
    assert {"VigieRecorderDown", "VigieStorageFull", "VigieTargetDown"} & set(found.alerts) == set()
    assert set(alerts_of_a_camera()) < {alert.name for alert in ALERTS}


def test_a_camera_of_a_lot_to_come_is_not_watched() -> None:
    found = explain(FES, "cam-sefrou-6")
    assert (found.camera.deployed, found.lot_kind, found.lot_exercised) == (False, "conditional", False)
    assert (found.scrapes, found.alerts) == ((), ())


def test_an_unknown_camera_is_told_near_names() -> None:
    with pytest.raises(UnknownCamera) as refused:
        explain(DEMO_PLAN, "cam-station-hal")
    assert refused.value.near[0] == "cam-station-hall"
