"""What roles lay on the hosts of the demo, judged by those who read it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulators.encoder.config import load_config
from tests.hosts.base.ruleset import Ruleset, planned
from tests.unit.playbooks.plugins import PASSWORDS, SECRETS, Rendering, demo
from vigie.metrics import INHIBITIONS
from vigie.plan import host_variables
from vigie.plan.model import Host

HOSTS = demo().hosts
RECORDERS = [host for host in HOSTS if host.tier == "recorder"]
needs_nft = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("nft") is None, reason="needs root and nft, for a network namespace of its own"
)


def named(host: Host) -> str:
    return host.name


def in_empty_namespace(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["unshare", "--net", "--", *command], capture_output=True, text=True, check=False)


@needs_nft
@pytest.mark.parametrize("host", HOSTS, ids=named)
def test_the_kernel_takes_the_firewall_and_has_exactly_the_rules_of_the_plan(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "nftables.conf"
    file.write_text(Rendering(tmp_path, host.name, "base").text("nftables.conf.j2"))
    checked = in_empty_namespace("nft", "--check", "--file", str(file))
    assert checked.returncode == 0, checked.stderr
    # Twice: the file must replace what is there, not add to it.
    listed = in_empty_namespace("sh", "-ec", 'nft -f "$1"; nft -f "$1"; nft -j list ruleset', "sh", str(file))
    assert listed.returncode == 0, listed.stderr
    found, wanted = Ruleset.parse(json.loads(listed.stdout)["nftables"]), planned(host)
    assert (found.tables, found.chains) == (wanted.tables, wanted.chains)
    assert sorted(map(str, found.rules)) == sorted(map(str, wanted.rules))


@needs_nft
def test_the_proof_of_the_firewall_sees_a_rule_too_much(tmp_path: Path) -> None:
    file = tmp_path / "nftables.conf"
    rendering = Rendering(tmp_path, "noc-1", "base", base_nftables_config=str(file))
    file.write_text(rendering.text("nftables.conf.j2"))
    program, flag, script, *arguments = rendering.value("base_nftables_proof")
    assert (program, flag, arguments[1:]) == ("sh", "-c", [str(file)])
    load = f'nft -f "{file}"; '
    assert in_empty_namespace(program, "-c", load + script, *arguments).returncode == 0
    extra = "nft add rule inet vigie input tcp dport 99 accept; "
    assert in_empty_namespace(program, "-c", load + extra + script, *arguments).returncode != 0
    assert in_empty_namespace(program, "-c", script, *arguments).returncode != 0


def test_forwarding_is_set_before_what_it_resets(tmp_path: Path) -> None:
    text = Rendering(tmp_path, "noc-1", "base").text("sysctl.conf.j2")
    names = [line.split(" = ")[0].lstrip("-") for line in text.splitlines() if not line.startswith("#")]
    assert set(names) == set(Rendering(tmp_path, "noc-1", "base").value("base_sysctls"))
    last_forwarding = max(index for index, name in enumerate(names) if "forward" in name)
    assert last_forwarding < min(
        index for index, name in enumerate(names) if ".conf." in name and "forward" not in name
    )


@pytest.mark.parametrize("host", HOSTS, ids=named)
def test_lab_hosts_never_set_the_clock_and_ask_the_time_sources(host: Host, tmp_path: Path) -> None:
    rendering = Rendering(tmp_path, host.name, "base")
    options = re.search(r'DAEMON_OPTS="(.*)"', rendering.text("chrony.default.j2"))
    assert options is not None
    assert "-x" in options[1].split()
    text = rendering.text("chrony.conf.j2")
    assert "makestep" not in text
    assert "rtcsync" not in text
    sources = [demo().host(name).address for name in demo().time_sources if name != host.name]
    assert re.findall(r"^server (\S+)", text, re.MULTILINE) == sources
    assert ("\nallow\n" in text) == (host.name in demo().time_sources)


def test_elsewhere_the_clock_is_set(tmp_path: Path) -> None:
    rendering = Rendering(tmp_path, "noc-1", "base", vigie_target="metal")
    assert "-x" not in rendering.text("chrony.default.j2")
    assert "makestep" in rendering.text("chrony.conf.j2")


def test_exporters_demand_certificate_and_password(tmp_path: Path) -> None:
    variables = {"certificate_service": "exporter-camera", "certificate_web_users": {"prometheus": "$2b$10$x"}}
    web = yaml.safe_load(Rendering(tmp_path, "recorder-1", "certificate", **variables).text("web.yml.j2"))
    server = web["tls_server_config"]
    assert server["client_auth_type"] == "RequireAndVerifyClientCert"
    assert server["client_ca_file"] == "/etc/vigie/ca.pem"
    assert server["key_file"] == "/etc/vigie/tls/exporter-camera/key.pem"
    assert web["basic_auth_users"] == {"prometheus": "$2b$10$x"}


def test_people_need_no_certificate(tmp_path: Path) -> None:
    variables = {"certificate_service": "prometheus", "certificate_web_client_required": False}
    web = yaml.safe_load(Rendering(tmp_path, "noc-1", "certificate", **variables).text("web.yml.j2"))
    assert not {"client_ca_file", "client_auth_type"} & set(web["tls_server_config"])


@pytest.mark.parametrize("host", RECORDERS, ids=named)
def test_an_identity_is_configured_by_its_own_cameras(host: Host, tmp_path: Path) -> None:
    for identity in host_variables(demo(), host.name)["vigie_identities"]:
        text = Rendering(tmp_path, host.name, "recorder", item=identity).text("recorder.yml.j2")
        configuration = yaml.safe_load(text)
        cameras = {camera["id"]: camera for camera in identity["cameras"]}
        assert set(configuration["paths"]) == set(cameras)
        for name, path in configuration["paths"].items():
            camera = cameras[name]
            assert path["source"] == f"rtsp://viewer:camera-pass@{camera['address']}:{camera['port']}{camera['path']}"
        assert configuration["apiAddress"] == f"127.0.0.1:{identity['api_port']}"
        # Only the cameras' password must be there in clear: MediaMTX compares hashes of its own.
        assert not [word for word in PASSWORDS if word != "camera-pass" and word in text]


@pytest.mark.parametrize("host", RECORDERS, ids=named)
def test_only_active_identities_run(host: Host, tmp_path: Path) -> None:
    units = Rendering(tmp_path, host.name, "recorder").value("recorder_units")
    active = {identity.id for identity in demo().identities if identity.host == host.name}
    standby = {identity.id for identity in demo().identities if host.name in identity.standby}
    assert {unit["name"] for unit in units} == {f"recorder@{name}.service" for name in active | standby}
    for unit in units:
        assert unit["active"] == unit["enabled"] == (unit["name"].removeprefix("recorder@")[:-8] in active)


def test_identities_that_moved_away_are_found(tmp_path: Path) -> None:
    found = {"files": [{"path": f"/etc/vigie/recorder/{name}.yml"} for name in ("rec-1", "rec-9")]}
    assert Rendering(tmp_path, "recorder-1", "recorder", recorder_found=found).value("recorder_gone") == ["rec-9"]


def test_exporters_are_given_the_plan_and_nothing_else(tmp_path: Path) -> None:
    for name, content in host_variables(demo(), "recorder-1")["vigie_exporters"].items():
        text = Rendering(tmp_path, "recorder-1", "exporter", item=name).text("configuration.json.j2")
        assert json.loads(text) == content
        assert not [word for word in PASSWORDS if word in text]


def test_camera_credentials_are_those_of_cameras_and_metrics(tmp_path: Path) -> None:
    text = Rendering(tmp_path, "recorder-1", "exporter").text("camera.credentials.json.j2")
    assert json.loads(text) == {"cameras": SECRETS["camera"], "metrics": SECRETS["mediamtx"]["exporter"]}


@pytest.mark.parametrize("name", [host.name for host in HOSTS if host.tier == "lab_encoder"])
def test_the_simulator_accepts_its_configuration(name: str, tmp_path: Path) -> None:
    credentials = tmp_path / "credentials.json"
    rendering = Rendering(tmp_path, name, "lab_encoder", lab_encoder_credentials=str(credentials))
    credentials.write_text(rendering.text("credentials.json.j2"))
    file = tmp_path / "lab-encoder.json"
    file.write_text(rendering.text("lab-encoder.json.j2"))
    config, login = load_config(file)
    planned_devices = {device.id for device in demo().lab_devices if device.host == name}
    assert {device.id for device in config.devices} == planned_devices
    assert (login.username, login.password) == ("viewer", "camera-pass")


def prometheus(tmp_path: Path) -> dict[str, Any]:
    text = Rendering(tmp_path, "noc-1", "noc").text("prometheus.yml.j2")
    assert not [word for word in PASSWORDS if word in text]
    configuration: dict[str, Any] = yaml.safe_load(text)
    return configuration


def test_every_connection_of_prometheus_is_encrypted_and_authenticated(tmp_path: Path) -> None:
    configuration = prometheus(tmp_path)
    for peer in [*configuration["scrape_configs"], *configuration["alerting"]["alertmanagers"]]:
        assert peer["scheme"] == "https"
        assert set(peer["tls_config"]) == {"ca_file", "cert_file", "key_file", "min_version"}
        assert peer["basic_auth"] == {"username": "prometheus", "password_file": "/etc/prometheus/scrape.password"}


def test_every_target_of_the_plan_is_scraped_once(tmp_path: Path) -> None:
    found = []
    for job in prometheus(tmp_path)["scrape_configs"]:
        name = job["job_name"]
        assert job["file_sd_configs"] == [{"files": [f"/etc/prometheus/targets/{name}.json"]}]
        for group in json.loads(Rendering(tmp_path, "noc-1", "noc", item=name).text("targets.json.j2")):
            found += [(name, target, group["labels"]) for target in group["targets"]]
    wanted = [(t.job, f"{t.address}:{t.port}", {"host": t.host, "tier": t.tier}) for t in demo().targets]
    assert sorted(found, key=str) == sorted(wanted, key=str)


def test_alerts_reach_every_alertmanager_of_the_plan(tmp_path: Path) -> None:
    (peer,) = prometheus(tmp_path)["alerting"]["alertmanagers"]
    addresses = {host.address for host in HOSTS if "alertmanager" in host.services}
    assert {target.rpartition(":")[0] for target in peer["static_configs"][0]["targets"]} == addresses


def test_alertmanager_inhibits_as_the_contract_says_and_sends_nowhere_by_default(tmp_path: Path) -> None:
    configuration = yaml.safe_load(Rendering(tmp_path, "noc-1", "noc").text("alertmanager.yml.j2"))
    assert configuration["receivers"] == [{"name": "noc"}]
    assert [rule["equal"] for rule in configuration["inhibit_rules"]] == [list(rule.equal) for rule in INHIBITIONS]
    sources = [rule["source_matchers"] for rule in configuration["inhibit_rules"]]
    assert sources == [[f'alertname="{rule.source}"'] for rule in INHIBITIONS]


def test_alerts_go_where_the_city_says(tmp_path: Path) -> None:
    hook = {"url": "https://10.77.0.99/alerts"}
    mail = {"to": "noc@example.org"}
    rendering = Rendering(tmp_path, "noc-1", "noc", noc_alert_webhooks=[hook], noc_alert_emails=[mail])
    configuration = yaml.safe_load(rendering.text("alertmanager.yml.j2"))
    assert configuration["receivers"] == [{"name": "noc", "webhook_configs": [hook], "email_configs": [mail]}]


@pytest.mark.parametrize(
    ("host", "role", "template", "extra"),
    [
        ("recorder-1", "recorder", "recorder@.service.j2", {}),
        ("recorder-1", "exporter", "vigie-exporter.service.j2", {"item": "camera"}),
        ("lab-centre", "lab_encoder", "vigie-lab-encoder.service.j2", {}),
    ],
)
def test_units_are_sandboxed_and_come_back(
    host: str, role: str, template: str, extra: dict[str, Any], tmp_path: Path
) -> None:
    text = Rendering(tmp_path, host, role, **extra).text(template)
    settings = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    assert settings["Restart"] == "always"
    assert settings["StartLimitIntervalSec"] == "0"
    assert settings["ProtectSystem"] == "strict"
    assert settings["NoNewPrivileges"] == "yes"
    assert settings["User"] not in {"", "root"}
    assert not [word for word in PASSWORDS if word in text]
