"""Arrivals, sessions and measures of continuous markets."""

import numpy as np
import pytest

from gridagora.markets.continuous.arrivals import by_time, poisson_arrivals, random_rounds, random_turns
from gridagora.markets.continuous.book import LimitOrderBook
from gridagora.markets.continuous.measures import efficiency, mean_spread, profit_dispersion, smith_alpha
from gridagora.markets.continuous.session import Quote, quote_by_chance, take_turns


def test_arrival_by_time_keeps_the_order_of_equals():
    """Times 3, 1, 3, 2 come as 1, 3, 0, 2."""
    assert by_time([3, 1, 3, 2]).tolist() == [1, 3, 0, 2]


def test_random_rounds_are_permutations_that_differ():
    """Everybody acts once a round; rounds and seeds differ, equal seeds do not."""
    rounds = random_rounds(20, 4, seed=1)
    assert (np.sort(rounds, axis=1) == np.arange(20)).all()
    assert len({tuple(row) for row in rounds.tolist()}) == 4
    np.testing.assert_array_equal(rounds, random_rounds(20, 4, seed=1))
    assert (rounds != random_rounds(20, 4, seed=2)).any()
    assert random_rounds(3, 0, seed=1).shape == (0, 3)


def test_random_turns_give_everybody_the_same_chance():
    """Of 10,000 turns of 4 traders each gets 2,500, within five standard deviations (217)."""
    counts = np.bincount(random_turns(4, 10_000, seed=3), minlength=4)
    assert counts.sum() == 10_000
    assert (np.abs(counts - 2500) < 217).all()


def test_poisson_arrivals_have_their_rate():
    """50 traders at rate 2 over 30 give 3,000 arrivals, within five standard deviations; gaps are exponential."""
    time, trader = poisson_arrivals(50, 2.0, 30.0, seed=5)
    assert abs(len(time) - 3000) < 5 * np.sqrt(3000)
    assert (np.diff(time) >= 0).all()
    assert 0 <= time[0] <= time[-1] < 30
    assert set(trader.tolist()) == set(range(50))
    gaps = np.diff(time)
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.1)
    assert len(poisson_arrivals(3, 1.0, 0.0, seed=5)[0]) == 0
    with pytest.raises(ValueError, match=r"arrivals: rate 0, horizon 1.0; the rate must be above 0"):
        poisson_arrivals(3, 0, 1.0, seed=5)


def test_traders_take_turns_and_hear_what_became_of_their_orders():
    """Trader 0 bids one tick more each time, trader 1 asks 3.0, trader 2 is silent; they meet at 3.0 in turn 7."""
    book = LimitOrderBook([1.0, 2.0, 3.0])
    bids, heard = iter([1.0, 2.0, 3.0]), []

    def quote(trader, seen):
        assert seen is book
        return [lambda: Quote("buy", next(bids)), lambda: Quote("sell", 3.0), lambda: None][trader]()

    turns = np.array([0, 2, 1, 0, 2, 2, 0])
    take_turns(book, turns, quote, lambda *what: heard.append(what), time=np.arange(10, 17))
    assert book.trades()[["buyer", "seller", "price", "time"]].to_numpy().tolist() == [[0, 1, 3.0, 16]]
    assert [(trader, receipt.traded) for trader, _, receipt in heard] == [(0, 0), (1, 0), (0, 0), (0, 1)]
    silent = LimitOrderBook([1.0])
    take_turns(silent, turns, lambda trader, _: Quote("buy", 1.0, 2) if trader == 1 else None)
    assert silent.depth().bid_quantity.tolist() == [2]


def test_quotes_by_chance_stop_when_units_or_turns_run_out():
    """At a single price buyer 0 and seller 1 trade in turn 1; the buyer's second unit, below it, is none."""
    book, draw = LimitOrderBook([1.0]), np.full(4, 0.999)
    limit = np.array([[1.0, np.nan], [1.0, 1.0]])
    assert quote_by_chance(book, np.array([1, -1]), limit, np.array([0, 1]), draw[:2]).tolist() == [1, 1]
    assert quote_by_chance(book, np.array([1, -1]), limit, np.array([1, 0, 0, 1]), draw).tolist() == [1, 1]
    assert book.trades()[["buyer", "seller", "time"]].to_numpy().tolist() == [[0, 1, 1], [0, 1, 2]]


def test_measures_by_hand():
    """Efficiency, Smith's alpha, dispersion of profits and spread of numbers that fit on a line."""
    assert efficiency(7.2, 7.5) == pytest.approx(0.96)
    assert efficiency(0.0, 0.0) == 1.0
    assert smith_alpha(np.array([1.5, 2.5]), 2.0) == 25.0
    assert np.isnan(smith_alpha(np.array([]), 2.0))
    with pytest.raises(ValueError, match=r"equilibrium 0\.0; Smith's alpha needs a price above 0"):
        smith_alpha(np.array([1.0]), 0.0)
    assert profit_dispersion(np.array([1.0, 3.0]), np.array([2.0, 2.0])) == 1.0
    assert profit_dispersion(np.array([]), np.array([])) == 0.0
    assert mean_spread(np.array([[1.0, 2.0], [np.nan, 2.0], [1.0, 1.5]])) == pytest.approx(0.75)
    assert np.isnan(mean_spread(np.full((2, 2), np.nan)))
