"""Certificates of the command line, which live as long as a question."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from vigie.pki import CityCA
from vigie.state import State, write_private

PREFIX: Final = ".credentials-"  # of the folders, in the state folder


@contextmanager
def credentials(state: State, city: str, name: str, addresses: Sequence[str]) -> Iterator[dict[str, str]]:
    """Paths of a ``certificate`` of ``name``, its ``key`` and the city's ``authority``, for as long as the block.

    The private key lies in the state folder, for nobody but its owner.
    """
    authority = CityCA.open(state.ca, city)
    certificate, key = authority.issue(name, addresses)
    contents = {"certificate": certificate, "key": key, "authority": authority.certificate_pem}
    with tempfile.TemporaryDirectory(dir=state.folder, prefix=PREFIX) as folder:
        paths = {what: Path(folder) / f"{what}.pem" for what in contents}
        for what, content in contents.items():
            write_private(paths[what], content.decode())
        yield {what: str(path) for what, path in paths.items()}
