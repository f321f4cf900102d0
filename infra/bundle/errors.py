"""What the bundle says when a component cannot be built."""

from __future__ import annotations

from collections.abc import Sequence


class BundleError(Exception):
    """A component of the bundle cannot be built, found or served.

    ``component`` names it, ``command`` is the command that failed (empty where none ran), ``output`` holds its last
    lines, and ``fix`` says what a person does about it.
    """

    def __init__(
        self, component: str, problem: str, *, fix: str, command: Sequence[str] = (), output: Sequence[str] = ()
    ) -> None:
        """Keep every part apart, so that a command line can lay them out; ``str()`` gives them all."""
        super().__init__(component, problem)
        self.component = component
        self.problem = problem
        self.fix = fix
        self.command = tuple(command)
        self.output = tuple(output)

    def __str__(self) -> str:
        """The whole message: component, problem, command, last lines, fix."""
        lines = [f"bundle component {self.component}: {self.problem}"]
        if self.command:
            lines.append(f"  command: {' '.join(self.command)}")
        lines.extend(f"  | {line}" for line in self.output)
        lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)


class BuildCancelledError(BundleError):
    """The build was told to stop (Ctrl-C, or another component failed); nothing half-built is left."""

    def __init__(self, component: str) -> None:
        """Name the component whose build was stopped."""
        super().__init__(component, "stopped before it was complete", fix="run the same command again")
