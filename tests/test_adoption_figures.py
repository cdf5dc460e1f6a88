"""Figures of adoption: what they show is what the table holds."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from gridagora.sim.report.adoption_figures import adoption_curves, adoption_worth


@pytest.fixture
def tables():
    """Return tables of a year in which PV spreads by Bass's model and batteries by another, in two populations."""
    month = np.tile(np.arange(1, 13), 4)
    rows = {
        "year": np.ones(48, int),
        "month": month,
        "population": ["households"] * 24 + ["farms"] * 24,
        "technology": (["pv"] * 12 + ["storage"] * 12) * 2,
        "share": month / 100,
        "mean_npv": 10.0 * month,
        "bass_share": np.where(np.arange(48) % 24 < 12, month / 90, np.nan),
    }
    kpis = pd.DataFrame({"kpi": ["cost_of_supply"], "scope": ["system"], "value": [1.0], "unit": ["EUR"]})
    yield {"adoption": pd.DataFrame(rows), "kpis": kpis}
    plt.close("all")


def test_curves(tables):
    """A panel a population has shares in per cent over years, and dots of the closed form for PV alone."""
    panels = adoption_curves(tables).axes
    assert [ax.get_title() for ax in panels] == ["households", "farms"]
    assert panels[1].get_xlabel() == "time since the start [a]"
    for ax in panels:
        assert ax.get_ylabel() == "members with it [%]"
        pv, dots, storage = ax.get_lines()
        assert pv.get_ydata() == pytest.approx(np.arange(1, 13))
        assert pv.get_xdata() == pytest.approx(np.arange(1, 13) / 12)
        assert dots.get_ydata() == pytest.approx(np.arange(1, 13) / 0.9)
        assert (pv.get_label(), storage.get_label()) == ("PV", "storage")
        assert dots.get_label() == "PV: Bass, closed form"
        assert pv.get_linestyle() != storage.get_linestyle()


def test_one_population_needs_no_title(tables):
    """The name of the only population is left out, and so are marks."""
    tables["adoption"] = tables["adoption"].query("population == 'households'")
    assert adoption_curves(tables).axes[0].get_title() == ""
    assert [line.get_label() for line in adoption_worth(tables).get_lines()[:2]] == ["PV", "storage"]


def test_worth(tables):
    """Net present values stand over years, one line a population and technology, with the line of zero."""
    ax = adoption_worth(tables)
    lines = ax.get_lines()
    assert [line.get_label() for line in lines[:4]] == [
        *("PV (households)", "storage (households)", "PV (farms)", "storage (farms)"),
    ]
    assert lines[0].get_ydata() == pytest.approx(10.0 * np.arange(1, 13))
    assert list(lines[4].get_ydata()) == [0, 0]
    assert ax.get_ylabel() == "mean net present value [EUR]"


def test_nothing_spreads():
    """A run without the table is refused with the reason."""
    for draw in (adoption_curves, adoption_worth):
        with pytest.raises(KeyError, match="no section adoption"):
            draw({})
