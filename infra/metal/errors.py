"""What keeps a machine from being adopted, in words an operator can act on."""

from __future__ import annotations


class MetalError(RuntimeError):
    """The message names the machine, what happened and what to do."""
