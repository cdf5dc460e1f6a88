"""Rules of the continuous book, one by one, on books small enough to work out by hand."""

import numpy as np
import pytest

from gridagora.markets.continuous.book import LimitOrderBook
from gridagora.markets.continuous.columns import CANCEL, GTD, MOVE, RESUME, SUBMIT, operations
from gridagora.markets.continuous.engine import Engine
from gridagora.markets.continuous.log import MarketLog
from gridagora.markets.continuous.rules import BookRules
from gridagora.markets.price_grid import tick_prices

PRICES = tick_prices(-0.05, 0.01, 101)


def book_of(*orders, **rules):
    """Return a book to which (side, price, quantity, owner) were submitted in turn."""
    book = LimitOrderBook(PRICES, BookRules(**rules), reference=0.30 if "circuit_breaker" in rules else None)
    for side, price, quantity, owner in orders:
        book.submit(side, price, quantity, owner=owner)
    return book


def trades_of(book):
    """Return (buyer, seller, quantity, price) of each trade."""
    rows = book.trades()
    return [
        (b, s, q, round(p, 9))
        for b, s, q, p in zip(rows["buyer"], rows["seller"], rows["quantity"], rows["price"], strict=True)
    ]


def last_events(book, count):
    """Return (event, reason, order, quantity) of the last events."""
    rows = book.log.frame().tail(count)
    return list(zip(rows["event"], rows["reason"], rows["order"], rows["quantity"], strict=True))


def test_the_best_price_trades_first_at_the_resting_orders_price():
    """A bid of 5 at 0.40 takes 2 at 0.31 and 3 of 4 at 0.35, and pays those prices."""
    book = book_of(("sell", 0.35, 4, 1), ("sell", 0.31, 2, 2), ("sell", 0.45, 9, 3))
    assert book.submit("buy", 0.40, 5, owner=7) == (3, 5, 0, "")
    assert trades_of(book) == [(7, 2, 2, 0.31), (7, 1, 3, 0.35)]
    assert (book.best_bid, book.best_ask) == (pytest.approx(np.nan, nan_ok=True), pytest.approx(0.35))
    assert book.resting(0) == 1


def test_equal_prices_trade_first_come_first_served():
    """Three bids at 0.30: an ask of 4 fills the first, then the second in part; the third waits."""
    book = book_of(("buy", 0.30, 2, 1), ("buy", 0.30, 5, 2), ("buy", 0.30, 1, 3))
    book.submit("sell", 0.30, 4, owner=9)
    assert trades_of(book) == [(1, 9, 2, 0.30), (2, 9, 2, 0.30)]
    assert [book.resting(order) for order in range(3)] == [0, 3, 1]


def test_a_moved_order_goes_to_the_end_of_the_queue():
    """Order 0 moves to its own price and is served after order 1; its number stays."""
    book = book_of(("buy", 0.30, 2, 1), ("buy", 0.30, 2, 2))
    assert book.move(0, 0.30, 2) == (0, 0, 2, "")
    book.submit("sell", 0.30, 3, owner=9)
    assert trades_of(book) == [(2, 9, 2, 0.30), (1, 9, 1, 0.30)]


def test_a_moved_order_may_trade():
    """Moved across to 0.40, a bid takes the ask at 0.35 and the rest stays at 0.40."""
    book = book_of(("buy", 0.30, 2, 1), ("sell", 0.35, 1, 2))
    assert book.move(0, 0.40, 3) == (0, 1, 2, "")
    assert trades_of(book) == [(1, 2, 1, 0.35)]
    assert book.best_bid == pytest.approx(0.40)


def test_cancelled_and_unknown_orders():
    """A resting order is cancelled once; any other number is reported and changes nothing."""
    book = book_of(("buy", 0.30, 2, 1))
    assert book.cancel(0) == (0, 0, 0, "")
    for order in (0, 1, -1, 2**31 - 1):
        assert book.cancel(order).rejected == "unknown_order"
        assert book.move(order, 0.30, 1).rejected == "unknown_order"
    assert last_events(book, 1) == [("rejected", "unknown_order", 2**31 - 1, 0)]
    assert np.isnan(book.best_bid)


def test_immediate_or_cancel_leaves_nothing():
    """Of 5, 2 trade at once and 3 are cancelled."""
    book = book_of(("sell", 0.30, 2, 1), ("sell", 0.32, 2, 1))
    assert book.submit("buy", 0.31, 5, limit="ioc") == (2, 2, 0, "")
    assert last_events(book, 1) == [("cancelled", "immediate", 2, 3)]
    assert np.isnan(book.best_bid)


def test_fill_or_kill_is_all_or_nothing():
    """Five cannot be had up to 0.32, where 4 are offered; 4 can, over two prices."""
    book = book_of(("sell", 0.30, 2, 1), ("sell", 0.32, 2, 1))
    assert book.submit("buy", 0.32, 5, limit="fok") == (2, 0, 0, "not_fillable")
    assert book.submit("buy", 0.31, 3, limit="fok").rejected == "not_fillable"
    assert book.trades().empty
    assert book.submit("buy", 0.32, 4, limit="fok") == (4, 4, 0, "")
    assert [row[3] for row in trades_of(book)] == [0.30, 0.32]


def test_fill_or_kill_looks_no_further_than_the_grid():
    """On 32 prices the last one holds 1, so 2 cannot be had; 1 can."""
    book = LimitOrderBook(np.arange(32.0))
    book.submit("sell", 31.0, 1)
    assert book.submit("buy", 31.0, 2, limit="fok").rejected == "not_fillable"
    assert book.submit("buy", 31.0, 1, limit="fok").traded == 1


def test_an_order_good_till_a_time_is_gone_at_that_time():
    """At time 10 the bid of expiry 10 is gone; the one of 20 trades, and expires with its rest."""
    book = LimitOrderBook(PRICES)
    book.submit("buy", 0.31, 1, limit="gtd", expiry=10, time=5)
    book.submit("buy", 0.30, 3, limit="gtd", expiry=20)
    book.submit("buy", 0.29, 1, limit="gtd", expiry=15)
    book.cancel(2)
    assert book.submit("sell", 0.30, 1, time=10).traded == 1
    assert trades_of(book)[0][3] == 0.30
    book.cancel(99, time=30)
    assert last_events(book, 2) == [("cancelled", "expired", 1, 2), ("rejected", "unknown_order", 99, 0)]
    assert book.submit("buy", 0.30, 1, limit="gtd", expiry=30).rejected == "bad_limit"


def test_expiries_come_in_the_order_of_time_then_of_age():
    """Orders with expiries 30, 10, 20, 10 leave as 1, 3, 2, 0."""
    book = LimitOrderBook(PRICES)
    for expiry in (30, 10, 20, 10):
        book.submit("buy", 0.30, 1, limit="gtd", expiry=expiry)
    book.close(time=50)
    rows = book.log.frame()
    assert rows["order"][rows["reason"] == "expired"].tolist() == [1, 3, 2, 0]


@pytest.mark.parametrize(
    ("policy", "receipt", "left", "trades"),
    [
        ("allow", (3, 5, 0, ""), [0, 0, 1], [(1, 1, 2, 0.30), (1, 2, 2, 0.30), (1, 1, 1, 0.31)]),
        ("cancel_newest", (3, 0, 0, ""), [2, 2, 2], []),
        ("cancel_oldest", (3, 2, 3, ""), [0, 0, 0], [(1, 2, 2, 0.30)]),
        ("cancel_both", (3, 0, 0, ""), [0, 2, 2], []),
        ("skip", (3, 2, 0, ""), [2, 0, 2], [(1, 2, 2, 0.30)]),
    ],
)
def test_prevention_of_own_trade(policy, receipt, left, trades):
    """Owner 1 asks 2 at 0.30 and 2 at 0.31, owner 2 asks 2 at 0.30 in between; then owner 1 bids 5 at 0.31."""
    book = book_of(("sell", 0.30, 2, 1), ("sell", 0.30, 2, 2), ("sell", 0.31, 2, 1), self_trade=policy)
    assert book.submit("buy", 0.31, 5, owner=1) == receipt
    assert [book.resting(order) for order in range(3)] == left
    assert trades_of(book) == trades
    assert book.best_bid < book.best_ask or np.isnan(book.best_bid) or np.isnan(book.best_ask)


@pytest.mark.parametrize(
    ("policy", "fills"),
    [("allow", True), ("cancel_newest", False), ("cancel_oldest", True), ("cancel_both", False), ("skip", True)],
)
def test_fill_or_kill_looks_at_own_orders(policy, fills):
    """Owner 1's ask of 1 stands before owner 2's of 2: whether a bid of 2 can be filled depends on the policy."""
    book = book_of(("sell", 0.30, 1, 1), ("sell", 0.30, 2, 2), self_trade=policy)
    assert (book.submit("buy", 0.30, 2, owner=1, limit="fok").rejected == "") == fills


def test_orders_without_an_owner_are_never_of_the_same_one():
    """Two anonymous orders trade whatever the policy."""
    book = LimitOrderBook(PRICES, BookRules(self_trade="cancel_both"))
    book.submit("sell", 0.30, 1)
    assert book.submit("buy", 0.30, 1).traded == 1


def test_the_circuit_breaker_halts_before_a_trade_outside_its_band():
    """10 % around 0.30: the ask at 0.32 trades, that at 0.35 halts; after a new reference it trades."""
    book = book_of(("sell", 0.32, 1, 1), ("sell", 0.35, 1, 1), circuit_breaker=0.1)
    assert book.submit("buy", 0.40, 3, owner=2) == (2, 1, 0, "")
    assert last_events(book, 2) == [("halted", "outside_band", 2, 0), ("cancelled", "halted", 2, 2)]
    assert book.status == "halted"
    assert book.submit("buy", 0.30, 1).rejected == "halted"
    assert book.move(1, 0.33, 1).rejected == "halted"
    book.resume(0.35)
    assert book.status == "open"
    assert book.submit("buy", 0.40, 1).traded == 1


def test_while_halted_orders_may_be_cancelled():
    """Cancellation is the one thing a halted market takes."""
    book = book_of(("sell", 0.50, 1, 1), circuit_breaker=0.1)
    book.submit("buy", 0.50, 1)
    assert book.cancel(0).rejected == ""


def test_the_circuit_breaker_refuses_orders_outside_its_band():
    """0.27 to 0.33 are taken; after a move of the band an old order outside it is not traded with."""
    book = book_of(("sell", 0.33, 1, 1), circuit_breaker=0.1, on_breach="reject")
    assert book.submit("buy", 0.27, 1).rejected == ""
    assert book.submit("buy", 0.34, 1).rejected == "outside_band"
    assert book.submit("sell", 0.26, 1).rejected == "outside_band"
    book.resume(0.50)
    book.cancel(1)
    assert book.submit("buy", 0.50, 1) == (4, 0, 0, "")
    assert last_events(book, 1) == [("cancelled", "outside_band", 4, 1)]


def test_the_gate_closes_by_itself_and_by_hand():
    """From time 100 nothing rests and nothing is taken; the cancellations come from the lowest price up."""
    book = book_of(("sell", 0.40, 1, 1), ("buy", 0.30, 2, 1), ("buy", 0.30, 3, 1), gate_closure=100)
    assert book.submit("buy", 0.30, 1, time=100) == (3, 0, 0, "closed")
    assert last_events(book, 5) == [
        ("closed", "", -1, 0),
        ("cancelled", "closed", 1, 2),
        ("cancelled", "closed", 2, 3),
        ("cancelled", "closed", 0, 1),
        ("rejected", "closed", 3, 0),
    ]
    assert book.status == "closed"
    by_hand = book_of(("buy", 0.30, 2, 1))
    by_hand.close()
    assert by_hand.cancel(0).rejected == "closed"
    assert by_hand.close().rejected == "closed"


def test_quotes_must_improve_under_the_spread_rule():
    """After a bid at 0.30, bids up to 0.30 are refused, 0.31 is taken; asks must fall."""
    book = book_of(("buy", 0.30, 1, 1), ("sell", 0.40, 1, 1), spread_improvement=True)
    assert book.submit("buy", 0.30, 1).rejected == "no_improvement"
    assert book.submit("sell", 0.40, 1).rejected == "no_improvement"
    assert book.submit("buy", 0.31, 1).resting == 1
    assert book.submit("sell", 0.31, 1).traded == 1


def test_a_trade_clears_the_book_under_the_teaching_protocol():
    """After one trade of unit lots no quote is left; a larger lot is refused."""
    rules = {"reset_after_trade": True, "unit_lots": True}
    book = book_of(("buy", 0.20, 1, 1), ("buy", 0.30, 1, 2), ("sell", 0.50, 1, 3), **rules)
    assert book.submit("sell", 0.25, 2).rejected == "not_one_lot"
    assert book.submit("sell", 0.25, 1, owner=4).traded == 1
    assert trades_of(book) == [(2, 4, 1, 0.30)]
    assert last_events(book, 2) == [("cancelled", "trade_reset", 0, 1), ("cancelled", "trade_reset", 2, 1)]
    larger = book_of(("buy", 0.30, 1, 1), reset_after_trade=True)
    assert larger.submit("sell", 0.25, 3) == (1, 1, 0, "")


def test_depth_lists_the_best_prices_first():
    """Two levels a side, with the sums of their orders."""
    book = book_of(
        ("buy", 0.30, 1, 1), ("buy", 0.30, 4, 2), ("buy", 0.29, 2, 1), ("buy", 0.10, 9, 1), ("sell", 0.4, 7, 1)
    )
    depth = book.depth(2)
    assert depth.bid_price == pytest.approx([0.30, 0.29])
    assert depth.bid_quantity.tolist() == [5, 2]
    assert (depth.ask_price.tolist(), depth.ask_quantity.tolist()) == ([pytest.approx(0.4)], [7])


def test_an_empty_book_has_no_prices_no_trades_and_a_log():
    """Nothing was asked: prices are nan, tables empty, the replay too."""
    book = LimitOrderBook(PRICES)
    assert np.isnan(book.best_bid)
    assert np.isnan(book.best_ask)
    assert book.depth().bid_price.size == book.depth().ask_price.size == 0
    assert len(book.trades()) == len(book.log.frame()) == len(book.log.replay().events) == 0
    assert book.status == "open"
    assert book.resting(0) == 0


def test_quotes_after_each_operation():
    """`watch` gives best bid and ask after each row, nan where there is none."""
    book = LimitOrderBook([1.0, 2.0, 3.0])
    best = book.watch(
        operations([SUBMIT, SUBMIT, CANCEL], side=[1, -1, 0], tick=[0, 2, 0], quantity=1, order=[-1, -1, 0])
    )
    np.testing.assert_array_equal(best, [[1.0, np.nan], [1.0, 3.0], [np.nan, 3.0]])


def test_bad_rows_are_rejected_in_the_log():
    """What cannot be done is named, and nothing else happens."""
    book = LimitOrderBook(PRICES)
    rows = operations([SUBMIT] * 7 + [MOVE, 9, RESUME], side=1, tick=5, quantity=1, time=3)
    rows["side"][0], rows["tick"][1], rows["tick"][2], rows["quantity"][3] = 0, -1, 101, 0
    rows["limit"][4], rows["time"][5], rows["limit"][6], rows["expiry"][6] = 4, 2, GTD, 3
    book.run(rows)
    assert book.log.frame()["reason"].tolist() == [
        *("bad_side", "bad_price", "bad_price", "bad_quantity", "bad_limit", "back_in_time", "bad_limit"),
        *("unknown_order", "bad_operation", "bad_price"),
    ]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda book: book.submit("bid", 0.3, 1), "side 'bid'; choose buy or sell"),
        (lambda book: book.submit("buy", 0.3, 1, limit="day"), "limit 'day'; choose one of: gtc, ioc, fok, gtd"),
        (lambda book: book.submit("buy", 0.3, 1, limit="gtd"), "limit gtd and expiry None; gtd, and only gtd, needs"),
        (lambda book: book.submit("buy", 0.3, 1, expiry=4), "limit gtc and expiry 4"),
        (lambda book: book.submit("buy", 0.3, 0), "quantity 0; must be a whole number of at least 1"),
        (lambda book: book.submit("buy", 0.3, 1.5), "quantity 1.5; must be"),
        (lambda book: book.submit("buy", 0.304, 1), "price 0.304: no tick of the book, which has 0.3 nearest to it"),
        (lambda book: book.submit("buy", 7.0, 1), "price 7.0: no tick of the book, which has 0.95 nearest to it"),
        (lambda book: book.submit("buy", np.nan, 1), "price nan: no tick"),
        (lambda book: book.cancel(0, time=-1), "time -1: before 0, the time of the last operation"),
        (lambda book: book.resume(0.3), "reference 0.3: no circuit breaker is set"),
        (lambda book: book.run(np.zeros(3)), "operations: given float64 of 1 dimensions"),
        (lambda _: LimitOrderBook([2.0, 1.0]), "price: 2 ticks; need at least one, finite and strictly ascending"),
        (lambda _: LimitOrderBook(PRICES, BookRules(circuit_breaker=0.1)), "reference: missing"),
        (
            lambda _: LimitOrderBook([0.0, 1.0], BookRules(circuit_breaker=0.1), 0.5),
            "reference 0.5: no tick within 0.05",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    """The message names the value, what is allowed and what to do."""
    with pytest.raises(ValueError, match=r".") as caught:
        call(LimitOrderBook(PRICES))
    assert message in str(caught.value)


def test_rows_belong_to_the_log_after_they_ran():
    """They are read-only then, and a copy runs again."""
    rows = operations(SUBMIT, side=1, tick=3, quantity=1)
    book = LimitOrderBook(PRICES)
    book.run(rows)
    assert not rows.flags.writeable
    with pytest.raises(ValueError, match=r"copy\(\) to run them again"):
        book.run(rows)
    book.submit("sell", -0.02, 1)
    book.run(rows.copy())
    assert book.log.operations["tick"].tolist() == [3, 3, 3]
    assert len(book.log.replay().events) == 3


def test_a_changed_log_is_noticed():
    """Replay names the first event that differs."""
    log = book_of(("buy", 0.30, 1, 1), ("sell", 0.30, 1, 2)).log
    assert log.replay().events.tobytes() == log.events.tobytes()
    events = log.events.copy()
    events["quantity"][1] = 2
    with pytest.raises(ValueError, match="replay differs from event 1 on"):
        MarketLog(log.price, log.rules, log.operations, events).replay()
    with pytest.raises(ValueError, match="replay differs from event 1 on"):
        MarketLog(log.price, log.rules, log.operations, log.events[:1]).replay()


def test_events_can_be_taken_part_by_part():
    """What was taken is forgotten; sequence goes on with the next operation, and orders stay."""
    engine = Engine(3, BookRules(), orders=2)
    engine.run(operations([SUBMIT, SUBMIT], side=1, tick=[0, 1], quantity=1))
    assert engine.take_events()["order"].tolist() == [0, 1]
    engine.run(operations(SUBMIT, side=-1, tick=0, quantity=1))
    assert engine.take_events()[["operation", "order", "other", "tick"]].tolist() == [(2, 2, 1, 1)]
    assert len(engine.events()) == 0


def test_the_record_outgrows_its_first_room():
    """More orders than there is room for, one by one and at once, stay in one log, which replays."""
    book = LimitOrderBook(tick_prices(0.0, 1.0, 3000))
    for i in range(1100):
        book.submit("buy", float(i), 1, limit="gtd", expiry=10)
    book.run(operations(np.full(2000, SUBMIT), side=-1, tick=2999, quantity=1))
    book.submit("buy", 2999.0, 1500, time=10)
    log = book.log
    assert len(log.operations) == 3101
    assert (log.frame()["reason"] == "expired").sum() == 1100
    assert len(book.trades()) == 1500
    assert log.replay().events.tobytes() == log.events.tobytes()
