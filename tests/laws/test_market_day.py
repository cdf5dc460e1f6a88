"""The identities of a market day (market_day.md section 5), exact in both books."""

import numpy as np
import pandas as pd
import pytest

from gridagora.agents.columns import (
    T_BOUGHT,
    T_DELIVERED,
    T_FED_IN,
    T_INJECTION,
    T_RETAIL,
    T_SOLD,
    T_USED,
    T_WITHDRAWAL,
)
from gridagora.scenarios.postings import auctioneer_imbalance, storage_imbalance, supplier_imbalance

PERFECT = {
    "forecasts.gate_sigma": 0.0,
    "forecasts.day_ahead_sigma": 0.0,
    "forecasts.realised_sigma": 0.0,
    "households.noise_sigma": 0.0,
    "households.pv_noise_sigma": 0.0,
    "firms.noise_sigma": 0.0,
    "farms.noise_sigma": 0.0,
}
EVERYONE = {"market.online_sellers": "all", "market.online_buyers": "all"}
SCARCE = {"generators.capacity_to_peak": 0.4, "generators.import_capacity_to_peak": 0.0}
SUNNY = {"households.pv_share": 1.0, "households.pv_kwp": 15.0, "households.storage_share": 0.0}
RAMPS = {"generators.ramp_per_hour": {"nuclear": 0.1, "lignite": 0.2, "hard_coal": 0.3, "gas": 1.0}}
STORAGES = {
    "storages": [{"name": "lake", "power_to_peak": 0.3, "efficiency": 0.95}, {"name": "cells", "kind": "battery"}]
}
STARTS = {"generators.start_up": {"hard_coal": {"cost_per_kw": 0.2, "minimum_load": 0.5}}, "generators.blocks": 8}
STEPS = {"market.demand_response_steps": [{"share": 0.2, "price_per_kwh": 0.4}, {"share": 0.1, "price_per_kwh": 0.2}]}
WORLDS = {
    "members only": {},
    "everyone": EVERYONE,
    "scarce": SCARCE,
    "too much sun": SUNNY,
    "scarce, all": SCARCE | EVERYONE,
    "ramps": RAMPS | EVERYONE,
    "storage": STORAGES,
    "storage, scarce": STORAGES | SCARCE | EVERYONE,
    "storage, too much sun": STORAGES | SUNNY,
    "start-up": STARTS | EVERYONE | {"time.period_minutes": 60},
    "demand steps": STEPS,
    "pay as bid": {"market.mechanism": "pay_as_bid"} | EVERYONE,
    "midpoint": {"market.mechanism": "pay_as_bid", "market.mechanism_options": {"pairs": "midpoint"}} | EVERYONE,
    "vcg": {"market.mechanism": "vcg"} | EVERYONE,
    "mcafee": {"market.mechanism": "mcafee"} | EVERYONE,
    "muda": {"market.mechanism": "muda"} | EVERYONE,
    "continuous": {"market.mechanism": "continuous"} | EVERYONE,
    "continuous, scarce": {"market.mechanism": "continuous"} | SCARCE,
    "all options": RAMPS | STORAGES | STARTS | STEPS | EVERYONE | {"time.period_minutes": 60},
}

PHYSICAL = [
    "consumption_kwh", "losses_kwh", "import_kwh", "storage_charge_kwh", "storage_discharge_kwh", "generation_pv_kwh",
    "generation_hard_coal_kwh", "generation_lignite_kwh", "generation_nuclear_kwh", "shed_kwh", "curtailed_kwh",
    "withdrawal_kwh", "injection_kwh", "activation_up_kwh", "activation_down_kwh", "pool_price", "pool_volume_kwh",
]  # fmt: skip


@pytest.fixture(scope="module", params=WORLDS, ids=str)
def world(request, simulate):
    """One run of each world."""
    return simulate(WORLDS[request.param])


def test_every_metered_kwh_has_one_price(world):
    """Identity 1: u + r = W and d + q = G, and W - G = (x+ - x-) + (r - q) - (a - b), per population and period."""
    for record in world.recorder.records:
        for entry in record.populations:
            s = entry.settled[:, 0]  # one offer
            assert (s[:, T_USED] + s[:, T_RETAIL] == s[:, T_WITHDRAWAL]).all()
            assert (s[:, T_DELIVERED] + s[:, T_FED_IN] == s[:, T_INJECTION]).all()
            overbought, undelivered = s[:, T_BOUGHT] - s[:, T_USED], s[:, T_SOLD] - s[:, T_DELIVERED]
            assert (overbought >= 0).all()
            assert (undelivered >= 0).all()
            left = s[:, T_WITHDRAWAL] - s[:, T_INJECTION]
            right = s[:, T_BOUGHT] - s[:, T_SOLD] + s[:, T_RETAIL] - s[:, T_FED_IN] - (overbought - undelivered)
            assert (left == right).all()


def test_imbalances_and_activation_cancel(world):
    """Identity 2: the sum of all imbalances plus activation is zero in every period."""
    for record in world.recorder.records:
        s = record.settled
        members = s(T_BOUGHT) - s(T_USED) - (s(T_SOLD) - s(T_DELIVERED))
        grid = record.losses_bought - record.losses
        total = members + supplier_imbalance(record) + grid + auctioneer_imbalance(record)
        total += storage_imbalance(record).sum(axis=1)
        assert (total + record.activated.sum(axis=1) == 0).all()


def test_pool_sells_what_it_buys(world):
    """Identity 2: pool sales equal pool purchases, exactly, in every period."""
    for record in world.recorder.records:
        pool = record.pool
        sold = pool.schedule_quanta.sum(axis=1) + pool.surplus_quanta.sum(axis=0) + pool.discharge_quanta.sum(axis=1)
        assert (sold == pool.demand_quanta.sum(axis=(0, 2)) + pool.charge_quanta.sum(axis=1)).all()


def test_awards_of_both_sides_differ_by_rounding_only(world):
    """Identity 2: buyers' awards equal sellers' awards but for less than one quantum an order."""
    for record in world.recorder.records:
        orders = record.auctions.audit.count[:, 5].sum(axis=1)
        assert (np.abs(auctioneer_imbalance(record)) <= orders).all()


def test_units_stay_within_capacity(world):
    """Plants and imports keep pool sales, online sales and activation within their capacity."""
    for record in world.recorder.records:
        assert (record.generation >= 0).all()
        assert (record.generation <= world.parts.unit_quanta).all()


def test_energy_book_closes_and_shedding_is_reported(world):
    """O56: consumption, losses and storage equal generation and imports; scarcity sheds, abundance curtails."""
    for day in range(world.calendar.days):
        world.energy.check(day)
    intervals = world.recorder.frame("intervals")
    scarce = world.scenario.generators.capacity_to_peak < 1
    sunny = world.scenario.households.pv_kwp > 10
    assert (intervals["shed_kwh"].sum() > 0) == scarce
    assert (intervals["curtailed_kwh"].sum() > 0) == sunny


def test_ledger_closes(world):
    """O56: all balances sum to zero, and each is the sum of its rows."""
    world.ledger.check()
    assert sum(world.ledger.balances().values()) == 0
    rows = world.ledger.frame()
    received = rows.groupby("payee")["amount_micro"].sum()
    paid = rows.groupby("payer")["amount_micro"].sum()
    for party, balance in world.ledger.balances().items():
        assert balance == int(received.get(party, 0)) - int(paid.get(party, 0))


def test_bills_are_what_the_ledger_says(world):
    """The bills issued to members are the postings between them and everyone else, to the micro-unit."""
    for population in world.populations:
        assert -world.ledger.balance(population.name) == int(population.billed.sum())


def test_pool_pays_out_what_it_takes_in(world):
    """Identity 5: payments into the pool equal payments out of it."""
    rows = world.ledger.frame()
    pool = rows[rows["account"] == "pool"]
    buys, sells = pool["payee"] == "grid_company", pool["payer"] == "grid_company"
    losses = pool[buys & sells]["amount_micro"].sum()  # the grid company pays for losses to itself as holder
    assert pool[buys & ~sells]["amount_micro"].sum() + losses == pool[sells & ~buys]["amount_micro"].sum()
    assert losses > 0


def test_imbalance_prices_enclose_the_pool_price(world):
    """Identity 5: the long get at most, the short pay at least the pool price."""
    intervals = world.recorder.frame("intervals")
    assert (intervals["imbalance_price_long"] <= intervals["pool_price"]).all()
    assert (intervals["pool_price"] <= intervals["imbalance_price_short"]).all()


def test_peer_trade_moves_money_and_no_energy(simulate):
    """Identity 3: where only members trade and no one answers prices, the physical run is that without auction.

    What members and platform gain is what supplier and grid company lose; plants and government stay as they are.
    """
    with_auction, without = simulate(), simulate({"market.online": False})
    a, b = with_auction.recorder.frame("intervals"), without.recorder.frame("intervals")
    pd.testing.assert_frame_equal(a[PHYSICAL], b[PHYSICAL], check_exact=True)
    assert a["auction_volume_kwh"].sum() > 0
    change = {
        party: with_auction.ledger.balance(party) - without.ledger.balance(party)
        for party in {*with_auction.ledger.balances(), *without.ledger.balances()}
    }
    movers = {"households", "firms", "farms", "platform", "supplier", "grid_company"}
    assert all(amount == 0 for party, amount in change.items() if party not in movers)
    gains = sum(change.get(party, 0) for party in ("households", "firms", "farms", "platform"))
    assert gains == -(change["supplier"] + change["grid_company"])
    assert gains > 0


def test_no_consent_no_difference(simulate):
    """Identity 3: without consent the whole run equals that without auction."""
    kept = {"households.consent_share": 0.0, "firms.consent_share": 0.0, "farms.consent_share": 0.0}
    none, without = simulate(kept), simulate({"market.online": False})
    pd.testing.assert_frame_equal(none.ledger.frame(), without.ledger.frame())
    a, b = none.recorder.frame("intervals"), without.recorder.frame("intervals")
    pd.testing.assert_frame_equal(a[PHYSICAL], b[PHYSICAL], check_exact=True)


def test_perfect_forecast_hurts_no_member_and_leaves_no_imbalance(simulate):
    """Identity 4: with perfect forecasts no member pays more than under retail and feed-in, and no one is imbalanced.

    One micro-unit a bill line is left to rounding.
    """
    online, retail = simulate(PERFECT), simulate(PERFECT | {"market.online": False})
    for traded, plain in zip(online.populations, retail.populations, strict=True):
        assert (traded.billed <= plain.billed + len(traded.billing.lines)).all()
    assert (online.households.billed < retail.households.billed - 1000).any()
    intervals = online.recorder.frame("intervals")
    assert (intervals["supplier_imbalance_kwh"].abs() <= 66e-6).all()  # awards are rounded down
    assert (intervals["activation_up_kwh"] == 0).all()
    assert (intervals["activation_down_kwh"] == 0).all()
    rows = online.ledger.frame()
    members = rows[(rows["account"] == "imbalance") & rows["payer"].isin(["households", "firms", "farms"])]
    assert members.empty


def test_regulated_prices_pay_each_plant_its_own(simulate):
    """One factory, one price: each plant receives its own cost and margin for what the pool schedules."""
    model = simulate({"market.pool_rule": "regulated", "market.online": False})
    rows = model.ledger.frame()
    pool = rows[(rows["account"] == "pool") & (rows["payer"] == "grid_company")].groupby("payee")["amount_micro"].sum()
    margin = model.scenario.generators.regulated_margin
    for index, unit in enumerate(model.parts.units):
        sold = sum(int(record.pool.schedule_quanta[:, index].sum()) for record in model.recorder.records)
        assert int(pool.get(unit.name, 0)) == pytest.approx(sold * unit.cost_per_kwh * (1 + margin), abs=2)
