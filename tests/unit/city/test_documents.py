"""The readers meet files from strangers: whatever the bytes, the answer is values or a ``CityError`` that names the file."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vigie.city import CityError
from vigie.city.documents import MAX_FILE_BYTES, Document, dotted, read_csv, read_yaml

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
YAML_ALPHABET = st.sampled_from([*"abz019-_.:, \n\t[]{}'\"#&*!|>%@`?~=<\r\0\\é\u2028\x85", ": ", "\n  ", "- ", "---\n"])
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text("abc é'\":#-", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcd", min_size=1), inner, max_size=3),
    max_leaves=12,
)


def refusal(path: Path, read: Any) -> str:
    """The message of the ``CityError`` that ``read`` raises; each problem names the file and a fix."""
    with pytest.raises(CityError) as caught:
        read()
    for problem in caught.value.problems:
        assert problem.file == path.name
        assert problem.fix
        assert 0 <= problem.line <= len(path.read_text("utf-8", errors="replace").splitlines()) + 1
    return str(caught.value)


@same_folder
@given(st.binary(max_size=300) | st.lists(YAML_ALPHABET, max_size=80).map(lambda parts: "".join(parts).encode()))
@example(b"a: !!int ''")
@example(b"a: !!bool x")
@example(b"a: !!timestamp x")
@example(b"a: 0x")
@example(b"\xff\xfea\x00")
def test_any_bytes_are_yaml_or_a_city_error(tmp_path: Path, raw: bytes) -> None:
    """Nothing but ``CityError`` may escape, whatever was saved as city.yaml."""
    path = tmp_path / "city.yaml"
    path.write_bytes(raw)
    try:
        document = read_yaml(path)
    except CityError:
        refusal(path, lambda: read_yaml(path))
    else:
        assert isinstance(document.values, dict)


@same_folder
@given(st.binary(max_size=300) | st.text('ab,;"\n\r\t é\0', max_size=80).map(str.encode))
def test_any_bytes_are_csv_or_a_city_error(tmp_path: Path, raw: bytes) -> None:
    """Nothing but ``CityError`` may escape, whatever was saved as encoders.csv."""
    path = tmp_path / "encoders.csv"
    path.write_bytes(raw)
    try:
        rows = read_csv(path, ("a", "b"))
    except CityError:
        refusal(path, lambda: read_csv(path, ("a", "b")))
    else:
        assert all(row.cells.keys() == {"a", "b"} for row in rows)


@same_folder
@given(st.dictionaries(st.text("abcd", min_size=1), plain, max_size=5))
def test_yaml_values_equal_those_of_the_reference_loader(tmp_path: Path, values: dict[str, Any]) -> None:
    """Our reader adds lines and must not change a value: compared with PyYAML's own safe loader."""
    path = tmp_path / "city.yaml"
    path.write_text(yaml.dump(values, allow_unicode=True), "utf-8")
    document = read_yaml(path)
    # dump() writes `~: 1` for no key here: keys are text, so the reference agrees to the letter.
    expected = yaml.safe_load(path.read_text("utf-8"))
    assert document.values == {str(key): value for key, value in expected.items()}


@same_folder
@given(st.lists(st.tuples(st.text("ab, \"'\n", max_size=6), st.text("xyz", max_size=4)), max_size=6))
def test_csv_round_trip(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    """What a spreadsheet writes comes back, with quotes, commas and line ends inside cells, without edge spaces."""
    path = tmp_path / "encoders.csv"
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerows([("a", "b"), *pairs])
    path.write_text(sheet.getvalue(), "utf-8", newline="")
    expected = [(a.strip() or None, b.strip() or None) for a, b in pairs]
    rows = read_csv(path, ("a", "b"))
    assert [(row.cells["a"], row.cells["b"]) for row in rows] == [pair for pair in expected if pair != (None, None)]


def test_a_csv_row_is_named_by_the_line_where_it_begins(tmp_path: Path) -> None:
    """A quoted description may span lines; the line in the message is the one a person looks for."""
    path = tmp_path / "cameras.csv"
    path.write_text('a,b\n1,"two\nlines"\n\n2,x\n')
    assert [row.line for row in read_csv(path, ("a", "b"))] == [2, 5]


def test_lines_of_yaml_locations(tmp_path: Path) -> None:
    """Every message about city.yaml stands on these numbers."""
    path = tmp_path / "city.yaml"
    path.write_text("# head\na:\n  - id: x\n  -\n    id: y\nb: {c: 1,\n  d: 2}\n")
    lines = read_yaml(path).lines
    assert (lines["a",], lines["a", 0, "id"], lines["a", 1, "id"], lines["b", "c"], lines["b", "d"]) == (2, 3, 5, 6, 7)


def test_a_location_the_file_lacks_is_its_nearest_parents() -> None:
    """A missing key has no line of its own: the parent's is where it belongs."""
    document = Document("city.yaml", {}, {(): 1, ("a",): 4, ("a", 0): 5})
    assert [document.line(location) for location in (("a", 0, "id"), ("a", 7, "id"), ("z",))] == [5, 4, 1]
    assert dotted(("sites", 1, "uplink")) == "sites[1].uplink"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("a: !!python/object/apply:os.system ['true']\n", "tag"),
        ("a: 1\na: 2\n", "written twice"),
        ("[1]: 2\n", "a key must be a word"),
        ("- a\n", "not a mapping"),
        ("", "not a mapping"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: [1\n", "not valid YAML"),
        ("a: 2026-13-45\n", "no plain value"),
        ("a: \x07\n", "not valid YAML"),
        ("a: \0\n", "NUL"),
        ("a: " + "x" * 70_000, "characters"),
        ("a: " + "[" * 30 + "]" * 30, "nested too deeply"),
        ("a:\n" + "".join(f" [{'[' * 60_000}\n" for _ in range(20)), "nested too deeply"),
    ],
)
def test_yaml_that_is_no_city(tmp_path: Path, text: str, complaint: str) -> None:
    """Each of these once crashed a YAML reader somewhere, or meant something else than it seems."""
    path = tmp_path / "city.yaml"
    path.write_text(text, "utf-8")
    assert complaint in refusal(path, lambda: read_yaml(path))


def test_billion_laughs_cost_nothing(tmp_path: Path) -> None:
    """Nested aliases that would expand to 10^9 items are refused before anything is built."""
    path = tmp_path / "city.yaml"
    path.write_text(
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    )
    assert "city.yaml:2" in refusal(path, lambda: read_yaml(path))


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    """A sparse file of gigabytes must not be pulled into memory."""
    path = tmp_path / "cameras.csv"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(CityError, match=r"cameras\.csv: larger than 64 MiB"):
        read_csv(path, ("a",))


def test_a_directory_or_nothing_at_all_is_no_file(tmp_path: Path) -> None:
    """The commonest mistake is a wrong folder."""
    (tmp_path / "city.yaml").mkdir()
    for name in ("city.yaml", "missing.yaml"):
        with pytest.raises(CityError, match=f"{name}: cannot be read"):
            read_yaml(tmp_path / name)
