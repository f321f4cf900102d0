"""A city deployed in the lab, and how tests reach it: only through what an operator has (the command, ssh, the pages)."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.lab.layout import NETNS, Lab
from vigie.cli.inspection import ssh_command
from vigie.cli.secrets import read_secrets
from vigie.plan import Plan, load_plan
from vigie.state import State

ROOT: Final = Path(__file__).parents[1]
DEMO: Final = ROOT / "inventories" / "demo"
CITY: Final = "vigie-test"
FORWARD_OFFSET: Final = 20_000  # beside a running demo


@dataclass
class LabCity:
    """The demo city under another name, in a folder of the test run."""

    folder: Path
    deployments: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def write(cls, folder: Path) -> LabCity:
        """Copy the demo city into ``folder`` and give it a name and loopback ports of its own."""
        shutil.copytree(DEMO, folder)
        text = (folder / "city.yaml").read_text(encoding="utf-8")
        renamed = text.replace("  id: demo\n", f"  id: {CITY}\n") + f"\nlab: {{forward_offset: {FORWARD_OFFSET}}}\n"
        assert renamed.count(CITY) == 1
        (folder / "city.yaml").write_text(renamed, encoding="utf-8")
        return cls(folder)

    @property
    def state(self) -> State:
        return State.of(CITY)

    @property
    def lab(self) -> Lab:
        return Lab(CITY, self.state.folder)

    @property
    def plan(self) -> Plan:
        """The deployed plan."""
        return load_plan(self.state.plan)

    def vigie(self, *arguments: str, timeout: float = 1500) -> subprocess.CompletedProcess[str]:
        """Run ``vigie COMMAND CITY …`` as a person would, output captured; ``lock add`` is one command."""
        return subprocess.run(self._argv(*arguments), capture_output=True, text=True, timeout=timeout, check=False)

    def _argv(self, command: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "vigie.cli", *command.split(), str(self.folder), *arguments]

    def up(self, *flags: str) -> dict[str, Any]:
        """``vigie up --json``; its report, kept in ``deployments`` with its wall time."""
        started = time.monotonic()
        result = self.vigie("up", "--json", *flags)
        report: dict[str, Any] = json.loads(result.stdout) if result.stdout.strip() else {"error": result.stderr}
        report |= {"exit": result.returncode, "seconds": time.monotonic() - started}
        self.deployments.append(report)
        return report

    def interrupted_up(self, stage: str, after: float, deadline: float = 900) -> str:
        """Start ``vigie up``, press Ctrl-C ``after`` seconds into ``stage``; returns what it printed by then."""
        # A new session makes the group a terminal's foreground group would be: Ctrl-C reaches the command alone here,
        # its children must be ended by it.
        child = subprocess.Popen(
            self._argv("up"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        assert child.stderr is not None
        printed = ""
        until = time.monotonic() + deadline
        for line in child.stderr:
            printed += line
            if re.search(rf"\] {stage} …", line) or time.monotonic() > until:
                break
        time.sleep(after)
        os.kill(child.pid, signal.SIGINT)
        rest = child.communicate(timeout=120)[1]
        assert child.returncode == 130, f"exit {child.returncode}: {printed}{rest}"
        return printed + rest

    def ssh(self, host: str, command: str, *, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        """Run a shell ``command`` as root on ``host``."""
        reach = ["nsenter", f"--net={NETNS / self.lab.namespace}"]
        argv = [*reach, *ssh_command(self.state, self.plan.host(host).address), "sudo sh -c " + _quoted(command)]
        return subprocess.run(argv, capture_output=True, timeout=60, check=check, stdin=subprocess.DEVNULL)

    def page(self, name: str) -> str:
        """The address that ``vigie up`` prints for ``name``."""
        port = next(forward.listen_port for forward in self.plan.forwards if forward.name == name)
        return f"https://localhost:{port}"

    @property
    def login(self) -> tuple[str, str]:
        web = read_secrets(self.state)["web"]
        return web["username"], web["password"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant query to Prometheus through its loopback forward, TLS verified by the city's CA."""
        url = f"{self.page('prometheus')}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        request = urllib.request.Request(url)
        request.add_header("Authorization", "Basic " + b64encode(":".join(self.login).encode()).decode())
        context = ssl.create_default_context(cafile=str(self.state.ca / "ca.pem"))
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def wait_for(self, what: str, reached: Callable[[], bool], seconds: float) -> float:
        """Poll until ``reached()``; the seconds it took. Fails when the deadline passes."""
        started = time.monotonic()
        while not reached():
            assert time.monotonic() - started < seconds, f"{what}: not within {seconds:.0f} s"
            time.sleep(1)
        return time.monotonic() - started


def _quoted(command: str) -> str:
    return "'" + command.replace("'", "'\\''") + "'"
