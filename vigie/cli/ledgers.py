"""Asks the ledgers of a deployed city, from inside its hosts' network and with a certificate of this question alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from vigie.cli.credentials import credentials
from vigie.recording.ledger.ask import Answer, Question, Recorder, read_answers
from vigie.recording.ledger.interval import Interval
from vigie.state import State

_CLIENT: Final = "ledger-client"
_DEADLINE_SECONDS: Final = 20.0


def ask_ledgers(
    state: State, prefix: Sequence[str], camera: str, window: Interval, recorders: Sequence[Recorder]
) -> list[Answer]:
    """What each recorder says of ``camera``, in order. Raises ``OSError`` when the question itself cannot be put."""
    with credentials(state, state.folder.name, _CLIENT, []) as paths:
        question = Question(
            camera,
            window.start,
            window.end,
            tuple(recorders),
            paths["authority"],
            paths["certificate"],
            paths["key"],
        )
        argv = [*prefix, sys.executable, "-m", "vigie.recording.ledger.ask"]
        try:
            said = subprocess.run(
                argv,
                input=question.to_json(),
                capture_output=True,
                text=True,
                timeout=_DEADLINE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise OSError(f"the recorders did not answer within {_DEADLINE_SECONDS:.0f} s") from None
    if said.returncode:
        raise OSError(f"The recorders cannot be asked: {said.stderr.strip()}")
    return read_answers(said.stdout)
