"""Published and analytic results of mechanisms, by their numbers in the list of reference results."""

import numpy as np
import pytest

from gridagora.markets import OrderBook, auction_indicators, clear
from gridagora.markets.mechanisms.mcafee import McAfee
from gridagora.markets.mechanisms.muda import Muda
from gridagora.markets.mechanisms.uniform_price import UniformPrice
from gridagora.markets.mechanisms.vickrey_reverse import VickreyReverse

O6 = OrderBook(["buy"] * 4 + ["sell"] * 4, [9, 8, 7, 4, 2, 3, 4, 5], np.ones(8))


def test_pymarket_dataset_0_by_trade_reduction():
    """O3, PyMarket's test of Huang et al.: 1 unit at 3 and 2, 1 for the market maker.

    Convention: PyMarket's percentage of welfare leaves the market maker's part out: (1 + 1) / 6; its largest volume is
    that of pairs of a bid and an ask no dearer, 4.
    """
    book = OrderBook(["buy"] * 3 + ["sell"] * 3, [3, 4, 1, 2, 1, 6], [1, 2, 5, 4, 1, 5])
    found = clear(book, "trade_reduction")
    assert found.accepted.tolist() == [0, 1, 0, 0, 1, 0]
    assert (found.unit_price[1], found.unit_price[4]) == (3.0, 2.0)
    assert found.operator_surplus == 1.0
    figures = auction_indicators(book, found)
    assert (found.buyer_surplus + found.seller_surplus) / figures.most_welfare == pytest.approx(1 / 3)
    assert found.volume / figures.most_volume == 0.25


def test_one_buyer_and_one_seller_in_the_middle():
    """O4, PyMarket's quick-start: a buyer of 1 at 2 and a seller of 2 at 1 deal 1 unit at 1.5, profits 0.5 each.

    Convention: with one pair, a random meeting is the pair best with best.
    """
    found = clear(OrderBook(["buy", "sell"], [2, 1], [1, 2]), "pay_as_bid", pairs="midpoint")
    assert found.accepted.tolist() == [1, 1]
    assert found.unit_price.tolist() == [1.5, 1.5]
    assert (found.buyer_surplus, found.seller_surplus) == (0.5, 0.5)


def test_muda_of_pymarket():
    """O5, PyMarket's MUDA test, 11 orders with its split: prices 4.65 and 6.3, fees 1.85, 2.3 and 4.6.

    Convention: `half_price: marginal_pair`; the interval rule of C2 gives 3.5 on the left, in [3, 4].
    """
    prices = [6.7, 6.6, 6.5, 6.4, 6.3, 6, 1, 2, 3, 4, 6.1]
    book = OrderBook(["buy"] * 6 + ["sell"] * 5, prices, [1] * 8 + [2, 2, 1])
    split = (1, 3, 4, 7, 8, 9)
    muda = Muda(split=split, half_price="marginal_pair", excess="vickrey")
    assert muda.half_prices(book) == pytest.approx((4.65, 6.3), abs=1e-9)
    assert Muda(split=split).half_prices(book) == pytest.approx((3.5, 6.3), abs=1e-9)
    found = muda.clear(book)
    assert found.accepted.tolist() == [1, 1, 0, 1, 1, 0, 1, 1, 2, 0, 0]
    half_price = np.where(np.isin(np.arange(11), split), 6.3, 4.65)
    fee = np.where(found.accepted > 0, found.payment - book.side * found.accepted * half_price, 0)
    assert fee.tolist() == pytest.approx([1.85, 0, 0, 0, 0, 0, 0, 2.3, 4.6, 0, 0], abs=1e-9)
    assert clear(book, "uniform_price").welfare == pytest.approx(21.5, abs=1e-9)


def test_mcafee_at_one_price():
    """O6, model.md C4.2: b = 9, 8, 7, 4 and s = 2, 3, 4, 5: k = 3, all trade at 4.5, welfare 15."""
    found = clear(O6, "mcafee")
    assert found.accepted.tolist() == [1, 1, 1, 0, 1, 1, 1, 0]
    assert found.price == 4.5
    assert (found.welfare, found.operator_surplus) == (15.0, 0.0)


def test_mcafee_by_reduction():
    """O7: b = 9, 8, 7, 1 and s = 2, 3, 6, 6.5: 3.75 is below 6, so 2 units at 7 and 6, platform 2, welfare 12 of 13."""
    book = OrderBook(["buy"] * 4 + ["sell"] * 4, [9, 8, 7, 1, 2, 3, 6, 6.5], np.ones(8))
    found = clear(book, "mcafee")
    assert found.accepted.tolist() == [1, 1, 0, 0, 1, 1, 0, 0]
    assert found.payment.tolist() == [7, 7, 0, 0, -6, -6, 0, 0]
    assert (found.welfare, found.operator_surplus) == (12.0, 2.0)
    best = clear(book, "uniform_price").welfare
    assert best == 13.0
    assert found.welfare >= (1 - 1 / 3) * best


@pytest.mark.parametrize(
    ("traders", "draws", "efficiency"), [(5, 1500, 0.947), (10, 600, 0.983), (20, 250, 0.9955), (50, 80, 0.9992)]
)
def test_mcafee_loses_little_in_large_markets(traders, draws, efficiency):
    """O8: values and costs U[0, 1], as many sellers as buyers: ratio of sums within 0.004 (fixed seed)."""
    rng = np.random.default_rng(8)
    side, quantity = np.repeat([1, -1], traders), np.ones(2 * traders)
    books = [OrderBook.from_arrays(side, rng.random(2 * traders), quantity) for _ in range(draws)]
    realised = sum(McAfee().clear(book).welfare for book in books)
    possible = sum(_most(book.price[:traders], book.price[traders:]) for book in books)
    assert realised / possible == pytest.approx(efficiency, abs=0.004)


def _most(values, costs):
    """Return the largest gains from trade by sorting."""
    return np.maximum(np.sort(values)[::-1] - np.sort(costs), 0).sum()


@pytest.mark.parametrize("method", ["exact", "pyomo"])
def test_vcg_runs_a_deficit(method):
    """O9, model.md C4.1 on O6's book: buyers pay 4, sellers get 5, deficit 3."""
    found = clear(O6, "vcg", method=method)
    assert found.payment.tolist() == pytest.approx([4, 4, 4, 0, -5, -5, -5, 0], abs=1e-9)
    assert found.operator_surplus == pytest.approx(-3, abs=1e-9)


def test_second_best_of_one_buyer_and_one_seller():
    """O10: U[0, 1]^2, linear equilibrium at k = 1/2: gains 9/64 of at most 1/6, trade iff v - c >= 1/4.

    Convention: the equilibrium reports are 2/3 v + 1/12 and 2/3 c + 1/4 (Chatterjee & Samuelson 1983,
    doi:10.1287/opre.31.5.835); the square is summed at 60 x 60 midpoints instead of drawn.
    """
    grid = (np.arange(60) + 0.5) / 60
    value, cost = (side.ravel() for side in np.meshgrid(grid, grid))
    auction, side, quantity = UniformPrice(k=0.5), np.array([1, -1]), np.ones(2)
    bid, ask = 2 / 3 * value + 1 / 12, 2 / 3 * cost + 1 / 4
    traded = np.array(
        [auction.clear(OrderBook.from_arrays(side, [b, a], quantity)).volume for b, a in zip(bid, ask, strict=True)]
    )
    away = np.abs(value - cost - 0.25) > 1e-9
    assert (traded == (value - cost >= 0.25))[away].all()
    gains = (traded * (value - cost)).mean()
    first_best = np.maximum(value - cost, 0).mean()
    assert gains == pytest.approx(9 / 64, abs=0.002)
    assert first_best == pytest.approx(1 / 6, abs=0.002)
    assert gains / first_best == pytest.approx(0.84375, abs=0.01)


@pytest.mark.parametrize(("bidders", "expected"), [(3, 0.5), (5, 1 / 3), (10, 2 / 11)])
def test_reverse_auction_pays_the_second_lowest_cost(bidders, expected):
    """O54: costs U[0, 1]; the mean payment is 2 / (n + 1) within 0.01 (1000 draws, fixed seed)."""
    rng = np.random.default_rng(54)
    side, quantity = np.array([1] + [-1] * bidders), np.ones(bidders + 1)
    auction = VickreyReverse()
    paid = [
        auction.clear(OrderBook.from_arrays(side, [1.0, *rng.random(bidders)], quantity)).payment[0]
        for _ in range(1000)
    ]
    assert np.mean(paid) == pytest.approx(expected, abs=0.01)
