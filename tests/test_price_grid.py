import numpy as np
import pytest

from gridagora.markets import price_grid
from gridagora.markets.orders import BUY, SELL
from gridagora.markets.price_grid import (
    apportion,
    award,
    buy_awards,
    clear_grid,
    floor_share,
    round_to_zero_sum,
    sell_awards,
    tick_prices,
)

# Here the float estimate of the share is one too low and one too high.
OFF_BY_ONE = [
    (2020712137067283, 1465120998611499, 2751174576113052),
    (3842868683266585, 2162748110057303, 4023308489738181),
]


def ticks(**quanta):
    """Return a column of six ticks from keywords such as t3=5."""
    column = np.zeros(6, dtype=np.int64)
    for name, value in quanta.items():
        column[int(name[1:])] = value
    return column


def test_the_marginal_tick_is_shared():
    """Bids 4 at tick 4 and 6 at tick 3 meet 7 at tick 1: tick 3 gets 3 of 6 and sets the price 0.2 + 3 x 0.1."""
    found = clear_grid(ticks(t4=4_000_000, t3=6_000_000), ticks(t1=7_000_000), floor=0.2, tick_size=0.1)
    assert found.price == found.low == found.high == pytest.approx(0.5)
    assert found.volume_quanta == 7_000_000
    assert (found.buy_tick, found.buy_num, found.buy_den) == (3, 3_000_000, 6_000_000)
    assert (found.sell_tick, found.sell_num, found.sell_den) == (1, 7_000_000, 7_000_000)
    assert found.welfare == pytest.approx(4 * 0.6 + 3 * 0.5 - 7 * 0.3)


def test_ends_of_the_interval_and_k():
    """All of bid tick 5 and ask tick 1 trade: the price lies between bid tick 2 and ask tick 4."""
    buy, sell = ticks(t5=3, t2=9), ticks(t1=3, t4=9)
    assert clear_grid(buy, sell, 0.0, 1.0)[:4] == (3.0, 2.0, 4.0, 3)
    assert clear_grid(buy, sell, 0.0, 1.0, k=0.0).price == 2.0
    assert clear_grid(buy, sell, 0.0, 1.0, k=1.0).price == 4.0


def test_without_crossing_nobody_gets_anything():
    """The interval is then best bid and best ask, and the marginal ticks lie outside the grid."""
    buy, sell = ticks(t1=5), ticks(t3=5)
    found = clear_grid(buy, sell, 0.0, 1.0)
    assert np.isnan(found.price)
    assert (found.low, found.high, found.volume_quanta, found.welfare) == (1.0, 3.0, 0, 0.0)
    assert (found.buy_tick, found.sell_tick) == (6, -1)
    every = np.arange(6)
    assert buy_awards(every, buy, found).sum() == sell_awards(every, sell, found).sum() == 0


def test_with_an_empty_side_there_is_no_interval():
    """Buyers alone make no price."""
    found = clear_grid(ticks(t1=5), ticks(), 0.0, 1.0)
    assert np.isnan([found.price, found.low, found.high]).all()


def test_awards_are_rounded_down_to_the_quantum():
    """Three sellers of 5 at the marginal tick share 7 of 15: 2 each, and one quantum stays with the auctioneer."""
    found = clear_grid(ticks(t4=10), ticks(t1=3, t2=15), 0.0, 1.0)
    tick, quantity = np.array([1, 2, 2, 2, 3]), np.array([3, 5, 5, 5, 4])
    assert sell_awards(tick, quantity, found).tolist() == [3, 2, 2, 2, 0]
    assert buy_awards(np.array([4, 4]), np.array([4, 6]), found).tolist() == [4, 6]
    assert award(SELL, 2, 5, found.sell_tick, found.sell_num, found.sell_den) == 2
    assert award(BUY, 3, 5, found.buy_tick, found.buy_num, found.buy_den) == 0


@pytest.mark.compiled  # whole quanta wrap by design, which plain Python reports
def test_shares_are_exact_where_products_pass_64_bits():
    """floor(q num / den) agrees with whole-number arithmetic of any length up to 2^52."""
    rng = np.random.default_rng(1)
    most = 2**52 - 1
    cases = [
        *OFF_BY_ONE,
        (most, most, most),
        (most, most - 1, most),
        (most - 1, most - 1, most),
        (1, most - 1, most),
        (7, 0, 9),
    ]
    for _ in range(2000):
        den = int(rng.integers(1, 2 ** int(rng.integers(1, 53))))
        cases.append((int(rng.integers(0, den + 1)), int(rng.integers(0, den + 1)), den))
    for quantity, num, den in cases:
        found = buy_awards(
            np.array([0]), np.array([quantity]), price_grid.GridClearing(0, 0, 0, num, 0, num, den, 0, 0, 1, 0)
        )
        assert found.tolist() == [quantity * num // den]


@pytest.mark.parametrize(
    ("buy", "sell", "message"),
    [
        (ticks(t1=-1), ticks(), "tick 1: buy -1, sell 0 quanta; must be at least 0"),
        (ticks(), ticks(t5=-7), "tick 5: buy 0, sell -7"),
        (ticks(t1=1).astype(float), ticks(), "buy float64 of 6 ticks, sell int64 of 6; both must be int64"),
        (ticks(), ticks()[:5], "sell int64 of 5"),
        (ticks(t1=2**52), ticks(), r"4.504e\+15 quanta on one side; must stay below 2\^52"),
    ],
)
def test_bad_columns_are_refused(buy, sell, message):
    """The message names the tick or the shape and what is allowed."""
    with pytest.raises(ValueError, match=message):
        clear_grid(buy, sell, 0.0, 1.0)


@pytest.mark.parametrize(("floor", "size"), [(np.nan, 1.0), (0.0, 0.0), (0.0, np.inf)])
def test_bad_grids_are_refused(floor, size):
    """A grid needs a finite floor and ticks above zero."""
    with pytest.raises(ValueError, match="price grid: floor"):
        clear_grid(ticks(), ticks(), floor, size)
    with pytest.raises(ValueError, match="k: given 2"):
        clear_grid(ticks(t1=1), ticks(t1=1), 0.0, 1.0, k=2.0)


def test_tick_prices_are_made_once():
    """The same grid is the same read-only array."""
    assert tick_prices(-0.05, 0.001, 1551) is tick_prices(-0.05, 0.001, 1551)
    assert tick_prices(0.0, 0.25, 3).tolist() == [0.0, 0.25, 0.5]
    assert not tick_prices(0.0, 0.25, 3).flags.writeable


def test_whole_quanta_are_shared_by_largest_remainder():
    """7 among 3, 3, 4: 2.1, 2.1, 2.8 become 2, 2, 3; 1 among equals goes to the first; nothing shares nothing."""
    weight = np.array([[3, 3, 4], [5, 5, 5], [0, 0, 0], [1, 2, 3]])
    shares = apportion(np.array([7, 1, 0, 6]), weight)
    assert shares.tolist() == [[2, 2, 3], [1, 0, 0], [0, 0, 0], [1, 2, 3]]


def test_payments_are_rounded_to_a_sum_of_zero():
    """Amounts that cancel but for float dust become integers that cancel, each within one unit."""
    assert round_to_zero_sum(np.array([10.0, -3.4, -3.3, -3.3])).tolist() == [10, -4, -3, -3]
    assert round_to_zero_sum(np.array([3.0, -3.0000000001])).tolist() == [3, -3]
    assert round_to_zero_sum(np.array([2.9999999999, -3.0, 0.0])).tolist() == [3, -3, 0]
    assert round_to_zero_sum(np.array([4.0, -1.0])).sum() == 0


def test_kernels_say_what_their_python_text_says():
    """Compiled and interpreted kernels agree."""

    def plain(kernel):
        return getattr(kernel, "py_func", kernel)

    rng = np.random.default_rng(2)
    for _ in range(50):
        buy, sell = rng.integers(0, 9, (2, 6)) * rng.integers(0, 2, (2, 6))
        found = clear_grid(buy, sell, 0.0, 1.0)
        crossing, welfare, bad, most = plain(price_grid._cross_ticks)(tick_prices(0.0, 1.0, 6), buy, sell)
        assert (crossing.volume, welfare * 1e-6, bad) == (found.volume_quanta, found.welfare, -1)
        assert most == max(buy.sum(), sell.sum())
        tick, quantity = rng.integers(0, 6, 8), rng.integers(0, 9, 8)
        margin = (found.sell_tick, found.sell_num, found.sell_den)
        awards = sell_awards(tick, np.minimum(quantity, found.sell_den), found)
        texts = [plain(price_grid._awards)(SELL, tick, np.minimum(quantity, found.sell_den), *margin).tolist()]
        texts.append(
            [plain(award)(SELL, int(t), min(int(q), margin[2]), *margin) for t, q in zip(tick, quantity, strict=True)]
        )
        assert texts == [awards.tolist()] * 2
        weight = rng.integers(0, 9, (3, 4))
        total = weight.sum(axis=1) * 2 // 3
        assert plain(apportion)(total, weight).tolist() == apportion(total, weight).tolist()
    assert plain(price_grid._cross_ticks)(tick_prices(0.0, 1.0, 6), ticks(t2=-1), ticks())[2] == 2
    assert [plain(floor_share)(q, 2, 3) for q in (0, 1, 2, 3)] == [0, 0, 1, 2]
    for quantity, num, den in OFF_BY_ONE:
        assert plain(floor_share)(quantity, num, den) == quantity * num // den
    assert plain(apportion)(np.array([0, 1]), np.array([[3], [1]])).tolist() == [[0], [1]]
