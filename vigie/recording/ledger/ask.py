"""Asks the ledgers of several recorders for one camera, at once, and merges what they say.

`python -m vigie.recording.ledger.ask` reads a question as JSON from standard input and prints the answers as JSON: that is
how the command line asks from inside the network of a city's hosts. Secrets are given as paths, never as values.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

import aiohttp

from vigie.recording.ledger.interval import Interval, Intervals, union
from vigie.recording.ledger.merge import Holding, LastTold

_ANSWER_SECONDS: Final = 5.0
_PAGES_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class Recorder:
    """Where a recorder's ledger answers."""

    name: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Question:
    """Which camera, between which instants (Unix seconds), and the files that prove who asks."""

    camera: str
    begin: float
    end: float
    recorders: tuple[Recorder, ...]
    authority: str
    certificate: str
    key: str

    def to_json(self) -> str:
        """As `from_json` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Question:
        """Raises ValueError, KeyError or TypeError for anything that `to_json` did not make."""
        found = json.loads(text)
        recorders = tuple(Recorder(**recorder) for recorder in found.pop("recorders"))
        return cls(recorders=recorders, **found)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one recorder said; `error` says why it said nothing."""

    recorder: str
    intervals: Intervals = ()
    error: str | None = None


async def ask(question: Question) -> list[Answer]:
    """All answers, in the order of the recorders; takes 5 s at most. Raises OSError for files that cannot be read."""
    context = ssl.create_default_context(cafile=question.authority)
    context.load_cert_chain(question.certificate, question.key)
    connector = aiohttp.TCPConnector(ssl=context)
    timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        return list(await asyncio.gather(*(_ask(session, question, recorder) for recorder in question.recorders)))


def holdings(answers: Iterable[Answer], told: LastTold, camera: str, window: Interval, now: float) -> list[Holding]:
    """The answers as the merge takes them: those that came are remembered, for the others memory answers."""
    found = []
    for answer in answers:
        if answer.error is not None:
            found.append(told.recall(answer.recorder, camera, window))
            continue
        if window.start < min(window.end, now):
            told.remember(answer.recorder, camera, Interval(window.start, min(window.end, now)), answer.intervals)
        found.append(Holding(answer.recorder, answers=True, intervals=answer.intervals))
    return found


async def _ask(session: aiohttp.ClientSession, question: Question, recorder: Recorder) -> Answer:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return Answer(recorder.name, await _pages(session, question, recorder))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError) as error:
        return Answer(recorder.name, error=str(error) or type(error).__name__)


async def _pages(session: aiohttp.ClientSession, question: Question, recorder: Recorder) -> Intervals:
    host = f"[{recorder.address}]" if ":" in recorder.address else recorder.address
    url = f"https://{host}:{recorder.port}/v1/cameras/{question.camera}/intervals"
    found: list[Interval] = []
    begin: float | None = question.begin
    for _ in range(_PAGES_LIMIT):
        window = {"from": repr(begin), "to": repr(question.end)}
        async with session.get(url, params=window) as response:
            if response.status == 404:  # it never had this camera
                return ()
            answer = await response.json()
            if response.status != 200:
                raise ValueError(answer.get("error", f"status {response.status}"))
        found += (Interval(start, end) for start, end in answer["intervals"])
        begin = answer["next"]
        if begin is None:
            return union(found)
    raise ValueError(f"more than {_PAGES_LIMIT} pages of intervals; ask for a shorter time")


def main() -> int:
    """Standard input to standard output. Exit 0, or 2 when the question or its files are wrong."""
    try:
        answers = asyncio.run(ask(Question.from_json(sys.stdin.read())))
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"question cannot be asked: {error}\n")
        return 2
    json.dump([_told(answer) for answer in answers], sys.stdout)
    return 0


def read_answers(text: str) -> list[Answer]:
    """What `main` printed. Raises ValueError or KeyError for anything else."""
    return [
        Answer(
            entry["recorder"],
            tuple(Interval(start, end) for start, end in entry["intervals"]),
            entry["error"],
        )
        for entry in json.loads(text)
    ]


def _told(answer: Answer) -> dict[str, Any]:
    intervals = [[interval.start, interval.end] for interval in answer.intervals]
    return {"recorder": answer.recorder, "intervals": intervals, "error": answer.error}


if __name__ == "__main__":
    sys.exit(main())
