"""Representative days: weights, what they add up to, and a year of which every day represents itself."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.scenarios.horizon import choose, every_day
from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.run import run
from gridagora.sim.clock import Calendar

SMALL = {
    **{"households.count": 6, "households.pv_share": 0.5, "firms": None, "farms": None},
    **{"time.period_minutes": 60, "generators.blocks": 6, "outputs.members": 2},
}
FEW = {**SMALL, "time.representative_days": {"count": 4, "years": 3}}


@pytest.fixture(scope="module")
def few():
    """Return a run of four days that stand for three years."""
    return run(load("quickstart", FEW))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 20), st.integers(1, 30), st.integers(0, 99))
def test_weights_sum_to_the_horizon(count, years, seed):
    """Weights sum to the days of all years, and the day of the highest load stands for itself alone."""
    load_, pv = np.random.default_rng(seed).random((2, 20, 3))
    horizon = choose(load_, pv, count, years)
    assert horizon.total_days == 20 * years
    assert len(horizon.days) == count
    assert horizon.weight(int(load_.max(axis=1).argmax())) == years
    daily = load_.sum(axis=1)
    by_weights = sum(horizon.weight(day) * daily[day] for day in horizon.days.tolist())
    assert horizon.energy_error == pytest.approx(by_weights / years / daily.sum() - 1, abs=1e-12)


def test_every_day_stands_for_itself():
    """As many days as there are make weights of one and no error."""
    values = np.arange(12.0).reshape(6, 2)
    chosen, whole = choose(values, values, 6, 1), every_day(Calendar(date(2016, 1, 1), 6, 60))
    for horizon in (chosen, whole):
        assert horizon.is_whole
        assert horizon.days.tolist() == horizon.stand_in.tolist() == list(range(6))
        assert horizon.energy_error == 0.0
    assert not choose(values, values, 6, 2).is_whole


def test_days_put_together():
    """Day 0 stands for days 0 and 1 and day 2 for itself; two years have its rows six times."""
    horizon = choose(np.array([[1.0], [1.0], [9.0]]), np.zeros((3, 1)), 2, 2)
    assert (horizon.days.tolist(), horizon.weights.tolist()) == ([0, 2], [4, 2])
    table = pd.DataFrame({"day": [0, 0, 2], "amount": [1.0, 2.0, 5.0]})
    whole = horizon.put_together(table)
    assert whole["day"].tolist() == [0, 0, 1, 1, 2, 3, 3, 4, 4, 5]
    assert whole["amount"].tolist() == [1.0, 2.0, 1.0, 2.0, 5.0] * 2
    assert horizon.weight_of(table["day"]).tolist() == [4, 4, 2]
    assert horizon.put_together(table[table["day"] == 2])["day"].tolist() == [2, 5]


def test_calendar_of_chosen_days():
    """A calendar visits its chosen days under their own dates; a month ends with the last of them."""
    calendar = Calendar(date(2016, 1, 1), 60, 60, chosen=(3, 30, 31, 45))
    assert list(calendar.simulated) == [3, 30, 31, 45]
    assert [calendar.day(day).is_month_end for day in calendar.simulated] == [False, True, False, True]
    assert calendar.day(31).date == date(2016, 2, 1)
    assert list(Calendar(date(2016, 1, 1), 3, 60).simulated) == [0, 1, 2]
    for chosen in ((3, 3), (4, 2), (60,), (-1,)):
        with pytest.raises(ValueError, match="chosen: given"):
            Calendar(date(2016, 1, 1), 60, 60, chosen=chosen)


def test_only_chosen_days_are_simulated(few):
    """Tables have four days under their dates, each with its weight; the weights sum to three times 366."""
    rows = few["intervals"]
    assert rows.groupby("day").size().tolist() == [24] * 4
    days = rows.drop_duplicates("day")
    assert days["weight"].sum() == 3 * 366
    assert (days["time"].dt.dayofyear - 1 == days["day"]).all()
    chosen = few.manifest["representative_days"]
    assert chosen["weights"] == days["weight"].tolist()
    assert chosen["days"] == [str(time.date()) for time in days["time"]]
    assert chosen["years"] == 3
    for name in ("members", "trades", "auction_audit", "ledger"):
        own = few[name]
        assert own["weight"].tolist() == own["day"].map(days.set_index("day")["weight"]).tolist(), name


def test_totals_are_weighted(few):
    """Energies, bills, flows, profits and generation are sums over days by weight; the ledger has each day once."""
    rows, ledger, kpis = few["intervals"], few["ledger"], few["kpis"].set_index(["kpi", "scope"])["value"]
    consumed = (rows["consumption_kwh"] * rows["weight"]).sum()
    assert kpis["consumption", "system"] == pytest.approx(consumed, rel=1e-12)
    assert kpis["peak_load", "system"] == rows["consumption_kwh"].max()
    own = (ledger["payer"] == "households").astype(float) - (ledger["payee"] == "households")
    bill = (own * ledger["amount"] * ledger["weight"]).sum()
    assert kpis["bill", "households"] == pytest.approx(bill, abs=1e-5)
    assert few["bills"]["amount"].sum() == pytest.approx(bill, abs=1e-5)
    standing = few["bills"].set_index("line").loc["standing charge"]
    assert standing["quantity"] == 6 * 3 * 366
    assert standing["amount"] == pytest.approx(0.2 * 6 * 3 * 366, rel=1e-12)
    months = 3 * 366 / (365.25 / 12)
    assert kpis["bill_per_member_month", "households"] == pytest.approx(bill / 6 / months, rel=1e-9)
    profit = few["profit"].set_index("party")["result"]
    assert profit["households"] == pytest.approx(-bill, abs=1e-5)
    assert profit.sum() == pytest.approx(0, abs=1e-4)
    assert few["flows"]["amount"].sum() == pytest.approx((ledger["amount"] * ledger["weight"]).sum(), rel=1e-12)
    made = sum((rows[name] * rows["weight"]).sum() for name in ("generation_gas_kwh", "generation_lignite_kwh"))
    plants = few["plants"].set_index("fuel")["generation_kwh"]
    assert plants["gas"].sum() + plants["lignite"].sum() == pytest.approx(made, rel=1e-12)
    distribution = few["bill_distribution"]
    assert distribution["low"].min() <= bill / 6 <= distribution["high"].max()


def test_energy_error_is_told(few):
    """The error of the expected yearly load is a key figure, and smaller with more days."""
    error = few.kpis.loc["representative_energy_error"]
    assert error["unit"] == "1"
    assert error["value"] == few.manifest["representative_days"]["energy_error"]
    assert 0 < abs(error["value"]) < 0.15


def test_a_day_is_itself_among_few_and_more():
    """The day of the highest load has the same draws whichever other days are simulated, states and errors apart."""
    alone = {**SMALL, "households.storage_share": 0.0, "forecasts.day_ahead_sigma": 0.0}
    counts = ({"count": count, "years": 3} for count in (2, 3))
    few, more = (run(load("quickstart", {**alone, "time.representative_days": keys})) for keys in counts)
    left, right = (result["intervals"][result["intervals"]["weight"] == 3] for result in (few, more))
    assert left["day"].tolist() == right["day"].tolist()
    assert left["forecast_day_ahead_kwh"].tolist() == right["forecast_day_ahead_kwh"].tolist()


def test_on_disk(tmp_path):
    """The weights and the choice are in the files of a run, and its scenario runs again as it is."""
    result = run(load("quickstart", FEW), out=tmp_path / "few")
    assert result["intervals"]["weight"].dtype == np.int64
    assert json.loads((tmp_path / "few/manifest.json").read_text())["representative_days"]["years"] == 3
    assert load(tmp_path / "few/scenario.yaml").time.representative_days.count == 4


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"count": 1}, "time.representative_days.count: given 1; allowed a whole number from 2 to 366"),
        ({"years": 0}, "time.representative_days.years: given 0; allowed a whole number from 1 to 30"),
        ({"weeks": 2}, "time.representative_days.weeks: unknown key 'weeks'"),
    ],
)
def test_refused(keys, message):
    """Counts of days and years outside the schema are refused."""
    with pytest.raises(ScenarioError, match=message):
        load("quickstart", {"time.representative_days": keys})


@pytest.mark.slow
def test_all_days_equal_the_year():
    """As many representative days as the year has give the tables of the whole year, to the last bit."""
    whole = run(load("quickstart", {**SMALL, "time.start": date(2016, 1, 1), "time.days": 366}))
    chosen = run(load("quickstart", {**SMALL, "time.representative_days": {"count": 366}}))
    for name in whole.tables:
        one, other = whole[name], chosen[name]
        if name == "kpis":
            other = other[other["kpi"] != "representative_energy_error"]
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert chosen.manifest["representative_days"]["energy_error"] == 0.0
