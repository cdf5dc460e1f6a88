"""Errors of an area and the noise tables of its members."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.agents.exogenous import PATHS, AreaErrors, autoregression, noise_once, noise_table, uniforms_once
from gridagora.sim.streams import Streams

PERIODS = 4


def sigmas(**values):
    """Return a standard deviation for each path, 0 where none is given."""
    return {path: values.get(path, 0.0) for path in PATHS}


def fixed(*draws):
    """Return streams whose normal draws are given by number of the draw or day."""
    return SimpleNamespace(
        normals=lambda concern, name, n, day=0, draw=0: np.array(draws[day + draw], float),
        normal_rows=lambda concern, name, n, number: np.array(draws[:number], float),
    )


def test_autoregression_by_hand():
    """With rho 0.6 the innovation weighs 0.8: from 1 and 2 come 1 and 0.6 + 1.6 = 2.2."""
    assert autoregression(np.array([1.0, 2.0]), 0.6, None) == pytest.approx([1.0, 2.2])


def test_autoregression_goes_on_from_the_day_before():
    """After 0.5 follow 0.3 + 0.8 = 1.1 and 0.66 + 1.6 = 2.26."""
    assert autoregression(np.array([1.0, 2.0]), 0.6, 0.5) == pytest.approx([1.1, 2.26])


def test_autoregression_of_several_paths():
    """Each column is a path of its own."""
    x = autoregression(np.array([[1.0, 0.0], [2.0, -1.0]]), 0.6, None)
    assert x == pytest.approx(np.array([[1.0, 0.0], [2.2, -0.8]]))


@settings(deadline=None)
@given(st.lists(st.floats(-4, 4), min_size=2, max_size=9), st.floats(0, 0.99), st.integers(1, 8))
def test_autoregression_can_be_cut_anywhere(z, rho, cut):
    """A path drawn in two pieces is the path drawn at once."""
    cut = min(cut, len(z) - 1)
    whole = autoregression(np.array(z), rho, None)
    head = autoregression(np.array(z[:cut]), rho, None)
    tail = autoregression(np.array(z[cut:]), rho, float(head[-1]))
    assert (np.concatenate([head, tail]) == whole).all()


def test_area_factors_by_hand():
    """Factors are exp(sigma x - sigma^2 / 2): with sigma 0.5, rho 0.6 and draws 1, 2 then 0, 0 on the next day.

    x is 1, 2.2 on day 0 and 1.32, 0.792 on day 1, so the exponents are 0.375, 0.975, 0.535 and 0.271.
    """
    area = AreaErrors(fixed([1, 2], [0, 0]), "system", {"realised_load": 0.5}, 0.6)
    assert area.draw(0, 2)["realised_load"] == pytest.approx([1.4549914146, 2.6511672110])
    assert area.last == pytest.approx([2.2])
    assert area.draw(1, 2)["realised_load"] == pytest.approx([1.7074482423, 1.3112750704])


def test_without_spread_every_factor_is_one():
    """A perfect forecast is the expected path itself."""
    area = AreaErrors(Streams(1), "system", sigmas(), 0.9)
    factors = area.draw(0, PERIODS)
    assert list(factors) == list(PATHS)
    assert all((factor == 1.0).all() and factor.shape == (PERIODS,) for factor in factors.values())


def test_mean_and_spread():
    """4,000 independent factors of sigma 0.2 have mean 1 (standard error 0.003) and log spread 0.2 (0.002)."""
    factor = AreaErrors(Streams(3), "system", {"gate_pv": 0.2}, 0.0).draw(0, 4000)["gate_pv"]
    assert factor.mean() == pytest.approx(1.0, abs=0.015)
    assert np.log(factor).std() == pytest.approx(0.2, abs=0.01)


def test_each_path_owns_its_draws():
    """Other realised errors leave both forecasts as they were, on every day (nothing leaks to decisions)."""
    calm = AreaErrors(Streams(5), "system", sigmas(gate_load=0.1, day_ahead_pv=0.2, realised_load=0.1), 0.5)
    wild = AreaErrors(Streams(5), "system", sigmas(gate_load=0.1, day_ahead_pv=0.2, realised_load=0.9), 0.5)
    for day in range(2):
        left, right = calm.draw(day, PERIODS), wild.draw(day, PERIODS)
        assert (left["realised_load"] != right["realised_load"]).any()
        for path in ("gate_load", "day_ahead_pv"):
            assert (left[path] == right[path]).all()
            assert (left[path] != 1.0).all()


def test_paths_areas_and_seeds_differ():
    """Load and PV, forecast and realised, two areas and two seeds draw different errors."""
    every = dict.fromkeys(PATHS, 0.1)
    factors = [AreaErrors(Streams(5), "system", every, 0.5).draw(0, PERIODS)[path] for path in PATHS]
    factors.append(AreaErrors(Streams(5), "north", every, 0.5).draw(0, PERIODS)["gate_load"])
    factors.append(AreaErrors(Streams(6), "system", every, 0.5).draw(0, PERIODS)["gate_load"])
    assert len({factor.tobytes() for factor in factors}) == len(PATHS) + 2


def test_noise_table_by_hand():
    """Draws 0, 1 then 0, -0.75 with rho 0.6 give x of 0, 1 then 0, 0: factors 1, 2 over their mean 1.5, then 1, 1."""
    table = noise_table(fixed([0, 1], [0, -0.75]), "noise", "firms", 2, 2, float(np.log(2)), 0.6)
    assert table == pytest.approx(np.array([[2 / 3, 4 / 3], [1.0, 1.0]]))


@settings(deadline=None)
@given(st.floats(0, 2), st.floats(0, 0.99), st.integers(0, 99))
def test_noise_has_mean_one_in_every_period(sigma, rho, seed):
    """Members' noise moves energy between members, it makes none."""
    table = noise_table(Streams(seed), "noise", "firms", 3, 4, sigma, rho)
    assert table.shape == (3, 4)
    assert (table > 0).all()
    assert table.mean(axis=1) == pytest.approx(np.ones(3), abs=1e-12)


def test_noise_without_spread_is_one():
    """Sigma 0 leaves every member on the expected path."""
    assert (noise_table(Streams(1), "noise", "firms", 2, 4, 0.0, 0.5) == 1.0).all()


def test_tables_that_are_kept_are_the_same_and_cannot_be_changed():
    """A second run with the same seed takes the table of the first; another seed, name or spread has its own."""
    made = (Streams(3), "noise", "firms", 4, 8, 0.2, 0.5)
    kept = noise_once(*made)
    assert kept is noise_once(*made)
    assert (kept == noise_table(*made)).all()
    for other in ((Streams(4), *made[1:]), (*made[:2], "farms", *made[3:]), (*made[:5], 0.3, 0.5)):
        assert (noise_once(*other) != kept).any()
    draws = uniforms_once(Streams(3), "quote", "firms", 8, 4)
    assert draws is uniforms_once(Streams(3), "quote", "firms", 8, 4)
    assert (draws[2] == Streams(3).uniforms("quote", "firms", 8, draw=2)).all()
    for table in (kept, draws):
        with pytest.raises(ValueError, match="read-only"):
            table[0, 0] = 1.0
