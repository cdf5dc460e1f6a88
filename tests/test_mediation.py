"""Natural effects: by hand, in worlds with known effects, against path models, and in a tiny town."""

from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gridagora as ga
from gridagora.scenarios.load import ScenarioError
from gridagora.scenarios.mediation import mediation, natural_effects, potential_outcomes
from gridagora.sim.path_models import path_model

TOWN = {
    **{"households.count": 12, "firms": None, "farms": None, "time.days": 2, "time.period_minutes": 60},
    **{"outputs.members": 0, "generators.blocks": 6, "market.online": False},
}


def world(a=1.5, b=-2.0, direct=0.8, product=0.0, noise=0.3, levels=(0.0, 1.0)):
    """Return a world of two days: M_t = t + a x + e_t, Y = c' x + b mean(M) + d x mean(M) + e."""

    def run(level, seed, imposed):
        shocks = noise * np.random.default_rng(seed).normal(size=3)
        x = levels[level]
        seen = dict(imposed) if imposed is not None else {day: day + a * x + shocks[day] for day in (0, 1)}
        m = sum(seen.values()) / 2
        return {"y": direct * x + b * m + product * x * m + shocks[2], "twice": 2 * m}, seen

    return run


def values(frame):
    """Return values by effect."""
    return frame.set_index("effect")["value"]


def test_effects_by_hand():
    """Of Y(0, M0) = 1, Y(0, M1) = 2, Y(1, M0) = 5, Y(1, M1) = 9 and the same plus 2, 0, 4, 2 all effects by hand."""
    outcomes = np.array([[[1.0, 2.0], [5.0, 9.0]], [[3.0, 2.0], [9.0, 11.0]]])
    frame = natural_effects(outcomes).set_index("effect")
    assert frame["value"].to_dict() == {"NDE": 5, "NIE": 3, "total": 8, "TDE": 8, "PIE": 0, "interaction": 3}
    # Differences of pairs are 4 and 6 for NDE: half-width t(0.975, 1) sqrt(2) / sqrt(2).
    assert frame.loc["NDE", ["low", "high"]].tolist() == pytest.approx([5 - 12.7062047, 5 + 12.7062047])
    assert frame.loc["total", "low"] == 8
    assert frame["share"].tolist() == [5 / 8, 3 / 8, 1, 1, 0, 3 / 8]


@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4).map(lambda row: [row[:2], row[2:]]),
        min_size=2,
        max_size=6,
    )
)
def test_identities(outcomes):
    """NDE + NIE is the total exactly; TDE + PIE is it, and TDE - NDE = NIE - PIE, to rounding."""
    effect = values(natural_effects(np.array(outcomes)))
    size = 1e-12 * max(np.abs(outcomes).max(), 1e-300)
    assert effect["NDE"] + effect["NIE"] == effect["total"]
    assert abs(effect["TDE"] + effect["PIE"] - effect["total"]) <= size
    assert abs(effect["interaction"] - (effect["NIE"] - effect["PIE"])) <= size
    mean = np.mean([row[1][1] - row[0][0] for row in outcomes])
    assert abs(effect["total"] - mean) <= size


def test_a_world_with_known_effects():
    """In a linear world every seed has NDE = c' = 0.8, NIE = a b = -3 and total -2.2: intervals have no width."""
    found = potential_outcomes(world(), range(5))
    frame = natural_effects(found["y"]).set_index("effect")
    assert frame.loc["NDE", ["value", "low", "high"]].tolist() == pytest.approx([0.8] * 3)
    assert frame.loc["NIE", ["value", "low", "high"]].tolist() == pytest.approx([-3.0] * 3)
    assert frame.loc["total", "value"] == pytest.approx(-2.2)
    assert frame.loc["interaction", "value"] == pytest.approx(0, abs=1e-12)
    assert values(natural_effects(found["twice"])).round(12)[["NDE", "NIE"]].tolist() == [0, 3]


def test_the_two_decompositions_differ_by_the_product():
    """With d = 2 and mean M(0) = 0.5 + e: NIE = a (b + d), PIE = a b, NDE = c' + d M(0), interaction a d = 3."""
    found = potential_outcomes(world(product=2.0), range(400))
    effect = values(natural_effects(found["y"]))
    assert effect["NIE"] == pytest.approx(1.5 * (-2 + 2), abs=1e-12)
    assert effect["PIE"] == pytest.approx(-3)
    assert effect["interaction"] == pytest.approx(3)
    assert effect["NDE"] == pytest.approx(0.8 + 2 * 0.5, abs=0.1)
    assert effect["TDE"] == pytest.approx(effect["NDE"] + 3)


@pytest.mark.parametrize("product", [0.0, 2.0])
def test_clamping_agrees_with_path_models(product):
    """Direct and indirect effects of least squares hold those of clamped runs (Baron and Kenny, Imai et al.)."""
    seeds = range(60)
    run = world(product=product)
    clamped = values(natural_effects(potential_outcomes(run, seeds)["y"]))
    rows = []
    for seed in seeds:
        for level in (0, 1):
            outcomes, seen = run(level, seed, None)
            rows.append((seed, level, sum(seen.values()) / 2, outcomes["y"]))
    frame = pd.DataFrame(rows, columns=["seed", "x", "m", "y"])
    model = path_model(frame, "x", "m", "y", interaction=product != 0, confidence=0.99)
    effects = model.frame.set_index("effect")
    for name, causal in {"direct": "NDE", "indirect": "NIE", "total": "total"}.items():
        low, high = effects.loc[name, ["bca_low", "bca_high"]]
        assert low <= clamped[causal] + 1e-9, name
        assert high >= clamped[causal] - 1e-9, name
    assert effects.loc["total", "estimate"] == pytest.approx(clamped["total"], rel=1e-9)


def test_without_noise_of_the_outcome_both_are_equal():
    """Where e2 is 0 least squares finds c' and a b of each seed's mean exactly: 0.8 and -3, as clamping does."""
    frame = pd.DataFrame(
        [(seed, x, x * 1.5 + e) for seed, e in enumerate((-0.3, 0.1, 0.2, 0.5)) for x in (0.0, 1.0)],
        columns=["seed", "x", "m"],
    )
    frame["y"] = 0.8 * frame["x"] - 2 * frame["m"]
    rows = path_model(frame, "x", "m", "y").frame.set_index("effect")["estimate"]
    clamped = values(natural_effects(potential_outcomes(world(noise=0.0), range(3))["y"]))
    assert rows[["direct", "indirect", "total"]].tolist() == pytest.approx(clamped[["NDE", "NIE", "total"]].tolist())


def test_inactive_channels_cover_zero():
    """Where the factor does not move the mediator NIE is 0; where it acts through it alone NDE is 0 (P10)."""
    off = natural_effects(potential_outcomes(world(a=0.0), range(5))["y"]).set_index("effect")
    assert off.loc["NIE", "low"] <= 0 <= off.loc["NIE", "high"]
    assert off.loc["NDE", "low"] > 0
    past = natural_effects(potential_outcomes(world(direct=0.0), range(5))["y"]).set_index("effect")
    assert past.loc["NDE", "low"] <= 0 <= past.loc["NDE", "high"]
    assert past.loc["NIE", "high"] < 0


def test_a_mediator_that_does_not_hold_is_refused():
    """A world that goes its own way after day 0 is not clamped, and one that adds to what is imposed is another."""

    def drifting(level, seed, imposed):
        return {"y": 0.0}, {0: level, 1: level if imposed is None else 2}

    with pytest.raises(ValueError, match=r"did not hold on day 1 \(seed 4\)"):
        potential_outcomes(drifting, [4, 5])

    def costly(level, seed, imposed):
        return {"y": float(imposed is not None)}, {0: 1} if imposed is None else imposed

    with pytest.raises(ValueError, match=r"own values imposed has y 1\.0, without 0\.0"):
        potential_outcomes(costly, [4, 5])


@pytest.mark.parametrize("seeds", [[3], [3, 3], []])
def test_seeds_are_two_or_more(seeds):
    """One seed has no scatter, and a seed twice is no second one."""
    with pytest.raises(ValueError, match="seeds: given"):
        potential_outcomes(world(), seeds)


@pytest.fixture(scope="module")
def pv():
    """Return PV of homes on real-time prices, with the pool's price as mediator."""
    scenario = ga.load("rtp", TOWN)
    return mediation(scenario, {"households.pv_share": (0.0, 0.8)}, "pool_price", ["bill", "losses"], seeds=3)


def test_pv_saves_twice(pv):
    """PV lowers bills by what homes no longer buy, and by the lower price of what they still do; effects add up."""
    rows = pv.frame.set_index(["outcome", "effect"])
    assert rows.loc[("bill", "NDE"), "value"] < rows.loc[("bill", "NIE"), "value"] < 0
    for name in ("bill", "losses"):
        effect = rows.loc[name]["value"]
        assert effect["NDE"] + effect["NIE"] == effect["total"]
        assert effect["TDE"] + effect["PIE"] == pytest.approx(effect["total"], rel=1e-12)
    assert rows.loc["bill", "unit"].unique().tolist() == ["CNY"]
    assert pv.factor == "households.pv_share: 0.0 → 0.8"
    assert pv.mediator == "pool_price"


def test_free_runs_are_plain_runs(pv):
    """Y(0, M0) and Y(1, M1) are what ga.run finds, with seeds from the scenario's on."""
    rows = pv.runs.set_index(["outcome", "seed"])
    assert rows.loc["bill"].index.tolist() == [42, 43, 44]
    for column, share in (("y00", 0.0), ("y11", 0.8)):
        result = ga.run(ga.load("rtp", {**TOWN, "households.pv_share": share, "seed": 43}))
        assert rows.loc[("bill", 43), column] == result.kpis.loc["bill", "value"]
    mean = (rows.loc["bill", "y10"] - rows.loc["bill", "y00"]).mean()
    assert values(pv.frame[pv.frame["outcome"] == "bill"])["NDE"] == pytest.approx(mean)


def test_town_without_a_way_through_the_price():
    """Under a flat price the pool's price reaches no bill: NIE is 0, and all is direct (P10)."""
    flat = {"kind": "flat", "energy_per_kwh": 0.35}
    scenario = ga.load("rtp", {**TOWN, "tariffs.residential": flat})
    found = mediation(scenario, {"households.pv_share": (0.0, 0.8)}, "pool_price", "bill", seeds=[7, 9])
    rows = found.frame.set_index("effect")
    assert rows.loc["NIE", ["low", "high"]].tolist() == [0, 0]
    assert rows.loc["NDE", "value"] == rows.loc["total", "value"] < 0
    assert found.runs["seed"].tolist() == [7, 9]


def test_town_without_a_way_past_the_price():
    """The price of imports reaches bills through the pool's price only: NDE is 0 (P10)."""
    scenario = ga.load("rtp", TOWN)
    found = mediation(scenario, {"generators.import_price_per_kwh": (0.3, 0.9)}, "pool_price", "bill", seeds=2)
    rows = found.frame.set_index("effect")
    assert rows.loc["NDE", ["low", "high"]].tolist() == pytest.approx([0, 0], abs=1e-9)
    assert rows.loc["NIE", "value"] == pytest.approx(rows.loc["total", "value"])
    assert rows.loc["NIE", "value"] > 0


def test_keys_as_mediator():
    """Of a factor that acts on charges and one on consumption, each is the other's mediator: four plain runs."""
    scenario = ga.load("quickstart", TOWN)
    charge = {"tariffs.residential.network_per_kwh": (0.1, 0.2)}
    found = mediation(scenario, {"households.annual_kwh": (2000.0, 3000.0)}, charge, "bill", seeds=2)
    assert found.mediator == "tariffs.residential.network_per_kwh"
    rows = found.runs.set_index("seed")
    for (x, kwh), (m, price) in [(a, b) for a in enumerate((2000.0, 3000.0)) for b in enumerate((0.1, 0.2))]:
        changed = {"households.annual_kwh": kwh, "tariffs.residential.network_per_kwh": price, "seed": 43}
        plain = ga.run(scenario.override(changed)).kpis.loc["bill", "value"]
        assert rows.loc[43, f"y{x}{m}"] == plain


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"factor": {}}, ValueError, "factor: given no key"),
        ({"factor": {"households.pv_share": 0.4}}, ValueError, r"factor households.pv_share: given 0.4; allowed two"),
        ({"factor": {"households.pv_share": (0.4, 0.4)}}, ValueError, "allowed two different values"),
        ({"factor": {"households.pv_shar": (0, 1)}}, ScenarioError, "pv_share"),
        ({"mediator": "pool_prices"}, ValueError, "unknown mediator 'pool_prices'; .* nearest 'pool_price'"),
        ({"mediator": {}}, ValueError, "mediator: given no key"),
        ({"mediator": {"households.pv_share": (0, 1)}}, ValueError, "that factor does not have"),
        ({"mediator": {"households.count": (5, -1)}}, ScenarioError, "count"),
        ({"mediator": 3}, ValueError, "mediator 3: no before, record, impose"),
        ({"outcome": "bil"}, KeyError, "no key figure 'bil' of scope 'system'; nearest 'bill'"),
        ({"outcome": "bill", "scope": "farms"}, KeyError, "of scope 'farms'"),
        ({"outcome": "mean_auction_price"}, ValueError, "outcome mean_auction_price: nan with seed 42"),
        ({"confidence": 0.2}, ValueError, "confidence: given 0.2"),
        ({"factor": {"time.days": (1, 2)}}, ValueError, "it changes which days are simulated"),
    ],
)
def test_refusals(changes, error, message):
    """What cannot be split is refused before or at the first run, with what would do."""
    small = {**TOWN, "households.count": 5, "time.days": 1}
    given_all = {"factor": {"households.pv_share": (0.0, 0.8)}, "mediator": "pool_price", "outcome": "bill", **changes}
    with pytest.raises(error, match=message):
        mediation(ga.load("quickstart", small), **given_all, seeds=2)


def test_mappings_of_any_kind():
    """Factors may come as any mapping, and `ga.mediation` is the same function."""
    factor = MappingProxyType({"forecasts.gate_sigma": [0.1, 0.2]})
    small = {**TOWN, "households.count": 5, "time.days": 1}
    found = ga.mediation(ga.load("quickstart", small), factor, "forecast_quality", "consumption", seeds=2)
    assert (found.frame["value"] == 0).all()
    assert found.frame["share"].isna().all()
