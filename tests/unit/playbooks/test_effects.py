"""``vigie diff`` foretells which units restart. Here every variable of a host is changed in turn, the roles' files are
rendered as Ansible renders them, and the foretold is compared with what the roles' own units would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.playbooks.plugins import Rendering, demo
from vigie.plan import host_variables
from vigie.plan.consequences import unit_effects

# Of each unit: its role, the templates that its `restart_on` and its own unit file come from, and those of `reload_on`.
UNITS = {
    "nftables.service": ("base", (), ("nftables.conf.j2",)),
    "chrony.service": ("base", ("chrony.conf.j2", "chrony.default.j2"), ()),
    "prometheus-node-exporter.service": ("base", ("node-exporter.default.j2",), ()),
    "prometheus.service": ("noc", ("prometheus.default.j2",), ("prometheus.yml.j2",)),
    "prometheus-alertmanager.service": ("noc", ("prometheus-alertmanager.default.j2",), ()),
    "vigie-lab-encoder.service": ("lab_encoder", ("lab-encoder.json.j2", "vigie-lab-encoder.service.j2"), ()),
}
# A host for each role: what all hosts have is looked at on the first.
HOSTS = {"central-1": "base", "noc-1": "noc", "lab-station": "lab_encoder"}
# What the whole city agrees on and no change of a city touches: folders, ports, the control node.
FIXED = {
    "vigie_paths",
    "vigie_ports",
    "vigie_services",
    "vigie_lab_control_port",
    "vigie_admin_user",
    "vigie_bundle_url",
}


def another(value: Any) -> Any:
    """A value that differs in a way that a change of the city can bring about."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return f"{value}9"
    if isinstance(value, list):
        return value[:-1] if value else ["10.77.0.250"]
    return {name: another(entry) for name, entry in value.items()}


def files(folder: Path, host: str, role: str, templates: tuple[str, ...], changed: dict[str, Any]) -> list[str]:
    rendering = Rendering(folder, host, role, **changed)
    return [rendering.text(template) for template in templates]


@pytest.mark.parametrize(("host", "role"), HOSTS.items())
def test_units_do_what_was_foretold(host: str, role: str, tmp_path: Path) -> None:
    variables = host_variables(demo(), host)
    units = {name: unit for name, unit in UNITS.items() if unit[0] == role}
    before = {name: [files(tmp_path, host, role, side, {}) for side in unit[1:]] for name, unit in units.items()}
    for name in sorted(variables.keys() - FIXED):
        changed = {name: another(variables[name])}
        foretold = {effect.unit: effect.verb for effect in unit_effects(variables, variables | changed)}
        for unit, (_, *sides) in units.items():
            restarts, reloads = (
                files(tmp_path, host, role, side, changed) != was for side, was in zip(sides, before[unit], strict=True)
            )
            wanted = "restarts" if restarts else "reloads" if reloads else None
            assert foretold.get(unit) == wanted, f"{unit} when {name} changes"


@pytest.mark.parametrize(
    ("variable", "role", "unit", "setting", "name"),
    [
        *(
            ("vigie_exporters", "exporter", "vigie-exporter-{}.service", "sample_interval_seconds", name)
            for name in ("camera", "recording", "retention", "storage")
        ),
        *(("vigie_archive", "archive", "vigie-{}.service", "segment_seconds", name) for name in ("keeper", "ledger")),
    ],
)
def test_each_restarts_by_its_own_configuration(
    variable: str, role: str, unit: str, setting: str, name: str, tmp_path: Path
) -> None:
    """Exporters and the archive's services: each by its own file, and no other by that."""
    variables = host_variables(demo(), "recorder-1")
    changed = {variable: variables[variable] | {name: variables[variable][name] | {setting: 77}}}
    foretold = {effect.unit: effect.verb for effect in unit_effects(variables, variables | changed)}
    assert foretold == {unit.format(name): "restarts"}

    def text(values: dict[str, Any], item: str) -> str:
        return Rendering(tmp_path, "recorder-1", role, item=item, **values).text("configuration.json.j2")

    for other in variables[variable]:
        assert (text({}, other) != text(changed, other)) == (other == name)


def test_units_of_the_roles_are_all_known() -> None:
    """What the roles keep running on these hosts has its place in this test, or never reads a plan."""
    unread = {"ssh.service", "systemd-journald.service", "systemd-sysctl.service"}
    running = {unit["name"] for unit in Rendering(Path("/"), "noc-1", "noc").value("noc_units")}
    assert running <= set(UNITS)
    base = {line.split("name: ")[1].split(",")[0].strip() for line in _units_of_base() if "name: " in line}
    assert base - unread <= set(UNITS)


def _units_of_base() -> list[str]:
    from tests.unit.playbooks.plugins import ROLES

    text = (ROLES / "base" / "tasks" / "run.yml").read_text("utf-8")
    return [line for line in text.splitlines() if ".service" in line and "name:" in line]
