"""Figures of the fall of the peak against the price ratio."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from gridagora.agents.arcturus import peak_change
from gridagora.sim.report.response_figures import peak_fall, peak_reduction


@pytest.fixture(autouse=True)
def closed_figures():
    """Close what a test drew."""
    yield
    plt.close("all")


def run(*used):
    """Return tables of a day with these uses at 16, 17, 18 and 19 h [kWh]."""
    times = pd.to_datetime([f"2016-06-08 {hour}:00" for hour in (16, 17, 18, 19)])
    return {"intervals": pd.DataFrame({"time": times, "consumption_kwh": used})}


def test_fall_of_the_peak():
    """From 17 to 19 h 10 kWh become 9."""
    assert peak_fall(run(1.0, 4.0, 6.0, 1.0), run(2.0, 4.0, 5.0, 9.0), (17, 19)) == pytest.approx(0.1)
    with pytest.raises(ValueError, match=r"hours: given \(3, 4\), in which nothing is used"):
        peak_fall(run(1.0, 1.0, 1.0, 1.0), run(1.0, 1.0, 1.0, 1.0), (3, 4))


def test_curves_are_those_of_the_regression():
    """Both curves agree with the agents' regression at ratio 8; each result has marks in per cent by rising ratio."""
    ax = peak_reduction({"agents": {4.0: 0.10, 2.0: 0.05}, "others": {8.0: 0.2}})
    plain, strong, agents, _ = ax.get_lines()
    assert plain.get_ydata()[-1] == pytest.approx(-100 * float(peak_change(8.0)))
    assert strong.get_ydata()[-1] == pytest.approx(-100 * float(peak_change(8.0, 1.0)))
    assert agents.get_xdata().tolist() == [2.0, 4.0]
    assert agents.get_ydata().tolist() == pytest.approx([5.0, 10.0])
    assert [text.get_text() for text in ax.get_legend().get_texts()][2:] == ["agents", "others"]


def test_given_axes_and_refusal():
    """Axes that are given are drawn in; a ratio below 1 is refused."""
    _, ax = plt.subplots()
    assert peak_reduction({}, ax) is ax
    with pytest.raises(ValueError, match=r"ratio: given 0.5; allowed at least 1"):
        peak_reduction({"agents": {0.5: 0.1}})
