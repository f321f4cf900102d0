"""What all exporters share: command line, configuration, sampler, exposition, and a web server with TLS and basic
authentication configured by a file in the format of Prometheus' exporter-toolkit.
"""

from __future__ import annotations

from exporters.web.command import Exporter, main
from exporters.web.exposition import Families
from vigie.web.configuration import ConfigurationError, StrictModel, load_model

__all__ = ["ConfigurationError", "Exporter", "Families", "StrictModel", "load_model", "main"]
