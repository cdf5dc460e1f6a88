import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets import OrderBook, auction_indicators, clear
from gridagora.markets.indicators import (
    avoided_co2,
    avoided_peak,
    clearing_seconds,
    group_sales,
    most_volume,
    price_level,
    saving,
)
from gridagora.markets.mechanisms.vcg import Vcg
from gridagora.markets.orders import BUY, SELL

BOOK = OrderBook(["buy"] * 3 + ["sell"] * 3, [3, 4, 1, 2, 1, 6], [1, 2, 5, 4, 1, 5])


def test_figures_of_an_auction():
    """PyMarket's dataset 0 under trade reduction: 1 of 3 kWh, welfare 3 of 6, paid 3, received 2."""
    found = auction_indicators(BOOK, clear(BOOK, "trade_reduction"))
    assert (found.welfare, found.most_welfare, found.efficiency) == (3.0, 6.0, 0.5)
    assert (found.buyer_surplus, found.seller_surplus, found.operator_surplus) == (1.0, 1.0, 1.0)
    assert (found.volume, found.efficient_volume, found.most_volume) == (1.0, 3.0, 4.0)
    assert (found.paid, found.received) == (3.0, 2.0)
    assert found.liquidity == 1 / 8


def test_figures_at_the_truth():
    """A bid of 9 reported as 5 still trades at 5 and gains 4; the efficiency is that of true values."""
    truth = OrderBook(["buy", "buy", "sell"], [9, 6, 5], [1, 1, 1])
    report = OrderBook(["buy", "buy", "sell"], [5, 6, 5], [1, 1, 1])
    found = auction_indicators(report, clear(report, "uniform_price", k=0.0), truth)
    assert (found.welfare, found.most_welfare, found.efficiency) == (1.0, 4.0, 0.25)
    assert found.buyer_surplus == 1.0


def test_without_trade_there_is_no_price():
    """Ratios are nan, amounts 0."""
    book = OrderBook(["buy"], [9], [1])
    found = auction_indicators(book, clear(book, "uniform_price"))
    assert np.isnan([found.efficiency, found.paid, found.received, found.liquidity]).all()
    assert (found.welfare, found.volume, found.most_volume) == (0.0, 0.0, 0.0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([BUY, SELL]), st.integers(0, 6)), max_size=9))
def test_most_volume_is_the_largest_matching(orders):
    """Unit orders: as many as the largest set of pairs of a bid and an ask no dearer, found greedily."""
    book = OrderBook.from_arrays([s for s, _ in orders], [p for _, p in orders], np.ones(len(orders)))
    asks = sorted(price for side, price in orders if side == SELL)
    pairs = 0
    for bid in sorted(price for side, price in orders if side == BUY):
        if pairs < len(asks) and asks[pairs] <= bid:
            pairs += 1
    assert most_volume(book) == pairs
    assert pairs >= clear(book, "uniform_price").volume


def test_saving_against_one_factory_one_price():
    """3 kWh at 2 instead of 5 save 9; sellers get 2 instead of 0.5 on 3 kWh, which is 4.5 more."""
    assert saving(BOOK, clear(BOOK, "uniform_price"), 5.0, 0.5) == (9.0, 4.5)
    each = np.array([5.0, 4.0, 9.0, 1.0, 0.5, 9.0])
    assert saving(BOOK, clear(BOOK, "uniform_price"), each, each) == (7.0, 3.5)


def test_sales_of_a_group():
    """The ask of 4 at 2 sells 2 of the 3 kWh and earns 4; 2 kWh stay unsold. Its mark on a bid counts nothing."""
    group = np.array([True, False, False, True, False, False])
    found = group_sales(BOOK, clear(BOOK, "uniform_price"), group)
    assert (found.sold, found.unsold, found.revenue) == (2.0, 2.0, 4.0)
    assert found.share == pytest.approx(2 / 3)


def test_emission_and_peak():
    """10 kWh of PV and 5 kWh of gas at 0.4 in place of 0.5 kg/kWh avoid 5.5 kg; the peak falls from 9 to 7 kW."""
    assert avoided_co2([10.0, 5.0], [0.0, 0.4], 0.5) == pytest.approx(5.5)
    assert avoided_peak([3.0, 9.0, 4.0], [3.0, 6.0, 7.0]) == 2.0


def test_level_and_volatility_of_prices():
    """Prices 1, 3, 2 with volumes 1, 1, 2 have mean 2; changes 2 and -1 deviate by 1.5."""
    assert price_level([1.0, np.nan, 3.0, 2.0], [1.0, 0.0, 1.0, 2.0]) == (2.0, 1.5)
    assert np.isnan(price_level([np.nan], [0.0])).all()
    assert np.isnan(price_level([1.0], [2.0])[1])


def test_clearing_time_is_measured():
    """Seconds above 0."""
    assert clearing_seconds(Vcg(), BOOK, repeats=2) > 0.0
