"""``vigie state export``, ``vigie state import``, ``vigie state history``: what survives the control machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from vigie.cli.arguments import EPILOG, JsonOption
from vigie.cli.console import OUT, Exit, emit_json, fail
from vigie.cli.inputs import read_city
from vigie.state import DEFAULT_STATE_HOME, STATE_HOME_VARIABLE, State, StateBusy

app = typer.Typer(
    help="Carry a city's control state to another machine, and look at its history.", no_args_is_help=True
)

CityOrId = Annotated[
    str, typer.Argument(metavar="CITY", help="Folder of the city, or the id of one deployed.", show_default=False)
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="Read the passphrase's first line there (mode 0600); else it is asked for.",
        show_default=False,
    ),
]


@app.command("export", epilog=EPILOG)
def export_(
    city: CityOrId,
    output: Annotated[Path, typer.Option("--output", "-o", help="Write the archive there.", show_default=False)],
    passphrase_file: PassphraseFile = None,
    as_json: JsonOption = False,
) -> None:
    """Write all that a new control machine needs to one encrypted file: authority, secrets, keys, Pulumi's state, plans.

    The file is in the age format: `age --decrypt` opens it, too. Recordings are not in it.

    [bold]Examples[/bold]

      vigie state export inventories/demo --output demo.age

      vigie state export demo --output demo.age --passphrase-file /root/passphrase
    """
    from vigie.state.transfer import export_state

    state = _state(city, as_json)
    if not state.folder.is_dir():
        fail(Exit.WRONG_INPUT, f"{state.folder} does not exist: nothing of {city!r} is deployed here.", as_json=as_json)
    passphrase = _passphrase(passphrase_file, confirm=True, as_json=as_json)
    with _answering(as_json), state.locked():
        contents = export_state(state, passphrase, output)
    size = output.stat().st_size
    if as_json:
        emit_json({"city": contents.city, "plan": contents.plan, "files": len(contents.files), "bytes": size})
    else:
        OUT.print(
            f"{output}: {len(contents.files)} files of {contents.city}, plan {contents.plan[:12]}, {size} bytes. Opened "
            "again and compared: good. Keep it and its passphrase apart, and not on this machine.",
            markup=False,
            soft_wrap=True,
        )


@app.command("import", epilog=EPILOG)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `vigie state export` wrote.", show_default=False)],
    passphrase_file: PassphraseFile = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Put it in place of the city's state here, which is kept aside.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make this machine the control machine of the city in FILE: whole, or not at all.

    [bold]Examples[/bold]

      vigie state import demo.age

      vigie state import demo.age --passphrase-file /root/passphrase --replace
    """
    from vigie.state.transfer import import_state

    home = Path(os.environ.get(STATE_HOME_VARIABLE) or DEFAULT_STATE_HOME)
    try:
        content = file.read_bytes()
    except OSError as error:
        fail(Exit.WRONG_INPUT, f"{file}: {error.strerror}; nothing was changed.", as_json=as_json)
    passphrase = _passphrase(passphrase_file, confirm=False, as_json=as_json)
    with _answering(as_json, f"{file}: "):
        done = import_state(content, passphrase, home, replace=replace)
    contents, city = done.contents, State(done.folder).city
    if as_json:
        emit_json(
            {"city": contents.city, "plan": contents.plan, "state": done.folder, "kept": done.kept, "folder": city}
        )
        return
    OUT.print(
        f"{done.folder}: {len(contents.files)} files of {contents.city}, exported {contents.exported} by Vigie {contents.vigie}.",
        markup=False,
        soft_wrap=True,
    )
    if done.kept:
        OUT.print(f"The state before is in {done.kept}: remove it when all is well.", markup=False, soft_wrap=True)
    OUT.print(f"Next: vigie status {city}", markup=False, soft_wrap=True)


@app.command(epilog=EPILOG)
def history(city: CityOrId, as_json: JsonOption = False) -> None:
    """List the plans that were deployed, oldest first.

    [bold]Examples[/bold]

      vigie state history inventories/demo

      vigie diff inventories/demo --from FILE   (what changed since)
    """
    from vigie.state.history import deployments

    found = deployments(_state(city, as_json))
    if as_json:
        emit_json([{"name": one.name, "time": one.time, "digest": one.digest, "path": one.path} for one in found])
    elif not found:
        OUT.print("Nothing was deployed yet.")
    for one in found if not as_json else ():
        OUT.print(f"{one.time:%Y-%m-%d %H:%M:%S} UTC  {one.digest}  {one.path}", markup=False, soft_wrap=True)


def _state(city: str, as_json: bool) -> State:
    """The state of a city folder, or of a city id: after the loss of a machine there may be no folder."""
    from vigie.state.archive import CITY

    if (Path(city) / "city.yaml").exists():
        return State.of(read_city(Path(city), as_json).file.city.id)
    if not CITY.fullmatch(city):
        fail(Exit.WRONG_INPUT, f"{city}: neither the folder of a city (no city.yaml) nor a city id.", as_json=as_json)
    return State.of(city)


def _passphrase(file: Path | None, *, confirm: bool, as_json: bool) -> str:
    """The passphrase, from a private file or a person; never from an argument or the environment, which others can read."""
    if file is None:
        return str(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True))
    try:
        status = file.stat()
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        fail(Exit.WRONG_INPUT, f"--passphrase-file {file}: {error}", as_json=as_json)
    if status.st_mode & 0o077:
        fail(
            Exit.WRONG_INPUT,
            f"--passphrase-file {file}: others may read it (mode {status.st_mode & 0o777:04o}): chmod 600 {file}",
            as_json=as_json,
        )
    return lines[0] if lines else ""


@contextmanager
def _answering(as_json: bool, subject: str = "") -> Iterator[None]:
    """Turn refusals into words and exit codes."""
    from vigie.state.archive import ArchiveError

    try:
        yield
    except StateBusy as busy:
        fail(Exit.DIFFERS, str(busy), as_json=as_json)
    except ArchiveError as error:
        fail(Exit.WRONG_INPUT, f"{subject}{error}\nNothing was changed.", as_json=as_json)
    except OSError as error:
        fail(Exit.DIFFERS, f"{subject}{error}", as_json=as_json)
