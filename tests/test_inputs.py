"""Profiles, plants and emission factors that travel with the package."""

import csv
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.scenarios import inputs
from gridagora.scenarios.inputs import (
    DEFAULT_EMISSION_REGION,
    check_dates,
    dynamisation,
    load_emission_factors,
    load_fleet,
    load_profiles,
)

DATA = Path(inputs.__file__).resolve().parent / "data"
COUNTS = {
    **{("household", "simbench"): 6, ("household", "synpro"): 4, ("household", "all"): 10},
    **{("household", "bdew"): 1, ("household", "bdew_1999"): 1},
    **{("household", "bdew_pv"): 1, ("household", "bdew_pv_storage"): 1},
    **{("firm", "simbench"): 17, ("firm", "all"): 17, ("firm", "bdew"): 1, ("firm", "bdew_1999"): 7},
    **{("farm", "simbench"): 4, ("farm", "all"): 4, ("farm", "bdew"): 1, ("farm", "bdew_1999"): 3},
    **{("pv", "simbench"): 8, ("pv", "all"): 8, ("wind", "simbench"): 9, ("wind", "all"): 9},
    **{("ev", "simbench"): 6, ("ev", "synpro"): 2, ("ev", "all"): 8},
    **{("heat_pump", "simbench"): 8, ("heat_pump", "all"): 8},
}
WEEKDAY = (np.arange(366) + 4) % 7  # 1 January 2016 is a Friday


def workdays(first, last):
    """Return the numbers of Mondays to Fridays from first to last, counted from 0 on 1 January."""
    return [d for d in range(first, last + 1) if WEEKDAY[d] < 5]


def opening(values, days):
    """Return the quarter-hour in which the mean load of some days rises most."""
    return int(np.diff(values[days].mean(axis=0)).argmax()) + 1


@pytest.fixture
def tiny_data(tmp_path, monkeypatch):
    """Three plants of two fuels and a cost table, in place of the package's data."""
    plants = tmp_path / "plants"
    plants.mkdir()
    plants.joinpath("germany_simbench.csv").write_text(
        "plant,fuel,mw\na,hard_coal,30\nb,hard_coal,10\nc,gas,60\n", encoding="utf-8"
    )
    rows = [
        *("all,co2_price,10", "all,cny_per_unit,7"),
        *("hard_coal,efficiency_low,0.3", "hard_coal,efficiency_high,0.5", "hard_coal,fuel_price,8"),
        *("hard_coal,co2_factor,0.35", "hard_coal,variable_cost,5"),
        *("gas,efficiency_low,0.4", "gas,efficiency_high,0.6", "gas,fuel_price,20"),
        *("gas,co2_factor,0.2", "gas,variable_cost,3"),
    ]
    plants.joinpath("costs_germany_2016.csv").write_text(
        "fuel,parameter,value\n" + "\n".join(rows) + "\n", encoding="utf-8"
    )
    monkeypatch.setattr(inputs, "_DATA", tmp_path)
    return plants


def test_every_source_is_listed_here():
    """The counts above name exactly the groups and sources on offer."""
    assert set(COUNTS) == {(group, source) for group, sources in inputs._SOURCES.items() for source in sources}


@pytest.mark.parametrize(("group", "source"), COUNTS)
def test_profiles_are_shares_of_a_year(group, source):
    """Each profile is finite, not negative and sums to 1 over 366 days; names are unique, arrays read-only."""
    profiles = load_profiles(group, source)
    assert profiles.values.shape == (COUNTS[group, source], 366, 96)
    assert len(set(profiles.names)) == len(profiles.names) == COUNTS[group, source]
    assert np.isfinite(profiles.values).all()
    assert profiles.values.min() >= 0.0
    assert np.abs(profiles.values.sum(axis=(1, 2)) - 1.0).max() < 1e-12
    assert profiles.full_load_hours.shape == (COUNTS[group, source],)
    assert (profiles.first_day, profiles.n_days) == (date(2016, 1, 1), 366)
    assert not profiles.values.flags.writeable


def test_names_say_what_a_profile_is():
    """`all` lists SimBench before synPRO."""
    assert load_profiles("household").names == (
        *("H0-A", "H0-B", "H0-C", "H0-G", "H0-H", "H0-L"),
        *("single_person_under30", "2_fulltime_employees", "2_persons_over65", "family"),
    )


def test_longer_periods_sum_energy():
    """A half-hour has the energy of its two quarters, an hour that of its four."""
    quarter = load_profiles("farm").values
    assert load_profiles("farm", period_minutes=30).values[1, 200, 17] == pytest.approx(
        quarter[1, 200, 34] + quarter[1, 200, 35], rel=1e-12
    )
    hourly = load_profiles("farm", period_minutes=60).values
    assert hourly.shape == (4, 366, 24)
    np.testing.assert_allclose(hourly[2, 100, 12], quarter[2, 100, 48:52].sum(), rtol=1e-12)
    assert hourly.sum() == pytest.approx(4.0, abs=1e-12)


def test_shorter_periods_hold_power():
    """Each five minutes have a third of the energy of their quarter-hour."""
    quarter = load_profiles("farm").values
    fine = load_profiles("farm", period_minutes=5).values
    assert fine.shape == (4, 366, 288)
    np.testing.assert_allclose(fine[3, 50, 150:153], quarter[3, 50, 50] / 3.0, rtol=1e-12)
    assert fine.sum() == pytest.approx(4.0, abs=1e-12)


def test_full_load_hours_follow_the_rating():
    """PV1 yields 651.1 h of its rating, the charger of HLS_A_3.7 runs 207.2 h, H0-A 1222.1 h of its own peak."""
    assert load_profiles("pv").full_load_hours[0] == 651.1
    assert load_profiles("ev").full_load_hours[0] == 207.2
    household = load_profiles("household", "simbench")
    assert household.full_load_hours[0] == pytest.approx(1222.1, abs=0.1)
    assert household.full_load_hours[0] == pytest.approx(0.25 / household.values[0].max(), rel=1e-12)


def test_the_sun_is_in_the_right_place():
    """No PV from 21:00 to 04:00; the mean of July peaks from 11:00 to 14:00; the year is centred on solar noon."""
    pv = load_profiles("pv").values
    assert pv[:, :, :16].max() == 0.0
    assert pv[:, :, 84:].max() == 0.0
    july = pv[:, 182:213].mean(axis=(0, 1))
    assert 44 <= july.argmax() < 56
    hours = (np.arange(96) + 0.5) / 4.0
    centre = (hours * pv.mean(axis=(0, 1))).sum() / pv.mean(axis=(0, 1)).sum()
    assert centre == pytest.approx(12.33, abs=0.25)  # solar noon at 10 degrees east in UTC+1: 12:20


def test_pv_never_runs_before_sunrise():
    """In February the sun rises after 7:00 in UTC+1 all over Germany: up to then there is no feed-in."""
    assert load_profiles("pv").values[:, 31:60, :28].max() == 0.0


@pytest.mark.parametrize(("name", "winter"), [("G1-A", 27), ("G0-A", 28), ("G5-A", 13)])
def test_firms_follow_the_legal_clock(name, winter):
    """In the weeks after 27 March firms open an hour earlier in UTC+1: summer time is in the data, not in the axis."""
    firms = load_profiles("firm")
    values = firms.values[firms.names.index(name)]
    assert opening(values, workdays(66, 83)) == winter
    assert opening(values, workdays(94, 111)) == winter - 4


def test_standard_profiles_follow_the_legal_clock():
    """Tuesday 29 March shows at 10:00 in UTC+1 what Tuesday 15 March shows at 11:00."""
    values = load_profiles("firm", "bdew").values[0]
    np.testing.assert_allclose(values[88, :92], values[74, 4:], rtol=1e-12)


def test_public_holidays_of_standard_profiles_are_sundays():
    """Good Friday 2016 looks like the Sunday before."""
    values = load_profiles("farm", "bdew").values[0]
    np.testing.assert_allclose(values[84], values[79], rtol=1e-12)


@pytest.mark.parametrize(("day", "factor"), [(1, 1.242030), (180, 0.798254), (365, 1.257216)])
def test_dynamisation_of_the_standard_profile(day, factor):
    """The BDEW polynomial gives the published factors (O42)."""
    assert float(dynamisation(day)) == pytest.approx(factor, abs=5e-7)


def test_dynamisation_term_by_term():
    """On day 10 the polynomial is written out (O42)."""
    expected = 1.24 + 2.1e-3 * 10 - 7.02e-5 * 100 + 3.2e-7 * 1000 - 3.92e-10 * 10000
    assert float(dynamisation(10)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("source", ["bdew", "bdew_1999", "bdew_pv", "bdew_pv_storage"])
def test_household_standard_profiles_are_dynamic(source):
    """Two Mondays of January differ by the factor of their days alone, two Mondays of firms not at all."""
    values = load_profiles("household", source).values[0]
    np.testing.assert_allclose(values[3] / values[10], dynamisation(4) / dynamisation(11), rtol=1e-12)
    firm = load_profiles("firm", "bdew").values[0]
    np.testing.assert_array_equal(firm[3], firm[10])


def test_synpro_keeps_weekends():
    """31 December 2016, which 2021 lacks, is the Saturday 2 January 2021, as is 2 January 2016."""
    values = load_profiles("household", "synpro").values
    np.testing.assert_array_equal(values[:, 365], values[:, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"group": "houshold"}, "unknown group 'houshold'; choose one of: ev, farm, .*nearest 'household'"),
        ({"group": "pv", "source": "bdew"}, "unknown pv source 'bdew'; choose one of: all, simbench"),
        ({"group": "household", "source": "synpr"}, "unknown household source 'synpr'.*nearest 'synpro'"),
        ({"group": "pv", "period_minutes": 10}, "period_minutes: given 10; allowed 5, 15, 30, 60"),
    ],
)
def test_unknown_profiles_are_refused(call, message):
    """The message lists what is allowed and the nearest name."""
    with pytest.raises(ValueError, match=message):
        load_profiles(**call)


def test_missing_data_is_named_with_its_remedy(tmp_path, monkeypatch):
    """A package without its data says which file is missing and how to get it."""
    monkeypatch.setattr(inputs, "_DATA", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"pv\.parquet is missing: reinstall gridagora, or rebuild the data"):
        load_profiles("pv")


@pytest.mark.parametrize(("start", "days"), [((2016, 1, 1), 366), ((2016, 12, 31), 1), ((2016, 2, 29), 300)])
def test_days_of_2016_are_accepted(start, days):
    """Any run inside the year passes."""
    assert check_dates(date(*start), days) is None


@pytest.mark.parametrize(
    ("start", "days"), [((2015, 12, 31), 2), ((2016, 12, 31), 2), ((2016, 1, 1), 367), ((2016, 6, 1), 0)]
)
def test_days_outside_2016_are_refused(start, days):
    """The message names the available range."""
    with pytest.raises(ValueError, match=r"profiles serve 2016-01-01 to 2016-12-31 \(366 days\)"):
        check_dates(date(*start), days)


def test_fleet_by_hand(tiny_data):
    """Coal of 30 and 10 MW takes efficiencies .425 and .325 between .3 and .5; costs and shares follow by hand."""
    fleet = load_fleet(costs="germany_2016", blocks=3)
    assert fleet.names == ("hard_coal_1", "hard_coal_2", "gas_1")
    assert fleet.fuel == ("hard_coal", "hard_coal", "gas")
    np.testing.assert_allclose(fleet.share, [0.3, 0.1, 0.6], rtol=1e-12)
    # (8 + .35 x 10) / .425 + 5, the same at .325, (20 + .2 x 10) / .5 + 3 EUR/MWh, times 7 CNY/EUR
    np.testing.assert_allclose(fleet.cost_per_kwh, [0.2244117647, 0.2826923077, 0.329], rtol=1e-9)
    np.testing.assert_allclose(fleet.co2_kg_per_kwh, [0.8235294118, 1.0769230769, 0.4], rtol=1e-9)
    assert not fleet.share.flags.writeable


def test_a_block_is_the_mean_of_its_plants(tiny_data):
    """With one block a fuel, coal is weighted 3 to 1."""
    fleet = load_fleet(costs="germany_2016", blocks=2)
    assert fleet.names == ("hard_coal_1", "gas_1")
    np.testing.assert_allclose(fleet.share, [0.4, 0.6], rtol=1e-12)
    assert fleet.cost_per_kwh[0] == pytest.approx(0.75 * 0.2244117647 + 0.25 * 0.2826923077, rel=1e-9)


def test_a_cost_table_without_a_number_is_refused(tiny_data):
    """The message names file, fuel and parameter."""
    path = tiny_data / "costs_germany_2016.csv"
    path.write_text(path.read_text().replace("gas,fuel_price,20\n", ""))
    with pytest.raises(ValueError, match="no row with fuel 'gas' and parameter 'fuel_price'; add it with its source"):
        load_fleet(costs="germany_2016", blocks=2)


def test_shares_of_fuels_are_those_of_the_plants():
    """Capacity by fuel over 74,162.4 MW: hard coal 20,951.4, lignite 19,728.4, gas 19,665.2, nuclear 9,516."""
    fleet = load_fleet()
    share = {fuel: fleet.share[[f == fuel for f in fleet.fuel]].sum() for fuel in set(fleet.fuel)}
    megawatts = {
        **{"hard_coal": 20951.4, "lignite": 19728.4, "gas": 19665.2},
        **{"nuclear": 9516.0, "oil": 3628.6, "waste": 672.8},
    }
    assert share == pytest.approx({fuel: mw / 74162.4 for fuel, mw in megawatts.items()}, rel=1e-9)


@pytest.mark.parametrize("costs", ["china_illustrative", "germany_2016"])
def test_the_merit_order_is_a_curve(costs):
    """24 blocks by rising cost; each fuel with more than one efficiency has several costs; shares sum to 1."""
    fleet = load_fleet(costs=costs)
    assert len(fleet.names) == len(set(fleet.names)) == 24
    assert (np.diff(fleet.cost_per_kwh) >= 0.0).all()
    assert fleet.share.sum() == pytest.approx(1.0, abs=1e-12)
    assert fleet.share.max() < 0.07
    assert len(set(fleet.cost_per_kwh.tolist())) >= 20


def test_costs_of_hard_coal():
    """About 0.33 CNY/kWh and 0.83 kg/kWh in the illustrative table, 0.227 in the German one."""
    for costs, per_kwh in (("china_illustrative", 0.3275), ("germany_2016", 0.2272)):
        fleet = load_fleet(costs=costs)
        coal = [fuel == "hard_coal" for fuel in fleet.fuel]
        assert np.average(fleet.cost_per_kwh[coal], weights=fleet.share[coal]) == pytest.approx(per_kwh, abs=5e-4)
        assert np.average(fleet.co2_kg_per_kwh[coal], weights=fleet.share[coal]) == pytest.approx(0.83, abs=5e-3)


@settings(max_examples=40)
@given(blocks=st.integers(6, 318))
def test_grouping_keeps_capacity_cost_and_emission(blocks):
    """However many blocks: shares sum to 1 and the fleet's mean cost and emission stay the same."""
    whole, fleet = load_fleet(blocks=6), load_fleet(blocks=blocks)
    assert len(fleet.names) == blocks
    assert fleet.share.sum() == pytest.approx(1.0, abs=1e-12)
    assert fleet.share @ fleet.cost_per_kwh == pytest.approx(whole.share @ whole.cost_per_kwh, rel=1e-12)
    assert fleet.share @ fleet.co2_kg_per_kwh == pytest.approx(whole.share @ whole.co2_kg_per_kwh, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"blocks": 5}, r"blocks: given 5; allowed 6 \(one a fuel\) to 318 \(one a plant\) with fleet 'germany_simb"),
        ({"blocks": 319}, "blocks: given 319; allowed 6"),
        ({"fleet": "germany"}, "unknown fleet 'germany'; choose one of: germany_simbench; nearest 'germany_simbench'"),
        ({"costs": "germany_2017"}, "unknown cost table 'germany_2017'.*nearest 'germany_2016'"),
    ],
)
def test_unknown_fleets_are_refused(call, message):
    """The message lists what is allowed."""
    with pytest.raises(ValueError, match=message):
        load_fleet(**call)


def test_emission_factors_of_grids():
    """The published factors of 2022 and 2021, kg/kWh (O61)."""
    factors = load_emission_factors()
    assert factors[DEFAULT_EMISSION_REGION] == 0.5366
    assert factors == {
        **{"national": 0.5366, "national_2021": 0.5568, "residual": 0.5856, "iea_2021": 0.6093},
        **{"fossil": 0.8325, "fossil_2021": 0.8426, "north": 0.6776, "north_west": 0.5857, "east": 0.5617},
        **{"north_east": 0.5564, "central": 0.5395, "south": 0.3869, "south_west": 0.2268},
        **{"hebei": 0.7252, "yunnan": 0.1073},
    }
    assert round(factors["national"] / factors["national_2021"] - 1.0, 3) == -0.036


def test_every_number_of_a_cost_table_names_its_source():
    """Each row has a status and a source; the illustrative table says so in every row."""
    for name in ("germany_2016", "china_illustrative"):
        with (DATA / "plants" / f"costs_{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 32
        assert all(row["source"] and row["unit"] for row in rows)
        allowed = {"ill"} if name == "china_illustrative" else {"checked", "derived", "memory", "ill"}
        assert {row["status"] for row in rows} <= allowed


@pytest.mark.parametrize("folder", ["simbench", "synpro", "bdew", "plants"])
def test_every_folder_carries_licence_attribution_and_card(folder):
    """Nobody receives the data without its terms, its origin and its description."""
    for name in ("LICENSE", "ATTRIBUTION", "README.md"):
        assert (DATA / folder / name).stat().st_size > 200


def test_data_stay_small():
    """All data together take less than 8 MB."""
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) < 8e6


@pytest.mark.parametrize("group", ["household", "firm", "farm", "pv", "wind", "ev", "heat_pump"])
def test_the_figures_of_the_card_are_those_of_the_profiles(group):
    """`profiles.csv` lists every SimBench profile with its peak over mean and full-load hours."""
    with (DATA / "simbench" / "profiles.csv").open(encoding="utf-8", newline="") as file:
        card = {row["profile"]: row for row in csv.DictReader(file) if row["file"] == f"{group}.parquet"}
    profiles = load_profiles(group, "simbench")
    assert tuple(card) == profiles.names
    for name, values, hours in zip(profiles.names, profiles.values, profiles.full_load_hours, strict=True):
        assert values.max() / values.mean() == pytest.approx(float(card[name]["peak_to_mean"]), abs=0.0051)
        assert hours == pytest.approx(float(card[name]["full_load_hours"]), abs=0.1)
