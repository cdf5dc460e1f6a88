"""Baselines of measured savings: regression, error, degree days (model.md D1)."""

import numpy as np
import pytest

from gridagora.agents.business_models.energy_savings import degree_days, fit_baseline


def test_baseline_that_drivers_explain_wholly():
    """Consumption is 500 + 2 a unit made + 30 a degree day: 10 % less in three other months are 10 % saved."""
    rng = np.random.default_rng(2)
    before, after = rng.uniform(100, 300, (12, 2)), rng.uniform(100, 300, (3, 2))
    law = np.array([2.0, 30.0])
    baseline = fit_baseline(500 + before @ law, before)
    assert baseline.coefficients.tolist() == pytest.approx([500, 2, 30])
    assert baseline.r_squared == pytest.approx(1)
    would = 500 + after @ law
    assert baseline.adjusted(after) == pytest.approx(would)
    saved, error = baseline.saving(0.9 * would, after)
    assert saved == pytest.approx(0.1 * would.sum())
    assert error == pytest.approx(0, abs=1e-6)
    raw = (500 + before @ law).sum() / 4 - 0.9 * would.sum()
    assert abs(raw - saved) > 100  # without adjustment the difference of bills is no saving


def test_error_of_a_measured_saving():
    """Over 2,000 firms the standard error of a saving is how far measured savings lie about the true one."""
    rng = np.random.default_rng(3)
    before, after = rng.uniform(0, 10, (24, 1)), rng.uniform(5, 15, (12, 1))
    off, claimed = [], []
    for _ in range(2000):
        noise = rng.standard_normal((2, 24))
        baseline = fit_baseline(100 + 3 * before[:, 0] + noise[0], before)
        saved, error = baseline.saving(0.8 * (100 + 3 * after[:, 0]) + noise[1, :12], after)
        off.append(saved - 0.2 * (100 + 3 * after[:, 0]).sum())
        claimed.append(error)
    assert np.mean(off) == pytest.approx(0, abs=0.3)
    assert np.std(off) == pytest.approx(np.mean(claimed), rel=0.06)
    steady = fit_baseline([4.0, 4.0, 4.0], [[1.0], [2.0], [4.0]])
    assert np.isnan(steady.r_squared)
    assert np.isnan(fit_baseline([0.0, 0.0, 0.0], [[1.0], [2.0], [4.0]]).cv_rmse)


@pytest.mark.parametrize(
    ("consumed", "drivers", "message"),
    [
        ([1.0, 2.0], [[1.0], [2.0]], "more than 2"),
        ([1.0, 2.0, 3.0], [[1.0], [1.0], [1.0]], "independent"),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], "two axes"),
        ([1.0, -2.0, 3.0], [[1.0], [2.0], [3.0]], "consumed_kwh"),
    ],
)
def test_baselines_that_cannot_be_fitted_are_refused(consumed, drivers, message):
    """Too few periods, a constant driver, a wrong shape, a negative reading."""
    with pytest.raises(ValueError, match=message):
        fit_baseline(consumed, drivers)


def test_savings_of_other_shapes_are_refused():
    """Drivers as many as in the fit, one reading a period."""
    baseline = fit_baseline([1.0, 2.0, 4.0], [[1.0], [2.0], [3.0]])
    with pytest.raises(ValueError, match=r"shape \(m, 1\)"):
        baseline.adjusted([[1.0, 2.0]])
    with pytest.raises(ValueError, match="one value for each of 1"):
        baseline.saving([1.0, 2.0], [[1.0]])


def test_degree_days():
    """Below 18 and above 26 degrees: 18 - 8 and 28.5 - 26."""
    assert degree_days([8.0, 20.0, 28.5]) == (10.0, 2.5)
