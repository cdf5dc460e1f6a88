"""The five identities of a market day (market_day.md section 5) for one member, a hundred and a hundred thousand."""

import numpy as np
import pandas as pd
import pytest

from gridagora.agents.columns import (
    BOUGHT,
    FED_IN,
    OVERBOUGHT,
    SOLD,
    T_BOUGHT,
    T_DELIVERED,
    T_SOLD,
    T_USED,
    UNDELIVERED,
)
from gridagora.markets.online_auction import AuctionState
from gridagora.scenarios.postings import auctioneer_imbalance, supplier_imbalance

ONE_DAY = {
    "firms": None,
    "farms": None,
    "households.pv_share": 0.25,
    "time.days": 1,
    "time.period_minutes": 60,
    "outputs.members": 0,
}
WITHOUT = {"market.online": False}
PERFECT = {
    "forecasts.gate_sigma": 0.0,
    "forecasts.day_ahead_sigma": 0.0,
    "forecasts.realised_sigma": 0.0,
    "households.noise_sigma": 0.0,
    "households.pv_noise_sigma": 0.0,
}
SIZES = [1, 100, pytest.param(100_000, marks=pytest.mark.compiled)]


@pytest.fixture(scope="module", params=SIZES)
def day(request, simulate):
    """Return a function that simulates a day of so many households, and their number."""

    def run(overrides=None, before=None):
        return simulate({**ONE_DAY, "households.count": request.param, **(overrides or {})}, before=before)

    return run, request.param


def physical(model):
    """Return the columns of the intervals that hold energy and no trade."""
    table = model.recorder.frame("intervals")
    trade = ("auction", "supplier", "stranded", "forecast_gate")
    return table[[name for name in table if name.endswith("_kwh") and not name.startswith(trade)]]


def test_every_kwh_of_every_member_has_one_price(day):
    """Identity 1, member by member and period by period: what a settlement adds to the accounts is the meter."""
    run, members = day
    seen = []

    def check(model):
        settle, homes = model.settle, model.households

        def checked(record, period):
            before = homes.accounts.energy.copy()
            settle(record, period)
            grown = homes.accounts.energy - before
            uses = grown[:-5].sum(axis=0)
            fed_in, bought, sold, over, under = (
                grown[len(grown) - 5 + row] for row in (FED_IN, BOUGHT, SOLD, OVERBOUGHT, UNDELIVERED)
            )
            net = homes.state.net.astype(np.int64)
            assert (homes.state.planned == bought - sold).all()
            assert (bought - over + uses == np.maximum(net, 0)).all()
            assert (sold - under + fed_in == np.maximum(-net, 0)).all()
            assert (net == (bought - sold) + (uses - fed_in) - (over - under)).all()
            seen.append((bought.sum(), sold.sum()))

        model.settle = checked

    run(before=check)
    assert len(seen) == 24
    assert (np.sum(seen, axis=0) > 0).all() == (members > 1)


def test_imbalances_cancel_and_awards_match(day):
    """Identity 2: imbalances and activation cancel; pool sales are purchases; awards differ by rounding only."""
    run, _ = day
    model = run()
    for record in model.recorder.records:
        s, pool = record.settled, record.pool
        members = s(T_BOUGHT) - s(T_USED) - (s(T_SOLD) - s(T_DELIVERED))
        others = supplier_imbalance(record) + auctioneer_imbalance(record) + record.losses_bought - record.losses
        assert (members + others + record.activated.sum(axis=1) == 0).all()
        assert (
            pool.schedule_quanta.sum(axis=1) + pool.surplus_quanta.sum(axis=0) == pool.demand_quanta.sum(axis=(0, 2))
        ).all()
        orders = record.auctions.audit.count[:, AuctionState.AUCTION].sum(axis=1)
        assert (np.abs(auctioneer_imbalance(record)) <= orders).all()
    model.ledger.check()
    assert sum(model.ledger.balances().values()) == 0


def test_trade_among_members_moves_money_only(day):
    """Identity 3: the physical run is that without auction, and gains are losses; without consent all of it is."""
    run, members = day
    online, without, none = run(), run(WITHOUT), run({"households.consent_share": 0.0})
    pd.testing.assert_frame_equal(physical(online), physical(without), check_exact=True)
    pd.testing.assert_frame_equal(none.ledger.frame(), without.ledger.frame())
    change = {
        party: online.ledger.balance(party) - without.ledger.balance(party)
        for party in {*online.ledger.balances(), *without.ledger.balances()}
    }
    movers = ("households", "platform", "supplier", "grid_company")
    assert all(amount == 0 for party, amount in change.items() if party not in movers)
    gained = change.get("households", 0) + change.get("platform", 0)
    assert gained == -(change["supplier"] + change["grid_company"])
    assert (gained > 0) == (members > 1)


def test_perfect_forecasts_hurt_nobody(day):
    """Identity 4: no member pays more than under retail and feed-in, rounding of lines apart; no one is imbalanced.

    Where surplus is curtailed, meters are not what was forecast, so these periods do not count. Awards are rounded
    down to the quantum, the pool's purchases to two.
    """
    run, members = day
    online, retail = run(PERFECT), run(PERFECT | WITHOUT)
    lines = len(online.households.billing.lines)
    assert (online.households.billed <= retail.households.billed + lines).all()
    intervals, ledger = online.recorder.frame("intervals"), online.ledger.frame()
    calm = intervals[intervals["curtailed_kwh"] == 0]
    assert len(calm) >= 12
    assert (calm["supplier_imbalance_kwh"].abs() <= (members + 2) * 1e-6).all()
    assert (calm[["activation_up_kwh", "activation_down_kwh"]] <= (members + 2) * 1e-6).all().all()
    if len(calm) == len(intervals):
        assert ledger[(ledger["account"] == "imbalance") & (ledger["payer"] == "households")].empty


def test_the_pool_pays_out_what_it_takes_in(day):
    """Identity 5: payments into the pool are those out of it; imbalance prices enclose its price."""
    run, _ = day
    model = run()
    ledger, intervals = model.ledger.frame(), model.recorder.frame("intervals")
    pool = ledger[ledger["account"] == "pool"]
    buys, sells = pool["payee"] == "grid_company", pool["payer"] == "grid_company"
    into, out = (pool[rows]["amount_micro"].sum() for rows in (buys & ~sells, sells & ~buys))
    assert into + pool[buys & sells]["amount_micro"].sum() == out
    assert (intervals["imbalance_price_long"] <= intervals["pool_price"]).all()
    assert (intervals["pool_price"] <= intervals["imbalance_price_short"]).all()
