"""Plans, deployments and checks as tables that a person can read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vigie.city.quantity import human_bit_rate, human_bytes, human_duration
from vigie.plan import Plan
from vigie.plan.model import SiteLoad

if TYPE_CHECKING:
    from infra.bundle import Entry
    from vigie.cli.deploy import Deployment
    from vigie.cli.inspection import HostStatus
    from vigie.cli.upgrade import Outlook, Step
    from vigie.cli.verification import Verification
    from vigie.state import State

MOST_HOSTS, MOST_RECORDERS, MOST_SITES, FULLEST_SITES = 60, 30, 80, 15  # rows that a person reads

VERDICT_STYLES = {"fine": "green", "differs": "red", "unreachable": "bold red", "not deployed": "dim"}


def show_plan(console: Console, plan: Plan) -> None:
    """Hosts, lots, recorders with their load, sites with their uplink, and the digest; of a large city by tier, by group
    and by fill."""
    console.print(Text(f"{plan.title} · target {plan.target} · plan {plan.digest[:12]}", "bold"))
    _show_hosts(console, plan)
    if len(plan.lots) > 1 or any(lot.price is not None for lot in plan.lots):
        _show_lots(console, plan)
    if len(plan.capacity.recorders) > MOST_RECORDERS:
        _show_groups(console, plan)
    else:
        _show_recorders(console, plan)
    _show_sites(console, plan)
    camera = plan.cameras[0] if plan.cameras else None
    kept = ""
    if camera:
        floor, ceiling = (
            human_duration(camera.retention_floor_seconds),
            human_duration(camera.retention_ceiling_seconds),
        )
        kept = f", kept {floor} to {ceiling}"
    console.print(
        f"{len(plan.cameras)} cameras{kept}; {human_bytes(plan.capacity.raw_bytes)} of disks, spares included."
    )


def _show_hosts(console: Console, plan: Plan) -> None:
    if len(plan.hosts) > MOST_HOSTS:
        counts, deployed = Counter(host.tier for host in plan.hosts), Counter(host.tier for host in plan.deployed_hosts)
        tiers = _table("tier", "hosts", "deployed", right=2)
        for tier, count in counts.items():
            tiers.add_row(tier, str(count), str(deployed[tier]))
        console.print(tiers)
        return
    hosts = _table("host", "tier", "address", "runs")
    for host in plan.hosts:
        hosts.add_row(host.name, host.tier, host.address, ", ".join(host.services))
    console.print(hosts)


def _show_lots(console: Console, plan: Plan) -> None:
    headings = ("sites", "cameras", "recorders", "streaming", "analytics", "disks", "raw", "price")
    lots = _table("lot", "kind", *headings, right=len(headings))
    for lot in plan.lots:
        kind = lot.kind + (", exercised" if lot.exercised else "" if lot.deployed else ", not exercised")
        counts = (lot.sites, lot.cameras, lot.recorders, lot.streaming, lot.analytics, lot.disks)
        price = "-" if lot.price is None else f"{lot.price:,} {plan.currency}"
        lots.add_row(lot.id, kind, *map(str, counts), human_bytes(lot.raw_bytes), price)
    console.print(lots)


def _show_recorders(console: Console, plan: Plan) -> None:
    recorders = _table("recorder", "cameras", "ingest", "needed for the floor", "usable", "days until full", right=5)
    for load in plan.capacity.recorders:
        recorders.add_row(
            load.host,
            f"{load.cameras} of {load.cameras_limit}",
            f"{human_bit_rate(load.ingest_bits_per_second)} of {human_bit_rate(load.ingest_limit_bits_per_second)}",
            human_bytes(load.needed_bytes),
            human_bytes(load.usable_bytes),
            f"{load.days:.2f}",
        )
    console.print(recorders)


def _show_groups(console: Console, plan: Plan) -> None:
    """The fullest member of each group beside what a spare takes; days of the one that is full first."""
    days: dict[str, list[float]] = defaultdict(list)
    for load in plan.capacity.recorders:
        days[load.group].append(load.days)
    groups = _table("group", "recorders", "spares", "fullest", "ingest", "needed", "usable", "days until full", right=7)
    for group in plan.capacity.groups:
        groups.add_row(
            group.group,
            str(len(group.members)),
            str(len(group.spares)),
            f"{group.cameras} of {group.cameras_limit}",
            f"{human_bit_rate(group.ingest_bits_per_second)} of {human_bit_rate(group.ingest_limit_bits_per_second)}",
            human_bytes(group.needed_bytes),
            human_bytes(group.usable_bytes),
            f"{min(days[group.group], default=0.0):.2f}",
        )
    console.print(groups)


def _uplink_fill(site: SiteLoad) -> tuple[float, str]:
    """The fullest sort first."""
    return -site.bits_per_second / site.uplink_bits_per_second, site.site


def _show_sites(console: Console, plan: Plan) -> None:
    shown = plan.capacity.sites
    if len(shown) > MOST_SITES:
        shown = tuple(sorted(shown, key=_uplink_fill)[:FULLEST_SITES])
    sites = _table("site", "cameras", "sends", "uplink", right=3)
    for site in shown:
        sites.add_row(
            site.site,
            str(site.cameras),
            human_bit_rate(site.bits_per_second),
            human_bit_rate(site.uplink_bits_per_second),
        )
    console.print(sites)
    if len(shown) < len(plan.capacity.sites):
        rest = len(plan.capacity.sites) - len(shown)
        console.print(f"… and {rest} sites whose uplinks are less full; `vigie report` shows all.", style="dim")


def show_deployment(console: Console, deployment: Deployment, login: Path, state: State) -> None:
    """What was done, what failed, how long it took, and where to look now."""
    playbook = deployment.playbook
    table = _table("host", "infrastructure + roles", "verified")
    for host in sorted(deployment.verification.hosts):
        if playbook is None or host not in playbook.hosts:
            done = Text("unchanged", "dim")
        elif host in playbook.failures:
            done = Text(playbook.failures[host], "red")
        else:
            done = Text(
                f"{len(playbook.changed.get(host, []))} changed", "yellow" if playbook.changed.get(host) else ""
            )
        table.add_row(host, done, _verdict(deployment.verification, host))
    console.print(table)
    changes = ", ".join(f"{count} {kind}" for kind, count in sorted(deployment.infrastructure_changes.items()))
    console.print(f"Pulumi: {changes or '0 changes'}", markup=False)
    console.print(" · ".join(f"{name} {seconds:.0f} s" for name, seconds in deployment.stages.items()), markup=False)
    if not deployment.good:
        console.print(f"Not good. Logs: {state.events}", style="red", markup=False, soft_wrap=True)
        return
    for forward in deployment.plan.forwards:
        for page in forward.pages:
            console.print(f"{forward.name:>14}  https://localhost:{forward.listen_port}{page}", markup=False)
    if deployment.plan.forwards:
        console.print(
            f"Login: {login} · the browser trusts the pages once {state.ca / 'ca.pem'} is imported.",
            markup=False,
            soft_wrap=True,
        )


def show_verification(console: Console, result: Verification) -> None:
    """A line for each host, then each failure in full."""
    table = _table("host", "verified")
    for host in sorted(result.hosts):
        table.add_row(host, _verdict(result, host))
    console.print(table)
    for host in sorted(result.failures):
        for test, message in result.failures[host]:
            console.print(Text(f"{host}: {test}\n", "bold red") + Text(message), soft_wrap=True)


def show_status(console: Console, hosts: Sequence[HostStatus]) -> None:
    """A line for each host, worst first within the plan's order."""
    table = _table("host", "tier", "address", "status", "what differs")
    for host in hosts:
        verdict = Text(host.verdict, VERDICT_STYLES[host.verdict])
        table.add_row(host.host, host.tier, host.address, verdict, Text("\n".join(host.differences)))
    console.print(table)


def show_outlook(console: Console, rows: Sequence[tuple[int, Step, Outlook]], version: str) -> None:
    """The steps of an upgrade in their order, and what each means for its hosts."""
    if not rows:
        console.print(f"Nothing to do: every host is of Vigie {version}.", markup=False)
        return
    table = _table("step", "stage", "host", "differs in", "restarts", "may restart", "recording stops")
    for number, step, look in rows:
        stops = {"yes": "some seconds", "maybe": "maybe some seconds", "no": "no"}[look.interrupts]
        table.add_row(
            str(number),
            step.stage,
            look.host,
            ", ".join(look.changed),
            "the host itself" if look.anew else "\n".join(look.restarts),
            "" if look.anew else "\n".join(look.may_restart),
            f"while it is made ({look.cameras} cameras)" if look.anew and look.cameras else stops,
        )
    console.print(table)
    console.print(f"To Vigie {version}. Nothing was changed.", markup=False)


def show_bundle(console: Console, entries: Sequence[Entry]) -> None:
    """Component, version, licence and checksum of everything hosts are given."""
    table = _table("component", "version", "licence", "sha256")
    for entry in entries:
        table.add_row(entry.name, entry.version, entry.licence, entry.sha256)
    console.print(table)


def _verdict(result: Verification, host: str) -> Text:
    if host in result.green:
        return Text(f"green, {result.passed[host]} checks", "green")
    failed = len(result.failures.get(host, []))
    return Text(f"red, {failed} failed" if failed else "not verified", "red")


def _table(*columns: str, right: int = 0) -> Table:
    """A plain table; the last ``right`` columns are numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold dim")
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index >= len(columns) - right else "left", overflow="fold")
    return table
