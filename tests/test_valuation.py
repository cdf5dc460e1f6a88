"""What offers would have cost: the present one what is billed, another one what a run under it bills."""

import numpy as np
import pytest

from gridagora.agents.valuation import Trial, beside
from gridagora.scenarios.load import load
from gridagora.scenarios.record import Recorder
from gridagora.scenarios.simulation import Simulation

EVENING = {
    "kind": "time_of_use",
    "energy_per_kwh": {"evening": 0.9, "day": 0.4},
    "windows": {"evening": ["17:00-21:00"], "day": ["21:00-17:00"]},
}
MENU = {
    "kind": "menu",
    "outside": "flat",
    "options": {
        "flat": {"kind": "flat", "energy_per_kwh": 0.5},
        "ladder": {"kind": "flat", "blocks": {"limits_kwh": [40, 90], "prices_per_kwh": [0.0, 0.1, 0.4]}},
        "packed": {
            "kind": "flat",
            "package": {"fee_per_month": 20.0, "included_kwh": 60.0, "term_months": 0},
            "demand": {"price_per_kw_month": 8.0},
            "payment": {"method": "direct_debit"},
        },
    },
}
HOMES = {
    "seed": 7,
    "time.start": "2016-06-20",
    "time.days": 14,
    "time.period_minutes": 60,
    "market.online": False,
    "households.count": 10,
    "households.pv_share": 0.5,
    "households.storage_share": 1.0,
    "households.own_elasticity": -0.3,
    "households.cross_elasticity": 0.05,
    "tariffs.residential": MENU,
    "firms.count": 4,
    "farms": None,
}


def run(days, changed=None, looks=1.0, **homes):
    """Return a run of some days in which all look around and nobody moves."""
    choice = {"consider_per_month": looks, "switching_cost": 1000.0, **(changed or {})}
    model = Simulation(load("quickstart", {**HOMES, "households.choice": choice, **homes}), Recorder())
    for _ in range(days):
        model.step()
    return model, model.parts.rounds[0]


def test_present_offer_costs_what_is_billed():
    """Over two months' ends, with PV, batteries and noise, the present offer costs the bill to the micro-unit."""
    model, choice = run(10)
    seen = choice.cohorts[0]
    model.step()
    bills = model.households.billing.last_bills[seen.rows] / 1e6
    own = np.take_along_axis(seen.trial.bills(), model.households.members.offer[seen.rows][:, None].astype(int), 1)
    assert seen.month == 0
    assert seen.rows.size == 10
    assert own[:, 0].tolist() == bills.tolist()
    later = choice.cohorts[0]
    for _ in range(3):
        model.step()
    assert later.month == 1
    assert later.trial.days == 3
    assert later.trial.bills()[:, 0].tolist() == (model.households.billing.last_bills[later.rows] / 1e6).tolist()


@pytest.mark.parametrize(("offer", "name"), [(1, "ladder"), (2, "packed")])
def test_other_offers_cost_what_a_run_under_them_bills(offer, name):
    """What an offer would have cost is what all are billed who have it: the load has answered to its prices."""
    model, choice = run(10)
    seen = choice.cohorts[0]
    model.step()
    other, _ = run(11, {"default_offer": name})
    assert other.households.members.offer.tolist() == [offer] * 10
    expected = other.households.billing.last_bills[seen.rows] / 1e6
    assert seen.trial.bills()[:, offer].tolist() == expected.tolist()
    assert (seen.trial.bills()[:, offer] != seen.trial.bills()[:, 0]).all()


def test_plans_of_managed_homes_follow_the_offer():
    """A battery under an energy-management system is planned anew under each offer: both bills are those of a run."""
    menu = {"kind": "menu", "outside": "flat", "options": {"flat": MENU["options"]["flat"], "evening": EVENING}}
    homes = {"hems_share": 0.7, "pv_share": 1.0, "pv_kwp": 1.0, "count": 4}
    changed = {"tariffs.residential": menu, **{f"households.{key}": value for key, value in homes.items()}}
    model, choice = run(1, **changed)
    other, _ = run(1, {"default_offer": "evening"}, **changed)
    assert 0 < model.households.managed < 4
    model.step()
    other.step()
    twin = choice.cohorts[0].trial.twin
    managed = model.households.managed
    assert twin.bills[:managed].tolist() == model.households.bills[:managed].tolist()
    for number, bill in zip(twin.members.number, twin.bills, strict=True):
        where = model.households.rows[number]
        assert bill in (model.households.bills[where], other.households.bills[where])
    assert model.households.bills[0] != other.households.bills[0]


def test_cars_charge_when_the_offer_is_cheap():
    """A car that charges in the cheapest periods does so under each offer: costs are those of runs under them."""
    menu = {"kind": "menu", "outside": "flat", "options": {"flat": MENU["options"]["flat"], "evening": EVENING}}
    homes = {"ev_share": 1.0, "vehicle": {"charging": "cheapest"}, "count": 4}
    changed = {"tariffs.residential": menu, **{f"households.{key}": value for key, value in homes.items()}}
    model, choice = run(3, **changed)
    other, _ = run(3, {"default_offer": "evening"}, **changed)
    bills = choice.cohorts[0].trial.twin.bills.reshape(2, 4)
    assert bills[0].tolist() == model.households.bills.tolist()
    assert bills[1].tolist() == other.households.bills.tolist()


def test_new_prices_and_new_devices_reach_a_trial():
    """Prices set between two bills, and PV that members get meanwhile, count in what offers would have cost."""
    model, choice = run(11, **{"households.pv_share": 0.0})
    homes = model.households
    homes.set_tariff(0, homes.offers[0].tariff.model_copy(update={"energy_per_kwh": 0.7}))
    homes.members.pv_annual_kwh[:3] = 500.0
    model.step()
    twin = choice.cohorts[0].trial.twin
    assert twin.bills[: len(homes)].tolist() == homes.bills.tolist()
    assert (homes.bills[3:] > 0).all()


def test_a_trial_leaves_the_population_as_it_is():
    """Whether nobody or everybody compares offers, bills and books of the run are the same."""
    idle, busy = run(11, looks=0.0)[0], run(11)[0]
    assert idle.households.billed.tolist() == busy.households.billed.tolist()
    assert idle.ledger.frame().equals(busy.ledger.frame())


def test_deviation_is_that_of_the_daily_cost():
    """A flat price without noise costs the same every day but for the standing charge, which does not scatter."""
    model, _ = run(0)
    trial = Trial(model.households, np.array([0, 3]))
    trial.days, trial._closed, trial._squares = 2, np.full(6, 4_000_000), np.full(6, 10.0)
    # Two days of 1 and 3: mean 2, squares 10, so a variance of 10 / 2 - 4 = 1.
    assert trial.deviations().tolist() == [[1.0] * 3] * 2


def test_members_stand_beside_themselves_offer_by_offer():
    """All chosen members under the first offer, then all under the second, with their own columns."""
    model, _ = run(0)
    homes = model.households
    twin = beside(homes, np.array([1, 4]))
    assert twin.members.offer.tolist() == [0, 0, 1, 1, 2, 2]
    assert twin.members.number.tolist() == homes.members.number[[1, 4]].tolist() * 3
    assert (twin.members.group // 2).tolist() == [0, 0, 1, 1, 2, 2]
    assert len(twin) == 6
    twin.state.stored[:] = -1.0
    twin.accounts.energy[:] = 5
    assert (homes.state.stored >= 0).all()
    assert not homes.accounts.energy.any()


@pytest.mark.parametrize(
    "homes",
    [
        {"weather": "synthetic", "households.heat_pump_share": 1.0, "households.pv_share": 0.0, "households.count": 3},
        {"households.annual_kwh": 1e8, "households.pv_share": 0.0, "households.count": 3},
    ],
    ids=["heat pumps", "meters of 64 bits"],
)
def test_whatever_members_own_the_present_offer_costs_the_bill(homes):
    """Rooms keep their warmth from day to day, and large meters their width."""
    model, choice = run(2, **homes)
    bills = choice.cohorts[0].trial.twin.bills[:3]
    assert bills.tolist() == model.households.bills.tolist()
    assert (bills > 0).all()


def test_rebates_refer_to_the_past_before_the_trial():
    """What a rebate's baseline remembers of a month before counts in what the offer would have cost."""
    rebate = {
        "event_days": ["2016-07-01"],
        "event_windows": ["17:00-21:00"],
        "rebate_per_kwh": 2.0,
        "baseline": {"days": 3, "adjustment_cap": 0.0},
    }
    options = {"flat": {"kind": "flat", "rebate": rebate}, "plain": {"kind": "flat"}}
    menu = {"kind": "menu", "outside": "flat", "options": options}
    model, choice = run(12, **{"tariffs.residential": menu, "households.count": 4})
    bills = choice.cohorts[0].trial.twin.bills
    assert bills[:4].tolist() == model.households.bills.tolist()
