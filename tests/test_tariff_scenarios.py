"""The built-in scenarios of tariffs tell what their pages say: signs on small worlds, books that close."""

import numpy as np
import pytest

import gridagora as ga

pytestmark = pytest.mark.compiled

FLAT = {
    **{"kind": "flat", "energy_per_kwh": 0.353, "network_per_kwh": 0.17, "levy_per_kwh": 0.027},
    **{"standing_per_day": 0.2, "reference_per_kwh": 0.55},
}
SMALL = {"households.count": 120, "firms.count": 4, "farms.count": 1, "time.period_minutes": 60, "outputs.members": 0}


def run(name, **overrides):
    """Run a built-in scenario with fewer members."""
    result = ga.run(ga.load(name, {**SMALL, **overrides}))
    ledger = result["ledger"]
    paid, received = (ledger.groupby(side)["amount"].sum() for side in ("payer", "payee"))
    # What everybody is left with adds up to nothing: the books close.
    assert received.sub(paid, fill_value=0.0).sum() == pytest.approx(0.0, abs=1e-6)
    energy = result["intervals"]
    sources = energy.filter(like="generation_").sum().sum() + energy["import_kwh"].sum()
    sinks = energy[["consumption_kwh", "losses_kwh", "export_kwh"]].sum().sum()
    stored = energy["storage_charge_kwh"].sum() - energy["storage_discharge_kwh"].sum()
    assert sources == pytest.approx(sinks + stored, abs=1e-3)
    return result


def hours(result, first, last, days=None):
    """Return the use from one hour of the day to another, on some days or all [kWh]."""
    rows = result["intervals"]
    inside = (rows["time"].dt.hour >= first) & (rows["time"].dt.hour < last)
    if days is not None:
        inside &= rows["day"].isin(days)
    return rows.loc[inside, "consumption_kwh"].sum()


def homes(result):
    """Return bill, use and offer of each household."""
    rows = result["member_bills"]
    return rows[rows["population"] == "households"].reset_index(drop=True)


def lines(result, line):
    """Return the lines of that name on the bills of households, by offer."""
    rows = result["bills"]
    return rows[(rows["population"] == "households") & (rows["line"] == line)].set_index("tariff")


def test_ladder_makes_heavy_use_dear():
    """O37: whoever passes 400 kWh pays more than at the flat price and uses less; up to 240 kWh nobody pays more."""
    ladder, flat = run("ladder"), run("ladder", **{"tariffs.residential.blocks": None})
    new, old = homes(ladder), homes(flat)
    heavy, light = old["used_kwh"] > 400, old["used_kwh"] <= 240
    assert heavy.any()
    assert light.any()
    assert (new["bill"][heavy] > old["bill"][heavy]).all()
    assert (new["bill"][light] <= old["bill"][light]).all()
    assert (new["used_kwh"][heavy] < old["used_kwh"][heavy]).all()


def test_ladder_has_the_rates_of_beijing():
    """O37: 0.4883 CNY/kWh and steps of 0.05 and 0.30 at 240 and 400 kWh, so that 500 kWh cost 282.15 CNY."""
    tariff = ga.load("ladder").tariffs.residential
    for used, bill in ((200, 97.66), (240, 117.192), (320, 160.256), (400, 203.32), (500, 282.15)):
        above = np.clip([used - 240, used - 400], 0, [160, np.inf]) @ [0.05, 0.30]
        assert tariff.retail_price("workday", 24)[0] * used + above == pytest.approx(bill, abs=1e-6)
        assert float(tariff.blocks.amounts(used)) == pytest.approx(above, abs=1e-6)


def test_critical_peaks_lower_use_in_events_only_so_much():
    """Use in the events falls as in pilots, and on ordinary days the same hours keep nearly all."""
    critical, flat = run("cpp"), run("cpp", **{"tariffs.residential": FLAT})
    events, others = [2, 3, 8, 10], [0, 1, 4, 7, 9, 11]
    fall = 1 - hours(critical, 17, 20, events) / hours(flat, 17, 20, events)
    usual = 1 - hours(critical, 17, 20, others) / hours(flat, 17, 20, others)
    assert 0.03 < fall < 0.2
    assert abs(usual) < fall / 3
    assert lines(critical, "energy critical peak")["quantity"].iloc[0] > 0


def test_real_time_prices_stay_in_their_collar_and_move_load_from_dear_hours():
    """Members use less in the dearest tenth of the periods than at a flat price, and more in the cheapest."""
    real, flat = run("rtp"), run("rtp", **{"tariffs.residential": FLAT})
    order = np.argsort(real["intervals"]["pool_price"].to_numpy())
    tenth = len(order) // 10
    change = real["intervals"]["consumption_kwh"].to_numpy() - flat["intervals"]["consumption_kwh"].to_numpy()
    assert change[order[-tenth:]].sum() < 0 < change[order[:tenth]].sum()
    line = lines(real, "energy at real-time prices")
    assert 0.05 < line["price"].iloc[0] < 1.0


def test_members_leave_the_standard_tariff_for_packages_that_suit_them():
    """Month by month fewer have the standard tariff; the package with the high fee suits those who use much."""
    result = run("packages")
    choices = result["choices"].pivot_table(index="month", columns="offer", values="members")
    assert (np.diff([120, *choices["standard"]]) < 0).all()
    assert choices.sum(axis=1).tolist() == [120.0] * 3
    members = homes(result)
    assert members.groupby("offer")["annual_kwh"].mean()["large"] > members["annual_kwh"].mean()
    profit = result["profit"].set_index("party")["revenue"]
    assert profit["green_power"] > 0
    assert lines(result, "green energy").loc["green", "quantity"] > 0


def test_least_reliable_are_shed_first():
    """The share of energy that is not served falls with reliability, and firms without a class are spared."""
    result = run("reliability_menu", **{"generators.capacity_to_peak": 0.75})
    first = result["intervals"]["day"] < 31
    assert result["intervals"].loc[~first, "shed_kwh"].sum() > 0
    # Of January, when all had the standard tariff, everything that was not served is theirs.
    january = result["intervals"].loc[first, "shed_kwh"].sum()
    unserved = lines(result, "energy not served")
    used = lines(result, "energy all day")["quantity"]
    february = unserved["quantity"] - np.where(unserved.index == "standard", january, 0.0)
    share = february / used
    assert share["economy"] > share["firm"]
    assert share["economy"] > february["standard"] / (used["standard"] * 29 / 60)
    assert unserved.loc["economy", "amount"] == pytest.approx(-unserved.loc["economy", "quantity"], abs=1e-5)
    assert unserved["quantity"].sum() == pytest.approx(result["intervals"]["shed_kwh"].sum(), rel=1e-3)


def test_cheapest_charging_frees_the_evening_and_makes_a_new_peak():
    """Cars that wait for the valley leave the evening as it was without cars, and all begin at 22 o'clock."""
    waits = run("ev_wave")
    arrives = run("ev_wave", **{"households.vehicle.charging": "on_arrival"})
    without = run("ev_wave", **{"households.ev_share": 0.0})
    assert hours(waits, 17, 21) < hours(arrives, 17, 21)
    assert hours(waits, 17, 21) == pytest.approx(hours(without, 17, 21), rel=0.01)
    peak = [result.kpis.loc["peak_load", "value"] for result in (without, arrives, waits)]
    assert peak[0] < peak[1] < peak[2]
    hour = waits["intervals"].groupby(waits["intervals"]["time"].dt.hour)["consumption_kwh"].sum().idxmax()
    assert hour == 22
    assert homes(waits)["bill"].sum() < homes(arrives)["bill"].sum()


def test_time_of_use_moves_load_into_the_valley():
    """Under `tou` households use less from 8 to 22 and more at night than at a flat price."""
    alone = {"time.days": 5, "market.online": False, "firms": None, "farms": None}
    reduced = {key: value for key, value in SMALL.items() if key.startswith(("households", "time", "outputs"))}
    prices, flat = (
        ga.run(ga.load("tou", {**reduced, **alone, **more})) for more in ({}, {"tariffs.residential": FLAT})
    )
    assert hours(prices, 8, 22) < hours(flat, 8, 22)
    assert hours(prices, 0, 8) > hours(flat, 0, 8)
