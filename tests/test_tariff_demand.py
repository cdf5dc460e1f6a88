"""Charges on power: own and coincident peaks, capacity, reactive energy; combined meters."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gridagora.markets.tariffs.demand_charge import CapacityCharge, DemandCharge, ReactiveCharge
from gridagora.markets.tariffs.metered import Context, Meter, combine
from gridagora.sim.clock import Calendar

#: 28 February and 1 March 2025: a 28th of one month, a 31st of the other.
TURN = Calendar(date(2025, 2, 28), 2, 60)
FEBRUARY = Calendar(date(2025, 2, 1), 28, 60)


def hours(calendar, **kwh):
    """Return energy by hour: 1 kWh but for those named h0, h1, ..."""
    used = np.ones(calendar.days * 24)
    for hour, value in kwh.items():
        used[int(hour[1:])] = value
    return used


def shown(bill):
    """Return name, quantity, price, amount and unit of each line."""
    return [(line.line, line.quantity, line.price, line.amount, line.unit) for line in bill]


def test_own_peak_by_hand():
    """A peak of 5 kW at 18:00 on 3 February costs 5 x 40; one more kWh then costs 40, at any other time nothing."""
    meter = Meter(FEBRUARY, hours(FEBRUARY, h66=5.0))
    bill = DemandCharge().bill(meter)
    assert shown(bill) == [("own peak of 5 kW at 2025-02-03 18:00, 2025-02", 5.0, 40.0, 200.0, "kW month")]
    assert bill[0].account == "network"
    price = DemandCharge().marginal_price(meter)
    assert np.flatnonzero(price).tolist() == [66]
    assert price[66] == 40.0


def test_part_of_a_month():
    """2 kW on the one day of February and 3 kW on that of March: 2 / 28 and 3 / 31 months of 40."""
    bill = DemandCharge().bill(Meter(TURN, hours(TURN, h5=2.0, h30=3.0)))
    assert [line.quantity for line in bill] == pytest.approx([2 / 28, 3 / 31])
    assert [line.amount for line in bill] == pytest.approx([80 / 28, 120 / 31], abs=1e-6)


def test_power_is_averaged():
    """In 5-minute periods 1, 0 and 0.5 kWh within a quarter of an hour are 6 kW; each kWh there costs 40 / 0.25."""
    calendar = Calendar(date(2025, 2, 1), 28, 5)
    used = np.zeros(28 * 288)
    used[3:6] = 1.0, 0.0, 0.5
    meter = Meter(calendar, used)
    (line,) = DemandCharge().bill(meter)
    assert (line.line, line.quantity) == ("own peak of 6 kW at 2025-02-01 00:15, 2025-02", 6.0)
    assert DemandCharge().marginal_price(meter)[:7].tolist() == [0, 0, 0, 160, 160, 160, 0]
    assert DemandCharge(window_minutes=60).bill(meter)[0].quantity == 1.5


def test_coincident_peak_by_hand():
    """The system peaks at 19:00 and 20:00 on the 1st, where the customer draws 2 and 4 kW: 3 kW, 20 a kWh."""
    meter = Meter(FEBRUARY, hours(FEBRUARY, h19=2.0, h20=4.0, h100=9.0))
    context = Context(system_load_kwh=hours(FEBRUARY, h19=90.0, h20=80.0))
    charge = DemandCharge(basis="coincident_peak", system_peaks=2)
    assert shown(charge.bill(meter, context)) == [
        ("coincident peak of 3 kW at 2025-02-01 19:00, 2025-02", 3.0, 40.0, 120.0, "kW month")
    ]
    price = charge.marginal_price(meter, context)
    assert np.flatnonzero(price).tolist() == [19, 20]
    assert price[19] == 20.0
    with pytest.raises(ValueError, match="system_load_kwh: given none"):
        charge.bill(meter)


def test_capacity_by_hand():
    """10 kVA contracted, 11.4 kW at a power factor of 0.95 are 12: 280 and 2 kVA at twice 28; a kWh then 58.947."""
    meter = Meter(FEBRUARY, hours(FEBRUARY, h40=11.4))
    context = Context(contracted_kva=10.0)
    bill = CapacityCharge().bill(meter, context)
    assert [(line.line, line.unit) for line in bill] == [
        ("contracted capacity, 2025-02", "kVA month"),
        ("capacity beyond the contract, 2025-02", "kVA month"),
    ]
    assert [(line.quantity, line.price, line.amount) for line in bill] == [
        pytest.approx((10.0, 28.0, 280.0)),
        pytest.approx((2.0, 56.0, 112.0)),
    ]
    price = CapacityCharge().marginal_price(meter, context)
    assert np.flatnonzero(price).tolist() == [40]
    assert price[40] == pytest.approx(56 / 0.95)
    within = Context(contracted_kva=20.0)
    assert len(CapacityCharge().bill(meter, within)) == 1
    assert not CapacityCharge().marginal_price(meter, within).any()


def test_apparent_power_from_reactive_energy():
    """3 kW and 4 kvar are 5 kVA, 1 beyond 4; one more kW adds 3 / 5 kVA."""
    meter = Meter(FEBRUARY, hours(FEBRUARY, h7=3.0), np.where(np.arange(672) == 7, 4.0, 0.0))
    context = Context(contracted_kva=4.0)
    bill = CapacityCharge().bill(meter, context)
    assert [line.amount for line in bill] == [112.0, 56.0]
    assert CapacityCharge().marginal_price(meter, context)[7] == pytest.approx(0.6 * 56)


def test_reactive_energy_by_hand():
    """At a least power factor of 0.8, 0.75 kvarh a kWh are free: of 600 for 672 kWh, 96; a kWh more frees 0.75."""
    meter = Meter(FEBRUARY, np.ones(672), np.full(672, 600 / 672))
    charge = ReactiveCharge(least_power_factor=0.8)
    (line,) = charge.bill(meter)
    assert (line.line, line.unit) == ("reactive energy below a power factor of 0.8, 2025-02", "kvarh")
    assert (line.quantity, line.price, line.amount) == pytest.approx((96.0, 0.1, 9.6))
    assert charge.marginal_price(meter) == pytest.approx(np.full(672, -0.075))
    better = Meter(FEBRUARY, np.ones(672), np.full(672, 0.7))
    assert charge.bill(better) == []
    assert not charge.marginal_price(better).any()


def test_refused():
    """What the meter or the context lacks is named; terms out of range are refused."""
    meter = Meter(FEBRUARY, hours(FEBRUARY))
    with pytest.raises(ValueError, match="reactive_kvarh: given none"):
        ReactiveCharge().bill(meter)
    with pytest.raises(ValueError, match="contracted_kva: given none"):
        CapacityCharge().bill(meter)
    with pytest.raises(ValueError, match="contracted_kva: given 0"):
        Context(contracted_kva=0.0)
    for values in ({"price_per_kw_month": -1.0}, {"window_minutes": 20}, {"system_peaks": 0}, {"basis": "peak"}):
        with pytest.raises(ValidationError, match=next(iter(values))):
            DemandCharge(**values)
    with pytest.raises(ValidationError, match="excess_factor"):
        CapacityCharge(excess_factor=0.5)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.full(48, np.nan), "withdrawal_kwh of period 0: given nan; allowed finite and at least 0"),
        (np.full(48, -1.0), "withdrawal_kwh of period 0: given -1"),
        (np.ones(47), r"withdrawal_kwh: given shape \(47,\); allowed \(48,\), one value a settlement period"),
    ],
)
def test_a_meter_refuses(values, text):
    """A bill of nan cannot arise: meters with gaps are refused."""
    with pytest.raises(ValueError, match=text):
        Meter(TURN, values)
    with pytest.raises(ValueError, match=text.replace("withdrawal_kwh", "reactive_kvarh")):
        Meter(TURN, np.ones(48), values)


def test_representative_days_are_refused():
    """A month's peak is not known from two days of it."""
    calendar = Calendar(date(2025, 2, 1), 28, 60, chosen=(0, 14))
    with pytest.raises(ValueError, match="calendar: given 2 representative days; allowed every day"):
        Meter(calendar, np.ones(672))


def test_combined_meters():
    """Peaks of 4 and 3 kW at different hours, each over 1 kW of the other, are one of 5 kW; reactive energy adds up."""
    first = Meter(TURN, hours(TURN, h3=4.0), np.ones(48))
    second = Meter(TURN, hours(TURN, h9=3.0), np.full(48, 0.5))
    both = combine([first, second])
    assert (both.withdrawal_kwh.max(), both.total_kwh) == (5.0, 101.0)
    assert both.reactive_kvarh.sum() == 72
    plain = Meter(TURN, np.ones(48))
    assert combine([plain, plain]).reactive_kvarh is None
    with pytest.raises(ValueError, match="reactive_kvarh: given for 1 of 2 meters; allowed for all or none"):
        combine([first, plain])
    with pytest.raises(ValueError, match="meters: given 0; allowed one or more of the same calendar"):
        combine([])
    with pytest.raises(ValueError, match="meters: given 2"):
        combine([first, Meter(FEBRUARY, np.ones(672))])


ENERGY = st.lists(st.floats(0, 9, allow_subnormal=False), min_size=48, max_size=48).map(np.array)


@given(ENERGY, ENERGY)
def test_one_peak_is_no_more_than_two(first, second):
    """Combined, meters pay no higher demand charge than apart, and no lower one than either."""

    def due(kwh):
        return sum(line.amount for line in DemandCharge().bill(Meter(TURN, kwh)))

    together = due(first + second)
    assert max(due(first), due(second)) - 4e-6 <= together <= due(first) + due(second) + 4e-6
