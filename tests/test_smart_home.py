"""Home energy managers, norm feedback and energy files: cash by party, effects, benchmarks."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridagora.agents.appliance_profiles import LabelledProfiles
from gridagora.agents.appliances import LABELS
from gridagora.agents.business_models import home_energy_file
from gridagora.agents.business_models.frame import MOST_SAVED, Meters
from gridagora.agents.business_models.home_energy_file import (
    USUAL_SPLIT,
    appliance_statistics,
    benchmark,
    energy_file,
    house_ages,
)
from gridagora.agents.business_models.life import Partners, life, net, parties, per_party, values, worth
from gridagora.agents.business_models.norm_feedback import NormFeedback, faded, mean_faded
from gridagora.agents.business_models.smart_home import SERVICES, HomeEnergyManager, Service
from gridagora.markets.strategies.draws import Draws
from gridagora.scenarios.business_contract import some_customers
from gridagora.scenarios.load import load
from gridagora.scenarios.simulation import Simulation
from gridagora.scenarios.testing import BusinessModelContract


def homes(n=1):
    """Return homes with a battery of 10 kWh, and PV."""
    yes, no = np.ones(n, np.bool_), np.zeros(n, np.bool_)
    owns = {"pv": yes, "storage": yes, "vehicle": no, "heat_pump": no}
    return replace(some_customers(n), owns=owns, battery_kwh=np.full(n, 10.0))


class TestHomeEnergyManager(BusinessModelContract):
    """The contract of all business models, for a company."""

    business_model = HomeEnergyManager(provider="home_services")

    def customers(self):
        """Return homes with batteries."""
        return homes(6)


class TestNormFeedback(BusinessModelContract):
    """The contract of all business models, with a fund and advertisers."""

    business_model = NormFeedback(fund_per_kwh=0.1, advertising_per_report=0.05)


def test_cash_of_an_energy_manager_by_hand():
    """The device sells at 400 and costs 300; a year brings 60 + 7.8 of fees, 50 - 35 for response, 4 + 3, costs 21.6.

    Services bring 12 x (0.3 + 0.15 + 0.1 + 0.1) = 7.8. The home saves 400 and values insight at 72.
    """
    terms = HomeEnergyManager(term_years=2, life_years=2)
    flows = life(terms, terms.expected(homes()), Partners())
    cash = {party: amounts.tolist() for party, amounts in per_party(flows).items()}
    provider = 60 + 7.8 + 50 - 35 + 4 + 3 - 21.6
    customer = 400 + 72 - 60 - 7.8 + 35
    assert cash["provider"] == pytest.approx([100.0, provider, provider])
    assert cash["customer"] == pytest.approx([-400.0, customer, customer])
    assert cash["grid_company"] == pytest.approx([0.0, -50.0, -50.0])
    assert cash["vendor"] == pytest.approx([300.0, 0.0, 0.0])
    assert sum(net(flows, party) for party in parties(flows))[0] == pytest.approx([0.0, 0.0, 0.0])
    assert values(terms, flows, "provider") == pytest.approx([100 + 68.2 * (1 / 1.07 + 1 / 1.07**2)])
    found = worth(net(flows, "customer")[0], 0.1)
    assert found.npv == pytest.approx(-400 + 439.2 * (1 / 1.1 + 1 / 1.21))
    assert found.irr == pytest.approx(0.731963, abs=1e-6)


def test_services_are_used_by_some():
    """Of 4,000 homes each pays for the services that it uses; all together pay what was expected."""
    terms, many = HomeEnergyManager(), homes(4_000)
    expected = terms.expected(many)
    true = terms.truth(many, expected)
    assert expected["service_fee"][0] == pytest.approx(7.8)
    assert true["service_fee"].mean() == pytest.approx(7.8, rel=0.05)
    assert set(SERVICES) >= {"online_payment", "remote_control", "app", "voice_control"}
    single = HomeEnergyManager(services={"voice_control": Service(fee_per_month=2.0, uptake_share=1.0)})
    assert single.truth(many, single.expected(many))["service_fee"].tolist() == [24.0] * 4_000


def test_what_an_energy_manager_does():
    """Who owns a battery is planned; all answer prices by technology and hear of offers by two notices a month."""
    terms = HomeEnergyManager(term_years=2, life_years=2, notice_share=0.1, notices_per_month=2.0)
    two = replace(homes(2), battery_kwh=np.array([10.0, 0.0]))
    two.owns["storage"] = np.array([True, False])
    effect = terms.effect(terms.expected(two), np.zeros(2))
    assert effect["managed"].tolist() == [1.0, 0.0]
    assert effect["technology"].tolist() == [1.0, 1.0]
    assert effect["awareness"] == pytest.approx([0.19, 0.19])
    assert not any(column.any() for column in terms.effect(terms.expected(two), np.full(2, 2.0)).values())
    meters = Meters(1 / 12, *(np.zeros(2) for _ in range(8)), np.array([70.0, 0.0]))
    assert terms.realised(terms.expected(two), meters, np.zeros(2))["saving"].tolist() == [70.0, 0.0]


def test_the_payer_of_response_does_not_sell_it():
    """The grid company cannot pay itself for demand response."""
    with pytest.raises(ValueError, match="given grid_company, which pays for demand response"):
        HomeEnergyManager(provider="grid_company")
    with pytest.raises(ValueError, match="device_margin"):
        HomeEnergyManager(device_margin=1.5)


def test_feedback_by_hand():
    """2 % of 2,000 kWh fades by 0.5 a year from report to report: 0.979453 of it is there on average.

    At 0.7 that is 27.42 a year; reports cost 6. In the first year after the last one 0.786939 of it is left.
    """
    terms, one = NormFeedback(term_years=1, life_years=2), some_customers(1)
    flows = life(terms, terms.expected(one), Partners())
    cash = per_party(flows)
    assert cash["customer"] == pytest.approx([0.0, 28 * 0.9794530, 28 * 0.9794530 * 0.7869387])
    assert cash["provider"] == pytest.approx([0.0, -6.0, 0.0])
    assert cash["outside"] == pytest.approx([0.0, 6.0, 0.0])
    assert sum(net(flows, party) for party in parties(flows))[0] == pytest.approx([0.0, 0.0, 0.0])
    assert values(terms, flows, "provider") == pytest.approx([-6 / 1.07])


def test_feedback_decays_as_the_formula_says():
    """With the term of two years over, exp(-0.5 t) of the effect is left t years later; before it stays."""
    terms = NormFeedback(term_years=2, life_years=6)
    age = np.array([0.0, 1.9, 2.0, 3.0, 5.5])
    shares = terms.effect({"saved_share": np.full(5, 0.02)}, age)["saved_share"]
    assert shares == pytest.approx(0.02 * 0.9794530 * np.exp([0.0, 0.0, 0.0, -0.5, -1.75]))
    still = NormFeedback(decay_per_year=0.0).effect({"saved_share": np.full(5, 0.02)}, age)["saved_share"]
    assert still.tolist() == [0.02] * 5


@given(st.floats(0, 5), st.floats(0.01, 3), st.floats(0, 4))
def test_the_mean_of_what_fades_is_its_integral(since, during, decay):
    """The closed form of the mean is that of the midpoint rule, and lies between begin and end."""
    found = float(mean_faded(np.array([since]), during, decay)[0])
    steps = since + during * (np.arange(2000) + 0.5) / 2000
    assert found == pytest.approx(faded(steps, decay).mean(), rel=1e-4)
    assert faded(np.array(since + during), decay) <= found + 1e-12
    assert found <= faded(np.array(since), decay) + 1e-12


def test_homes_differ_in_what_they_save():
    """Over 4,000 homes the share is normal about 2 % with 1 %: some 2 % of them use more than without reports."""
    terms, many = NormFeedback(), some_customers(4_000)
    share = terms.truth(many, terms.expected(many))["saved_share"]
    assert share.mean() == pytest.approx(0.02, abs=0.0006)
    assert share.std() == pytest.approx(0.01, abs=0.0005)
    assert (share < 0).mean() == pytest.approx(0.0228, abs=0.008)
    wide = NormFeedback(saving_deviation=3.0)
    assert wide.truth(many, wide.expected(many))["saved_share"].max() == MOST_SAVED


def test_meters_tell_use_without_reports():
    """980 kWh drawn, 120 made and 100 fed in are 1,000 used; at 2 % saved it would have been 1,020.4."""
    terms, zero = NormFeedback(), np.zeros(1)
    meters = Meters(
        1.0,
        np.array([980.0]),
        np.array([100.0]),
        np.array([120.0]),
        zero,
        np.array([0.6]),
        np.array([0.02]),
        zero,
        zero,
    )
    q = terms.realised(terms.expected(some_customers(1)), meters, zero)
    assert q["annual_kwh"] == pytest.approx([1000 / 0.98])
    assert q["price_per_kwh"].tolist() == [0.6]


def test_the_benchmark_finds_the_law_behind_the_use():
    """Use = 100 exp(0.01 age + 0.5 degree days / 1000), and one home uses twice that: it stands out."""
    age, degrees = np.array([0.0, 10.0, 20.0, 40.0, 60.0]), np.array([0.0, 200.0, 500.0])
    use = 100 * np.exp(0.01 * age[:, None] + 0.5 * degrees / 1000)
    exact = benchmark(use, age, degrees)
    assert exact.coefficients == pytest.approx([np.log(100), 0.01, 0.5])
    assert exact.ratio == pytest.approx(np.ones(5))
    use[2] *= 2
    found = benchmark(use, age, degrees)
    assert found.ratio.argmax() == 2
    assert found.rank[2] == 0.8
    with pytest.raises(ValueError, match=r"allowed \(homes, months\), here \(5, 2\)"):
        benchmark(use, age, degrees[:2])


def test_ages_are_drawn_by_member():
    """Ages are the same whoever else is asked for, between new and 60 years."""
    ages = house_ages(Draws(7, "households"), np.arange(500))
    assert 0 < ages.min() < 2 and 58 < ages.max() < 60
    assert house_ages(Draws(7, "households"), np.array([17]))[0] == ages[17]


def test_a_file_advises():
    """A home above the benchmark is told where to look; one below that it does well."""
    appliances = {"fridge": 30.0, "standby": 20.0, "television": 50.0}
    told = energy_file(3, 45.0, 120.0, 100.0, 0.9, appliances).advice
    assert told == (
        "uses 20% more than homes like it",
        "look at television first: 50% of its use",
        "have walls, windows and wiring of the house looked at",
        "switch off what stands by",
    )
    assert energy_file(3, 5.0, 90.0, 100.0, 0.2, {}).advice == ("uses no more than homes like it",)
    assert energy_file(3, 5.0, 120.0, 100.0, 0.8, {}).advice == ("uses 20% more than homes like it",)


def test_usual_shares_where_no_appliances_are_known():
    """A day of a home with measured profiles is a 366th of its yearly consumption, 16 % of it for the fridge."""
    model = Simulation(load("quickstart", {"households.count": 3, "time.days": 1, "time.period_minutes": 60}))
    split = appliance_statistics(model.households, 1, [model.calendar.day(0)])
    assert sum(USUAL_SPLIT.values()) == pytest.approx(1.0)
    assert split["fridge"] == pytest.approx(0.16 * model.households[1].annual_kwh / 366)


def test_statistics_by_appliance_by_hand(monkeypatch):
    """A household of 8 quanta a year in fridge and lights stands behind a home of 4,000 kWh: 500 for each quantum."""
    day = np.zeros((1, 2, len(LABELS)), np.int32)
    day[0, :, LABELS.index("fridge")] = 1
    day[0, 1, LABELS.index("lighting")] = 6
    household = SimpleNamespace(labels=lambda number: day)
    profiles = LabelledProfiles(("home",), np.ones((1, 1, 1)), date(2016, 1, 1), households=household)
    members = SimpleNamespace(annual_kwh=np.array([4000.0]), profile=np.array([0]))
    tables = SimpleNamespace(profiles=profiles)
    monkeypatch.setattr(home_energy_file, "labels_of", lambda population, member, when: day[0])
    found = appliance_statistics(SimpleNamespace(rows=[0], members=members, tables=tables), 0, [None])
    assert found["fridge"] == pytest.approx(1000.0)
    assert found["lighting"] == pytest.approx(3000.0)
    assert sum(found.values()) == pytest.approx(4000.0)


@pytest.mark.compiled
def test_statistics_of_a_run_with_appliances():
    """Two like days use twice one day's energy, a small part of the year's."""
    small = {"households.count": 3, "time.days": 1, "time.period_minutes": 60}
    own = {"households.profiles": "bottom_up", "households.bottom_up.profiles": 3, "weather": "synthetic"}
    model = Simulation(load("quickstart", small | own))
    day = model.calendar.day(0)
    once, twice = (appliance_statistics(model.households, 1, days) for days in ([day], [day, day]))
    assert set(once) == set(LABELS)
    assert sum(twice.values()) == pytest.approx(2 * sum(once.values()))
    assert 0 < sum(once.values()) < 0.05 * model.households[1].annual_kwh
