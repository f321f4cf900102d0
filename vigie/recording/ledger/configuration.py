"""Configuration of the ledger service."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from vigie.plan.constants import LEDGER_PORT, LEDGER_STORE, RECORDINGS
from vigie.web.configuration import StrictModel


class LedgerConfiguration(StrictModel):
    """The file of `--config`, JSON or YAML.

    `segment_seconds` is the nominal length of a segment, `keyframe_interval_seconds` the longest GOP of a camera here.
    `web_config_file` (exporter-toolkit format) must demand client certificates. `reconcile_seconds` is the pause between two
    comparisons with the disk; `history_days` how long erased intervals are remembered.
    """

    recordings: Path = Path(RECORDINGS)
    store: Path = Path(LEDGER_STORE)
    segment_seconds: float = Field(gt=1)
    keyframe_interval_seconds: float = Field(default=2.0, gt=0, le=60)
    listen: str = f":{LEDGER_PORT}"
    web_config_file: Path
    reconcile_seconds: float = Field(default=3600, ge=1)
    history_days: float = Field(default=3653, ge=1)
