"""Progress of long work: a row for each host on a terminal, a line for each step elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text


@dataclass(slots=True)
class Row:
    """What is known of one host: its stage, what it does now, and how that stands."""

    stage: str = ""
    message: str = ""
    style: str = ""


@dataclass
class Progress:
    """The progress of one command. Usable from one thread; ``console`` is standard error, so that output stays clean."""

    console: Console
    quiet: bool = False
    rows: dict[str, Row] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    _stage: str = ""
    _started: float = field(default_factory=time.monotonic)
    _stage_started: float = 0.0
    _live: Live | None = None

    @contextmanager
    def shown(self) -> Iterator[Progress]:
        """Draw for as long as the block runs."""
        if self.quiet or not self.console.is_terminal:
            yield self
            return
        with Live(
            get_renderable=self._render, console=self.console, refresh_per_second=4, transient=True
        ) as self._live:
            try:
                yield self
            finally:
                self._live = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block as stage ``name``; the time is kept also when it fails."""
        self._stage, self._stage_started = name, time.monotonic()
        self._line(f"{name} …")
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.monotonic() - self._stage_started
            self._line(f"{name} took {time.monotonic() - self._stage_started:.1f} s")

    def step(self, host: str, message: str, *, style: str = "", loud: bool = False) -> None:
        """``host`` (or another unit of work) does ``message`` now; ``loud`` steps are printed off the terminal too."""
        self.rows[host] = Row(self._stage, message, style)
        if loud:
            self._line(f"{host}: {message}", style)

    def stage_times(self) -> str:
        """One line for people: ``bundle 3 s · hosts 12 s · …``."""
        total = time.monotonic() - self._started
        parts = [f"{name} {seconds:.0f} s" for name, seconds in self.stages.items()]
        return " · ".join([*parts, f"total {total:.0f} s"])

    def _line(self, text: str, style: str = "") -> None:
        if not self.quiet and self._live is None:
            stamp = f"[{time.monotonic() - self._started:7.1f} s] "
            self.console.print(Text(stamp, "dim") + Text(text, style or ""), soft_wrap=True)

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for host, row in self.rows.items():
            table.add_row(
                Text(host, "bold"),
                Text(row.stage, "dim"),
                Text(row.message, row.style, overflow="ellipsis", no_wrap=True),
            )
        elapsed = time.monotonic() - self._stage_started if self._stage else 0
        return Group(Spinner("dots", Text(f"{self._stage} {elapsed:.0f} s")), table)
