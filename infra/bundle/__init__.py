"""The bundle: everything hosts need without internet, built on the control host and kept in its cache."""

from infra.bundle.builder import Bundle, Layers, build, find
from infra.bundle.component import Entry
from infra.bundle.errors import BuildCancelledError, BundleError
from infra.bundle.events import BuildEvent, Stage
from infra.bundle.prerequisites import CONTROL_PACKAGES

__all__ = [
    "CONTROL_PACKAGES",
    "BuildCancelledError",
    "BuildEvent",
    "Bundle",
    "BundleError",
    "Entry",
    "Layers",
    "Stage",
    "build",
    "find",
]
