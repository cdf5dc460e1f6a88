"""Indices against closed forms: Ishigami, linear models, small tables by hand."""

import numpy as np
import pytest
from SALib.sample import sobol as salib_sobol

import gridagora as ga
from gridagora.scenarios.sensitivity_factors import factors_of
from gridagora.scenarios.sensitivity_indices import grid_indices, morris_indices, salib, sobol_indices
from gridagora.scenarios.sensitivity_regression import regression_indices
from gridagora.scenarios.sweep_design import design_rows, shares_of
from gridagora.scenarios.sweep_file import Sweep

A, B, C = "households.pv_share", "households.ev_share", "firms.pv_share"
UNIT = {"low": 0.0, "high": 1.0}
#: Indices of Ishigami's function with a 7, b 0.1 in closed form (validation O50).
FIRST, TOTAL = [0.313905, 0.442411, 0.0], [0.557589, 0.442411, 0.243684]


def ishigami(shares):
    """Return Ishigami's function of shares from 0 to 1, shape (rows, 3)."""
    x = np.pi * (2 * shares - 1)
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def design(factors=None, **keys):
    """Return a sweep with its rows as factors."""
    sweep = Sweep(base="quickstart", factors=factors or dict.fromkeys((C, A, B), UNIT), **keys)
    return sweep, factors_of(sweep, design_rows(sweep, {}))


def places(factors):
    """Return the place of each row in each factor."""
    return np.column_stack([factor.places for factor in factors])


def named(indices):
    """Return value by factor and index."""
    return {(each.factor, each.other, each.name): each.value for each in indices}


def column(indices, name):
    """Return the values of one index in the order of the factors."""
    return np.array([each.value for each in indices if each.name == name])


def widths(indices, name):
    """Return the half-widths of one index in the order of the factors."""
    return np.array([each.high - each.value for each in indices if each.name == name])


@pytest.mark.parametrize("second_order", [False, True])
def test_ishigami_by_sobol(second_order):
    """16,384 base samples of our design give S1, ST (and S2 of the first with the third) to 0.01 of closed form."""
    _, factors = design(design="sobol", samples=2**14, second_order=second_order)
    found = sobol_indices(ishigami(places(factors)), factors, second_order, 0.95, 4)
    assert column(found, "S1") == pytest.approx(FIRST, abs=0.01)
    assert column(found, "ST") == pytest.approx(TOTAL, abs=0.01)
    if second_order:
        pairs = {key[:2]: value for key, value in named(found).items() if key[2] == "S2"}
        assert pairs == pytest.approx({(C, A): 0.0, (C, B): 0.243684, (A, B): 0.0}, abs=0.01)


def test_order_is_that_of_salib():
    """From the same base points SALib's own sampler makes the same rows in the same order."""
    problem = {"num_vars": 3, "names": [C, A, B], "bounds": [[0.0, 1.0]] * 3}
    for second_order in (False, True):
        sweep, _ = design(design="sobol", samples=16, second_order=second_order, design_seed=3)
        theirs = salib_sobol.sample(problem, 16, calc_second_order=second_order, seed=np.random.default_rng(3))
        np.testing.assert_allclose(shares_of(sweep), theirs, atol=1e-15)


def test_rows_of_another_order_are_refused():
    """Factors that are exchanged would have each other's indices."""
    _, factors = design(design="sobol", samples=8)
    with pytest.raises(ValueError, match="not in the order of a design sobol"):
        sobol_indices(ishigami(places(factors)), factors[::-1], False, 0.95, 4)


def test_linear_model_by_sobol():
    """Coefficients 1, 2, 4 on ranges of 1, 2, 1: variances as 1, 16, 16 of 33; no interactions, so S1 = ST."""
    _, factors = design(
        {C: UNIT, "households.pv_kwp": {"low": 3.0, "high": 5.0}, A: UNIT}, design="sobol", samples=2**10
    )
    found = sobol_indices(places(factors) @ [1.0, 4.0, 4.0], factors, False, 0.95, 100)
    assert column(found, "S1") == pytest.approx([1 / 33, 16 / 33, 16 / 33], abs=0.003)
    assert column(found, "ST") == pytest.approx([1 / 33, 16 / 33, 16 / 33], abs=0.003)
    assert all(each.low < each.value < each.high for each in found)


def test_intervals_shrink_with_samples():
    """Four times the samples halve intervals, and intervals hold the truth."""
    for name, truth in (("S1", FIRST), ("ST", TOTAL)):
        half = []
        for samples in (2**8, 2**10, 2**12):
            _, factors = design(design="sobol", samples=samples, design_seed=1)
            found = sobol_indices(ishigami(places(factors)), factors, False, 0.95, 200)
            half.append(widths(found, name))
            assert (np.abs(column(found, name) - truth) < half[-1]).all()
        for more, fewer in zip(half[1:], half, strict=False):
            assert more / fewer == pytest.approx(0.5, abs=0.15)


def test_the_same_sweep_has_the_same_intervals():
    """Resampling has a seed of its own: the state of numpy's generator does not matter."""
    _, factors = design(design="sobol", samples=16)
    first = sobol_indices(ishigami(places(factors)), factors, False, 0.95, 20)
    np.random.random(7)  # noqa: NPY002  the state that SALib would use without a seed
    assert sobol_indices(ishigami(places(factors)), factors, False, 0.95, 20) == first


def test_no_variance_between_base_samples():
    """What differs in mixed rows alone has no indices."""
    _, factors = design(design="sobol", samples=4)
    values = np.ones(20)
    values[1] = 2.0
    with pytest.raises(ValueError, match="no difference between base samples"):
        sobol_indices(values, factors, False, 0.95, 10)


def test_categories_by_sobol():
    """Three texts that give 0, 3, 6 beside a share times 6: variances 6 and 3, so 2/3 and 1/3."""
    factors = {"market.mechanism": ["x", "y", "z"], A: UNIT}
    sweep = Sweep(base="quickstart", factors=factors, design="sobol", samples=2**12)
    rows = design_rows(sweep, {})
    values = np.array([3.0 * "xyz".index(row["market.mechanism"]) + 6 * row[A] for row in rows])
    found = sobol_indices(values, factors_of(sweep, rows), False, 0.95, 10)
    assert column(found, "S1") == pytest.approx([2 / 3, 1 / 3], abs=0.01)


def test_linear_model_by_morris():
    """The mean effect is the coefficient times the range, without spread, for whole numbers and lists too."""
    factors = {
        C: {"low": 0.0, "high": 0.5}, "households.count": {"low": 10, "high": 15}, "households.pv_kwp": [1.0, 2.0, 5.0],
        "market.mechanism": ["u", "v"], "market.cap_per_kwh": {"low": 1.0, "high": 100.0, "log": True},
    }  # fmt: skip
    sweep = Sweep(base="quickstart", factors=factors, design="morris", samples=40)
    rows = design_rows(sweep, {})
    values = np.array(
        [
            6 * row[C] - 2 * row["households.count"] + row["households.pv_kwp"] + 7 * (row["market.mechanism"] == "v")
            + np.log10(row["market.cap_per_kwh"])
            for row in rows
        ]
    )  # fmt: skip
    found = morris_indices(values, factors_of(sweep, rows), 4, 0.95, 20)
    assert column(found, "mu") == pytest.approx([3.0, -10.0, 4.0, 7.0, 2.0])
    assert column(found, "mu_star") == pytest.approx([3.0, 10.0, 4.0, 7.0, 2.0])
    assert column(found, "sigma") == pytest.approx([0.0] * 5, abs=1e-12)


def test_ishigami_by_morris():
    """Effects on four levels: mu*, mu and sigma by hand, by as many trajectories as make sampling small.

    x1 moves by two thirds of its range from -pi to pi/3 or -pi/3 to pi: sine grows by 0.8660 in both, so the effect is
    1.2990 (1 + 0.1 x3^4) with x3^4 = 97.409 or 1.2026: 13.953 or 1.4552. x2: 7 * 0.75 * 1.5 = 7.875 up or down. x3:
    0.1 * 96.206 * 1.5 = 14.431 times sine of x1, 0 or 0.8660: 0 or 12.498.
    """
    _, factors = design(design="morris", samples=4000)
    found = morris_indices(ishigami(places(factors)), factors, 4, 0.95, 50)
    assert column(found, "mu_star") == pytest.approx([7.704, 7.875, 6.249], abs=0.3)
    assert column(found, "mu") == pytest.approx([7.704, 0.0, 0.0], abs=0.45)
    assert column(found, "sigma") == pytest.approx([6.249, 7.875, 8.838], abs=0.15)
    assert (np.abs(column(found, "mu_star") - [7.704, 7.875, 6.249]) <= widths(found, "mu_star") + 1e-3).all()


def test_morris_is_salibs_where_moves_are_equal():
    """Of plain ranges the figures are those of SALib on the shares themselves."""
    sweep, factors = design(design="morris", samples=20)
    values = ishigami(places(factors))
    problem = {"num_vars": 3, "names": [C, A, B], "bounds": [[0.0, 1.0]] * 3}
    theirs = salib().morris.analyze(problem, shares_of(sweep), values, num_levels=4, seed=5)
    found = morris_indices(values, factors, 4, 0.95, 20)
    for name in ("mu", "mu_star", "sigma"):
        np.testing.assert_allclose(column(found, name), np.asarray(theirs[name], dtype=float))


def test_categories_by_morris():
    """Three texts that give 0, 3, 12: a change between two of them is 3, 9 or 12, and has no sign of its own."""
    sweep = Sweep(
        base="quickstart", factors={"market.mechanism": ["x", "y", "z"], A: UNIT}, design="morris", samples=40, levels=6
    )
    rows = design_rows(sweep, {})
    values = np.array([{"x": 0.0, "y": 3.0, "z": 12.0}[row["market.mechanism"]] for row in rows])
    sizes = {round(abs(step)) for step in np.diff(values.reshape(-1, 3), axis=1).ravel().tolist()} - {0}
    found = morris_indices(values, factors_of(sweep, rows), 6, 0.95, 20)
    assert np.isnan(column(found, "mu")[0])
    assert min(sizes) <= column(found, "mu_star")[0] <= max(sizes)
    assert column(found, "mu_star")[1] == 0


def test_grid_by_hand():
    """Values x + y + xy at 0 and 1: variance 1.1875, of it 0.5625 by x alone, 0.0625 by both together."""
    runs = np.array([[0.0], [1.0], [1.0], [3.0]])
    found = named(grid_indices(runs, {"x": 2, "y": 2}, 0.95))
    assert found == pytest.approx({
        ("x", "", "S1"): 0.473684, ("x", "", "ST"): 0.526316, ("y", "", "S1"): 0.473684, ("y", "", "ST"): 0.526316,
        ("x", "y", "S2"): 0.052632,
    }, abs=1e-6)  # fmt: skip
    assert all(np.isnan(each.low) for each in grid_indices(runs, {"x": 2, "y": 2}, 0.95))


def test_intervals_of_a_grid_come_from_seeds():
    """Seeds that change nothing leave no interval; seed 3 without and with y: jackknife by hand.

    Two seeds, y counts 0 in one and 2 in the other, x always 1: without the first S1 of x is 1 / (1 + 4), without the
    second 1. Error sqrt(1/2 * 2 * 0.4^2) = 0.4, t(0.975, 1) = 12.706: half-width 5.0825.
    """
    same = np.array([[0.0, 5.0], [1.0, 6.0], [1.0, 6.0], [3.0, 8.0]])
    assert widths(grid_indices(same, {"x": 2, "y": 2}, 0.95), "S1") == pytest.approx([0.0, 0.0], abs=1e-9)
    runs = np.array([[0.0, 0.0], [0.0, 2.0], [1.0, 1.0], [1.0, 3.0]])
    found = grid_indices(runs, {"x": 2, "y": 2}, 0.95)
    assert column(found, "S1") == pytest.approx([0.5, 0.5])
    assert widths(found, "S1")[0] == pytest.approx(12.706 * 0.4, abs=1e-3)


def test_grid_without_variance_in_some_seeds():
    """A seed without which nothing varies counts as 0, no division by zero."""
    found = grid_indices(np.array([[0.0, 0.0], [1.0, -1.0]]), {"x": 2}, 0.95)
    assert column(found, "ST").tolist() == [0.0]


def test_linear_model_by_regression():
    """Coefficients 1, 2, -4 on equal ranges: coefficients as 1, 2, -4 of sqrt 21, R^2 1, S1 as 1, 4, 16 of 21."""
    _, factors = design(design="latin_hypercube", samples=512)
    found, r2 = regression_indices(places(factors) @ [1.0, 2.0, -4.0], factors, True, 0.95, 50)
    assert r2 == pytest.approx(1.0)
    assert column(found, "SRC") == pytest.approx(np.array([1, 2, -4]) / np.sqrt(21), abs=0.05)
    assert column(found, "S1") == pytest.approx(np.array([1, 4, 16]) / 21, abs=0.06)
    assert np.sign(column(found, "rank")).tolist() == [1, 1, -1]


def test_ranks_see_what_is_monotone():
    """The exponential of one factor: rank correlation 1 exactly, R^2 of the line below 1."""
    _, factors = design({A: UNIT, B: UNIT}, design="latin_hypercube", samples=100)
    found, r2 = regression_indices(np.exp(5 * factors[0].places), factors, True, 0.95, 20)
    assert column(found, "rank")[0] == pytest.approx(1.0)
    assert r2 < 0.9


def test_ishigami_by_first_order_of_a_random_sample():
    """RBD-FAST on 1,024 rows of a Latin hypercube: S1 to 0.05, where coefficients see x1 alone."""
    _, factors = design(design="latin_hypercube", samples=1024)
    found, r2 = regression_indices(ishigami(places(factors)), factors, True, 0.95, 20)
    assert column(found, "S1") == pytest.approx(FIRST, abs=0.05)
    assert r2 < 0.25
    assert abs(column(found, "SRC")[1]) < 0.1


def test_categories_by_regression():
    """Texts that give 0, 6, 3 beside a share: counted one by one, so the share's coefficient is exact and R^2 is 1.

    Variance 6 of 9 by the texts, 3 of 9 by the share.
    """
    factors = {"market.mechanism": ["x", "y", "z"], A: UNIT, "households.count": [1, 2]}
    sweep = Sweep(base="quickstart", factors=factors, design="latin_hypercube", samples=600)
    rows = design_rows(sweep, {})
    values = np.array([{"x": 0.0, "y": 6.0, "z": 3.0}[row["market.mechanism"]] + 6 * row[A] for row in rows])
    found, r2 = regression_indices(values, factors_of(sweep, rows), True, 0.95, 20)
    by_name = named(found)
    assert r2 == pytest.approx(1.0)
    assert ("market.mechanism", "", "SRC") not in by_name
    assert by_name[A, "", "SRC"] == pytest.approx(np.sqrt(1 / 3), abs=0.02)
    assert by_name["market.mechanism", "", "S1"] == pytest.approx(2 / 3, abs=0.03)
    assert by_name["households.count", "", "S1"] == pytest.approx(0.0, abs=0.02)


def test_rows_that_do_not_settle_coefficients():
    """Too few rows, factors that move together, and none with an order."""
    _, factors = design(design="latin_hypercube", samples=5)
    with pytest.raises(ValueError, match="given 5 rows for 3 coefficients; allowed 6 or more"):
        regression_indices(np.arange(5.0), factors, True, 0.95, 10)
    _, factors = design({A: [0.1, 0.2, 0.3, 0.4, 0.5], B: [0.2, 0.3, 0.4, 0.5, 0.6]}, design="list")
    with pytest.raises(ValueError, match=rf"{A}, {B} move together \(1 of 2 directions\)"):
        regression_indices(np.arange(5.0), factors, False, 0.95, 10)
    _, factors = design({"market.mechanism": list("xyzxyz")}, design="list")
    with pytest.raises(ValueError, match="no factor has values with an order"):
        regression_indices(np.arange(6.0), factors, False, 0.95, 10)


def test_factors_have_places():
    """Ranges and their logarithms from 0 to 1, lists of numbers by distance, all else by number; repeated values."""
    factors = {
        A: {"low": 0.2, "high": 0.4}, "market.cap_per_kwh": {"low": 1, "high": 100, "log": True},
        "households.count": [10, 40, 20, 20], "market.mechanism": ["b", "a"], "firms": [None, {"count": 2}],
        "market.online": [True, False],
    }  # fmt: skip
    keys = list(factors)
    rows = [
        dict(zip(keys, values, strict=True))
        for values in ((0.2, 1, 10, "b", None, True), (0.3, 10, 20, "a", {"count": 2}, False))
    ]
    found = factors_of(Sweep(base="quickstart", factors=factors), rows)
    assert [factor.places.tolist() for factor in found] == [
        [0.0, pytest.approx(0.5)], [0.0, 0.5], [0.0, pytest.approx(1 / 3)], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]
    ]  # fmt: skip
    assert [factor.values for factor in found] == [0, 0, 3, 2, 2, 2]
    assert [factor.is_number for factor in found] == [True, True, True, False, False, False]
    assert all(factor.has_direction for factor in found)


def test_salib_missing(monkeypatch):
    """One line says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "SALib.analyze", None)
    with pytest.raises(ImportError, match=r'needs SALib: pip install "gridagora\[analysis\]"'):
        salib()


def test_public_names():
    """The package names what analyses sweeps."""
    assert {"sensitivity", "paired", "response_surface", "convergence"} <= set(ga.__all__)
