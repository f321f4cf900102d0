"""How tests reach a host: testinfra's ssh backend, with exactly the keys of the city's state folder."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

from testinfra.backend.ssh import SshBackend

from vigie.plan.model import Host
from vigie.state import State

CONNECT_SECONDS: Final = 5
ANSWER_SECONDS: Final = 50
MODULES: Final = ("common", "system", "trust", "video", "observe")
FOLDER: Final = Path(__file__).parent / "probes"
PACKAGE: Final = "tests.hosts.probes"

# Runs first on the host: makes the modules of the probe importable there by the names that they have here.
BOOTSTRAP: Final = """
import json, sys, types
for name in ("tests", "tests.hosts", PACKAGE):
    sys.modules[name] = types.ModuleType(name)
for name, source in SOURCES:
    module = sys.modules[PACKAGE + "." + name] = types.ModuleType(PACKAGE + "." + name)
    setattr(sys.modules[PACKAGE], name, module)
    exec(compile(source, name, "exec"), module.__dict__)
print(json.dumps(sys.modules[PACKAGE + ".observe"].observe(json.loads(REQUEST))))
"""


class Unreachable(Exception):  # noqa: N818 - what a host is, not a failure of the test
    """A host that ssh does not reach, or that does not answer the probe."""


class ScriptBackend(SshBackend):  # type: ignore[misc]  # testinfra is untyped
    """Runs a Python script that comes over standard input: neither argv nor sudo's log holds it."""

    def python(self, script: str) -> str:
        """What ``script`` prints, run as root by the host's own python3. Raises ``Unreachable``."""
        words, arguments = self._build_ssh_command(self.get_command("/usr/bin/python3 -"))
        command = self.quote(" ".join(words), *arguments)
        try:
            done = subprocess.run(
                command,
                shell=True,
                input=script.encode(),
                capture_output=True,
                timeout=ANSWER_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unreachable(f"no answer within {ANSWER_SECONDS} s") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise Unreachable(said[-1] if said else f"ssh ended with {done.returncode}")
        return done.stdout.decode()


def connect(host: Host, state: State) -> ScriptBackend:
    """The connection to ``host``, not yet opened. One command is all that is sent, so no master is kept open."""
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": CONNECT_SECONDS,
        "GlobalKnownHostsFile": "/dev/null",
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": state.known_hosts,
    }
    return ScriptBackend(
        f"{host.login.user}@{host.login.address}:{host.login.port}",
        ssh_config="/dev/null",
        ssh_identity_file=str(state.ssh_key),
        ssh_extra_args=" ".join(f"-o {name}={value}" for name, value in options.items()),
        controlpersist=0,
        sudo=True,
    )


def look(host: Host, state: State, request: dict[str, Any]) -> dict[str, Any]:
    """Everything that the probe finds on ``host``, by section, in one round trip. Raises ``Unreachable``."""
    sources = [(name, (FOLDER / f"{name}.py").read_text(encoding="utf-8")) for name in MODULES]
    names = f"PACKAGE, SOURCES, REQUEST = {PACKAGE!r}, {sources!r}, {json.dumps(request)!r}\n"
    found: dict[str, Any] = json.loads(connect(host, state).python(names + BOOTSTRAP))
    return found
