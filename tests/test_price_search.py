"""Prices found with the market's own answer: by hand where demand is linear, else by laws (B11 case 4)."""

import io
import json
import sys

import pytest

import gridagora as ga
from gridagora.scenarios.load import ScenarioError
from gridagora.scenarios.price_search import Neutral, Oracle, break_even, search_prices

KEY = "tariffs.residential.energy_per_kwh"
#: Households alone, no errors, PV or auction; imports at 0.2 to 0.4 CNY/kWh supply everything.
WORLD = {
    "time.days": 1,
    "time.period_minutes": 60,
    "households.count": 8,
    "households.profiles": "bdew",
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
    "tariffs.residential.standing_per_day": 0.0,
    "tariffs.residential.network_per_kwh": 0.0,
    "tariffs.residential.levy_per_kwh": 0.0,
    "tariffs.residential.energy_per_kwh": 0.5,
    "tariffs.residential.reference_per_kwh": 0.5,
    "outputs.members": 0,
}


@pytest.fixture(scope="module")
def world():
    """Return a scenario whose demand is d0 (1 - (p - 0.5)): linear in the retail price."""
    return ga.load("quickstart", WORLD)


def test_profit_and_welfare_by_hand(world):
    """Demand d0 (1.5 - p), cost of energy as booked: profit p d - cost; welfare is the area under the demand line."""
    oracle = Oracle(world)
    base, dear = oracle({}), oracle({KEY: 0.7})
    energy = base["consumption"]
    assert dear["consumption"] == pytest.approx(0.8 * energy, rel=1e-6)
    assert base["welfare"] == 0
    paid = 0.8 * energy * 0.7 - dear["supplier_profit"]
    assert paid == pytest.approx(dear["consumption"] * dear["mean_pool_price"], rel=1e-6)
    lost = 0.2 * energy * 0.6
    spared = base["cost_of_supply_and_shed_load"] - dear["cost_of_supply_and_shed_load"]
    assert dear["welfare"] == pytest.approx(spared - lost, rel=1e-5)
    assert dear["average_price"] == dear["average_price@households"] == pytest.approx(0.7)


def test_grid_and_simplex_agree(world):
    """The simplex finds what the best of a fine grid finds, between the last two of a coarse one."""
    oracle = ga.search_prices(world, {KEY: (0.4, 1.4)}, points=4)
    assert list(oracle.table.columns) == [KEY, "objective", "feasible"]
    assert len(oracle.table) == 4
    found = search_prices(world, {KEY: (0.4, 1.4)}, method="nelder_mead", trials=14)
    assert found.value >= oracle.value - 1e-3
    assert abs(found.best[KEY] - oracle.best[KEY]) <= 0.34
    assert found.scenario.tariffs.residential.energy_per_kwh == found.best[KEY]
    # (a / b + w) / 2 with a / b = 1.5 and a cost that is nearly the same in all periods
    assert found.best[KEY] == pytest.approx((1.5 + Oracle(world)(found.best)["mean_pool_price"]) / 2, abs=0.05)


def test_limits_hold(world):
    """A cap on the average price at 0.75 binds: of 0.4, 0.6, 0.8 and 1 the best allowed is 0.6."""
    found = search_prices(world, {KEY: (0.4, 1.0)}, limits={"average_price": (None, 0.75)}, points=4)
    assert found.best == {KEY: 0.6}
    assert found.table["feasible"].tolist() == [True, True, False, False]
    assert found.table["average_price"].tolist() == pytest.approx([0.4, 0.6, 0.8, 1.0])
    simplex = search_prices(
        world, {KEY: (0.4, 1.0)}, limits={"average_price": (0.3, 0.75)}, method="nelder_mead", trials=12
    )
    assert simplex.best[KEY] == pytest.approx(0.75, abs=0.05)
    with pytest.raises(ValueError, match="none of 2 trials keeps"):
        search_prices(world, {KEY: (0.4, 1.0)}, limits={"average_price": (2.0, None)}, points=2)


def test_peak_is_lowest_at_the_highest_price(world):
    """Minimised peak: the highest price; any key figure is an objective."""
    found = search_prices(world, {KEY: (0.4, 0.8)}, "peak_load", maximise=False, points=2)
    assert found.best[KEY] == 0.8


def test_break_even(world):
    """At the price found the supplier earns nothing to within the tolerance; it lies at its cost of energy."""
    found = break_even(world, KEY, low=0.1, high=0.8, tolerance=1e-5)
    measures = Oracle(world)({KEY: found.price})
    assert found.result == measures["result@supplier"]
    assert abs(found.result) < 1e-2
    assert found.price == pytest.approx(measures["mean_pool_price"], abs=1e-4)
    assert found.trials < 20
    with pytest.raises(ValueError, match="ends with different signs"):
        break_even(world, KEY, low=0.7, high=0.8)
    with pytest.raises(KeyError, match="party: given nobody"):
        break_even(world, KEY, "nobody", low=0.1, high=0.8)


def test_neutral_prices_follow(world):
    """With a dearer day the night gets cheaper until the supplier earns what it earned at 0.5 throughout."""
    tou = world.override(
        {
            "tariffs.residential": {
                "kind": "time_of_use",
                "energy_per_kwh": {"day": 0.5, "night": 0.5},
                "windows": {"day": ["08:00-22:00"], "night": ["22:00-08:00"]},
                "network_per_kwh": 0.0,
                "levy_per_kwh": 0.0,
                "reference_per_kwh": 0.5,
            }
        }
    )
    earned = Oracle(tou)({})["result@supplier"]
    found = search_prices(
        tou, {f"{KEY}.day": (0.5, 0.55)}, "welfare", neutral=Neutral(f"{KEY}.night", 0.2, 0.6), points=2
    )
    assert found.table[f"{KEY}.night"].tolist() == sorted(found.table[f"{KEY}.night"], reverse=True)
    assert Oracle(tou)(found.best)["result@supplier"] == pytest.approx(earned, rel=5e-3)
    refused = search_prices(
        tou, {f"{KEY}.day": (0.5, 0.55)}, limits={}, neutral=Neutral(f"{KEY}.night", 0.49, 0.51), points=2
    )
    assert refused.table["feasible"].tolist() == [True, False]


def test_imbalance_is_part_of_profit(world):
    """With forecast errors the supplier pays for imbalance; a larger mark-up lowers its profit as booked."""
    wrong = world.override({"forecasts.day_ahead_sigma": 0.3, "market.imbalance_kappa": 0.0})
    cheap, dear = ga.run(wrong), ga.run(wrong.override({"market.imbalance_kappa": 1.0}))

    def net(result, account):
        rows = result["ledger"][result["ledger"]["account"] == account]
        return rows["amount"][rows["payee"] == "supplier"].sum() - rows["amount"][rows["payer"] == "supplier"].sum()

    measures = Oracle(wrong)({"market.imbalance_kappa": 1.0})
    parts = net(dear, "retail") + net(dear, "pool") + net(dear, "imbalance")
    assert measures["supplier_profit"] == pytest.approx(parts, abs=1e-6)
    fall = net(cheap, "imbalance") - net(dear, "imbalance")
    assert fall > 0
    assert Oracle(wrong)({})["supplier_profit"] - measures["supplier_profit"] == pytest.approx(fall, abs=1e-6)


def test_replications_are_paired_and_means(world):
    """Two seeds: every measure is the mean of the two; trials share their draws."""
    noisy = world.override({"forecasts.realised_sigma": 0.1})
    both = Oracle(noisy, 2)({KEY: 0.6})["consumption"]
    one, two = (Oracle(noisy.override({"seed": seed}))({KEY: 0.6})["consumption"] for seed in (42, 43))
    assert one != two
    assert both == pytest.approx((one + two) / 2)


def test_trials_are_computed_once(world, tmp_path):
    """The second search finds all trials in the folder, and gives the same table; another world does not."""
    first = search_prices(world, {KEY: (0.4, 0.8)}, "welfare", points=2, cache=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    again = Oracle(world, cache=tmp_path)
    assert again({KEY: 0.4})["welfare"] == first.table["objective"][0]
    assert again.runs == 0
    assert json.loads(next(tmp_path.iterdir()).read_text())["loss_rate"] == 0
    other = Oracle(world.override({"seed": 1}), cache=tmp_path)
    other({KEY: 0.4})
    other({KEY: 0.4})
    assert other.runs == 2  # the trial and what it is compared with


def test_progress_is_quiet_without_a_terminal(world, monkeypatch, capsys):
    """Nothing is written to a pipe; a terminal sees a bar."""
    search_prices(world, {KEY: (0.4, 0.8)}, points=2, progress=True)
    assert capsys.readouterr().err == ""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    search_prices(world, {KEY: (0.4, 0.8)}, points=2, progress=True)
    assert "trials" in terminal.getvalue()


def test_what_cannot_be_measured_is_infeasible(world):
    """A measure that is nan, as the auction's price without one, keeps no limit."""
    with pytest.raises(ValueError, match="none of 2 trials"):
        search_prices(world, {KEY: (0.4, 0.8)}, limits={"mean_auction_price": (0.0, None)}, points=2)
    with pytest.raises(ValueError, match="none of 2 trials"):
        search_prices(world, {KEY: (0.4, 0.8)}, "mean_auction_price", points=2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda w: search_prices(w, {}), ValueError, "prices: given none"),
        (lambda w: search_prices(w, {KEY: (1, 0)}), ValueError, "given 1 to 0"),
        (lambda w: search_prices(w, {KEY: (0, 1)}, points=1), ValueError, "points: given 1"),
        (lambda w: search_prices(w, {KEY: (0, 1)}, trials=0), ValueError, "trials: given 0"),
        (lambda w: search_prices(w, {KEY: (0, 1)}, "beauty", points=2), KeyError, "measure: given beauty"),
        (lambda w: search_prices(w, {"tariffs.nothing": (0, 1)}, points=2), ScenarioError, "nothing"),
        (lambda w: Oracle(w, 0), ValueError, "replications: given 0"),
        (lambda w: break_even(w, KEY, low=1, high=0), ValueError, "low: given 1"),
        (lambda w: break_even(w, KEY, low=0, high=1, tolerance=0), ValueError, "tolerance: given 0"),
    ],
)
def test_refusals(world, call, error, message):
    """What is out of range is refused, with the name and the value given."""
    with pytest.raises(error, match=message):
        call(world)


def test_scenarios_by_name():
    """A name loads a built-in scenario."""
    assert Oracle("quickstart").base.name == "quickstart"
