"""Figures of a network's prices: what is drawn, with which numbers."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba

from gridagora.markets.network import Network
from gridagora.markets.network.dispatch import dispatch
from gridagora.scenarios.grids import read_grid
from gridagora.sim.report.figures import RED
from gridagora.sim.report.network_figures import layout, price_map, price_parts


@pytest.fixture(autouse=True)
def close():
    """Close the figures of each test."""
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def case5():
    """Return the grid of case5 and its dispatch."""
    grid = read_grid("case5")
    return grid.network, dispatch(
        grid.network, grid.generator_area, grid.capacity_kw, grid.cost, grid.load_kw, value_of_lost_load=10.0
    )


def test_a_map_shows_prices_and_the_full_line(case5):
    """Five dots have the five prices; the one full line is red; every area is named."""
    network, found = case5
    ax = price_map(network, found.prices.price, found.flow_kwh, network.limit_kw, unit="USD/kWh")
    drawn = np.concatenate([np.asarray(c.get_array()) for c in ax.collections if c.get_array() is not None])
    assert drawn == pytest.approx(found.prices.price)
    red = [c for c in ax.collections if isinstance(c, LineCollection) and (c.get_colors() == to_rgba(RED)).all()]
    assert [len(c.get_segments()) for c in red] == [1]
    assert [text.get_text() for text in ax.texts] == ["1", "2", "3", "4", "5"]
    assert ax.figure.axes[1].get_ylabel() == "price [USD/kWh]"


def test_areas_without_a_price_and_lines_without_flow_are_drawn(case5):
    """A nan is a white dot; without flows no line is full and none has a legend."""
    network, found = case5
    price = found.prices.price.copy()
    price[0] = np.nan
    ax = price_map(network, price, position=np.arange(10.0).reshape(5, 2), ax=plt.subplots()[1])
    arrays = [np.asarray(c.get_array()) for c in ax.collections if c.get_array() is not None]
    assert arrays[0] == pytest.approx(found.prices.price[1:])
    assert ax.get_legend() is None


def test_parts_stack_to_the_price(case5):
    """Bars of energy and lines add up to each area's price; the voltage part is 0 and left out."""
    network, found = case5
    ax = price_parts(network, found.prices)
    heights = np.array([[bar.get_height() for bar in bars] for bars in ax.containers])
    assert heights.sum(axis=0) == pytest.approx(found.prices.price)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["price", "energy (slack area)", "lines"]
    chosen = price_parts(network, found.prices, ["5", "4"])
    assert [label.get_text() for label in chosen.get_xticklabels()] == ["5", "4"]
    with pytest.raises(ValueError, match="area '9' is not one of the network's 5"):
        price_parts(network, found.prices, ["9"])


def test_many_areas_are_sampled_over_the_range_of_prices():
    """Of a feeder of 129 areas 24 are shown, the cheapest and the dearest among them; names turn."""
    grid = read_grid("lv3")
    price = np.linspace(0.3, 0.9, 129)

    class Prices:
        energy, congestion, voltage = np.full(129, 0.3), np.zeros(129), price - 0.3

    Prices.price = price
    ax = price_parts(grid.network, Prices)
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert (len(labels), labels[0], labels[-1]) == (24, str(grid.network.areas[0]), str(grid.network.areas[-1]))
    assert ax.get_xticklabels()[0].get_rotation() == 90
    assert not price_map(grid.network, price).texts


def test_layouts():
    """A grid's own places are kept; a tree runs to the right row by row; loops use springs, always the same."""
    lv = read_grid("lv1").network
    assert layout(lv) is lv.position
    assert layout(lv, own=False)[lv.slack].tolist()[0] == 0.0
    star = Network("transport", ["a", "b", "c", "d"], [("a", "b"), ("a", "c"), ("c", "d")])
    assert layout(star).tolist() == [[0.0, -0.5], [1.0, 0.0], [1.0, -1.0], [2.0, -1.0]]
    ring = read_grid("case9").network
    assert layout(ring) == pytest.approx(layout(ring))
