"""Published experiments with continuous double auctions that the engine must reproduce."""

import numpy as np
import pytest

from gridagora.markets.continuous.arrivals import random_turns
from gridagora.markets.continuous.book import LimitOrderBook
from gridagora.markets.continuous.measures import efficiency, smith_alpha
from gridagora.markets.continuous.rules import BookRules
from gridagora.markets.continuous.session import quote_by_chance
from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import OrderBook
from gridagora.markets.price_grid import tick_prices
from gridagora.sim.streams import Streams

TEACHING = BookRules(reset_after_trade=True, unit_lots=True, spread_improvement=True)
VALUES = np.arange(3.25, 0.5, -0.25)
SIDE = np.repeat([1, -1], 11)
LIMIT = np.concatenate([VALUES, VALUES])[:, None]
PRICES = tick_prices(0.0, 0.001, 4001)


def run(seed, steps, side=SIDE, limit=LIMIT, prices=PRICES):
    """Return the trades of one session and their gains over the limits."""
    book = LimitOrderBook(prices, TEACHING)
    draw = Streams(seed).uniforms("quotes", "published", steps)
    used = quote_by_chance(book, side, limit, random_turns(len(side), steps, seed), draw)
    gains = sum(float((side[i] * limit[i, : used[i]]).sum()) for i in range(len(side)))
    return book.trades(), gains


def test_a_short_session_of_smith_test_1():
    """O11, Smith (1962) Test 1: equilibrium 2.00, surplus 7.5; a session of 400 turns trades within the limits."""
    truth = clear_merit_order(OrderBook.from_arrays(SIDE, LIMIT[:, 0], np.ones(22)))
    assert (truth.price, truth.welfare, truth.volume) == (2.0, 7.5, 6.0)
    trades, gains = run(1, 400)
    assert 0 < gains <= 7.5
    assert 3 <= len(trades) <= 11
    assert (trades["price"].to_numpy() <= LIMIT[trades["buyer"], 0] + 1e-9).all()
    assert (trades["price"].to_numpy() >= LIMIT[trades["seller"], 0] - 1e-9).all()
    assert len(set(trades["buyer"])) == len(set(trades["seller"])) == len(trades)


@pytest.mark.compiled  # a million quotes
def test_zero_intelligence_in_smith_test_1():
    """O13: 400 sessions of 3,000 turns; mean efficiency 0.963 +- 0.012, mean price 1.996 +- 0.05; O11's band holds.

    Buyers draw from [0, value], sellers from [cost, 4] on ticks of 0.001; best quotes stand until a trade, which clears
    the book; at each turn one of the 22 is drawn. Mean trades 5.96 and the 5 % quantile 0.867 are held loosely.
    """
    sessions = [run(seed, 3000) for seed in range(400)]
    shares = np.array([efficiency(gains, 7.5) for _, gains in sessions])
    prices = np.concatenate([trades["price"].to_numpy() for trades, _ in sessions])
    assert shares.mean() == pytest.approx(0.963, abs=0.012)
    assert 0.93 <= shares.mean() <= 1.0
    assert shares.std() == pytest.approx(0.045, abs=0.012)
    assert np.quantile(shares, 0.05) == pytest.approx(0.867, abs=0.03)
    assert prices.mean() == pytest.approx(1.996, abs=0.05)
    assert prices.std() == pytest.approx(0.43, abs=0.06)
    assert np.mean([len(trades) for trades, _ in sessions]) == pytest.approx(5.96, abs=0.15)
    assert 10 < np.mean([smith_alpha(trades["price"].to_numpy(), 2.0) for trades, _ in sessions]) < 35


@pytest.mark.compiled  # two hundred thousand quotes
def test_the_budget_constraint_raises_efficiency_close_to_one():
    """O14, Gode & Sunder (1993), abstract: ZI-C reaches 0.95 and more with twelve traders of four units each.

    Values fall from 180 by 5, costs rise from 20 by 5, dealt in turn to six buyers and six sellers; prices 1 to 200.
    """
    ladder = np.arange(24).reshape(4, 6).T * 5.0
    limit = np.concatenate([180 - ladder, 20 + ladder])
    side = np.repeat([1, -1], 6)
    prices = tick_prices(1.0, 1.0, 200)
    most = clear_merit_order(OrderBook.from_arrays(np.repeat(side, 4), limit.ravel(), np.ones(48))).welfare
    shares = [efficiency(run(seed, 5000, side, limit, prices)[1], most) for seed in range(40)]
    assert np.mean(shares) >= 0.95
