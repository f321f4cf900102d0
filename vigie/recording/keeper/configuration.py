"""The keeper's configuration file (JSON or YAML); docs/how-to/keep-and-erase.md explains it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from vigie.plan.constants import KEEPER_PORT, LEDGER_DIR, RECORDINGS
from vigie.recording.keeper.evidence import Room
from vigie.recording.keeper.rules import Keeping, PressurePolicy
from vigie.recording.layout import check_camera_id


class ConfigurationError(Exception):
    """The file cannot be used; the message names file, field and fix."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Seconds = Annotated[float, Field(gt=0)]
Bytes = Annotated[int, Field(ge=0)]
CameraId = Annotated[str, AfterValidator(check_camera_id)]


class RetentionSettings(_Strict):
    """Seconds that items are kept at least, and after which they go."""

    floor_seconds: Seconds
    ceiling_seconds: Seconds

    @model_validator(mode="after")
    def _floor_is_below(self) -> RetentionSettings:
        if self.floor_seconds >= self.ceiling_seconds:
            raise ValueError("ceiling_seconds must lie above floor_seconds")
        return self


class CameraSettings(RetentionSettings):
    """A camera of the plan that this host records, or may have recorded."""

    id: CameraId
    profile: str = ""


class PressureSettings(_Strict):
    """What is given up below the floor when recording needs the room; the city's ``retention.pressure``."""

    give_up: tuple[str, ...]
    keep_at_least_seconds: Seconds


class StoreSettings(RetentionSettings):
    """Another store of dated files with a retention of its own, such as face images."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
    root: Path
    headroom_bytes: Bytes = 0


class TlsSettings(_Strict):
    """PEM files: this host's certificate and key, and the city's authority that callers' certificates must come from."""

    certificate: Path
    key: Path
    authority: Path


class RoleSettings(_Strict):
    """Who may do what, by the common name of the certificate. ``copy`` may fetch locked footage and the journal."""

    control: tuple[str, ...] = ("control",)
    read: tuple[str, ...] = ()
    copy_: Annotated[tuple[str, ...], Field(alias="copy")] = ()


class PeerSettings(_Strict):
    """Another keeper: its host name and the address of its API, ``https://ADDRESS:PORT``."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    url: Annotated[str, Field(pattern=r"^https://[^/]+$")]


class CopySettings(_Strict):
    """What this host fetches from ``peers`` into ``folder``: their journals, and their locked footage if ``evidence``."""

    folder: Path
    peers: Annotated[tuple[PeerSettings, ...], Field(min_length=1)]
    evidence: bool = False
    every_seconds: Seconds = 60.0


class KeeperConfiguration(_Strict):
    """The whole file. ``retention`` is the city's: it rules folders of cameras that the plan does not know."""

    address: str
    port: Annotated[int, Field(ge=1, le=65535)] = KEEPER_PORT
    tls: TlsSettings
    roles: RoleSettings = RoleSettings()
    ledger: Path = Path(LEDGER_DIR)
    recordings: Path = Path(RECORDINGS)
    segment_seconds: Seconds
    retention: RetentionSettings
    cameras: tuple[CameraSettings, ...]
    stores: tuple[StoreSettings, ...] = ()
    headroom_bytes: Bytes
    evidence_bytes: Bytes = 0
    pressure: PressureSettings | None = None
    approval: Literal["none", "two_persons"] = "none"
    time_servers: bool = True
    pass_seconds: Seconds = 30.0
    erasures_per_second: Annotated[float, Field(gt=0, le=10_000)] = 50.0
    erasures_per_pass: Annotated[int, Field(ge=1, le=1_000_000)] = 5000
    copies: CopySettings | None = None

    @model_validator(mode="after")
    def _sound(self) -> KeeperConfiguration:
        names = [camera.id for camera in self.cameras]
        if len(set(names)) != len(names):
            raise ValueError("cameras: an id stands twice")
        stores = [store.name for store in self.stores]
        if len(set(stores)) != len(stores) or {"recordings", "quarantine"} & set(stores):
            raise ValueError("stores: names must differ, also from recordings and quarantine")
        for rule in (self.retention, *self.cameras):
            if rule.ceiling_seconds < rule.floor_seconds + self.segment_seconds:
                raise ValueError("ceiling_seconds must lie a segment above floor_seconds: a segment goes whole")
        return self

    def keeping(self) -> dict[str, Keeping]:
        """The rule of each camera of the plan."""
        return {c.id: Keeping(c.floor_seconds, c.ceiling_seconds, profile=c.profile) for c in self.cameras}

    def stranger(self) -> Keeping:
        """The rule of folders of cameras that the plan does not know."""
        return Keeping(self.retention.floor_seconds, self.retention.ceiling_seconds, planned=False)

    def room(self) -> Room:
        return Room(self.headroom_bytes, self.evidence_bytes)

    def pressure_policy(self) -> PressurePolicy | None:
        if self.pressure is None:
            return None
        return PressurePolicy(self.pressure.give_up, self.pressure.keep_at_least_seconds)


_FIXES: Final = {"missing": "add it", "extra_forbidden": "remove it or correct its spelling"}


def load_configuration(path: Path) -> KeeperConfiguration:
    """The configuration in ``path``. Raises ``ConfigurationError`` with one line for each mistake."""
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
        return KeeperConfiguration.model_validate({} if content is None else content)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not JSON or YAML: {error}") from None
    except ValidationError as error:
        lines = []
        for detail in error.errors(include_url=False):
            field = ".".join(str(step) for step in detail["loc"]) or "the whole file"
            fix = _FIXES.get(detail["type"], "")
            lines.append(f"{path}: {field}: {detail['msg']}" + (f"; fix: {fix}" if fix else ""))
        raise ConfigurationError("\n".join(lines)) from None
