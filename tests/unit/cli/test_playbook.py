"""What the command line learns from Ansible's events: manifests, changes, failures."""

from __future__ import annotations

from pathlib import Path

from vigie.city import load_city
from vigie.cli.fingerprint import fingerprints, tree_digest
from vigie.cli.playbook import PlaybookRun
from vigie.plan import plan

DEMO = Path(__file__).parents[3] / "inventories" / "demo"


def _event(status: str, **more: object) -> dict[str, object]:
    return {"host": "noc-1", "role": "base", "task": "Install packages", "status": status, "message": "", **more}


def test_changes_and_failures_are_kept_by_host() -> None:
    run = PlaybookRun({"noc-1"})
    run.take(_event("changed"))
    run.take(_event("ok"))
    run.take(_event("failed", message="no space"))
    assert run.changed == {"noc-1": ["base: Install packages"]}
    assert "no space" in run.failures["noc-1"]


def test_a_handler_does_not_forget_that_a_unit_is_enabled() -> None:
    run = PlaybookRun({"noc-1"})
    run.take(_event("ok", units=[{"name": "chrony", "active": True, "enabled": True}]))
    run.take(_event("changed", units=[{"name": "chrony", "active": True, "enabled": None}]))
    assert run.units["noc-1"]["chrony"] == {"active": True, "enabled": True}


def test_the_last_word_on_a_file_counts() -> None:
    run = PlaybookRun({"noc-1"})
    for sha1 in ("a", "b"):
        run.take(_event("ok", files=[{"path": "/x", "sha1": sha1, "mode": "0644", "owner": "root", "group": "root"}]))
    assert run.files["noc-1"]["/x"]["sha1"] == "b"


def test_a_fingerprint_changes_with_its_host_and_with_what_all_share() -> None:
    demo = plan(load_city(DEMO))
    keys = {host.name: "ssh-ed25519 A" for host in demo.hosts}
    first = fingerprints(demo, keys, ["bundle 1"])
    assert fingerprints(demo, keys, ["bundle 1"]) == first
    assert set(fingerprints(demo, keys, ["bundle 2"]).items()).isdisjoint(first.items())
    rebuilt = fingerprints(demo, keys | {"noc-1": "ssh-ed25519 B"}, ["bundle 1"])
    assert {host for host in first if first[host] != rebuilt[host]} == {"noc-1"}


def test_the_digest_of_a_tree_sees_names_and_contents_but_no_caches(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = tree_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("x")
    assert tree_digest(tmp_path) == before
    (tmp_path / "a").rename(tmp_path / "b")
    assert tree_digest(tmp_path) != before
