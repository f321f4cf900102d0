"""`python -m exporters.storage --config.file=FILE [--web.config.file=FILE] [--web.listen-address=ADDRESS:PORT]`"""

from __future__ import annotations

import sys

from exporters.storage.collector import build
from exporters.storage.configuration import StorageConfiguration
from exporters.web import main

if __name__ == "__main__":
    sys.exit(main("storage", StorageConfiguration, build))
