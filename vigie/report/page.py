"""One self-contained HTML page that shows a plan: no script, no font, no picture from anywhere else."""

from __future__ import annotations

from datetime import date
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from vigie.city.quantity import human_bit_rate, human_bytes, human_duration
from vigie.plan.model import Plan
from vigie.report import tables
from vigie.report.map import closer, draw, legend

TEMPLATE: Final = "city.html.j2"
COLOURS: Final = 8  # lots have their own colour as far as eyes tell them apart; then they start again


def render_page(plan: Plan, made: date) -> str:
    """The page of ``plan`` as HTML, with ``made`` as its day. All text of the city is escaped."""
    environment = Environment(
        loader=PackageLoader("vigie.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bytes": human_bytes,
        "bit_rate": human_bit_rate,
        "duration": human_duration,
        "number": lambda value: f"{value:,}",
    }
    lots = [lot.id for lot in plan.lots]
    city_map = draw(plan.capacity.sites, lots)
    middle = closer(plan.capacity.sites, lots)
    prices = [lot.price for lot in plan.lots]
    return environment.get_template(TEMPLATE).render(
        plan=plan,
        made=made.isoformat(),
        maps=[(f"Map of the sites of {plan.title}", city_map), *([("The middle, closer", middle)] if middle else [])],
        legend=legend(city_map.circles),
        colours=COLOURS,
        price=None if None in prices or not prices else sum(price for price in prices if price is not None),
        ingest=sum(load.ingest_bits_per_second for load in plan.capacity.recorders),
        a_day=sum(camera.bytes_per_day * (len(camera.identities) or 1) for camera in plan.cameras),
        groups=tables.group_rows(plan),
        tiers=tables.tier_rows(plan),
        sites=tables.site_rows(plan),
        retention=tables.retention_rows(plan),
        flows=tables.flow_rows(plan),
        hosts=tables.host_rows(plan),
        cameras=tables.camera_rows(plan),
        listed=len(plan.cameras) <= tables.MOST_CAMERAS_LISTED,
        assumptions=tables.assumptions(plan),
    )
