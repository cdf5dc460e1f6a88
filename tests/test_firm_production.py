"""Firms of a kind share one plan, whatever their size and day."""

from datetime import date

import numpy as np
import pytest

from gridagora.agents.firm_production import FirmProduction, day_of, planner_of
from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.schema_firms import Production
from gridagora.sim.clock import Calendar

CALENDAR = Calendar(date(2016, 1, 30), 4, 60)
TERMS = Production(flexible_share=0.5, stock_hours=6.0, holding_per_kwh_hour=0.001)
#: Work from 8 to 18 at 2, otherwise 1, and the same an hour earlier.
SHAPE = np.where((np.arange(24) >= 8) & (np.arange(24) < 18), 2.0, 1.0)
EXPECTED = np.stack([SHAPE, np.roll(SHAPE, -1)]) * 1e-3
ONE = np.ones(1, bool)
DEAR = np.where((np.arange(24) >= 9) & (np.arange(24) < 12), 1.0, 0.3)


def test_one_price_changes_nothing():
    """Without price differences firms follow their profiles, also where a firm is closed for hours or for days."""
    production = FirmProduction(TERMS)
    closed = np.where(np.arange(24) < 6, 0.0, SHAPE)
    expected = np.stack([SHAPE, np.roll(SHAPE, -1), closed, closed, 0 * SHAPE, 0 * SHAPE])
    made = production.scheduled(CALENDAR.day(0), 0, np.full(24, 0.5), 0.0, expected, np.ones(3, bool))
    np.testing.assert_allclose(made, expected, rtol=1e-6, atol=1e-12)


def test_dear_hours_lose_load():
    """Three dear hours lose about as much as store and spare capacity allow; every load keeps the day's energy."""
    made = FirmProduction(TERMS).scheduled(CALENDAR.day(0), 0, DEAR, 0.0, EXPECTED, ONE)
    np.testing.assert_allclose(made.sum(axis=1), EXPECTED.sum(axis=1), rtol=1e-6)
    mean, dear = EXPECTED.mean(axis=0), DEAR == 1.0
    # The store holds 6 h x 0.5 kWh at a mean load of 1 kW and is half full: 1.5 kWh more, and 1.5 fewer, than usual.
    usual = mean / mean.sum() * 24
    moved = (usual - made.mean(axis=0) / made.sum(axis=1).mean() * 24)[dear].sum()
    assert moved == pytest.approx(min(3.0, 0.5 * usual[dear].sum()), rel=0.02)
    assert (made >= 0.5 * EXPECTED * 0.9).all()
    assert made.min() >= 0


def test_a_price_above_the_margin_stops_production():
    """Where energy costs more than its product earns all day, the flexible half of the load is gone."""
    price = np.full(24, TERMS.margin_per_kwh + 0.5)
    made = FirmProduction(TERMS).scheduled(CALENDAR.day(0), 0, price, 0.0, EXPECTED, ONE)
    np.testing.assert_allclose(made, 0.5 * EXPECTED, rtol=1e-6)


def test_profiles_without_firms_stay():
    """Nobody plans for a kind of firm that there is none of."""
    production, both = FirmProduction(TERMS), np.concatenate([EXPECTED, EXPECTED])
    made = production.scheduled(CALENDAR.day(0), 0, DEAR, 0.0, both, np.array([False, True]))
    np.testing.assert_array_equal(made[:2], EXPECTED)
    assert (made[2:] != EXPECTED).any()
    assert list(production.planned) == [(0, 1)]


def test_overtime_needs_a_reason():
    """A night that is cheaper by less than overtime's wage attracts nothing, by more it does."""
    night = np.arange(24) >= 22
    for saving, moves in ((0.15, False), (0.3, True)):
        price = np.where(night, 0.5 - saving, 0.5)
        made = FirmProduction(TERMS).scheduled(CALENDAR.day(0), 0, price, 0.0, EXPECTED, ONE)
        assert (made[0, night].sum() > EXPECTED[0, night].sum() * 1.01) == moves


def test_peaks_are_those_of_the_month():
    """A demand charge flattens the first day; a later peak of the same month is free up to it, in a new month not."""
    production, flat = FirmProduction(TERMS), np.full(24, 0.5)
    plans = {}
    for day in range(4):
        plans[day] = production.scheduled(CALENDAR.day(day), 0, flat, 40.0, EXPECTED, ONE)
        again = production.scheduled(CALENDAR.day(day), 0, flat, 40.0, EXPECTED, ONE)
        np.testing.assert_array_equal(again, plans[day])
    usual = EXPECTED.mean(axis=0).max()
    assert plans[0].mean(axis=0).max() < 0.95 * usual
    assert plans[1].mean(axis=0).max() == pytest.approx(plans[0].mean(axis=0).max(), rel=1e-6)
    assert set(production.peaks) == {(0, 0)} and production.month == 1
    # 30 and 31 January, then February begins anew: its first day knows of no peak.
    np.testing.assert_allclose(plans[2], plans[0], rtol=1e-6)
    free = FirmProduction(TERMS).scheduled(CALENDAR.day(0), 0, flat, 0.0, EXPECTED, ONE)
    np.testing.assert_allclose(free, EXPECTED, rtol=1e-6)


def test_the_day_of_a_firm():
    """Orders are the flexible half of a usual day, capacity a quarter above its highest, crews by day only."""
    usual = SHAPE / SHAPE.sum() * 24
    day = day_of(TERMS, DEAR, usual, 3.0)
    assert day.orders.sum() == pytest.approx(12.0)
    assert day.capacity.max() == pytest.approx(1.25 * 0.5 * usual.max())
    np.testing.assert_allclose(day.crew[0, [0, 23]], day.orders[0, [0, 23]])
    assert day.crew[0, 6] == day.capacity[0, 6]
    assert (day.stock.tolist(), float(day.peak_kw)) == ([1.5], 3.0)
    line = planner_of(TERMS, 0.0, 24).plant.lines[0]
    assert (line.stock, line.energy, line.margin) == (3.0, 1.0, 3.0)


def test_refusals():
    """A programme without firms that can follow it, and a shift that is no window, are refused."""
    with pytest.raises(ScenarioError, match=r"firms.technology_share: given with production, which only firms with"):
        load("quickstart", {"firms.production": {}})
    with pytest.raises(ScenarioError, match=r"firms.production.shift: window '6-22' is not of the form"):
        load("quickstart", {"firms.production": {"shift": ["6-22"]}, "firms.technology_share": 0.5})
