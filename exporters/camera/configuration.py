"""Configuration of the camera exporter."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from vigie.recording.layout import check_camera_id
from vigie.web.configuration import StrictModel


class Identity(StrictModel):
    """A recorder identity and where its MediaMTX answers on metrics: loopback, without credentials in the URL."""

    id: str
    metrics_url: str = Field(pattern=r"^http://[^/@\s]+/metrics$")


class Camera(StrictModel):
    """A camera and what the plan expects of its main stream."""

    id: str
    site: str
    identity: str
    address: str
    port: int = Field(gt=0, le=65535)
    main_path: str = Field(pattern=r"^/\S*$")
    model: str = ""
    codec: Literal["h264", "h265"]
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    frames_per_second: float = Field(gt=0)
    keyframe_interval_seconds: float = Field(gt=0)
    bits_per_second: int = Field(gt=0)

    @field_validator("id")
    @classmethod
    def _safe(cls, camera: str) -> str:
        return check_camera_id(camera)


class CameraConfiguration(StrictModel):
    """The file of `--config.file`. `credentials_file` is a `Credentials` file."""

    sample_interval_seconds: float = Field(default=5, ge=1, le=10)
    picture_interval_seconds: float = Field(default=15, ge=5)
    recordings: Path
    credentials_file: Path
    identities: tuple[Identity, ...]
    cameras: tuple[Camera, ...]

    @model_validator(mode="after")
    def _references_hold(self) -> CameraConfiguration:
        known = {identity.id for identity in self.identities}
        seen: set[str] = set()
        for camera in self.cameras:
            if camera.identity not in known:
                raise ValueError(f"camera {camera.id}: identity {camera.identity!r} is not among identities")
            if camera.id in seen:
                raise ValueError(f"camera {camera.id} is listed twice")
            seen.add(camera.id)
        return self


class Login(StrictModel):
    """A user name and password; the password does not show when printed."""

    username: str
    password: SecretStr


class Credentials(StrictModel):
    """Who asks the cameras, and who reads MediaMTX's metrics."""

    cameras: Login
    metrics: Login
