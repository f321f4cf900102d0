"""``vigie verify`` notices: hosts are tampered with in two dozen ways at once, and each is named by the test that is for it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.hosts.expected import FRESH_SECONDS
from tests.lab_city import LabCity
from vigie.plan import constants

pytestmark = pytest.mark.lab

LEAK = "tr -d '\\n' < /etc/prometheus/scrape.password | systemd-cat -t leak"
SELF_SIGNED = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 90 -subj /CN=forged -addext subjectAltName=IP:10.77.0.20 "
    "-keyout /dev/null -out {path} 2>/dev/null"
)
FAULT = "/opt/vigie/current/bin/python -m simulators.encoder.control fault {camera} {fault}"
NODE_TLS = f"{constants.TLS_DIR}/node-exporter"


@dataclass(frozen=True)
class Tampering:
    """On ``host``, ``do`` makes a difference that ``undo`` takes back; ``test`` must fail there and say ``says``."""

    host: str
    do: str
    undo: str
    test: str
    says: str


def keep(path: str, do: str) -> tuple[str, str]:
    """``do`` with a copy of ``path`` beside it, and the way back."""
    return f"cp -a {path} /root/kept; {do}", f"cp -a /root/kept {path}; rm /root/kept"


TAMPERINGS = (
    Tampering(
        "central-1",
        *keep("/etc/chrony/chrony.conf", "echo '# by hand' >> /etc/chrony/chrony.conf"),
        "files_are_as_deployed",
        "/etc/chrony/chrony.conf (sha1",
    ),
    Tampering(
        "central-1",
        "systemctl stop prometheus-node-exporter",
        "systemctl start prometheus-node-exporter",
        "units_are_as_deployed",
        "prometheus-node-exporter.service is inactive",
    ),
    Tampering(
        "central-1",
        "nft add rule inet vigie input tcp dport 4444 accept",
        "systemctl reload nftables",
        "the_firewall_is_the_plans",
        "not planned input: tcp dport {4444} accept",
    ),
    Tampering(
        "central-1",
        "echo PasswordAuthentication yes > /etc/ssh/sshd_config.d/00-a.conf",
        "rm /etc/ssh/sshd_config.d/00-a.conf",
        "ssh_is_hardened_in_effect",
        "('passwordauthentication', 'yes')",
    ),
    Tampering(
        "central-1",
        "usermod -p '$6$salt$hash' vigie",
        "usermod -p '!' vigie",
        "no_account_has_a_password",
        "vigie",
    ),
    Tampering(
        "central-2",
        "nft add table ip backdoor",
        "nft delete table ip backdoor",
        "the_firewall_is_the_plans",
        "('ip', 'backdoor')",
    ),
    Tampering(
        "central-2",
        "systemd-run --quiet --unit=stray python3 -m http.server 4444",
        "systemctl stop stray",
        "only_planned_sockets_listen",
        "('tcp', '0.0.0.0', 4444, 'root')",
    ),
    Tampering(
        "central-2",
        "mkdir -p /root/.ssh; echo 'ssh-ed25519 AAAA stranger' > /root/.ssh/authorized_keys",
        "rm /root/.ssh/authorized_keys",
        "the_only_key_is_the_citys",
        "stranger",
    ),
    Tampering(
        "central-2",
        "systemd-run --quiet --unit=broken false; sleep 0.5",
        "systemctl reset-failed broken",
        "no_unit_failed",
        "broken.service",
    ),
    Tampering(
        "central-2",
        "useradd --shell /bin/bash guest",
        "userdel guest",
        "only_the_administrator_can_log_in",
        "guest",
    ),
    Tampering(
        "witness-1",
        *keep(f"{NODE_TLS}/cert.pem", SELF_SIGNED.format(path=f"{NODE_TLS}/cert.pem")),
        "certificates_chain_to_the_citys_authority",
        "not signed by the city's authority",
    ),
    Tampering(
        "witness-1",
        f"chmod 0644 {NODE_TLS}/key.pem",
        f"chmod 0600 {NODE_TLS}/key.pem",
        "private_keys_are_their_services_alone",
        "'0644'",
    ),
    Tampering(
        "witness-1",
        "sysctl -qw net.ipv4.conf.all.rp_filter=0",
        "sysctl -qw net.ipv4.conf.all.rp_filter=1",
        "kernel_parameters_of_the_network",
        "('net.ipv4.conf.all.rp_filter', '0')",
    ),
    Tampering(
        "witness-1",
        "echo nameserver 10.77.0.1 > /etc/resolv.conf",
        ": > /etc/resolv.conf",
        "no_name_server_is_known",
        "10.77.0.1",
    ),
    Tampering(
        "witness-1",
        "ip route add default via 10.77.0.1",
        "ip route del default",
        "no_default_route",
        "default",
    ),
    Tampering(
        "witness-1",
        "ip address add 10.77.0.99/32 dev eth0",
        "ip address del 10.77.0.99/32 dev eth0",
        "addresses_are_the_plans",
        "10.77.0.99",
    ),
    Tampering(
        "recorder-1",
        f"chmod 0644 {constants.RECORDER_DIR}/rec-1.yml",
        f"chmod 0600 {constants.RECORDER_DIR}/rec-1.yml",
        "files_with_credentials_are_closed",
        "rec-1.yml",
    ),
    Tampering(
        "recorder-2",
        f"systemctl stop recorder@rec-2; sleep {FRESH_SECONDS + 2}",  # footage counts as fresh for so long
        "systemctl start recorder@rec-2",
        "every_camera_is_being_written",
        "cam-station-hall",
    ),
    Tampering(
        "recorder-spare-1",
        "systemctl start recorder@rec-1",
        "systemctl stop recorder@rec-1",
        "units_are_as_deployed",
        "recorder@rec-1.service is active",
    ),
    Tampering(
        "lab-centre",
        FAULT.format(camera="enc-centre-2-ch1", fault="drop"),
        FAULT.format(camera="enc-centre-2-ch1", fault="ok"),
        "the_simulator_plays_the_plans_cameras",
        "'drop'",
    ),
    Tampering(
        "recorder-1",
        "true  # its camera is dropped on lab-centre",
        "true",
        "every_camera_of_the_plan_is_connected",
        "enc-centre-2-ch1",
    ),
    Tampering("noc-1", LEAK, "journalctl -q --rotate --vacuum-time=1s", "no_credential_is_where_others", "journal"),
    Tampering(
        "noc-1",
        *keep("/etc/prometheus/vigie.rules.yml", "echo 'groups: []' > /etc/prometheus/vigie.rules.yml; systemctl reload prometheus"),
        "the_rules_of_the_metric_contract_are_loaded",
        "missing",
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def verdict(deployed: LabCity) -> dict[str, dict[str, str]]:
    """What one ``verify`` said while everything was tampered with: host -> test -> message. All is taken back."""
    try:
        for tampering in TAMPERINGS:
            deployed.ssh(tampering.host, tampering.do)
        result = deployed.vigie("verify", "--json")
    finally:
        for tampering in reversed(TAMPERINGS):
            deployed.ssh(tampering.host, tampering.undo, check=False)
        deployed.ssh("noc-1", "systemctl reload prometheus", check=False)
    assert result.returncode == 1, result.stderr
    red: dict[str, list[list[Any]]] = json.loads(result.stdout)["red"]
    return {host: dict(failures) for host, failures in red.items()}


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda tampering: f"{tampering.host}-{tampering.test}")
def test_a_tampering_is_named(verdict: dict[str, dict[str, str]], tampering: Tampering) -> None:
    """By the host, by the very test that exists for it, and with what was found."""
    said = [message for test, message in verdict[tampering.host].items() if tampering.test in test]
    assert said, f"{tampering.test} did not fail: {sorted(verdict[tampering.host])}"
    assert tampering.host in said[0]
    assert tampering.says in said[0]
    assert "Fix: " in said[0]


def test_all_is_green_again(deployed: LabCity, verdict: dict[str, dict[str, str]]) -> None:
    """What was taken back leaves no trace, so that the failures above came from the tampering alone."""
    assert verdict
    result = deployed.vigie("verify", "--json")
    assert json.loads(result.stdout)["red"] == {}
    assert result.returncode == 0
