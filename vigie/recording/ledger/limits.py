"""The limits of the ledger's judgement, once. All in seconds."""

from __future__ import annotations

from typing import Final

# An absence of footage of up to this long is no gap: it is within a GOP, and a camera of one frame in two seconds is whole.
GAP_SECONDS: Final = 2.0
# Names and modification times of segments that follow each other differ by this much on a loaded host.
TOLERANCE_SECONDS: Final = 1.0
# A growing file is looked at again this long after its last write. Parts of 1 s: by then it has grown, or it pauses.
LOOK_SECONDS: Final = 2.05
# The feeder wakes this often: what pauses for longer than LOOK_SECONDS and this is seen for certain.
TICK_SECONDS: Final = 0.5
# Two looks whose files were written further apart than a look, a part and a tick say nothing of what was between.
UNSEEN_SECONDS: Final = 3.6
# A file that has not grown for this long is over: MediaMTX gives a stream up after 10 s without packets.
OVER_SECONDS: Final = 15.0
# Fed intervals reach the store this often; what a crash loses of them, the disk gives back.
FLUSH_SECONDS: Final = 20.0
