"""Options of the pool from the scenario to the books: ramps, start-up, storage, demand steps."""

from itertools import pairwise

import numpy as np
import pytest

from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.postings import storage_imbalance, supplier_imbalance
from gridagora.scenarios.run import run

LAKE = {"storages": [{"name": "lake", "power_to_peak": 0.05, "hours": 2.0, "efficiency": 0.95}]}
HOURLY = {"time.period_minutes": 60}
SMALL = {"households.count": 60, "time.days": 1} | HOURLY
RAMPS = {"generators.ramp_per_hour": {"nuclear": 0.05, "lignite": 0.1, "hard_coal": 0.1, "gas": 0.2}}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (RAMPS, "generators.ramp_per_hour"),
        ({"generators.start_up": {"gas": {"cost_per_kw": 0.1}}}, "generators.start_up"),
        (LAKE | RAMPS, "generators.ramp_per_hour, storages"),
    ],
)
def test_exact_is_refused_where_periods_are_coupled(options, named):
    """The message names the options and the remedy; without them `exact` is fine."""
    assert load("quickstart", {"market.method": "exact"}).market.method == "exact"
    with pytest.raises(ScenarioError, match=f"market.method: given exact, .*; {named} couple periods: give auto or py"):
        load("quickstart", options | {"market.method": "exact"})


def test_regulated_prices_know_no_storage_and_no_start_up():
    """One factory, one price goes with ramps alone."""
    load("one_factory_one_price", RAMPS)
    with pytest.raises(
        ScenarioError, match=r"market.pool_rule: given regulated, which has no price for storages: give"
    ):
        load("one_factory_one_price", LAKE)


def test_storage_needs_a_floor_of_at_most_zero():
    """Where energy always earns a price above 0, storage would have to sell what it may keep."""
    with pytest.raises(ScenarioError, match=r"market.floor_per_kwh: given 0.1; with storages allowed at most 0"):
        load("quickstart", LAKE | {"market.floor_per_kwh": 0.1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"generators.ramp_per_hour": {"wood": 0.1}}, "unknown fuel 'wood'"),
        ({"generators.ramp_per_hour": {"gas": 0.0}}, "generators.ramp_per_hour.gas: given 0.0; .*above 0"),
        ({"generators.start_up": {"gas": {"minimum_load": 0.2}}}, "cost_per_kw"),
        ({"storages": [{"name": "a"}, {"name": "a"}]}, "storages: given names a, a; each name once"),
        ({"storages": [{"name": "a", "kind": "dam"}]}, "pumped"),
        ({"market.demand_response_steps": [{"share": 0.2, "price_per_kwh": 1.5}]}, "given price_per_kwh 1.5; each pri"),
        ({"market.demand_response_steps": [{"share": 0.2, "price_per_kwh": 0.4}] * 2}, "given price_per_kwh 0.4; each"),
        (
            {"market.demand_response_steps": [{"share": 0.6, "price_per_kwh": p} for p in (0.3, 0.4)]},
            "given shares that sum to 1.2; allowed at most 1",
        ),
    ],
)
def test_bad_options_are_refused(options, message):
    """The message names the key, the value and what is allowed."""
    with pytest.raises(ScenarioError, match=message):
        load("quickstart", options)


def test_kinds_of_storage_have_their_defaults():
    """6 h at 0.78 pumped, 2 h at 0.88 in a battery, unless given."""
    three = [{"name": "a"}, {"name": "b", "kind": "battery"}, {"name": "c", "hours": 1.0, "efficiency": 0.5}]
    found = load("quickstart", {"storages": three}).storages
    assert [(s.hours_of_power, s.round_trip) for s in found] == [(6.0, 0.78), (2.0, 0.88), (1.0, 0.5)]


@pytest.mark.parametrize(
    ("options", "rule", "method"),
    [
        ({}, "competitive interval, k = 0.5", "simplex, presolve off"),
        ({"market.method": "exact"}, "competitive interval, k = 0.5", "exact"),
        (LAKE, "solver's dual", "simplex, presolve off"),
    ],
)
def test_the_manifest_names_price_rule_and_solver(options, rule, method):
    """Every run says how its pool was solved and priced."""
    manifest = run(load("quickstart", SMALL | options)).manifest
    assert manifest["price_rule"] == rule
    assert manifest["solver"]["method"] == method


def test_ramps_hold_from_period_to_period_with_online_sales(simulate):
    """Pool and online sales together move by at most the ramp, over midnight too, unless output idles."""
    model = simulate(RAMPS | HOURLY | {"market.online_sellers": "all", "market.online_buyers": "all", "time.days": 3})
    ramps = RAMPS["generators.ramp_per_hour"]
    limit = np.array([ramps.get(unit.fuel, 1.0) * unit.capacity_kw * 1e6 for unit in model.parts.units])
    records = model.recorder.records
    output = np.vstack([r.pool.schedule_quanta + np.maximum(r.pool.idle_quanta, r.auctions.unit_sold) for r in records])
    assert sum(int(r.auctions.unit_sold.sum()) for r in records) > 0
    steps = np.abs(np.diff(output, axis=0))
    assert (steps <= limit + len(limit)).all()
    assert (steps >= limit - len(limit)).any()


def test_storage_keeps_its_books(simulate):
    """What is held follows from the meters; the storage pays and receives the pool's price as a party of its own."""
    model = simulate(LAKE | HOURLY)
    storages = model.parts.pool.storages
    held = float(storages.energy[0]) / 2
    for record in model.recorder.records:
        begin = held
        for period in range(24):
            held += 0.95 * record.charge[period, 0] - record.discharge[period, 0]
            assert record.held[period, 0] == pytest.approx(held)
            assert 0 <= held <= storages.energy[0]
        assert held >= begin - 24
        assert not storage_imbalance(record).any()
    rows = model.ledger.frame()
    pool = rows[(rows["account"] == "pool") & (rows[["payer", "payee"]] == "storage:lake").any(axis=1)]
    signed = np.where(pool["payee"] == "storage:lake", 1, -1) * pool["amount_micro"]
    assert model.ledger.balance("storage:lake") == signed.sum() > 0
    intervals = model.recorder.frame("intervals")
    assert intervals["pool_storage_charge_kwh"].sum() > 0
    assert (intervals["pool_storage_held_kwh"] <= storages.energy[0] / 1e6).all()
    assert (intervals["storage_charge_kwh"] >= intervals["pool_storage_charge_kwh"]).all()


def test_a_storage_that_the_area_cannot_follow_deviates_and_pays(simulate):
    """With storage of ten times the peak and wild errors, charging and discharging are cut; the books still close."""
    model = simulate(
        HOURLY
        | {
            "storages": [{"name": "lake", "power_to_peak": 10.0}],
            "forecasts.realised_sigma": 1.5,
            "forecasts.day_ahead_sigma": 0.5,
            "generators.capacity_to_peak": 0.7,
            "generators.import_capacity_to_peak": 0.0,
            "time.days": 4,
        }
    )
    cut = sum(int(np.abs(storage_imbalance(record)).sum()) for record in model.recorder.records)
    assert cut > 0
    rows = model.ledger.frame()
    assert (rows[rows["account"] == "imbalance"][["payer", "payee"]] == "storage:lake").any(axis=None)
    for record in model.recorder.records:
        assert (record.charge <= record.pool.charge_quanta).all()
        assert (record.discharge <= record.pool.discharge_quanta).all()


def test_uplift_and_starts_are_in_the_ledger(simulate):
    """Starts are paid with the fuel; what a unit loses on a day is paid to it by supplier and grid company."""
    start_up = {"generators.start_up": {"hard_coal": {"cost_per_kw": 0.5, "minimum_load": 0.6}}}
    model = simulate(start_up | HOURLY | {"generators.blocks": 8, "market.online": False})
    pools = [record.pool for record in model.recorder.records]
    rows = model.ledger.frame()
    uplift = rows[rows["account"] == "uplift"]
    paid = sum(int(pool.uplift[pool.uplift < 0].sum()) for pool in pools)
    assert -uplift[uplift["payer"] == "grid_company"].query("payee != 'grid_company'")["amount_micro"].sum() == paid < 0
    assert sum(int(pool.start_cost.sum()) for pool in pools) > 0
    units = model.parts.units
    fuel = rows[rows["account"] == "fuel"].groupby("payer")["amount_micro"].sum()
    for index, unit in enumerate(units):
        idle = [np.maximum(r.pool.idle_quanta - np.maximum(r.activated, 0), 0) for r in model.recorder.records]
        made = [r.generation for r in model.recorder.records]
        burnt = sum(int((m + i)[:, index].sum()) for m, i in zip(made, idle, strict=True))
        starts = sum(int(pool.start_cost[index]) for pool in pools)
        assert int(fuel.get(unit.name, 0)) == pytest.approx(burnt * unit.cost_per_kwh + starts, abs=2)


@pytest.mark.parametrize("method", ["auto", "exact"])
def test_demand_below_the_pool_price_is_not_bought_ahead(simulate, method):
    """A fifth of demand bid at 0.01, below any plant, is left to imbalance; bid at 1.4 it is bought as before."""
    low, high = (
        simulate(
            HOURLY
            | {"market.method": method, "market.demand_response_steps": [{"share": 0.2, "price_per_kwh": price}]}
            | {"forecasts.day_ahead_sigma": 0.0, "forecasts.realised_sigma": 0.0, "households.pv_share": 0.0}
            | {"households.noise_sigma": 0.0, "firms.noise_sigma": 0.0, "farms.noise_sigma": 0.0}
        )
        for price in (0.01, 1.4)
    )
    for short, full in zip(low.recorder.records, high.recorder.records, strict=True):
        part = np.floor(0.2 * full.purchased)
        assert (np.abs(full.purchased - short.purchased - part) <= 1).all()
        assert (np.abs(supplier_imbalance(full) - supplier_imbalance(short) - part) <= 1).all()
        assert (short.pool.price <= full.pool.price).all()
        assert (short.pool.demand_quanta[0, :, 1] == 0).all()


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (
            {"minimum_up_hours": -1},
            "generators.start_up.gas.minimum_up_hours: given -1; allowed a number from 0 to 168",
        ),
        ({"minimum_down_hours": 169}, "generators.start_up.gas.minimum_down_hours: given 169; allowed a number from 0"),
        ({"minimum_up_hours": "x"}, "generators.start_up.gas.minimum_up_hours: given 'x'; allowed a number"),
    ],
)
def test_minimum_times_are_bounded(terms, message):
    """From 0 to a week; prices come from one of two programs."""
    with pytest.raises(ScenarioError) as info:
        load("quickstart", {"generators.start_up": {"gas": {"cost_per_kw": 0.1} | terms}})
    assert message in str(info.value)
    with pytest.raises(ScenarioError, match=r"generators.start_up_pricing: given 'chp'; allowed one of ip, lp"):
        load("quickstart", {"generators.start_up_pricing": "chp"})


STARTING = {"generators.blocks": 6, "market.online": False, "households.pv_share": 0.25}


def started(simulate, pricing="ip", minutes=60, **times):
    """Return a run of two days in which hard coal has to start, at least at half its capacity."""
    coal = {"hard_coal": {"cost_per_kw": 0.02, "minimum_load": 0.5} | times}
    terms = {"generators.start_up": coal, "generators.start_up_pricing": pricing, "time.period_minutes": minutes}
    return simulate(STARTING | terms)


def shortest(model, runs):
    """Return how long hard coal at least runs on, or rests, between two switches [h]."""
    pools = [record.pool for record in model.recorder.records]
    (coal,) = (index for index, unit in enumerate(model.parts.units) if unit.fuel == "hard_coal")
    on = np.concatenate([pool.schedule_quanta[:, coal] + pool.idle_quanta[:, coal] for pool in pools]) > 0
    switched = np.flatnonzero(np.diff(on)) + 1
    spells = [b - a for a, b in pairwise(switched) if on[a] == runs]
    return min(spells) * model.calendar.hours_per_period


def test_minimum_up_and_down_times_bind(simulate):
    """Free to switch, hard coal runs for 4 h and rests for 7 h; with 6 h and 8 h at least it does not, over midnight.

    Hours count whatever the settlement period; 5.75 h of half-hours are 6 h.
    """
    free = started(simulate)
    assert (shortest(free, runs=True), shortest(free, runs=False)) == (4.0, 7.0)
    assert shortest(started(simulate, minimum_up_hours=6), runs=True) >= 6.0
    assert shortest(started(simulate, minimum_down_hours=8), runs=False) >= 8.0
    assert shortest(started(simulate, minutes=30), runs=True) < 6.0
    assert shortest(started(simulate, minutes=30, minimum_up_hours=5.75), runs=True) >= 6.0


def test_prices_of_the_relaxation_need_less_uplift(simulate):
    """The key chooses where prices come from; the schedule stays, and less is left to make good."""
    fixed, relaxed = (started(simulate, pricing) for pricing in ("ip", "lp"))
    assert fixed.parts.pool.price_rule == "solver's dual with binaries fixed, uplift"
    assert relaxed.parts.pool.price_rule == "solver's dual of the relaxation, uplift"
    made_good = []
    for model in (fixed, relaxed):
        uplift = [record.pool.uplift for record in model.recorder.records]
        made_good.append(-sum(int(amount[amount < 0].sum()) for amount in uplift))
    assert made_good[0] > made_good[1] > 0
    for one, other in zip(fixed.recorder.records, relaxed.recorder.records, strict=True):
        assert (one.pool.schedule_quanta > 0).tolist() == (other.pool.schedule_quanta > 0).tolist()


def test_storages_of_next_to_nothing_are_refused():
    """20 households use 5.5 kW on average: a millionth of that for six hours is 0.03 Wh, no storage."""
    overrides = {"households.count": 20, "firms": None, "farms": None}
    storage = {"storages": [{"name": "lake", "power_to_peak": 1e-6}]}
    with pytest.raises(
        ScenarioError, match=r"storages\.0\.power_to_peak: given 1e-06, which at a mean load of 5\.46 kW"
    ):
        load("quickstart", overrides | storage)


def test_units_without_capacity_have_ramps_that_do_not_bind(simulate):
    """Imports of no capacity beside plants with ramps: the pool clears."""
    model = simulate(
        {"generators.import_capacity_to_peak": 0.0, "generators.ramp_per_hour": {"gas": 1.0}, "time.days": 1}
    )
    assert model.recorder.records[0].pool.schedule_quanta.sum() > 0
