"""Run the testinfra tests on the hosts of a plan."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vigie.cli.children import Event, run
from vigie.cli.progress import Progress
from vigie.state import State

ROOT: Final = Path(__file__).parents[2]
HOST_TESTS: Final = ROOT / "tests" / "hosts"


@dataclass
class Verification:
    """The outcome: passed tests of each host, and what failed with its message."""

    hosts: Collection[str]
    exit_code: int = 0
    passed: dict[str, int] = field(default_factory=dict)
    failures: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def green(self) -> set[str]:
        """Hosts of which something was tested and nothing failed: no test is never green."""
        return {host for host in self.hosts if self.passed.get(host) and host not in self.failures}

    @property
    def red(self) -> set[str]:
        """Hosts that are not green, whatever the reason."""
        return set(self.hosts) - self.green

    def take(self, event: Event) -> None:
        """Learn from one event of ``tests/hosts/conftest.py``."""
        host = event["host"]
        if event["outcome"] == "passed":
            self.passed[host] = self.passed.get(host, 0) + 1
        elif event["outcome"] in {"failed", "error"}:
            self.failures.setdefault(host, []).append((event["test"], event["message"]))


def verify(state: State, prefix: Sequence[str], hosts: Collection[str], progress: Progress) -> Verification:
    """Verify ``hosts`` through ``prefix`` (the way into the hosts' network). An empty collection verifies nothing."""
    result = Verification(hosts)
    if not hosts:
        return result

    def on_event(event: Event) -> None:
        result.take(event)
        failed = event["outcome"] in {"failed", "error"}
        count = result.passed.get(event["host"], 0)
        text = f"{event['test']}: {event['message']}" if failed else f"{count} checks passed"
        progress.step(event["host"], text, style="red" if failed else "green", loud=failed)

    result.exit_code = run(
        [*prefix, sys.executable, "-m", "pytest", str(HOST_TESTS), "-q", "-p", "no:cacheprovider"],
        cwd=ROOT,
        environment={
            "VIGIE_PLAN": str(state.plan),
            "VIGIE_STATE": str(state.folder),
            "VIGIE_HOSTS": ",".join(sorted(hosts)),
        },
        log=state.events / "verify.log",
        events=state.events / "verify.jsonl",
        on_event=on_event,
    )
    return result
