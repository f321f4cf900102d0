"""All configuration of a large city, rendered as Ansible does it on the way to the hosts.

``python -m tests.bench.render_city [FOLDER]`` plans ``inventories/metropolis`` and renders, into FOLDER or a scratch folder: the recorder file
of every identity on every host that may hold it, the exporters' files, every firewall, the scrape targets and rules of
each watcher, the variables of each host, and the state that each encoder must have.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from dashboards.rules import render_rules
from tests.unit.playbooks.plugins import Rendering
from vigie.city import load_city
from vigie.plan import Plan, host_variables, plan
from vigie.plan.model import Camera, Host

REPOSITORY: Final = Path(__file__).parents[2]
METROPOLIS: Final = REPOSITORY / "inventories" / "metropolis"


@dataclass(frozen=True, slots=True)
class Rendered:
    """What was written: files and bytes by kind; processor seconds and peak of resident memory of this process."""

    files: Counter[str]
    sizes: Counter[str]
    seconds: float
    peak_bytes: int


def render(made: Plan, folder: Path) -> Rendered:
    """Render every file of ``made`` into ``folder``, which is new or empty."""
    began = time.process_time()
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for kind, path, text in _everything(made, folder):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        files[kind] += 1
        sizes[kind] += len(text.encode())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Rendered(files, sizes, time.process_time() - began, peak)


def _everything(made: Plan, state: Path) -> Iterator[tuple[str, str, str]]:
    """Kind, path and text of each file."""
    yield "rules", "rules.yml", render_rules()
    for device, content in encoder_states(made):
        yield "encoder", f"encoders/{device}.json", json.dumps(content)
    for host in made.deployed_hosts:
        variables = host_variables(made, host.name)
        yield "variables", f"{host.name}/variables.json", json.dumps(variables)
        yield "firewall", f"{host.name}/nftables.conf", _rendering(made, host, state, "base").text("nftables.conf.j2")
        if host.tier == "recorder":
            yield from _recorder(made, host, state, variables)
        if host.tier == "noc":
            yield from _noc(made, host, state)


def _rendering(made: Plan, host: Host, state: Path, role: str) -> Rendering:
    return Rendering(state, host.name, role, made)


def _recorder(made: Plan, host: Host, state: Path, variables: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    recorder = _rendering(made, host, state, "recorder")
    for identity in variables["vigie_identities"]:
        yield "recorder", f"{host.name}/{identity['id']}.yml", recorder.text("recorder.yml.j2", item=identity)
    exporter = _rendering(made, host, state, "exporter")
    for name in variables["vigie_exporters"]:
        yield "exporter", f"{host.name}/{name}.json", exporter.text("configuration.json.j2", item=name)


def _noc(made: Plan, host: Host, state: Path) -> Iterator[tuple[str, str, str]]:
    noc = _rendering(made, host, state, "noc")
    for name in ("prometheus.yml", "alertmanager.yml"):
        yield "noc", f"{host.name}/{name}", noc.text(f"{name}.j2")
    for job in sorted({target.job for target in made.targets}):
        yield "targets", f"{host.name}/targets/{job}.json", noc.text("targets.json.j2", item=job)


def encoder_states(made: Plan) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each deployed device must send: its streams with path, codec, size, frame rate, keyframes and bit rate."""
    by_device: dict[str, list[Camera]] = defaultdict(list)
    for camera in made.deployed_cameras:
        by_device[camera.encoder or camera.id].append(camera)
    for device, cameras in by_device.items():
        streams = [
            {"camera": camera.id, "role": role, **asdict(stream)}
            for camera in sorted(cameras, key=lambda camera: camera.channel)
            for role, stream in (("main", camera.main), ("sub", camera.sub))
        ]
        yield device, {"address": cameras[0].address, "port": cameras[0].port, "streams": streams}


def table(found: Rendered) -> str:
    """A line for each kind of file, then the whole."""
    lines = [f"{'kind':<10} {'files':>6} {'MB':>8}"]
    lines += [f"{kind:<10} {count:>6} {found.sizes[kind] / 1e6:>8.1f}" for kind, count in sorted(found.files.items())]
    lines.append(f"{'all':<10} {found.files.total():>6} {found.sizes.total() / 1e6:>8.1f}")
    return "\n".join([*lines, f"{found.seconds:.1f} s of processor, peak {found.peak_bytes / 1e6:.0f} MB"])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(sys.argv[1] if len(sys.argv) > 1 else scratch)
        print(table(render(plan(load_city(METROPOLIS)), target)))
