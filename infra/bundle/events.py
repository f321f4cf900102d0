"""What a build tells while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """Where the build of a component is."""

    START = "start"
    PROGRESS = "progress"
    REUSED = "reused"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True)
class BuildEvent:
    """One step of one component; ``seconds`` since the component's build started (monotonic clock).

    ``message`` is the newest line of output for `Stage.PROGRESS`, the problem for `Stage.FAILED`, else empty.
    """

    component: str
    stage: Stage
    seconds: float = 0.0
    message: str = ""
