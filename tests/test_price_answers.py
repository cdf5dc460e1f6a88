"""Answers to prices day by day and month by month: forms, technology, habits, notices, believed prices (A1.2)."""

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.arcturus import arcturus_response, like_arcturus, peak_change
from gridagora.agents.demand import price_groups, price_response, respond
from gridagora.agents.perception import block_price, events_on
from gridagora.agents.price_answers import Awareness, Habit, PriceAnswers
from gridagora.markets.tariffs import CriticalPeak, Flat, RealTimePrices, TimeOfUse
from gridagora.markets.tariffs.blocks import IncreasingBlocks
from gridagora.markets.tariffs.rebate import PeakTimeRebate
from gridagora.scenarios.schema_population import Households
from gridagora.scenarios.schema_response import Arcturus, Notices
from gridagora.sim.clock import Calendar

#: Days in a row from Wednesday 1 June 2016, in hours.
CALENDAR = Calendar(date(2016, 6, 1), 400, 60)
DAY, SATURDAY = CALENDAR.day(0), CALENDAR.day(3)
HOUR = np.arange(24)
LOAD = np.array([np.where((HOUR >= 17) & (HOUR < 20), 2.0, 1.0)])
FREE = {"network_per_kwh": 0.0, "levy_per_kwh": 0.0}
EVENT = {"event_days": ["2016-06-01"], "event_windows": ["17:00-20:00"]}
WINDOW = (HOUR >= 17) & (HOUR < 20)


def peak_tariff(ratio, **more):
    """Return 0.2 off-peak and `ratio` times as much from 17 to 20 h."""
    windows = {"peak": ["17:00-20:00"], "valley": ["20:00-17:00"]}
    return TimeOfUse(energy_per_kwh={"peak": 0.2 * ratio, "valley": 0.2}, windows=windows, **FREE, **more)


def event_tariff(price=1.0, **classes):
    """Return an event price from 17 to 20 h of 1 June on a flat price of 0.2, or on time-of-use prices."""
    prices = classes or {"all": 0.2}
    windows = {"all": ["00:00-24:00"]} if not classes else {"peak": ["08:00-22:00"], "valley": ["22:00-08:00"]}
    season = {"months": list(range(1, 13)), "energy_per_kwh": prices, "windows": windows}
    return CriticalPeak(seasons={"year": season}, event_per_kwh=price, reference_per_kwh=0.2, **EVENT, **FREE)


def rebate_tariff(rebate):
    """Return a rebate for using less from 17 to 20 h of 1 June, on a flat price of 0.2."""
    return Flat(energy_per_kwh=0.2, rebate=PeakTimeRebate(rebate_per_kwh=rebate, **EVENT), **FREE)


def answers(**terms):
    """Return the answers of a population with one offer and 2400 kWh a year."""
    return PriceAnswers(Households(**terms), 1, 2400.0)


def factor(tariff, day=DAY, technology=False, model=None, **terms):
    """Return the factors of the first load on a day, at announced prices."""
    prices = tariff.energy_on(day, 24) + tariff.network_per_kwh + tariff.levy_per_kwh
    found = (model or answers(**terms)).factor(0, tariff, day, LOAD, prices, technology)
    return np.broadcast_to(found, LOAD.shape)[0]


@pytest.mark.parametrize("technology", [False, True])
@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 8])
def test_pilots_are_met_exactly_by_the_regression(ratio, technology):
    """O28: with `arcturus` the peak falls by what the regression says; the day keeps its energy."""
    found = factor(peak_tariff(ratio), technology=technology, response="arcturus")
    assert found[WINDOW] == pytest.approx(1 + float(peak_change(ratio, float(technology))), abs=1e-12)
    assert (found * LOAD[0]).sum() == pytest.approx(LOAD.sum(), abs=1e-12)


@pytest.mark.parametrize("technology", [False, True])
@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 8])
def test_pilots_are_met_by_substitution_once_calibrated(ratio, technology):
    """O28: sigma fitted at the five ratios to a peak of 6 of 27 kWh meets each within 2 percentage points."""
    sigma = like_arcturus([2, 3, 4, 5, 8], peak_share=6 / 27)
    with_it = like_arcturus([2, 3, 4, 5, 8], peak_share=6 / 27, technology=1.0)
    terms = {"substitution_elasticity": sigma, "daily_elasticity": 0.0, "technology_factor": with_it / sigma}
    found = factor(peak_tariff(ratio), technology=technology, response="ces", **terms)
    assert found[17] - 1 == pytest.approx(float(peak_change(ratio, float(technology))), abs=0.02)


@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 8])
def test_pilots_are_met_by_an_own_price_elasticity_once_calibrated(ratio):
    """O28: the logarithmic form at -0.0768, with off-peak prices at the reference, stays within 2 percentage points."""
    terms = {"own_elasticity": -like_arcturus([2, 3, 4, 5, 8]), "cross_elasticity": 0.0, "response": "log"}
    found = factor(peak_tariff(ratio, reference_per_kwh=0.2), **terms)
    assert found[17] - 1 == pytest.approx(float(peak_change(ratio)), abs=0.02)
    assert found[0] == 1.0


def test_calibration_without_intercept_is_the_slope_at_small_ratios():
    """-ln(1 - 0.065 ln R) / ln R tends to 0.065; a peak that is half of the load needs twice as much."""
    assert like_arcturus([1.001], drop_intercept=True) == pytest.approx(0.065, rel=1e-3)
    assert like_arcturus([1.001], peak_share=0.5, drop_intercept=True) == pytest.approx(0.13, rel=1e-3)
    with pytest.raises(ValueError, match="ratios: given 1 at place 0"):
        like_arcturus([1.0])


def test_a_dear_event_beside_a_peak():
    """Six periods at 0.3, ten at 0.6 and two at 3: the mean is 0.733, the event alone is above, at ratio 3 / 0.4875."""
    prices = np.array([0.3] * 6 + [0.6] * 10 + [3.0] * 2)
    found = arcturus_response(prices, np.array([0] * 6 + [1] * 10 + [2] * 2), np.ones((1, 18)))[0]
    assert found[-1] == pytest.approx(1 + float(peak_change(3 / 0.4875)), abs=1e-12)
    assert (found[:16] > 1).all()


def test_each_period_of_the_peak_by_its_own_ratio():
    """At 1, 2, 8, 1 the mean is 3; at 1, 4, 5, 1 two periods are dearer than 2.75 and fall by ratios 4 and 5."""
    found = arcturus_response(np.array([1.0, 4.0, 5.0, 1.0]), np.arange(4), np.ones((1, 4)), rebound=0.0)[0]
    assert found == pytest.approx([1, 1 + float(peak_change(4.0)), 1 + float(peak_change(5.0)), 1], abs=1e-12)


def test_rebound_and_intercept_come_from_the_section():
    """Without rebound nothing arrives off-peak; without intercept a ratio of 2 takes 0.065 ln 2."""
    found = factor(peak_tariff(2), response="arcturus", arcturus=Arcturus(rebound=0.0, drop_intercept=True))
    assert found[0] == 1.0
    assert found[17] == pytest.approx(1 - 0.065 * np.log(2), abs=1e-12)


def test_technology_multiplies_elasticities():
    """At relative price 1.5 an elasticity of -0.1 takes 5 %, with a factor of 2 it takes 10 %."""
    tariff = Flat(energy_per_kwh=0.3, reference_per_kwh=0.2, **FREE)
    terms = {"own_elasticity": -0.1, "technology_factor": 2.0}
    assert factor(tariff, **terms) == pytest.approx(0.95)
    assert factor(tariff, technology=True, **terms) == pytest.approx(0.90)
    assert factor(tariff, technology=True, technology_awareness=0.25, **terms) == pytest.approx(0.975)


def test_prices_of_the_day_decide():
    """On 1 June the event price holds, on 2 June the flat one; the answer follows."""
    terms = {"own_elasticity": -0.03, "cross_elasticity": 0.0}
    found = factor(event_tariff(), **terms)
    assert found[WINDOW] == pytest.approx(1 - 0.03 * 4)
    assert (found[~WINDOW] == 1.0).all()
    assert (factor(event_tariff(), CALENDAR.day(1), **terms) == 1.0).all()
    assert events_on(event_tariff(), DAY, 24).tolist() == WINDOW.tolist()


def test_rebate_moves_load_in_the_event_only_and_less_than_a_price():
    """O29, O30: 0.8 beside 0.2 takes 12 % as a price, at salience 2/3 it takes 8 % as a rebate; other hours stay."""
    terms = {"own_elasticity": -0.03, "cross_elasticity": 0.0, "rebate_salience": 2 / 3}
    price, rebate = factor(event_tariff(1.0), **terms), factor(rebate_tariff(0.8), **terms)
    assert price[WINDOW] == pytest.approx(0.88)
    assert rebate[WINDOW] == pytest.approx(0.92)
    assert (rebate[~WINDOW] == 1.0).all()
    assert (factor(rebate_tariff(0.8), CALENDAR.day(1), **terms) == 1.0).all()
    assert (events_on(rebate_tariff(0.8), DAY, 24) == WINDOW).all()


def test_events_on_top_of_other_prices_can_be_too_much():
    """O65: an event alone takes 19 %; on time-of-use prices, at a discount of 1 - 5/19, it takes 5 %."""
    terms = {"own_elasticity": -0.19 / 4, "cross_elasticity": 0.0, "price_complexity_discount": 1 - 5 / 19}
    combined = event_tariff(peak=0.3, valley=0.1)
    assert factor(event_tariff(), **terms)[17] == pytest.approx(0.81)
    assert factor(combined, **terms)[17] == pytest.approx(0.95)
    assert factor(combined, **{**terms, "price_complexity_discount": 0.0})[17] == pytest.approx(0.81)
    # On days without event time-of-use prices work as ever.
    assert factor(combined, CALENDAR.day(1), **terms)[17] == pytest.approx(1 - 0.19 / 4 * 0.5)


def test_price_of_every_period_its_own():
    """At 1, 2, 3 and reference 1 the rest of the day is 1.5, 1 and 0.5 dearer: cross-elasticity is to that mean."""
    prices = np.array([1.0, 2.0, 3.0])
    classes, rest = price_groups(prices, np.zeros(3, np.uint8))
    assert (classes.tolist(), rest) == ([0, 1, 2], True)
    found = price_response(prices, 1.0, classes, np.ones(3), -0.1, 0.02, rest=rest)
    assert found == pytest.approx([1 + 0.03, 1 - 0.1 + 0.02, 1 - 0.2 + 0.01])


def test_price_groups_of_a_tariff():
    """Classes with a price each stay; a day of one price is one class, so that nothing crosses."""
    classes = np.array([0, 0, 1], np.uint8)
    kept, rest = price_groups(np.array([1.0, 1.0, 2.0]), classes)
    assert kept is classes
    assert not rest
    assert price_groups(np.ones(3), classes)[0].tolist() == [0, 0, 0]


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.5, 1.5]), min_size=2, max_size=8).filter(lambda p: len(set(p)) == 2))
def test_two_prices_answer_alike_as_classes_and_as_periods(prices):
    """With two prices the rest of the day is the other class."""
    array = np.array(prices)
    classes = (array > 1).astype(np.uint8)
    by_class = price_response(array, 1.0, classes, np.ones(array.size), -0.1, 0.02)
    by_rest = price_response(array, 1.0, classes, np.ones(array.size), -0.1, 0.02, rest=True)
    assert by_class == pytest.approx(by_rest, abs=1e-12)


def test_real_time_prices_are_answered_as_they_come():
    """The pool at 0.48 in hour 0 and 0.18 else, margin 0.02: 0.5 against an expected 0.2 takes 15 % at -0.1."""
    tariff = RealTimePrices(expected_per_kwh=0.2, **FREE)
    prices = tariff.energy_on(DAY, 24, np.where(HOUR == 0, 0.48, 0.18))
    model = answers(own_elasticity=-0.1, cross_elasticity=0.0)
    assert model.factor(0, tariff, DAY, LOAD, prices, False)[:2] == pytest.approx([0.85, 1.0])


def test_conservation():
    """Of the 0.14 that a neutral form takes from the dear class half arrives: 1 + 0.14 / 3 / 2 in the other."""
    prices, load = np.array([0.6, 0.3]), np.array([1.0, 3.0])
    terms = {"neutral": True, "conservation": 0.5}
    found = price_response(prices, 0.5, np.array([0, 1]), load, -0.1, 0.0, **terms)
    # 1 - 0.02 + 0.5 x 0.3 x (-0.4) and 1 + 0.04 + 0.5 x 0.1 / 3 x 0.2
    assert found == pytest.approx([0.92, 1.04 + 0.01 / 3])


def test_habits_cover_a_fifth_of_the_way_each_month():
    """An answer of -10 % is -2 % in the first month, -3.6 % in the second, -10 (1 - 0.8^13) % in the thirteenth."""
    tariff = Flat(energy_per_kwh=0.4, reference_per_kwh=0.2, **FREE)
    model = answers(own_elasticity=-0.1, habit=0.2)
    days = [CALENDAR.day(index) for index in (0, 29, 30, 365)]
    assert [day.month_index for day in days] == [0, 0, 1, 12]
    found = [factor(tariff, day, model=model)[0] for day in days]
    assert found == pytest.approx([0.98, 0.98, 0.964, 1 - 0.1 * (1 - 0.8**13)])


def test_habits_lead_from_tariff_to_tariff():
    """After a month at 0.4 the price falls to 0.2: of the 2 % four fifths stay, then 0.64 of them."""
    dear, cheap = (Flat(energy_per_kwh=price, reference_per_kwh=0.2, **FREE) for price in (0.4, 0.2))
    model = answers(own_elasticity=-0.1, habit=0.2)
    first = factor(dear, CALENDAR.day(0), model=model)[0]
    later = [factor(cheap, CALENDAR.day(index), model=model)[0] for index in (30, 61)]
    assert first == pytest.approx(0.98)
    assert later == pytest.approx([1 - 0.02 * 0.8, 1 - 0.02 * 0.64])


def test_habit_weights_sum_to_one_and_forget():
    """Months skipped count for the tariff that was in force; what weighs less than one in a million is dropped."""
    a, b = Flat(energy_per_kwh=0.1), Flat(energy_per_kwh=0.2)
    habit = Habit(0.5)
    assert habit.mix(a, 0) == [(None, 0.5), (a, 0.5)]
    assert habit.mix(b, 3) == [(None, 0.0625), (a, 0.4375), (b, 0.5)]
    assert habit.mix(b, 3) == [(None, 0.0625), (a, 0.4375), (b, 0.5)]
    assert habit.mix(Flat(energy_per_kwh=0.2), 40) == [(b, 1.0)]


def test_months_of_an_appraisal_may_fall():
    """Asked about January in April, habits and awareness are April's, and in May a month older, not four."""
    a, b = Flat(energy_per_kwh=0.1), Flat(energy_per_kwh=0.2)
    habit = Habit(0.5)
    habit.mix(a, 0)
    assert habit.mix(b, 3) == habit.mix(b, 0) == [(None, 0.0625), (a, 0.4375), (b, 0.5)]
    assert habit.mix(b, 4) == [(None, 0.03125), (a, 0.21875), (b, 0.75)]
    awareness = Awareness([0.5, 1.0], Notices(per_month=1, rise=0.5, decay_per_month=0.2))
    assert [awareness.of_month(month)[0] for month in (3, 0, 4)] == pytest.approx([0.75, 0.75, 0.85])


def test_at_once_by_default():
    """A habit of 1 answers a new tariff in full on its first day, to the last bit."""
    terms, tariff = Households(), peak_tariff(3)
    assert (factor(tariff) == respond(terms, tariff, DAY, 24, LOAD)).all()
    model = answers()
    factor(Flat(), model=model)
    assert (factor(tariff, model=model) == respond(terms, tariff, DAY, 24, LOAD)).all()


def test_notices_raise_awareness_and_time_brings_it_back():
    """From 0.5: half of what is missing to 0.75; of the added 0.25 a fifth is forgotten, 0.7, then 0.85."""
    awareness = Awareness([0.5, 1.0], Notices(per_month=1, rise=0.5, decay_per_month=0.2))
    assert awareness.of_month(0) == pytest.approx([0.75, 1.0])
    assert awareness.of_month(0) == pytest.approx([0.75, 1.0])
    assert awareness.of_month(1) == pytest.approx([0.85, 1.0])
    skipped = Awareness([0.5, 1.0], Notices(per_month=2, rise=0.5, decay_per_month=0.2))
    # 0.875; 0.8 of 0.375 is left, 0.95; 0.8 of 0.45 is left, 0.965.
    assert [skipped.of_month(0)[0], skipped.of_month(2)[0]] == pytest.approx([0.875, 0.965])
    assert Awareness([0.5, 1.0], None).of_month(7) == [0.5, 1.0]


def test_notices_reach_the_answer():
    """Awareness of 0 and a rise of 0.1: a tenth of the response shows."""
    tariff = Flat(energy_per_kwh=0.4, reference_per_kwh=0.2, **FREE)
    terms = {"own_elasticity": -0.1, "awareness": 0.0}
    assert factor(tariff, **terms)[0] == 1.0
    assert factor(tariff, notices=Notices(), **terms)[0] == pytest.approx(0.99)


def issued(*lines):
    """Return lines of a bill: offer, account, quantity, amount."""
    return [
        SimpleNamespace(offer=offer, line=SimpleNamespace(account=account), quantity=quantity, amount=amount)
        for offer, account, quantity, amount in lines
    ]


def test_the_average_price_is_the_last_bill_over_its_energy():
    """300 + 50 + 50 for 1000 kWh, what is fed in apart: 0.4 against a reference of 0.2, one price at all times."""
    tariff = peak_tariff(4, reference_per_kwh=0.2)
    model = answers(own_elasticity=-0.1, cross_elasticity=0.01, perceived_price="average")
    assert (factor(tariff, model=model) == 1.0).all()
    bill = (
        ("flat", "retail", 1000.0, 300.0),
        ("flat", "network", 1000.0, 50.0),
        ("flat", "levy", 1000.0, 50.0),
        ("flat", "feed_in", 500.0, -100.0),
    )
    model.remember(["flat"], issued(*bill), np.array([5]), 30)
    assert model.average == [0.4]
    assert model.monthly_kwh == pytest.approx([1000 / 5 * 365.25 / 12 / 30])
    assert factor(tariff, model=model) == pytest.approx(0.9)


def test_offers_remember_their_own_bills():
    """An offer without members, and one without energy, keep what they had."""
    model = PriceAnswers(Households(), 3, 2400.0)
    bill = issued(("a", "retail", 100.0, 30.0), ("a", "levy", 100.0, 0.0), ("b", "retail", 0.0, 5.0))
    model.remember(["a", "b", "c"], bill, np.array([1, 1, 0]), 30)
    assert model.average == [0.3, None, None]
    assert model.monthly_kwh[1:] == [200.0, 200.0]


LADDER = IncreasingBlocks(limits_kwh=(150.0, 400.0), prices_per_kwh=(0.0, 0.1, 0.3))


def test_blocks_as_members_believe_them():
    """Of 200 kWh, 50 cost 0.1 more: marginal 0.1, average 0.025; with a spread of 20 kWh 0.62 % of the first block."""
    assert block_price("marginal", LADDER, 200.0) == pytest.approx(0.1)
    assert block_price("average", LADDER, 200.0) == pytest.approx(0.025)
    # Normal distribution: 150 is 2.5 standard deviations below 200, P = 0.0062097.
    assert block_price("expected_marginal", LADDER, 200.0) == pytest.approx(0.1 * (1 - 0.0062097), abs=1e-7)
    yearly = IncreasingBlocks(limits_kwh=(1800.0, 4800.0), prices_per_kwh=(0.0, 0.1, 0.3), accumulate="year")
    assert block_price("average", yearly, 200.0) == pytest.approx(0.025)


def test_blocks_with_a_quota():
    """A quota of 50 kWh is free, the next 100 cost 0.2: 20 / 150; one as large as the first block replaces it."""
    terms = {"limits_kwh": (150.0, 400.0), "prices_per_kwh": (0.2, 0.4, 0.6)}
    assert block_price("average", IncreasingBlocks(free_kwh=50.0, **terms), 150.0) == pytest.approx(20 / 150)
    whole = IncreasingBlocks(free_kwh=150.0, **terms)
    assert block_price("average", whole, 200.0) == pytest.approx(20 / 200)
    assert block_price("marginal", whole, 100.0) == 0.0


def test_blocks_in_the_answer():
    """2400 kWh a year: the next kWh costs 0.3, the mean one 0.225, which is the reference; a third more takes 3.3 %."""
    tariff = Flat(energy_per_kwh=0.2, blocks=LADDER, **FREE)
    assert factor(tariff, own_elasticity=-0.1) == pytest.approx(1 - 0.1 * (0.3 / 0.225 - 1))
    given_reference = Flat(energy_per_kwh=0.2, blocks=LADDER, reference_per_kwh=0.3, **FREE)
    assert factor(given_reference, own_elasticity=-0.1) == pytest.approx(1.0)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["linear", "log", "ces"]),
    st.floats(1.0, 8.0),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["marginal", "average", "expected_marginal"]),
    st.floats(0.05, 1.0),
)
def test_without_elasticity_no_price_moves_load(form, ratio, neutral, technology, perceived, habit):
    """Zero elasticity changes bills, never load: the factor is 1 to the last bit in every form."""
    zero = ("own_elasticity", "cross_elasticity", "substitution_elasticity", "daily_elasticity")
    terms = {"load_neutral": neutral, "perceived_price": perceived, "habit": habit} | dict.fromkeys(zero, 0.0)
    for tariff in (peak_tariff(ratio), event_tariff(), rebate_tariff(0.5)):
        found = factor(tariff, technology=technology, response=form, **terms)
        assert (found == 1.0).all() if habit == 1.0 else found == pytest.approx(1.0, abs=1e-15)


def test_an_appraisal_ahead_changes_no_habit():
    """Answers apart may see months to come: what members do now is what they would have done without."""
    tariff, terms = peak_tariff(3.0), {"habit": 0.4, "notices": Notices(per_month=2, rise=0.3, decay_per_month=0.1)}
    model, untouched = answers(own_elasticity=-0.2, **terms), answers(own_elasticity=-0.2, **terms)
    factor(tariff, model=model)
    factor(tariff, model=untouched)
    before = factor(tariff, model=model.apart())
    ahead = factor(tariff, day=CALENDAR.day(300), model=model.apart())
    assert np.array_equal(factor(tariff, model=model), before)
    assert not np.array_equal(ahead, before)
    assert np.array_equal(
        factor(tariff, CALENDAR.day(40), model=model), factor(tariff, CALENDAR.day(40), model=untouched)
    )
