"""The guide names every key and field, and what it shows works."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.unit.cities import REPOSITORY
from tests.unit.city.importing.lists import complete_city, run
from tests.unit.city.test_guide import keys
from vigie.city.importing.fields import NAMES
from vigie.city.importing.mapping import Mapping
from vigie.city.importing.present import ServiceRow

GUIDE = (REPOSITORY / "docs" / "how-to" / "import-a-city.md").read_text("utf-8")


def rows(heading: str) -> list[str]:
    """The first cell of every row below ``## heading``."""
    return re.findall(r"^\| `([^`]+)` \|", GUIDE.split(f"## {heading}\n")[1].split("\n## ")[0], re.MULTILINE)


def test_the_guide_names_every_key_and_field_in_order() -> None:
    assert rows("import.yaml") == list(keys(Mapping))
    assert rows("Fields") == list(NAMES)


def test_the_guide_names_the_columns_of_devices_in_service() -> None:
    section = GUIDE.split("## existing.csv\n")[1].split("\n## ")[0]
    assert re.findall(r"`(\w+)`", section) == list(ServiceRow.model_fields)


def test_the_discovery_that_the_guide_shows_is_one(tmp_path: Path) -> None:
    shown = GUIDE.split("```json\n")[1].split("```")[0]
    outcome = run(complete_city(tmp_path), json.dumps(json.loads(shown)).encode(), name="found.json")
    assert outcome.report.understood == 1
    assert "10.77.1.21" in outcome.files["cameras.csv"]
