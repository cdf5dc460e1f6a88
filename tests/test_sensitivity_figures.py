"""Figures of sweeps show the numbers that they are given."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest

import gridagora as ga

A, B, KIND = "households.pv_share", "households.ev_share", "market.mechanism"
UNIT = {"low": 0.0, "high": 1.0}
BOTH = {B: UNIT, A: UNIT}


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what a test has drawn."""
    yield
    plt.close("all")


def linear(row, seed=42):
    """Return 3 a + b."""
    return 3 * row[A] + row[B]


def words(artist):
    """Return the texts of a legend."""
    return [text.get_text() for text in artist.get_texts()]


def test_bars_are_the_indices(swept):
    """Total above first order, the most important factor on top; intervals reach as far as they do."""
    found = ga.sensitivity(swept({"peak": linear}, factors=BOTH, design="sobol", samples=64))
    ax = ga.plot.sensitivity(found)
    assert [label.get_text() for label in ax.get_yticklabels()] == [B, A]
    table = found.table().loc[[B, A]]
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == pytest.approx([*table["ST"], *table["S1"]])
    tops = [bar.get_y() for bar in ax.patches]
    assert tops[0] > tops[2]  # of one factor ST stands above S1
    reach = [path.vertices[:, 0].max() for path in ax.collections[0].get_paths()]
    total = found.indices.query("index == 'ST'").set_index("factor").loc[[B, A], "high"]
    assert reach == pytest.approx(total.tolist())
    assert ax.get_xlabel() == "share of the variance [1]"
    assert ax.get_title(loc="left") == "peak of system\n256 rows x 1 seeds, 95 % intervals"
    assert words(ax.figure.legends[0]) == ["total: with all interactions (ST)", "first order: alone (S1)"]


def test_a_long_key_is_folded(swept):
    """A key of more than 30 letters is broken before its last part, so that bars keep their place."""
    long = "business_models.manager.subscription_per_month"
    found = ga.sensitivity(swept({"peak": lambda row, _: row[A]}, factors={A: UNIT, long: UNIT}, design="grid"))
    labels = [label.get_text() for label in ga.plot.sensitivity(found).get_yticklabels()]
    assert sorted(labels) == ["business_models.manager.\nsubscription_per_month", A]


def test_bars_of_a_regression(swept):
    """Three indices; a factor without order has one bar; axes that are given are drawn in."""
    factors = {A: UNIT, KIND: ["u", "v", "w"]}
    figure = {"peak": lambda row, _: row[A] + "uvw".index(row[KIND])}
    found = ga.sensitivity(swept(figure, factors=factors, design="latin_hypercube", samples=64), resamples=10)
    _, ax = plt.subplots()
    assert ga.plot.sensitivity(found, "peak", ax) is ax
    assert ax.get_xlabel() == "index [1]"
    assert sum(math.isfinite(bar.get_width()) for bar in ax.patches) == 4
    assert len(words(ax.get_legend())) == 3


def test_effects_of_morris(swept):
    """Marks at mu* and sigma with units, every factor named; the axes end beyond the intervals."""
    found = ga.sensitivity(
        swept({"peak": lambda row, _: row[A] * row[B] + row[A]}, factors=BOTH, design="morris", samples=20)
    )
    ax = ga.plot.morris(found)
    table = found.table().loc[[B, A]]
    line = ax.containers[0].lines[0]
    assert sorted(line.get_xdata()) == pytest.approx(sorted(table["mu_star"]))
    assert sorted(line.get_ydata()) == pytest.approx(sorted(table["sigma"]))
    assert {text.get_text() for text in ax.texts} == {A, B}
    assert ax.get_xlabel().endswith("mu* [kW]")
    assert ax.get_ylabel().endswith("sigma [kW]")
    assert ax.get_xlim()[1] > found.indices["high"].max()


def test_effects_of_a_line_have_no_spread(swept):
    """Where sigma is 0 there still is an axis."""
    found = ga.sensitivity(swept({"peak": linear}, factors=BOTH, design="morris", samples=4))
    assert ga.plot.morris(found).get_ylim()[1] > 0


def test_each_method_has_its_figure(swept):
    """The wrong figure names the right one; an unknown key figure is refused."""
    effects = ga.sensitivity(swept({"peak": linear}, factors=BOTH, design="morris", samples=4))
    shares = ga.sensitivity(swept({"peak": linear}, factors=BOTH, design="grid"))
    with pytest.raises(ValueError, match=r"draw them with ga\.plot\.morris"):
        ga.plot.sensitivity(effects)
    with pytest.raises(ValueError, match=r"draw them with ga\.plot\.sensitivity"):
        ga.plot.morris(shares)
    with pytest.raises(ValueError, match="kpi: given 'peek'; allowed: peak"):
        ga.plot.sensitivity(shares, "peek")


def test_surface_with_its_rows(swept):
    """Circles at the rows, R^2 of fitted and left-out rows in words, units at the axes."""
    price = "market.cap_per_kwh"
    result = swept(
        {"peak": lambda row, _: row[A] ** 2 + np.log(row[price])},
        factors={A: UNIT, price: {"low": 1.0, "high": 10.0, "log": True}}, design="grid",
    )  # fmt: skip
    surface = ga.response_surface(result, "peak", A, price)
    figure = ga.plot.response_surface(surface)
    left, right, bar = figure.axes
    circles = left.collections[-1].get_offsets()
    assert circles.tolist() == surface.points[["x", "y"]].to_numpy().tolist()
    assert (left.get_xlabel(), left.get_ylabel(), left.get_yscale()) == (A, price, "log")
    assert bar.get_ylabel() == "peak [kW]"
    assert "R² 1.000, of rows left out 1.000" in right.get_title(loc="left")
    assert right.get_lines()[0].get_ydata() == pytest.approx(surface.points["left_out"])


def test_a_flat_surface(swept):
    """What does not vary is drawn all the same."""
    result = swept({"peak": lambda *_: 5.0}, factors=BOTH, design="grid")
    figure = ga.plot.response_surface(ga.response_surface(result, "peak", A, B, degree=1))
    assert figure.axes[0].get_xlabel() == A


def test_means_with_their_band(swept):
    """Five rows in colour, further ones grey; the half-width that is enough is a line."""
    result = swept({"peak": lambda row, seed: row[A] + seed % 3}, 4, factors={A: np.linspace(0, 1, 7).tolist()})
    table = ga.convergence(result, "peak")
    figure = ga.plot.convergence(table, 0.5)
    left, right = figure.axes
    assert len(left.get_lines()) == 5
    assert left.get_lines()[1].get_ydata().tolist() == table[table["row"] == 1]["mean"].tolist()
    assert len(right.get_lines()) == 8
    assert words(right.get_legend()) == ["other rows", "enough: 0.5"]
    assert len(words(figure.legends[0])) == 5
    assert left.get_ylabel() == "mean peak [kW]"
    figure.canvas.draw()
    assert "0.5" in [label.get_text() for label in right.get_yticklabels()]
    assert ga.plot.convergence(table[table["row"] == 0]).axes[1].get_legend() is None


def test_pairs_from_the_baseline(swept):
    """Filled marks where 0 is outside; the share of variance that pairing removes stands beside; baseline in words."""
    values = {0.0: [1.0, 2.0, 3.0], 0.5: [2.0, 3.0, 4.1], 1.0: [0.0, 3.0, 3.0]}
    result = swept({"peak": lambda row, seed: values[row[A]][seed - 42]}, 3, factors={A: [0.0, 0.5, 1.0]})
    table = ga.paired(result, "peak")
    ax = ga.plot.paired(table)
    clear, open_ = (container.lines[0] for container in ax.containers)
    assert clear.get_xdata().tolist() == [table["difference"].iloc[0]]
    assert open_.get_xdata().tolist() == [table["difference"].iloc[1]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["pv_share=0.5", "pv_share=1"]
    assert [text.get_text() for text in ax.texts][:2] == ["> 99 %", "75 %"]
    assert ax.get_title(loc="left") == "pairs: 3\nbaseline: pv_share=0"
    assert ax.get_xlabel() == "difference of peak [kW]"
    several = table.assign(pairs=[2, 3], baseline_row=[0, 1], variance_removed=math.nan, low=-9.0, high=9.0)
    _, given = plt.subplots()
    assert ga.plot.paired(several, given) is given
    assert given.get_title(loc="left") == "pairs: 2 to 3\nbaseline: a row each that is else the same"
    assert len(given.texts) == 1


def test_public_names():
    """All are reached as ``ga.plot``."""
    assert {"sensitivity", "morris", "response_surface", "convergence", "paired"} <= set(ga.plot.__all__)
