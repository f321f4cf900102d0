"""Finding the control group hierarchies, on the two layouts that machines have."""

from __future__ import annotations

from pathlib import Path

from infra.lab.cgroups import Hierarchy, parse_hierarchies

HYBRID_MOUNTS = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:7 - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
HYBRID_MEMBERSHIP = """\
9:name=systemd:/user.slice/session-1.scope
4:memory:/limited
1:cpu,cpuacct:/
0::/user.slice/session-1.scope
"""


def by_mount(found: tuple[Hierarchy, ...]) -> dict[str, Hierarchy]:
    return {hierarchy.mount.name: hierarchy for hierarchy in found}


def test_hybrid_layout_gives_every_hierarchy_once() -> None:
    found = by_mount(parse_hierarchies(HYBRID_MOUNTS, HYBRID_MEMBERSHIP))
    assert found.keys() == {"cpu,cpuacct", "memory", "systemd", "unified"}
    assert [name for name, hierarchy in found.items() if hierarchy.unified] == ["unified"]
    assert found["cpu,cpuacct"].controllers == {"cpu", "cpuacct"}
    assert found["systemd"].controllers == frozenset()


def test_hosts_stand_at_the_root_where_a_session_would_end_them() -> None:
    found = by_mount(parse_hierarchies(HYBRID_MOUNTS, HYBRID_MEMBERSHIP))
    assert found["unified"].base == Path("/sys/fs/cgroup/unified")
    assert found["systemd"].base == Path("/sys/fs/cgroup/systemd")


def test_hosts_stay_below_a_limit_laid_upon_the_caller() -> None:
    found = by_mount(parse_hierarchies(HYBRID_MOUNTS, HYBRID_MEMBERSHIP))
    assert found["memory"].base == Path("/sys/fs/cgroup/memory/limited")
    assert found["cpu,cpuacct"].base == Path("/sys/fs/cgroup/cpu,cpuacct")


def test_pure_unified_layout_of_debian_13() -> None:
    mounts = "30 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n"
    (only,) = parse_hierarchies(mounts, "0::/user.slice/user-0.slice/session-2.scope\n")
    assert only == Hierarchy(Path("/sys/fs/cgroup"), True, frozenset(), Path("/sys/fs/cgroup"))


def test_a_hierarchy_whose_root_hides_the_callers_group_is_entered_at_its_mount() -> None:
    """In a container the mount shows a subtree, while /proc may name a path outside of it."""
    mounts = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    assert parse_hierarchies(mounts, "4:memory:/elsewhere\n")[0].base == Path("/sys/fs/cgroup/memory")
    assert parse_hierarchies(mounts, "4:memory:/docker/abc/x\n")[0].base == Path("/sys/fs/cgroup/memory/x")


def test_a_hierarchy_mounted_twice_is_joined_once() -> None:
    again = HYBRID_MOUNTS + "50 31 0:38 / /mnt/again rw - cgroup2 cgroup2 rw\n"
    assert sum(hierarchy.unified for hierarchy in parse_hierarchies(again, HYBRID_MEMBERSHIP)) == 1
