"""What the ledger and the keeper of a recorder must know: their configuration files, whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from vigie.plan import constants
from vigie.plan.flows import journal_copies
from vigie.plan.model import CONTROL, Camera, Host, Identity, Plan

LEDGER: Final = "ledger"
KEEPER: Final = "keeper"


def archive(plan: Plan, host: Host) -> dict[str, Any]:
    """``vigie_archive``: the configuration of each service by its name; plain JSON values."""
    mine = [identity for identity in plan.identities if host.name in (identity.host, *identity.standby)]
    cameras = [camera for identity in mine for camera in _cameras(plan, identity)]
    common = {"recordings": str(constants.RECORDINGS), "segment_seconds": plan.segment_seconds}
    return {
        "vigie_archive": {
            KEEPER: {**common, **_keeper(plan, host, cameras)},
            LEDGER: {**common, **_ledger(host, cameras)},
        }
    }


def _ledger(host: Host, cameras: list[Camera]) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "store": str(constants.LEDGER_STORE),
        "listen": f"{host.address}:{constants.LEDGER_PORT}",
        "web_config_file": str(constants.ARCHIVE_DIR / "ledger.web.yml"),
    }
    if cameras:
        settings["keyframe_interval_seconds"] = max(camera.main.keyframe_interval_seconds for camera in cameras)
    return settings


def _cameras(plan: Plan, identity: Identity) -> Iterator[Camera]:
    return (plan.cameras_by_id[camera] for camera in identity.cameras)


def _evidence(host: Host) -> int:
    return sum(volume.evidence_bytes for volume in host.volumes)


def _tls(service: str) -> dict[str, str]:
    folder = constants.TLS_DIR / service
    return {
        "certificate": str(folder / "cert.pem"),
        "key": str(folder / "key.pem"),
        "authority": str(constants.CA_FILE),
    }


def _keeper(plan: Plan, host: Host, cameras: list[Camera]) -> dict[str, Any]:
    copies = journal_copies(plan.identities)
    copiers = sorted(copier for copier, source in copies.items() if source == host.name)
    retention = plan.retention
    settings: dict[str, Any] = {
        "address": host.address,
        "port": constants.KEEPER_PORT,
        "tls": _tls(KEEPER),
        "ledger": str(constants.LEDGER_DIR),
        "roles": {"control": [CONTROL], "read": [host.name], "copy": copiers},
        "retention": {"floor_seconds": retention.floor_seconds, "ceiling_seconds": retention.ceiling_seconds},
        "cameras": [
            {
                "id": camera.id,
                "profile": camera.profile,
                "floor_seconds": camera.retention_floor_seconds,
                "ceiling_seconds": camera.retention_ceiling_seconds,
            }
            for camera in cameras
        ],
        "headroom_bytes": sum(volume.headroom_bytes for volume in host.volumes),
        "evidence_bytes": _evidence(host),
    }
    if retention.give_up:
        settings["pressure"] = {
            "give_up": list(retention.give_up.profiles),
            "keep_at_least_seconds": retention.give_up.keep_at_least_seconds,
        }
    if source := copies.get(host.name):
        peer = plan.host(source)
        if peer.deployed:
            url = f"https://{peer.address}:{constants.KEEPER_PORT}"
            settings["copies"] = {"folder": str(constants.COPIES_DIR), "peers": [{"name": peer.name, "url": url}]}
    return settings


def watched_retention(plan: Plan, host: Host, cameras: list[Camera]) -> dict[str, Any]:
    """What the retention exporter of a recorder must know: whom to ask, and what was promised for each camera."""
    return {
        "ledger_url": f"https://{host.address}:{constants.LEDGER_PORT}",
        "keeper_url": f"https://{host.address}:{constants.KEEPER_PORT}",
        "tls": _tls("exporter-retention"),
        "segment_seconds": plan.segment_seconds,
        "evidence_bytes": _evidence(host),
        "cameras": [
            {
                "id": camera.id,
                "site": camera.site,
                "floor_seconds": camera.retention_floor_seconds,
                "ceiling_seconds": camera.retention_ceiling_seconds,
            }
            for camera in cameras
        ],
    }
