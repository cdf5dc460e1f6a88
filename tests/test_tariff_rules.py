"""The Chinese rules of 2021 for time-of-use prices (O38)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridagora.markets.tariffs.chinese_rules import check_peak_valley

DEFAULTS = {"sharp": 0.6 * 1.92, "peak": 0.6 * 1.6, "flat": 0.6, "valley": 0.6 * 0.4}


@pytest.mark.parametrize(
    ("prices", "difference"),
    [
        (DEFAULTS, 0.5),
        ({"peak": 0.8, "valley": 0.2}, 0.41),
        ({"peak": 0.6, "valley": 0.2}, 0.4),
        ({"peak": 0.3, "valley": 0.1}, 0.0),
        ({"sharp": 0.72, "peak": 0.6, "valley": 0.2}, 0.3),
    ],
)
def test_accepted(prices, difference):
    """4 to 1 above a difference of 40 %, 3 to 1 up to it, sharp 1.2 times peak, each limit included."""
    assert check_peak_valley(prices, difference) is None


@pytest.mark.parametrize(
    ("prices", "difference", "text"),
    [
        (
            {"peak": 0.6, "valley": 0.2},
            0.41,
            "peak over valley: given 3; allowed at least 4 at a system difference of 41%; raise 'peak' to 0.8 or lower "
            "'valley' to 0.15",
        ),
        ({"peak": 0.59, "valley": 0.2}, 0.4, "peak over valley: given 2.95; allowed at least 3"),
        ({"peak": 0.5583, "valley": 0.3583}, 0.1, "peak over valley: given 1.558"),
        ({"sharp": 1.1, "peak": 1.0, "valley": 0.2}, 0.5, "sharp over peak: given 1.1; allowed at least 1.2"),
        ({"peak": 1.0}, 0.5, "price of 'valley': given None; allowed finite and above 0"),
        ({"peak": float("nan"), "valley": 0.2}, 0.5, "price of 'peak': given nan"),
        ({"peak": 1.0, "valley": 0.0}, 0.5, "price of 'valley': given 0.0"),
        ({"peak": 1.0, "valley": 0.2}, 1.2, "system_difference: given 1.2; allowed a share from 0 to 1"),
    ],
)
def test_rejected(prices, difference, text):
    """The message gives the ratio, what is allowed, and which price would do."""
    with pytest.raises(ValueError, match=text):
        check_peak_valley(prices, difference)


@given(st.floats(0.01, 1), st.floats(1, 10), st.floats(1, 3), st.floats(0, 1), st.floats(0.1, 10))
def test_only_ratios_count(valley, ratio, sharp, difference, scale):
    """Whether prices pass does not depend on the currency."""

    def passes(unit):
        prices = {"valley": valley * unit, "peak": valley * ratio * unit, "sharp": valley * ratio * sharp * unit}
        try:
            check_peak_valley(prices, difference)
        except ValueError:
            return False
        return True

    least = 4 if difference > 0.4 else 3
    if min(abs(ratio / least - 1), abs(sharp / 1.2 - 1)) > 1e-6:
        assert passes(1.0) == passes(scale) == (ratio >= least and sharp >= 1.2)
