"""Adoption in a run: steps, devices, worth, payments and tables."""

import numpy as np
import pytest

from gridagora.agents.adoption import bass_share
from gridagora.agents.ownership import owns, pv_candidates
from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.run import expected_tables, run
from gridagora.scenarios.simulation import Simulation

YEARS = {
    **{"households.count": 50, "firms": None, "farms": None, "time.period_minutes": 60, "generators.blocks": 6},
    **{"outputs.members": 0, "households.pv_share": 0.1},
    "time.representative_days": {"count": 4, "years": 10, "each_year": True},
}
BOTH = {
    **YEARS,
    "adoption": {"pv": {"model": "bass", "lifetime_years": 4}, "storage": {"model": "npv_logit", "constant": 1.0}},
    "social_graph": {"degree": 4},
}
#: Nothing uncertain, nobody trades online, nobody answers prices: meters are what was expected.
PLAIN = {
    **YEARS,
    "time.representative_days": {"count": 4},
    **{"market.online": False, "forecasts.realised_sigma": 0.0, "forecasts.gate_sigma": 0.0},
    **{"forecasts.day_ahead_sigma": 0.0, "households.own_elasticity": 0.0, "households.cross_elasticity": 0.0},
    "households.storage_share": 0.0,
    "firms": {"count": 20},  # they take all that households can spare
}


@pytest.fixture(scope="module")
def decade():
    """Return a run of ten years of fifty households that adopt PV and batteries."""
    return run(load("quickstart", BOTH))


def finished(overrides, block=None):
    """Return a finished simulation."""
    model = Simulation(load("quickstart", overrides), block=block)
    while model.running:
        model.step()
    return model


@pytest.mark.compiled
def test_a_row_a_month(decade):
    """Ten years have 120 months of two technologies; shares never fall and `new` adds up to them."""
    rows = decade["adoption"]
    assert len(rows) == 240
    for name, part in rows.groupby("technology"):
        assert part[["year", "month"]].to_numpy().tolist() == [[y, m] for y in range(1, 11) for m in range(1, 13)]
        assert (part["share"].diff().dropna() >= 0).all(), name
        start = part["adopters"].iloc[0] - part["new"].iloc[0]
        assert start + part["new"].sum() == part["adopters"].iloc[-1]
        assert (part["share"] == part["adopters"] / 50).all()
    pv, storage = (rows[rows["technology"] == name]["adopters"].to_numpy() for name in ("pv", "storage"))
    assert (storage <= pv).all()
    assert pv[-1] > 2 * pv[0]


@pytest.mark.compiled
def test_generation_follows_adoption(decade):
    """The PV that is generated grows with the PV that is there, year by year."""
    rows = decade["intervals"]
    yearly = (rows["generation_pv_kwh"] * rows["weight"]).groupby(rows["year"]).sum().to_numpy()
    pv = decade["adoption"].query("technology == 'pv'").groupby("year")["adopters"].mean().to_numpy()
    assert yearly[-1] > 2 * yearly[0]
    assert np.corrcoef(yearly, pv)[0, 1] > 0.95


@pytest.mark.compiled
def test_years_add_up(decade):
    """Energies and money of the years sum to the totals; peaks and means do not; books close with the investments."""
    years, total = decade["years"], decade["kpis"].set_index(["kpi", "scope"])["value"]
    assert sorted(set(years["year"])) == list(range(1, 11))
    sums = years.groupby(["kpi", "scope"])["value"].sum()
    for name in ("consumption", "bill", "co2", "cost_of_supply", "auction_volume", "losses", "supplier_profit"):
        assert sums[name, "system"] == pytest.approx(total[name, "system"], rel=1e-9), name
    assert years[years["kpi"] == "peak_load"]["value"].max() == total["peak_load", "system"]
    assert decade["profit"]["result"].sum() == pytest.approx(0, abs=1e-4)


@pytest.mark.compiled
def test_investments_are_posted(decade):
    """Households pay vendors outside for what they buy, and again after four years; no bill has it."""
    ledger = decade["ledger"]
    rows = ledger[ledger["account"] == "investment"]
    assert set(zip(rows["payer"], rows["payee"], rows["business_model"], strict=True)) == {
        ("households", "outside", "adoption")
    }
    paid = (rows["amount"] * rows["weight"]).groupby(rows["year"]).sum()
    pv = decade["adoption"].query("technology == 'pv'").groupby("year")["new"].sum()
    storage = decade["adoption"].query("technology == 'storage'").groupby("year")["new"].sum()
    # PV of 3 kWp on average at 3800; in the fifth year that of the first is worn out.
    assert paid[1] == pytest.approx(pv[1] * 11_400 + storage[1] * 9000, rel=0.25)
    assert paid.sum() > pv.sum() * 11_400 * 1.2
    assert "investment" not in set(decade["bills"]["line"])


def test_the_first_year_is_that_of_a_run_of_one_year():
    """Where nothing has changed yet, a year is the same table to the last bit; the next one has other draws."""
    one = {**YEARS, "time.representative_days": {"count": 4, "years": 1}}
    ten = {**YEARS, "time.representative_days": {"count": 4, "years": 2, "each_year": True}}
    first, both = run(load("quickstart", one))["intervals"], run(load("quickstart", ten))["intervals"]
    again = both[both["year"] == 1].drop(columns="year").reset_index(drop=True)
    assert again.equals(first)
    later = both[both["year"] == 2]
    assert (later["day"].to_numpy() == first["day"].to_numpy() + 366).all()
    assert (later["time"].to_numpy() == first["time"].to_numpy()).all()
    assert (later["consumption_kwh"].to_numpy() != first["consumption_kwh"].to_numpy()).all()


def test_blocks_and_threads_change_nothing():
    """Any block size gives the same adopters, worth and payments."""
    tables = []
    for block in (None, 7):
        model = finished({**BOTH, "time.representative_days": {"count": 2, "years": 2, "each_year": True}}, block)
        rows, ledger = model.recorder.frame("adoption"), model.ledger.frame()
        tables.append((rows, ledger[ledger["account"] == "investment"].reset_index(drop=True)))
    for one, other in zip(*tables, strict=True):
        assert one.equals(other)


def test_owners_have_their_candidate():
    """PV of owners is what they would buy otherwise, to the last bit."""
    population = Simulation(load("quickstart", YEARS)).households
    kwh = population.members.pv_annual_kwh[population.rows]
    has = owns(population, "pv")
    assert 0 < has.sum() < 50
    assert (kwh[has] == pv_candidates(population)[has]).all()


def test_appraisal_is_the_difference_of_two_runs():
    """What PV saves by appraisal is what bills differ by, member by member, between nobody and everybody having it."""
    model = finished({**PLAIN, "households.pv_share": 0.0, "adoption": {"pv": {"consider_per_year": 0.0}}})
    saved = model.parts.rounds[0].adopters[0].saved["pv"]
    bills = []
    for share in (0.0, 1.0):
        # The days are those of the first run only if PV decides on them alike.
        other = finished({**PLAIN, "households.pv_share": share, "adoption": {"pv": {"consider_per_year": 0.0}}})
        assert other.calendar.chosen == model.calendar.chosen
        bills.append(other.recorder.billed["households"][other.households.members.number.argsort()] / 1e6)
    assert saved == pytest.approx(bills[0] - bills[1], rel=1e-6)


def worth(**changed):
    """Return mean net present value of PV and adopters at the end of three years."""
    terms = {"consider_per_year": 0.5, **{key: value for key, value in changed.items() if "__" not in key}}
    others = {key.replace("__", "."): value for key, value in changed.items() if "__" in key}
    years = {"count": 3, "years": 3, "each_year": True}
    rows = run(load("quickstart", {**YEARS, "time.representative_days": years, "adoption": {"pv": terms}, **others}))
    rows = rows["adoption"]
    return rows["mean_npv"].iloc[0], rows["adopters"].iloc[-1], rows["mean_payback"].iloc[0]


@pytest.mark.compiled
def test_what_pays_spreads():
    """Subsidy, cheaper systems, dearer retail energy and a higher feed-in price raise worth and adopters."""
    value, count, payback = worth()
    for better in (
        {"subsidy_share": 0.5},
        {"cost_per_kwp": 2000},
        {"tariffs__residential__energy_per_kwh": 0.7},
        {"tariffs__feed_in__price_per_kwh": 0.5},
    ):
        other = worth(**better)
        assert other[0] > value, better
        assert other[1] > count, better
        assert other[2] < payback, better
    dear = worth(cost_per_kwp=38_000)
    assert dear[0] < 0 < value
    assert dear[1] < count


def test_subsidy_is_paid_by_government():
    """Half of the price is posted from the government to the vendor, and nothing is lost in between."""
    terms = {"pv": {"model": "threshold", "threshold_mean": -1.0, "threshold_deviation": 0.0, "subsidy_share": 0.5}}
    days = {"count": 3, "years": 1}
    model = finished({**YEARS, "time.representative_days": days, "adoption": terms})
    frame = model.ledger.frame().query("account == 'investment'")
    micro = (frame["amount_micro"] * model.parts.horizon.weight_of(frame["day"])).groupby(frame["payer"]).sum()
    part = model.parts.rounds[0]
    due = {name: micro[name] + part.due[name] for name in ("households", "government")}
    adopters = part.adopters[0]
    bought = np.isfinite(adopters.uptakes["pv"].since)
    assert bought.sum() == 50 - adopters.start["pv"]
    price = adopters.cost["pv"][bought].sum()
    assert due["households"] + due["government"] == pytest.approx(price * 1e6, abs=50)
    assert due["households"] == pytest.approx(due["government"], abs=50)
    assert all(left < model.parts.horizon.weights.max() for left in part.due.values())


def test_cars_and_heat_pumps():
    """Who adopts both has both from then on, and load grows; their worth is fuel saved less electricity and price."""
    at_once = {"model": "threshold", "threshold_mean": -1.0, "threshold_deviation": 0.0}
    years = {"time.representative_days": {"count": 3, "years": 2, "each_year": True}, "weather": "synthetic"}
    model = finished({**YEARS, **years, "adoption": {"vehicle": at_once, "heat_pump": at_once}})
    for name in ("vehicle", "heat_pump"):
        assert owns(model.households, name).all()
    rows = model.recorder.frame("intervals")
    used = rows.groupby("day")["consumption_kwh"].sum().to_numpy()
    assert used[3] > 1.5 * used[0]
    adopters = model.parts.rounds[0].adopters[0]
    mean = 0.353 + 0.17 + 0.027
    assert adopters.saved["vehicle"] == pytest.approx(np.full(50, 5500 - 1600 * mean), rel=1e-9)
    value, payback = adopters.worth("heat_pump", 0.0)
    assert payback == pytest.approx(18_000 / (4000 - 3000 * mean), rel=1e-9)
    assert value == pytest.approx((4000 - 3000 * mean) * 10.594014 - 18_000, rel=1e-6)  # 20 years at 7 %


def test_days_in_a_row():
    """A run of two days takes its two steps and one row, for the part of the month that it has."""
    rows = run(load("quickstart", {**YEARS, "time.representative_days": None, "time.days": 2, "adoption": {"pv": {}}}))
    assert rows["adoption"][["year", "month"]].to_numpy().tolist() == [[1, 6]]
    assert "years" not in rows


@pytest.mark.slow
@pytest.mark.compiled
def test_bass_in_a_run():
    """O39: in a run of 100,000 households over ten years the share lies within 1 % of all of Bass's closed form."""
    many = {"households.count": 100_000, "households.pv_share": 0.0, "market.online": False}
    days = {"count": 2, "years": 10, "each_year": True}
    rows = run(
        load("quickstart", {**YEARS, **many, "time.representative_days": days, "adoption": {"pv": {"model": "bass"}}})
    )["adoption"]
    assert rows["bass_share"].to_numpy() == pytest.approx(rows["share"].to_numpy(), abs=0.01)
    last = rows.iloc[-1]
    assert last["bass_share"] == pytest.approx(float(bass_share(10.0, 0.03, 0.38)), rel=1e-12)
    assert last["share"] == pytest.approx(last["bass_share"], rel=0.01)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"time.representative_days": {"count": 4, "years": 10}}, "each_year"),
        ({"adoption": {"populations": ["nobody"], "pv": {}}}, "allowed each once: households"),
        ({"adoption": {}}, "adoption has no technology"),
        ({"social_graph": {"degree": 50}}, "below their number"),
        ({"social_graph": {"degree": 3}}, "allowed"),
        ({"adoption.pv.cost_per_kwp": -1}, "above 0"),
        ({"adoption.pv.subsidy_share": 1.0}, "below 1"),
        ({"adoption": {"heat_pump": {}}}, "which has no temperatures"),
        ({"adoption": {"storage": {}}, "households.pv_share": 0.0}, "batteries are for those with PV"),
    ],
)
def test_refused(overrides, message):
    """What makes no sense is refused with its key and what is allowed."""
    with pytest.raises(ScenarioError, match=message):
        load("quickstart", {**BOTH, **overrides})


def test_expected_tables():
    """A run with adoption over years promises both tables; a run of one year with none of them neither."""
    assert {"adoption", "years"} <= set(expected_tables(load("quickstart", BOTH)))
    assert not {"adoption", "years"} & set(expected_tables(load("quickstart")))
