"""What members' answers to prices add up to in a run: pilots, events, rebates, real-time prices, no elasticity."""

import numpy as np
import pytest

from gridagora.agents.arcturus import like_arcturus, peak_change
from gridagora.agents.columns import LOAD
from gridagora.scenarios.load import ScenarioError, load

RATIOS = (2, 3, 4, 5, 8)
HOUR = np.arange(24)
WINDOW = (HOUR >= 17) & (HOUR < 20)
#: Hours, without the online auction.
SMALL = {"firms.count": 1, "farms.count": 1, "time.period_minutes": 60, "market.online": False}
FREE = {"network_per_kwh": 0.0, "levy_per_kwh": 0.0}
WINDOWS = {"peak": ["17:00-20:00"], "valley": ["20:00-17:00"]}
EVENT = {"event_days": ["2016-06-10"], "event_windows": ["17:00-20:00"]}
FLAT = {"kind": "flat", "energy_per_kwh": 0.2, **FREE}
REBATE = {**FLAT, "rebate": {"rebate_per_kwh": 0.8, "baseline": {"days": 2}, **EVENT}}
SEASON = {"months": list(range(1, 13)), "energy_per_kwh": {"all": 0.2}, "windows": {"all": ["00:00-24:00"]}}
CRITICAL = {
    "kind": "critical_peak",
    "seasons": {"year": SEASON},
    "event_per_kwh": 1.0,
    "reference_per_kwh": 0.2,
    **EVENT,
    **FREE,
}


def at_ratio(ratio, **more):
    """Return prices of 0.2, and `ratio` times as much from 17 to 20 h."""
    prices = {"peak": 0.2 * ratio, "valley": 0.2}
    return {"kind": "time_of_use", "energy_per_kwh": prices, "windows": WINDOWS, **FREE, **more}


@pytest.fixture(scope="module")
def household_load(simulate):
    """Return a function that runs a tariff and gives the households' load by day and hour [kWh]."""
    known = {}

    def run(tariff, days=1, start="2016-06-08", **terms):
        key = repr((tariff, days, start, terms))
        if key not in known:
            changed = {f"households.{name}": value for name, value in terms.items()}
            model = simulate(
                {**SMALL, "time.start": start, "time.days": days, "tariffs.residential": tariff, **changed}
            )
            entries = [
                next(entry for entry in record.populations if entry.population is model.households)
                for record in model.recorder.records
            ]
            assert all(np.isfinite(entry.delivered).all() for entry in entries)
            known[key] = np.stack([entry.delivered[:, LOAD] for entry in entries]) / 1e6, model
        return known[key]

    return run


def reduction(household_load, tariff, **terms):
    """Return by how much a tariff takes the load down from 17 to 20 h against a flat one [1]."""
    (flat, _), (found, _) = household_load(FLAT), household_load(tariff, **terms)
    return 1 - found[:, WINDOW].sum() / flat[:, WINDOW].sum()


@pytest.mark.parametrize("technology", [0.0, 1.0])
def test_peak_falls_as_in_the_pilots(household_load, technology):
    """O28: by the regression, and by a substitution calibrated to it, within 2 percentage points at ratios 2 to 8."""
    flat, _ = household_load(FLAT)
    share = flat[:, WINDOW].sum() / flat.sum()
    plain, strong = (like_arcturus(RATIOS, share, each) for each in (0.0, 1.0))
    ces = {"substitution_elasticity": plain, "daily_elasticity": 0.0, "technology_factor": strong / plain}
    for ratio in RATIOS:
        published = -float(peak_change(ratio, technology))
        own = reduction(household_load, at_ratio(ratio), response="arcturus", technology_share=technology)
        assert own == pytest.approx(published, abs=0.001)
        other = reduction(household_load, at_ratio(ratio), response="ces", technology_share=technology, **ces)
        assert other == pytest.approx(published, abs=0.02)


def test_technology_share_lies_between(household_load):
    """O28: with half of the members equipped the peak falls by between 10.11 % and 16.49 % at a ratio of 4."""
    found = reduction(household_load, at_ratio(4), response="arcturus", technology_share=0.5)
    assert 0.1011 < found < 0.1649


def test_rebate_and_price_in_an_event(household_load):
    """O29, O30: a rebate of 0.8 takes 8 to 16 % of the event's load and of no other hour; a price of as much more."""
    terms = {"own_elasticity": -0.05, "cross_elasticity": 0.0}
    flat, _ = household_load(FLAT, 3, **terms)
    rebated, _ = household_load(REBATE, 3, **terms)
    critical, _ = household_load(CRITICAL, 3, **terms)
    event = np.zeros((3, 24), bool)
    event[2, WINDOW] = True
    by_rebate, by_price = (1 - load[event].sum() / flat[event].sum() for load in (rebated, critical))
    assert 0.08 < by_rebate < 0.16
    assert by_rebate == pytest.approx(0.6 * by_price, abs=1e-4)
    assert by_price > by_rebate
    assert (rebated[~event] == flat[~event]).all()
    assert (critical[~event] == flat[~event]).all()


def test_event_alone_and_on_top(household_load):
    """O65: an event price takes 19 % alone, on top of time-of-use prices 5 %, at the discount that this asks for."""
    windows = {"peak": ["08:00-22:00"], "valley": ["22:00-08:00"]}
    season = {**SEASON, "energy_per_kwh": {"peak": 0.2, "valley": 0.1}, "windows": windows}
    combined = {**CRITICAL, "seasons": {"year": season}}
    terms = {"own_elasticity": -0.0475, "cross_elasticity": 0.0, "price_complexity_discount": 1 - 5 / 19}
    flat, _ = household_load(FLAT, 3)
    for tariff, expected in ((CRITICAL, 0.19), (combined, 0.05)):
        found, _ = household_load(tariff, 3, **terms)
        assert 1 - found[2, WINDOW].sum() / flat[2, WINDOW].sum() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("form", ["linear", "log", "ces"])
def test_without_elasticity_bills_change_and_load_does_not(household_load, form):
    """Zero elasticity: the loads of a tariff five times as dear at peak are the same to the last quantum."""
    zero = ("own_elasticity", "cross_elasticity", "substitution_elasticity", "daily_elasticity")
    terms = {"response": form, **dict.fromkeys(zero, 0.0)}
    (flat, one), (found, other) = household_load(FLAT, **terms), household_load(at_ratio(5), **terms)
    assert (flat == found).all()
    assert other.ledger.balance("households") < one.ledger.balance("households")


def test_habits_and_notices_in_a_run(household_load):
    """In the first month a fifth of the response has come; with awareness 0 a notice brings a tenth of it."""
    whole = reduction(household_load, at_ratio(4), response="arcturus")
    slow = reduction(household_load, at_ratio(4), response="arcturus", habit=0.2)
    noticed = {"per_month": 1, "rise": 0.1}
    told = reduction(household_load, at_ratio(4), response="arcturus", awareness=0.0, notices=noticed)
    assert slow == pytest.approx(0.2 * whole, abs=1e-5)
    assert told == pytest.approx(0.1 * whole, abs=1e-5)


def test_average_price_from_the_first_bill_on(household_load):
    """From 1 July the last bill decides: a standing charge raises the average above the flat reference, load falls."""
    tariff = {**FLAT, "standing_per_day": 1.0}
    plain, _ = household_load(tariff, 4, "2016-06-28", own_elasticity=-0.1, pv_share=0.0)
    terms = {"own_elasticity": -0.1, "perceived_price": "average", "pv_share": 0.0}
    average, _ = household_load(tariff, 4, "2016-06-28", **terms)
    assert (average[:3] == plain[:3]).all()
    believed = 0.2 + 60 * 3 / average[:3].sum()
    assert average[3] / plain[3] == pytest.approx(1 - 0.1 * (believed / 0.2 - 1), rel=1e-4)


def test_real_time_prices_of_the_day_are_answered(household_load):
    """At an elasticity of -0.3 each hour's load is 1 - 0.3 (pool + 0.02 - 0.1) / 0.1 times that without."""
    tariff = {"kind": "real_time", "expected_per_kwh": 0.1, "margin_per_kwh": 0.02, **FREE}
    same, _ = household_load(tariff, own_elasticity=0.0, cross_elasticity=0.0)
    found, model = household_load(tariff, own_elasticity=-0.3, cross_elasticity=0.0)
    price = model.recorder.records[0].pool.price + 0.02
    assert np.ptp(price) > 0.01
    assert found[0] / same[0] == pytest.approx(1 - 0.3 * (price - 0.1) / 0.1, rel=1e-4)
    assert same == pytest.approx(household_load(FLAT)[0], abs=1e-9)


@pytest.mark.parametrize("response", ["log", "ces", "arcturus"])
def test_prices_that_have_no_logarithm_are_refused(response):
    """Energy for nothing on some day, in an event-free season or by the pool's price, is refused before the run."""
    free = {"kind": "time_of_use", "energy_per_kwh": {"peak": 0.2, "valley": 0.0}, "windows": WINDOWS, **FREE}
    with pytest.raises(ScenarioError, match=f"retail price of 0 in some period; response: {response} needs all above"):
        load("quickstart", {"tariffs.residential": free, "households.response": response})
    pool = {"kind": "real_time", **FREE}
    with pytest.raises(ScenarioError, match=r"retail prices down to -0.\d+; response"):
        load("quickstart", {"tariffs.residential": pool, "households.response": response, "market.floor_per_kwh": -0.1})
    load("quickstart", {"tariffs.residential": {**pool, "floor_per_kwh": 0.01}, "households.response": response})
    load("quickstart", {"tariffs.residential": pool})


def test_conservation_without_shifting_is_refused():
    """A share that arrives nowhere needs load that arrives."""
    with pytest.raises(ScenarioError, match=r"given 0.5 without load_neutral"):
        load("quickstart", {"households.conservation": 0.5})
    with pytest.raises(ScenarioError, match="retail price of 0; allowed above 0, or give reference_per_kwh"):
        load("quickstart", {"tariffs.residential": {"kind": "flat", "energy_per_kwh": 0.0, **FREE}})
