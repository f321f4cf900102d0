"""Configuration of the retention exporter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from vigie.recording.layout import check_camera_id
from vigie.web.configuration import StrictModel

Url = Annotated[str, Field(pattern=r"^https://[^/]+$")]


class PromisedCamera(StrictModel):
    """A camera that this host records, and how long its footage is kept at least and at most."""

    id: str
    site: str
    floor_seconds: float = Field(gt=0)
    ceiling_seconds: float = Field(gt=0)

    @field_validator("id")
    @classmethod
    def _safe(cls, camera: str) -> str:
        return check_camera_id(camera)

    @model_validator(mode="after")
    def _floor_is_below(self) -> PromisedCamera:
        if self.floor_seconds >= self.ceiling_seconds:
            raise ValueError("ceiling_seconds must lie above floor_seconds")
        return self


class TlsFiles(StrictModel):
    """PEM files: the exporter's own certificate and key, and the city's authority."""

    certificate: Path
    key: Path
    authority: Path


class RetentionConfiguration(StrictModel):
    """The file of `--config.file`. `summary_interval_seconds` is how often the ledger is asked about all cameras: what is kept
    for weeks does not change by the second. `evidence_bytes` is what the plan reserves for locked footage."""

    sample_interval_seconds: float = Field(default=5, ge=1, le=10)
    summary_interval_seconds: float = Field(default=20, ge=1, le=60)
    ledger_url: Url
    keeper_url: Url
    tls: TlsFiles
    segment_seconds: int = Field(gt=1)
    evidence_bytes: int = Field(default=0, ge=0)
    cameras: tuple[PromisedCamera, ...]

    @field_validator("cameras")
    @classmethod
    def _once(cls, cameras: tuple[PromisedCamera, ...]) -> tuple[PromisedCamera, ...]:
        ids = [camera.id for camera in cameras]
        if len(set(ids)) != len(ids):
            raise ValueError("each camera is listed once")
        return cameras
