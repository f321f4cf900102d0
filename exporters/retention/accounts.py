"""What the ledger says of every camera in the windows that matter for it; one question for each different window."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from exporters.retention.configuration import PromisedCamera
from vigie.recording.compliance import HOUR, NEVER_SEEN, Account, Told, settled, window
from vigie.recording.ledger.interval import Interval

Summary = Callable[[Interval], Awaitable[Mapping[str, Told]]]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Of the instant `now` (Unix seconds), by camera; cameras of which nobody knows since when they are planned are absent."""

    now: float
    cameras: Mapping[str, Account]


async def take_accounts(
    summary: Summary, cameras: Iterable[PromisedCamera], owed_since: Mapping[str, float], now: float
) -> Accounts:
    """Asks for each window once: cameras of one floor share theirs, but for those planned since. Raises what `summary` does."""
    told: dict[Interval, Mapping[str, Told]] = {}

    async def ask(over: Interval) -> Mapping[str, Told]:
        if over not in told:
            told[over] = await summary(over)
        return told[over]

    last_hour = await ask(Interval(settled(now) - HOUR, settled(now)))
    found: dict[str, Account] = {}
    for camera in cameras:
        since = owed_since.get(camera.id)
        if since is None:
            continue
        spans = window(now, camera.floor_seconds, since), window(now, HOUR, since)
        retention, hour = [(span, (await ask(span)).get(camera.id, NEVER_SEEN)) if span else None for span in spans]
        found[camera.id] = Account(now, retention, hour, last_hour.get(camera.id, NEVER_SEEN))
    return Accounts(now, found)
