"""What every metered tariff keeps, whatever its kind."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.markets.tariffs.blocks import IncreasingBlocks
from gridagora.markets.tariffs.combined import CombinedTariff
from gridagora.markets.tariffs.demand_charge import CapacityCharge, DemandCharge
from gridagora.markets.tariffs.flat import Flat
from gridagora.markets.tariffs.metered import Context, Meter, charge, charge_amount, total
from gridagora.markets.tariffs.package import Package
from gridagora.markets.tariffs.payment import Payment
from gridagora.markets.tariffs.real_time import RealTime
from gridagora.markets.tariffs.reliability import PriorityService, PriorityTariff, ServiceClass
from gridagora.markets.tariffs.seasonal import CriticalPeak, ScheduledTariff, Season
from gridagora.markets.tariffs.time_of_use import TimeOfUse
from gridagora.sim.clock import Calendar

#: The last day of January and the first of February 2025.
TURN = Calendar(date(2025, 1, 31), 2, 60)
RNG = np.random.default_rng(7)
CONTEXT = Context(
    pool_price=RNG.uniform(-0.2, 0.8, 48),
    system_load_kwh=RNG.uniform(50, 90, 48),
    baseline_kwh=RNG.uniform(0, 3, 48),
    used_before_kwh=20.0,
    contracted_kva=4.0,
)
DAY_NIGHT = TimeOfUse(
    energy_per_kwh={"day": 0.5, "night": 0.2}, windows={"day": ["08:00-20:00"], "night": ["20:00-08:00"]}
)
EVENTS = CriticalPeak(
    seasons={
        "year": Season(months=tuple(range(1, 13)), energy_per_kwh={"base": 0.3}, windows={"base": ["00:00-24:00"]})
    },
    event_days=(date(2025, 2, 1),),
    event_windows=["17:00-20:00"],
    event_per_kwh=2.0,
)
LADDER = IncreasingBlocks(limits_kwh=(50.0, 100.0), free_kwh=10.0)
FREE = Flat(energy_per_kwh=0.3, network_per_kwh=0.0, levy_per_kwh=0.0)
KINDS = {
    "flat": ScheduledTariff(prices=Flat(standing_per_day=0.3)),
    "time of use": ScheduledTariff(prices=DAY_NIGHT),
    "critical peak": ScheduledTariff(prices=EVENTS),
    "blocks a month": LADDER,
    "blocks a year": LADDER.model_copy(update={"accumulate": "year"}),
    "real time": RealTime(),
    "real time, two parts": RealTime(contract=FREE, floor_per_kwh=0.0, cap_per_kwh=0.6),
    "own peak": DemandCharge(),
    "coincident peak": DemandCharge(basis="coincident_peak", system_peaks=3),
    "capacity": CapacityCharge(),
    "package": Package(prices=DAY_NIGHT, included_kwh=900.0, green_share=0.5),
    "priority": PriorityTariff(
        menu=PriorityService(classes={"firm": ServiceClass(reliability=0.9, charge_per_kw=2.0)}),
        choice="firm",
        subscribed_kw=2.0,
    ),
    "combined": CombinedTariff(
        parts=(ScheduledTariff(prices=DAY_NIGHT), LADDER, DemandCharge()), payment=Payment(method="direct_debit")
    ),
}
#: Those whose prices can be negative.
WHOLESALE = {"real time"}
USE = st.lists(st.integers(0, 5), min_size=48, max_size=48).map(lambda kwh: np.array(kwh, float))
each = pytest.mark.parametrize("kind", KINDS)


def due(tariff, kwh):
    """Return the total of a bill."""
    return total(tariff.bill(Meter(TURN, kwh), CONTEXT))


@each
@settings(deadline=None, max_examples=25)
@given(kwh=USE, hour=st.integers(0, 47))
def test_marginal_price_is_the_slope_of_the_bill(kind, kwh, hour):
    """A 64th of a kWh more in any hour adds its share of the marginal price to the bill."""
    tariff, step = KINDS[kind], 1 / 64
    more = kwh.copy()
    more[hour] += step
    price = tariff.marginal_price(Meter(TURN, kwh), CONTEXT)
    assert price.shape == (48,)
    assert (due(tariff, more) - due(tariff, kwh)) / step == pytest.approx(price[hour], abs=2e-3)


@each
@settings(deadline=None, max_examples=25)
@given(kwh=USE, more=USE)
def test_more_use_costs_no_less(kind, kwh, more):
    """Bills rise with use, but where the wholesale price is negative."""
    tariff = KINDS[kind]
    if kind in WHOLESALE:
        more = np.where(tariff.marginal_price(Meter(TURN, kwh), CONTEXT) > 0, more, 0.0)
    assert due(tariff, kwh + more) >= due(tariff, kwh) - 2e-5


@each
@settings(deadline=None, max_examples=25)
@given(kwh=USE)
def test_lines_explain_themselves_and_add_up(kind, kwh):
    """Each amount is quantity times price within a micro-unit; accounts and average price agree with the total."""
    tariff, meter = KINDS[kind], Meter(TURN, kwh)
    bill = tariff.bill(meter, CONTEXT)
    for line in bill:
        assert line.amount == round(line.amount * 1e6) / 1e6
        assert line.quantity * line.price == pytest.approx(line.amount, abs=1e-6, rel=1e-12) or not line.quantity
    assert len({line.line for line in bill}) == len(bill)
    whole = sum(line.amount for line in bill)
    assert sum(tariff.revenue(meter, CONTEXT).values()) == pytest.approx(whole, abs=1e-9)
    if kwh.any():
        assert tariff.average_price(meter, CONTEXT) * kwh.sum() == pytest.approx(whole, abs=1e-9)


@each
def test_it_survives_a_file(kind):
    """Written and read again it is the same tariff."""
    assert type(KINDS[kind]).model_validate(KINDS[kind].model_dump(mode="json")) == KINDS[kind]


@settings(deadline=None, max_examples=25)
@given(kwh=USE)
def test_average_and_marginal(kwh):
    """With a standing charge the average is at least the marginal price, under a ladder at most."""
    meter = Meter(TURN, kwh + 0.5)
    flat = KINDS["flat"]
    assert flat.average_price(meter) >= flat.marginal_price(meter).max() - 1e-6
    yearly = KINDS["blocks a month"]
    assert yearly.average_price(meter) <= yearly.marginal_price(meter).max() + 1e-6


@settings(deadline=None, max_examples=25)
@given(kwh=USE)
def test_the_scheduled_bill_is_the_simulations(kwh):
    """A metered bill has the lines that the tariff makes of energy by price class."""
    at_night = np.tile((np.arange(24) < 8) | (np.arange(24) >= 20), 2)
    by_class = [kwh[~at_night].sum(), kwh[at_night].sum()]
    assert KINDS["time of use"].bill(Meter(TURN, kwh)) == DAY_NIGHT.bill(by_class, 2)


def test_a_bill_that_is_not_a_number_is_refused():
    """A line of nan or without end is no bill; an amount without quantity has no price."""
    with pytest.raises(ValueError, match="line 'energy': given an amount of nan; allowed finite; check its price"):
        charge("energy", "retail", float("nan"), 0.5)
    with pytest.raises(ValueError, match="given an amount of inf"):
        charge_amount("fee", "retail", 1.0, float("inf"))
    assert np.isnan(charge_amount("fee", "retail", 0.0, 1.0).price)
    for energy in ([float("nan"), 1.0], [1.0], [-1.0, 1.0]):
        with pytest.raises(ValueError, match=r"retail_kwh: given .* for each of day, night; sum the meter"):
            DAY_NIGHT.bill(energy, 1)
    with pytest.raises(ValueError, match="used_before_kwh: given nan; allowed finite and at least 0"):
        Context(used_before_kwh=float("nan"))


def test_a_meter_is_not_written_to():
    """Its series is read-only, and a change of what it was made from does not reach it."""
    kwh = np.ones(48)
    meter = Meter(TURN, kwh)
    kwh[0] = 9.0
    assert meter.total_kwh == 48.0
    with pytest.raises(ValueError, match="read-only"):
        meter.withdrawal_kwh[0] = 2.0
