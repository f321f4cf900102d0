"""What a host must be: derived from the plan, from constants, and from the defaults of the roles."""

from __future__ import annotations

from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

import yaml

from vigie.plan import Plan, constants, host_variables
from vigie.plan.model import Host
from vigie.state import State, read_json

ROLES: Final = Path(__file__).parents[2] / "playbooks" / "roles"
# RFC 5737: addresses for documentation. Nothing of ours is there, and nothing may answer.
OUTSIDE: Final = [("192.0.2.1", 443), ("198.51.100.1", 53), ("203.0.113.1", 80)]
CREDENTIALS: Final = constants.RECORDER_DIR / "operator.json"
# A camera is recorded in parts of a second; a segment that nobody wrote for this long is not being recorded.
FRESH_SECONDS: Final = 10

Socket = tuple[str, str, int, str]


@cache
def role_default(role: str, variable: str) -> Any:
    """A value that a role keeps in its defaults: the tests read it where the role does."""
    return yaml.safe_load((ROLES / role / "defaults" / "main.yml").read_text(encoding="utf-8"))[variable]


def request(plan: Plan, state: State, host: Host) -> dict[str, Any]:
    """What the probe must look at on ``host``."""
    manifest = manifest_of(state, host)
    variables = host_variables(plan, host.name)
    active = [identity for identity in variables.get("vigie_identities", []) if identity["active"]]
    return {
        "files": sorted(manifest["files"]),
        "units": sorted({*manifest["units"], *units(variables)}),
        "outside": OUTSIDE,
        "sysctls": sorted(role_default("base", "base_sysctls")),
        "tls_directory": str(constants.TLS_DIR),
        "authority": str(constants.CA_FILE),
        "endpoints": [
            {"service": name, "address": host.address, "port": port} for name, port in endpoints(host).items()
        ],
        "secret_files": [path for path in manifest["files"] if holds_secrets(path)],
        "mounts": [volume.mount for volume in host.volumes],
        "identities": active,
        "api_credentials": str(CREDENTIALS),
        "recordings": str(constants.RECORDINGS),
        "cameras": [camera["id"] for identity in active for camera in identity["cameras"]],
        "fresh_seconds": FRESH_SECONDS,
        "documents": sorted(documents(variables)),
        "simulator_port": variables.get("vigie_lab_control_port"),
        "devices": [
            {"address": device.address, "port": device.port, "path": device.streams[0].stream.path}
            for device in plan.lab_devices
            if device.host == host.name
        ],
    }


def manifest_of(state: State, host: Host) -> dict[str, Any]:
    """The files and units that the last deployment answered for; empty when there was none."""
    manifest: dict[str, Any] = read_json(state.manifest(host.name), {"files": {}, "units": {}})
    return manifest


def holds_secrets(path: str) -> bool:
    """Whether a deployed file holds credentials, by where it lies."""
    name = Path(path).name
    in_recorder = path.startswith(f"{constants.RECORDER_DIR}/")
    return in_recorder or "credentials" in name or name.endswith(".password")


def units(variables: dict[str, Any]) -> dict[str, bool]:
    """Units that the plan asks of a host, and whether they run."""
    wanted = {f"{name}.service": True for name in ("ssh", "chrony", "nftables", "prometheus-node-exporter")}
    for identity in variables.get("vigie_identities", []):
        wanted[f"recorder@{identity['id']}.service"] = identity["active"]
    wanted |= {f"vigie-{name}.service": True for name in variables.get("vigie_archive", {})}
    wanted |= {f"vigie-exporter-{name}.service": True for name in variables.get("vigie_exporters", {})}
    services = set(variables["vigie_services"])
    if "lab_encoder" in services:
        wanted["vigie-lab-encoder.service"] = True
    if "prometheus" in services:
        wanted["prometheus.service"] = True
    if "alertmanager" in services:
        wanted["prometheus-alertmanager.service"] = True
    return wanted


def endpoints(host: Host) -> dict[str, int]:
    """Services that only a host of the city with a password may read: certificate folder -> port."""
    found = {"node-exporter": constants.NODE_EXPORTER_PORT}
    for name, port in constants.EXPORTER_PORTS.items():
        if f"exporter_{name}" in host.services:
            found[f"exporter-{name}"] = port
    return found


def certificate_services(host: Host) -> set[str]:
    """Services of ``host`` that have a certificate of their own."""
    return {*endpoints(host), *archive_ports(host), *({"prometheus", "alertmanager"} & set(host.services))}


def archive_ports(host: Host) -> dict[str, int]:
    """Services that keep a recorder's books: certificate folder -> port. They admit certificates and no passwords."""
    return {"keeper": constants.KEEPER_PORT, "ledger": constants.LEDGER_PORT} if "archive" in host.services else {}


def user_of(service: str) -> str:
    """The account of a service that has a certificate: Debian's for Debian's packages, one of ours for our own."""
    if service in {"keeper", "ledger"}:
        return "keeper"
    return "prometheus" if service in {"node-exporter", "prometheus", "alertmanager"} else "vigie-exporter"


def documents(variables: dict[str, Any]) -> dict[str, Any]:
    """Configuration files that are the plan's values and nothing else: path -> value."""
    return exporter_documents(variables) | archive_documents(variables)


def exporter_documents(variables: dict[str, Any]) -> dict[str, Any]:
    """Those of our exporters."""
    return _documents(constants.EXPORTER_DIR, variables.get("vigie_exporters", {}))


def archive_documents(variables: dict[str, Any]) -> dict[str, Any]:
    """Those of the ledger and the keeper."""
    return _documents(constants.ARCHIVE_DIR, variables.get("vigie_archive", {}))


def _documents(folder: PurePosixPath, contents: dict[str, Any]) -> dict[str, Any]:
    return {f"{folder}/{name}.json": content for name, content in contents.items()}


def sockets(plan: Plan, host: Host) -> set[Socket]:
    """Every socket that may take what others send: protocol, address, port, user of the program."""
    variables = host_variables(plan, host.name)
    found: set[Socket] = {("tcp", "0.0.0.0", host.login.port, "root")}  # the plan knows IPv4 only
    if host.name in plan.time_sources:
        found.add(("udp", "0.0.0.0", constants.NTP_PORT, "_chrony"))
    served = endpoints(host) | archive_ports(host)
    found |= {("tcp", host.address, port, user_of(name)) for name, port in served.items()}
    if "archive" in host.services:
        found.add(("udp", "127.0.0.1", constants.CHRONY_COMMAND_PORT, "_chrony"))
    for identity in variables.get("vigie_identities", []):
        if identity["active"]:
            found |= {("tcp", "127.0.0.1", identity[port], "recorder") for port in ("api_port", "metrics_port")}
    for service, port in (("prometheus", constants.PROMETHEUS_PORT), ("alertmanager", constants.ALERTMANAGER_PORT)):
        if service in host.services:
            found.add(("tcp", host.address, port, user_of(service)))
    for device in plan.lab_devices:
        if device.host == host.name:
            found.add(("tcp", device.address, device.port, "vigie-lab"))
            found.add(("tcp", "127.0.0.1", constants.LAB_ENCODER_CONTROL_PORT, "vigie-lab"))
    return found
