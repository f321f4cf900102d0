"""`python -m vigie.metrics > docs/metrics.md`"""

from __future__ import annotations

import sys

from vigie.metrics.reference import render_reference

sys.stdout.write(render_reference())
