"""What one host must know of the plan: the variables of Ansible, and the ground of the host's fingerprint.

Only what a host needs goes in, so that a change elsewhere in the city leaves the host's fingerprint alone.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from vigie.city.lab import clip_name
from vigie.plan import constants
from vigie.plan.archive import archive, watched_retention
from vigie.plan.model import Camera, DeviceStream, Host, Identity, Plan

_PATHS: Final = {
    "etc": str(constants.ETC),
    "ca": str(constants.CA_FILE),
    "tls": str(constants.TLS_DIR),
    "recorder": str(constants.RECORDER_DIR),
    "exporters": str(constants.EXPORTER_DIR),
    "archive": str(constants.ARCHIVE_DIR),
    "ledger": str(constants.LEDGER_DIR),
    "copies": str(constants.COPIES_DIR),
    "stalls": str(constants.STALLS_DIR),
    "lab_encoder": str(constants.LAB_ENCODER_CONFIG),
    "clips": str(constants.CLIP_DIR),
    "venvs": str(constants.VENV_DIR),
    "recordings": str(constants.RECORDINGS),
}


def host_variables(plan: Plan, name: str) -> dict[str, Any]:
    """The variables of the deployed host ``name``, plain JSON values, every key prefixed ``vigie_``. Raises
    ``KeyError``."""
    host = plan.host(name)
    if not host.deployed:
        raise KeyError(f"{name} belongs to lot {host.lot!r}, which is not exercised")
    variables: dict[str, Any] = {
        "vigie_city": plan.city,
        "vigie_target": plan.target,
        "vigie_name": host.name,
        "vigie_tier": host.tier,
        "vigie_address": host.address,
        "vigie_addresses": [host.address, *host.extra_addresses],
        "vigie_services": list(host.services),
        "vigie_volumes": [asdict(volume) for volume in host.volumes],
        "vigie_firewall": [asdict(rule) for rule in host.firewall],
        "vigie_time_sources": [plan.host(source).address for source in plan.time_sources if source != host.name],
        "vigie_time_source": host.name in plan.time_sources,
        "vigie_time_command_port": constants.CHRONY_COMMAND_PORT if "archive" in host.services else 0,
        "vigie_control_address": plan.network.control_address,
        "vigie_bundle_url": f"https://{plan.network.control_address}:{constants.BUNDLE_PORT}",
        "vigie_ports": _ports(host),
        "vigie_paths": _PATHS,
        "vigie_admin_user": host.login.user,
    }
    if host.tier == "recorder":
        variables |= _recorder(plan, host) | archive(plan, host)
    if host.tier == "noc":
        variables |= _noc(plan)
    if host.tier == "lab_encoder":
        variables |= _lab_encoder(plan, host)
    return variables


def identities_on(plan: Plan, host: str) -> tuple[Identity, ...]:
    """The recorder identities whose home is ``host``."""
    return tuple(identity for identity in plan.identities if identity.host == host)


def cameras_of(plan: Plan, identity: Identity) -> list[Camera]:
    """The deployed cameras that ``identity`` records, by id."""
    return [plan.cameras_by_id[camera] for camera in identity.cameras]


def _ports(host: Host) -> dict[str, int]:
    ports = {"ssh": host.login.port, "node_exporter": constants.NODE_EXPORTER_PORT}
    if host.tier == "noc":
        ports |= {"prometheus": constants.PROMETHEUS_PORT, "alertmanager": constants.ALERTMANAGER_PORT}
    ports |= {
        f"exporter_{name}": port
        for name, port in constants.EXPORTER_PORTS.items()
        if f"exporter_{name}" in host.services
    }
    return ports


def _recorder(plan: Plan, host: Host) -> dict[str, Any]:
    """Identities that record here now, those this host stands by for, and what its exporters watch."""
    active = identities_on(plan, host.name)
    standby = [
        identity for identity in plan.identities if host.name in identity.standby and plan.host(identity.host).deployed
    ]
    cameras = [(identity, camera) for identity in active for camera in cameras_of(plan, identity)]
    sample = {"sample_interval_seconds": plan.monitoring.sample_interval_seconds}
    recordings = str(constants.RECORDINGS)
    return {
        "vigie_identities": [
            {
                "id": identity.id,
                "active": identity in active,
                "api_port": identity.api_port,
                "metrics_port": identity.metrics_port,
                "recordings": recordings,
                "segment_seconds": plan.segment_seconds,
                "cameras": [_source(camera) for camera in cameras_of(plan, identity)],
            }
            for identity in (*active, *standby)
        ],
        "vigie_exporters": {
            "camera": {
                **sample,
                "picture_interval_seconds": plan.monitoring.picture_interval_seconds,
                "recordings": recordings,
                "credentials_file": str(constants.EXPORTER_DIR / "camera.credentials.json"),
                "identities": [
                    {"id": identity.id, "metrics_url": f"http://127.0.0.1:{identity.metrics_port}/metrics"}
                    for identity in active
                ],
                "cameras": [_watched(identity, camera) for identity, camera in cameras],
            },
            "recording": {
                **sample,
                "recordings": recordings,
                "segment_seconds": plan.segment_seconds,
                "cameras": [
                    {"id": camera.id, "site": camera.site, "identity": identity.id} for identity, camera in cameras
                ],
            },
            "storage": {**sample, "volumes": [{"name": volume.name, "mount": volume.mount} for volume in host.volumes]},
            "retention": {**sample, **watched_retention(plan, host, [camera for _, camera in cameras])},
        },
    }


def _source(camera: Camera) -> dict[str, Any]:
    return {"id": camera.id, "address": camera.address, "port": camera.port, "path": camera.main.path}


def _watched(identity: Identity, camera: Camera) -> dict[str, Any]:
    return {
        "id": camera.id,
        "site": camera.site,
        "identity": identity.id,
        "address": camera.address,
        "port": camera.port,
        "main_path": camera.main.path,
        "codec": camera.main.codec,
        "width": camera.main.width,
        "height": camera.main.height,
        "frames_per_second": camera.main.frames_per_second,
        "keyframe_interval_seconds": camera.main.keyframe_interval_seconds,
        "bits_per_second": camera.main.bits_per_second,
    }


def _noc(plan: Plan) -> dict[str, Any]:
    return {
        "vigie_scrape_interval_seconds": plan.monitoring.scrape_interval_seconds,
        "vigie_targets": [asdict(target) for target in plan.targets],
        "vigie_alertmanagers": [
            {"address": host.address, "port": constants.ALERTMANAGER_PORT}
            for host in plan.deployed_hosts
            if host.tier == "noc"
        ],
    }


def _lab_encoder(plan: Plan, host: Host) -> dict[str, Any]:
    devices = [device for device in plan.lab_devices if device.host == host.name]
    return {
        "vigie_lab_control_port": constants.LAB_ENCODER_CONTROL_PORT,
        "vigie_lab_devices": [
            {
                "id": device.id,
                "address": device.address,
                "port": device.port,
                "streams": [_played(entry) for entry in device.streams],
            }
            for device in devices
        ],
    }


def _played(entry: DeviceStream) -> dict[str, str]:
    stream = entry.stream
    clip = clip_name(stream.codec, stream.width, stream.height, stream.frames_per_second)
    return {"path": stream.path, "camera": entry.camera, "role": entry.role, "clip": clip}
