import numpy as np
import pytest

from gridagora.markets.comparison import CASES, SESSION, compare_mechanisms, incentive_test, random_markets
from gridagora.markets.strategies.call_market import Traders

#: O7: values 9, 8, 7, 1 and costs 2, 3, 6, 6.5, where McAfee's auction gives up the third trade.
O7 = Traders([1] * 4 + [-1] * 4, [9, 8, 7, 1, 2, 3, 6, 6.5])


def compared(*labels, strategies=("truthful",), markets=(O7,), **options):
    """Return the comparison by mechanism, prices from 0 to 10."""
    cases = {label: CASES[label] for label in labels}
    found = compare_mechanisms(markets, strategies, cases, rounds=2, warm_up=2, cap=10.0, **options)
    return found.set_index("mechanism")


def test_truthful_bids_of_a_market_by_hand():
    """O7: 13 to gain, the interval is [6, 6.5]; McAfee trades 2 of 3 kWh at 7 and 6 and keeps 2 of the gains of 12."""
    found = compared("uniform_price", "pay_as_bid", "mcafee")
    assert found.loc["uniform_price", "efficiency"] == pytest.approx(1.0)
    assert found.loc["uniform_price", ["paid", "received", "price_gap"]].tolist() == pytest.approx([6.25, 6.25, 0])
    assert found.loc["uniform_price", "buyer_share"] == pytest.approx((24 - 3 * 6.25) / 13)
    assert found.loc["pay_as_bid", ["buyer_share", "seller_share"]].tolist() == [0.0, 0.0]
    assert found.loc["pay_as_bid", "operator_share"] == pytest.approx(1.0)
    assert found.loc["mcafee", "efficiency"] == pytest.approx(12 / 13)
    assert found.loc["mcafee", "operator_share"] == pytest.approx(2 / 13)
    assert found.loc["mcafee", ["volume", "paid", "received", "price_gap"]].tolist() == [2.0, 7.0, 6.0, 0.25]


def test_shares_make_up_the_efficiency():
    """Under every mechanism and strategy the three shares sum to the efficiency, which is at most 1."""
    strategies = ["truthful", "zi_constrained", "zip", "roth_erev"]
    found = compared(*CASES, strategies=strategies, session_steps=60)
    assert len(found) == 4 * (len(CASES) + 1)
    shares = found[["buyer_share", "seller_share", "operator_share"]].sum(axis=1)
    assert np.allclose(shares, found["efficiency"], atol=1e-12)
    assert found["efficiency"].max() <= 1 + 1e-12
    assert found.loc["vcg", "operator_share"].max() <= 0
    assert np.allclose(found.loc[[SESSION, "continuous", "uniform_price"], "operator_share"], 0, atol=1e-12)


def test_lots_are_drawn_anew_each_round():
    """The halves of MUDA change from round to round, so the mean of ten rounds is not that of one."""
    one = compare_mechanisms([O7], ["truthful"], {"muda": ("muda", {})}, rounds=1, cap=10.0)
    ten = compare_mechanisms([O7], ["truthful"], {"muda": ("muda", {})}, rounds=10, cap=10.0)
    assert one["efficiency"].item() != pytest.approx(ten["efficiency"].item())


def test_without_trade_there_is_no_price():
    """Where a strategy's quotes never meet, efficiency and volume are 0 and prices are nan."""
    far = Traders([1, -1], [0.51, 0.5])
    found = compare_mechanisms([far], ["zi_constrained"], {"vcg": ("vcg", {})}, rounds=1)
    assert found[["efficiency", "volume"]].to_numpy().tolist() == [[0.0, 0.0]]
    assert found[["paid", "received", "price_gap"]].isna().all(axis=None)


def test_who_could_gain():
    """O6: buyers of 9, 8, 7 gain up to 9 - 4 by bidding 4 under pay-as-bid; nobody gains under VCG or McAfee."""
    market = Traders([1] * 4 + [-1] * 4, [9, 8, 7, 4, 2, 3, 4, 5])
    cases = {label: CASES[label] for label in ("pay_as_bid", "vcg", "mcafee", "muda")}
    found = incentive_test([market], cases).set_index("mechanism")
    assert found.loc["pay_as_bid", "regret"] == pytest.approx(4.5, abs=0.5)
    assert found.loc["pay_as_bid", "gaining"] >= 5 / 8
    assert found.loc[["vcg", "mcafee", "muda"], ["regret", "gaining"]].to_numpy().max() <= 1e-9


def test_markets_follow_from_seed_and_number():
    """A market of a longer sequence is that of a shorter one; another seed gives other limits within [0, 1]."""
    three, two, other = (
        random_markets(3, 4, 5, seed=7),
        random_markets(2, 4, 5, seed=7),
        random_markets(1, 4, 5, seed=8),
    )
    assert [len(market) for market in three] == [9, 9, 9]
    assert three[0].side.tolist() == [1] * 4 + [-1] * 5
    assert all((a.limit == b.limit).all() for a, b in zip(three[:2], two, strict=True))
    assert not (three[0].limit == three[1].limit).any()
    assert not (three[0].limit == other[0].limit).any()
    assert 0 < three[2].limit.min() <= three[2].limit.max() < 1


def test_what_cannot_be_compared_is_refused():
    """A market without gains and no measured round are told."""
    with pytest.raises(ValueError, match="market 1: nobody can gain"):
        compare_mechanisms([O7, Traders([1, -1], [0.2, 0.4])], ["truthful"], rounds=1, cap=10.0)
    with pytest.raises(ValueError, match="rounds: given 0; allowed at least 1"):
        compare_mechanisms([O7], ["truthful"], rounds=0)
