"""How many servers the plan asks for, against the least that an exact solver proves possible (HiGHS)."""

from __future__ import annotations

from typing import Any

import highspy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vigie.plan.capacity import Limits
from vigie.plan.fleet import Batch, Fleet
from vigie.plan.placement import lower_bound, place

TOLERATED = 1.05


def least_servers(kinds: list[tuple[int, int, int]], limits: Limits, most: int) -> float:
    """A proven lower bound of the servers that ``kinds`` (bits, cameras, copies) need, ``most`` being enough.

    x[s,k] cameras of kind k on server s, y[s] whether s is used: minimise the sum of y. Servers are alike, so used ones
    come first; a mirrored camera is on a server at most once, so a server has at most its kind's number.
    """
    model: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    model.silent()
    model.setOptionValue("time_limit", 5.0)
    used = [model.addBinary() for _ in range(most)]
    placed = [[model.addIntegral(lb=0, ub=cameras) for _, cameras, _ in kinds] for _ in range(most)]
    for server in range(most):
        bits = sum(kind[0] * count for kind, count in zip(kinds, placed[server], strict=True))
        model.addConstr(bits <= limits.most_bits_per_second * used[server])
        model.addConstr(sum(placed[server]) <= limits.cameras * used[server])
        if server:
            model.addConstr(used[server] <= used[server - 1])
    for index, (_, cameras, copies) in enumerate(kinds):
        model.addConstr(sum(counts[index] for counts in placed) == cameras * copies)
    model.minimize(sum(used))
    bound: float = model.getInfo().mip_dual_bound
    return bound


@st.composite
def small_cities(draw: st.DrawFn) -> tuple[list[tuple[int, int, int]], Limits]:
    """Up to four kinds of cameras on recorders that take 4 to 40 of them."""
    rates = draw(st.lists(st.integers(5, 60), min_size=1, max_size=4, unique=True))
    kinds = [(rate, draw(st.integers(1, 40)), draw(st.sampled_from([1, 1, 1, 2]))) for rate in rates]
    bits = draw(st.integers(4 * max(rates), 12 * max(rates)))
    return kinds, Limits(draw(st.integers(4, 40)), bits, bits, 8 * bits, 0)


@given(small_cities())
@settings(deadline=None, max_examples=25, derandomize=True)
def test_servers_are_within_five_per_cent_of_the_lower_bound(city: tuple[list[tuple[int, int, int]], Limits]) -> None:
    """A city buys what the plan says: each server too many is money, each too few is impossible."""
    kinds, limits = city
    batches = [
        Batch(f"site-{n}", n, bits, 8 * bits, tuple(f"cam-{n}-{c}" for c in range(cameras)), copies)
        for n, (bits, cameras, copies) in enumerate(kinds)
    ]
    placement = place(Fleet.of(limits, 16, None), [batches])
    assert not placement.left_over
    servers = len(placement.fleet.recorders)
    if lower_bound([batches], limits) == servers:
        return  # plain sums prove it already
    least = least_servers(kinds, limits, servers)
    assert servers <= max(TOLERATED * least, -(-least // 1)), f"{servers} servers, {least} proven"


def test_the_solver_is_asked_the_right_question() -> None:
    """Worked by hand: three of 6 and three of 4 on servers of 10 are three servers; mirrored once, a camera needs two."""
    assert least_servers([(6, 3, 1), (4, 3, 1)], Limits(9, 10, 10, 80, 0), 4) == pytest.approx(3)
    assert least_servers([(6, 3, 1)], Limits(9, 10, 10, 80, 0), 4) == pytest.approx(3)
    assert least_servers([(1, 1, 2)], Limits(9, 10, 10, 80, 0), 4) == pytest.approx(2)
