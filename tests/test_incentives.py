import numpy as np
import pytest

from gridagora.markets import OrderBook, clear, regret
from gridagora.markets.incentives import telling_prices, trader_surplus
from gridagora.markets.mechanisms.pay_as_bid import PayAsBid
from gridagora.markets.mechanisms.uniform_price import UniformPrice
from gridagora.markets.mechanisms.vcg import Vcg

BOOK = OrderBook(["buy"] * 3 + ["sell"] * 3, [9, 7, 4, 2, 5, 6], np.ones(6))


def test_traders_move_the_uniform_price():
    """The price 5.5 in [5, 6] falls to 5 if a bid that trades says 5, and rises to 5.75 if such an ask says 5.5."""
    found = regret(UniformPrice(), BOOK)
    assert found.gain.tolist() == [0.5, 0.5, 0, 0.25, 0.25, 0]
    assert found.largest == 0.5
    assert found.price.tolist() == [5, 5, 4, 5.5, 5.5, 6]
    assert found.share.tolist() == [1.0] * 6


def test_pay_as_bid_rewards_shading():
    """The bid of 9 gains 9 - 5.5 by the lowest price tried that still trades; the bid of 4 has nothing to gain."""
    found = regret(PayAsBid(), BOOK)
    assert found.gain[0] > 3.0
    assert found.gain[2] == 0.0


def test_withholding_energy():
    """A seller of 4 at 1 that offers half leaves bids 9 to set the price: 2 (9 - 1) = 16 instead of 4 (5 - 1) = 16."""
    book = OrderBook(["buy", "buy", "sell"], [9, 5, 1], [2, 2, 4])
    seller = UniformPrice(k=1.0)
    assert clear(book, "uniform_price", k=1.0).price == 5.0
    even = regret(seller, book, prices=[1.0], shares=(0.5,))
    assert even.gain[2] == 0.0
    more = regret(seller, OrderBook(["buy", "buy", "sell"], [9, 4, 1], [2, 2, 4]), prices=[1.0], shares=(0.5, 1.0))
    assert more.gain[2] == pytest.approx(4.0)
    assert more.share[2] == 0.5


def test_an_agent_counts_with_all_its_orders():
    """Raising the second ask from 5 to 6 costs its trade there; with both asks one's own the price is worth it."""
    book = OrderBook(["buy", "buy", "sell", "sell", "sell"], [9, 9, 2, 5, 9], [1, 1, 1, 1, 1], agent=list("xysst"))
    alone = OrderBook(["buy", "buy", "sell", "sell", "sell"], [9, 9, 2, 5, 9], np.ones(5))
    assert regret(UniformPrice(k=0.0), book, prices=[8.0]).gain[3] == 6.0
    assert regret(UniformPrice(k=0.0), alone, prices=[8.0]).gain[3] == 3.0


def test_surplus_by_trader():
    """Buyers 9 and 7 of agent b gain 3.5 and 1.5 at 5.5, sellers 2 and 5 of agent a 3.5 and 0.5."""
    book = OrderBook(["buy"] * 3 + ["sell"] * 3, BOOK.price, np.ones(6), agent=list("bbbaac"))
    assert trader_surplus(book, clear(book, "uniform_price")).tolist() == [4.0, 5.0, 0.0]


def test_telling_prices_lie_between_and_beyond_those_of_the_book():
    """Two prices give five to try; no price gives none."""
    assert telling_prices(OrderBook(["buy", "sell"], [3, 1], [1, 1])).tolist() == [-1, 1, 2, 3, 5]
    assert telling_prices(OrderBook([], [], [])).size == 0
    assert regret(Vcg(), OrderBook([], [], [])).largest == 0.0


@pytest.mark.parametrize("share", [0.0, 1.5])
def test_energy_that_is_not_there_cannot_be_reported(share):
    """Its worth is unknown."""
    with pytest.raises(ValueError, match=r"shares: given .*; allowed above 0 and at most 1"):
        regret(Vcg(), BOOK, shares=(share,))
