"""Any mechanism may clear the online auction: order by order it keeps the books and the laws of the price grid."""

import numpy as np
import pandas as pd
import pytest

from gridagora.agents.columns import T_BOUGHT, T_SOLD
from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.schema import ScenarioModel

EVERYONE = {"market.online_sellers": "all", "market.online_buyers": "all"}
MECHANISMS = ["pay_as_bid", "vcg", "mcafee", "trade_reduction", "muda", "continuous"]


def paid_online(model):
    """Return what members paid the auctioneer for awards, less what it paid them [1e-6 currency]."""
    rows = model.ledger.frame()
    rows = rows[rows["account"] == "auction"]
    auctioneer = model.parts.auctioneer
    return int(rows.loc[rows["payee"] == auctioneer, "amount_micro"].sum()) - int(
        rows.loc[rows["payer"] == auctioneer, "amount_micro"].sum()
    )


@pytest.mark.parametrize("world", [{}, EVERYONE], ids=["members", "everyone"])
def test_order_by_order_is_the_price_grid(simulate, monkeypatch, world):
    """The uniform price cleared order by order gives the prices of the grid and its awards but for rounding."""
    grid = simulate(world)
    monkeypatch.setattr(ScenarioModel, "order_by_order", property(lambda _: True))
    book = simulate(world)
    for one, other in zip(grid.recorder.records, book.recorder.records, strict=True):
        traded = one.auctions.volume > 0
        assert (traded == (other.auctions.volume > 0)).all()
        for name in ("price", "low", "high"):
            a, b = getattr(one.auctions, name)[traded], getattr(other.auctions, name)[traded]
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)
        for p, q in zip(one.populations, other.populations, strict=True):
            for column in (T_BOUGHT, T_SOLD):
                assert (np.abs(p.settled[:, 0, column] - q.settled[:, 0, column]) <= 2 * len(p.population)).all()
            assert np.abs(p.award - q.award).max() <= 2


@pytest.mark.parametrize("name", MECHANISMS)
def test_the_order_of_populations_and_blocks_change_nothing(simulate, name):
    """Orders stand by population name and member number, also where chance or time decides."""

    def reverse(model):
        model.populations.reverse()

    chosen = {"market.mechanism": name, "outputs.members": 0, "time.days": 1}
    a, b = simulate(chosen), simulate(chosen, before=reverse, block=7)
    pd.testing.assert_frame_equal(a.ledger.frame(), b.ledger.frame())


@pytest.mark.parametrize("name", MECHANISMS)
def test_what_the_auctioneer_keeps_is_as_the_mechanism_declares(simulate, name):
    """Only VCG costs the auctioneer; a continuous market leaves it nothing, the others at least nothing."""
    model = simulate({"market.mechanism": name, "time.days": 1} | EVERYONE)
    orders = sum(int(record.auctions.audit.count[:, 6].sum()) for record in model.recorder.records)
    assert orders > 0
    kept, rounding = paid_online(model), 2 * orders
    if name == "vcg":
        assert kept < -rounding
    elif name == "continuous":
        assert abs(kept) <= rounding
    else:
        assert kept > rounding if name == "pay_as_bid" else kept >= -rounding


def test_pay_as_bid_trades_what_the_uniform_price_trades(simulate):
    """The allocation is that of C2; buyers pay their own bids, so nobody gains but the auctioneer."""
    uniform, own = simulate(EVERYONE), simulate({"market.mechanism": "pay_as_bid"} | EVERYONE)
    for one, other in zip(uniform.recorder.records, own.recorder.records, strict=True):
        gap = np.abs(one.auctions.volume - other.auctions.volume)
        assert (gap <= one.auctions.audit.count[:, 5].sum(axis=1)).all()
    trades = own.recorder.frame("trades")
    bought = trades[(trades["party"].str.startswith("households:")) & (trades["side"] == "buy")]
    assert bought["price"].max() > bought["price"].min()


def test_a_continuous_market_has_several_prices_and_never_more_than_all_gains(simulate):
    """Chance decides who meets whom: several prices hold in one period, and gains are at most the largest ones."""
    model = simulate({"market.mechanism": "continuous"} | EVERYONE)
    intervals = model.recorder.frame("intervals")
    assert (intervals["auction_surplus"] <= intervals["auction_max_surplus"] + 1e-9).all()
    trades = model.recorder.frame("trades")
    members = trades[trades["party"].str.startswith("households:") & (trades["side"] == "buy")]
    assert members.groupby(["day", "period"])["price"].nunique().max() >= 2


def test_nobody_comes_first_by_name():
    """A continuous market of a run draws who comes first, unless the scenario asks for the order of the book."""
    market = load("quickstart", {"market.mechanism": "continuous"}).market
    assert market.options_of_mechanism["arrival"] == "random"
    given = {"market.mechanism": "continuous", "market.mechanism_options": {"arrival": "given"}}
    assert load("quickstart", given).market.options_of_mechanism["arrival"] == "given"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"market.mechanism_options": {"seed": 3}, "market.mechanism": "muda"}, "seeds follow from the scenario's"),
        ({"market.mechanism_options": {"k": 0.3}}, "give market.k"),
        ({"market.mechanism_options": {"pairs": "midpoint"}}, "unknown option of uniform_price 'pairs'"),
        ({"market.mechanism": "pay_as_bid", "market.mechanism_options": {"pairs": "x"}}, "pairs: given 'x'"),
        (
            {"market.mechanism": "vcg", "market.audit": 4},
            "market.audit: given 4; a second solution exists for uniform_price on a copperplate",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(overrides, message):
    """An option belongs to its mechanism, and what has a key of its own is named."""
    with pytest.raises(ScenarioError, match=message):
        load("quickstart", overrides)
