import numpy as np
import pytest

from gridagora.markets import OrderBook, clear, regret
from gridagora.markets.mechanisms.muda import Muda, _draws

#: Left: bids 9, 6 and asks 2, 4. Right: bids 8, 7, 5 and asks 1, 3.
SIDES = ["buy"] * 5 + ["sell"] * 4
BOOK = OrderBook(SIDES, [9, 8, 7, 6, 5, 1, 2, 3, 4], np.ones(9))
LEFT = (0, 3, 6, 8)


def test_each_half_deals_at_the_price_of_the_other():
    """Left alone clears in [4, 6], at 5; right in [5, 7] at 6: left deals at 6, right at 5, where bid 5 may join."""
    muda = Muda(split=LEFT)
    assert muda.half_prices(BOOK) == (5.0, 6.0)
    found = muda.clear(BOOK)
    assert found.accepted[[0, 3, 6, 8]].tolist() == [1, 1, 1, 1]
    assert set(found.unit_price[[0, 3, 6, 8]]) == {6.0}
    assert found.accepted[[1, 2, 4]].sum() == 2.0
    assert set(found.unit_price[[5, 7]]) == {5.0}
    assert np.isnan(found.price)
    assert found.operator_surplus == 0.0
    assert found.price_interval == (5.0, 6.0)


def test_marginal_pair_takes_the_last_bid_and_ask():
    """Left's last pair is 6 and 4, right's 7 and 3; without trade it is the middle of best bid and best ask."""
    assert Muda(split=LEFT, half_price="marginal_pair").half_prices(BOOK) == (5.0, 5.0)
    apart = OrderBook(["buy", "sell", "buy", "sell"], [1, 2, 9, 1], np.ones(4))
    assert Muda(split=(0, 1), half_price="marginal_pair").half_prices(apart) == (1.5, 5.0)


def test_fees_are_what_the_pushed_out_would_have_gained():
    """Bids 8 and 7 push out bid 5: at 5 that one gains nothing, at 4.5 they pay 0.5 more each."""
    found = Muda(split=LEFT, excess="vickrey").clear(BOOK)
    assert found.accepted[[1, 2, 4]].tolist() == [1, 1, 0]
    assert found.operator_surplus == 0.0
    lower = OrderBook(SIDES, [9, 8, 7, 6, 5, 1, 2, 3, 3], np.ones(9))
    cheap = Muda(split=LEFT, excess="vickrey").clear(lower)
    assert Muda(split=LEFT).half_prices(lower)[0] == 4.5
    assert cheap.unit_price[[1, 2, 5, 7]].tolist() == [5.0, 5.0, 4.5, 4.5]
    assert cheap.operator_surplus == 1.0


def test_fees_of_sellers_and_ties_in_proportion():
    """Three asks at 1 of 2, 1 and 1 share 2 wanted at 3: each that delivers pushes others out, and all gain 0."""
    book = OrderBook(["buy", "sell", "sell", "sell", "buy", "sell"], [9, 1, 1, 1, 4, 2], [2, 2, 1, 1, 1, 1])
    found = Muda(split=(0, 1, 2, 3), excess="vickrey").clear(book)
    assert Muda(split=(0, 1, 2, 3)).half_prices(book)[1] == 3.0
    assert found.accepted[:4].tolist() == pytest.approx([2, 1, 0.5, 0.5])
    # Others have 1 kWh left where the first of them delivers 1, and 1.5 kWh where the small ones deliver 0.5.
    assert found.unit_price[:4].tolist() == pytest.approx([3, 1, 1, 1])


def test_a_half_without_a_side_has_no_price():
    """The other half then does not trade; neither does a half of one side itself."""
    book = OrderBook(["buy", "sell", "buy"], [9, 1, 8], np.ones(3))
    muda = Muda(split=(2,))
    assert np.isnan(muda.half_prices(book)[0])
    assert muda.half_prices(book)[1] == 5.0
    assert muda.clear(book).volume == 0.0


def test_the_lottery_turns_with_the_seed_and_lets_one_trader_be_cut():
    """Of five bids of 2 for 5 kWh two are filled and one is cut, others with other seeds; the same with the same."""
    side = ["buy"] * 5 + ["sell"] + ["buy", "sell"]
    book = OrderBook(side, [9] * 5 + [1, 8, 2], [2] * 5 + [5, 1, 1])
    split = tuple(range(6))
    awards = {tuple(Muda(split=split, seed=seed).clear(book).accepted[:5]) for seed in range(20)}
    assert len(awards) > 5
    assert all(sorted(award) == [0, 0, 1, 2, 2] for award in awards)
    again = [Muda(split=split, seed=7).clear(book).accepted.tolist() for _ in range(2)]
    assert again[0] == again[1]


def test_the_toss_belongs_to_the_trader():
    """Orders of one agent fall into one half, and with agents the outcome does not depend on places."""
    rng = np.random.default_rng(3)
    count = 60
    side, agent = rng.choice([1, -1], count), rng.integers(0, 20, count)
    price, quantity = rng.random(count), rng.integers(1, 5, count)
    book = OrderBook.from_arrays(side, price, quantity, agent=agent)
    order = rng.permutation(count)
    turned = OrderBook.from_arrays(side[order], price[order], quantity[order], agent=agent[order])
    for excess in ("lottery", "vickrey"):
        found, second = (clear(one, "muda", seed=5, excess=excess) for one in (book, turned))
        assert found.volume > 0
        np.testing.assert_array_equal(second.payment, found.payment[order])
        for trader in range(20):
            assert np.unique(found.unit_price[(agent == trader) & (side == 1) & (found.accepted > 0)]).size <= 1


def test_halves_are_about_even():
    """Of 10,000 traders between 4,800 and 5,200 fall into the left half."""
    assert 4800 < (_draws(1, 10_000)[:, 0] < 2**31).sum() < 5200


@pytest.mark.parametrize(
    ("split", "agent", "message"),
    [
        ((0, 9), None, "split: given order 9; allowed 0 to 8, the places of the book"),
        (
            (0, 1),
            ["x", "y", "x", *"abcdef"],
            "split: agent x has orders in both halves; put its order 2 into the left too",
        ),
    ],
)
def test_a_split_that_cannot_be_is_refused(split, agent, message):
    """A place beyond the book and a trader in both halves are named."""
    book = OrderBook(SIDES, BOOK.price, BOOK.quantity, agent=agent)
    with pytest.raises(ValueError, match="split") as caught:
        clear(book, "muda", split=split)
    assert str(caught.value) == message


@pytest.mark.parametrize("excess", ["lottery", "vickrey"])
@pytest.mark.parametrize("half_price", ["interval", "marginal_pair"])
def test_traders_with_several_orders_report_the_truth(excess, half_price):
    """For fixed draws no price and no energy held back earns more, whatever the split."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        book = OrderBook.from_arrays(
            [1, 1, 1, 1, -1, -1, -1, -1],
            np.round(rng.random(8), 2),
            rng.integers(1, 4, 8),
            agent=[0, 0, 1, 2, 3, 3, 4, 5],
        )
        muda = Muda(seed=seed, excess=excess, half_price=half_price)
        assert regret(muda, book, shares=(0.5, 1.0)).largest <= 1e-9
