"""What reliability costs, and prices that cover it (B9)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridagora.markets.tariffs.reliability import PriorityService, ServiceClass
from gridagora.markets.tariffs.reliability_cost import ReliabilityCost, covering_menu, shortfall


def menu(*pairs):
    """Return a menu of classes a, b, c by reliability and charge."""
    classes = {name: ServiceClass(reliability=r, charge_per_kw=s) for name, (r, s) in zip("abc", pairs, strict=False)}
    return PriorityService(classes=classes, compensation_per_kwh=2.0)


def test_cost_by_hand():
    """At k = 2 from 0.9 on: 0.99 divides the unserved share by ten, 2 ln 10 = 4.605170; its margin is 2 / 0.01."""
    cost = ReliabilityCost(2.0, 0.9)
    assert cost.cost([0.5, 0.9, 0.99]) == pytest.approx([0.0, 0.0, 4.605170], abs=1e-6)
    assert cost.marginal_cost([0.5, 0.99]) == pytest.approx([0.0, 200.0])


def test_efficient_reliability_by_hand():
    """Worth 200 buys 1 - 2 / 200 = 0.99; worth 10 or nothing stays at the base."""
    assert ReliabilityCost(2.0, 0.9).efficient_reliability([200.0, 10.0, 0.0]) == pytest.approx([0.99, 0.9, 0.9])


def test_menu_covers_its_cost_by_hand():
    """Steps cost 0 and 4.605170 and are charged 1 and 2: the second class is raised to 5.605170, the first stays."""
    cost, offered = ReliabilityCost(2.0, 0.9), menu((0.9, 1.0), (0.99, 3.0))
    assert shortfall(offered, cost) == pytest.approx({"a": 0.0, "b": 2.605170}, abs=1e-6)
    raised = covering_menu(offered, cost)
    assert [c.charge_per_kw for c in raised.classes.values()] == pytest.approx([1.0, 5.605170], abs=1e-6)
    assert raised.compensation_per_kwh == 2.0
    assert shortfall(raised, cost) == pytest.approx({"a": 0.0, "b": 0.0}, abs=1e-12)


@given(st.lists(st.floats(0.02, 0.99), min_size=1, max_size=3, unique=True), st.floats(0.01, 10))
def test_covering_menus_hold(reliabilities, scale):
    """However cheap the menu was, the one that covers its cost is a menu again, and no charge falls."""
    pairs = [(round(r, 3), 0.1 * round(r, 3) ** 2) for r in sorted(reliabilities)]
    if len({r for r, _ in pairs}) < len(pairs):
        return
    cost, offered = ReliabilityCost(scale), menu(*pairs)
    raised = covering_menu(offered, cost)
    assert all(
        new.charge_per_kw >= old.charge_per_kw
        for new, old in zip(raised.classes.values(), offered.classes.values(), strict=True)
    )
    assert max(shortfall(raised, cost).values()) == pytest.approx(0.0, abs=1e-9)


@given(st.floats(0.01, 100), st.floats(0, 0.98), st.floats(0.02, 1e4))
def test_laws(scale, base, value):
    """The efficient reliability beats its neighbours, and marginal cost is the slope of cost."""
    cost = ReliabilityCost(scale, base)
    best = float(cost.efficient_reliability(value))
    around = np.clip([best, best - 1e-3, best + 1e-3], base, 1 - 1e-9)
    gain = value * around - cost.cost(around)
    assert gain[0] >= gain.max() - 1e-9 * value
    step = 1e-6 * (1 - base)
    middle = base + (1 - base) / 2
    slope = (cost.cost(middle + step) - cost.cost(middle - step)) / (2 * step)
    assert float(cost.marginal_cost(middle)) == pytest.approx(float(slope), rel=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ReliabilityCost(0.0), "scale_per_kw: given 0"),
        (lambda: ReliabilityCost(1.0, 1.0), "base: given 1"),
        (lambda: ReliabilityCost(1.0).cost(1.0), "reliability: given 1"),
        (lambda: ReliabilityCost(1.0).marginal_cost(-1.0), "reliability: given -1"),
        (lambda: ReliabilityCost(1.0).efficient_reliability(-1.0), "value_per_kw: given -1"),
    ],
)
def test_refusals(call, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(ValueError, match=message):
        call()
