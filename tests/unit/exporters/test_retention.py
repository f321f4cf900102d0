"""The retention exporter against the real APIs of ledger and keeper, over mutual TLS."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from exporters.retention import accounts as accounts_module
from exporters.retention.books import read_ledger_health
from exporters.retention.configuration import PromisedCamera
from tests.unit.exporters.archive import CEILING, DAY, FLOOR, Books
from tests.unit.exporters.serving import exposed, run, values
from tests.unit.recording.keeper.serving import footage
from vigie.recording.compliance import Told
from vigie.recording.keeper.locks import LockRequest
from vigie.recording.ledger.configuration import LedgerConfiguration
from vigie.recording.ledger.interval import Interval
from vigie.recording.ledger.service import LedgerService


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books.open(tmp_path)


def of(text: str, name: str, label: str = "camera") -> dict[str, float]:
    return values(text, f"vigie_{name}", label)


def test_a_sound_archive(books: Books) -> None:
    books.record(4.5 * DAY, 0)
    books.pass_all()
    text = books.page()
    assert of(text, "retention_coverage_ratio", "window") == {"retention": 1, "hour": 1}
    assert of(text, "retention_gaps") == {"cam-1": 0}
    assert of(text, "retention_kept_seconds")["cam-1"] == pytest.approx(4.5 * DAY, abs=5)
    assert of(text, "retention_goal_seconds") == {"cam-1": pytest.approx(FLOOR)}
    assert of(text, "retention_floor_compliant") == {"cam-1": 1}
    assert of(text, "retention_ceiling_compliant") == {"cam-1": 1}
    assert "vigie_keeper_up 1.0" in text
    assert "vigie_ledger_up 1.0" in text
    assert not any(of(text, "exporter_errors_total", "stage").values())


def test_a_gap_is_no_early_erasure_and_an_early_erasure_is(books: Books) -> None:
    books.record(4.5 * DAY, 2 * DAY)
    books.record(1 * DAY, 0)
    books.pass_all()
    text = books.page()
    assert of(text, "retention_coverage_ratio", "window")["retention"] == pytest.approx(0.75, abs=1e-3)
    assert of(text, "retention_gap_seconds")["cam-1"] == pytest.approx(DAY, abs=5)
    assert of(text, "retention_floor_compliant") == {"cam-1": 1}
    books.erase(5 * DAY, 3 * DAY)
    text = books.page()
    assert of(text, "retention_floor_compliant") == {"cam-1": 0}
    assert of(text, "retention_kept_seconds")["cam-1"] == pytest.approx(3 * DAY, abs=5)


def test_what_is_erased_past_the_floor_breaks_nothing(books: Books) -> None:
    books.record(4.9 * DAY, 0)
    books.erase(5 * DAY, FLOOR + 60)
    books.pass_all()
    assert of(books.page(), "retention_floor_compliant") == {"cam-1": 1}


def test_a_new_camera_is_measured_since_it_is_planned(tmp_path: Path) -> None:
    books = Books.open(tmp_path, planned_for=DAY / 2)
    books.record(DAY / 2, 0)
    books.pass_all()
    text = books.page()
    assert of(text, "retention_coverage_ratio", "window") == {"retention": 1, "hour": 1}
    assert of(text, "retention_goal_seconds")["cam-1"] == pytest.approx(DAY / 2, abs=60)
    assert of(text, "retention_floor_compliant") == {"cam-1": 1}


def test_a_camera_that_was_never_recorded_is_red_not_absent(books: Books) -> None:
    books.pass_all()
    text = books.page()
    assert of(text, "retention_coverage_ratio", "window") == {"retention": 0, "hour": 0}
    assert of(text, "retention_kept_seconds") == {}


def test_the_ceiling_is_watched_by_the_ledger_too(books: Books) -> None:
    """The keeper finds nothing on its disk; the ledger has footage a day too old, seen by its last comparison."""
    books.record(CEILING + DAY, 0)
    books.pass_all()
    assert of(books.page(), "retention_ceiling_compliant") == {"cam-1": 0}
    begin = time.time() - CEILING - DAY
    books.service.book.add(LockRequest("cam-1", begin, begin + 60, "case", "me"), time.time())
    text = books.page()
    assert of(text, "retention_ceiling_compliant") == {"cam-1": 1}
    assert of(text, "retention_kept_seconds") == {"cam-1": CEILING}
    assert "vigie_evidence_locks 1.0" in text


def test_what_the_keeper_may_not_erase_is_overdue(books: Books) -> None:
    footage(books.folder, time.time() - CEILING - DAY)
    books.record(4.5 * DAY, 0)
    clock = books.service.keepers["recordings"]._clock
    clock.trusted = lambda: "the clock jumped"  # type: ignore[method-assign]
    clock.earliest = time.time  # type: ignore[method-assign]
    books.pass_all()
    text = books.page()
    assert of(text, "retention_ceiling_compliant") == {"cam-1": 0}
    assert of(text, "keeper_overdue_items", "store") == {"recordings": 1, "quarantine": 0}
    assert of(text, "keeper_overdue_seconds", "store")["recordings"] == pytest.approx(DAY, abs=1300)
    assert "vigie_keeper_clock_trusted 0.0" in text
    holds = [line for line in text.splitlines() if line.startswith("vigie_keeper_holds{") and not line.endswith(" 0.0")]
    assert {line.split('reason="')[1].split('"')[0] for line in holds} == {"clock"}


@pytest.mark.parametrize("silent", ["ledger", "keeper"])
def test_who_does_not_answer_leaves_no_values_and_is_counted(books: Books, silent: str) -> None:
    books.record(4.5 * DAY, 0)
    books.pass_all()
    other = "keeper" if silent == "ledger" else "ledger"
    text = books.page(other)
    assert f"vigie_{silent}_up 0.0" in text
    assert f"vigie_{other}_up 1.0" in text
    errors = of(text, "exporter_errors_total", "stage")
    assert errors[silent] == 1
    assert errors[other] == errors["collect"] == 0
    assert of(text, "retention_floor_compliant") == of(text, "retention_ceiling_compliant") == {}
    assert of(text, "retention_coverage_ratio", "window") == {}
    assert not any(name.startswith(f"vigie_{silent}_") for name in set(exposed(text)) - {f"vigie_{silent}_up"})


def test_a_keeper_that_stands_still_vouches_for_nothing(books: Books) -> None:
    books.record(4.5 * DAY, 0)
    text = books.page()  # before its first pass
    assert of(text, "retention_ceiling_compliant") == {}
    books.pass_all()
    report = books.service.keepers["recordings"].report
    assert report is not None
    report.at -= 3600
    text = books.page()
    assert of(text, "retention_ceiling_compliant") == {}
    assert of(text, "retention_floor_compliant") == {"cam-1": 1}


def test_a_pass_that_failed_says_nothing_of_overdue_items(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError(5, "Input/output error")

    books.record(4.5 * DAY, 0)
    monkeypatch.setattr(books.service.keepers["recordings"]._store, "space", broken)
    books.pass_all()
    text = books.page()
    assert of(text, "keeper_overdue_items", "store") == {"quarantine": 0}
    assert "vigie_keeper_clock_trusted" not in exposed(text)
    assert of(text, "retention_ceiling_compliant") == {}


@pytest.mark.parametrize("late", [True, False])
def test_a_ledger_that_is_late_or_not_whole_is_not_believed(books: Books, late: bool) -> None:
    books.record(4.5 * DAY, 0)
    books.pass_all()
    if late:
        books.well, books.health = False, {**books.health, "status": "late"}
    else:
        books.health = {**books.health, "compared": None, "damaged_store_set_aside": "intervals.db.damaged-x"}
    text = books.page()
    assert "vigie_ledger_up 1.0" in text
    assert of(text, "retention_coverage_ratio", "window") == of(text, "retention_floor_compliant") == {}
    assert of(text, "exporter_errors_total", "stage")["ledger"] == 0


def test_a_certificate_that_cannot_be_read_is_said(books: Books) -> None:
    missing = {name: str(books.folder / "missing.pem") for name in ("certificate", "key", "authority")}
    text = books.page(tls=missing)
    assert of(text, "exporter_errors_total", "stage")["certificate"] == 1
    assert "vigie_keeper_up" not in exposed(text)


def test_cameras_that_share_a_window_share_a_question() -> None:
    asked: list[Interval] = []

    async def summary(over: Interval) -> dict[str, Told]:
        asked.append(over)
        return {}

    def camera(number: int, floor: float) -> PromisedCamera:
        return PromisedCamera(id=f"cam-{number}", site="s", floor_seconds=floor, ceiling_seconds=9 * DAY)

    now = time.time()
    cameras = [camera(number, FLOOR if number % 2 else 2 * FLOOR) for number in range(100)]
    owed = {camera.id: 0.0 for camera in cameras} | {"cam-7": now - DAY}
    found = run(accounts_module.take_accounts(summary, cameras, owed, now))
    assert len(found.cameras) == 100
    assert len(asked) == len(set(asked)) == 4  # the hour, two floors, and the new camera's day


def test_the_ledgers_own_word_of_itself_is_understood(tmp_path: Path) -> None:
    """What it really answers, not what these tests say that it does."""
    settings = {"recordings": tmp_path, "store": tmp_path / "l.db", "segment_seconds": 60, "web_config_file": tmp_path}
    answer, well = LedgerService(LedgerConfiguration.model_validate(settings)).health()
    health = read_ledger_health(answer)
    assert (health.well, health.whole) == (well, True)
    assert health.fed is health.compared is None
