"""Block orders by hand: every number here can be checked with pencil and paper."""

from time import monotonic

import numpy as np
import pytest

from gridagora.markets.blocks import Block, BlockBook, Line, clear_blocks
from gridagora.markets.blocks.layout import lay_out
from gridagora.markets.blocks.prices import support
from gridagora.markets.blocks.program import BlockProgram
from gridagora.markets.blocks.repair import repair
from gridagora.markets.clearing import clear
from gridagora.markets.mechanisms.blocks import Blocks
from gridagora.markets.orders import OrderBook

#: Bids of 10 kWh at 0.5 and 5 kWh at 0.1, an offer of 5 kWh at 0.3, and a block of 12 kWh at 0.2.
WHOLE = BlockBook(
    1,
    OrderBook(["buy", "buy", "sell"], [0.5, 0.1, 0.3], [10.0, 5.0, 5.0]),
    blocks=[Block("plant", "sell", 0.2, [0], 12.0)],
)


def simple(periods, rows, blocks=(), lines=()):
    """Return a book from (side, period, price, quantity) of simple orders."""
    side, period, price, quantity = zip(*rows, strict=True)
    return BlockBook(periods, OrderBook(side, price, quantity), period, blocks, lines)


def test_a_loss_is_made_good_by_all_who_buy():
    """The block must sell 2 of 12 kWh to the bid at 0.1, which sets the price: it lacks 12 x (0.2 - 0.1) = 1.2.

    Welfare 10 x 0.5 + 2 x 0.1 - 12 x 0.2 = 2.8; bids bear 1.2 in proportion to 10 and 2 kWh.
    """
    found = clear_blocks(WHOLE, "uplift")
    assert found.share.tolist() == [1]
    assert found.accepted.tolist() == pytest.approx([10, 2, 0])
    assert found.price.tolist() == [[0.1]]
    assert found.payment.tolist() == pytest.approx([1.0, 0.2, 0])
    assert found.block_payment.tolist() == pytest.approx([-1.2])
    assert found.uplift.tolist() == pytest.approx([1.0, 0.2, 0])
    assert found.block_uplift.tolist() == pytest.approx([-1.2])
    assert found.paradoxically_accepted.tolist() == [True]
    assert found.welfare == pytest.approx(2.8)
    assert (found.buyer_surplus, found.seller_surplus) == pytest.approx((2.8, 0))
    assert found.volume == pytest.approx(12)


@pytest.mark.parametrize("search", ["branching", "primal_dual"])
def test_no_block_is_accepted_at_a_loss(search):
    """No price suits the block, so it is rejected, although it would gain 12 x (0.5 - 0.2) at the price: counted.

    Welfare falls to 5 x (0.5 - 0.3) = 1.
    """
    found = clear_blocks(WHOLE, "no_pab", search=search)
    assert found.share.tolist() == [0]
    assert found.accepted.tolist() == pytest.approx([5, 0, 5])
    assert found.price.tolist() == [[0.5]]
    assert found.paradoxically_rejected.tolist() == [True]
    assert not found.paradoxically_accepted.any()
    assert found.welfare == pytest.approx(1)
    assert found.bound == pytest.approx(1)
    assert found.gap < 1e-9
    assert found.proven
    assert found.cuts == (1 if search == "branching" else 0)
    assert found.lost_opportunity == pytest.approx(12 * 0.3)


def test_convex_hull_prices_lose_least():
    """The relaxation takes 10 of the 12 kWh, so the price is 0.2: what is lost is 0.2 against 1.2 at 0.1.

    At 0.2 all could gain 10 x 0.3 = 3.0 and have 2.8; the bid at 0.1 lacks 2 x 0.1, which is made good.
    """
    found = clear_blocks(WHOLE, "convex_hull")
    assert found.price.tolist() == [[pytest.approx(0.2)]]
    assert found.lost_opportunity == pytest.approx(0.2)
    assert found.uplift.tolist() == pytest.approx([0.2 * 10 / 12, 0.2 * 2 / 12 - 0.2, 0])
    assert clear_blocks(WHOLE, "uplift").lost_opportunity == pytest.approx(1.2)


def test_prices_are_looked_for_before_a_block_is_ruled_out():
    """Any price from 0.1 to 0.5 supports the simple awards; the middle, 0.3, is too low for a block at 0.35.

    No offer is at hand in the second period: 5 kWh at the block's average of 0.35 need p0 + p1 = 0.7 with p1 = 0.3, so
    p0 = 0.4, the nearest to 0.3.
    """
    rows = [("buy", 0, 0.5, 5.0), ("buy", 0, 0.1, 5.0), ("buy", 1, 0.6, 4.0), ("buy", 1, 0.3, 5.0)]
    book = simple(2, rows, [Block("plant", "sell", 0.35, [0, 1], 5.0)])
    found = clear_blocks(book)
    assert found.share.tolist() == [1]
    assert found.price.ravel().tolist() == pytest.approx([0.4, 0.3])
    assert (found.price_low[0, 0], found.price_high[0, 0]) == (0.1, 0.5)
    assert found.cuts == 0
    assert clear_blocks(book, "uplift").price.ravel().tolist() == pytest.approx([0.3, 0.3])
    assert clear_blocks(book, "uplift").block_uplift.tolist() == pytest.approx([-0.5])


def test_a_child_pays_for_its_parent():
    """The parent costs 0.4 and sells at 0.3, a loss of 0.5; its child costs 0.1 and gains 1.0: together 0.5.

    Without the link the parent would be rejected, and alone it is: a family shares its gains.
    """
    rows = [("buy", 0, 0.3, 8.0), ("buy", 1, 0.3, 8.0)]
    parent = Block("parent", "sell", 0.4, [0], 5.0)
    child = Block("child", "sell", 0.1, [1], 5.0, parent="parent")
    found = clear_blocks(simple(2, rows, [parent, child]))
    assert found.share.tolist() == [1, 1]
    assert found.price.ravel().tolist() == pytest.approx([0.3, 0.3])
    assert found.welfare == pytest.approx(5 * (0.3 - 0.4) + 5 * (0.3 - 0.1))
    assert not found.block_uplift.any()
    assert clear_blocks(simple(2, rows, [parent])).share.tolist() == [0]


def test_a_parent_never_pays_for_its_child():
    """The child would sell at a loss of 1: it stays out however much its parent gains."""
    rows = [("buy", 0, 0.3, 8.0), ("buy", 1, 0.2, 8.0)]
    parent, child = Block("p", "sell", 0.1, [0], 5.0), Block("c", "sell", 0.4, [1], 5.0, parent="p")
    assert clear_blocks(simple(2, rows, [parent, child])).share.tolist() == [1, 0]


def test_one_block_of_an_exclusive_group():
    """Early gains 5 x (0.3 - 0.1) = 1, late 5 x (0.5 - 0.1) = 2: late trades, early may not and is not paradoxical."""
    rows = [("buy", 0, 0.3, 8.0), ("buy", 1, 0.5, 8.0)]
    early, late = (Block(name, "sell", 0.1, [t], 5.0, group="plant") for t, name in enumerate(["early", "late"]))
    found = clear_blocks(simple(2, rows, [early, late]))
    assert found.share.tolist() == [0, 1]
    assert not found.paradoxically_rejected.any()
    assert found.welfare == pytest.approx(2)
    assert found.lost_opportunity == pytest.approx(0)


def test_a_flexible_order_picks_its_period():
    """5 kWh wanted at 0.4 in any one period go where the offer is cheapest, the second: 5 x (0.4 - 0.1) = 1.5."""
    rows = [("sell", 0, 0.3, 8.0), ("sell", 1, 0.1, 8.0), ("sell", 2, 0.2, 8.0)]
    found = clear_blocks(simple(3, rows, [Block("boiler", "buy", 0.4, [0, 1, 2], 5.0, flexible=True)]))
    assert found.block_kwh.tolist() == [[0, 5, 0]]
    assert found.welfare == pytest.approx(1.5)
    assert found.price.ravel().tolist() == pytest.approx([np.nan, 0.1, np.nan], nan_ok=True)


def test_a_curtailable_block_is_cut_where_it_sets_the_price():
    """Of 10 kWh at 0.2 the market takes 6; a block that takes at least 0.5 is cut to 0.6, one of at least 0.7 not."""
    rows = [("buy", 0, 0.5, 6.0), ("sell", 0, 0.4, 6.0)]
    found = clear_blocks(simple(1, rows, [Block("plant", "sell", 0.2, [0], 10.0, minimum_acceptance=0.5)]))
    assert found.share.tolist() == pytest.approx([0.6])
    assert found.price.tolist() == [[pytest.approx(0.2)]]
    found = clear_blocks(simple(1, rows, [Block("plant", "sell", 0.2, [0], 10.0, minimum_acceptance=0.7)]))
    assert found.share.tolist() == [0]
    assert found.price.tolist() == [[pytest.approx(0.45)]]


def test_a_block_sells_into_another_area():
    """The line of 3 kWh is full: 0.2 at home, 0.6 abroad, so its rent is 3 x 0.4 = 1.2; two areas, two prices."""
    orders = OrderBook(["buy", "sell", "buy"], [0.6, 0.9, 0.2], [10.0, 9.0, 8.0], area=["b", "b", "a"])
    plant = Block("plant", "sell", 0.1, [0], 5.0, area="a")
    found = clear_blocks(BlockBook(1, orders, None, [plant], [Line("a", "b", 3.0)]))
    assert found.price.tolist() == pytest.approx(np.array([[0.2, 0.6]]))
    assert found.flow.tolist() == [[3]]
    assert found.operator_surplus == pytest.approx(1.2)
    assert found.seller_surplus == pytest.approx(5 * 0.1)
    assert found.accepted.tolist() == pytest.approx([3, 0, 2])


def test_areas_that_a_line_joins_share_a_price():
    """A line that is not full leaves one price, the middle of 0.2 and 0.6, in both areas."""
    orders = OrderBook(["buy", "sell"], [0.6, 0.2], [3.0, 3.0], area=["b", "a"])
    found = clear_blocks(BlockBook(1, orders, lines=[Line("b", "a", 1.0, reverse_kwh=5.0)]))
    assert found.price.tolist() == pytest.approx(np.array([[0.4, 0.4]]))
    assert found.flow.tolist() == [[-3]]


@pytest.mark.parametrize("pricing", ["no_pab", "uplift", "convex_hull"])
def test_an_empty_book(pricing):
    """Nothing offered, nothing traded, no price."""
    found = clear_blocks(BlockBook(2), pricing)
    assert found.welfare == found.volume == found.bound == found.gap == 0
    assert np.isnan(found.price).all()
    assert found.block_kwh.shape == (0, 2)
    assert found.flow.shape == (2, 0)


def test_a_plain_book_clears_at_the_uniform_price():
    """One period without blocks: awards, interval and price of the uniform-price auction, ties shared in proportion."""
    rng = np.random.default_rng(1)
    for _ in range(6):
        count = int(rng.integers(1, 12))
        book = OrderBook(rng.choice(["buy", "sell"], count), rng.integers(0, 8, count) / 8, rng.uniform(0, 5, count))
        for pricing in ("no_pab", "convex_hull"):
            found, exact = clear(book, "blocks", k=0.3, pricing=pricing), clear(book, "uniform_price", k=0.3)
            np.testing.assert_allclose(found.accepted, exact.accepted, rtol=1e-9, atol=1e-11)
            np.testing.assert_array_equal(found.price_interval, exact.price_interval)
            np.testing.assert_array_equal(found.price, exact.price)


def test_whole_lots():
    """Of 2.5 and 1.9 kWh at 5 two and one lots of 1 kWh count; sellers hold 1 at 1 and 3 at 2: three trade at 2."""
    book = OrderBook(["buy", "buy", "sell", "sell"], [5, 5, 1, 2], [2.5, 1.9, 1.5, 3.0])
    found = clear(book, "blocks", lot=1.0)
    assert found.accepted.tolist() == [2, 1, 1, 2]
    assert found.price == 2


def test_lots_are_shared_by_largest_remainder():
    """Three lots of 0.1 for equal asks of 2, 2 and 5 lots: shares of 0.67, 0.67 and 1.67 become 1, 1 and 1."""
    book = OrderBook(["buy", "sell", "sell", "sell"], [5, 1, 1, 1], [0.3, 0.2, 0.2, 0.5])
    found = clear(book, "blocks", lot=0.1)
    assert (found.accepted / 0.1).tolist() == pytest.approx([3, 1, 1, 1])
    assert found.volume == pytest.approx(0.3)
    assert clear(OrderBook([], [], []), "blocks", lot=2.0).volume == 0


@pytest.mark.parametrize("seed", range(4))
def test_lots_are_the_best_whole_numbers(seed):
    """The welfare is the highest of all ways to trade whole lots."""
    rng = np.random.default_rng(seed)
    side, price = rng.choice(["buy", "sell"], 5), rng.integers(1, 9, 5)
    quantity = rng.uniform(0.2, 3.9, 5)
    found = clear(OrderBook(side, price, quantity), "blocks", lot=1.0)
    sign = np.where(side == "buy", 1, -1)
    ways = np.stack(np.meshgrid(*(np.arange(int(most) + 1) for most in quantity)), axis=-1).reshape(-1, 5)
    best = max(float(way @ (sign * price)) for way in ways if way @ sign == 0)
    assert found.welfare == pytest.approx(best)
    assert (found.accepted == np.rint(found.accepted)).all()


def test_a_mechanism_clears_a_block_book():
    """The mechanism hands its options on."""
    found = Blocks(pricing="uplift", k=0.0, time_limit=60.0).clear(WHOLE)
    assert found.pricing == "uplift"
    assert found.welfare == pytest.approx(2.8)


def test_limits_end_a_search_with_the_best_so_far():
    """After one node the best choice is the one repaired from it; the bound says that 2.8 may still be reached."""
    told = []
    found = clear_blocks(WHOLE, most_nodes=1, watch=lambda done, welfare: told.append((done, round(welfare, 9))))
    assert found.welfare == pytest.approx(1)
    assert not found.proven
    assert found.bound >= 2.8 - 1e-9
    assert found.gap > 0.6
    soon = clear_blocks(WHOLE, time_limit=1e-9)
    assert soon.welfare == pytest.approx(1)
    assert soon.gap == np.inf


def test_blocks_of_one_kind_are_all_looked_at():
    """Two blocks like `WHOLE`'s in a market that can bear one: every choice with both or the larger one is ruled out.

    10 kWh at 0.5 and 4 at 0.3 are wanted, the rest only at 0.1. Blocks of 12 and 11 at 0.2 both sell up to the bid at
    0.3 at a gain; together they would sell at 0.1 at a loss, which welfare without them bears: one is accepted.
    """
    rows = [("buy", 0, 0.5, 10.0), ("buy", 0, 0.3, 4.0), ("buy", 0, 0.19, 20.0)]
    blocks = [Block(f"plant {q}", "sell", 0.2, [0], float(q), minimum_acceptance=1.0) for q in (12, 11)]
    found = clear_blocks(simple(1, rows, blocks))
    assert found.share.tolist() == [1, 0]
    assert found.price.tolist() == [[0.3]]
    assert found.welfare == pytest.approx(10 * 0.5 + 2 * 0.3 - 12 * 0.2)
    assert found.paradoxically_rejected.tolist() == [False, True]


def repaired(book, seconds=60.0):
    """Return the choice of highest welfare, and what is left of it when no block loses, by block."""
    layout = lay_out(book)
    program = BlockProgram(layout, 0.0)
    chosen, _, _ = program.choose(60.0)
    lost = support(layout, program.award(chosen), 0.5)
    found = repair(program, chosen, lost, 0.5, monotonic() + seconds)
    return chosen.tolist(), None if found is None else found.awards.share.tolist()


def test_a_choice_is_repaired_by_rejecting_and_taking_back():
    """The block that loses goes with all that hang on it, and one that it had kept out comes in.

    Bids of 10 kWh at 0.5 and 5 at 0.1: 12 kWh at 0.2 make 5.2 - 2.4 = 2.8 with a loss of 1.2. Then 8 kWh at 0.3 sell at
    0.5; a dearer one of its group may not, and 12 kWh at 0.48 would lower welfare.
    """
    rows = [("buy", 0, 0.5, 10.0), ("buy", 0, 0.1, 5.0)]
    large, hanger_on = (
        Block("large", "sell", 0.2, [0], 12.0),
        Block("hanger-on", "sell", 0.05, [0], 0.5, parent="large"),
    )
    small, dear = (
        Block(name, "sell", price, [0], 8.0, group="one") for name, price in (("small", 0.3), ("dear", 0.35))
    )
    extra = Block("extra", "sell", 0.48, [0], 12.0)
    book = simple(1, rows, [large, hanger_on, small, dear, extra])
    assert repaired(book) == ([True, True, False, False, False], [0, 0, 1, 0, 0])
    assert repaired(book, seconds=0.0)[1] is None
    assert clear_blocks(book).share.tolist() == [0, 0, 1, 0, 0]


def test_a_choice_that_falls_apart_without_a_block_is_not_repaired():
    """8 of 12 kWh at 0.2 go to a block that pays 0.6, the rest to bids at 0.1, whose price the plant cannot bear.

    Without the plant nobody sells to the buyer: branching, not repair, finds that neither trades.
    """
    blocks = [Block("plant", "sell", 0.2, [0], 12.0), Block("buyer", "buy", 0.6, [0], 8.0)]
    book = simple(1, [("buy", 0, 0.1, 6.0)], blocks)
    assert repaired(book) == ([True, True], None)
    found = clear_blocks(book)
    assert found.share.tolist() == [0, 0]
    assert found.cuts == 1


BLOCK = {"name": "b", "side": "sell", "price": 0.1, "periods": [0], "quantity_kwh": 1.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"periods": []}, "block b: it has no periods"),
        ({"periods": [0, 0]}, r"block b: periods \[0, 0\]; must be 0 or above and each stand once"),
        ({"periods": [-1]}, r"block b: periods \[-1\]; must be 0"),
        ({"side": "both"}, "block b: side 'both'; must be buy or sell"),
        ({"price": np.nan}, "block b: price nan; must be finite"),
        ({"quantity_kwh": [1.0, 2.0]}, r"block b: quantity_kwh of shape \(2,\); must be one number, or one for"),
        ({"quantity_kwh": 0.0}, "block b: quantity_kwh 0.0; must be finite and above 0"),
        ({"minimum_acceptance": 0.0}, "block b: minimum_acceptance 0.0; must be above 0 and at most 1"),
        ({"minimum_acceptance": 1.1}, "block b: minimum_acceptance 1.1"),
        ({"parent": "b"}, "block b: it is its own parent"),
        ({"periods": [2]}, "block b: period 2; must be below the book's 2"),
        ({"parent": "x"}, "block b: parent 'x' is not in the book"),
        ({"name": "c"}, "block c: its name stands twice"),
        ({"parent": "c", "group": "g"}, "block b: it needs c, but both stand in group 'g'"),
        ({"area": "north"}, "book: block c names no area, others do"),
    ],
)
def test_what_cannot_trade_is_refused(change, message):
    """The message names the order and the rule."""
    with pytest.raises(ValueError, match=message):
        BlockBook(2, blocks=[Block(**(BLOCK | change)), Block("c", "sell", 0.1, [0], 1.0, group="g")])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: BlockBook(1, blocks=[Block(**(BLOCK | {"name": n, "parent": p})) for n, p in ("bc", "cd", "db")]),
            r"block b: links run in a circle \(b -> c -> d -> b\)",
        ),
        (lambda: BlockBook(0), "book: periods 0; must be at least 1"),
        (lambda: simple(1, [("buy", 1, 0.1, 1.0)]), "book: period must give each of 1 simple orders a whole number"),
        (lambda: BlockBook(2, OrderBook(["buy"], [0.1], [1.0])), "book: period must give each of 1 simple orders"),
        (lambda: Line("a", "a", 1.0), "line a to a: must join two areas"),
        (lambda: Line("a", "b", -1.0), "line a to b: capacity_kwh -1.0; must be finite and at least 0"),
        (
            lambda: BlockBook(2, lines=[Line("a", "b", [1.0])]),
            r"line a to b: capacity_kwh of shape \(1,\); must be one",
        ),
        (
            lambda: clear_blocks(WHOLE, "best"),
            "blocks: unknown pricing 'best'; choose one of: uplift, no_pab, convex_hull",
        ),
        (
            lambda: clear_blocks(WHOLE, search="luck"),
            "blocks: unknown search 'luck'; choose one of: branching, primal_dual",
        ),
        (
            lambda: clear_blocks(WHOLE, most_nodes=0),
            "blocks: most_nodes 0, time_limit inf, gap 1e-09; must be at least 1",
        ),
        (lambda: clear_blocks(WHOLE, k=2.0), "k: given 2.0"),
        (lambda: Blocks(lot=1.0).clear(WHOLE), "blocks: lot 1.0; lots are for books of one period"),
        (lambda: Blocks(lot=1e-15).clear(OrderBook(["buy"], [1], [9.0])), "blocks: lot 1e-15 kWh is too small"),
        (
            lambda: Blocks().clear(OrderBook(["buy", "sell"], [1, 1], [1, 1], area=["a", "b"])),
            "areas a, b stand in one book",
        ),
    ],
)
def test_bad_books_and_options_are_refused(make, message):
    """The message says what was given, and what is allowed."""
    with pytest.raises(ValueError, match=message):
        make()
