"""What a schema cannot say: references that resolve, ids that are unique, networks that do not overlap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from vigie.city.documents import Document, Location, dotted
from vigie.city.errors import Problem
from vigie.city.lab import CLIP_NAMES, STREAM_PATH, clip_name
from vigie.city.model import CameraRow, CityFile, EncoderRow, MachineRow, ServerTier, channel_camera_id

ENCODERS = "encoders.csv"
CAMERAS = "cameras.csv"
MACHINES = "machines.csv"
BOUNDS_OF_TIER: Final = {
    "recorder": ("max_cameras", "max_ingest", "max_read", "storage"),
    "streaming": ("max_streams",),
    "analytics": ("max_analysed",),
}


def check(
    document: Document,
    file: CityFile,
    encoders: list[EncoderRow],
    encoder_lines: dict[str, int],
    cameras: list[CameraRow],
    camera_lines: dict[str, int],
) -> list[Problem]:
    """Every broken rule of a city whose parts are each well-formed."""
    checker = _Checker(document, file)
    checker.unique_ids()
    checker.networks()
    checker.references()
    checker.durations()
    checker.pressure()
    checker.lab_devices()
    rows = _RowChecker(file, encoders, encoder_lines, cameras, camera_lines)
    return checker.problems + list(rows.problems())


def check_machines(file: CityFile, machines: list[MachineRow], lines: dict[str, int]) -> list[Problem]:
    """What is wrong with ``machines.csv``: a target that has no use for it, one machine for two hosts."""
    problems: list[Problem] = []
    target = file.city.target
    if machines and target != "metal":
        fix = "set city.target to metal, or remove the file"
        problems.append(Problem(MACHINES, 0, "", f"racked machines are of no use to target {target!r}", fix))
    keys: dict[str, str] = {}
    places: dict[tuple[IPv4Address | None, int | None], str] = {}
    for row in machines:
        line = lines[row.host]
        if (first := keys.setdefault(row.host_key, row.host)) != row.host:
            said = f"the host key of {row.host} is that of {first} too"
            problems.append(Problem(MACHINES, line, "host_key", said, "give each host a machine of its own"))
        if row.address and (first := places.setdefault((row.address, row.port), row.host)) != row.host:
            said = f"{row.address} is the machine of {first} already"
            problems.append(Problem(MACHINES, line, "address", said, "give each host a machine of its own"))
    return problems


class _Checker:
    """Rules of ``city.yaml`` alone."""

    def __init__(self, document: Document, file: CityFile) -> None:
        self.document, self.file = document, file
        self.problems: list[Problem] = []

    def say(self, location: Location, message: str, fix: str) -> None:
        self.problems.append(Problem(self.document.file, self.document.line(location), dotted(location), message, fix))

    def unique_ids(self) -> None:
        for name in ("lots", "sites", "models", "profiles", "storage_units", "server_classes"):
            seen: dict[str, int] = {}
            for index, item in enumerate(getattr(self.file, name)):
                if item.id in seen:
                    self.say(
                        (name, index, "id"), f"{item.id!r} is also {name}[{seen[item.id]}]", "give each its own id"
                    )
                seen.setdefault(item.id, index)

    def networks(self) -> None:
        city = self.file.network.city
        parts: list[tuple[Location, IPv4Network]] = [(("network", "platform"), self.file.network.platform)]
        parts += [(("sites", index, "network"), site.network) for index, site in enumerate(self.file.sites)]
        for location, network in parts:
            if not network.subnet_of(city):
                self.say(
                    location,
                    f"{network} is not inside the city's {city}",
                    "take a network inside it, or widen network.city",
                )
        self._overlaps(parts)

    def _overlaps(self, parts: list[tuple[Location, IPv4Network]]) -> None:
        """Two networks overlap only if one holds the other: sorted, each is compared with those still open around it."""
        around: list[tuple[int, IPv4Network]] = []
        ordered = sorted(enumerate(parts), key=lambda part: (int(part[1][1].network_address), part[1][1].prefixlen))
        for number, (_, network) in ordered:
            while around and int(around[-1][1].broadcast_address) < int(network.network_address):
                around.pop()
            if around:
                first, later = sorted((around[-1][0], number))
                self.say(
                    parts[later][0],
                    f"{parts[later][1]} overlaps {dotted(parts[first][0])} {parts[first][1]}",
                    "give each its own network",
                )
            around.append((number, network))

    def references(self) -> None:
        lots = {lot.id for lot in self.file.lots}
        for index, site in enumerate(self.file.sites):
            if site.lot not in lots:
                self.say(("sites", index, "lot"), f"no lot is called {site.lot!r}", f"use one of {_listed(lots)}")
        units = {unit.id for unit in self.file.storage_units}
        for index, server in enumerate(self.file.server_classes):
            if server.storage is not None and server.storage not in units:
                self.say(
                    ("server_classes", index, "storage"),
                    f"no storage unit is called {server.storage!r}",
                    f"use one of {_listed(units)}",
                )
        self._classes()

    def _classes(self) -> None:
        """Each tier names a server class that says everything the tier must know of it."""
        classes = {server.id: index for index, server in enumerate(self.file.server_classes)}
        for name in ("central", "witness", "noc"):
            named = getattr(self.file.tiers, name).server_class
            if named is not None and named not in classes:
                self.say(
                    ("tiers", name, "class"), f"no server class is called {named!r}", f"use one of {_listed(classes)}"
                )
        for name, bounds in BOUNDS_OF_TIER.items():
            tier: ServerTier | None = getattr(self.file.tiers, name)
            if tier is None:
                continue
            index = classes.get(tier.server_class)
            if index is None:
                self.say(
                    ("tiers", name, "class"),
                    f"no server class is called {tier.server_class!r}",
                    f"use one of {_listed(classes)}",
                )
                continue
            for bound in bounds:
                if getattr(self.file.server_classes[index], bound) is None:
                    self.say(
                        ("server_classes", index, bound),
                        f"missing, and tiers.{name} uses {tier.server_class!r}",
                        "say what one server can take, or give the tier another class",
                    )

    def durations(self) -> None:
        floor, ceiling, segment = self.file.retention.floor, self.file.retention.ceiling, self.file.recording.segment
        if ceiling < floor + segment:
            # A segment is kept or erased whole: inside that band no segment could satisfy both laws.
            self.say(
                ("retention", "ceiling"),
                f"ceiling of {ceiling} s lies less than a segment ({segment} s) above the floor of {floor} s",
                f"raise it to {floor + segment} s or more, or shorten recording.segment",
            )

    def pressure(self) -> None:
        pressure, floor = self.file.retention.pressure, self.file.retention.floor
        if pressure is None:
            return
        profiles = {profile.id for profile in self.file.profiles}
        for index, name in enumerate(pressure.give_up):
            location = ("retention", "pressure", "give_up", index)
            if name not in profiles:
                self.say(location, f"no profile is called {name!r}", f"use one of {_listed(profiles)}")
            elif name in pressure.give_up[:index]:
                self.say(location, f"{name!r} stands twice", "name each profile once, in the order to give up")
        if not self.file.recording.segment <= pressure.keep_at_least < floor:
            self.say(
                ("retention", "pressure", "keep_at_least"),
                f"{pressure.keep_at_least} s must lie below the floor of {floor} s and hold a segment",
                f"write less than {floor} s, and {self.file.recording.segment} s or more",
            )

    def lab_devices(self) -> None:
        """In a lab, what a profile asks for must be one of the clips, under a path that the simulator takes."""
        if self.file.city.target != "lab":
            return
        for index, profile in enumerate(self.file.profiles):
            for role, stream in (("main", profile.main), ("sub", profile.sub)):
                name = clip_name(stream.codec, *stream.resolution, stream.fps)
                if name not in CLIP_NAMES:
                    self.say(
                        ("profiles", index, role, "resolution"),
                        f"no simulated device of a lab plays {name}",
                        f"take codec, resolution and fps of one of {', '.join(CLIP_NAMES)}",
                    )
        for index, model in enumerate(self.file.models):
            for field in ("main_path", "sub_path"):
                path = str(getattr(model, field)).replace("{channel}", "1")
                if not STREAM_PATH.fullmatch(path):
                    self.say(
                        ("models", index, field),
                        f"no simulated device of a lab serves {path}",
                        "use letters, digits, '.', '_', '~', '-' and single slashes",
                    )


@dataclass
class _RowChecker:
    """Rules of the CSV files against ``city.yaml`` and each other."""

    file: CityFile
    encoders: list[EncoderRow]
    encoder_lines: dict[str, int]
    cameras: list[CameraRow]
    camera_lines: dict[str, int]

    def __post_init__(self) -> None:
        self.sites = {site.id: site.network for site in self.file.sites}
        self.models = {model.id: model for model in self.file.models}
        self.profiles = {profile.id for profile in self.file.profiles}
        self.by_encoder = {encoder.id: encoder for encoder in self.encoders}
        self.taken: dict[IPv4Address, str] = {}

    def problems(self) -> Iterator[Problem]:
        for encoder in self.encoders:
            line = self.encoder_lines[encoder.id]
            yield from self._known(ENCODERS, line, encoder.site, encoder.model, encoder.profile)
            yield from self._address(ENCODERS, line, encoder.id, encoder.site, encoder.address)
        channels: dict[tuple[str, int], int] = {}
        for camera in self.cameras:
            line = self.camera_lines[camera.id]
            yield from self._known(CAMERAS, line, camera.site, camera.model, camera.profile)
            if camera.encoder:
                yield from self._channel(line, camera, channels)
            else:
                yield from self._own_address(line, camera)
        yield from self._generated_ids()

    def _known(self, file: str, line: int, site: str, model: str | None, profile: str | None) -> Iterator[Problem]:
        for field, value, known in (
            ("site", site, self.sites),
            ("model", model, self.models),
            ("profile", profile, self.profiles),
        ):
            if value is not None and value not in known:
                yield Problem(
                    file, line, field, f"no {field} is called {value!r} in city.yaml", f"use one of {_listed(known)}"
                )

    def _address(self, file: str, line: int, owner: str, site: str, address: IPv4Address) -> Iterator[Problem]:
        network = self.sites.get(site)
        if network and (address not in network or address in {network.network_address, network.broadcast_address}):
            yield Problem(
                file,
                line,
                "address",
                f"{address} is no host address of {site}'s {network}",
                "take a free address inside it",
            )
        if address in self.taken:
            yield Problem(
                file,
                line,
                "address",
                f"{address} belongs to {self.taken[address]!r} already",
                "give each device its own address",
            )
        self.taken.setdefault(address, owner)

    def _channel(self, line: int, camera: CameraRow, channels: dict[tuple[str, int], int]) -> Iterator[Problem]:
        encoder = self.by_encoder.get(camera.encoder or "")
        if encoder is None:
            yield Problem(
                CAMERAS,
                line,
                "encoder",
                f"no encoder is called {camera.encoder!r} in {ENCODERS}",
                f"use one of {_listed(self.by_encoder)}",
            )
            return
        if camera.model or camera.address:
            yield Problem(
                CAMERAS,
                line,
                "address",
                "an encoder channel has the encoder's model and address",
                "leave model and address empty",
            )
        model = self.models.get(encoder.model)
        if camera.channel is None or (model and camera.channel > model.channels):
            most = f"1 to {model.channels}" if model else "a number"
            yield Problem(CAMERAS, line, "channel", f"{camera.channel} is no channel of {encoder.id}", f"use {most}")
            return
        if camera.site != encoder.site:
            yield Problem(
                CAMERAS,
                line,
                "site",
                f"{camera.site!r}, but its encoder stands at {encoder.site!r}",
                "give both the same site",
            )
        first = channels.setdefault((encoder.id, camera.channel), line)
        if first != line:
            yield Problem(
                CAMERAS,
                line,
                "channel",
                f"channel {camera.channel} of {encoder.id} is named in line {first} already",
                "keep one of them",
            )

    def _own_address(self, line: int, camera: CameraRow) -> Iterator[Problem]:
        for field in ("model", "address", "profile"):
            if getattr(camera, field) is None:
                yield Problem(
                    CAMERAS,
                    line,
                    field,
                    "missing for a camera without an encoder",
                    "fill it, or give encoder and channel",
                )
        if camera.channel is not None:
            yield Problem(
                CAMERAS,
                line,
                "channel",
                "a camera without an encoder has no channel",
                "leave it empty, or name the encoder",
            )
        model = self.models.get(camera.model or "")
        if model and model.channels != 1:
            yield Problem(
                CAMERAS,
                line,
                "model",
                f"{model.id} has {model.channels} channels: it is an encoder",
                f"write it into {ENCODERS}",
            )
        if camera.address:
            yield from self._address(CAMERAS, line, camera.id, camera.site, camera.address)

    def _generated_ids(self) -> Iterator[Problem]:
        """A camera must not carry the name of an unnamed channel, nor one with its own address that of an encoder."""
        generated = {
            channel_camera_id(encoder.id, channel) for encoder in self.encoders for channel in self._channels(encoder)
        }
        for camera in self.cameras:
            if camera.id in generated and camera.id != channel_camera_id(camera.encoder, camera.channel):
                yield Problem(
                    CAMERAS,
                    self.camera_lines[camera.id],
                    "id",
                    f"{camera.id!r} is the name of an encoder channel",
                    "choose another id",
                )
            if camera.id in self.by_encoder and camera.encoder is None:
                yield Problem(
                    CAMERAS,
                    self.camera_lines[camera.id],
                    "id",
                    f"{camera.id!r} is an encoder in {ENCODERS}",
                    "choose another id",
                )

    def _channels(self, encoder: EncoderRow) -> range:
        model = self.models.get(encoder.model)
        return range(1, model.channels + 1) if model else range(0)


def _listed(names: Iterable[Any]) -> str:
    ordered = sorted(str(name) for name in names)
    return ", ".join(ordered[:8]) + (", …" if len(ordered) > 8 else "") if ordered else "none (the list is empty)"
