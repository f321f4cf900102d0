"""``vigie export`` against keepers that run, with segments that decode."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cities import DEMO
from tests.unit.cli.exporting import (
    CAMERA,
    FPS,
    HELD,
    PLAN,
    PRIMARY,
    RUNNER,
    SECONDS,
    SPARE,
    at,
    clips,
    locks,
    run,
    seconds_of,
    verify,
)
from tests.unit.recording.keeper.serving import Host
from vigie.cli import exports
from vigie.cli.app import app
from vigie.cli.credentials import PREFIX
from vigie.recording.export.folder import ExportFolder
from vigie.recording.export.manifest import digest_of, read, write
from vigie.state import State

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="the command works as root only"),
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg"),
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export from the sixth second to the fifty-sixth, once the first test that needs it has made it."""
    return tmp_path_factory.mktemp("exports") / "case"


def made(folder: Path) -> Any:
    """The manifest of the export in ``folder``, made with the commands of a person where it is not there yet."""
    if not folder.exists():
        code, answer = run(folder, 5, 55, "--reason", "case 7", "--who", "Fatima")
        assert code == 0, json.dumps(answer, indent=1)
        assert answer["notes"] == []
    return json.loads((folder / "manifest.json").read_text())


def test_two_recorders_united_with_the_gap_declared(reachable: dict[str, Host], finished: Path) -> None:
    manifest = made(finished)
    assert [seconds_of(span) for span in manifest["covered"]] == [(5, 40), (50, 55)]
    assert [(seconds_of(gap), gap["cause"]) for gap in manifest["gaps"]] == [((40, 50), "erased: the disk was full")]
    assert not any(manifest[kind] for kind in ("unreachable", "unknown", "unfinished", "silent"))
    taken = [(segment["recorder"], round(seconds_of(segment)[0] / SECONDS)) for segment in manifest["segments"]]
    assert taken == [(PRIMARY, 0), (PRIMARY, 1), (PRIMARY, 2), (SPARE, 3), (PRIMARY, 5)]
    assert [entry["recorder"] for entry in manifest["not_copied"]] == [SPARE]
    assert manifest["camera"] == {"id": CAMERA.id, "site": CAMERA.site, "description": "Place de la Resistance"}
    assert (manifest["who"], manifest["reason"], manifest["plan"]) == ("Fatima", "case 7", PLAN.digest)
    assert verify(finished) == (0, f"{finished} is what its manifest says. ")
    for segment in manifest["segments"]:
        copied = (finished / segment["path"]).read_bytes()
        assert copied == (reachable[segment["recorder"]].folder / "recordings" / segment["file"]).read_bytes()
    assert (finished / "footage.mp4").stat().st_mode & 0o077 == 0
    assert not locks(reachable)
    kept = reachable[PRIMARY].ask("GET", f"/v1/locks/{manifest['lock']}")[1]
    assert (kept["reason"], kept["released"]["reason"]) == ("case 7", "export ended")


def packets(film: Path) -> list[tuple[float, bool]]:
    words = "ffprobe -v error -select_streams v:0 -show_entries packet=pts_time,flags -of csv=p=0"
    said = subprocess.run([*words.split(), str(film)], capture_output=True, text=True, check=True).stdout
    rows = [line.split(",") for line in said.split()]
    return [(float(row[0]), "K" in row[1]) for row in rows]


def pictures(film: Path) -> list[str]:
    """The MD5 of each decoded picture."""
    words = ["ffmpeg", "-v", "error", "-i", str(film), "-fps_mode", "passthrough", "-f", "framemd5", "-"]
    said = subprocess.run(words, capture_output=True, text=True, check=True)
    assert said.stderr == ""
    return [line.split(",")[-1].strip() for line in said.stdout.splitlines() if not line.startswith("#")]


def test_the_film_plays_what_the_pieces_say(quick: dict[str, Host], finished: Path, tmp_path: Path) -> None:
    """Cut on keyframes at both ends; each piece begins with a keyframe at its offset, and shows that instant's picture."""
    (film,) = made(finished)["films"]
    pieces = [
        (piece["offset"], piece["seconds"], seconds_of({**piece, "to": piece["from"]})[0]) for piece in film["pieces"]
    ]
    assert [(round(a, 1), round(b, 1), c) for a, b, c in pieces] == [
        (0, 6, 4), (6, 10, 10), (16, 10, 20), (26, 10, 30), (36, 5, 50)
    ]  # fmt: skip
    shown = packets(finished / "footage.mp4")
    for offset, _, _ in pieces:
        assert any(key and abs(time - offset) < 1 / FPS / 2 for time, key in shown), offset
    original = tmp_path / "original.mp4"
    (tmp_path / "clips").mkdir()
    listing = tmp_path / "all.txt"
    listing.write_text("".join(f"file '{path}'\n" for path in clips(tmp_path / "clips")))
    words = f"ffmpeg -v error -f concat -safe 0 -i {listing} -c copy {original}"
    subprocess.run(words.split(), check=True)
    every = pictures(original)
    found = pictures(finished / "footage.mp4")
    wanted = [picture for a, b, c in pieces for picture in every[round(c * FPS) : round((c + b) * FPS)]]
    assert len(found) == len(wanted) == 41 * FPS
    assert found == wanted


def test_what_lies_on_a_silent_recorder_is_unreachable_and_comes_later(
    quick: dict[str, Host], down: set[str], tmp_path: Path
) -> None:
    down.add(SPARE)
    code, answer = run(tmp_path / "case")
    assert code == 1
    first = answer["manifest"]
    assert [silent["recorder"] for silent in first["silent"]] == [SPARE]
    assert [seconds_of(span) for span in first["unknown"]] == [(30, 50)]
    assert first["gaps"] == []
    assert verify(tmp_path / "case")[0] == 0
    assert first["replaces"] is None
    before = {path: path.stat().st_ino for path in (tmp_path / "case" / "segments").rglob("*.mp4")}
    down.clear()
    code, answer = run(tmp_path / "case")
    assert code == 0
    assert [seconds_of(span) for span in answer["manifest"]["covered"]] == [(0, 40), (50, 60)]
    assert answer["manifest"]["replaces"] == first["digest"]
    assert all(path.stat().st_ino == number for path, number in before.items()), "what was there was fetched again"
    assert verify(tmp_path / "case")[0] == 0
    down.add(SPARE)  # now it told what it holds
    code, answer = run(tmp_path / "other")
    assert code == 1
    assert [seconds_of(span) for span in answer["manifest"]["unreachable"]] == [(30, 40)]
    assert [seconds_of(span) for span in answer["manifest"]["gaps"]] == [(40, 50)]


def test_ctrl_c_releases_the_lock_and_a_second_run_goes_on(
    quick: dict[str, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = ExportFolder.add

    def interrupted(folder: ExportFolder, told: dict[str, Any]) -> None:
        add(folder, told)
        raise KeyboardInterrupt

    monkeypatch.setattr(ExportFolder, "add", interrupted)
    argv = ["--camera", CAMERA.id, "--from", at(0), "--to", at(60), "--output", str(tmp_path / "case")]
    assert RUNNER.invoke(app, ["export", str(DEMO), *argv]).exit_code == 130
    assert not locks(quick)
    assert not list(State.of(PLAN.city).folder.glob(f"{PREFIX}*"))
    assert verify(tmp_path / "case")[0] == 2
    monkeypatch.setattr(ExportFolder, "add", add)
    first = run(tmp_path / "case")
    assert first[0] == 0
    assert verify(tmp_path / "case")[0] == 0
    again = run(tmp_path / "case")
    assert again[1]["manifest"] == first[1]["manifest"], "a whole export was made anew"
    assert verify(tmp_path / "case")[0] == 0


def test_killed_and_resumed(quick: dict[str, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dead in a moment: the lock stays until its end, what is whole is not fetched again."""
    add = ExportFolder.add
    child = os.fork()
    if not child:

        def killed(folder: ExportFolder, told: dict[str, Any]) -> None:
            add(folder, told)
            os.kill(os.getpid(), signal.SIGKILL)

        monkeypatch.setattr(ExportFolder, "add", killed)
        run(tmp_path / "case")
        os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    (lock,) = {lock["id"]: lock for lock in locks(quick)}.values()
    assert lock["until"] < time.time() + 7 * 3600
    whole = min((tmp_path / "case" / "segments").rglob("*.mp4"))
    number = whole.stat().st_ino
    deadline = time.monotonic() + 20
    while (answer := run(tmp_path / "case"))[0] == 2:  # its child ends at its next word
        assert "another export" in answer[1]["error"]
        assert time.monotonic() < deadline
    assert answer[0] == 0
    assert whole.stat().st_ino == number
    assert verify(tmp_path / "case")[0] == 0
    for name in HELD:
        quick[name].ask("POST", f"/v1/locks/{lock['id']}/release", {"who": "test", "reason": "over"})


def test_where_a_transfer_fails_the_other_recorder_steps_in(
    quick: dict[str, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = exports.Exporter._fetched

    def failing(exporter: exports.Exporter, files: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
        bad = [file for file in files if file["recorder"] == PRIMARY]
        yield from ({"recorder": file["recorder"], "file": file["file"], "error": "cut"} for file in bad)
        yield from fetched(exporter, [file for file in files if file not in bad])

    monkeypatch.setattr(exports.Exporter, "_fetched", failing)
    code, answer = run(tmp_path / "case", 10, 30)
    assert code == 1
    assert [segment["recorder"] for segment in answer["manifest"]["segments"]] == [SPARE]
    assert answer["manifest"]["silent"] == [{"recorder": PRIMARY, "error": "cut"}]
    assert [seconds_of(span) for span in answer["manifest"]["unreachable"]] == [(10, 20)]


Change = Callable[[Path], None]


def forged(field: str, value: Any) -> Change:
    """Somebody who makes the digest anew, and forgets that the manifest must agree with itself."""

    def change(folder: Path) -> None:
        manifest = read(folder)
        assert manifest is not None
        manifest["films"][0]["pieces"][1][field] = value
        write(folder, manifest | {"digest": digest_of(manifest)})

    return change


def flip(name: str) -> Change:
    def change(folder: Path) -> None:
        path = next(folder.glob(name))
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    return change


def rewritten(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"Fatima"', '"Nobody"'))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (flip("segments/*/*/*/*/*/*.mp4"), "segments/"),
        (flip("footage.mp4"), "footage.mp4: its SHA-256"),
        (flip("manifest.json"), "manifest.json"),
        (rewritten, "manifest.json: its digest"),
        (forged("offset", 7.5), "the pieces before end at 6.000 s"),
        (forged("from", "2020-01-01T00:00:00Z"), "outside of its segment"),
        (forged("segment", "segments/x"), "does not list"),
        (forged("seconds", 2), "the pieces before end at"),
        (lambda folder: next(folder.rglob("*-*.mp4")).unlink(), "missing"),
        (lambda folder: (folder / "footage.mp4").unlink(), "footage.mp4: missing"),
        (lambda folder: (folder / "segments" / "more.mp4").write_bytes(b""), "more.mp4: not in the manifest"),
        (lambda folder: os.truncate(folder / "footage.mp4", 100), "footage.mp4: 100 bytes"),
    ],
)
def test_a_changed_folder_is_found_out(
    quick: dict[str, Host], finished: Path, tmp_path: Path, change: Change, word: str
) -> None:
    made(finished)
    shutil.copytree(finished, tmp_path / "copy")
    assert verify(tmp_path / "copy")[0] == 0
    change(tmp_path / "copy")
    code, said = verify(tmp_path / "copy")
    assert code == 1
    assert word in said


def test_nothing_there_says_what_is_known(quick: dict[str, Host], down: set[str], tmp_path: Path) -> None:
    code, answer = run(tmp_path / "case", 41, 49)
    assert code == 1
    assert "no recorder has" in answer["error"]
    assert "the disk was full" in answer["error"]
    assert not (tmp_path / "case").exists()
    down.update((PRIMARY, SPARE))
    code, answer = run(tmp_path / "case", 0, 10)
    assert code == 1
    assert "does not answer" in answer["error"]
    assert not locks(quick)


def test_a_disk_without_room_is_seen_before(
    quick: dict[str, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("vigie.recording.export.folder.shutil.disk_usage", lambda _: usage)
    code, answer = run(tmp_path / "case")
    assert code == 1
    assert "bytes more than its disk has free" in answer["error"]
    assert not list((tmp_path / "case").rglob("*.mp4"))
    assert not locks(quick)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"--camera": CAMERA.id + "x"}, CAMERA.id),
        ({"--to": "2100-01-01T00:00Z"}, "future"),
        ({"--from": at(-40 * 86_400)}, "31 days"),
        ({"--from": "2026-01-01T00:00"}, "zone"),
        ({"--to": at(-1)}, "after --from"),
        ({"--output": str(DEMO)}, "not empty"),
        ({"--camera": ""}, "--camera"),
    ],
)
def test_mistakes_are_named(quick: dict[str, Host], tmp_path: Path, options: dict[str, str], word: str) -> None:
    asked = {"--camera": CAMERA.id, "--from": at(0), "--to": at(60), "--output": str(tmp_path / "case")} | options
    result = RUNNER.invoke(app, ["export", str(DEMO), "--json", *(word for pair in asked.items() for word in pair)])
    assert result.exit_code == 2
    assert word in json.loads(result.stdout)["error"]


def test_people_are_told_what_is_there_and_what_is_missing(quick: dict[str, Host], finished: Path) -> None:
    made(finished)
    argv = ["--camera", CAMERA.id, "--from", at(5), "--to", at(55), "--output", str(finished)]
    result = RUNNER.invoke(app, ["export", str(DEMO), *argv])
    assert result.exit_code == 0
    said = " ".join(result.output.split())
    assert "5 segments" in said
    assert "footage.mp4: 41.0 s in 5 pieces" in said
    assert "no recorder has" in said
    assert "(erased: the disk was full)" in said
    assert "whole already" in said


def test_a_folder_of_another_export_is_left_alone(quick: dict[str, Host], finished: Path) -> None:
    made(finished)
    code, answer = run(finished, 0, 30)
    assert code == 2
    assert "holds another export" in answer["error"]
    assert verify(finished)[0] == 0


def test_segments_without_a_film_are_handed_out_and_filmed_later(
    quick: dict[str, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("vigie.recording.export.film._SLACK_SECONDS", -1.0)
        code, answer = run(tmp_path / "case", 0, 10)
    assert code == 1
    assert "footage.mp4 lasts 10.00 s" in answer["manifest"]["not_filmed"][0]
    assert answer["manifest"]["films"] == []
    assert verify(tmp_path / "case")[0] == 0
    code, answer = run(tmp_path / "case", 0, 10)
    assert code == 0
    assert len(answer["manifest"]["films"]) == 1


def test_without_ffmpeg_nothing_begins(quick: dict[str, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, answer = run(tmp_path / "case")
    assert code == 2
    assert "Debian package ffmpeg" in answer["error"]
