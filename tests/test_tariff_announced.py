"""Prices that are announced the day before."""

from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

import gridagora as ga
from gridagora.agents.perception import events_on
from gridagora.markets.tariffs import DynamicTimeOfUse, Flat
from gridagora.markets.tariffs.metered import Meter
from gridagora.markets.tariffs.seasonal import ScheduledTariff
from gridagora.scenarios.testing import TariffContract
from gridagora.sim.clock import Calendar

CLEAN = {"network_per_kwh": 0.0, "levy_per_kwh": 0.0}
FIRST = date(2013, 1, 8)
HIGH = {"day": FIRST, "price": "high", "windows": ["17:00-20:00"]}
LOW = {"day": FIRST, "price": "low", "windows": ["23:00-05:00"]}


def london(*announced, **changed):
    """Return the prices of the trial Low Carbon London [GBP/kWh]."""
    prices = {"high": 0.672, "normal": 0.1176, "low": 0.0399}
    return DynamicTimeOfUse(**{"energy_per_kwh": prices, "announced": announced or (HIGH, LOW), **CLEAN, **changed})


class TestLondon(TariffContract):
    """It keeps what every tariff keeps."""

    tariff = london()


def test_london_by_hand():
    """O32: 1 kWh an hour, 3 hours high, 6 low and 15 normal, then a normal day; the flat price is 0.14228 GBP/kWh."""
    meter = Meter(Calendar(FIRST, 2, 60), np.ones(48))
    bill = ScheduledTariff(prices=london()).bill(meter)
    assert [(line.line, line.quantity, line.price, line.amount) for line in bill if line.amount] == [
        ("energy high", 3.0, 0.672, 2.016),
        ("energy normal", 39.0, 0.1176, 4.5864),
        ("energy low", 6.0, 0.0399, 0.2394),
    ]
    flat = ScheduledTariff(prices=Flat(energy_per_kwh=0.14228, **CLEAN)).bill(meter)
    assert sum(line.amount for line in flat) == pytest.approx(6.82944, abs=1e-9)


def test_hours_of_the_day():
    """A window over midnight stays on its own day; only the price above the ordinary one is an event."""
    calendar = Calendar(FIRST, 2, 60)
    hours = ["low"] * 5 + ["normal"] * 12 + ["high"] * 3 + ["normal"] * 3 + ["low"]
    tariff = london()
    assert [tariff.classes[k] for k in tariff.class_on(calendar.day(0), 24)] == hours
    assert (tariff.class_on(calendar.day(1), 24) == 1).all()
    assert np.flatnonzero(events_on(tariff, calendar.day(0), 24)).tolist() == [17, 18, 19]
    assert not events_on(tariff, calendar.day(1), 24).any()
    assert not events_on(Flat(), calendar.day(0), 24).any()


def test_the_ordinary_price_is_the_reference():
    """Without another reference members respond to what departs from the ordinary price, charges included."""
    assert london(network_per_kwh=0.1).reference_price(96) == pytest.approx(0.2176, abs=1e-12)


@pytest.mark.parametrize(
    ("announced", "changed", "message"),
    [
        ((HIGH | {"price": "dear"},), {}, r"price of 2013-01-08: given 'dear'; allowed high, low"),
        ((HIGH | {"price": "normal"},), {}, r"given 'normal'; allowed high, low"),
        ((HIGH, LOW | {"windows": ["19:00-21:00"]}), {}, r"announced for 2013-01-08: .*overlap.*keep one"),
        ((HIGH | {"windows": ["17-20"]},), {}, r"announced for 2013-01-08: window '17-20' is not of the form"),
        ((HIGH | {"windows": []},), {}, "at least 1 item"),
        ((), {"announced": ()}, "at least 1 item"),
        ((), {"ordinary": "usual"}, r"ordinary: given 'usual'; allowed one of high, normal, low"),
        ((), {"energy_per_kwh": {"high": -1.0, "normal": 0.1, "low": 0.0}}, "greater than or equal to 0"),
    ],
)
def test_refusals(announced, changed, message):
    """Unknown classes, windows that overlap or are none, nothing announced, and negative prices are refused."""
    with pytest.raises(ValidationError, match=message):
        london(*announced, **changed)


def test_a_window_within_a_period_is_refused():
    """An hour cannot have two prices."""
    tariff = london(HIGH | {"windows": ["17:30-20:00"]})
    with pytest.raises(ValueError, match=r"within a settlement period of 60 minutes; move it"):
        tariff.class_on(Calendar(FIRST, 1, 60).day(0), 24)


def test_a_scenario_with_such_a_window_is_refused():
    """Announced days are checked with the scenario, before anything runs."""
    late = {"day": "2016-06-07", "price": "high", "windows": ["17:30-20:00"]}
    tariff = {"kind": "dynamic_time_of_use", "energy_per_kwh": {"high": 0.9, "normal": 0.35}, "announced": [late]}
    with pytest.raises(ga.ScenarioError, match="within a settlement period of 60 minutes"):
        ga.load("quickstart", {"time.period_minutes": 60, "tariffs.residential": tariff})


def test_members_use_less_when_it_is_dear_and_more_when_it_is_cheap():
    """In a run a high announced price lowers use in its hours, a low one raises it, and bills have both classes."""
    small = {"households.count": 20, "firms": None, "farms": None, "time.days": 1, "time.period_minutes": 60}
    values = {"households.response": "ces", "households.pv_share": 0.0}
    base = ga.load("quickstart", small | values)
    announced = [
        {"day": "2016-06-06", "price": "high", "windows": ["17:00-20:00"]},
        {"day": "2016-06-06", "price": "low", "windows": ["02:00-05:00"]},
    ]
    tariff = {
        **{"kind": "dynamic_time_of_use", "energy_per_kwh": {"high": 0.9, "normal": 0.353, "low": 0.05}},
        **{"announced": announced},
    }
    kwh = [
        ga.run(scenario)["intervals"]["consumption_kwh"].to_numpy()
        for scenario in (base, base.override({"tariffs.residential": tariff}))
    ]
    assert (kwh[1][17:20] < kwh[0][17:20]).all()
    assert (kwh[1][2:5] > kwh[0][2:5]).all()
    bills = ga.run(base.override({"tariffs.residential": tariff}))["bills"]
    assert {"energy high", "energy normal", "energy low"} <= set(bills["line"])
