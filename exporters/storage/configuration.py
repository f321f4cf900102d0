"""Configuration of the storage exporter."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from vigie.web.configuration import StrictModel


class Volume(StrictModel):
    """A volume to watch: its name in metrics, and where it is mounted."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    mount: Path

    @field_validator("mount")
    @classmethod
    def _absolute(cls, mount: Path) -> Path:
        if not mount.is_absolute():
            raise ValueError("a mount is an absolute path")
        return mount


class StorageConfiguration(StrictModel):
    """The file of `--config.file`."""

    sample_interval_seconds: float = Field(default=5, ge=1, le=10)
    volumes: tuple[Volume, ...] = Field(min_length=1)

    @field_validator("volumes")
    @classmethod
    def _names_differ(cls, volumes: tuple[Volume, ...]) -> tuple[Volume, ...]:
        names = [volume.name for volume in volumes]
        if len(set(names)) != len(names):
            raise ValueError("each volume has a name of its own")
        return volumes
