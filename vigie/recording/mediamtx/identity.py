"""From the plan's words about an identity to MediaMTX's: used where the file is laid, and where a change is foretold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from vigie.recording.mediamtx.configuration import RecordedCamera, RecorderSettings


def identity_settings(
    identity: Mapping[str, Any], camera_login: Mapping[str, str], metrics_password_hash: str, api_password_hash: str
) -> RecorderSettings:
    """The settings of ``identity``, an entry of the plan variable ``vigie_identities``.

    ``camera_login`` has ``username`` and ``password``; hashes are in the form of ``hash_password``. Raises ``KeyError``
    for what the entry lacks.
    """
    return RecorderSettings(
        identity=identity["id"],
        api_port=identity["api_port"],
        metrics_port=identity["metrics_port"],
        recordings=PurePosixPath(identity["recordings"]),
        segment_seconds=identity["segment_seconds"],
        metrics_password_hash=metrics_password_hash,
        api_password_hash=api_password_hash,
        cameras=[
            RecordedCamera(
                id=camera["id"],
                address=camera["address"],
                port=camera["port"],
                path=camera["path"],
                username=camera_login["username"],
                password=camera_login["password"],
            )
            for camera in identity["cameras"]
        ],
    )
