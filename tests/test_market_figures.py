"""Figures of single auctions and of mechanisms side by side."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from gridagora.markets import OrderBook, clear
from gridagora.sim.report.market_figures import area_prices, mechanism_comparison, supply_and_demand


@pytest.fixture(autouse=True)
def closed_figures():
    """Close what a test drew."""
    yield
    plt.close("all")


def labels(ax):
    """Return the entries of a legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_accepted_steps_are_filled_and_the_price_is_named():
    """Of 2 kWh bid at 7 and 3 kWh offered at 5, two are filled on each side at the price of 5."""
    book = OrderBook(["buy", "sell"], [7.0, 5.0], [2.0, 3.0])
    ax = supply_and_demand(book, clear(book, "uniform_price"), currency="CNY")
    assert [bar.get_width() for bar in ax.patches if bar.get_height() in (5.0, 7.0) and bar.get_width() < 3] == [2, 2]
    assert labels(ax)[:2] == ["demand (bids)", "supply (offers)"]
    assert {"price 5", "price interval 5 to 5"} <= set(labels(ax))
    assert ax.get_ylabel() == "price [CNY/kWh]"
    assert ax.get_xlabel() == "energy [kWh]"


def test_curves_are_ordered_best_first_whatever_the_order_of_the_book():
    """Demand falls from 9 to 4, supply rises from 2 to 8."""
    book = OrderBook(["buy", "sell", "buy", "sell"], [4.0, 8.0, 9.0, 2.0], [1.0, 1.0, 1.0, 1.0])
    demand, supply = supply_and_demand(book).get_lines()
    assert demand.get_ydata().tolist() == [9, 4, 4]
    assert supply.get_ydata().tolist() == [2, 8, 8]


def test_without_trade_the_best_quotes_span_the_interval():
    """A bid of 3 and an offer of 5 do not trade; no price is drawn."""
    book = OrderBook(["buy", "sell"], [3.0, 5.0], [1.0, 1.0])
    names = labels(supply_and_demand(book, clear(book, "uniform_price")))
    assert "price interval 3 to 5" in names
    assert not any(name.startswith(("price 3", "paid")) for name in names)


def test_one_side_alone_and_given_axes():
    """A book of offers only has one curve, in the axes that were given."""
    _, ax = plt.subplots()
    book = OrderBook(["sell"], [5.0], [1.0])
    assert supply_and_demand(book, clear(book, "uniform_price"), ax) is ax
    assert len(ax.get_lines()) == 1


def test_mechanisms_are_rows_and_strategies_marks():
    """Two mechanisms under two strategies: each panel has a mark for each pair, at its value."""
    table = pd.DataFrame(
        {
            "mechanism": ["vcg", "vcg", "mcafee", "mcafee"],
            "strategy": ["truthful", "zip"] * 2,
            "efficiency": [1.0, 0.9, 0.8, 0.7],
            "budget": [-3.0, -2.0, 1.0, 0.0],
        }
    )
    figure = mechanism_comparison(table, {"efficiency": "efficiency [1]", "budget": "budget [CNY]"})
    first, second = figure.axes
    assert [text.get_text() for text in first.get_yticklabels()] == ["vcg", "mcafee"]
    assert [line.get_xdata().tolist() for line in first.get_lines()] == [[1.0, 0.8], [0.9, 0.7]]
    assert second.get_xlabel() == "budget [CNY]"
    assert np.isclose(first.get_lines()[0].get_ydata()[1] - first.get_lines()[0].get_ydata()[0], 1)


def test_areas_stand_by_mean_price_with_their_range():
    """Area b, at 1 to 3 CNY/kWh, stands before area a, at 4; a run without areas is refused."""
    areas = pd.DataFrame({"area": ["a", "b"] * 2, "price": [4.0, 1.0, 4.0, 3.0]})
    kpis = pd.DataFrame({"kpi": ["cost_of_supply"], "unit": ["CNY"]})
    ax = area_prices({"areas": areas, "kpis": kpis})
    assert ax.get_ylabel() == "day-ahead price [CNY/kWh]"
    assert [text.get_text() for text in ax.get_xticklabels()] == ["b", "a"]
    assert ax.get_lines()[0].get_ydata().tolist() == [2.0, 4.0]
    with pytest.raises(KeyError, match="no table 'areas'"):
        area_prices({"kpis": kpis})
