"""The store keeps complete products only, and a key says everything its product is made from."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.bundle import store

_WORDS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=5)


@given(_WORDS, _WORDS)
def test_other_inputs_have_another_key(left: dict[str, str], right: dict[str, str]) -> None:
    assert (store.key_of(left) == store.key_of(right)) == (left == right)


@given(_WORDS)
def test_key_does_not_depend_on_order(inputs: dict[str, str]) -> None:
    assert store.key_of(inputs) == store.key_of(dict(reversed(inputs.items())))


def test_product_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> dict[str, str]:
        made.append(folder)
        (folder / "content").write_text("whole")
        return {"version": "1"}

    first, was_made = store.produce(tmp_path, "thing", "key", make)
    second, made_again = store.produce(tmp_path, "thing", "key", make)

    assert first == second == tmp_path / "thing" / "key"
    assert (was_made, made_again, len(made)) == (True, False, 1)
    assert (first / "content").read_text() == "whole"
    assert store.read_record(first) == {"version": "1"}


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_failed_build_leaves_nothing(tmp_path: Path, failure: type[BaseException]) -> None:
    def make(folder: Path) -> dict[str, str]:
        (folder / "half").write_text("half")
        raise failure

    with pytest.raises(failure):
        store.produce(tmp_path, "thing", "key", make)

    assert store.find(tmp_path, "thing", "key") is None
    assert [path.name for path in (tmp_path / "thing").iterdir()] == [".lock"]


def test_killed_build_is_swept_and_never_taken_for_a_product(tmp_path: Path) -> None:
    killed = tmp_path / "thing" / ".building-key"
    killed.mkdir(parents=True)
    (killed / "half").write_text("half")

    assert store.find(tmp_path, "thing", "key") is None
    folder, made = store.produce(tmp_path, "thing", "key", lambda _: {})

    assert made
    assert not killed.exists()
    assert not (folder / "half").exists()


def test_tree_digest_sees_names_contents_modes_and_links(tmp_path: Path) -> None:
    def digest() -> str:
        return store.tree_digest(tmp_path)

    seen = {digest()}
    (tmp_path / "folder").mkdir()
    seen.add(digest())
    file = tmp_path / "folder" / "file"
    file.write_text("one")
    seen.add(digest())
    file.write_text("two")
    seen.add(digest())
    file.chmod(0o600)
    seen.add(digest())
    (tmp_path / "link").symlink_to("folder")
    seen.add(digest())
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("folder/file")
    seen.add(digest())

    assert len(seen) == 7
