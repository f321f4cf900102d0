"""What the encoder is asked for and what is refused of its result; a real encode where ffmpeg is installed."""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path

import pytest

from simulators.encoder import encode as module
from simulators.encoder.clipfile import read_clip
from simulators.encoder.clips import BY_NAME, GRID, ClipSpec, Variant
from simulators.encoder.encode import EncodeError, check_pictures, encode_grid, ffmpeg_arguments, main, recipe_digest
from tests.unit.simulators.synthetic import pictures

SPEC = BY_NAME["h264-2560x1440-15"]
SMALL = (ClipSpec("h264", 320, 180, 5, 100_000), ClipSpec("h265", 320, 180, 5, 60_000))
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def test_every_clip_has_a_recipe_of_its_own() -> None:
    cells = list(product(GRID, Variant))
    assert len({recipe_digest(*cell) for cell in cells}) == len(cells)


def test_no_frame_refers_across_a_keyframe_or_forward() -> None:
    """Otherwise a switch of variant at a keyframe would show rubbish, and timestamps would run backwards."""
    for spec in GRID:
        command = " ".join(ffmpeg_arguments(spec, Variant.MAIN))
        assert f"keyint={spec.group_frames}:min-keyint={spec.group_frames}" in command
        assert "open-gop=0" in command
        assert "scenecut=0" in command
        assert ("-bf 0" if spec.codec == "h264" else "bframes=0") in command


def test_a_clip_that_is_not_as_declared_is_refused() -> None:
    good = pictures(SPEC, Variant.BLACK)
    check_pictures(SPEC, Variant.BLACK, good)
    with pytest.raises(EncodeError, match="89 frames instead of 90"):
        check_pictures(SPEC, Variant.BLACK, good[:-1])
    with pytest.raises(EncodeError, match="frame 30: keyframes must come every 30 frames"):
        check_pictures(SPEC, Variant.BLACK, [*good[:30], good[1], *good[31:]])
    with pytest.raises(EncodeError, match="bit/s instead of 1500000"):
        check_pictures(SPEC, Variant.MAIN, pictures(SPEC, Variant.MAIN))


@needs_ffmpeg
def test_the_grid_is_encoded_once_and_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRID", SMALL)
    monkeypatch.setattr(module, "BITRATE_TOLERANCE", 0.5)  # rate control needs more than thumbnails to be exact
    lines: list[str] = []
    encode_grid(tmp_path, 2, lines.append)
    assert sum("encoded in" in line for line in lines) == 6
    for spec in SMALL:
        sets = {read_clip(tmp_path / spec.file_name(variant)).index.parameter_sets for variant in Variant}
        assert len(sets) == 1
    (tmp_path / SMALL[0].file_name(Variant.BLACK)).write_bytes(b"cut short")
    lines.clear()
    encode_grid(tmp_path, 2, lines.append)
    assert [line.split()[1] for line in lines if "encoded in" in line] == [f"{SMALL[0].file_name(Variant.BLACK)}:"]


def test_a_failing_encoder_is_reported_with_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "ffmpeg_arguments", lambda *_: ["sh", "-c", "echo no such filter >&2; exit 3"])
    assert main(["--out", str(tmp_path)]) == 1
    assert "no such filter" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_ffmpeg_the_package_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "ffmpeg_arguments", lambda *_: [str(tmp_path / "ffmpeg")])
    assert main(["--out", str(tmp_path / "clips")]) == 1
    assert "install Debian's package ffmpeg" in capsys.readouterr().err


def test_the_list_names_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [spec.file_name(variant) for spec, variant in product(GRID, Variant)]


@pytest.mark.parametrize("arguments", [[], ["--out", "x", "--jobs", "0"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
