"""The city as people write it: model, loading, and errors that name file, line, field and fix."""

from vigie.city.errors import CityError, Problem
from vigie.city.load import load_city
from vigie.city.model import City

__all__ = ["City", "CityError", "Problem", "load_city"]
