"""Every limit of the platform's judgement, once: value, unit, and why it is what it is.

Budget that they must respect together: a fault shows in Prometheus within 60 s and clears within 60 s after repair,
with samples every 5 s and pictures every 15 s.
"""

from __future__ import annotations

from typing import Final

from vigie.metrics.model import Threshold

NOT_WRITTEN_AFTER: Final = Threshold(
    10, "seconds", "footage reaches the disk every second (parts of 1 s); reconnecting takes up to 5 s plus one GOP"
)
LOW_FRAME_RATE: Final = Threshold(
    0.8, "ratio", "one frame in five missing is visible; clocks and jitter stay above 0.95"
)
LOW_FRAME_RATE_CLEAR: Final = Threshold(0.9, "ratio", "clears only when clearly above the limit, so it does not flap")
FRAME_RATE_WINDOW: Final = Threshold(10, "seconds", "five GOPs of 2 s: long enough to be smooth, short enough to clear")
FRAME_RATE_WINDOW_MINIMUM: Final = Threshold(3, "seconds", "less footage than this says nothing about a frame rate")
BLACK_LUMINANCE: Final = Threshold(
    0.03, "ratio", "a covered lens or a dead sensor; a dim street at night is above 0.05"
)
BLACK_LUMINANCE_CLEAR: Final = Threshold(0.045, "ratio", "above the limit by half, so dusk does not flap")
FROZEN_AFTER: Final = Threshold(10, "seconds", "longer than a still scene between two keyframes; two checks of 15 s")
FROZEN_PICTURES: Final = Threshold(3, "pictures", "two equal pictures can be chance (a looping sign), three are not")
PICTURE_SAME: Final = Threshold(
    0.4, "grey levels of 255", "mean difference of two small pictures; sensor noise and any motion exceed it"
)
SAMPLES_TO_RAISE: Final = Threshold(2, "samples", "one lost probe is not a fault")
PROBE_TIMEOUT: Final = Threshold(3, "seconds", "a camera on its own network answers in milliseconds")
PROBE_REFUSED_PAUSE: Final = Threshold(20, "seconds", "cameras lock an account that is tried too often")

SITE_UNREACHABLE: Final = Threshold(0.75, "ratio", "most of a site at once is its switch or uplink, not its cameras")
STORAGE_FILLING: Final = Threshold(86_400, "seconds", "one day is the time to act before footage is lost")
STORAGE_NEARLY_FULL: Final = Threshold(0.05, "ratio", "the trend may be wrong; this is not")
STORAGE_FULL: Final = Threshold(0.005, "ratio", "below this ext4 cannot place another segment reliably")
TREND_WINDOW: Final = Threshold(1_800, "seconds", "half an hour averages segment rotation and deletion rounds")
TREND_MINIMUM: Final = Threshold(120, "seconds", "a shorter history gives a random slope")
TREND_HORIZON: Final = Threshold(31_536_000, "seconds", "one year: further than any plan looks, so the rest is clamped")
EXPORTER_STALE: Final = Threshold(30, "seconds", "six samples of 5 s missed; older values are withheld, not repeated")
EXPORTER_ERRORS: Final = Threshold(0.1, "errors per second", "one sample in two failing")

LEDGER_DELAY: Final = Threshold(
    30, "seconds", "footage reaches the ledger's store every 10 s; what is younger is neither recorded nor missing yet"
)
LEDGER_LATE: Final = Threshold(60, "seconds", "six times the ledger's own rhythm: what it says of the last hour is old")
FLOOR_TOLERANCE: Final = Threshold(
    30, "seconds", "a power cut takes the tails of open segments; what is erased goes by whole segments"
)
CEILING_GRACE: Final = Threshold(
    7_200, "seconds", "a pass erases a bounded number of segments; after an outage a normal day's worth takes an hour"
)
COVERAGE_LOW: Final = Threshold(0.95, "ratio", "three minutes of an hour: more than reconnecting after one restart")
KEEPER_STALE: Final = Threshold(300, "seconds", "ten passes of 30 s missed")
EVIDENCE_NEARLY_USED: Final = Threshold(0.8, "ratio", "the rest is what a long investigation locks in a week")
INODES_NEARLY_USED: Final = Threshold(0.05, "ratio", "without inodes no segment can begin, whatever space is left")
WRITE_SLOW: Final = Threshold(0.5, "seconds", "a sound disk answers in 0.02; above this the recorder's queue grows")
SMART_OLD: Final = Threshold(3_600, "seconds", "the collector of SMART values runs every few minutes")
