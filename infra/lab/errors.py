"""What goes wrong in the lab, in words an operator can act on."""

from __future__ import annotations


class LabError(RuntimeError):
    """The world refused; the message names the object, what happened and what to do."""
