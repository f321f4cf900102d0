"""`python -m exporters.camera --config.file=FILE [--web.config.file=FILE] [--web.listen-address=ADDRESS:PORT]`"""

from __future__ import annotations

import sys

from exporters.camera.collector import build
from exporters.camera.configuration import CameraConfiguration
from exporters.web import main

if __name__ == "__main__":
    sys.exit(main("camera", CameraConfiguration, build))
