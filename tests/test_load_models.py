"""Appliances, roofs at a place, production and curtailment in a run."""

import numpy as np
import pytest

from gridagora.agents.appliances import LABELS
from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.simulation import Simulation

QUIET = {"firms": None, "farms": None, "market.online": False}
HOMES = {"households.profiles": "bottom_up", "households.bottom_up.profiles": 4, "households.count": 30}
SKY = {"weather": {"kind": "synthetic", "latitude_deg": 52.0}}
ROOF = {"latitude_deg": 52.5, "longitude_deg": 13.4, "azimuth_deg": [90, 180, 270]}
ROOFS = {**SKY, "households.pv_profiles": ROOF, "households.pv_share": 1.0, "households.pv_noise_sigma": 0.0}


@pytest.fixture(scope="module")
def homes(simulate):
    """Return two days of 30 households of four kinds, with labels."""
    return simulate({**QUIET, **HOMES, "outputs.appliances": True, "outputs.members": 5})


@pytest.mark.compiled
def test_labels_are_the_load(homes):
    """In every period of every sampled household the appliances add up to its load, to the last quantum."""
    labels, members = homes.recorder.frame("appliances"), homes.recorder.frame("members")
    assert len(labels) == len(members) == 5 * 2 * 96
    keys = ["population", "member", "day", "period"]
    assert labels[keys].equals(members[keys])
    quanta = np.rint(labels[[f"{label}_kwh" for label in LABELS]].to_numpy() * 1e6).astype(np.int64)
    assert (quanta >= 0).all()
    np.testing.assert_array_equal(quanta.sum(axis=1), np.rint(members["load_kwh"].to_numpy() * 1e6).astype(np.int64))
    assert labels[["fridge_kwh", "lighting_kwh", "cooking_kwh"]].to_numpy().any(axis=0).all()
    assert not labels["air_conditioner_kwh"].any()


@pytest.mark.compiled
def test_labels_of_any_member_and_day(homes):
    """What appliances are expected to take is the member's row of the day's table, for the day of the run."""
    population = homes.households
    for member in (0, 7, 29):
        labels = homes.households.appliance_load(member, 1)
        assert list(labels) == list(LABELS)
        row = population.rows[member]
        expected, _ = population.tables.expected(homes.calendar.day(1).date)
        code = int(population.today.load_code[row]) % len(expected)
        wanted = expected[code] * population.members.annual_kwh[row]
        np.testing.assert_allclose(labels.sum(axis=1), wanted, rtol=1e-9)


@pytest.mark.compiled
def test_runs_of_appliances_repeat(homes, simulate):
    """Another size of blocks changes no meter, another seed every one."""
    changes = {**QUIET, **HOMES, "outputs.members": 5}
    again, other = simulate(changes, block=7), simulate({**changes, "seed": 1})
    load_of = [model.recorder.frame("members")["load_kwh"].to_numpy() for model in (homes, again, other)]
    np.testing.assert_array_equal(load_of[0], load_of[1])
    assert (load_of[0] != load_of[2]).mean() > 0.9


@pytest.mark.compiled
def test_own_days_without_exchange(simulate):
    """Without exchange every household follows its profile's day as it stands."""
    model = simulate({**QUIET, **HOMES, "households.bottom_up.exchange": False})
    assert model.households.tables.shifts == 1
    day = model.calendar.day(0).date
    np.testing.assert_array_equal(
        model.households.tables.expected(day)[0], model.households.tables.profiles.of_day(day)
    )


def test_no_labels_without_appliances(simulate):
    """Other profiles have no labels to give, and a scenario that asks for them is refused."""
    model = Simulation(load("quickstart", {**QUIET, "households.count": 3}))
    with pytest.raises(ValueError, match="households: its profiles have no appliances; give profiles: bottom_up"):
        model.households.appliance_load(0, 0)
    with pytest.raises(ScenarioError, match=r"outputs.appliances: given true, and no households with profiles"):
        load("quickstart", {"outputs.appliances": True})
    with pytest.raises(ScenarioError, match=r"households.bottom_up.profiles: given 0; allowed a whole number from 1"):
        load("quickstart", {"households.bottom_up.profiles": 0})


def test_roofs_follow_their_sun(simulate):
    """Roofs towards the east generate before noon, those towards the west after it, none by night."""
    model = simulate({**QUIET, **ROOFS})
    profiles = model.households.pv_profiles
    assert profiles.names == tuple(f"35 degrees towards {azimuth}" for azimuth in (90, 180, 270))
    days = profiles.values * model.scenario.households.pv_yield_kwh_per_kwp
    assert days.shape == (3, 2, 96)
    assert (days[:, :, :8] == 0).all() and (days[:, :, -8:] == 0).all()
    east, south, west = days.sum(axis=1)
    assert east[:48].sum() > east[48:].sum() and west[48:].sum() > west[:48].sum()
    assert 0.5 < south.sum() / 2 < 8
    assert set(model.households.members.pv_profile) == {0, 1, 2}


def test_clouds_are_those_of_the_weather(simulate):
    """Where the roofs lie under the run's own sky, a flat one sees its irradiance, but for the equation of time."""
    flat = {"latitude_deg": 52.0, "longitude_deg": 0.0, "tilt_deg": 0.0}
    model = simulate({**QUIET, **SKY, "households.pv_profiles": flat})
    weather = model.parts.weather
    share = model.households.pv_profiles.values[0] * model.scenario.households.pv_yield_kwh_per_kwp
    cell = 1 - 0.004 * (weather.temperature + 0.03 * weather.irradiance - 25)
    ours = 0.8 * weather.irradiance / 1000 * cell * 0.25
    assert share.sum() == pytest.approx(ours.sum(), rel=0.03)
    assert np.corrcoef(share.ravel(), ours.ravel())[0, 1] > 0.99


def test_roofs_take_measured_irradiance(tmp_path):
    """With irradiance of one's own a flat roof generates of it, whatever the sky."""
    rows = [f"{max(0, 600 - 100 * abs(hour - 12))},15" for hour in range(24)]
    (tmp_path / "sky.csv").write_text("ghi,air\n" + "\n".join(rows) + "\n")
    text = (
        "base: quickstart\ntime: {start: 2016-06-21, days: 1, period_minutes: 60}\nfirms: null\nfarms: null\n"
        "weather: {kind: file, irradiance: {path: sky.csv, unit: W/m2, columns: [ghi], resolution_minutes: 60}, "
        "temperature: {path: sky.csv, unit: degC, columns: [air], resolution_minutes: 60}}\n"
        "households: {count: 2, pv_profiles: {kind: place, latitude_deg: 50, longitude_deg: 15, tilt_deg: 0}}\n"
    )
    (tmp_path / "mine.yaml").write_text(text)
    model = Simulation(load(tmp_path / "mine.yaml"))
    made = model.households.pv_profiles.values[0, 0] * model.scenario.households.pv_yield_kwh_per_kwp
    light = np.array([max(0, 600 - 100 * abs(hour - 12)) for hour in range(24)])
    expected = 0.8 * light / 1000 * (1 - 0.004 * (15 + 0.03 * light - 25))
    np.testing.assert_allclose(made, expected, atol=0.01)


@pytest.mark.parametrize(
    ("roofs", "message"),
    [
        (
            {**ROOF, "latitude_deg": 91},
            r"households.pv_profiles.latitude_deg: given 91; allowed a number from -90 to 90",
        ),
        ({**ROOF, "tilt_deg": 95}, r"households.pv_profiles.tilt_deg: given 95; allowed a number from 0 to 90"),
        ({**ROOF, "azimuth_deg": 360}, r"households.pv_profiles.azimuth_deg"),
        ({"latitude_deg": 50}, r"households.pv_profiles.longitude_deg: missing"),
        ({**ROOF, "slope": 3}, r"households.pv_profiles.slope: unknown key 'slope'"),
    ],
)
def test_roofs_are_checked(roofs, message):
    """Ranges of place, tilt and direction are those of the globe; an unknown key is named."""
    with pytest.raises(ScenarioError, match=message):
        load("quickstart", {**SKY, "households.pv_profiles": roofs})


def test_roofs_need_weather():
    """Typical weather says nothing that output could be computed from."""
    with pytest.raises(ScenarioError, match=r"households.pv_profiles: given roofs at a place; allowed with weather"):
        load("quickstart", {"households.pv_profiles": ROOF})
    scenario = load("quickstart", ROOFS)
    assert scenario.households.pv_profiles.azimuth_deg == (90, 180, 270)
    assert scenario.override({"seed": 3}).households.pv_profiles == scenario.households.pv_profiles


FIRMS = {"households.count": 20, "farms": None, "firms.count": 20, "firms.technology_share": 0.5}


def test_production_moves_load_in_a_run(simulate):
    """By a steep time-of-use tariff firms that schedule production use less at its dear hours, and no less in all."""
    usual = simulate({**FIRMS}, base="tou")
    planned = simulate({**FIRMS, "firms.production": {"flexible_share": 0.4}}, base="tou")
    used = {}
    for name, model in (("usual", usual), ("planned", planned)):
        table = model.firms.tables.expected(model.calendar.day(1).date)[0]
        prices = model.firms.prices_on(model.calendar.day(1))
        members, names = model.firms.members, model.firms.tables.profiles.names
        chosen = np.unique(members.profile[members.group == 1])
        loads = model.firms.responding(model.calendar.day(1), table, prices).reshape(2, len(names), -1, 96)[:, chosen]
        table = table.reshape(len(names), -1, 96)[chosen]
        used[name] = loads[1].sum(axis=(0, 1)), loads[0].sum(axis=(0, 1))
    dear = prices[0] == prices[0].max()
    assert used["planned"][0][dear].sum() < 0.9 * used["usual"][0][dear].sum()
    assert used["planned"][0].sum() == pytest.approx(table.sum(), rel=1e-3)
    np.testing.assert_array_equal(used["planned"][1], used["usual"][1])
    planned.ledger.check()


def test_a_programme_pays_in_a_run(simulate):
    """Events are called after the days that baselines need; their rebates are in the books, and are what is paid."""
    terms = {"baseline_days": 2, "calls": 2, "gaming_rise": 0.1}
    calm = {"firms.noise_sigma": 0.0, "forecasts.realised_sigma": 0.0}
    model = simulate({**FIRMS, **calm, "firms.demand_response": terms, "time.days": 5})
    rows, books = model.recorder.frame("demand_response"), model.ledger.frame()
    books = books[books["account"] == "demand_response"]
    assert len(rows) == len(model.firms.curtailment.days) == 2
    assert rows["day"].min() >= 2
    assert (rows["participants"] == model.firms.curtailment.participants.size).all()
    assert set(books["payer"]) == {"supplier"} and set(books["payee"]) == {"firms"}
    assert books["amount_micro"].sum() == round(rows["amount"].sum() * 1e6)
    assert (rows["curtailed_kwh"] > 0).all() and (rows["metered_kwh"] < rows["baseline_kwh"]).all()
    assert (rows["overpaid_amount"] > 0).all()
    model.ledger.check()
