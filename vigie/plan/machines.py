"""Racked machines and the hosts of the plan that they become."""

from __future__ import annotations

from vigie.city.errors import Problem
from vigie.city.load import MACHINES_FILE
from vigie.city.model import City
from vigie.plan.model import Plan


def unknown_hosts(city: City, plan: Plan) -> list[Problem]:
    """Lines of ``machines.csv`` whose host the plan does not have."""
    known = {host.name for host in plan.hosts}
    fix = "use a name that `vigie plan` shows, or remove the line"
    return [
        Problem(MACHINES_FILE, city.machine_lines[row.host], "host", f"the plan has no host {row.host!r}", fix)
        for row in city.machines
        if row.host not in known
    ]


def hosts_without_machine(plan: Plan) -> list[str]:
    """The deployed hosts of a plan for racked machines that no line of ``machines.csv`` names."""
    if plan.target != "metal":
        return []
    return [host.name for host in plan.deployed_hosts if host.machine is None]
