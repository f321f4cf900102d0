"""What a running MediaMTX does when its file changes: which cameras stop and start again, and which do not notice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# A source that is made anew tries again after this pause if its first try fails (MediaMTX, static sources).
RECONNECT_SECONDS: Final = 5

# What MediaMTX v1.14 takes over beside running paths (internal/core, closeResources); any other setting above the paths
# makes it close all of them. `paths` and `pathDefaults` are looked at path by path.
_BESIDE_PATHS: Final = frozenset(
    {"api", "apiAddress", "authInternalUsers", "pprof", "playback", "rtsp", "rtmp", "hls", "webrtc", "srt"}
)


@dataclass(frozen=True, slots=True)
class Reload:
    """The effect of a new file on a running recorder.

    ``settings`` are what changed above the paths; ``every`` is whether that restarts every path; ``restarted``,
    ``added`` and ``removed`` are paths by name, sorted, those that restart on their own account.
    """

    settings: tuple[str, ...]
    every: bool
    restarted: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether there is anything to load at all."""
        return bool(self.settings or self.restarted or self.added or self.removed)


def reload(before: Mapping[str, Any], after: Mapping[str, Any]) -> Reload:
    """What happens when the file ``before`` of ``render_configuration`` is replaced by ``after``."""
    settings = _settings(before, after)
    old, new = before["paths"], after["paths"]
    return Reload(
        settings=settings,
        every=any(name.partition(".")[0] not in _BESIDE_PATHS for name in settings),
        restarted=tuple(sorted(name for name in old.keys() & new.keys() if old[name] != new[name])),
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
    )


def _settings(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys that differ, those of path defaults one by one: ``pathDefaults.recordPath``."""

    def flat(values: Mapping[str, Any]) -> dict[str, Any]:
        defaults = {f"pathDefaults.{name}": value for name, value in values["pathDefaults"].items()}
        return {name: value for name, value in values.items() if name not in {"paths", "pathDefaults"}} | defaults

    old, new = flat(before), flat(after)
    return tuple(sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)))
