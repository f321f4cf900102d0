"""Components: what a city needs, whatever provides it."""

from infra.components.host import Host, HostOutputs
from infra.components.target import Target

__all__ = ["Host", "HostOutputs", "Target"]
