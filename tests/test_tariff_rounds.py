"""Charges and prices set again round after round (A6, B13, D8.4)."""

import numpy as np
import pytest

import gridagora as ga
from gridagora.markets.cost_recovery import recover_cost
from gridagora.scenarios.tariff_rounds import DAYS_A_YEAR

#: Households alone; three years of two days that are alike but for their weights.
WORLD = {
    "time.representative_days": {"count": 2, "years": 3, "each_year": True},
    "time.period_minutes": 60,
    "households.count": 20,
    "households.pv_share": 0.0,
    "households.noise_sigma": 0.0,
    "households.own_elasticity": 0.0,
    "households.cross_elasticity": 0.0,
    "households.profiles": "bdew",
    "firms": None,
    "farms": None,
    "market.online": False,
    "market.imbalance_kappa": 0.0,
    "forecasts.day_ahead_sigma": 0.0,
    "forecasts.gate_sigma": 0.0,
    "forecasts.realised_sigma": 0.0,
    "tariffs.residential": {"kind": "flat", "energy_per_kwh": 0.4, "network_per_kwh": 0.1, "levy_per_kwh": 0.0},
    "outputs.members": 0,
}


def rounds(**changes):
    """Return the rounds of the world with changes; two underscores stand for a dot."""
    changed = {key.replace("__", "."): value for key, value in changes.items()}
    return ga.run(ga.load("quickstart", {**WORLD, **changed}))["tariff_rounds"]


def test_charges_meet_the_requirement():
    """Needing 8,000 a year beyond losses the grid company earns that from the second year on, but for other draws."""
    asked = {"opex_per_year": 3000.0, "depreciation_per_year": 1000.0, "asset_base": 50_000.0, "return_rate": 0.08}
    rows = rounds(tariff_rounds={"network": {"requirement": asked}})
    assert rows["round"].tolist() == [0, 1, 2]
    assert rows["part"].tolist() == ["network"] * 3
    assert rows["old_price"][0] == 0.1
    assert rows["old_price"][1:].tolist() == rows["price"][:2].tolist()
    assert rows["price"][0] == pytest.approx(0.1 * rows["requirement"][0] / rows["revenue"][0])
    needed = 8000.0 / DAYS_A_YEAR * 366
    assert rows["result"][1:].to_numpy() == pytest.approx(needed, rel=0.01)
    assert rows["result"][0] < needed


def test_nothing_moves_where_the_first_round_repeats():
    """Without a requirement of its own the grid company keeps what it earned: charges stay."""
    rows = rounds(tariff_rounds={"network": {}})
    assert rows["price"].to_numpy() == pytest.approx(0.1, rel=0.01)


def test_bounds_of_a_round():
    """A requirement out of reach moves charges by half a round, to the highest allowed at last."""
    asked = {"opex_per_year": 1e6}
    rows = rounds(tariff_rounds={"network": {"requirement": asked, "most_change": 0.5, "highest_per_kwh": 0.2}})
    assert rows["price"].tolist() == pytest.approx([0.15, 0.2, 0.2])


def test_self_generation_fixed_point():
    """Customers who answer shrink the base: prices go to where D8.4's fixed point is, each step smaller than before."""
    asked = {"opex_per_year": 7500.0}
    world = {
        "households__own_elasticity": -0.5,
        "network__loss_rate": 0.0,
        "time__representative_days": {"count": 2, "years": 8, "each_year": True},
    }
    rows = rounds(**world, tariff_rounds={"network": {"requirement": asked}})
    first = float(rows["sold_kwh"][0])
    found = recover_cost(
        7500.0 / DAYS_A_YEAR * 366, 0.0, lambda p: first * (1 - 0.5 * (p - 0.1) / 0.5), first=0.1, highest=0.6
    )
    assert found.stable
    assert rows["price"].to_numpy() == pytest.approx(found.path[1:9], rel=0.01)
    assert rows["price"].iloc[-1] == pytest.approx(found.price, rel=0.01)
    assert rows["contraction"][1] == pytest.approx(found.contraction, rel=0.2)
    assert np.isnan(rows["contraction"][0])


def test_energy_prices_cover_cost_and_margin():
    """With 0.05 a kWh asked the supplier earns 0.05 on each kWh from the second year on."""
    rows = rounds(tariff_rounds={"supply": {"kind": "cost_recovery", "margin_per_kwh": 0.05}})
    assert rows["part"].tolist() == ["energy"] * 3
    assert (rows["result"] / rows["sold_kwh"])[1:].to_numpy() == pytest.approx(0.05, abs=0.003)
    kept = rounds(tariff_rounds={"supply": {"kind": "cost_recovery"}})
    assert kept["price"].to_numpy() == pytest.approx(0.4, rel=0.01)


def test_pass_through_within_its_band():
    """Against a base far below the pool's price the band of 20 % ends at 0.48; else a hundredth is passed on."""
    dear = rounds(tariff_rounds={"supply": {"base_cost_per_kwh": 0.05}})
    assert dear["price"].tolist() == pytest.approx([0.48] * 3)
    part = rounds(tariff_rounds={"supply": {"base_cost_per_kwh": 0.05, "share": 0.01}})
    bills = ga.run(ga.load("quickstart", WORLD))
    mean = bills.kpis["value"]["mean_pool_price"]
    assert part["price"][0] == pytest.approx(0.4 + 0.01 * (mean - 0.05), rel=1e-3)
    same = rounds(tariff_rounds={"supply": {}})
    assert same["price"].to_numpy() == pytest.approx(0.4, rel=0.01)


def test_months_and_both_parts():
    """Two days of January and two of February: two rounds of network and energy each; prices hold from the next day."""
    world = {"time__representative_days": None, "time__start": "2016-01-30", "time__days": 4}
    asked = {"requirement": {"opex_per_year": 10_000.0}}
    rows = rounds(**world, tariff_rounds={"every": "month", "network": asked, "supply": {"base_cost_per_kwh": 0.05}})
    assert rows["day"].tolist() == [1, 1, 3, 3]
    assert rows["part"].tolist() == ["network", "energy"] * 2
    assert rows["old_price"].tolist()[2:] == rows["price"].tolist()[:2]
    model = ga.Simulation(
        ga.load(
            "quickstart",
            {
                **WORLD,
                "time.representative_days": None,
                "time.start": "2016-01-30",
                "time.days": 4,
                "tariff_rounds": {"every": "month", "supply": {"base_cost_per_kwh": 0.05}},
            },
        )
    )
    for _ in range(3):
        model.step()
    assert model.record.populations[0].plan.energy_price[0] == pytest.approx(0.48)
