"""Path models: regressions by hand, the identity of effects, what a known model gives, groups, refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

import gridagora as ga
from gridagora.sim.least_squares import least_squares
from gridagora.sim.path_models import path_model, sobel_error

A, B, DIRECT = 1.5, -2.0, 0.8
LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)


def known(seeds=20, a=A, b=B, direct=DIRECT, noise=0.3, product=0.0, start=1):
    """Return runs of M = 2 + a X + e1, Y = 1 + c' X + b M + d X M + e2, with shocks that a seed's runs share."""
    rng = np.random.default_rng(start)
    rows = []
    for seed in range(seeds):
        shared = noise * rng.normal(size=2)
        for x in LEVELS:
            m = 2 + a * x + shared[0] + noise * rng.normal()
            y = 1 + direct * x + b * m + product * x * m + shared[1] + noise * rng.normal()
            rows.append((seed, x, m, y))
    return pd.DataFrame(rows, columns=["seed", "x", "m", "y"])


def effects(model, group=""):
    """Return the table of effects by name."""
    rows = model.frame
    return rows[rows["group"] == group].set_index("effect")


def path(model, name, column="estimate"):
    """Return one coefficient."""
    return float(model.paths.set_index("path").loc[name, column])


def test_hc3_of_four_points_by_hand():
    """For y = 0, 2, 1, 5 at x = 0 to 3 slope is 7/5, leverages 0.7 and 0.3, the slope's HC3 error 33/35."""
    x = np.arange(4.0)
    fit = least_squares(np.stack([np.ones(4), x], axis=1), np.array([0.0, 2.0, 1.0, 5.0]))
    assert fit.coefficients == pytest.approx([-0.1, 1.4])
    assert fit.residuals == pytest.approx([0.1, 0.7, -1.7, 0.9])
    over = np.array([0.1 / 0.3, 0.7 / 0.7, -1.7 / 0.7, 0.9 / 0.3])
    assert fit.errors[1] == pytest.approx(33 / 35)
    # The intercept is the mean less 1.5 slopes: weights 1/4 - 1.5 (x - 1.5) / 5.
    assert fit.errors[0] == pytest.approx(np.sqrt((((0.25 - 0.3 * (x - 1.5)) * over) ** 2).sum()))


def test_sobel_by_hand():
    """With a = 2 (0.3) and b = 4 (0.8) it is sqrt(16 0.09 + 4 0.64) = 2."""
    assert sobel_error(2.0, 0.3, 4.0, 0.8) == pytest.approx(2.0)
    model = path_model(known(), "x", "m", "y")
    rows = model.paths.set_index("path")
    by_hand = sobel_error(*(float(rows.loc[name, part]) for name in ("a", "b") for part in ("estimate", "se")))
    assert effects(model).loc["indirect", "se"] == pytest.approx(by_hand, rel=1e-12)
    assert effects(model).loc["direct", "se"] == pytest.approx(path(model, "c'", "se"), rel=1e-12)


@settings(max_examples=25)
@given(
    st.integers(0, 10_000),
    *(st.floats(-5, 5) for _ in range(3)),
    st.floats(-1e4, 1e4),
    st.floats(1e-3, 1e3),
)
def test_total_is_direct_plus_indirect(start, a, b, direct, shift, scale):
    """In one sample c = c' + a b to 1e-12 of what is added up, whatever the units (O51)."""
    frame = known(4, a, b, direct, start=start)
    frame["m"] = shift + scale * frame["m"]
    model = path_model(frame, "x", "m", "y", resamples=100)
    rows = effects(model)["estimate"]
    size = max(abs(rows["direct"]), abs(rows["indirect"]), 1.0)
    assert abs(path(model, "c") - (path(model, "c'") + path(model, "a") * path(model, "b"))) < 1e-12 * size
    assert rows["total"] == rows["direct"] + rows["indirect"]
    assert abs(path(model, "c") - rows["total"]) < 1e-12 * size


def test_a_known_model_is_recovered():
    """Intervals of 99 % hold a = 1.5, b = -2, c' = 0.8, a b = -3 and c = -2.2; standardised ones have no units."""
    frame = known()
    model = path_model(frame, "x", "m", "y", confidence=0.99)
    rows = effects(model)
    true = {"a": A, "b": B, "direct": DIRECT, "indirect": A * B, "total": DIRECT + A * B}
    for name, value in true.items():
        assert rows.loc[name, "low"] < value < rows.loc[name, "high"], name
        assert rows.loc[name, "bca_low"] < value < rows.loc[name, "bca_high"], name
    assert (
        rows.loc["proportion_mediated", "estimate"] == rows.loc["indirect", "estimate"] / rows.loc["total", "estimate"]
    )
    assert path(model, "a", "standardised") == pytest.approx(frame["x"].corr(frame["m"]))
    assert path(model, "a", "r_squared") == pytest.approx(frame["x"].corr(frame["m"]) ** 2)
    assert path(model, "a", "p_value") < 1e-9
    assert model.paths["path"].tolist() == ["a", "c'", "b", "c"]
    assert set(model.paths["rows"]) == {100}
    assert model.differences.empty


def test_blocks_see_what_runs_of_a_seed_share():
    """Shocks that all runs of a seed share do not blur the effect of x: blocks know, rows drawn alone do not."""
    frame = known()
    by_seed, by_row = (effects(path_model(frame, "x", "m", "y", blocks=each)) for each in ("seed", None))
    assert by_seed.loc["a", "estimate"] == pytest.approx(by_row.loc["a", "estimate"], rel=1e-12)
    width = [rows.loc["a", "high"] - rows.loc["a", "low"] for rows in (by_seed, by_row)]
    assert width[0] < 0.9 * width[1]


def confounded(seeds=12):
    """Return runs whose seeds move mediator and outcome: M = x + z + u, Y = M + 2 u + e; nothing is direct."""
    rng = np.random.default_rng(4)
    rows = []
    for seed in range(seeds):
        u = rng.normal()
        for x in (0.0, 1.0):
            for z in (0.0, 1.0):
                m = x + z + u
                rows.append((seed, x, z, m, m + 2 * u + 0.01 * rng.normal()))
    return pd.DataFrame(rows, columns=["seed", "x", "z", "m", "y"])


def test_pairs_of_runs_have_no_common_cause():
    """Pooled, b is about 3; with an intercept for each seed, and z to move the mediator, it is 1, and c' is 0."""
    pooled, paired = (effects(path_model(confounded(), "x", "m", "y", paired=each)) for each in (False, True))
    assert pooled.loc["b", "estimate"] > 2
    assert paired["estimate"][["b", "direct", "indirect"]].tolist() == pytest.approx([1, 0, 1], abs=0.02)
    assert paired.loc["b", "bca_low"] < 1 < paired.loc["b", "bca_high"]
    assert pooled.loc["total", "estimate"] == pytest.approx(paired.loc["total", "estimate"], rel=1e-12)
    with pytest.raises(ValueError, match="regressors depend on each other"):
        path_model(confounded().query("z == 0"), "x", "m", "y", paired=True)
    with pytest.raises(ValueError, match="paired: given without blocks"):
        path_model(confounded(), "x", "m", "y", paired=True, blocks=None)


def test_paired_regressions_are_those_with_an_intercept_a_seed():
    """Coefficients, HC3 errors and degrees of freedom are those of least squares with a dummy for each seed."""
    frame = known()
    model = path_model(frame, "x", "m", "y", paired=True)
    dummies = (frame["seed"].to_numpy()[:, None] == np.arange(20)).astype(float)
    fit = least_squares(np.column_stack([dummies, frame["x"], frame["m"]]), frame["y"].to_numpy())
    assert fit.freedom == 100 - 22
    for name, place in (("c'", 20), ("b", 21)):
        assert path(model, name) == pytest.approx(fit.coefficients[place], rel=1e-10)
        assert path(model, name, "se") == pytest.approx(fit.errors[place], rel=1e-10)
        assert path(model, name, "high") == pytest.approx(
            fit.coefficients[place] + t.ppf(0.975, 78) * fit.errors[place], rel=1e-10
        )


def test_the_bootstrap_repeats_itself():
    """The same seed gives the same table, another one other intervals."""
    frame = known()
    one, again, other = (path_model(frame, "x", "m", "y", seed=seed).frame for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(one, again, check_exact=True)
    assert one["low"].tolist() != other["low"].tolist()


def test_groups_are_compared():
    """Where the second group has b twice as large its indirect effect differs, a does not; groups share seeds."""
    frame = pd.concat(
        [known(b=b, start=start).assign(volatility=name) for b, start, name in ((B, 1, "low"), (2 * B, 2, "high"))]
    )
    model = path_model(frame, "x", "m", "y", groups="volatility")
    assert model.frame["group"].drop_duplicates().tolist() == ["low", "high"]
    for name in ("low", "high"):
        alone = effects(path_model(frame[frame["volatility"] == name], "x", "m", "y"))
        assert effects(model, name)["estimate"].tolist() == pytest.approx(alone["estimate"].tolist(), rel=1e-12)
    rows = model.differences.set_index("effect")
    assert (rows["group"] + rows["other"]).unique().tolist() == ["lowhigh"]
    expected = effects(model, "high").loc["indirect", "estimate"] - effects(model, "low").loc["indirect", "estimate"]
    assert rows.loc["indirect", "estimate"] == expected
    assert rows.loc["indirect", "bca_high"] < 0
    assert rows.loc["a", "low"] < 0 < rows.loc["a", "high"]
    independent = path_model(frame, "x", "m", "y", groups="volatility", blocks=None)
    assert independent.differences["estimate"].tolist() == pytest.approx(rows["estimate"].tolist(), rel=1e-9)


def test_several_outcomes_and_covariates():
    """What a covariate does is its own: without it b would take its part, and each outcome has its effects."""
    frame = known()
    rng = np.random.default_rng(5)
    frame["invest"] = rng.integers(0, 2, len(frame)).astype(bool)
    frame["m"] += 3.0 * frame["invest"]
    frame["y"] = 1 + DIRECT * frame["x"] + B * frame["m"] + 10.0 * frame["invest"] + 0.1 * rng.normal(size=len(frame))
    frame["z"] = 4 * frame["y"]
    model = path_model(frame, "x", "m", ["y", "z"], covariates=["invest"])
    rows = model.frame.set_index(["outcome", "effect"])["estimate"]
    assert rows["y", "b"] == pytest.approx(B, abs=0.15)
    assert rows["z", "indirect"] == pytest.approx(4 * rows["y", "indirect"])
    own = model.paths[model.paths["path"] == "covariate"].set_index("equation")
    assert own["source"].unique().tolist() == ["invest"]
    assert own.loc["m", "estimate"] == pytest.approx(3.0, abs=0.3)
    assert own.loc["y", "estimate"] == pytest.approx(10.0, abs=0.5)
    assert abs(path_model(frame, "x", "m", "y").paths.set_index("path").loc["b", "estimate"] - B) > 1


def test_product_of_x_and_mediator_by_means():
    """With x of two values direct + indirect is the difference of means, and both are by the formulas of Imai et al."""
    frame = known(product=2.0)
    frame["x"] = (frame["x"] > 0.4).astype(float)
    model = path_model(frame, "x", "m", "y", interaction=True)
    rows, means = effects(model)["estimate"], frame.groupby("x")[["m", "y"]].mean()
    assert rows["total"] == pytest.approx(means["y"][1] - means["y"][0], rel=1e-12)
    one, other = (np.polyfit(part["m"], part["y"], 1) for _, part in frame.groupby("x"))
    assert rows["indirect"] == pytest.approx(other[0] * (means["m"][1] - means["m"][0]), rel=1e-9)
    assert rows["direct"] == pytest.approx(np.polyval(other, means["m"][0]) - np.polyval(one, means["m"][0]), rel=1e-9)
    assert path(model, "d") == pytest.approx(other[0] - one[0], rel=1e-9)
    assert path(model, "b") == pytest.approx(one[0] + frame["x"].mean() * (other[0] - one[0]), rel=1e-9)


def test_errors_with_product_are_like_those_of_the_bootstrap():
    """The delta method's errors are within a fifth of the scatter of resampled rows."""
    frame = known(60, product=2.0)
    shocks = frame.groupby("seed")[["m", "y"]].transform("mean")
    assert len(shocks) == 300
    model = path_model(frame, "x", "m", "y", interaction=True, contrast=(0.1, 0.9), blocks=None)
    rows = effects(model).loc[["a", "b", "direct", "indirect", "total"]]
    scatter = (rows["high"] - rows["low"]) / (2 * 1.96)
    assert rows["se"].tolist() == pytest.approx(scatter.tolist(), rel=0.2)


def test_contrast_scales_effects():
    """Without product effects of going from 0.1 to 0.6 are half those of one unit."""
    one, half = (effects(path_model(known(), "x", "m", "y", contrast=each)) for each in ((0.0, 1.0), (0.1, 0.6)))
    for name in ("direct", "indirect", "total"):
        assert half.loc[name].iloc[2:].tolist() == pytest.approx((one.loc[name].iloc[2:] / 2).tolist(), rel=1e-9)
    assert half.loc["a", "estimate"] == one.loc["a", "estimate"]


def test_inactive_channels_cover_zero():
    """Without a way through the mediator the interval of a b covers 0, without a way past it that of c' does (P10)."""
    through, past = known(a=0.0), known(direct=0.0)
    assert effects(path_model(through, "x", "m", "y")).loc["indirect", ["bca_low", "bca_high"]].prod() < 0
    assert effects(path_model(past, "x", "m", "y")).loc["direct", ["bca_low", "bca_high"]].prod() < 0
    assert effects(path_model(past, "x", "m", "y")).loc["indirect", "bca_high"] < 0


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"x": "z"}, KeyError, "no column 'z'; columns: seed, x, m, y, text, hole, flat, twice"),
        ({"blocks": "block"}, KeyError, "no column 'block'"),
        ({"outcomes": []}, ValueError, "outcomes: given none"),
        ({"outcomes": "m"}, ValueError, "given x, m, m; allowed each column in one part only"),
        ({"x": "text"}, ValueError, "text: given 'a'; allowed numbers"),
        ({"mediator": "hole"}, ValueError, "hole: 1 of 100 values are not finite; leave these rows out"),
        ({"mediator": "flat"}, ValueError, "flat: all 100 values are 3; allowed columns that vary"),
        ({"mediator": "twice"}, ValueError, "depend on each other"),
        ({"contrast": (1.0, 1.0)}, ValueError, "contrast: given"),
        ({"resamples": 10}, ValueError, "resamples: given 10; allowed 100 or more"),
        ({"confidence": 1.0}, ValueError, "confidence: given 1.0; allowed 0.5 to below 1"),
        ({"groups": "flat"}, ValueError, "groups: 'flat' has one value, 3.0"),
        ({"groups": "x", "outcomes": "y", "mediator": "m"}, ValueError, "x where x is 0.1: all 20 values are 0.1"),
    ],
)
def test_refusals(changes, error, message):
    """What cannot be estimated is refused with its name, and what would do."""
    frame = known().assign(text="a", hole=1.0, flat=3.0)
    frame["twice"] = 2 * frame["x"] + 1
    frame.loc[7, "hole"] = np.nan
    with pytest.raises(error, match=message):
        path_model(frame, **{"x": "x", "mediator": "m", "outcomes": "y", **changes})


def test_regressions_that_rows_do_not_carry():
    """No more rows than coefficients, and a row that alone decides one, are refused."""
    with pytest.raises(ValueError, match="given 2 rows for 2 coefficients"):
        least_squares(np.array([[1.0, 0.0], [1.0, 1.0]]), np.arange(2.0))
    dummy = np.stack([np.ones(5), [0.0, 0, 1, 0, 0]], axis=1)
    with pytest.raises(ValueError, match="row 2 alone decides a coefficient"):
        least_squares(dummy, np.arange(5.0))


def test_a_perfect_fit_has_no_error():
    """Where the outcome is exactly 2 x + 3 m its coefficients have p values of 0."""
    frame = known()
    frame["y"] = 2 * frame["x"] + 3 * frame["m"]
    model = path_model(frame, "x", "m", "y")
    assert path(model, "b") == pytest.approx(3, rel=1e-9)
    assert path(model, "b", "p_value") < 1e-100


def test_a_sweep_is_a_table_like_any_other(tmp_path):
    """The wide table of a sweep goes in as it is: PV makes members sufficient, which lowers bills."""
    sweep = {
        "name": "mediated",
        "base": "quickstart",
        "overrides": {
            **{"households.count": 12, "firms": None, "farms": None, "time.days": 1, "time.period_minutes": 60},
            **{"outputs.members": 0, "generators.blocks": 6, "market.online": False},
        },
        "factors": {"households.pv_share": [0.1, 0.5, 0.9]},
        "replications": 4,
    }
    wide = ga.sweep(sweep, tmp_path / "out", workers=0).wide()
    model = ga.path_model(wide, "households.pv_share", "self_sufficiency", ["bill", "co2"], resamples=200)
    rows = model.frame.set_index(["outcome", "effect"])["estimate"]
    assert rows["bill", "a"] > 0
    assert rows["bill", "total"] < 0
    assert rows["co2", "total"] == rows["co2", "direct"] + rows["co2", "indirect"]
