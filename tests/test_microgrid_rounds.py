"""Microgrids in a run: who joins, what the books say, what nobody notices where nobody joins."""

import numpy as np
import pandas as pd
import pytest

import gridagora as ga
from gridagora.agents.columns import T_CURTAILED
from gridagora.agents.microgrid_plant import CREDITORS, FLOWS, MicrogridPlant, paid_by
from gridagora.agents.microgrid_site import groups_of
from gridagora.scenarios.build import NO_AWARDS
from gridagora.scenarios.microgrid_rounds import MicrogridRound, microgrids_of
from gridagora.scenarios.simulation import Simulation

JOIN, STAY_AWAY = {"hassle": -100}, {"hassle": 100}
MICROGRID = {
    "kind": "microgrid",
    "provider": "park_operator",
    "pv": {"kwp": 60},
    "wind": {"kw": 30},
    "battery": {"kwh": 60, "kw": 30},
    "heat": {"kw": 20, "demand_kwh_per_year": 80_000},
    "cold": {"kw": 10, "tank_kwh": 80, "tank_kw": 20, "demand_kwh_per_year": 40_000},
    "acceptance": JOIN,
}
SMALL = {
    "households.count": 20,
    "households.pv_share": 0.4,
    "households.storage_share": 0.5,
    "firms.count": 5,
    "firms.pv_share": 0.5,
    "farms": None,
    "time.days": 2,
    "time.period_minutes": 60,
    "counterparties.companies": ["park_operator"],
}


def scenario(overrides=None, **terms):
    """Return a small park, its microgrid with other terms in places; `None` for no microgrid."""
    models = [{**MICROGRID, **terms}] if terms.pop("present", True) else []
    return ga.load("quickstart", {**SMALL, "business_models": models, **(overrides or {})})


def simulated(overrides=None, before=None, **terms):
    """Return a finished run as a model."""
    model = Simulation(scenario(overrides, **terms))
    if before is not None:
        before(model)
    for _ in model.calendar.simulated:
        model.step()
    return model


def books(model, business_model="microgrid"):
    """Return the rows of the ledger of the microgrid [1e-6 currency] by payer, payee and account."""
    rows = model.ledger.frame()
    rows = rows[rows["business_model"] == business_model]
    return rows.groupby(["payer", "payee", "account"])["amount_micro"].sum()


@pytest.fixture(scope="module")
def park():
    """A park of which everybody is a member."""
    return simulated()


def test_everybody_joins(park):
    """All 25 are members from the first day, in one contract by population, and trade in no auction."""
    round_ = microgrids_of(park)[0]
    assert {name: len(held) for name, held in round_.members.items()} == {"households": 20, "firms": 5}
    assert all((population.members.strategy == 0).all() for population in park.populations)
    found = park.contracts.frame()
    assert found.loc[found["kind"] == "microgrid", "contract"].tolist() == ["microgrid:households", "microgrid:firms"]


def test_the_books_close(park):
    """Every balance is the sum of its rows, and all balances sum to 0; the energy book was checked every day."""
    park.ledger.check()
    assert sum(park.ledger.balances().values()) == 0
    kinds = park.energy.totals()
    assert min(kinds["generation_wind"], kinds["generation_chp"]) > 0
    sources = sum(value for kind, value in kinds.items() if kind.startswith("generation_"))
    sources += kinds.get("import", 0) + kinds["storage_discharge"]
    uses = sum(kinds.get(kind, 0) for kind in ("consumption", "losses", "export", "storage_charge"))
    assert sources == uses


def test_bills_are_given_back_to_the_microunit(park):
    """Supplier, grid company and government give back exactly what members' and the plant's bills brought them."""
    rows = park.ledger.frame()
    market = rows[rows["business_model"] == ""]
    given_back = books(park)
    names = ["households", "firms", "microgrid_plant"]
    for creditor in CREDITORS:
        billed = market[market["payer"].isin(names) & (market["payee"] == creditor)]["amount_micro"].sum()
        fed_in = market[market["payee"].isin(names) & (market["payer"] == creditor)]["amount_micro"].sum()
        back = given_back[creditor].xs("netting", level="account").sum()
        returned = given_back.get(("microgrid_plant", creditor, "netting"), 0)
        returned += given_back.get(("park_operator", creditor, "netting"), 0)
        assert back - returned == billed - fed_in
    assert park.ledger.balance("microgrid_plant") == 0


def test_sub_bills_are_whole_bills(simulate):
    """What some members owe by creditor is the sum of their bills."""
    model = simulate({"market.online": False, "time.days": 1})
    billing = model.households.billing
    billing.accounts.energy[0, :] = 5_000_000
    billing.accounts.energy[billing.n_classes, ::2] = 2_000_000  # fed in
    billing.to_date(model.calendar.day(0).date)
    rows = np.arange(3, 17)
    charges, feed_in = paid_by(billing, rows)
    assert charges.sum() - feed_in == billing.bills[rows].sum()
    # 5 kWh at 0.353 and a day at 0.2; network 0.17; levy 0.027; seven of them fed in 2 kWh at 0.36.
    assert charges.tolist() == [14 * 1_965_000, 14 * 850_000, 14 * 135_000]
    assert feed_in == 7 * 720_000


def test_the_discount_reaches_members(park):
    """Under `discount` members owe 92 % of what their tariffs charge and all of the feed-in."""
    round_ = microgrids_of(park)[0]
    rows = park.recorder.frame("microgrid_bills")
    charges, feed_in = round_.plant.charges[:-1].sum(axis=1) / 1e6, round_.plant.feed_in[:-1] / 1e6
    assert rows["retail_bill"].to_numpy() == pytest.approx(charges - feed_in)
    assert rows["internal_bill"].to_numpy() == pytest.approx(0.92 * charges - feed_in)
    by_books = books(park)
    sold = by_books.get(("firms", "park_operator", "internal_sale"), 0)
    sold -= by_books[("park_operator", "firms", "internal_sale")]
    of_firms = rows[rows["population"] == "firms"]
    assert sold / 1e6 == pytest.approx((of_firms["internal_bill"] - of_firms["retail_bill"]).sum(), abs=1e-5)


def test_what_crosses_the_connection_is_paid_at_its_contract(park):
    """Energy, network, levy and exports follow from hourly imports and exports at the commercial tariff."""
    round_ = microgrids_of(park)[0]
    energy, found = round_.physical, books(park)
    taken, left = energy["import_kwh"], energy["export_kwh"]
    assert found["park_operator", "grid_company", "pcc_network"] / 1e6 == pytest.approx(0.17 * taken, abs=1e-5)
    assert found["park_operator", "government", "pcc_levy"] / 1e6 == pytest.approx(0.027 * taken, abs=1e-5)
    assert found["park_operator", "supplier", "pcc_energy"] / 1e6 == pytest.approx(0.503 * taken + 4.0, abs=1e-5)
    assert found.get(("supplier", "park_operator", "pcc_export"), 0) / 1e6 == pytest.approx(0.32 * left, abs=1e-5)
    peak = round_.contracts.true["peak_kw"][0]
    charge = 28 * 12 * peak * 2 / 366
    assert found["park_operator", "grid_company", "capacity_charge"] / 1e6 == pytest.approx(charge, abs=1e-5)


def test_energy_behind_the_connection_adds_up(park):
    """Members' meters and the plant's are what crosses the connection, day by day."""
    days = park.recorder.frame("microgrid_days")
    made = days[["pv_kwh", "wind_kwh", "chp_kwh", "discharge_kwh", "injected_kwh", "import_kwh"]].sum(axis=1)
    used = days[["withdrawn_kwh", "charge_kwh", "chiller_kwh", "export_kwh"]].sum(axis=1)
    assert made.to_numpy() == pytest.approx(used.to_numpy(), abs=1e-5)
    assert (days["outage_shed"] <= days["outage_load"] + 1e-6).all()


def test_tables_and_figures(park):
    """Lines, shares, figures, cash and canvas are there, and agree with the books."""
    tables = park.recorder.finish(park)
    lines = park.recorder.frame("microgrid_lines").set_index("line")
    found = books(park)
    for name in lines.index:
        costs = found["park_operator", "outside", name] / 1e6
        assert lines.loc[name, "costs"] == pytest.approx(costs, abs=1e-5)
        fees = sum(found.get((party, "park_operator", name), 0) for party in ("households", "firms")) / 1e6
        assert lines.loc[name, "fees"] == pytest.approx(fees, abs=1e-4)
    invested = sum(found["park_operator", "vendor"]) / 1e6
    assert lines["investment"].sum() == pytest.approx(invested)
    shares = park.recorder.frame("microgrid_shares")
    assert shares["gain"].sum() == pytest.approx(shares["least_core"].sum())
    cash = pd.DataFrame(tables["business_cash"])
    at_start = cash.query("basis == 'agreed' and party == 'provider' and year == 0")["amount"].item()
    lent = found.get(("bank", "park_operator", "loan"), 0) / 1e6
    assert at_start == pytest.approx(lent - invested, rel=1e-9)
    canvas = pd.DataFrame(tables["canvas"])
    costs = canvas.loc[canvas["block"] == "C$", "amount"].sum()
    assert costs == pytest.approx(found["park_operator"].sum() / 1e6)
    months = park.recorder.frame("business_months")
    assert months["signed"].tolist() == [20, 5] == months["running"].tolist()


def test_figures_by_hand(park):
    """Self-sufficiency, self-consumption and lost revenue from the books and the day table."""
    result = ga.run(scenario())
    figures = result["microgrid"].set_index(["figure", "scope"])["value"]
    days = result["microgrid_days"].sum()
    own = days[["pv_kwh", "wind_kwh", "chp_kwh"]].sum()
    assert figures["self_sufficiency", "microgrid"] == pytest.approx(
        1 - days["import_kwh"] / (days["withdrawn_kwh"] + days["chiller_kwh"])
    )
    assert figures["self_consumption", "microgrid"] == pytest.approx(
        1 - days["export_kwh"] / (own + days["injected_kwh"])
    )
    found = books(park)
    back = found["grid_company", "park_operator", "netting"]
    paid = sum(found["park_operator", "grid_company"])
    assert figures["lost_revenue", "grid_company"] == pytest.approx((back - paid) / 1e6, abs=1e-4)
    kpis = result["kpis"].set_index(["kpi", "scope"])["value"]
    assert kpis["microgrid_self_sufficiency", "microgrid"] == figures["self_sufficiency", "microgrid"]
    assert kpis["microgrid_lost_revenue", "grid_company"] == figures["lost_revenue", "grid_company"]
    assert "generation_chp_kwh" in result["intervals"]


@pytest.mark.parametrize("pool", [{}, {"storages": [{"name": "pumped", "power_to_peak": 0.3, "hours": 6.0}]}])
def test_self_consumption_of_the_area_counts_the_plant(pool):
    """What stays behind meters is a share of PV, wind and cogeneration together, whatever the pool stores besides."""
    result = ga.run(scenario(pool))
    intervals, days = result["intervals"], result["microgrid_days"]
    made = intervals["generation_pv_kwh"].sum() + days["wind_kwh"].sum() + days["chp_kwh"].sum()
    share = result.kpis.loc["self_consumption", "value"]
    assert share == pytest.approx(1 - intervals["injection_kwh"].sum() / made, abs=1e-9)
    assert 0 < share < 1


def test_nobody_joins_and_nobody_notices():
    """Where nobody joins every table of the run without the microgrid is the same, row for row."""
    with_it = ga.run(scenario(acceptance=STAY_AWAY))
    without = ga.run(scenario(present=False))
    for name in without.tables:
        pd.testing.assert_frame_equal(with_it[name], without[name])
    assert set(with_it.tables) - set(without.tables) <= {"canvas", "risk_bearers", "stakeholders"}


@pytest.mark.parametrize("terms", [{"members_min": 26}, {"channel": {"reach_share": 0.0}}])
def test_no_microgrid_with_too_few(terms):
    """Fewer members than asked for, or nobody who has heard of it: no plant is built."""
    model = Simulation(scenario(**terms))
    assert not any(isinstance(population, MicrogridPlant) for population in model.populations)
    assert microgrids_of(model) == []


def test_a_cautious_operator_founds_only_what_pays():
    """Without any saving inside and with dear plant, the worst twentieth of its values is below 0."""
    dear = {"kwp": 60, "capex_per_kwp": 100_000}
    assert microgrids_of(Simulation(scenario(pv=dear, finance={"low_risk_only": True}))) == []
    assert len(microgrids_of(Simulation(scenario(pv=dear)))) == 1


def test_segments_choose_members():
    """Only who uses 5,000 kWh and more may join."""
    model = Simulation(scenario(segment={"annual_kwh_min": 5_000}))
    for name, held in microgrids_of(model)[0].members.items():
        population = next(each for each in model.populations if each.name == name)
        assert (population.members.annual_kwh[held.row] >= 5_000).all()
        assert len(held) == int((population.members.annual_kwh >= 5_000).sum())


def test_nobody_is_a_member_twice():
    """Two microgrids share the members of a population between them."""
    model = Simulation(
        ga.load(
            "quickstart",
            {
                **SMALL,
                "business_models": [
                    {**MICROGRID, "name": "east", "channel": {"reach_share": 0.5}, "populations": ["households"]},
                    {**MICROGRID, "name": "west", "populations": ["households", "firms"]},
                ],
            },
        )
    )
    east, west = microgrids_of(model)
    assert np.intersect1d(east.members["households"].row, west.members["households"].row).size == 0
    assert len(east.members["households"]) + len(west.members["households"]) == 20
    model.step()
    model.ledger.check()


def test_nobody_is_debited_without_membership():
    """A membership that has ended before the day of a bill stops the run before a posting."""

    def end(model):
        held = microgrids_of(model)[0].members["households"]
        held.end(np.arange(1), 0, 1)

    with pytest.raises(ValueError, match="no customer is debited without a valid contract"):
        simulated(before=end)


@pytest.mark.parametrize("rule", ["supply_demand_ratio", "mid_market", "bill_sharing", "shapley"])
def test_every_rule_closes_the_books(rule):
    """By each rule what members pay inside is between all and nothing of what they would pay, and the books close."""
    model = simulated({"time.days": 1}, tariff={"rule": rule})
    model.ledger.check()
    shares = model.recorder.frame("microgrid_shares").set_index("group")
    members = shares.drop("plant")
    if rule == "shapley":
        assert (members["internal"] <= members["alone"] + 1e-6).all()
    assert members["internal"].sum() <= members["alone"].sum() + 1e-6


def test_days_that_stand_for_others():
    """Investment is posted in parts that the weights of days make whole; each day has its bill."""
    model = simulated({"time.representative_days": {"count": 2}, "time.period_minutes": 60})
    round_ = microgrids_of(model)[0]
    rows = model.ledger.frame()
    weights = model.parts.horizon.weight_of(rows["day"])
    chosen = (rows["business_model"] == "microgrid") & (rows["payee"] == "vendor")
    invested = sum(float(round_.terms.investment(round_.founding.expected, n)[0]) for n in round_.by_line)
    assert (rows["amount_micro"] * weights)[chosen].sum() / 1e6 == pytest.approx(invested, abs=1e-3)
    assert round_.years == pytest.approx(1.0)
    assert len(model.recorder.frame("microgrid_bills")["day"].unique()) == 2


def test_curtailment_comes_off_pv_then_wind_then_cogeneration(park):
    """3.6 of 4 kWh fed in are curtailed: 1 of PV, 0.5 of wind, 1 of cogeneration, 1.1 of the battery burnt."""
    plant = microgrids_of(park)[0].plant
    entry = next(each for each in park.record.populations if each.population is plant)
    plant.flows[:, 0] = [1_000_000, 500_000, 1_000_000, 1_500_000, 0, 0]
    plant.state.net[0] = -4_000_000
    totals = plant.settle(0, entry.plan, entry.quotes, NO_AWARDS, (0.0, 0.5, 0.5), (0.0, 0.9), 1)
    assert totals[0, T_CURTAILED] == 1_000_000
    assert dict(zip(FLOWS, plant.flows[:, 0].tolist(), strict=True)) == {
        **{"pv": 0, "wind": 0, "chp": 0, "discharge": 1_500_000, "charge": 0, "chiller": 0}
    }
    assert plant.burnt[0] == 1_100_000


def test_groups_part_members_by_pv(park):
    """Members with PV are a group of their own; a population of which nobody has joined has none."""
    population = park.households
    groups = groups_of(population, np.ones(len(population), bool))
    assert [group.name for group in groups] == ["households", "households+pv"]
    assert sum(group.rows.size for group in groups) == len(population)
    assert (population.members.pv_annual_kwh[groups[1].rows] > 0).all()
    assert groups_of(population, np.zeros(len(population), bool)) == []


def test_large_plant_counts_in_wide_integers():
    """A plant of many megawatts does not fit 32 bits of 1e-6 kWh."""
    plant = microgrids_of(Simulation(scenario(pv={"kwp": 20_000})))[0].plant
    assert plant.state.net.dtype == plant.state.planned.dtype == np.int64


@pytest.mark.parametrize(
    ("overrides", "terms", "message"),
    [
        ({}, {"populations": ["ships"]}, "populations: unknown population 'ships'"),
        ({"tariffs.feed_in.fund": "levy"}, {}, "tariffs.feed_in.fund: given levy"),
        (
            {"tariffs.commercial": {"kind": "flat", "capacity": {"price_per_kva_month": 20}}},
            {},
            "connection.tariff: given commercial, which has blocks",
        ),
        ({"households.consent": {}}, {}, "populations: given households, who have `consent`"),
        ({"tariffs.residential": {"kind": "flat", "supplier": "other"}}, {}, "may choose the supplier other"),
    ],
)
def test_refusals(overrides, terms, message):
    """What a microgrid cannot be settled with is refused with its key."""
    with pytest.raises(ga.ScenarioError, match=message):
        scenario(overrides, **terms)


def test_a_round_a_microgrid(park):
    """The round reads like a business model at work: its one contract runs, and nobody defaults."""
    (round_,) = microgrids_of(park)
    assert isinstance(round_, MicrogridRound)
    assert len(round_.contracts) == 1
    assert round_.watch.default_per_year(0.1).tolist() == [0.0]
