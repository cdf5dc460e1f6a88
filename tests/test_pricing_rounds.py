"""A supplier that learns its prices in a run (B12), and prices that rise with scarcity (B13)."""

import numpy as np
import pytest

import gridagora as ga
from gridagora.markets.scarcity import scarcity_price
from gridagora.scenarios.load import ScenarioError
from gridagora.scenarios.price_search import hindsight_regret
from gridagora.sim.metrics import kpis

#: Households alone without errors, PV or auction, whose demand is d0 (1 - (p - 0.5)).
WORLD = {
    "time.days": 6,
    "time.period_minutes": 60,
    "households.count": 20,
    "households.pv_share": 0.0,
    "households.noise_sigma": 0.0,
    "households.own_elasticity": -0.5,
    "households.cross_elasticity": 0.0,
    "firms": None,
    "farms": None,
    "market.online": False,
    "forecasts.day_ahead_sigma": 0.0,
    "forecasts.gate_sigma": 0.0,
    "forecasts.realised_sigma": 0.0,
    "network.loss_rate": 0.0,
    "tariffs.residential": {
        "kind": "flat",
        "energy_per_kwh": 0.5,
        "network_per_kwh": 0.0,
        "levy_per_kwh": 0.0,
    },
    "outputs.members": 0,
}


def scenario(**changes):
    """Return the world with changes; two underscores stand for a dot."""
    return ga.load("quickstart", {**WORLD, **{key.replace("__", "."): value for key, value in changes.items()}})


def test_greedy_supplier_settles_on_the_best_level():
    """Profit d (p - w) at 0.5, 0.4 and 0.8 with w near 0.3: each is tried once, then 0.8 stays; profits as booked."""
    result = ga.run(scenario(pricing={"arms": [0.8, 1.0, 1.6], "every": "day", "explore": 0.0}))
    rows = result["pricing"]
    assert rows["factor"].tolist() == [1.0, 0.8, 1.6, 1.6, 1.6, 1.6]
    assert rows["price"].to_numpy() == pytest.approx(0.5 * rows["factor"].to_numpy())
    profit = result["profit"].set_index("party")["result"]["supplier"]
    assert rows["profit"].sum() == pytest.approx(profit, abs=1e-5)
    best = rows["profit"][2:].mean()
    assert result.kpis["value"]["pricing_regret"] == pytest.approx(6 * best - rows["profit"].sum())
    assert result.kpis["value"]["pricing_regret"] > 0


def test_customers_answer_to_the_level():
    """At 1.6 times the price the same days use 0.7 of what they use at the price that the profiles arose under."""
    low, high = (ga.run(scenario(pricing={"arms": [arm], "every": "day"}))["pricing"] for arm in (1.0, 1.6))
    assert (high["sold_kwh"] / low["sold_kwh"]).to_numpy() == pytest.approx(0.7, rel=1e-5)


def test_linear_bandit_finds_the_best_level():
    """Three trials tell the line; the best of seven levels is then chosen."""
    arms = [0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0]
    result = ga.run(scenario(pricing={"kind": "linear_bandit", "arms": arms, "every": "day", "optimism": 0.5}))
    rows = result["pricing"]
    assert rows["factor"][0] == 1.0
    cost = rows["cost_per_kwh"].iloc[-1]
    ideal = (1.5 + cost) / 2 / 0.5
    assert abs(rows["factor"].iloc[-1] - ideal) <= 0.2


def test_months_and_menus():
    """A level stays to the end of the month; only the named option of a menu moves."""
    menu = {
        "kind": "menu",
        "outside": "plain",
        "options": {
            "plain": {"kind": "flat", "energy_per_kwh": 0.5},
            "split": {
                "kind": "time_of_use",
                "energy_per_kwh": {"day": 0.6, "night": 0.3},
                "windows": {"day": ["08:00-22:00"], "night": ["22:00-08:00"]},
            },
        },
    }
    model = ga.Simulation(
        scenario(
            time__start="2016-01-30", time__days=4, tariffs__residential=menu, pricing={"arms": [1.1], "offer": "split"}
        )
    )
    for _ in range(4):
        model.step()
    rows = model.recorder.frame("pricing")
    assert rows[["day", "days"]].to_numpy().tolist() == [[1, 2], [3, 2]]
    plain, split = (offer.tariff for offer in model.households.offers)
    assert plain.energy_per_kwh == 0.5
    assert split.energy_per_kwh == pytest.approx({"day": 0.66, "night": 0.33})
    assert split.reference_per_kwh is not None
    assert rows["sold_kwh"].tolist() == [0.0, 0.0]
    assert np.isnan(rows["price"]).all()


def test_hindsight():
    """Each level alone on the same days: learning costs what its first trials lost against the best of them."""
    learner = scenario(time__days=4, pricing={"arms": [0.8, 1.0, 1.6], "every": "day", "explore": 0.0})
    table = hindsight_regret(learner)
    assert table["factor"].tolist() == [0.8, 1.0, 1.6]
    learned = ga.run(learner)["profit"].set_index("party")["result"]["supplier"]
    assert (table["result"] - table["regret"]).to_numpy() == pytest.approx(learned)
    assert table["regret"].max() == table["regret"].iloc[2] > 0
    with pytest.raises(ValueError, match="pricing: given none"):
        hindsight_regret(scenario())


def test_regret_is_not_known_without_sales():
    """A run without a learner has no such figure."""
    assert kpis({}, ["pricing_regret"]).empty


def test_scarcity_by_hand():
    """With little spare capacity prices of imbalances rise by the reserve curve; the pool pays its own price."""
    tight = {"generators__capacity_to_peak": 0.95, "time__days": 1, "market__imbalance_kappa": 0.0}
    curve = {"minimum_to_capacity": 0.1, "deviation_to_capacity": 0.05}
    plain, scarce = ga.run(scenario(**tight)), ga.run(scenario(**tight, market__scarcity=curve))
    rows, capacity = scarce["intervals"], scarce["plants"]["capacity_kw"].sum()
    load = rows["forecast_day_ahead_kwh"].to_numpy()
    price = rows["pool_price"].to_numpy()
    expected = scarcity_price(price, capacity - load, load, 0.1 * capacity, 0.05 * capacity, value=20.0)
    assert rows["scarcity_adder_price"].to_numpy() == pytest.approx(expected - price, rel=1e-4, abs=1e-6)
    assert rows["scarcity_adder_price"].max() > 0.1
    assert rows["imbalance_price_short"].to_numpy() == pytest.approx(expected, rel=1e-4)
    assert (price == plain["intervals"]["pool_price"]).all()
    assert "scarcity_adder_price" not in plain["intervals"]
    wide = ga.run(scenario(**tight, market__scarcity={**curve, "margin": 1e-6}))
    assert wide["intervals"]["scarcity_adder_price"].max() == 0


def test_real_time_customers_pay_the_adder():
    """Their energy costs the pool's price, the adder and the margin."""
    dear = scenario(
        time__days=1,
        generators__capacity_to_peak=0.95,
        market__scarcity={"minimum_to_capacity": 0.1},
        tariffs__residential={"kind": "real_time", "margin_per_kwh": 0.02},
        households__own_elasticity=0.0,
    )
    result = ga.run(dear)
    rows, bills = result["intervals"], result["bills"].set_index("line")
    price = rows["pool_price"] + rows["scarcity_adder_price"] + 0.02
    assert bills["amount"]["energy at real-time prices"] == pytest.approx(
        (rows["withdrawal_kwh"] * price).sum(), abs=1e-3
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pricing": {"arms": [1.0, 1.0]}}, "each factor once"),
        ({"pricing": {"arms": []}}, "pricing.arms"),
        ({"pricing": {"group": "commercial"}}, "which no population has"),
        ({"pricing": {"offer": "gold"}}, "given gold; allowed flat"),
        ({"pricing": {}, "tariffs__residential": {"kind": "real_time"}}, "energy prices of their own"),
        ({"pricing": {}, "tariffs__residential__supplier": "rival"}, "which rival sells"),
        (
            {"pricing": {"every": "day"}, "tariffs__residential__demand": {"price_per_kw_month": 5.0}},
            "parts that need whole months",
        ),
        ({"pricing": {}, "tariff_rounds": {"supply": {}}}, "both set energy prices"),
        ({"tariff_rounds": {}}, "at least one of them"),
        ({"tariff_rounds": {"network": {}}}, "no tariff has a network_per_kwh"),
        ({"market__scarcity": {}, "market__value_of_lost_load_per_kwh": 1.0}, "allowed at least cap_per_kwh"),
    ],
)
def test_refusals(changes, message):
    """What cannot be is refused before the run, with what is allowed."""
    with pytest.raises(ScenarioError, match=message):
        scenario(**changes)
