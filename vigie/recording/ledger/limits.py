"""The limits of the ledger's judgement, once. All in seconds."""

from __future__ import annotations

from typing import Final

# An absence of footage of up to this long is no gap: it is within a GOP, and a camera of one frame in two seconds is whole.
GAP_SECONDS: Final = 2.0
# Names and modification times of segments that follow each other differ by this much on a loaded host.
TOLERANCE_SECONDS: Final = 1.0
# The feeder looks at each camera this often. Parts of 1 s: two looks without growth are a pause, one can be chance.
TICK_SECONDS: Final = 1.0
# A file that pauses longer than this is looked into: a part of 1 s, a tick, and what a loaded host adds.
PAUSE_SECONDS: Final = 2.2
# A file that has not grown for this long is over: MediaMTX gives a stream up after 10 s without packets.
OVER_SECONDS: Final = 15.0
# Fed intervals reach the store this often; what a crash loses of them, the disk gives back.
FLUSH_SECONDS: Final = 10.0
