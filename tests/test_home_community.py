"""Homes that plan together against worked cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.devices import Battery, Building, Connection, HeatPump, Home, Vehicle
from gridagora.agents.home_community import plan_community
from gridagora.agents.home_outlook import HomeState, Outlook
from gridagora.agents.home_planner import HomePlanner
from gridagora.agents.vehicle_trips import Stay

WIDE = {"import_kw": 20.0, "export_kw": 20.0}
BARE = Home()
STORE = Home(battery=Battery(2.0, 2.0, 2.0, 1.0, 1.0, wear_cost=0.0))


def test_one_home_stores_the_others_sun():
    """2 kWh of the roof at noon go through the neighbour's battery to the evening: nobody buys, together 0.0.

    Alone the roof earns 2 x 0.1 and the other buys 2 x 0.2 at noon to spare 2 x 0.5 in the evening: 0.2 together.
    """
    prices = {"hours": 1.0, "buy": [0.2, 0.5], "sell": [0.1, 0.1]}
    roof = Outlook(BARE, base_kwh=[0.0, 0.0], pv_kwh=[2.0, 0.0], **prices)
    store = Outlook(STORE, base_kwh=[0.0, 2.0], **prices)
    found = plan_community([BARE, STORE], [roof, store], **WIDE)
    assert found.cost == pytest.approx(0.0, abs=1e-9)
    assert found.import_kwh.tolist() == pytest.approx([0.0, 0.0])
    assert found.homes[0].export_kwh.tolist() == pytest.approx([2.0, 0.0])
    assert found.homes[1].import_kwh.tolist() == pytest.approx([2.0, 0.0])
    alone = [HomePlanner(home, 2, 1.0).plan(seen).cost.total for home, seen in ((BARE, roof), (STORE, store))]
    assert sum(alone) == pytest.approx(0.2)


def test_the_shared_connection_binds():
    """Two loads of 2 kWh behind 3 kW need 1 kWh from the battery, charged the hour before."""
    prices = {"hours": 1.0, "buy": [0.4, 0.3], "sell": [0.0, 0.0]}
    bare, store = (Outlook(home, base_kwh=[0.0, 2.0], **prices) for home in (BARE, STORE))
    found = plan_community([BARE, STORE], [bare, store], import_kw=3.0, export_kw=0.0)
    assert found.import_kwh.tolist() == pytest.approx([1.0, 3.0])
    assert found.cost == pytest.approx(1.3)


def test_nothing_is_passed_on_where_selling_pays_more():
    """At a selling price above the buying price the roof's 1 kWh is sold net of the neighbour's load of 0.4 kWh."""
    prices = {"hours": 1.0, "buy": [0.1], "sell": [0.3]}
    roof = Outlook(BARE, base_kwh=[0.0], pv_kwh=[1.0], **prices)
    load = Outlook(BARE, base_kwh=[0.4], **prices)
    found = plan_community([BARE, BARE], [roof, load], **WIDE)
    assert (found.import_kwh[0], found.export_kwh[0]) == (0.0, pytest.approx(0.6))
    assert found.cost == pytest.approx(-0.18)


SETS = (
    Home(battery=Battery(3.0, 2.0, 2.0, 0.9, 0.9, wear_cost=0.01)),
    Home(Connection(), vehicle=Vehicle(20.0, 4.0, 3.0)),
    Home(heat_pump=HeatPump(2.0), building=Building(0.2, 4.0)),
)


@settings(max_examples=15, deadline=None)
@given(data=st.data(), lowest=st.sampled_from([0, -6]))
def test_together_never_costs_more_than_alone(data, lowest):
    """The plans of each alone are one way to plan together; limits are kept, at any sign of prices."""

    def column(least, most):
        return data.draw(st.lists(st.integers(least, most), min_size=4, max_size=4).map(np.array)) / 20

    buy = column(lowest, 10)
    sell = buy - column(0, 4)
    outlooks = [
        Outlook(
            home,
            1.0,
            buy,
            sell,
            column(0, 40),
            pv_kwh=column(0, 60),
            outdoor_c=column(-100, 200),
            stays=[Stay(0, 3, 14.0)] if home.vehicle else (),
            state=HomeState(1.0 if home.battery else 0.0, 10.0 if home.vehicle else 0.0),
        )
        for home in SETS
    ]
    alone = sum(HomePlanner(home, 4, 1.0).plan(seen).cost.total for home, seen in zip(SETS, outlooks, strict=True))
    found = plan_community(SETS, outlooks, import_kw=100.0, export_kw=100.0)
    assert found.cost <= alone + 1e-5
    assert np.minimum(found.import_kwh, found.export_kwh).max() == 0.0
    net = sum(plan.import_kwh - plan.export_kwh for plan in found.homes)
    np.testing.assert_allclose(net, found.import_kwh - found.export_kwh, atol=1e-9)


@pytest.mark.parametrize(
    ("homes", "change", "limits", "message"),
    [
        ([BARE], {}, WIDE, "community: 1 homes, 2 outlooks; must be at least 1, and as many"),
        ([BARE, BARE], {"buy": [0.2], "sell": [0.1], "base_kwh": [0.0]}, WIDE, "outlook 1 has 1 periods of 1.0 h"),
        ([BARE, BARE], {"sell": [0.1, 0.0]}, WIDE, "community: outlook 1 has other prices than the first"),
        ([BARE, BARE], {}, {"import_kw": -1.0, "export_kw": 1.0}, "community: import_kw -1.0; must be at least 0"),
    ],
)
def test_unlike_homes_are_refused(homes, change, limits, message):
    """The message names the outlook and what is allowed."""
    data = {"hours": 1.0, "buy": [0.2, 0.5], "sell": [0.1, 0.1], "base_kwh": [0.0, 0.0]}
    outlooks = [Outlook(BARE, **data), Outlook(BARE, **(data | change))]
    with pytest.raises(ValueError, match=message):
        plan_community(homes, outlooks, **limits)
