"""Unit tests know no deployed city: a plan must not depend on what this machine happens to run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vigie.state import STATE_HOME_VARIABLE


@pytest.fixture(autouse=True, scope="session")
def _no_deployed_city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_HOME_VARIABLE, str(tmp_path_factory.mktemp("state")))
        yield
