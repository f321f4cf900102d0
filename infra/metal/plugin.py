"""The Pulumi provider ``vigiemetal``: :mod:`infra.provider` over :mod:`infra.metal.kinds`."""

from __future__ import annotations

import sys

from infra.metal.kinds import KINDS, VERSION
from infra.provider import serve

if __name__ == "__main__":
    serve(sys.argv[1:], VERSION, KINDS)
