"""The Pulumi CLI as a child that cannot outlive, or be cut short by, the command that runs it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from typing import Any, Final

import pulumi.automation as auto
from pulumi.automation.errors import create_command_error
from typing_extensions import override

# Hosts that are booting when Ctrl-C comes are waited for, so that they stand in the state.
INTERRUPT_GRACE_SECONDS: Final = 60.0


class SupervisedCommand(auto.PulumiCommand):
    """Runs the CLI in a session of its own.

    A Ctrl-C reaches it once and through here only: the first asks it to finish what it is doing and save its state, a
    second one (which the terminal would otherwise deliver at once) ends it. Were this process killed, the kernel kills
    the CLI, and so the provider: no orphan goes on working beside the next run.
    """

    @override
    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Any = None,
        on_error: Any = None,
    ) -> auto.CommandResult:
        command = ["setpriv", "--pdeathsig", "KILL", self.command, "--non-interactive", *args]
        environment = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        try:
            out, err = child.communicate()
        except BaseException:
            _end(child)
            raise
        for callback, text in ((on_output, out), (on_error, err)):
            for line in text.splitlines() if callback else ():
                callback(line)
        result = auto.CommandResult(stdout=out, stderr=err, code=child.returncode)
        if child.returncode:
            raise create_command_error(result)
        return result


def _end(child: subprocess.Popen[str]) -> None:
    """Let the CLI save its state, within limits; kill it when it does not, or when asked again."""
    try:
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=INTERRUPT_GRACE_SECONDS)
    except BaseException:
        child.kill()
        child.wait()
        raise
