"""What one host must be, what it was found to be, and how a difference is said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest

from vigie.plan import Plan, host_variables
from vigie.plan.model import Host
from vigie.state import State

MOST_NAMED = 12
STRAY = "nobody planned it and `vigie up` leaves it alone: find out whose it is, then take it away by hand"


@dataclass(frozen=True)
class Observed:
    """A host of the plan and what the probe found there, by section. ``trouble`` says why nothing was found."""

    plan: Plan
    state: State
    host: Host
    sections: dict[str, Any] = field(default_factory=dict)
    trouble: str = ""

    @property
    def variables(self) -> dict[str, Any]:
        """What the plan tells this host."""
        return host_variables(self.plan, self.host.name)

    def __getitem__(self, section: str) -> Any:
        """What the probe found in ``section``. A section that could not be read fails the test that needs it."""
        if self.trouble:
            pytest.skip(f"{self.host.name} is unreachable: {self.trouble}")
        answer = self.sections[section]
        if "error" in answer:
            self.fail(f"{section} could not be read: {answer['error']}")
        return answer["value"]

    def fail(self, message: str, fix: str = "") -> NoReturn:
        """Fail the test: the host, what is wrong, and the fix."""
        pytest.fail(f"{self.host.name}: {message}. Fix: {fix or f'vigie up --limit {self.host.name}'}", pytrace=False)

    def expect(self, what: str, expected: object, found: object, fix: str = "") -> None:
        """Fail unless ``found`` equals ``expected``."""
        if found != expected:
            self.fail(f"{what}: expected {expected!r}, found {found!r}", fix)

    def expect_all(self, what: str, expected: Iterable[object], found: Iterable[object], fix_extra: str = "") -> None:
        """Fail unless both hold the same things; names what is missing and what nobody planned.

        ``fix_extra`` is the fix of what nobody planned, where ``vigie up`` is none.
        """
        wanted, seen = set(expected), set(found)
        parts = []
        if missing := wanted - seen:
            parts.append(f"missing {_named(missing)}")
        if extra := seen - wanted:
            parts.append(f"not planned {_named(extra)}")
        if parts:
            self.fail(f"{what}: {'; '.join(parts)}", fix_extra if extra else "")

    def expect_none(self, what: str, differences: Iterable[str], fix: str = "") -> None:
        """Fail when there is any difference, naming them."""
        if found := list(differences):
            self.fail(f"{what}: {_named(found)}", fix)


def _named(things: Iterable[object]) -> str:
    names = sorted(thing if isinstance(thing, str) else repr(thing) for thing in things)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
