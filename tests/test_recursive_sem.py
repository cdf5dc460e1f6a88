"""Chains of equations: what a known chain gives, its covariance, its fit, and what is refused."""

import numpy as np
import pandas as pd
import pytest

import gridagora as ga
from gridagora.sim.recursive_sem import recursive_sem

CHAIN = {"m": ["x"], "y1": ["x", "m"], "y2": ["y1"], "y3": ["y2", "m"]}
TRUE = {"xm": 0.8, "xy1": 0.2, "my1": 0.5, "y1y2": 0.7, "y2y3": 0.6, "my3": 0.3}


def chain(rows=400, start=1):
    """Return runs of X -> M -> Y1 -> Y2 -> Y3 with ways past, whose errors are standard normal."""
    e = np.random.default_rng(start).normal(size=(5, rows))
    x = e[0]
    m = TRUE["xm"] * x + e[1]
    y1 = TRUE["xy1"] * x + TRUE["my1"] * m + e[2]
    y2 = TRUE["y1y2"] * y1 + e[3]
    y3 = TRUE["y2y3"] * y2 + TRUE["my3"] * m + e[4]
    return pd.DataFrame({"x": x, "m": m, "y1": y1, "y2": y2, "y3": y3, "seed": np.arange(rows) // 10})


@pytest.fixture(scope="module")
def model():
    """Return the chain, estimated."""
    return recursive_sem(chain(), CHAIN)


def test_variables_are_ordered_by_cause(model):
    """Causes come first, whatever the order of the equations."""
    assert model.variables == ("x", "m", "y1", "y2", "y3")
    turned = recursive_sem(chain(), dict(reversed(CHAIN.items())), resamples=100)
    order = list(model.variables)
    assert turned.coefficients.loc[order, order].to_numpy() == pytest.approx(model.coefficients.to_numpy(), abs=1e-12)


def test_coefficients_are_least_squares(model):
    """Each equation is a regression of its own; every other coefficient is 0, and true ones lie near."""
    frame = chain()
    design = np.stack([np.ones(400), frame["x"], frame["m"]], axis=1)
    by_hand = np.linalg.lstsq(design, frame["y1"])[0][1:]
    assert model.coefficients.loc["y1", ["x", "m"]].tolist() == pytest.approx(by_hand.tolist(), rel=1e-10)
    assert (model.coefficients.to_numpy() != 0).sum() == len(TRUE)
    for target, sources in CHAIN.items():
        for source in sources:
            assert model.coefficients.loc[target, source] == pytest.approx(TRUE[source + target], abs=0.12)


def test_implied_covariance(model):
    """Sigma is (I - B)^-1 Psi (I - B)^-T, Psi the residuals' variances; where no path is missing it is the sample's."""
    inverse = np.linalg.inv(np.eye(5) - model.coefficients.to_numpy())
    by_hand = inverse @ model.error_covariance.to_numpy() @ inverse.T
    assert model.implied.to_numpy() == pytest.approx(by_hand, rel=1e-12)
    assert model.sample.to_numpy() == pytest.approx(chain()[list(model.variables)].cov(ddof=0).to_numpy(), rel=1e-12)
    whole = ["x", "m", "y1"]
    assert model.implied.loc[whole, whole].to_numpy() == pytest.approx(model.sample.loc[whole, whole].to_numpy())
    left = chain()["y2"] - chain()["y1"] * model.coefficients.loc["y2", "y1"]
    assert model.error_covariance.loc["y2", "y2"] == pytest.approx(left.var(ddof=0))
    psi = model.error_covariance.to_numpy()
    assert (psi - np.diag(np.diag(psi)) == 0).all()


def test_effects_are_sums_over_paths(model):
    """X reaches Y3 by m, by m-y1-y2 and by y1-y2; the total is the sum, direct it has none; true 0.5632 is covered."""
    ways = [("x", "m", "y3"), ("x", "m", "y1", "y2", "y3"), ("x", "y1", "y2", "y3")]
    row = model.frame.set_index(["source", "target"]).loc[("x", "y3")]
    assert row["total"] == pytest.approx(sum(model.along(*way) for way in ways), rel=1e-10)
    assert row["direct"] == 0
    assert row["indirect"] == pytest.approx(row["total"])
    true = 0.8 * 0.3 + (0.8 * 0.5 + 0.2) * 0.7 * 0.6
    for kind in ("indirect", "total"):
        assert row[f"{kind}_low"] < true < row[f"{kind}_high"]
        assert row[f"{kind}_bca_low"] < true < row[f"{kind}_bca_high"]
    alone = model.frame.set_index(["source", "target"]).loc[("y1", "y2")]
    assert alone["total"] == pytest.approx(alone["direct"])
    assert alone[["indirect", "indirect_low", "indirect_high"]].tolist() == [0, 0, 0]
    assert len(model.frame) == 10
    assert (model.frame["source"] != model.frame["target"]).all()


def test_fit_tells_missing_paths(model):
    """The true chain fits with 4 degrees of freedom; without m -> y3 it does not, and saturated it fits exactly."""
    assert model.fit["df"] == 4
    assert model.fit["p_value"] > 0.05
    assert model.fit["srmr"] < 0.03
    poor = recursive_sem(chain(), {**CHAIN, "y3": ["y2"]}, resamples=100)
    assert poor.fit["df"] == 5
    assert poor.fit["p_value"] < 1e-6
    assert poor.fit["rmsea"] > 0.1
    whole = recursive_sem(chain(), {"m": ["x"], "y1": ["x", "m"]}, resamples=100)
    assert whole.fit["df"] == 0
    assert np.isnan(whole.fit["p_value"])
    assert whole.fit["chi2"] == pytest.approx(0, abs=1e-9)
    assert whole.implied.to_numpy() == pytest.approx(whole.sample.to_numpy(), rel=1e-10)


def test_likelihood_ratio_of_one_missing_path():
    """For x and z given and y on x alone, the ratio is n ln of the residual variances without and with z."""
    frame = chain(100)
    found = recursive_sem(frame, {"m": ["x"], "y1": ["m"]}, blocks=None, resamples=100)
    residual = [
        np.linalg.lstsq(np.stack([np.ones(100), *(frame[name] for name in names)], axis=1), frame["y1"])[1][0]
        for names in (["m"], ["m", "x"])
    ]
    assert found.fit["chi2"] == pytest.approx(100 * np.log(residual[0] / residual[1]), rel=1e-9)
    assert found.fit["df"] == 1


def test_given_variables_may_be_correlated():
    """Two causes without equation keep their covariance in Psi, and no degree of freedom is counted for it."""
    frame = chain()
    found = recursive_sem(frame, {"y2": ["m", "x"]}, blocks=None, resamples=100)
    assert found.fit["df"] == 0
    assert found.error_covariance.loc["m", "x"] == pytest.approx(frame["x"].cov(frame["m"], ddof=0))


def test_pairs_of_runs():
    """What a seed adds to all its runs is no path: coefficients are those with an intercept for each of 40 seeds."""
    frame = chain()
    added = frame.assign(**{name: frame[name] + place * frame["seed"] for place, name in enumerate(CHAIN)})
    found, first = (recursive_sem(each, CHAIN, paired=True, resamples=100) for each in (added, frame))
    assert found.coefficients.to_numpy() == pytest.approx(first.coefficients.to_numpy(), abs=1e-9)
    assert found.fit["rows"] == 400 - 39
    assert found.fit["p_value"] > 0.05
    plain = recursive_sem(added, CHAIN, resamples=100)
    assert plain.coefficients.loc["y2", "y1"] == pytest.approx(2.0, abs=0.2)
    with pytest.raises(ValueError, match="paired: given without blocks"):
        recursive_sem(frame, CHAIN, paired=True, blocks=None)


def test_scales_do_not_matter():
    """A variable in thousands has coefficients a thousandth as large, and the same fit."""
    frame = chain()
    frame["m"] = 5e6 + 1000 * frame["m"]
    found = ga.recursive_sem(frame, CHAIN, resamples=100)
    first = recursive_sem(chain(), CHAIN, resamples=100)
    assert found.coefficients.loc["m", "x"] == pytest.approx(1000 * first.coefficients.loc["m", "x"], rel=1e-6)
    assert found.fit["chi2"] == pytest.approx(first.fit["chi2"], rel=1e-4)


def test_refusals(model):
    """Circles, unknown columns and empty equations are refused, and so are paths that are none."""
    with pytest.raises(ValueError, match=r"(x -> y1 -> x|y1 -> x -> y1) is a circle"):
        recursive_sem(chain(), {"x": ["y1"], "y1": ["x"]})
    with pytest.raises(KeyError, match="no column 'price'"):
        recursive_sem(chain(), {"m": ["price"]})
    with pytest.raises(ValueError, match="equations: given none"):
        recursive_sem(chain(), {})
    with pytest.raises(ValueError, match="one without causes"):
        recursive_sem(chain(), {"m": []})
    with pytest.raises(ValueError, match="depend on each other"):
        recursive_sem(chain().assign(twice=lambda rows: 2 * rows["x"]), {"m": ["x", "twice"]})
    with pytest.raises(ValueError, match="allowed two variables or more"):
        model.along("x")
    with pytest.raises(KeyError, match="no variable z; variables: x, m"):
        model.along("x", "z")
