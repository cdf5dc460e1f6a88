"""Figures of continuous markets."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

from gridagora.sim.report.order_book_figures import order_book_depth, price_convergence


@pytest.fixture(autouse=True)
def closed():
    """Close all figures after each test."""
    yield
    plt.close("all")


def labels(ax):
    """Texts of the legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_depth_adds_up_from_the_best_price():
    """Bids 2 at 0.30 and 3 at 0.29 are 5 at 0.29 or better; the spread to the ask at 0.32 is 0.02."""
    ax = order_book_depth([0.30, 0.29], [2, 3], [0.32], [4], "CNY", "MWh")
    assert labels(ax) == ["bids, best 0.3", "asks, best 0.32", "spread 0.02"]
    bids, asks = (line.get_xydata() for line in ax.get_lines())
    assert bids[:, 1].tolist() == [0, 2, 5]
    assert bids[:2, 0].tolist() == [0.30, 0.29]
    assert asks[:, 1].tolist() == [0, 4]
    assert ax.get_xlabel() == "price [CNY/kWh]"
    assert ax.get_ylabel() == "quantity at this price or better [MWh]"


def test_depth_of_one_side_and_of_none():
    """A book without asks has no spread; an empty one cannot be drawn."""
    axes = plt.subplots()[1]
    assert order_book_depth([0.30], [2], [], [], ax=axes) is axes
    assert labels(axes) == ["bids, best 0.3"]
    with pytest.raises(ValueError, match="depth: both sides are empty"):
        order_book_depth([], [], [], [])


def test_convergence_shows_alpha_of_each_period():
    """Prices 1.5 and 2.5 around 2 are 25 %, 2 and 2 are 0 %; a line parts the periods."""
    ax = price_convergence([1.5, 2.5, 2.0, 2.0], 2.0, [0, 0, 1, 1], "CNY")
    assert [text.get_text() for text in ax.texts] == ["25.0 %", "0.0 %"]
    assert labels(ax) == ["equilibrium 2", "rms distance, Smith's alpha above", "trades"]
    assert ax.get_ylabel() == "price [CNY/kWh]"
    assert "lines part the periods" in ax.get_xlabel()
    alone = price_convergence(np.array([2.0]), 1.0)
    assert [text.get_text() for text in alone.texts] == ["100.0 %"]


@pytest.mark.parametrize(("prices", "equilibrium"), [([], 2.0), ([1.0], 0.0)])
def test_convergence_needs_a_trade_and_a_price_above_zero(prices, equilibrium):
    """The message says what was given."""
    with pytest.raises(ValueError, match=f"convergence: {len(prices)} trades, equilibrium {equilibrium}"):
        price_convergence(prices, equilibrium)
