"""What a listed camera means in this city: its site, model and profile; and what the city would have to learn first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from vigie.city.importing.fields import slug
from vigie.city.importing.mapping import FieldName, Mapping
from vigie.city.importing.present import Present
from vigie.city.importing.recognition import Column
from vigie.city.importing.report import Finding, Outcome
from vigie.city.importing.understanding import Listed
from vigie.city.importing.values import redacted
from vigie.city.model import CityFile, Profile
from vigie.city.quantity import human_bit_rate

Settings = tuple[tuple[int, int] | None, str | None, int | None, int | None]  # resolution, codec, fps, bit/s
STREAM_FIELDS: Final[tuple[FieldName, ...]] = ("resolution", "codec", "fps", "bitrate")


@dataclass(frozen=True, slots=True)
class Placed:
    """A listed camera whose texts resolved; ``None`` where the list says nothing, which an existing row may fill."""

    listed: Listed
    site: str | None
    model: str | None
    profile: str | None


@dataclass(slots=True)
class Wanted:
    """What the list names and the city does not have: rows by the text that names it."""

    sites: dict[str, list[Listed]] = field(default_factory=dict)
    models: dict[str, list[Listed]] = field(default_factory=dict)
    profiles: dict[Settings, list[Listed]] = field(default_factory=dict)


class Unresolved(Exception):  # noqa: N818 (an answer, not a failure of the program)
    """A text that means nothing in the city: ``field``, the text, why, and the fix."""

    def __init__(self, name: FieldName, text: str, message: str, fix: str) -> None:
        self.name, self.text, self.message, self.fix = name, text, message, fix
        super().__init__(message)


class References:
    """Looks up what a list names in a city file; ``wanted`` and ``findings`` collect what is not there."""

    def __init__(self, present: Present, mapping: Mapping, places: dict[FieldName, Column], descriptive: bool) -> None:
        """``descriptive``: the list says how devices are now, not how the city wants them: an unknown stream is then
        no mistake, nor is an unknown model of a device that the city has."""
        self.file, self.present = present.file, present
        self.mapping, self.places, self.descriptive = mapping, places, descriptive
        file = present.file
        self.sites = {site.id: site for site in file.sites}
        self.models = {model.id for model in file.models}
        self.profiles = {profile.id: profile for profile in file.profiles}
        self.wanted = Wanted()
        self.findings: list[Finding] = []

    def place(self, listed: Listed) -> Placed | None:
        """``listed`` with its references, or ``None`` after saying everything that does not resolve."""
        found: dict[FieldName, str | None] = {}
        look_ups: dict[FieldName, Callable[[Listed], str | None]] = {
            "site": self._site,
            "model": self._model,
            "profile": self._profile,
        }
        for name, look_up in look_ups.items():
            try:
                found[name] = look_up(listed)
            except Unresolved as error:
                known = self.descriptive and self.present.knows(listed.address, listed.mac, listed.serial)
                self._say(listed, error, "note" if known else "refused")
                if known:
                    found[name] = None
        if len(found) < 3:
            return None
        return Placed(listed, found["site"], found["model"], found["profile"])

    def _say(self, listed: Listed, error: Unresolved, outcome: Outcome) -> None:
        column = self.places.get(error.name)
        self.findings.append(
            Finding(
                listed.row,
                column.letter if column else "",
                column.heading if column else error.name,
                outcome,
                redacted(error.text),
                error.message,
                error.fix,
            )
        )

    def _site(self, listed: Listed) -> str | None:
        holding = next(
            (site.id for site in self.file.sites if listed.address is not None and listed.address in site.network), None
        )
        if listed.site is None:
            return holding
        if (name := slug(listed.site)) in self.sites:
            return name
        self.wanted.sites.setdefault(listed.site, []).append(listed)
        near = [holding] if holding else get_close_matches(name, self.sites, 1)
        raise Unresolved("site", listed.site, f"the city has no site {name!r}", _fix("site", listed.site, near))

    def _model(self, listed: Listed) -> str | None:
        text = listed.encoder_model or listed.model
        if text is None:
            return None
        tried = [slug(text), slug(f"{listed.vendor or ''} {text}")]
        if listed.vendor and tried[0].startswith(f"{slug(listed.vendor)}-"):
            tried.append(tried[0].removeprefix(f"{slug(listed.vendor)}-"))
        for name in tried:
            if name in self.models:
                return name
        self.wanted.models.setdefault(model_id(listed), []).append(listed)
        column: FieldName = "encoder_model" if listed.encoder_model else "model"
        near = get_close_matches(tried[1], self.models, 1)
        raise Unresolved(column, text, f"the city has no model {model_id(listed)!r}", _fix(column, text, near))

    def _profile(self, listed: Listed) -> str | None:
        if listed.profile is not None:
            if (name := slug(listed.profile)) in self.profiles:
                return name
            near = get_close_matches(name, self.profiles, 1)
            raise Unresolved(
                "profile", listed.profile, f"the city has no profile {name!r}", _fix("profile", listed.profile, near)
            )
        default = self.mapping.defaults.get("profile")
        settings: Settings = (listed.resolution, listed.codec, listed.fps, listed.bitrate)
        if not any(settings):
            return default
        fitting = [profile.id for profile in self.file.profiles if sends(profile, settings)]
        if len(fitting) == 1:
            return fitting[0]
        if default and (default in fitting or self.descriptive):
            return default
        if self.descriptive:
            return None
        said = stream_words(settings)
        if fitting:
            raise Unresolved(
                self._stream_column(listed),
                said,
                f"{said} is what {', '.join(fitting)} send",
                "name one of them in defaults.profile",
            )
        self.wanted.profiles.setdefault(settings, []).append(listed)
        raise Unresolved(
            self._stream_column(listed),
            said,
            f"no profile of the city sends {said}",
            "add the profile of import-additions.yaml, or take these columns out of the mapping and set defaults.profile",
        )

    def _stream_column(self, listed: Listed) -> FieldName:
        return next(name for name in STREAM_FIELDS if getattr(listed, name) is not None)


def sends(profile: Profile, settings: Settings) -> bool:
    """Whether the main stream of ``profile`` has every one of ``settings`` that is given."""
    main = profile.main
    have = (main.resolution, main.codec, main.fps, main.bitrate)
    return all(wanted is None or wanted == got for wanted, got in zip(settings, have, strict=True))


def stream_words(settings: Settings) -> str:
    """``settings`` as a person says them: ``2560x1440 h265 15 fps 4 Mbit/s``."""
    resolution, codec, fps, bitrate = settings
    parts = [
        "x".join(map(str, resolution)) if resolution else "",
        codec or "",
        f"{fps} fps" if fps else "",
        human_bit_rate(bitrate) if bitrate else "",
    ]
    return " ".join(filter(None, parts))


def model_id(listed: Listed) -> str:
    """The id that the model of ``listed`` would get: vendor and model, each once."""
    text = slug(listed.encoder_model or listed.model or "")
    vendor = slug(listed.vendor or "")
    return text if not vendor or text.startswith(f"{vendor}-") else slug(f"{vendor} {text}")


def _fix(name: FieldName, text: str, near: Iterable[str]) -> str:
    close = next(iter(near), None)
    added = "add it to city.yaml (import-additions.yaml has the block)" if name != "profile" else "add it to city.yaml"
    if close:
        return f'if it is {close!r}, write "{redacted(text)}": {close} below values.{name} of the mapping; else {added}'
    return f"{added}, or say what it is below values.{name} of the mapping"


def propose_values(file: CityFile, samples: dict[str, tuple[str, ...]]) -> dict[str, dict[str, str]]:
    """Texts of a list that are not ids of the city but close to one, for a person to confirm in the mapping."""
    known = {
        "site": [site.id for site in file.sites],
        "model": [model.id for model in file.models],
        "profile": [profile.id for profile in file.profiles],
    }
    found: dict[str, dict[str, str]] = {}
    for name, ids in known.items():
        for text in samples.get(name, ()):
            name_of = slug(text)
            if name_of and name_of not in ids and (near := _near(name_of, ids)):
                found.setdefault(name, {})[text] = near
    return found


def _near(text: str, ids: list[str]) -> str | None:
    """The one id all of whose words stand in ``text`` (the longest), or that is spelt nearly alike."""
    have = set(text.split("-"))
    inside = sorted((one for one in ids if set(one.split("-")) <= have), key=lambda one: (-len(one), one))
    if inside and (len(inside) == 1 or len(inside[0]) > len(inside[1])):
        return inside[0]
    return next(iter(get_close_matches(text, ids, 1, 0.85)), None)
