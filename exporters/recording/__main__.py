"""`python -m exporters.recording --config.file=FILE [--web.config.file=FILE] [--web.listen-address=ADDRESS:PORT]`"""

from __future__ import annotations

import sys

from exporters.recording.collector import build
from exporters.recording.configuration import RecordingConfiguration
from exporters.web import main

if __name__ == "__main__":
    sys.exit(main("recording", RecordingConfiguration, build))
