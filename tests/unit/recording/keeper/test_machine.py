"""Any order of events, chosen by hypothesis: the law holds after each of them."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.unit.recording.keeper.city import HOUR, Recorder, ram_folder
from vigie.recording.keeper.evidence import Room
from vigie.recording.keeper.rules import Keeping, PressurePolicy
from vigie.recording.keeper.store import DAY

CAMERAS = ("cam-1", "cam-2")
STREET = Keeping(floor=1 * DAY, ceiling=1.5 * DAY, profile="street")
PARK = Keeping(floor=1 * DAY, ceiling=1.5 * DAY, profile="park")
AT_LEAST = 0.5 * DAY
Known = dict[tuple[str, float], float]


class Keeping24(RuleBasedStateMachine):
    """One recorder; the park's camera may be given up below its floor, the street's may not."""

    def __init__(self) -> None:
        super().__init__()
        self.holder = ram_folder()
        self.recorder = Recorder(
            self.holder.__enter__(), {"cam-1": STREET, "cam-2": PARK}, segment=3 * HOUR, stranger=STREET
        )
        self.recorder.pressure = PressurePolicy(("park",), AT_LEAST)
        self.recorded: Known = {}
        self.locks: dict[str, tuple[str, float, float, float | None]] = {}
        self.given_up: set[tuple[str, float]] = set()
        self.ran = False

    def teardown(self) -> None:
        self.holder.__exit__(None, None, None)

    @initialize(days=st.integers(0, 3))
    def archive(self, days: int) -> None:
        for camera in CAMERAS:
            for number in range(days * 8):
                self._record(camera, self.recorder.time.true - (number + 1) * 3 * HOUR)
        self.recorder.restart()

    def _record(self, camera: str, at: float) -> None:
        self.recorder.record(camera, at)
        self.recorded[camera, at] = at

    @rule(steps=st.integers(1, 8), recording=st.booleans())
    def time_passes(self, steps: int, recording: bool) -> None:
        for _ in range(steps):
            if recording:
                for camera in CAMERAS:
                    self._record(camera, self.recorder.time.shown())
            self.recorder.time.pass_by(3 * HOUR)
        self.ran = False

    @rule(
        camera=st.sampled_from(CAMERAS),
        back=st.floats(0, 2),
        length=st.floats(0.01, 1),
        days=st.none() | st.floats(0.1, 2),
    )
    def lock(self, camera: str, back: float, length: float, days: float | None) -> None:
        shown = self.recorder.time.shown()
        begin, end, until = (
            shown - back * DAY,
            shown - (back - length) * DAY,
            None if days is None else shown + days * DAY,
        )
        name = self.recorder.lock(camera, begin, end, until)
        self.locks[name] = (camera, begin, end, until)

    @rule(which=st.integers(0, 99))
    def release(self, which: int) -> None:
        if self.locks:
            name = sorted(self.locks)[which % len(self.locks)]
            self.recorder.book.release(name, "officer", "closed", self.recorder.time.shown())
            del self.locks[name]
            self.ran = False

    @rule(days=st.integers(-40, 40).filter(bool))
    def clock_jumps(self, days: int) -> None:
        if not self.recorder.time.wrong_by:
            self.recorder.time.jump(days * DAY)

    @rule()
    def clock_heals(self) -> None:
        self.recorder.time.jump(-self.recorder.time.wrong_by)
        self.ran = False

    @rule(room=st.integers(0, 20), spare=st.integers(0, 20))
    def disk_fills(self, room: int, spare: int) -> None:
        used = len(self.recorder.files()) * self.recorder.size
        self.recorder.capacity, self.recorder.room = used + spare * 100, Room(headroom=room * 100)
        self.recorder.restart()
        self.ran = False

    @rule()
    def keeper_restarts(self) -> None:
        self.recorder.restart()
        self.ran = False

    @rule()
    def keeper_runs(self) -> None:
        before = self.recorder.files()
        self.recorder.run()
        now = self.recorder.time.true
        for camera, start in before - self.recorder.files():
            age = now - (start + 3 * HOUR)
            assert not self._locked(camera, start)
            assert age >= (AT_LEAST if camera == "cam-2" else STREET.floor) or (camera, start) not in self._true()
        self.ran = not self.recorder.time.wrong_by

    def _true(self) -> Known:
        """Footage that carries its true time."""
        return {key: at for key, at in self.recorded.items() if at <= self.recorder.time.true}

    def _locked(self, camera: str, start: float) -> bool:
        end, now = start + 3 * HOUR, self.recorder.time.true
        return any(
            name == camera and begin < end and start < finish and (until is None or until > now)
            for name, begin, finish, until in self.locks.values()
        )

    @invariant()
    def nothing_is_past_its_ceiling(self) -> None:
        if self.ran:
            limit = self.recorder.time.true - STREET.ceiling - 3 * HOUR
            late = {key for key in self.recorder.files() if key[1] <= limit and not self._locked(*key)}
            assert not late or self.recorder.keeper.report.holds  # type: ignore[union-attr]
            if late:  # only what more than a day's worth, unconfirmed, or a clock that was wrong may hold
                assert "agree" in str(self.recorder.keeper.report.holds)  # type: ignore[union-attr]

    @invariant()
    def the_journal_is_whole(self) -> None:
        assert self.recorder.journal.verify().intact


TestAnyOrder = Keeping24.TestCase
TestAnyOrder.settings = settings(
    max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
