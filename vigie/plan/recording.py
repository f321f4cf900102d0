"""The recorders of a city: what each camera asks, what the plan before said, and who records what."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from vigie.city.model import City, Lot, Profile, RecorderTier, ServerClass, StorageUnit
from vigie.plan import capacity
from vigie.plan.fleet import Batch, Fleet, Recorder
from vigie.plan.locality import in_order
from vigie.plan.model import Identity, Plan
from vigie.plan.placement import Placement, fits, place, place_beside


def recorder_name(number: int) -> str:
    """The host name of the ``number``-th recorder."""
    return f"recorder-{number}"


def spare_name(number: int) -> str:
    """The host name of the ``number``-th spare recorder."""
    return f"recorder-spare-{number}"


def identity_name(number: int) -> str:
    """The identity whose home is the ``number``-th recorder."""
    return f"rec-{number}"


def identity_number(identity: str) -> int | None:
    """The number in ``identity_name``; ``None`` for an identity that the planner did not name."""
    match = re.fullmatch(r"rec-([1-9][0-9]{0,8})", identity)
    return int(match[1]) if match else None


def ordered_lots(city: City) -> list[Lot]:
    """Firm lots first, each kind as the city lists them: the order in which lots are placed and counted."""
    return sorted(city.file.lots, key=lambda lot: lot.kind != "firm")


def server_class(city: City, name: str) -> ServerClass:
    """The server class ``name`` of a checked city."""
    return next(server for server in city.file.server_classes if server.id == name)


def storage_unit(city: City) -> StorageUnit:
    """The storage unit of each recorder."""
    name = server_class(city, city.file.tiers.recorder.server_class).storage
    return next(unit for unit in city.file.storage_units if unit.id == name)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A city's footage on its recorders, with the knobs that a refused city can turn.

    ``batches`` hold, for each lot in order, the cameras of a site that ask the same, at the written bit rates.
    """

    batches: tuple[tuple[Batch, ...], ...]
    city: City
    tier: RecorderTier
    server: ServerClass
    unit: StorageUnit
    floor_seconds: int
    bitrate_percent: int = 100

    @classmethod
    def of(cls, city: City) -> Attempt:
        """The city as it is written."""
        tier = city.file.tiers.recorder
        server = server_class(city, tier.server_class)
        return cls(_batches(city), city, tier, server, storage_unit(city), city.file.retention.floor)

    @property
    def limits(self) -> capacity.Limits:
        return capacity.limits(self.server, self.unit, self.city.file.capacity)

    def fleet(self, existing: Iterable[tuple[int, str]] = (), first_new: int = 1) -> Fleet:
        """The empty recorders of the city, those that exist (number and group) first."""
        return Fleet.of(self.limits, self.tier.group_size, self.tier.count, existing, first_new)

    def lots(self) -> list[list[Batch]]:
        """What each lot asks. A segment is erased whole and only once its youngest second is old enough, so the floor
        costs one segment more."""
        kept_seconds = self.floor_seconds + self.city.file.recording.segment

        def scaled(batch: Batch) -> Batch:
            bits = -(-batch.bits_per_second * self.bitrate_percent // 100)
            return replace(batch, bits_per_second=bits, floor_bytes=capacity.bytes_recorded(bits, kept_seconds))

        return [[scaled(batch) for batch in lot] for lot in self.batches]

    def fits(self) -> bool:
        return fits(self.fleet(), self.lots())

    def place(self, previous: Plan | None = None) -> Placement:
        """Every camera's recorders. With ``previous``, what it placed stays wherever every bound still holds; only if
        the rest then has no room, everything is placed anew on the same recorders."""
        existing = [
            (number, identity.group)
            for identity in (previous.identities if previous else ())
            if (number := identity_number(identity.id)) is not None
        ]
        if previous is None or not existing:
            return place(self.fleet(), self.lots())
        first_new = max(number for number, _ in existing) + 1
        beside = self._beside(previous, existing, first_new)
        if not beside.left_over:
            return beside
        anew = place(self.fleet(existing, first_new), self.lots())
        return beside if anew.left_over and anew.count_left_over >= beside.count_left_over else anew

    def _beside(self, previous: Plan, existing: list[tuple[int, str]], first_new: int) -> Placement:
        held = _held(previous)
        lots = self.lots()
        if self.tier.count is None:  # nothing asks for a recorder whose cameras are all gone
            wanted = {number for lot in lots for batch in lot for camera in batch.cameras for number in held[camera]}
            existing = [(number, group) for number, group in existing if number in wanted]
        fleet = self.fleet(existing, first_new)
        rest = _keep(fleet, lots, held)
        placement = place_beside(fleet, rest)
        if fleet.grows:  # one whose cameras fitted there no longer, or are mirrored no longer, may be left with none
            fleet.drop_empty()
        return placement


def _batches(city: City) -> tuple[tuple[Batch, ...], ...]:
    profiles = {profile.id: profile for profile in city.file.profiles}
    sites = {site.id: (rank, site.lot) for rank, site in enumerate(in_order(city.file.sites))}
    alike: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    for camera in city.cameras:
        profile = profiles[camera.profile]
        alike[camera.site, profile.main.bitrate, copies(profile)].append(camera.id)
    by_lot: dict[str, list[Batch]] = defaultdict(list)
    for (site, bits, number), cameras in alike.items():
        rank, lot = sites[site]
        by_lot[lot].append(Batch(site, rank, bits, 1, tuple(sorted(cameras)), number))
    return tuple(
        tuple(sorted(by_lot[lot.id], key=lambda batch: (batch.rank, -batch.bits_per_second, batch.copies)))
        for lot in ordered_lots(city)
    )


def copies(profile: Profile) -> int:
    """How many recorders record each camera of ``profile``."""
    return 2 if profile.mirrored else 1


def _held(previous: Plan) -> defaultdict[str, tuple[int, ...]]:
    """The recorders of each camera in ``previous``, in its order."""
    held: defaultdict[str, tuple[int, ...]] = defaultdict(tuple)
    for camera in previous.cameras:
        names = camera.identities or (camera.identity,)
        held[camera.id] = tuple(number for name in names if (number := identity_number(name)) is not None)
    return held


def _keep(fleet: Fleet, lots: list[list[Batch]], held: defaultdict[str, tuple[int, ...]]) -> list[list[Batch]]:
    """Give back to each recorder of ``fleet`` what it ``held``, as many cameras as its bounds allow; returns the rest.

    Where a recorder can no longer hold all, the cameras with the highest bit rate leave: they are the fewest.
    """
    recorders = {recorder.number: recorder for recorder in fleet.recorders}
    homes: dict[int, Counter[str]] = defaultdict(Counter)
    rest: list[list[Batch]] = [[] for _ in lots]
    ordered = sorted(
        ((index, batch) for index, lot in enumerate(lots) for batch in lot), key=lambda pair: pair[1].bits_per_second
    )
    for index, batch in ordered:
        for kept, cameras in _kept_in(recorders, batch, held).items():
            for number in kept:
                homes[batch.rank][recorders[number].group] += len(cameras)
            missing = batch.copies - len(kept)
            if missing:
                apart = kept[0] if kept else None
                rest[index].append(replace(batch, cameras=tuple(cameras), copies=missing, apart_from=apart))
    for rank, groups in homes.items():
        fleet.settle(rank, min(groups, key=lambda group: (-groups[group], group)))
    return [sorted(lot, key=lambda batch: (batch.rank, -batch.bits_per_second, batch.cameras)) for lot in rest]


def _kept_in(
    recorders: dict[int, Recorder], batch: Batch, held: defaultdict[str, tuple[int, ...]]
) -> dict[tuple[int, ...], list[str]]:
    """The cameras of ``batch`` by the recorders that keep them (none, one, or two of a mirrored camera)."""
    kept: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for camera in batch.cameras:
        numbers: tuple[int, ...] = ()
        for number in held[camera]:
            recorder = recorders.get(number)
            if recorder and len(numbers) < batch.copies and number not in numbers and recorder.room(batch):
                recorder.take(batch, (camera,))
                numbers = (*numbers, number)
        kept[numbers].append(camera)
    return kept


def holders(placement: Placement, previous: Plan | None) -> dict[str, tuple[int, ...]]:
    """The recorders of each camera, those it had in ``previous`` first and in their order."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for recorder in sorted(placement.fleet.recorders, key=lambda recorder: recorder.number):
        for camera in recorder.cameras:
            found[camera].append(recorder.number)
    if previous is None:
        return {camera: tuple(numbers) for camera, numbers in found.items()}
    before = _held(previous)
    return {
        camera: tuple(
            sorted(numbers, key=lambda n: (before[camera].index(n) if n in before[camera] else len(numbers), n))
        )
        for camera, numbers in found.items()
    }


@dataclass(frozen=True, slots=True)
class Group:
    """A recorder group by the numbers of its members and of its spares; ``slots`` tell members apart on a spare."""

    name: str
    position: int
    members: tuple[Recorder, ...]
    slots: tuple[int, ...]
    spares: tuple[int, ...]


def groups(city: City, fleet: Fleet, previous: Plan | None, slot_of: dict[str, int]) -> list[Group]:
    """The groups of a filled ``fleet``; spares and slots (by identity) that exist stay."""
    return list(
        _groups(city.file.tiers.recorder.spare, fleet, _spares(previous.identities if previous else ()), slot_of)
    )


def _spares(identities: Iterable[Identity]) -> dict[str, tuple[int, ...]]:
    spares = {}
    for identity in identities:
        numbers = [re.fullmatch(r"recorder-spare-([1-9][0-9]{0,8})", host) for host in identity.standby]
        spares[identity.group] = tuple(int(match[1]) for match in numbers if match)
    return spares


def _groups(spare: int, fleet: Fleet, existing: dict[str, tuple[int, ...]], slot_of: dict[str, int]) -> Iterator[Group]:
    next_spare = max((number for numbers in existing.values() for number in numbers), default=0) + 1
    for position, (name, members) in enumerate(fleet.groups.items()):
        members = sorted(members, key=lambda recorder: recorder.number)
        kept = existing.get(name, ())[:spare]
        added = tuple(range(next_spare, next_spare + spare - len(kept)))
        next_spare += len(added)
        yield Group(name, position, tuple(members), _slots(members, slot_of), (*kept, *added))


def _slots(members: list[Recorder], slot_of: dict[str, int]) -> tuple[int, ...]:
    held = [slot_of.get(identity_name(recorder.number)) for recorder in members]
    free = iter(sorted(set(range(len(members) + len(held))) - {slot for slot in held if slot is not None}))
    return tuple(next(free) if slot is None else slot for slot in held)
