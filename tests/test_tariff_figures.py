"""Figures of tariffs show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from gridagora.sim.report.tariff_figures import (
    bill_change,
    load_before_after,
    menu_choice,
    price_rounds,
    price_trials,
    tariff_shares,
)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def run(load=(1.0, 2.0, 3.0, 2.0), bills=(10.0, 20.0, 30.0, 40.0, 50.0)):
    """Return the tables of two days of four periods, five households of two kinds, one farm."""
    n = len(bills)
    return {
        "kpis": pd.DataFrame({"kpi": ["cost_of_supply"], "unit": ["CNY"]}),
        "intervals": pd.DataFrame(
            {"day": [0] * 4 + [1] * 4, "period": [0, 1, 2, 3] * 2, "consumption_kwh": np.tile(load, 2) * 6.0}
        ),
        "member_bills": pd.DataFrame(
            {
                "population": ["households"] * n + ["farms"],
                "member": [*range(n), 0],
                "archetype": [*(["small_flat", "house"] * n)[:n], "farms"],
                "income": [*np.arange(n, 0, -1.0), np.nan],
                "pv": [True] + [False] * n,
                "offer": [*(["flat", "flat", "peak_price"] * n)[:n], "flat"],
                "bill": [*bills, 99.0],
            }
        ),
    }


def test_mean_day_by_hand():
    """Mean powers are 1, 2, 3, 2 kW before and 1, 3, 2, 2 after; weights of days count."""
    ax = load_before_after(run(), run((1.0, 3.0, 2.0, 2.0)))
    before, after = ax.get_lines()
    assert before.get_ydata().tolist() == [1, 2, 3, 2, 2]
    assert after.get_ydata().tolist() == [1, 3, 2, 2, 2]
    assert "kW" in ax.get_ylabel()
    weighed = run()
    weighed["intervals"]["weight"] = 1
    weighed["intervals"].loc[4:, ["consumption_kwh", "weight"]] = [0.0, 3]
    assert load_before_after(weighed, weighed).get_lines()[0].get_ydata().tolist() == [0.25, 0.5, 0.75, 0.5, 0.5]
    with pytest.raises(ValueError, match="given 2 settlement periods"):
        load_before_after(run(), {**run(), "intervals": run()["intervals"].query("period < 2")})


def test_bill_change_by_group():
    """All bills rise by a tenth but the house of 20, which falls by half; the groups' medians are shown in per cent."""
    after = run(bills=(11.0, 10.0, 33.0, 44.0, 55.0))
    ax = bill_change(run(), after)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["house (2)", "small flat (3)"]
    medians = [line.get_xdata()[0] for line in ax.get_lines() if line.get_marker() == "o"]
    assert medians == pytest.approx([-20.0, 10.0])
    assert "%" in ax.get_xlabel()


def test_groups():
    """Incomes fall with the number: the last member is in the lowest fifth; offers and PV are groups too."""
    ax = bill_change(run(), run(), by="income")
    assert ax.get_yticklabels()[0].get_text() == "lowest fifth (1)"
    assert [text.get_text() for text in bill_change(run(), run(), by="pv").get_yticklabels()] == [
        "with PV (1)",
        "without PV (4)",
    ]
    ax = menu_choice(run(), by="offer")
    assert [text.get_text() for text in ax.get_yticklabels()] == ["flat (4)", "peak price (1)"]
    with pytest.raises(ValueError, match="by: given 'beauty'"):
        bill_change(run(), run(), by="beauty")
    with pytest.raises(ValueError, match="given 4 members"):
        bill_change(run(), run(bills=(1.0, 2.0, 3.0, 4.0)))
    with pytest.raises(KeyError, match="no rows of firms"):
        bill_change(run(), run(), population="firms")


def test_menu_choice_by_hand():
    """Of three small flats one has the peak price: two thirds and one third; both houses are on the flat tariff."""
    ax = menu_choice(run())
    widths = [[patch.get_width() for patch in bars] for bars in ax.containers]
    assert widths == [pytest.approx([100.0, 200 / 3]), pytest.approx([0.0, 100 / 3])]
    assert [text.get_text() for text in menu_choice(run(), by="income").get_yticklabels()][-1] == "highest fifth (1)"


def test_shares_over_time():
    """Three then two of four members have the first offer: 75 and 50 per cent."""
    choices = pd.DataFrame(
        {
            "month": [0, 0, 1, 1],
            "population": ["households"] * 4,
            "offer": ["flat", "cpp"] * 2,
            "members": [3, 1, 2, 2],
        }
    )
    ax = tariff_shares({**run(), "choices": choices})
    assert [[bar.get_height() for bar in bars] for bars in ax.containers] == [[75.0, 50.0], [25.0, 50.0]]
    with pytest.raises(KeyError, match="no choice of tariffs"):
        tariff_shares(run())


def test_rounds_and_trials():
    """Prices are steps that end with the last one set; trials are marks by level."""
    rounds = pd.DataFrame(
        {
            "round": [0, 1],
            "part": "network",
            "population": "households",
            "offer": "flat",
            "old_price": [0.1, 0.2],
            "price": [0.2, 0.25],
            "sold_kwh": [100.0, 80.0],
        }
    )
    above, below = price_rounds({**run(), "tariff_rounds": rounds}).axes
    assert above.get_lines()[0].get_ydata().tolist() == [0.1, 0.2, 0.25]
    assert below.get_lines()[0].get_ydata().tolist() == [100.0, 80.0]
    pricing = pd.DataFrame({"step": [0, 1, 2], "factor": [1.0, 1.2, 1.2], "profit": [3.0, 4.0, 6.0], "days": [1, 1, 2]})
    ax = price_trials({**run(), "pricing": pricing})
    assert ax.get_lines()[1].get_ydata().tolist() == [4.0, 3.0]
    assert "CNY/day" in ax.get_ylabel()
    for draw, table in ((price_rounds, "tariff_rounds"), (price_trials, "pricing")):
        with pytest.raises(KeyError, match=table):
            draw(run())
