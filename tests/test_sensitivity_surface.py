"""Response surfaces: polynomials that are known, errors by hand, refusals."""

import numpy as np
import pytest

import gridagora as ga

X, Y, KIND = "households.pv_share", "households.ev_share", "market.mechanism"
UNIT = {"low": 0.0, "high": 1.0}


def quadratic(row, seed=0):
    """Return 1 + 2x + 3y + 4x^2 + 5xy + 6y^2."""
    x, y = row[X], row[Y]
    return 1 + 2 * x + 3 * y + 4 * x**2 + 5 * x * y + 6 * y**2


def test_a_quadratic_is_found(swept):
    """Of 16 rows of a quadratic nothing is left, in rows left out neither, and predictions are exact."""
    result = swept({"peak": quadratic}, factors={X: UNIT, Y: UNIT}, design="grid")
    surface = ga.response_surface(result.path, "peak", X, Y)
    assert (surface.r2, surface.r2_left_out) == pytest.approx((1.0, 1.0))
    assert surface.error_left_out == pytest.approx(0.0, abs=1e-9)
    found = surface.predict([0.25, 1.0], [0.5, 0.0])
    assert found.value.tolist() == pytest.approx([quadratic({X: 0.25, Y: 0.5}), 7.0])
    assert found.scatter.tolist() == pytest.approx([0.0, 0.0], abs=1e-9)
    assert surface.predict(0.25, 0.5).value == pytest.approx(quadratic({X: 0.25, Y: 0.5}))
    # x = (1 + u) / 2, y = (1 + v) / 2: the coefficient of uv is 5 / 4, of u^2 1, of v^2 1.5
    terms = surface.coefficients.set_index(["x_power", "y_power"])["value"]
    assert terms[[(1, 1), (2, 0), (0, 2)]].tolist() == pytest.approx([1.25, 1.0, 1.5])
    assert np.isnan(surface.noise)
    assert surface.varying == ()


def test_errors_of_a_plane_by_hand(swept):
    """A plane through xy at four corners, u and v from -1 to 1: xy = (1 + u + v + uv) / 4.

    The plane explains u and v, uv / 4 is left: residuals 0.25 in size, leverage 3/4, so rows left out are missed by 1.
    R^2 = 1 - 0.25 / 0.75; left out 1 - 4 / 0.75. One degree of freedom: residual 0.5, coefficients 0.25 each.
    """
    result = swept({"peak": lambda row, _: row[X] * row[Y]}, factors={X: [0.0, 1.0], Y: [0.0, 1.0]}, design="grid")
    surface = ga.response_surface(result, "peak", X, Y, degree=1)
    assert surface.r2 == pytest.approx(2 / 3)
    assert surface.r2_left_out == pytest.approx(1 - 4 / 0.75)
    assert surface.error_left_out == pytest.approx(1.0)
    assert surface.residual == pytest.approx(0.5)
    assert surface.coefficients["error"].tolist() == pytest.approx([0.25] * 3)
    corner = surface.predict(1.0, 1.0)
    assert corner.value == pytest.approx(0.75)
    assert corner.error == pytest.approx(np.sqrt(3) * 0.25)
    assert corner.scatter == pytest.approx(np.sqrt(3 / 16 + 1 / 4))
    assert surface.points["left_out"].tolist() == pytest.approx([-1.0, 1.0, 1.0, 0.0])


def test_left_out_is_what_a_fit_without_the_row_says(swept):
    """Fitted again without row 3 the surface says at its place what the leverage told."""
    rng = np.random.default_rng(1)
    noise = rng.normal(size=20)
    rows = {X: rng.random(20).tolist(), Y: rng.random(20).tolist()}
    number = {x: place for place, x in enumerate(rows[X])}
    figure = {"peak": lambda row, _: quadratic(row) + noise[number[row[X]]]}
    whole = ga.response_surface(swept(figure, factors=rows, design="list"), "peak", X, Y)
    inner = int(np.argmin(np.abs(np.array(rows[X]) - 0.5) + np.abs(np.array(rows[Y]) - 0.5)))
    fewer = {key: values[:inner] + values[inner + 1 :] for key, values in rows.items()}
    without = ga.response_surface(swept(figure, factors=fewer, design="list"), "peak", X, Y)
    told = without.predict(rows[X][inner], rows[Y][inner]).value
    assert whole.points["left_out"].iloc[inner] == pytest.approx(float(told))
    assert whole.r2_left_out < whole.r2


def test_rows_at_one_place_are_left_out_together(swept):
    """Two equal rows at one place do not tell each other: the surface there is what it is without both."""
    rows = {X: [0.0, 0.0, 1.0, 1.0, 0.5, 0.2, 0.2], Y: [0.0, 1.0, 0.0, 1.0, 0.5, 0.9, 0.9]}
    figure = {"peak": lambda row, _: row[X] ** 3 + row[Y]}
    whole = ga.response_surface(swept(figure, factors=rows, design="list"), "peak", X, Y, degree=1)
    fewer = {key: values[:5] for key, values in rows.items()}
    without = ga.response_surface(swept(figure, factors=fewer, design="list"), "peak", X, Y, degree=1)
    assert whole.points["left_out"].tolist()[5:] == pytest.approx([float(without.predict(0.2, 0.9).value)] * 2)


def test_noise_of_seeds_beside_what_is_left(swept):
    """Seeds that add +-1 by turns: noise remains in the means of rows, nothing in what the surface leaves.

    Rows 0, 2 have 1 then -1, rows 1, 3 have -1 then 1: after row and seed means 1 is left in each of 8 values, so the
    variance of a mean is 8 / (3 * 1 * 2).
    """
    result = swept(
        {"peak": lambda row, seed: (-1.0) ** (round(row[X]) + round(row[Y]) + seed)},
        2, factors={X: [0.0, 1.0], Y: [0.0, 1.0]}, design="grid",
    )  # fmt: skip
    surface = ga.response_surface(result, "peak", X, Y, degree=1)
    assert surface.noise == pytest.approx(np.sqrt(8 / 6))
    assert surface.residual == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(surface.r2)


def test_logarithms_are_followed(swept):
    """A range with log is a polynomial of the logarithm: log10 is linear in it, and 10 lies in the middle of 1, 100."""
    price = "market.cap_per_kwh"
    result = swept(
        {"peak": lambda row, _: np.log10(row[price]) + row[X]},
        factors={price: {"low": 1.0, "high": 100.0, "log": True}, X: UNIT}, design="grid",
    )  # fmt: skip
    surface = ga.response_surface(result, "peak", price, X, degree=1)
    assert surface.r2 == pytest.approx(1.0)
    assert surface.x.log
    assert surface.predict(10.0, 0.5).value == pytest.approx(1.5)


def test_one_at_a_time_the_base_may_lie_outside(swept):
    """Shares of 0.5 to 1 about a base of 0.2 (X) and of 0 to 1 (Y): the surface reaches from 0.2."""
    factors = {X: {"low": 0.5, "high": 1.0}, Y: UNIT}
    figure = {"peak": lambda row, _: row[X] + 2 * row[Y]}
    result = swept(figure, factors=factors, design="one_at_a_time", base={X: 0.2, Y: 0.5}, levels=4)
    surface = ga.response_surface(result, "peak", X, Y, degree=1)
    assert (surface.x.low, surface.x.high) == (0.2, 1.0)
    assert surface.predict(0.2, 0.5).value == pytest.approx(1.2)


def test_other_factors_are_held_or_named(swept):
    """Other factors that vary are named and stay in the residual; with `at` only rows of one value count."""
    figure = {"peak": lambda row, _: quadratic(row) + 10 * (row[KIND] == "b")}
    result = swept(figure, factors={X: UNIT, Y: UNIT, KIND: ["a", "b"]}, design="grid")
    mixed = ga.response_surface(result, "peak", X, Y)
    assert mixed.varying == (KIND,)
    assert mixed.residual > 4
    held = ga.response_surface(result, "peak", X, Y, at={KIND: "b"})
    assert held.varying == ()
    assert held.residual == pytest.approx(0.0, abs=1e-9)
    assert held.predict(0.0, 0.0).value == pytest.approx(11.0)


def test_a_row_that_alone_settles_a_term(swept):
    """Left out, it leaves the surface open there: the error is infinite, not 0."""
    rows = {X: [0.0, 0.0, 0.0, 0.0, 1.0], Y: [0.0, 0.3, 0.6, 1.0, 0.5]}
    surface = ga.response_surface(swept({"peak": quadratic}, factors=rows, design="list"), "peak", X, Y, degree=1)
    assert surface.error_left_out == np.inf
    assert surface.r2_left_out == -np.inf


def test_refusals(swept):
    """What is no factor, no number, outside, too little or too much is refused with what is allowed."""
    result = swept({"peak": quadratic}, factors={X: UNIT, Y: [0.0, 1.0], KIND: ["a", "b"]}, design="grid")
    cases = [
        ({"x": "households.pv_shar"}, "unknown factor 'households.pv_shar'"),
        ({"x": KIND}, "market.mechanism: its values are no numbers"),
        ({"x": Y}, "allowed two factors, others in at"),
        ({"at": {X: 0.0}}, "allowed two factors, others in at"),
        ({"degree": 4}, "degree: given 4; allowed 1, 2 or 3"),
        ({"at": {KIND: "c"}}, "at: no row has market.mechanism 'c'; there are a, b"),
        ({}, r"different values are 4 of households.pv_share and 2 of households.ev_share; allowed 3 of each"),
    ]
    for keys, message in cases:
        with pytest.raises(ValueError, match=message):
            ga.response_surface(result, "peak", **({"x": X, "y": Y} | keys))
    with pytest.raises(ValueError, match="given 4 rows for 6 coefficients"):
        ga.response_surface(
            swept({"peak": quadratic}, factors={X: [0.0, 1.0], Y: [0.0, 1.0]}, design="grid"), "peak", X, Y
        )
    with pytest.raises(ValueError, match="given 3 rows of one value"):
        ga.response_surface(
            swept({"peak": quadratic}, factors={X: [0.5], Y: [0.0, 0.5, 1.0]}, design="grid"), "peak", X, Y
        )
    surface = ga.response_surface(result, "peak", X, Y, degree=1)
    with pytest.raises(ValueError, match=rf"{X}: given \[1.5\]; allowed 0 to 1, where the sweep was"):
        surface.predict([1.5], [0.0])
    with pytest.raises(ValueError, match="given nan; allowed 0 to 1"):
        surface.predict(0.0, float("nan"))
