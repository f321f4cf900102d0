"""The Pulumi provider ``vigielab``: :mod:`infra.provider` over :mod:`infra.lab.kinds`."""

from __future__ import annotations

import sys

from infra.lab.kinds import KINDS, VERSION
from infra.provider import serve

if __name__ == "__main__":
    serve(sys.argv[1:], VERSION, KINDS)
