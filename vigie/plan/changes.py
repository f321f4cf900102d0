"""The words in which a change of the city is told before it is made. Plain frozen dataclasses, units in the names."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

Kind = Literal["added", "removed", "changed"]
Value = str | int | float | bool | None | tuple[str, ...]
VolumeKind = Literal["added", "grows", "shrinks", "vanishes", "moves"]
UnitVerb = Literal["starts", "stops", "restarts", "reloads"]
# Of footage: nobody can play it, or erase it at its ceiling; the target refuses to delete it; the target refuses the change.
Fate = Literal["out of reach", "protected", "refused"]


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs; ``field`` as ``plan.json`` spells it, dots between levels."""

    field: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class UnitEffect:
    """What happens to a systemd unit of a host."""

    unit: str
    verb: UnitVerb


@dataclass(frozen=True, slots=True)
class HostChange:
    """A deployed host that is made, goes, or is configured anew; ``variables`` are what its roles are told otherwise."""

    host: str
    tier: str
    lot: str
    kind: Kind
    changes: tuple[Change, ...] = ()
    variables: tuple[str, ...] = ()
    units: tuple[UnitEffect, ...] = ()


@dataclass(frozen=True, slots=True)
class VolumeChange:
    """A filesystem of a host. ``footage_bytes`` is the most that the plan before can have written to it, and ``fate``
    what becomes of that; both only where the volume shrinks, moves or vanishes."""

    host: str
    volume: str
    kind: VolumeKind
    before_bytes: int
    after_bytes: int
    footage_bytes: int = 0
    fate: Fate | None = None


@dataclass(frozen=True, slots=True)
class CameraChange:
    """A deployed camera that comes, goes, or is described otherwise; ``recorders`` are the hosts that record it."""

    camera: str
    site: str
    kind: Kind
    recorders: tuple[str, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """A camera whose recorders change, by identity and by host. ``interrupted`` is whether no recorder keeps it without a
    break; then it misses ``seconds`` at the most, and as long as the run takes from the old recorder to the new one."""

    camera: str
    site: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    hosts_before: tuple[str, ...]
    hosts_after: tuple[str, ...]
    interrupted: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Interruption:
    """Cameras that stop and start again in place, for one cause; ``where`` is a host. ``seconds`` is the most that each can
    miss; ``None`` where that hangs on how long a host takes to come back."""

    where: str
    cause: str
    cameras: tuple[str, ...]
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Remainder:
    """Footage of cameras that left a recorder: it stays there until its ceiling, and nobody moves it.

    ``footage_bytes`` is the most it can be. ``fits`` is whether it has room beside what the recorder is to keep.
    """

    host: str
    cameras: tuple[str, ...]
    footage_bytes: int
    seconds: int
    fits: bool


@dataclass(frozen=True, slots=True)
class RetentionChange:
    """Cameras kept longer or shorter. Lowered ceilings erase what is older: ``erased_bytes`` at the most."""

    cameras: int
    floor_before_seconds: int
    floor_after_seconds: int
    ceiling_before_seconds: int
    ceiling_after_seconds: int
    erased_seconds: int
    erased_bytes: int


@dataclass(frozen=True, slots=True)
class FirewallChange:
    """One kind of connection of a host that stays, with the peers that are let in (or out) anew and those no more."""

    host: str
    chain: str
    protocol: str
    port: int
    purpose: str
    opened: tuple[str, ...]
    closed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NamedChange:
    """Anything else that has a name and comes, goes or changes."""

    name: str
    kind: Kind
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class LotChange:
    """``step`` is what happens to the lot as a whole; ``price_before`` and ``price_after`` are in whole units of the
    currency, where the city gives prices."""

    lot: str
    step: Literal["exercised", "withdrawn", "added", "removed", "changed"]
    price_before: int | None
    price_after: int | None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert that the change itself may raise, or that changes: why, and for which hosts or cameras."""

    alert: str
    reason: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs between two plans of a city and what that does to what runs. ``before`` and ``after`` are
    digests. What only concerns lots that are not deployed is in ``planned``."""

    city: str
    before: str
    after: str
    lots: tuple[LotChange, ...] = ()
    hosts: tuple[HostChange, ...] = ()
    volumes: tuple[VolumeChange, ...] = ()
    cameras: tuple[CameraChange, ...] = ()
    moves: tuple[Move, ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    remainders: tuple[Remainder, ...] = ()
    retention: tuple[RetentionChange, ...] = ()
    identities: tuple[NamedChange, ...] = ()
    firewall: tuple[FirewallChange, ...] = ()
    targets: tuple[NamedChange, ...] = ()
    sites: tuple[NamedChange, ...] = ()
    loads: tuple[NamedChange, ...] = ()
    forwards: tuple[NamedChange, ...] = ()
    notices: tuple[Notice, ...] = ()
    planned: tuple[NamedChange, ...] = ()
    settings: tuple[Change, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether no category names anything."""
        return not any(getattr(self, one.name) for one in fields(self) if one.name not in {"city", "before", "after"})

    @property
    def interrupted(self) -> int:
        """Cameras that are not recorded for some seconds."""
        names = {camera for one in self.interruptions for camera in one.cameras}
        return len(names | {move.camera for move in self.moves if move.interrupted})

    @property
    def loses_footage(self) -> bool:
        """Whether footage goes: erased by a lower ceiling, or on a volume that leaves the city."""
        return any(one.erased_bytes for one in self.retention) or any(one.footage_bytes for one in self.volumes)
