"""What every bidding strategy must keep, as tests that a user's own strategy inherits.

from gridagora.scenarios.strategy_contract import StrategyContract

class TestMine(StrategyContract):
    strategy = MyStrategy()
"""

from __future__ import annotations

import copy
import pickle
from typing import ClassVar, NamedTuple

import numpy as np

from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import BUY, FloatArray, IntArray, OrderBook
from gridagora.markets.strategies.draws import Draws
from gridagora.markets.strategies.strategy import Context, Feedback, Memory, Outlook, Published, Strategy

FLOOR, CAP = 0.0, 1.0
MEMBERS, ROUNDS = 40, 25


class Played(NamedTuple):
    """Rounds of a small market, rows in the order of the members' numbers, shape (rounds, members)."""

    side: FloatArray
    limit: FloatArray
    most: FloatArray
    price: FloatArray
    quantity: FloatArray
    profit: FloatArray
    memory: Memory


def play(strategy: Strategy, order: IntArray, seed: int = 0, rounds: int = ROUNDS) -> Played:
    """Hold uniform-price auctions in which all members bid with one strategy.

    Limits change from round to round, some lie outside the price bounds, some quantities are 0.

    Parameters
    ----------
    strategy : Strategy
        Rules.
    order : ndarray of int64, shape (members,)
        Numbers of the members in the order in which they are handed over.
    seed : int
        Seed of the strategy's draws; the market itself is always the same.
    rounds : int
        Auctions.
    """
    world = np.random.default_rng(7)
    draws, memory = Draws(seed, "contract"), strategy.remember(MEMBERS, Draws(seed, "contract"))
    kept = []
    for number in range(rounds):
        side = np.where(np.arange(MEMBERS) % 2 == 0, 1, -1).astype(np.int8)
        limit = world.uniform(FLOOR - 0.1, CAP + 0.1, MEMBERS)
        most = np.where(world.random(MEMBERS) < 0.1, 0.0, world.uniform(0.1, 5.0, MEMBERS))
        outlook = Outlook(0.5, 0.4, 0.6, 0.2 * most[order], 2.0 * most[order])
        context = Context(
            order, side[order], limit[order], most[order], FLOOR, CAP, memory, draws, number, outlook=outlook
        )
        price, quantity = strategy.quote(context)
        book = OrderBook.from_arrays(side[order], price, quantity)
        cleared = clear_merit_order(book)
        heard = Feedback(context, price, quantity, cleared.accepted, cleared.unit_price, Published.of(book, cleared))
        strategy.learn(heard)
        back = np.argsort(order)
        kept.append(np.array([side, limit, most, price[back], quantity[back], heard.profit[back]]))
    side_, limit_, most_, price_, quantity_, profit_ = np.stack(kept, axis=1)
    return Played(side_, limit_, most_, price_, quantity_, profit_, memory)


def _ask(strategy: Strategy, found: Played, who: IntArray) -> tuple[FloatArray, FloatArray]:
    """Ask some members once more, on the limits of the last round."""
    side, limit, most = found.side[-1].astype(np.int8), found.limit[-1], found.most[-1]
    outlook = Outlook(0.5, 0.4, 0.6, 0.2 * most[who], 2.0 * most[who])
    draws, number = Draws(0, "contract"), len(found.side)
    return strategy.quote(
        Context(who, side[who], limit[who], most[who], FLOOR, CAP, found.memory, draws, number, outlook=outlook)
    )


class StrategyContract:
    """Inherit, name the class ``Test...`` and set `strategy`; pytest finds the rest.

    Attributes
    ----------
    strategy : Strategy
        The strategy under test.
    keeps_budget : bool
        Whether it never bids above its value nor asks below its cost.
    keeps_quantity : bool
        Whether it quotes all that a member has or nothing.
    """

    strategy: ClassVar[Strategy]
    keeps_budget: ClassVar[bool] = True
    keeps_quantity: ClassVar[bool] = True

    def test_quotes_stay_within_the_bounds_of_the_market(self) -> None:
        """Every price is one of the market's, every quantity finite and at least 0."""
        found = play(self.strategy, np.arange(MEMBERS))
        assert np.all((found.price >= FLOOR) & (found.price <= CAP))
        assert np.all(np.isfinite(found.quantity) & (found.quantity >= 0))
        if self.keeps_quantity:
            assert np.all((found.quantity == 0) | (found.quantity == found.most))

    def test_nobody_loses_who_keeps_the_budget(self) -> None:
        """Bids stay at or below the value, asks at or above the cost, so no auction at one price makes a loss."""
        found = play(self.strategy, np.arange(MEMBERS))
        if self.keeps_budget:
            live = found.quantity > 0
            inside = np.where(found.side == BUY, found.price <= found.limit, found.price >= found.limit)
            assert np.all(inside[live])
            assert found.profit.min() >= -1e-12
        assert found.profit.max() > 0

    def test_the_same_seed_gives_the_same_quotes(self) -> None:
        """Nothing but the seed and the market decides; a copy that went through pickle is as good."""
        first = play(self.strategy, np.arange(MEMBERS), seed=3)
        again = play(pickle.loads(pickle.dumps(self.strategy)), np.arange(MEMBERS), seed=3)
        assert np.array_equal(first.price, again.price)
        assert np.array_equal(first.quantity, again.quantity)

    def test_the_order_of_members_does_not_matter(self) -> None:
        """Handing the members over in another order changes no quote and nothing that was learnt."""
        straight = play(self.strategy, np.arange(MEMBERS))
        shuffled = play(self.strategy, np.random.default_rng(1).permutation(MEMBERS))
        assert np.array_equal(straight.price, shuffled.price)
        assert np.array_equal(straight.quantity, shuffled.quantity)
        for name, column in straight.memory.items():
            assert np.array_equal(column, shuffled.memory[name]), name

    def test_members_may_be_asked_in_blocks(self) -> None:
        """A quarter of the members asked for themselves quote what they quote among all."""
        found = play(self.strategy, np.arange(MEMBERS), rounds=5)
        some = np.arange(0, MEMBERS, 4)
        whole, part = (_ask(self.strategy, copy.deepcopy(found), who) for who in (np.arange(MEMBERS), some))
        assert np.array_equal(whole[0][some], part[0])
        assert np.array_equal(whole[1][some], part[1])

    def test_what_was_learnt_stays_finite(self) -> None:
        """After many auctions no column holds nan or infinity."""
        found = play(self.strategy, np.arange(MEMBERS), rounds=100)
        assert all(np.isfinite(column).all() for column in found.memory.values())
