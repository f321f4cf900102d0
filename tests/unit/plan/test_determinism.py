"""Equal cities give equal bytes: a digest that wavers would redeploy a city for nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.cities import DEMO, REPOSITORY, copy_of_demo, roomy_cities
from vigie.city import City, load_city
from vigie.city.load import CAMERAS_FILE, ENCODERS_FILE
from vigie.plan import PlanRefused, dump_plan, load_plan, plan
from vigie.plan.document import FORMAT

PRINT_PLAN = """
import sys
from pathlib import Path
from vigie.city import load_city
from vigie.plan import dump_plan, plan
sys.stdout.write(dump_plan(plan(load_city(Path(sys.argv[1])))))
"""


def test_a_plan_is_the_same_in_every_process() -> None:
    """Sets and dictionaries iterate by hash seed and locale: neither may reach the plan."""
    outputs = set()
    for seed, locale in (("0", "C"), ("1", "C.UTF-8"), ("4711", "C")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale, "PYTHONIOENCODING": "utf-8"}
        command = [sys.executable, "-c", PRINT_PLAN, str(DEMO)]
        done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, check=True)
        outputs.add(done.stdout)
    assert outputs == {dump_plan(plan(load_city(DEMO))).encode()}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(tmp_path: Path, random: object) -> None:
    """People sort their spreadsheets: that must not move a camera from one recorder to another."""
    folder = copy_of_demo(tmp_path)
    for name in (ENCODERS_FILE, CAMERAS_FILE):
        head, *rows = (DEMO / name).read_text("utf-8").splitlines()
        random.shuffle(rows)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
        (folder / name).write_text("\n".join([head, *rows]) + "\n", "utf-8")
    assert plan(load_city(folder)) == plan(load_city(DEMO))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(roomy_cities())
def test_a_plan_survives_being_written_and_read(tmp_path: Path, city: City) -> None:
    """``plan.json`` is what every other room reads: nothing may be lost or rounded on the way."""
    try:
        made = plan(city)
    except PlanRefused:
        return
    path = tmp_path / "plan.json"
    path.write_text(dump_plan(made), "utf-8")
    assert load_plan(path) == made
    assert dump_plan(load_plan(path)) == dump_plan(made)
    assert plan(city) == made


def test_a_changed_value_changes_the_digest(tmp_path: Path) -> None:
    """A digest that ignored a field would let a change go undeployed."""
    folder = copy_of_demo(tmp_path)
    path = folder / "city.yaml"
    digests = {plan(load_city(folder)).digest}
    text = path.read_text("utf-8")
    edits = [("name: Vigie demo city", "name: Other"), ("segment: 60 s", "segment: 61 s"), ("floor: 4 h", "floor: 3 h")]
    edits += [("scrape_interval: 5 s", "scrape_interval: 6 s")]
    edits += [("uplink: 50 Mbit/s", "uplink: 51 Mbit/s"), ("witness: {count: 1, layer: bare}", "witness: {count: 1}")]
    for right, wrong in edits:
        assert text.count(right) == 1
        path.write_text(text.replace(right, wrong), "utf-8")
        digests.add(plan(load_city(folder)).digest)
    assert len(digests) == len(edits) + 1


def test_an_edited_plan_is_not_believed(tmp_path: Path) -> None:
    """A plan changed by hand would configure what no city says."""
    path = tmp_path / "plan.json"
    text = dump_plan(plan(load_city(DEMO)))
    for right, wrong in (
        ('"port": 9100', '"port": 9101'),
        (f'"format": {FORMAT}', f'"format": {FORMAT + 1}'),
        (f'"format": {FORMAT}', f'"format": {FORMAT - 1}'),
        ('"tier": "noc"', '"tier": "x"'),
    ):
        assert right in text
        path.write_text(text.replace(right, wrong, 1), "utf-8")
        with pytest.raises(ValueError, match="plan"):
            load_plan(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode) | st.just(b"[" * 100_000))
def test_what_is_no_plan_is_a_value_error(tmp_path: Path, raw: bytes) -> None:
    """A truncated file after a full disk must be an answer, not a traceback."""
    path = tmp_path / "plan.json"
    path.write_bytes(raw)
    with pytest.raises(ValueError):
        load_plan(path)


def test_a_truncated_plan_is_a_value_error(tmp_path: Path) -> None:
    """Every prefix of a real plan, as a power cut would leave it."""
    path = tmp_path / "plan.json"
    raw = dump_plan(plan(load_city(DEMO))).encode()
    for length in range(0, len(raw) - 2, 997):
        path.write_bytes(raw[:length])
        with pytest.raises(ValueError):
            load_plan(path)
