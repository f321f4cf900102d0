"""Configuration of the recording exporter."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from vigie.recording.layout import check_camera_id
from vigie.web.configuration import StrictModel


class RecordedCamera(StrictModel):
    """A camera that this host records, under which site and recorder identity."""

    id: str
    site: str
    identity: str

    @field_validator("id")
    @classmethod
    def _safe(cls, camera: str) -> str:
        return check_camera_id(camera)


class RecordingConfiguration(StrictModel):
    """The file of `--config.file`. `segment_seconds` is the nominal length of a segment."""

    sample_interval_seconds: float = Field(default=5, ge=1, le=10)
    recordings: Path
    segment_seconds: int = Field(gt=1)
    cameras: tuple[RecordedCamera, ...]

    @field_validator("cameras")
    @classmethod
    def _once(cls, cameras: tuple[RecordedCamera, ...]) -> tuple[RecordedCamera, ...]:
        ids = [camera.id for camera in cameras]
        if len(set(ids)) != len(ids):
            raise ValueError("each camera is listed once")
        return cameras
