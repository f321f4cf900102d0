"""The infrastructure cut short at ten more moments than the lab pass tries."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.lab.small_city import SmallCity, recover_from_cut

pytestmark = pytest.mark.lab

MOMENTS = (0.3, 0.9, 1.6, 2.0, 2.3, 2.9, 3.2, 3.8, 4.5, 6.0)


@pytest.fixture(scope="module")
def small() -> Iterator[SmallCity]:
    """A small city of its own, taken down in the end."""
    city = SmallCity.open()
    yield city
    assert city.down(purge=True) == []


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_up_recovers_from_an_up_that_was_cut_short(small: SmallCity, moment: float, sent: signal.Signals) -> None:
    recover_from_cut(small, moment, sent)
