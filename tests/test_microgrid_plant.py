"""The plant of a microgrid settles its own meter as the loop over members would settle it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gridagora as ga
from gridagora.agents.columns import T_CURTAILED, TRUTHFUL, ZI_CONSTRAINED, Accounts
from gridagora.agents.microgrid_kernels import read_meters
from gridagora.agents.microgrid_plant import MicrogridPlant
from gridagora.agents.population import Population
from gridagora.agents.ticks import ticks_of
from gridagora.scenarios.build import NO_AWARDS
from gridagora.scenarios.simulation import Simulation

MICROGRID = {"kind": "microgrid", "provider": "park_operator", "acceptance": {"hassle": -100}, "battery": {"kwh": 30}}
SMALL = {
    "households.count": 10, "households.pv_share": 0.5, "firms.count": 2, "farms": None, "time.days": 1,
    "time.period_minutes": 60, "counterparties.companies": ["park_operator"], "business_models": [MICROGRID],
}  # fmt: skip

STORED = ("stored_kwh", "cold_stored_kwh")


@pytest.fixture(scope="module")
def model():
    """Return a day with a microgrid that is done."""
    model = Simulation(ga.load("quickstart", SMALL))
    model.step()
    return model


@pytest.fixture(scope="module")
def entry(model):
    """Return the day of its plant."""
    return next(each for each in model.record.populations if isinstance(each.population, MicrogridPlant))


def settled(plant, settle, period, net, cuts, entry):
    """Return what a settlement says and leaves behind, of a meter at `net`."""
    plant.state.net[0] = net
    plant.billing.accounts = Accounts(*(np.zeros_like(rows) for rows in plant.billing.accounts))
    quotes = Population.quotes(plant, entry.plan, -0.5, 1.5, 0.01)
    totals = settle(plant, period, entry.plan, quotes, NO_AWARDS, (0.3, 0.5, 0.2), cuts, 1)
    return totals, int(plant.state.net[0]), int(plant.state.planned[0]), plant.billing.accounts


@settings(max_examples=40)
@given(
    net=st.integers(-(2**30), 2**30),
    shed=st.floats(0, 1),
    curtailed=st.floats(0, 1),
    period=st.integers(0, 23),
)
def test_the_plant_is_settled_as_any_member(entry, net, shed, curtailed, period):
    """Totals, meter and accounts are those of the loop over members; of what is curtailed some is not the PV's."""
    plant, cuts = entry.population, (shed, 0.0) if net > 0 else (0.0, curtailed)
    own = settled(plant, MicrogridPlant.settle, period, net, cuts, entry)
    loop = settled(plant, Population.settle, period, net, cuts, entry)
    assert own[0][0, T_CURTAILED] <= loop[0][0, T_CURTAILED]
    own[0][0, T_CURTAILED] = loop[0][0, T_CURTAILED]
    assert np.array_equal(own[0], loop[0])
    assert own[1:3] == loop[1:3]
    assert all(np.array_equal(a, b) for a, b in zip(own[3], loop[3], strict=True))


def test_the_plant_quotes_nothing(entry):
    """Its limits are any member's, its ticks no orders, and what it plans is the plan of the day."""
    plant, plan = entry.population, entry.plan
    quotes, loop = plant.quotes(plan, -0.5, 1.5, 0.01), Population.quotes(plant, plan, -0.5, 1.5, 0.01)
    assert np.array_equal(quotes.buy_limit, loop.buy_limit)
    assert np.array_equal(quotes.sell_limit, loop.sell_limit)
    assert quotes.most.shape == loop.most.shape
    assert quotes.highest == loop.highest == 200
    for period in range(len(quotes.most)):
        bid, ask = ticks_of(quotes.gate(period), *np.array([[0, 0], [TRUTHFUL, ZI_CONSTRAINED], [7, 7]]))
        assert bid.tolist() == [-1, -1]
        assert ask.tolist() == [201, 201]
    curves, totals = plant.quote(12, plan, quotes, (1.0, 1.0), 1)
    assert curves.shape == (2, 201)
    assert not curves.any()
    assert totals.tolist() == [[*plan.totals[12, :2], 0, 0, 0, 0, 0]]


@pytest.mark.parametrize("start", [0, 7, 22, 23])
def test_an_outage_is_a_day_without_the_grid_that_ends_early(entry, start):
    """What is shed in the outage's two hours is what a whole day sheds that asks for nothing after them."""
    plant = entry.population
    site, plan = plant.site, plant.dispatch
    day = replace(plant.day, demand=20 * plant.day.demand)  # more than the plant can serve by itself
    window = slice(start, start + 2)  # the last outage ends with the day
    alone = {
        name: np.pad(getattr(day, name)[..., window], [(0, 0)] * (getattr(day, name).ndim - 1) + [(0, 24)])[..., :24]
        for name in ("demand", "surplus", "pv", "wind", "heat", "cold")
    }
    held = {name: float(getattr(plan, name)[start - 1] if start else getattr(day, name)) for name in STORED}
    nothing = {"connected": np.zeros(24), "stored_end_kwh": 0.0, "cold_end_kwh": 0.0, "peak_per_kw": 0.0}
    whole = site.dispatch.solve(replace(day, **alone, **held, **nothing))
    needed, shed = site.island(day, plan, start)
    assert site.outage_periods == 2
    assert needed == pytest.approx(site.lost_load @ alone["demand"].sum(axis=1))
    assert 0 < shed < needed
    assert shed == pytest.approx(site.lost_load @ whole.shed_kwh.sum(axis=1), abs=1e-6)


def test_meters_of_groups_both_ways():
    """Rows 0 and 2 of (5, 7, -3, 0, -9) withdraw 5 and inject 3, rows 3 and 4 inject 9; in all they give 7."""
    net = np.array([5, 7, -3, 0, -9], np.int32)
    withdrawn, injected = np.full((2, 2, 3), -1)
    assert read_meters(net, np.array([0, 2, 3, 4]), np.array([2, 4]), withdrawn, injected, 1) == -7
    assert withdrawn.tolist() == [[-1, 5, -1], [-1, 0, -1]]
    assert injected.tolist() == [[-1, 3, -1], [-1, 9, -1]]
