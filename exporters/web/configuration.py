"""The configuration classes of `vigie.web`, under the name that exporters use."""

from __future__ import annotations

from vigie.web.configuration import ConfigurationError, StrictModel, load_model

__all__ = ["ConfigurationError", "StrictModel", "load_model"]
