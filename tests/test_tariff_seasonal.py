"""Seasons, day types and critical-peak days."""

from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError

from gridagora.markets.tariffs.flat import Flat
from gridagora.markets.tariffs.metered import Meter
from gridagora.markets.tariffs.seasonal import CriticalPeak, ScheduledTariff, Season, SeasonalTimeOfUse
from gridagora.scenarios.testing import TariffContract
from gridagora.sim.clock import Calendar

SUMMER = Season(
    months=(6, 7, 8),
    energy_per_kwh={"sharp": 0.9, "flat": 0.4},
    windows={"sharp": ["12:00-14:00"], "flat": ["14:00-12:00"]},
    saturday_windows={"flat": ["00:00-24:00"]},
)
REST = Season(
    months=(1, 2, 3, 4, 5, 9, 10, 11, 12), energy_per_kwh={"all day": 0.3}, windows={"all day": ["00:00-24:00"]}
)
DAY_TYPES = Season(
    months=tuple(range(1, 13)),
    energy_per_kwh={"peak": 0.5, "valley": 0.2},
    windows={"peak": ["08:00-20:00"], "valley": ["20:00-08:00"]},
    saturday_windows={"peak": ["10:00-12:00"], "valley": ["12:00-10:00"]},
    sunday_windows={"valley": ["00:00-24:00"]},
)
CLEAN = {"network_per_kwh": 0.0, "levy_per_kwh": 0.0}


def critical(**changed):
    """Return a flat price of 0.3 with an event price of 2 from 17:00 to 19:00 on 1 July 2025."""
    values = {
        "seasons": {
            "year": Season(months=tuple(range(1, 13)), energy_per_kwh={"base": 0.3}, windows={"base": ["00:00-24:00"]})
        },
        "event_days": (date(2025, 7, 1),),
        "event_windows": ["17:00-19:00"],
        "event_per_kwh": 2.0,
        **CLEAN,
    }
    return CriticalPeak(**{**values, **changed})


def meter(start, days, kwh=1.0):
    """Return an hourly meter of equal values."""
    return Meter(Calendar(start, days, 60), np.full(24 * days, kwh))


class TestDayTypes(TariffContract):
    """One season keeps what every tariff keeps."""

    tariff = SeasonalTimeOfUse(seasons={"year": DAY_TYPES}, standing_per_day=0.1)


def test_day_types():
    """Peak for 12 hours on workdays, 2 on Saturdays, none on Sundays; without Sunday windows Saturdays' hold."""
    tariff = SeasonalTimeOfUse(seasons={"year": DAY_TYPES})
    assert tariff.classes == ("peak", "valley")
    hours = [(tariff.class_of_period(day, 24) == 0).sum() for day in ("workday", "saturday", "sunday")]
    assert hours == [12, 2, 0]
    assert (SUMMER.class_of_period("sunday", 24) == 1).all()


def test_seasons_bill_by_hand():
    """1 kWh an hour on Saturday 31 May, Sunday 1 and Monday 2 June 2025: 24 at 0.3, 2 at 0.9 and 46 at 0.4."""
    tariff = SeasonalTimeOfUse(seasons={"summer": SUMMER, "rest": REST}, standing_per_day=0.5, **CLEAN)
    assert tariff.classes == ("summer sharp", "summer flat", "rest all day")
    used = meter(date(2025, 5, 31), 3)
    bill = ScheduledTariff(prices=tariff).bill(used)
    assert [(line.line, line.quantity, line.price, line.amount) for line in bill] == [
        ("energy summer sharp", 2.0, 0.9, 1.8),
        ("energy summer flat", 46.0, 0.4, 18.4),
        ("energy rest all day", 24.0, 0.3, 7.2),
        ("standing charge", 3.0, 0.5, 1.5),
    ]
    price = ScheduledTariff(prices=tariff).marginal_price(used)
    assert price.tolist() == [0.3] * 24 + [0.4] * 24 + [0.4] * 12 + [0.9] * 2 + [0.4] * 10
    assert ScheduledTariff(prices=tariff).average_price(used) == pytest.approx(28.9 / 72)


def test_prices_that_depend_on_the_date_are_not_told_by_day_type():
    """Who asks by day type alone gets no answer rather than a wrong one."""
    text = r"^tariff with 2 season\(s\): prices depend on the date; ask class_on\(day, periods\)$"
    with pytest.raises(ValueError, match=text):
        SeasonalTimeOfUse(seasons={"summer": SUMMER, "rest": REST}).class_of_period("workday", 24)
    with pytest.raises(ValueError, match="prices depend on the date"):
        critical().class_of_period("workday", 24)


def test_reference_price():
    """A quarter of the year at (2 x 0.9 + 22 x 0.4) / 24, the rest at 0.3; a given one comes first."""
    seasons = {"summer": SUMMER, "rest": REST}
    expected = 0.25 * 10.6 / 24 + 0.75 * 0.3
    assert SeasonalTimeOfUse(seasons=seasons, **CLEAN).reference_price(24) == pytest.approx(expected)
    assert SeasonalTimeOfUse(seasons=seasons).reference_price(24) == pytest.approx(expected + 0.197)
    assert SeasonalTimeOfUse(seasons=seasons, reference_per_kwh=0.5).reference_price(24) == 0.5


def test_flat_and_others_by_date():
    """A tariff without seasons has on every date the classes of its day type."""
    day = Calendar(date(2025, 7, 5), 1, 60).day(0)
    assert (Flat().class_on(day, 96) == Flat().class_of_period("saturday", 96)).all()


@pytest.mark.parametrize(
    ("seasons", "text"),
    [
        ({"rest": REST}, "seasons: month 6 belongs to 0 of rest; allowed months 1 to 12, each in one season"),
        ({"rest": REST, "year": DAY_TYPES}, "seasons: month 1 belongs to 2 of rest, year"),
        ({"year": DAY_TYPES.model_copy(update={"months": tuple(range(1, 14))})}, "month 13 belongs to 1"),
        ({"year": DAY_TYPES.model_copy(update={"months": tuple(range(13))})}, "month 0 belongs to 1"),
        ({}, "at least 1 item"),
    ],
)
def test_seasons_that_leave_gaps_or_overlap_are_refused(seasons, text):
    """Each month belongs to one season."""
    with pytest.raises(ValidationError, match=text):
        SeasonalTimeOfUse(seasons=seasons)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"windows": {"peak": ["08:00-20:00"]}}, "windows leave a gap at 00:00"),
        ({"saturday_windows": {"peak": ["00:00-24:00"], "valley": ["10:00-12:00"]}}, "windows overlap at 10:00"),
        ({"sunday_windows": {"other": ["00:00-24:00"]}}, "no such price class"),
        ({"energy_per_kwh": {"peak": -0.5, "valley": 0.2}}, "greater than or equal to 0"),
        ({"months": ()}, "months"),
    ],
)
def test_windows_of_a_season_cover_each_day_once(changed, text):
    """Gaps, overlaps, unknown classes and negative prices are refused for each day type."""
    with pytest.raises(ValidationError, match=text):
        Season(**{**DAY_TYPES.model_dump(), **changed})


def test_critical_peak_bill_by_hand():
    """On 30 June and 1 July 2025 46 kWh cost 0.3 and 2 in the event cost 2 each: 13.8 and 4."""
    bill = ScheduledTariff(prices=critical()).bill(meter(date(2025, 6, 30), 2))
    assert [(line.line, line.quantity, line.price, line.amount) for line in bill] == [
        ("energy base", 46.0, 0.3, 13.8),
        ("energy critical peak", 2.0, 2.0, 4.0),
    ]
    price = ScheduledTariff(prices=critical()).marginal_price(meter(date(2025, 6, 30), 2))
    assert np.flatnonzero(price == 2.0).tolist() == [41, 42]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"event_days": ()}, "event_days"),
        ({"event_windows": []}, "event_windows"),
        ({"event_windows": ["17:00-19:00", "18:00-20:00"]}, r"overlap at step 216 of 5 minutes; keep one"),
        ({"event_per_kwh": 0.3}, "event_per_kwh: given 0.3; allowed above the highest price, 0.3"),
        ({"event_days": (date(2025, 7, 2), date(2025, 7, 1))}, "event_days: given 2 that repeat or fall"),
        ({"event_days": (date(2025, 7, 1), date(2025, 7, 1))}, "event_days: given 2 that repeat or fall"),
        (
            {"event_days": (date(2025, 7, 1), date(2025, 7, 2)), "most_days_a_year": 1},
            "event_days: given 2 in 2025; allowed 1; call fewer or raise most_days_a_year",
        ),
        (
            {
                "seasons": {
                    "year": REST.model_copy(
                        update={
                            "months": tuple(range(1, 13)),
                            "energy_per_kwh": {"critical peak": 0.1},
                            "windows": {"critical peak": ["00:00-24:00"]},
                        }
                    )
                }
            },
            "energy_per_kwh of 'critical peak': the name is the event price's",
        ),
    ],
)
def test_critical_peak_refuses(changed, text):
    """Without days or windows, with a price that is none, or too many days, there is no critical-peak tariff."""
    with pytest.raises(ValidationError, match=text):
        critical(**changed)


def test_an_event_within_a_settlement_period_is_refused():
    """A window from 17:15 needs periods of 15 minutes."""
    tariff = critical(event_windows=["17:15-19:00"])
    day = Calendar(date(2025, 7, 1), 1, 15).day(0)
    assert (tariff.class_on(day, 96) == 1).sum() == 7
    with pytest.raises(ValueError, match="begins or ends within a settlement period of 60 minutes; move it or choose"):
        tariff.class_on(day, 24)


@pytest.mark.parametrize("tariff", [critical(), SeasonalTimeOfUse(seasons={"summer": SUMMER, "rest": REST})])
def test_they_survive_a_file(tariff):
    """Written and read again they are the same, alone and within a metered tariff."""
    assert type(tariff).model_validate(tariff.model_dump(mode="json")) == tariff
    whole = ScheduledTariff(prices=tariff)
    assert ScheduledTariff.model_validate(whole.model_dump(mode="json")) == whole
