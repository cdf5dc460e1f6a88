"""Borenstein's signs with answering agents: what real-time prices bring by share and elasticity (B11, O33)."""

from datetime import date

import numpy as np
import pytest

from gridagora.agents.demand import respond
from gridagora.markets.price_gains import AnsweringMarket
from gridagora.markets.pricing import real_time_gain
from gridagora.markets.tariffs import RealTimePrices
from gridagora.scenarios.base_profiles import load_profiles
from gridagora.scenarios.load import load
from gridagora.scenarios.schema_population import Households
from gridagora.sim.clock import Calendar

SHARES = np.linspace(0.0, 1.0, 4)
ELASTICITIES = np.array([0.025, 0.1, 0.3])
HOUR = np.arange(24)
#: Price under which the profiles arose [currency/kWh].
P0 = 0.4
CLASSES = np.where((HOUR >= 8) & (HOUR < 22), 1, 0)


@pytest.fixture(scope="module")
def expected_load():
    """Mean load of the households' profiles of the package on a winter day by hour, scaled to mean 1 [kWh]."""
    scenario = load("quickstart", {"time.period_minutes": 60})
    profiles = load_profiles(scenario, scenario.households, "household")
    mean = profiles.of_day(date(2016, 1, 13)).mean(axis=0)
    return mean / mean.mean()


def market(energy, elasticity, form="linear"):
    """Return agents with this load that answer by `respond`, and a price of 0.1 + 0.3 a kWh."""
    terms = Households(own_elasticity=-elasticity, cross_elasticity=0.0, response=form)
    tariff = RealTimePrices(expected_per_kwh=P0, network_per_kwh=0.0, levy_per_kwh=0.0)
    day = Calendar(date(2016, 1, 13), 1, 60).day(0)

    def demand(prices):
        every = np.broadcast_to(prices, energy.shape)
        return energy * respond(terms, tariff, day, energy.size, energy[None], prices=every)

    return AnsweringMarket(demand, cost=0.1, rise=0.3, low=0.05, high=0.8)


def test_agents_answer_as_the_closed_form_says(expected_load):
    """With linear demand the agents' gains and flat prices are those of `real_time_gain`."""
    for elasticity in (0.05, 0.2):
        for share in (0.0, 0.3, 1.0):
            known = real_time_gain(expected_load, P0, elasticity, share, 0.1, 0.3)
            found = market(expected_load, elasticity).real_time(share)
            assert found.gain == pytest.approx(known.gain, rel=1e-6, abs=1e-9)
            assert found.bill == pytest.approx(known.bill, rel=1e-9)


@pytest.mark.parametrize("form", ["linear", "log"])
def test_gains_rise_with_share_and_elasticity_ever_less(expected_load, form):
    """O33: positive even at an elasticity of -0.025, increasing and concave in share and in elasticity."""
    gain = np.array([[market(expected_load, e, form).real_time(s).gain for s in SHARES] for e in ELASTICITIES])
    assert np.abs(gain[:, 0]).max() < 1e-9
    assert (gain[:, 1:] > 0).all()
    assert (np.diff(gain, axis=1) > 0).all()
    assert (np.diff(gain, 2, axis=1) < 0).all()
    slopes = np.diff(gain[:, 1:], axis=0) / np.diff(ELASTICITIES)[:, None]
    assert (slopes > 0).all()
    assert (np.diff(slopes, axis=0) < 0).all()


@pytest.mark.parametrize("form", ["linear", "log"])
def test_time_of_use_captures_a_part(expected_load, form):
    """O33: two price classes bring more than nothing and less than real-time prices."""
    for elasticity in ELASTICITIES:
        agents = market(expected_load, elasticity, form)
        assert 0 < agents.time_of_use(CLASSES).gain / agents.real_time(1.0).gain < 1


def test_one_class_is_the_flat_price(expected_load):
    """A single class brings nothing; a class for every hour brings what real-time prices do."""
    agents = market(expected_load, 0.1)
    one = agents.time_of_use(np.zeros(24, int))
    assert one.gain == pytest.approx(0.0, abs=1e-9)
    assert one.prices == pytest.approx(agents.flat())
    every = agents.time_of_use(HOUR)
    assert every.prices == pytest.approx(agents.real_time(1.0).prices, abs=1e-9)
    assert every.gain == pytest.approx(agents.real_time(1.0).gain, rel=1e-6)


def test_without_elasticity_nothing_is_gained(expected_load):
    """Who does not answer pays other bills for the same load."""
    found = market(expected_load, 0.0).real_time(1.0)
    assert found.gain == pytest.approx(0.0, abs=1e-12)
    assert np.ptp(found.prices) > 0.1


def test_refusals(expected_load):
    """A share above 1 is refused."""
    with pytest.raises(ValueError, match=r"share: given 1\.2"):
        market(expected_load, 0.1).real_time(1.2)
