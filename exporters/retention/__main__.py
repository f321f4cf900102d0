"""`python -m exporters.retention --config.file=FILE [--web.config.file=FILE] [--web.listen-address=ADDRESS:PORT]`"""

from __future__ import annotations

import sys

from exporters.retention.collector import build
from exporters.retention.configuration import RetentionConfiguration
from exporters.web import main

if __name__ == "__main__":
    sys.exit(main("retention", RetentionConfiguration, build))
