"""The guide names every key of the keeper's configuration, and every kind of entry of the journal."""

from __future__ import annotations

import re

from tests.unit.cities import REPOSITORY
from tests.unit.city.test_guide import keys
from vigie.recording.journal import KINDS
from vigie.recording.keeper.configuration import KeeperConfiguration

GUIDE = (REPOSITORY / "docs" / "how-to" / "keep-and-erase.md").read_text("utf-8")


def rows(heading: str) -> list[str]:
    section = GUIDE.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]+`) \|", section, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_key_in_order() -> None:
    assert rows("The configuration file") == list(keys(KeeperConfiguration))


def test_every_kind_of_entry() -> None:
    assert set(rows("The journal")) == KINDS
