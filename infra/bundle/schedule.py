"""Builds components in the order of their needs, two at a time: one waits for the network while the other computes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from infra.bundle import store
from infra.bundle.commands import Commands
from infra.bundle.component import Component, Workshop
from infra.bundle.errors import BuildCancelledError, BundleError
from infra.bundle.events import BuildEvent, Stage

_AT_ONCE = 2
_PROGRESS_EVERY_SECONDS = 0.5

#: Told of every step; called from the builds' threads, one call at a time.
Progress = Callable[[BuildEvent], None]


def keys(components: Sequence[Component]) -> dict[str, str]:
    """Compute every component's key from its inputs and the keys of what it needs.

    ``components`` come with everything they need, what is needed first.
    """
    computed: dict[str, str] = {}
    for component in components:
        needed = {f"needs:{name}": computed[name] for name in component.needs}
        computed[component.name] = store.key_of({**component.inputs, **needed})
    return computed


def with_needs(components: Sequence[Component], only: set[str] | None) -> list[Component]:
    """Keep the components named in ``only`` and all they need (all of them for None), in the order given."""
    by_name = {component.name: component for component in components}
    waiting = list(by_name) if only is None else sorted(only)
    kept: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in by_name:
            raise BundleError(name, "no such component", fix=f"choose of: {', '.join(by_name)}")
        if name not in kept:
            kept.add(name)
            waiting.extend(by_name[name].needs)
    return [component for component in components if component.name in kept]


def build_all(components: Sequence[Component], cache: Path, progress: Progress) -> dict[str, Path]:
    """Build what is not in the cache and return the folder of every component.

    The first failure stops the other builds and is raised; so does an interruption of the calling thread.
    """
    return _Building(components, cache, progress).run()


class _Building:
    """One run of `build_all`."""

    def __init__(self, components: Sequence[Component], cache: Path, progress: Progress) -> None:
        self.components = list(components)
        self.cache = cache
        self.keys = keys(components)
        self.folders: dict[str, Path] = {}
        self.cancelled = threading.Event()
        self.telling = threading.Lock()
        self.progress = progress

    def run(self) -> dict[str, Path]:
        """Start what is ready, wait for the first to end, until nothing is left."""
        waiting, running = list(self.components), dict[Future[Path], str]()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="bundle") as pool:
            try:
                while waiting or running:
                    for component in self._ready(waiting)[: _AT_ONCE - len(running)]:
                        waiting.remove(component)
                        running[pool.submit(self._build, component)] = component.name
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        self.folders[running.pop(future)] = future.result()
            except BaseException:
                self.cancelled.set()
                raise
        return self.folders

    def _ready(self, waiting: Sequence[Component]) -> list[Component]:
        """The components whose needs are built."""
        return [component for component in waiting if all(name in self.folders for name in component.needs)]

    def _build(self, component: Component) -> Path:
        """Build one component, telling its steps."""
        started = time.monotonic()
        tell = self._teller(component.name, started)
        log = self.cache / "log" / f"{component.name}.log"
        commands = Commands(component.name, log, self._throttled(tell), self.cancelled)
        needed: Mapping[str, Path] = {name: self.folders[name] for name in component.needs}

        def make(folder: Path) -> Mapping[str, object]:
            if self.cancelled.is_set():
                raise BuildCancelledError(component.name)
            tell(Stage.START, "")
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text("")
            return component.make(Workshop(commands, needed), folder)

        try:
            folder, made = store.produce(self.cache, component.name, self.keys[component.name], make)
        except BuildCancelledError:
            raise
        except BundleError as error:
            tell(Stage.FAILED, error.problem)
            raise
        except (OSError, ValueError, KeyError) as error:
            tell(Stage.FAILED, str(error))
            raise BundleError(component.name, f"{type(error).__name__}: {error}", fix=f"see {log}") from error
        tell(Stage.DONE if made else Stage.REUSED, "")
        return folder

    def _teller(self, name: str, started: float) -> Callable[[Stage, str], None]:
        """What tells the steps of one component."""

        def tell(stage: Stage, message: str) -> None:
            with self.telling:
                self.progress(BuildEvent(name, stage, time.monotonic() - started, message))

        return tell

    @staticmethod
    def _throttled(tell: Callable[[Stage, str], None]) -> Callable[[str], None]:
        """Pass on at most two lines of output a second."""
        last = [float("-inf")]

        def progress(line: str) -> None:
            now = time.monotonic()
            if line and now - last[0] >= _PROGRESS_EVERY_SECONDS:
                last[0] = now
                tell(Stage.PROGRESS, line)

        return progress
