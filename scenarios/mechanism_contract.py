"""What every auction mechanism must keep, as tests that a user's own mechanism inherits.

from gridagora.scenarios.mechanism_contract import MechanismContract

class TestMine(MechanismContract):
    mechanism = MyMechanism()

The tests hold a mechanism to what its class declares; where it declares less, they ask for a case that makes that
necessary. They need pytest and hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import ClassVar, get_args

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridagora.markets.clearing import Mechanism
from gridagora.markets.incentives import regret
from gridagora.markets.mechanisms.properties import Budget, StrategyProof
from gridagora.markets.orders import BUY, SELL, Clearing, FloatArray, IntArray, OrderBook
from gridagora.markets.welfare import clear_welfare

TOLERANCE = 1e-9

PRICES = st.one_of(
    st.integers(-50, 1500).map(lambda mills: mills / 1000), st.integers(-2, 6).map(lambda tick: tick / 4)
)
QUANTITIES = st.one_of(
    st.integers(0, 10**8).map(lambda quanta: quanta / 10**6),
    st.integers(0, 5).map(float),
    st.integers(0, 30).map(lambda tenths: tenths / 10),
)
SIDES = st.sampled_from([BUY, SELL])

#: One inherited test runs in many classes, which hypothesis would warn of.
LAW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
FEW = settings(LAW, max_examples=6)


def book_of(orders: list[tuple[int, float, float]]) -> OrderBook:
    """Return a book from side code, price [currency/kWh] and quantity [kWh] of each order."""
    side, price, quantity = zip(*orders, strict=True) if orders else ((), (), ())
    return OrderBook.from_arrays(np.array(side, dtype=np.int8), price, quantity)


def fixed_books(count: int = 20) -> Iterator[OrderBook]:
    """Yield books of six to ten orders of one unit, always the same ones."""
    rng = np.random.default_rng(5)
    for _ in range(count):
        orders = int(rng.integers(6, 11))
        side = np.where(np.arange(orders) % 2 == 0, BUY, SELL).astype(np.int8)
        yield OrderBook.from_arrays(side, np.round(rng.random(orders), 3), np.ones(orders))


BOOKS = st.lists(st.tuples(SIDES, PRICES, QUANTITIES), max_size=12).map(book_of)
#: Small books of true values, all orders with energy.
PROFILES = st.lists(st.tuples(SIDES, PRICES, st.integers(1, 4).map(float)), min_size=2, max_size=6).map(book_of)
EQUAL_PROFILES = st.tuples(
    st.lists(st.tuples(SIDES, PRICES), min_size=2, max_size=6), st.sampled_from([1.0, 0.3, 2.5])
).map(lambda drawn: book_of([(side, price, drawn[1]) for side, price in drawn[0]]))


def money_scale(book: OrderBook) -> float:
    """Return the amount that rounding is measured against. [currency]."""
    return max(1.0, float((np.abs(book.price) * book.quantity).sum()), float(book.quantity.sum()))


def reordered(book: OrderBook, order: IntArray) -> OrderBook:
    """Return the same orders at other places."""
    return OrderBook.from_arrays(book.side[order], book.price[order], book.quantity[order])


def loss(book: OrderBook, clearing: Clearing) -> FloatArray:
    """Return by how much each unit price is worse than the limit, shape (orders,). [currency/kWh]."""
    return np.nan_to_num(book.side * (clearing.unit_price - book.price))


class MechanismContract:
    """Tests of one mechanism; a sub-class names it.

    Attributes
    ----------
    mechanism : Mechanism
        Object of the class under test, with its options.
    """

    mechanism: ClassVar[Mechanism]

    def test_declares_its_properties(self) -> None:
        """The class says what it promises, in the words of `markets/mechanisms/properties.py`."""
        kind = type(self.mechanism)
        assert kind.budget in get_args(Budget)
        assert kind.strategy_proof in get_args(StrategyProof)
        for name in ("efficient", "individually_rational", "order_invariant"):
            assert isinstance(getattr(kind, name), bool), name
        assert kind.__doc__

    def test_without_trade(self) -> None:
        """Empty, one-sided, empty-handed and never crossing books clear to nothing and tell best bid and best ask."""
        nothing = (np.nan, np.nan)
        cases = [
            ([], nothing),
            ([(BUY, 2.0, 1.0)], nothing),
            ([(SELL, 2.0, 1.0), (SELL, 1.0, 1.0)], nothing),
            ([(BUY, 2.0, 0.0), (SELL, 1.0, 1.0)], nothing),
            ([(BUY, 1.0, 1.0), (BUY, 0.5, 1.0), (SELL, 2.0, 1.0), (SELL, 3.0, 2.0)], (1.0, 2.0)),
        ]
        for orders, interval in cases:
            found = self.mechanism.clear(book_of(orders))
            assert found.accepted.tolist() == [0.0] * len(orders)
            assert found.payment.tolist() == [0.0] * len(orders)
            assert np.isnan(found.unit_price).all()
            assert np.isnan(found.price).all()
            assert found.volume == found.welfare == 0.0
            np.testing.assert_array_equal(found.price_interval, interval)

    @LAW
    @given(BOOKS)
    def test_energy_and_money_balance(self, book: OrderBook) -> None:
        """Bought is sold, awards keep to the orders, and the surpluses of all add up to the welfare."""
        found, scale = self.mechanism.clear(book), money_scale(book)
        buys = book.is_buy
        assert abs(found.accepted[buys].sum() - found.accepted[~buys].sum()) <= TOLERANCE * scale
        assert abs(found.volume - found.accepted[buys].sum()) <= TOLERANCE * scale
        assert (found.accepted >= 0).all()
        assert (found.accepted <= book.quantity).all()
        assert (np.isnan(found.unit_price) == (found.accepted == 0)).all()
        paid = book.side * found.accepted * np.nan_to_num(found.unit_price)
        np.testing.assert_allclose(found.payment, paid, rtol=0, atol=TOLERANCE * scale)
        surplus = found.buyer_surplus + found.seller_surplus + found.operator_surplus
        assert abs(surplus - found.welfare) <= TOLERANCE * scale
        assert abs(found.operator_surplus - found.payment.sum()) <= TOLERANCE * scale

    @LAW
    @given(BOOKS)
    def test_listed_trades_are_the_awards(self, book: OrderBook) -> None:
        """Where trades are listed, they join buyers with sellers and add up to the awards and payments."""
        found, scale = self.mechanism.clear(book), money_scale(book)
        if found.trades is None:
            assert found.accepted.shape == found.payment.shape == (len(book),)
            return
        for column, code in (("buyer", BUY), ("seller", SELL)):
            order = found.trades[column].to_numpy(dtype=np.int64)
            quantity, price = found.trades["quantity"].to_numpy(float), found.trades["price"].to_numpy(float)
            assert (book.side[order] == code).all()
            assert (quantity > 0).all()
            side = book.side == code
            energy = np.bincount(order, weights=quantity, minlength=len(book))
            money = code * np.bincount(order, weights=quantity * price, minlength=len(book))
            np.testing.assert_allclose(energy[side], found.accepted[side], rtol=0, atol=TOLERANCE * scale)
            np.testing.assert_allclose(money[side], found.payment[side], rtol=0, atol=TOLERANCE * scale)

    @LAW
    @given(BOOKS)
    def test_nobody_trades_at_a_loss(self, book: OrderBook) -> None:
        """No unit price is worse than the limit, where that is declared."""
        worst = loss(book, self.mechanism.clear(book)).max(initial=0.0)
        assert worst <= TOLERANCE * money_scale(book) or not self.mechanism.individually_rational

    @LAW
    @given(BOOKS)
    def test_budget(self, book: OrderBook) -> None:
        """The auctioneer is left with what is declared."""
        left, most = self.mechanism.clear(book).operator_surplus, TOLERANCE * money_scale(book)
        allowed = {"strong": abs(left) <= most, "weak": left >= -most, "deficit": True}
        assert allowed[self.mechanism.budget]

    @LAW
    @given(BOOKS)
    def test_welfare_against_the_optimum(self, book: OrderBook) -> None:
        """No welfare passes that of HiGHS; an efficient mechanism reaches it."""
        found, most = self.mechanism.clear(book).welfare, clear_welfare(book).welfare
        assert found <= most + TOLERANCE * money_scale(book)
        assert found >= most - TOLERANCE * money_scale(book) or not self.mechanism.efficient

    @LAW
    @given(BOOKS, st.randoms(use_true_random=False))
    def test_the_places_of_the_orders(self, book: OrderBook, random: Random) -> None:
        """Awards and payments follow the orders to the last bit, where that is declared; the energy always balances."""
        order = np.array(random.sample(range(len(book)), len(book)), dtype=np.int64)
        first, second = self.mechanism.clear(book), self.mechanism.clear(reordered(book, order))
        assert abs((second.accepted * book.side[order]).sum()) <= TOLERANCE * money_scale(book)
        if self.mechanism.order_invariant:
            np.testing.assert_array_equal(second.accepted, first.accepted[order])
            np.testing.assert_array_equal(second.payment, first.payment[order])

    def test_what_is_not_declared_does_not_hold(self) -> None:
        """Each promise that the class does not make is broken in one of twenty books, else it should be made."""
        clear, kind, books = self.mechanism.clear, self.mechanism, list(fixed_books())
        broken: dict[str, Callable[[OrderBook], bool]] = {
            "efficient": lambda book: clear(book).welfare < clear_welfare(book).welfare - TOLERANCE,
            "individually_rational": lambda book: loss(book, clear(book)).max() > TOLERANCE,
            "budget": lambda book: clear(book).operator_surplus < -TOLERANCE,
            "order_invariant": self._depends_on_places,
            "strategy_proof": lambda book: regret(self.mechanism, book).largest > TOLERANCE,
        }
        open_ = [name for name in ("efficient", "individually_rational", "order_invariant") if not getattr(kind, name)]
        open_ += ["budget"] * (kind.budget == "deficit") + ["strategy_proof"] * (kind.strategy_proof == "no")
        for name in open_:
            assert any(broken[name](book) for book in books), f"{name}: no case against it found; declare it"

    def _depends_on_places(self, book: OrderBook) -> bool:
        back = np.arange(len(book))[::-1]
        turned = self.mechanism.clear(reordered(book, back)).payment[back]
        return bool((np.abs(turned - self.mechanism.clear(book).payment) > TOLERANCE).any())

    @LAW
    @given(BOOKS)
    def test_same_orders_same_outcome(self, book: OrderBook) -> None:
        """Clearing again changes nothing, and neither does an order of quantity 0 at the end of the book."""
        first, again = self.mechanism.clear(book), self.mechanism.clear(book)
        longer = self.mechanism.clear(
            OrderBook.from_arrays(np.append(book.side, BUY), np.append(book.price, 0.4), np.append(book.quantity, 0.0))
        )
        for name in ("accepted", "unit_price", "payment"):
            np.testing.assert_array_equal(getattr(again, name), getattr(first, name))
        rounding = TOLERANCE * money_scale(book)
        np.testing.assert_allclose(longer.accepted[: len(book)], first.accepted, rtol=0, atol=rounding)
        np.testing.assert_allclose(longer.payment[: len(book)], first.payment, rtol=0, atol=rounding)
        np.testing.assert_array_equal(again.price_interval, first.price_interval)
        assert longer.accepted[-1] == 0.0

    @FEW
    @given(PROFILES, EQUAL_PROFILES)
    def test_the_true_limit_is_the_best_report(self, book: OrderBook, equal: OrderBook) -> None:
        """Nobody for whom that is declared gains by another price, with one order a trader and the same draws."""
        assert not self._gains(equal if self.mechanism.strategy_proof == "equal quantities" else book)

    def test_the_true_limit_is_the_best_report_of_equals(self) -> None:
        """The same in six fixed books, whose orders have one quantity."""
        assert not any(self._gains(book) for book in fixed_books(6))

    def _gains(self, book: OrderBook) -> bool:
        """Return whether somebody gains who should not."""
        proof = self.mechanism.strategy_proof
        if proof == "no":
            return False
        judged = ~book.is_buy if proof == "sellers" else book.quantity > 0
        return bool(regret(self.mechanism, book).gain[judged].max(initial=0.0) > TOLERANCE * money_scale(book))
