"""Priority service: cut-offs, self-selection, efficient prices."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.markets.tariffs.metered import Context, Meter
from gridagora.markets.tariffs.reliability import (
    PriorityService,
    PriorityTariff,
    ServiceClass,
    efficient_menu,
    ration,
)
from gridagora.sim.clock import Calendar

APRIL = Calendar(date(2025, 4, 1), 30, 60)


def service(pairs, **values):
    """Return a menu of reliabilities and charges."""
    names = ("basic", "normal", "firm")
    classes = {name: ServiceClass(reliability=r, charge_per_kw=s) for name, (r, s) in zip(names, pairs, strict=False)}
    return PriorityService(classes=classes, **values)


MENU = service([(0.5, 1.0), (0.8, 2.5), (1.0, 5.5)], compensation_per_kwh=5.0)


def test_cut_offs_by_hand():
    """Reliabilities 0.5, 0.8, 1 at 1, 2.5, 5.5: from 2, 5 and 15 on each beats the one below."""
    assert MENU.cut_offs() == pytest.approx([2.0, 5.0, 15.0])
    assert MENU.choose([0.0, 1.9, 2.1, 4.9, 5.1, 14.9, 15.1, 1e6]).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_bill_by_hand():
    """3 kW of normal service for April cost 7.50; 2 kWh not served bring 10 back; energy has no price here."""
    tariff = PriorityTariff(menu=MENU, choice="normal", subscribed_kw=3.0)
    meter = Meter(APRIL, np.ones(720))
    unserved = np.where(np.arange(720) < 4, 0.5, 0.0)
    bill = tariff.bill(meter, Context(unserved_kwh=unserved))
    assert [(line.line, line.quantity, line.unit, line.price, line.amount) for line in bill] == [
        ("service normal at a reliability of 0.8, 2025-04", 3.0, "kW month", 2.5, 7.5),
        ("energy not served", 2.0, "kWh", -5.0, -10.0),
    ]
    assert not tariff.marginal_price(meter).any()
    with pytest.raises(ValueError, match="unserved_kwh: given none"):
        tariff.bill(meter)
    plain = PriorityTariff(menu=service([(0.5, 1.0)]), choice="basic", subscribed_kw=3.0)
    assert [line.amount for line in plain.bill(meter)] == [3.0]


def test_rationing_serves_the_highest_class_first():
    """Classes of 2, 3 and 1 kW and supplies of 0, 2, 5 and 9 kW."""
    served = ration([2, 3, 1], [0, 2, 5, 9])
    assert served.tolist() == [[0, 0, 0], [0, 1, 1], [1, 3, 1], [2, 3, 1]]


def test_efficient_menu_by_hand():
    """Values 1, 2, 5, 9 of 1 kW, supplies 1 to 4 kW, bounds 1 and 5: reliabilities 3/8, 7/8, charges 3/8, 23/8."""
    found = efficient_menu([1, 2, 5, 9], [1, 1, 1, 1], [1, 2, 3, 4], [1, 5])
    # The upper class of 2 kW gets 1, 2, 2, 2 of 2 kW: 7/8; the lower one 0, 0, 1, 2: 3/8.
    assert found.reliability == pytest.approx([3 / 8, 7 / 8])
    assert found.charges == pytest.approx([3 / 8, 3 / 8 + 5 / 2])
    assert found.choice.tolist() == [1, 1, 2, 2]
    menu = found.menu(compensation_per_kwh=1.0)
    assert menu.cut_offs() == pytest.approx([1.0, 5.0])
    assert (menu.compensation_per_kwh, list(menu.classes)) == (1.0, ["1", "2"])


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        ([(0.8, 1.0), (0.5, 2.0)], r"reliability: given \[0.8, 0.5\] for basic, normal; allowed rising"),
        ([(0.5, 2.0), (0.8, 1.0)], r"charge_per_kw: given \[2.0, 1.0\]"),
        ([(0.5, 2.0), (1.0, 3.0)], r"classes: 'basic' is nobody's best choice, cut-offs \[4.0, 2.0\] fall after it"),
        ([(1.5, 2.0)], "reliability"),
        ([], "classes"),
    ],
)
def test_menu_refused(pairs, text):
    """Menus that do not rise, or have a class that nobody takes, are refused."""
    with pytest.raises(ValidationError, match=text):
        service(pairs)


def test_refused():
    """Classes off the menu, negative values and bounds that leave somebody out or a class empty."""
    with pytest.raises(ValidationError, match="choice: given 'gold'; allowed basic, normal, firm"):
        PriorityTariff(menu=MENU, choice="gold", subscribed_kw=1.0)
    with pytest.raises(ValueError, match="value_per_kw: given -1 as lowest; allowed finite and at least 0"):
        MENU.choose([-1.0])
    for bounds, text in (
        ([2, 5], "allowed rising from at most the lowest value, 1"),
        ([1, 1], "allowed rising"),
        ([1, 20], "allowed such that no class is empty"),
    ):
        with pytest.raises(ValueError, match=text):
            efficient_menu([1, 5, 9], [1, 1, 1], [1, 2], bounds)
    with pytest.raises(ValueError, match=r"supply_kw: serves classes \[1.0, 1.0\] of the time"):
        efficient_menu([1, 9], [1, 1], [2, 2], [1, 5])


@given(
    st.lists(st.integers(1, 50), min_size=2, max_size=12, unique=True),
    st.lists(st.floats(0.5, 20), min_size=1, max_size=6),
)
def test_customers_sort_themselves(values, supplies):
    """Under efficient charges each customer's best choice is the class made for its value, and nobody loses."""
    values = np.sort(np.array(values, float))
    demand, bounds = np.ones(values.size), values[[0, values.size // 2]]
    supply = np.append(supplies, [0.5, values.size])
    found = efficient_menu(values, demand, supply, bounds)
    payoff = values[:, None] * np.append(0.0, found.reliability) - np.append(0.0, found.charges)
    chosen = payoff[np.arange(values.size), found.choice]
    assert chosen == pytest.approx(payoff.max(axis=1), abs=1e-9)
    assert chosen.min() >= -1e-9
    assert found.menu().choose(values * (1 + 1e-9)).tolist() == found.choice.tolist()
