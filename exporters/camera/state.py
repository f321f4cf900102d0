"""What is remembered of one camera between samples."""

from __future__ import annotations

from dataclasses import dataclass, field

from exporters.camera.configuration import Camera
from exporters.camera.pictures import PictureHistory
from vigie.health import FaultTracker, Observation, Picture, ProbeResult, Verdict
from vigie.metrics.thresholds import PROBE_REFUSED_PAUSE
from vigie.recording.mediamtx.status import PathStatus
from vigie.recording.tail import Footage, FootageTail, KeyframeReference

# Two keyframes of one check lie at least this many seconds apart: a picture that lives has changed by then.
KEYFRAME_SPACING_SECONDS = 3.0


@dataclass(slots=True)
class CameraState:
    """State of a camera. Monotonic instants are named `…_at`, Unix seconds `…_time`."""

    camera: Camera
    tail: FootageTail
    tracker: FaultTracker = field(default_factory=FaultTracker)
    history: PictureHistory = field(default_factory=PictureHistory)
    footage: Footage | None = None
    keyframes: list[KeyframeReference] = field(default_factory=list)
    ready: bool | None = None
    bytes_per_second: float | None = None
    probe: ProbeResult | None = None
    probed_at: float = float("-inf")
    picture: Picture | None = None
    picture_time: float | None = None
    picture_due_at: float = 0.0
    verdict: Verdict = field(default_factory=lambda: Verdict(frozenset()))
    _bytes: tuple[float, int] | None = None

    def read_disk(self) -> None:
        """Follows the footage. Called in a thread; raises OSError."""
        self.footage = self.tail.advance()
        self.keyframes = self.tail.keyframes(KEYFRAME_SPACING_SECONDS)

    def hear(self, status: PathStatus | None, now: float) -> None:
        """Takes MediaMTX's word (None: it did not answer, or does not know the path) at monotonic instant `now`."""
        self.ready = None if status is None else status.ready
        before, self._bytes = self._bytes, None if status is None else (now, status.bytes_received)
        if before is None or self._bytes is None or now <= before[0]:
            self.bytes_per_second = None
            return
        # The counter starts again when the path does.
        grown = self._bytes[1] - before[1] if self._bytes[1] >= before[1] else self._bytes[1]
        self.bytes_per_second = grown / (now - before[0])

    def wants_probe(self, now: float, unix: float) -> bool:
        """Whether the camera itself should be asked: only when its stream is not up, so healthy ones carry no load."""
        if self.ready or (self.ready is None and self.observe(unix).recorded):
            self.probe = None
            return False
        refused = self.probe is ProbeResult.REFUSED
        return not refused or now - self.probed_at >= PROBE_REFUSED_PAUSE.value

    def observe(self, unix: float) -> Observation:
        """The observation at Unix second `unix`."""
        footage = self.footage
        written = footage.written if footage else None
        return Observation(
            write_age=None if written is None else max(0.0, unix - written),
            stream_ready=self.ready,
            receiving=None if self.bytes_per_second is None else self.bytes_per_second > 0,
            probe=self.probe,
            frames_per_second=footage.frames_per_second if footage else None,
            frames_per_second_expected=self.camera.frames_per_second,
            picture=self.picture,
        )
