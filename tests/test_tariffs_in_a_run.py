"""Tariffs in whole runs: bills against the library's on the same meters, suppliers, shedding by reliability."""

from __future__ import annotations

import numpy as np
import pytest

import gridagora as ga
from gridagora.agents.columns import T_SHED
from gridagora.markets.tariffs.blocks import IncreasingBlocks
from gridagora.markets.tariffs.combined import CombinedTariff
from gridagora.markets.tariffs.demand_charge import DemandCharge
from gridagora.markets.tariffs.metered import Context, Meter, total
from gridagora.markets.tariffs.package import Package
from gridagora.markets.tariffs.real_time import RealTime
from gridagora.markets.tariffs.seasonal import ScheduledTariff
from gridagora.markets.tariffs.time_of_use import TimeOfUse
from gridagora.scenarios.load import ScenarioError
from gridagora.scenarios.simulation import Simulation

SMALL = {
    "time.start": "2016-01-25",
    "time.days": 12,
    "time.period_minutes": 60,
    "households.count": 4,
    "households.pv_share": 0.0,
    "firms": None,
    "farms": None,
    "market.online": False,
    "outputs.members": 4,
    "outputs.curve": False,
}
TOU = {
    "kind": "time_of_use",
    "energy_per_kwh": {"peak": 0.5, "valley": 0.2},
    "windows": {"peak": ["08:00-22:00"], "valley": ["22:00-08:00"]},
}
BLOCKS = {"limits_kwh": [30.0, 60.0], "prices_per_kwh": [0.0, 0.05, 0.3]}
DEMAND = {"price_per_kw_month": 40.0, "window_minutes": 60}
PACKAGE = {"fee_per_month": 30.0, "included_kwh": 60.0, "term_months": 0, "green_share": 0.3}


def run(residential, **changed):
    """Return a finished run of four households under a tariff, its books checked every day."""
    scenario = ga.load("quickstart", {**SMALL, "tariffs.residential": residential, **changed})
    model = Simulation(scenario)
    while model.running:
        model.step()
    return model


def meters(model):
    """Return the meter of each sampled household."""
    rows = model.recorder.frame("members")
    series = rows.pivot_table(index=["day", "period"], columns="member", values="withdrawal_kwh")
    return [Meter(model.calendar, series[member].to_numpy()) for member in series]


PARTS = {
    "ladder": ({**TOU, "blocks": BLOCKS}, (ScheduledTariff(prices=TimeOfUse(**TOU)), IncreasingBlocks(**BLOCKS))),
    "demand": ({**TOU, "demand": DEMAND}, (ScheduledTariff(prices=TimeOfUse(**TOU)), DemandCharge(**DEMAND))),
    "package": ({**TOU, "package": PACKAGE}, (Package(prices=TimeOfUse(**TOU), **PACKAGE),)),
}


@pytest.mark.parametrize("name", PARTS)
def test_bills_of_a_run_are_those_of_the_meters(name):
    """What each household is billed in a run is what the library says of its whole meter."""
    ours, parts = PARTS[name]
    model = run(ours)
    tariff = CombinedTariff(parts=parts)
    exact = [total(tariff.bill(meter)) for meter in meters(model)]
    paid = model.households.billed[model.households.rows] / 1e6
    assert paid == pytest.approx(exact, abs=1e-4)
    assert -model.ledger.balance("households") == int(model.households.billed.sum())


def test_real_time_bills_follow_the_pool():
    """The day-ahead price of every hour plus the margin makes the bill."""
    model = run({"kind": "real_time", "margin_per_kwh": 0.05, "floor_per_kwh": 0.0, "standing_per_day": 0.0})
    pool = model.recorder.frame("intervals")["pool_price"].to_numpy()
    flat = ScheduledTariff(prices=ga.load("quickstart").tariffs.residential.model_copy(update={"energy_per_kwh": 0.0}))
    rest = flat.prices.network_per_kwh + flat.prices.levy_per_kwh
    prices = RealTime(margin_per_kwh=0.05, floor_per_kwh=0.0)
    exact = [total(prices.bill(m, Context(pool_price=pool))) + rest * m.total_kwh for m in meters(model)]
    paid = model.households.billed[model.households.rows] / 1e6
    assert paid == pytest.approx(exact, abs=1e-4)
    assert np.ptp(pool) > 0


def menu(**second):
    """Return a menu of a flat tariff and another one."""
    return {"kind": "menu", "outside": "flat", "options": {"flat": {"kind": "flat"}, "other": {**TOU, **second}}}


def test_another_supplier_pays_for_what_its_customers_use():
    """Bills go to the supplier that was chosen, which pays the pool's price and a fee for the energy."""
    scenario = ga.load("quickstart", {**SMALL, "time.days": 2, "tariffs.residential": menu(supplier="green_power")})
    model = Simulation(scenario)
    model.households.switch(np.array([0, 2]), np.array([1, 1], np.uint8))
    used, owed = 0.0, 0.0
    while model.running:
        model.step()
        sold = model.record.populations[0].settled[:, 1, 2] / 1e6
        used += sold.sum()
        owed += sold @ (model.record.pool.price + 0.005)
    book = model.ledger.frame().groupby(["payer", "payee", "account"])["amount_micro"].sum() / 1e6
    assert book["green_power", "supplier", "wholesale"] == pytest.approx(owed, abs=1e-5)
    assert book["households", "green_power", "retail"] > 0.2 * used
    assert {offer.supplier for offer in model.households.offers} == {"supplier", "green_power"}
    bills = model.recorder.finish(model)["bills"]
    assert set(bills["tariff"]) == {"flat", "other"}


def test_the_least_reliable_are_shed_first():
    """With plants for 60 % of the peak, the customers of the cheap class lose load, those of the dear one none."""
    services = {
        name: {"kind": "flat", "service": {"reliability": reliability, "charge_per_kw": charge, **refund}}
        for name, reliability, charge, refund in (
            ("firm", 0.999, 9.0, {}),
            ("cheap", 0.9, 3.0, {"compensation_per_kwh": 2.0}),
        )
    }
    scarce = {"generators.capacity_to_peak": 0.5, "generators.import_capacity_to_peak": 0.0, "time.days": 3}
    scenario = ga.load(
        "quickstart",
        {**SMALL, **scarce, "tariffs.residential": {"kind": "menu", "outside": "firm", "options": services}},
    )
    model = Simulation(scenario)
    model.households.switch(np.arange(2), np.ones(2, np.uint8))
    lost = 0
    while model.running:
        model.step()
        lost += int(model.record.settled(T_SHED).sum())
    bills = model.recorder.finish(model)["bills"]
    lines = dict(zip(zip(bills["tariff"], bills["line"], strict=True), bills["quantity"], strict=True))
    assert lost > 0
    assert lines["cheap", "energy not served"] == pytest.approx(lost / 1e6, rel=0.3)
    assert ("firm", "energy not served") not in lines


@pytest.mark.parametrize(
    ("residential", "changed", "message"),
    [
        ({"kind": "menu", "options": {"a": {"kind": "flat"}, "b": TOU}}, {}, "outside"),
        (menu() | {"outside": "none"}, {}, "outside: given 'none'; allowed one of options: flat, other"),
        ({"kind": "critical_peak", "event_days": []}, {}, "event_days"),
        ({**TOU, "blocks": {"limits_kwh": [60, 30]}}, {}, "limits_kwh: given"),
        ({**TOU, "windows": {"peak": ["08:00-22:00"], "valley": ["21:00-08:00"]}}, {}, "windows overlap"),
        ({**TOU, "windows": {"peak": ["08:00-22:00"], "valley": ["23:00-08:00"]}}, {}, "leave a gap"),
        ({**TOU, "demand": {"system_peaks": 2}}, {}, "allowed 1 in a run"),
        ({**TOU, "supplier": "government"}, {}, "allowed a name that no other party has"),
        ({**TOU, "blocks": BLOCKS}, {"time.representative_days": {"count": 4}}, "allowed with days in a row"),
        (
            {**TOU, "rebate": {"event_days": ["2016-01-27"], "event_windows": ["17:00-20:00"]}},
            {},
            "with 2 like days of the run before it; its baseline needs 10",
        ),
    ],
)
def test_refusals(residential, changed, message):
    """Each fault is named with its place."""
    with pytest.raises(ScenarioError, match=message):
        ga.load("quickstart", {**SMALL, **changed, "tariffs.residential": residential})
