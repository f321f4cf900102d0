"""Where the segments of an export lie."""

from __future__ import annotations

from pathlib import Path

from vigie.recording.keeper.evidence_copy import safe_path


def path_of(folder: Path, recorder: str, file: str) -> Path:
    """Where an export keeps a segment. Raises ``ValueError`` for names that would lead outside of ``folder``."""
    if not recorder.replace("-", "").isalnum():
        raise ValueError(f"{recorder!r} is no host's name")
    return folder / "segments" / recorder / safe_path(file)
