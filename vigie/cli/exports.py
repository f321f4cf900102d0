"""Exports footage from the recorders of a deployed city: asks who has it, locks it, copies it, makes the film, declares the rest."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from vigie.cli.children import end
from vigie.cli.keepers import ask_keepers, control_credentials, keepers_of, url_of
from vigie.cli.ledgers import ask_ledgers
from vigie.plan.constants import LEDGER_PORT
from vigie.plan.model import Host, Plan
from vigie.recording.export import film as films_of
from vigie.recording.export.declaration import Cause, Declaration, declare
from vigie.recording.export.folder import ExportFolder
from vigie.recording.export.footage import Seen, see
from vigie.recording.export.manifest import Fetched, Made, hashed, manifest, text, write
from vigie.recording.export.selection import Listed, Selection, select
from vigie.recording.export.timeline import films
from vigie.recording.keeper.question import Answer, Request
from vigie.recording.ledger.ask import Answer as Told
from vigie.recording.ledger.ask import Recorder, holdings
from vigie.recording.ledger.interval import Interval, Intervals
from vigie.recording.ledger.merge import Holding, LastTold
from vigie.state import State

_ROUNDS: Final = 3  # another recorder steps in where one fails; then what failed is declared
Progress = Callable[[int, int], None]  # bytes that are here, bytes of the export


class ExportError(Exception):
    """The export cannot be made, or not now; says why."""


class EmptyError(ExportError):
    """No recorder that answers has footage; ``declared`` says what is known of the time."""

    def __init__(self, declared: Declaration, silent: Mapping[str, str]) -> None:
        super().__init__("no footage")
        self.declared, self.silent = declared, silent


@dataclass(frozen=True, slots=True)
class Order:
    """Who exports and why; the lock ends at ``until`` (Unix seconds) should this command die."""

    lock: str
    who: str
    reason: str
    until: float
    now: float
    approvals: tuple[str, ...] = ()


@dataclass
class Exporter:
    """One export of a camera of ``plan``. ``prefix`` leads into the hosts' network."""

    plan: Plan
    state: State
    prefix: Sequence[str]
    folder: ExportFolder
    order: Order
    silent: dict[str, str] = field(default_factory=dict)  # recorder -> why it does not give its footage
    notes: list[str] = field(default_factory=list)
    not_filmed: list[str] = field(default_factory=list)

    @property
    def window(self) -> Interval:
        return Interval(self.folder.asked.start, self.folder.asked.end)

    @property
    def camera(self) -> str:
        return self.folder.asked.camera

    def run(self, facts: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
        """The manifest, written. Raises ``ExportError``, ``OSError``."""
        told = self._ledgers()
        held = {answer.recorder: answer.intervals for answer in told if answer.error is None}
        hosts = self._asked(told)
        with self._locked(hosts) as answering:
            selection = self._copy(answering, held, progress)
        seen, segments = self._look()
        declared = self._declare(told, seen, answering)
        if not segments:
            self.folder.abandon()
            raise EmptyError(declared, self.silent)
        made = self._films(seen)
        left = [segment for segment in selection.left if (segment.recorder, segment.file) not in self.folder.have]
        value = manifest({**facts, "not_filmed": self.not_filmed}, declared, segments, made, left, self.silent)
        write(self.folder.folder, value)
        self.folder.finish([film.name for film in made])
        return value

    def _ledgers(self) -> list[Told]:
        """All recorders are asked: a camera may have been moved, and a gap is one only where nobody has footage."""
        recorders = [
            Recorder(host.name, host.address, LEDGER_PORT)
            for host in self.plan.deployed_hosts
            if host.tier == "recorder"
        ]
        return ask_ledgers(self.state, self.prefix, self.camera, self.window, recorders)

    def _asked(self, told: Sequence[Told]) -> list[Host]:
        """The hosts whose keepers are asked: those of the plan, those that have footage, those whose ledger is silent."""
        names = {host.name for host in keepers_of(self.plan, self.camera)}
        names |= {answer.recorder for answer in told if answer.intervals or answer.error is not None}
        return [host for host in self.plan.deployed_hosts if host.name in names]

    @contextmanager
    def _locked(self, hosts: Sequence[Host]) -> Iterator[list[Host]]:
        """The interval locked on ``hosts`` for as long as the block; gives those that answered."""
        order = self.order
        body = {
            "camera": self.camera,
            "from": self.window.start,
            "to": self.window.end,
            "reason": order.reason,
            "who": order.who,
            "until": order.until,
            "id": order.lock,
        }
        try:
            answers = self._ask(hosts, "POST", "/v1/locks", body)
            for answer in answers:
                if 400 <= answer.status < 500:
                    raise ExportError(f"{answer.host}: {answer.value['error']}")
                if answer.status not in {200, 201}:
                    self.silent[answer.host] = answer.value["error"]
            yield [host for host in hosts if host.name not in self.silent]
        finally:
            self._release(hosts)  # everywhere: an answer may have been lost on its way

    def _release(self, hosts: Sequence[Host]) -> None:
        order = self.order
        body = {"who": order.who, "reason": "export ended", "approvals": list(order.approvals)}
        try:
            answers = self._ask(hosts, "POST", f"/v1/locks/{order.lock}/release", body)
        except OSError as error:
            answers = [Answer(host.name, 0, {"error": str(error)}) for host in hosts]
        for answer in answers:
            if answer.status not in {200, 404} and answer.host not in self.silent:
                why = answer.value["error"]
                self.notes.append(f"{answer.host}: lock {order.lock} ends by itself at {text(order.until)}: {why}")

    def _copy(self, hosts: Sequence[Host], held: Mapping[str, Intervals], progress: Progress) -> Selection:
        listed = self._listed(hosts)
        urls = {host.name: url_of(host, "") for host in hosts}
        failed: set[tuple[str, str]] = set()
        for _ in range(_ROUNDS):
            selection = select(
                self.window, [found for found in listed if (found.recorder, found.file) not in failed], held
            )
            missing = [found for found in selection.taken if (found.recorder, found.file) not in self.folder.have]
            if lacking := self.folder.room_for(sum(found.size for found in missing)):
                raise ExportError(
                    f"{self.folder.folder}: {selection.size} bytes of segments and a film of the same size need "
                    f"{lacking} bytes more than its disk has free"
                )
            wrong = self._fetch(missing, urls, selection.size, progress)
            if not wrong:
                break
            failed |= wrong
        return selection

    def _listed(self, hosts: Sequence[Host]) -> list[Listed]:
        found = []
        for answer in self._ask(hosts, "GET", f"/v1/locks/{self.order.lock}/footage"):
            if answer.status != 200:
                self.silent[answer.host] = answer.value["error"]
                continue
            found += [
                Listed(file["from"], file["to"], answer.host, file["file"], file["bytes"])
                for file in answer.value["files"]
            ]
        return found

    def _fetch(
        self, files: Sequence[Listed], urls: Mapping[str, str], total: int, progress: Progress
    ) -> set[tuple[str, str]]:
        """Fetches ``files`` into the folder; returns those that failed."""
        wanted = [{"recorder": file.recorder, "url": urls[file.recorder], "file": file.file} for file in files]
        failed = set()
        here = total - sum(file.size for file in files)
        progress(here, total)
        for told in self._fetched(wanted):
            if "error" in told:
                failed.add((told["recorder"], told["file"]))
                self.silent[told["recorder"]] = told["error"]
                continue
            self.folder.add(told)
            here += told["bytes"]
            progress(here, total)
        return failed

    def _fetched(self, files: list[dict[str, str]]) -> Iterator[dict[str, Any]]:
        if not files:
            return
        with control_credentials(self.plan, self.state) as paths, tempfile.TemporaryFile() as errors:
            child = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "vigie.recording.export.fetch"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C reaches this command alone, which then ends the child
                pass_fds=[self.folder.lock],
            )
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                child.stdin.write(json.dumps({**paths, "folder": str(self.folder.folder), "files": files}).encode())
                child.stdin.close()
                for line in child.stdout:
                    yield json.loads(line)
                if child.wait() != 0:
                    errors.seek(0)
                    raise ExportError(errors.read().decode(errors="replace").strip()[-500:] or "the transfer ended")
            finally:
                end(child)
                child.stdout.close()

    def _look(self) -> tuple[list[Seen], list[Fetched]]:
        seen, segments = [], []
        for (recorder, file), (size, digest) in sorted(self.folder.have.items(), key=lambda held: held[0][::-1]):
            found = see(self.folder.folder, recorder, file)
            if found is not None:
                seen.append(found)
            segments.append(Fetched(recorder, file, size, digest, found.footage if found else None))
        return seen, segments

    def _declare(self, told: Sequence[Told], seen: Sequence[Seen], hosts: Sequence[Host]) -> Declaration:
        memory = LastTold(self.state.folder / "ledger")
        answers = {answer.recorder: answer for answer in told}
        held = []
        for holding in holdings(told, memory, self.camera, self.window, self.order.now):
            if answers[holding.recorder].error is not None:
                self.silent.setdefault(holding.recorder, answers[holding.recorder].error or "")
            elif holding.recorder in self.silent:  # its ledger told what it holds, and its keeper does not give it
                holding = Holding(holding.recorder, answers=False, intervals=holding.intervals, told=(self.window,))
            held.append(holding)
        shown = [interval for one in seen for interval in one.shown]
        declared = declare(self.window, shown, held)
        return declare(self.window, shown, held, self._causes(hosts)) if declared.gaps else declared

    def _causes(self, hosts: Sequence[Host]) -> list[Cause]:
        with control_credentials(self.plan, self.state) as paths:
            question = {**paths, "camera": self.camera, "urls": [url_of(host, "") for host in hosts]}
            said = subprocess.run(
                [*self.prefix, sys.executable, "-m", "vigie.recording.export.causes"],
                input=json.dumps(question),
                capture_output=True,
                text=True,
                check=False,
            )
        if said.returncode:
            self.notes.append("the journals could not be asked for the causes of gaps")
            return []
        return [Cause(Interval(begin, stop), words) for begin, stop, words in json.loads(said.stdout)]

    def _films(self, seen: Sequence[Seen]) -> list[Made]:
        made = []
        for index, film in enumerate(films(self.window, [one.footage for one in seen])):
            name = films_of.name_of(index)
            try:
                written = films_of.make(self.folder.folder, film, name)
            except films_of.FilmError as error:  # the segments are evidence without it
                self.not_filmed.append(f"{name}: {error}")
                continue
            size, digest = hashed(self.folder.folder / name)
            made.append(Made(name, size, digest, written, film))
        return made

    def _ask(self, hosts: Sequence[Host], method: str, path: str, body: dict[str, Any] | None = None) -> list[Answer]:
        requests = [Request(host.name, method, url_of(host, path), body) for host in hosts]
        return ask_keepers(self.plan, self.state, self.prefix, requests) if requests else []
