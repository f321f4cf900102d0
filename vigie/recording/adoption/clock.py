"""Local times of a recorder as instants: an hour that a clock shows twice, or never, is said to be so."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def instants(written: datetime, zone: tzinfo) -> tuple[datetime, ...]:
    """Every UTC instant at which a clock of ``zone`` shows ``written``: one, two (set back) or none (set forward).

    An aware time is its own instant. PEP 495: ``fold`` tells the two apart.
    """
    if written.tzinfo is not None:
        return (written.astimezone(UTC),)
    found = {
        instant
        for fold in (0, 1)
        for instant in (written.replace(tzinfo=zone, fold=fold).astimezone(UTC),)
        if instant.astimezone(zone).replace(tzinfo=None) == written
    }
    return tuple(sorted(found))
