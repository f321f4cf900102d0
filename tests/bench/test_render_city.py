"""What the design promises of rendering: all configuration of 100,000 cameras in 60 s and 2 GB, taken by MediaMTX."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.render_city import REPOSITORY
from tests.unit.recording.test_real_mediamtx import BINARY
from vigie.recording.mediamtx.__main__ import main

MOST_SECONDS = 60.0
MOST_MEGABYTES = 2_000
SAMPLE = ("recorder-1/rec-1.yml", "recorder-64/rec-64.yml", "recorder-127/rec-127.yml", "recorder-spare-8/rec-113.yml")


@pytest.fixture(scope="module", name="rendered")
def _rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The files, and what the bench printed; in a process of its own, so that memory is its own."""
    folder = tmp_path_factory.mktemp("metropolis")
    command = [sys.executable, "-m", "tests.bench.render_city", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    print(f"\n{done.stdout}")
    return folder, done.stdout


def test_all_configuration_of_the_metropolis(rendered: tuple[Path, str]) -> None:
    folder, printed = rendered
    figures = re.search(r"([0-9.]+) s of processor, peak ([0-9]+) MB", printed)
    assert figures
    assert float(figures[1]) < MOST_SECONDS
    assert int(figures[2]) < MOST_MEGABYTES
    assert len(list((folder / "encoders").iterdir())) == 5_000
    # Each identity at home and on its group's spare.
    assert len(list(folder.glob("recorder-*/rec-*.yml"))) == 2 * 127
    assert len(list(folder.glob("*/nftables.conf"))) == len(list(folder.glob("*/variables.json")))


@pytest.mark.skipif(BINARY is None or os.geteuid() != 0, reason="needs the bundle's MediaMTX, and root")
@pytest.mark.parametrize("name", SAMPLE)
def test_the_real_mediamtx_takes_it(rendered: tuple[Path, str], name: str) -> None:
    """Hundreds of cameras in one file, 400 to 900; one word wrong in it, and it is refused."""
    file = rendered[0] / name
    assert file.read_text("utf-8").count("rtsp://") >= 400
    file.chmod(0o600)
    assert main(["check", str(file), "--binary", str(BINARY)]) == 0
    wrong = rendered[0] / "wrong.yml"
    wrong.write_text(file.read_text("utf-8").replace("srt: false", "srtt: false"), "utf-8")
    wrong.chmod(0o600)
    assert main(["check", str(wrong), "--binary", str(BINARY)]) == 1
