"""Bad numbers are refused."""

import numpy as np
import pytest

from gridagora.sim.bounds import within


def test_numbers_within_bounds_come_back():
    """The ends belong to what is allowed."""
    assert within("share", [0, 0.5, 1], 0, 1).tolist() == [0.0, 0.5, 1.0]
    assert within("empty", [], 0, 1).size == 0


@pytest.mark.parametrize("bad", [-0.1, 1.1, np.nan, np.inf, -np.inf])
def test_others_are_refused(bad):
    """The message names the value, its place and what is allowed."""
    with pytest.raises(ValueError, match=r"share: given \S+ at place 1; allowed: finite numbers from 0 to 1"):
        within("share", [0.5, bad], 0, 1)
    with pytest.raises(ValueError, match=r"share: given \S+; allowed"):
        within("share", bad, 0, 1)
