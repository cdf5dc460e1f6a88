"""Laws of the continuous book, against a book of plain Python lists that is read in a minute."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.continuous.columns import (
    CANCEL,
    CANCELLED,
    FOK,
    GTC,
    IOC,
    LIMITS,
    MOVE,
    RESTED,
    SELF_TRADE,
    SUBMIT,
    TRADE,
    operations,
)
from gridagora.markets.continuous.engine import Engine
from gridagora.markets.continuous.levels import storeys
from gridagora.markets.continuous.rules import BookRules

TICKS = 40


class Oracle:
    """Price-time priority by sorting all resting orders before each trade."""

    def __init__(self, policy):
        self.policy, self.resting, self.trades, self.entries, self.number = policy, {}, [], 0, 0

    def submit(self, side, tick, quantity, owner, limit):
        """Enter the next order, if it is not a fill-or-kill order that cannot be filled."""
        order = self.number
        self.number += 1
        if limit != FOK or self.fillable(side, tick, quantity, owner):
            self.enter(order, side, tick, quantity, owner, limit)

    def move(self, order, tick, quantity):
        """Cancel and enter anew under the same number."""
        if order in self.resting:
            side, _, _, _, owner = self.resting.pop(order)
            self.enter(order, side, tick, quantity, owner, GTC)

    def against(self, side, tick):
        """Return the orders of the other side at acceptable prices, the best and oldest first."""
        rows = [(side * row[1], row[2], order) for order, row in self.resting.items() if row[0] == -side]
        return [order for price, _, order in sorted(rows) if price <= side * tick]

    def fillable(self, side, tick, quantity, owner):
        """Return whether all of it can trade now."""
        for order in self.against(side, tick):
            if self.policy == "allow" or self.resting[order][4] != owner:
                quantity -= self.resting[order][3]
            elif self.policy in ("cancel_newest", "cancel_both"):
                return quantity <= 0
        return quantity <= 0

    def enter(self, order, side, tick, quantity, owner, limit):
        """Trade, then rest."""
        stays = limit == GTC
        for other in self.against(side, tick):
            if quantity == 0:
                break
            if self.policy != "allow" and self.resting[other][4] == owner:
                if self.policy in ("cancel_oldest", "cancel_both"):
                    del self.resting[other]
                stays = stays and self.policy == "cancel_oldest"
                if self.policy in ("cancel_newest", "cancel_both"):
                    break
                continue
            size = min(quantity, self.resting[other][3])
            self.trades.append((order, other, self.resting[other][1], size))
            quantity -= size
            self.resting[other][3] -= size
            if self.resting[other][3] == 0:
                del self.resting[other]
        if quantity > 0 and stays:
            self.entries += 1
            self.resting[order] = [side, tick, self.entries, quantity, owner]


ROW = st.tuples(
    st.sampled_from([SUBMIT, SUBMIT, SUBMIT, MOVE, CANCEL]),
    st.sampled_from([1, -1]),
    st.integers(0, TICKS - 1) | st.integers(17, 22),
    st.integers(1, 6),
    st.integers(-1, 20),
    st.integers(0, 3),
    st.sampled_from([GTC, GTC, GTC, IOC, FOK]),
)
ROWS = st.lists(ROW, max_size=40)


def rows_of(drawn):
    """Return operations from drawn tuples."""
    columns = np.array(drawn, dtype=np.int64).reshape(-1, 7).T
    names = ("side", "tick", "quantity", "order", "owner", "limit")
    return operations(columns[0], **dict(zip(names, columns[1:], strict=True)))


@settings(deadline=None)
@given(ROWS, st.sampled_from(SELF_TRADE))
def test_the_engine_is_the_oracle(drawn, policy):
    """Trades, in order, and what rests in the end are those of the plain book, for every policy on own trade."""
    engine, oracle = Engine(TICKS, BookRules(self_trade=policy)), Oracle(policy)
    engine.run(rows_of(drawn))
    for kind, side, tick, quantity, order, owner, limit in drawn:
        if kind == SUBMIT:
            oracle.submit(side, tick, quantity, owner, limit)
        elif kind == MOVE:
            oracle.move(order, tick, quantity)
        else:
            oracle.resting.pop(order, None)
    events = engine.events()
    events = events[events["kind"] == TRADE]
    assert [tuple(row) for row in events[["order", "other", "tick", "quantity"]].tolist()] == oracle.trades
    orders = engine.columns.orders[: oracle.number]
    left = {i: int(row["left"]) for i, row in enumerate(orders) if row["left"] > 0}
    assert left == {order: row[3] for order, row in oracle.resting.items()}


@settings(deadline=None)
@given(ROWS, st.sampled_from(SELF_TRADE), st.booleans(), st.booleans())
def test_the_book_never_crosses_and_replays(drawn, policy, improve, reset):
    """After each operation the best bid lies below the best ask, and a second engine writes the same bytes."""
    rules = BookRules(self_trade=policy, spread_improvement=improve, reset_after_trade=reset)
    engine, again = Engine(TICKS, rules), Engine(TICKS, rules)
    best = engine.watch(rows_of(drawn))
    assert (best[:, 0] < best[:, 1]).all()
    again.run(engine.operations().copy())
    assert again.events().tobytes() == engine.events().tobytes()


@settings(deadline=None)
@given(ROWS, st.sampled_from(SELF_TRADE))
def test_every_unit_is_accounted_for(drawn, policy):
    """Each order's quantity is what traded, was cancelled, was rejected and rests; trades respect both limits."""
    rows = rows_of(drawn)
    rows["kind"] = np.where(rows["kind"] == MOVE, CANCEL, rows["kind"])
    engine = Engine(TICKS, BookRules(self_trade=policy))
    engine.run(rows)
    submitted = rows[rows["kind"] == SUBMIT]
    events, orders = engine.events(), engine.columns.orders[: len(submitted)]
    trades, cancelled = (events[events["kind"] == kind] for kind in (TRADE, CANCELLED))
    traded = np.zeros(len(submitted), np.int64)
    np.add.at(traded, trades["order"], trades["quantity"])
    np.add.at(traded, trades["other"], trades["quantity"])
    gone = np.zeros(len(submitted), np.int64)
    np.add.at(gone, cancelled["order"], cancelled["quantity"])
    killed = submitted["limit"] == FOK
    whole = traded + gone + orders["left"]
    np.testing.assert_array_equal(whole[~killed], submitted["quantity"][~killed])
    assert ((traded == submitted["quantity"]) | (traded + orders["left"] == 0) | (gone > 0))[killed].all()
    assert (orders["left"][submitted["limit"] != GTC] == 0).all()
    for side in ("order", "other"):
        own = submitted[trades[side]]
        assert (own["side"] * (own["tick"] - trades["tick"]) >= 0).all()
    np.testing.assert_array_equal(trades["tick"], submitted["tick"][trades["other"]])
    rested = events[events["kind"] == RESTED]
    assert (submitted["limit"][rested["order"]] == GTC).all()


@settings(deadline=None)
@given(st.sampled_from([1, 31, 32, 33, 1024, 1025, 40_000]), st.data())
def test_the_best_price_is_found_in_a_sparse_book(ticks, data):
    """Bids at far-apart ticks are met from the highest down, whatever the size of the grid."""
    used = data.draw(st.lists(st.integers(0, ticks - 1), max_size=12))
    engine = Engine(ticks, BookRules())
    engine.run(operations(np.full(len(used), SUBMIT), side=1, tick=used, quantity=1))
    engine.run(operations(np.full(len(used), SUBMIT), side=-1, tick=0, quantity=1))
    events = engine.events()
    assert events["tick"][events["kind"] == TRADE].tolist() == sorted(used, reverse=True)
    assert engine.columns.bits.sum() == engine.columns.state[:1][0] + 1 == 0


def test_the_tree_of_ticks_has_a_storey_for_each_factor_of_32():
    """One word up to 32 ticks; 33 ticks need two words and one above."""
    assert storeys(1).tolist() == storeys(32).tolist() == [0, 1]
    assert storeys(33).tolist() == [0, 2, 3]
    assert storeys(32_769).tolist() == [0, 1025, 1058, 1060, 1061]
    assert LIMITS[FOK] == "fok"
