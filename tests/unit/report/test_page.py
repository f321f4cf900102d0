"""The page that integrators print: whole, self-contained, and safe with whatever people name their sites."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from functools import cache
from html.parser import HTMLParser

import pytest

from tests.unit.cities import DEMO, committed
from vigie.city import load_city
from vigie.city.quantity import human_bytes
from vigie.plan import Plan, plan
from vigie.plan.document import sealed
from vigie.report import render_page, tables

FES = committed("fes")[1]
EVIL = '<script src="https://evil.example/x.js">alert(1)</script>" onload="x'
VOID = {"meta", "br", "img", "link", "input", "hr", "col"}
OPTIONAL_END = {"td", "th"}  # HTML lets them end with the next cell


class Reader(HTMLParser):
    """Every tag must close what it opened; collects text, tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in OPTIONAL_END and self.open and self.open[-1] in OPTIONAL_END:
            self.open.pop()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] != tag and self.open[-1] in OPTIONAL_END:
            self.open.pop()
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@cache
def page(name: str) -> str:
    return render_page(FES if name == "fes" else plan(load_city(DEMO)), date(2027, 1, 31))


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("name", ["fes", "demo"])
def test_it_is_well_formed_and_names_every_site_host_and_camera(name: str) -> None:
    whole = FES if name == "fes" else plan(load_city(DEMO))
    reader = read(page(name))
    text = "\n".join(reader.text)
    for site in whole.capacity.sites:
        assert f"{site.site}, {site.district}: {site.cameras} cameras" in text
    for wanted in (*(host.name for host in whole.hosts), *(camera.id for camera in whole.cameras)):
        assert wanted in text
    for lot in whole.lots:
        assert lot.title in text
        assert lot.price is None or f"{lot.price:,}" in text
    assert whole.digest in text
    assert "2027-01-31" in text
    assert human_bytes(whole.capacity.raw_bytes) in text


@pytest.mark.parametrize("name", ["fes", "demo"])
def test_it_asks_nobody_for_anything(name: str) -> None:
    """It is opened in networks without a way out, and by people who must not be watched."""
    html = page(name)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|<link|<img|<iframe", html)
    for _, attributes in read(html).tags:
        assert not attributes.keys() & {"src", "href", "srcset", "action", "data"}
        assert not any(attribute.startswith("on") for attribute in attributes)


def with_evil(whole: Plan) -> Plan:
    """Titles that try to become markup, wherever a city file takes free text."""
    sites = tuple(replace(site, district=EVIL, site=EVIL) for site in whole.capacity.sites)
    lots = tuple(replace(lot, title=EVIL) for lot in whole.lots)
    return sealed(replace(whole, title=EVIL, lots=lots, capacity=replace(whole.capacity, sites=sites)))


def test_text_of_the_city_stays_text() -> None:
    html = render_page(with_evil(plan(load_city(DEMO))), date(2027, 1, 31))
    reader = read(html)
    assert "script" not in {tag for tag, _ in reader.tags}
    assert not any(name.startswith("on") for _, attributes in reader.tags for name in attributes)
    assert EVIL in "\n".join(reader.text)
    assert "<script" not in html


def test_a_circle_for_each_site_in_the_colour_of_its_lot() -> None:
    circles = [attributes for tag, attributes in read(page("fes")).tags if tag == "circle"]
    assert len(circles) >= len(FES.capacity.sites)
    lots = [lot.id for lot in FES.lots]
    for place, lot in enumerate(lots):
        deployed = next(one.deployed for one in FES.lots if one.id == lot)
        wanted = f"lot{place}" if deployed else f"lot{place} later"
        assert sum(one["class"] == wanted for one in circles) >= sum(site.lot == lot for site in FES.capacity.sites)


def test_of_a_large_city_cameras_are_told_by_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line for each camera would make a page that no browser opens (tests/bench renders 100,000 cameras)."""
    monkeypatch.setattr(tables, "MOST_CAMERAS_LISTED", 100)
    html = render_page(FES, date(2027, 1, 31))
    assert len(html) < len(page("fes"))
    text = "\n".join(read(html).text)
    for site in FES.capacity.sites:
        assert f"{site.site}: {site.cameras} cameras" in text
    rows = tables.camera_rows(FES)
    assert sum(row.count for one in rows.values() for row in one) == len(FES.cameras)
    assert sum(len(one) for one in rows.values()) < len(FES.cameras) / 3


def test_the_same_plan_gives_the_same_page() -> None:
    assert render_page(FES, date(2027, 1, 31)) == page("fes")
