import numpy as np
import pytest

from gridagora.sim.energy import EnergyBook
from gridagora.sim.ledger import UnbalancedBooks


def quanta(*values):
    """Build an array of energy quanta."""
    return np.array(values, dtype=np.int64)


@pytest.fixture
def book():
    """Two periods: area n feeds a battery and area s; s imports what it uses."""
    energy = EnergyBook()
    energy.add(0, "n", "consumption", quanta(4_000_000, 3_000_000))
    energy.add(0, "n", "consumption", quanta(1_000_000, 0))
    energy.add(0, "n", "losses", quanta(200_000, 100_000))
    energy.add(0, "n", "export", quanta(800_000, 900_000))
    energy.add(0, "n", "storage_charge", quanta(1_000_000, 0))
    energy.add(0, "n", "storage_discharge", quanta(0, 500_000))
    energy.add(0, "n", "generation_pv", quanta(3_000_000, 1_500_000))
    energy.add(0, "n", "generation_gas", quanta(4_000_000, 2_000_000))
    energy.add(0, "s", "import", quanta(800_000, 900_000))
    energy.add(0, "s", "consumption", quanta(800_000, 900_000))
    return energy


def test_a_balanced_day_passes(book):
    """5 + 0.2 + 0.8 + 1 = 3 + 4 kWh in the first period, and so on."""
    book.check(0)
    assert book.quanta(0, "n", "consumption").tolist() == [5_000_000, 3_000_000]
    assert book.quanta(0, "s", "losses").tolist() == [0, 0]


def test_one_quantum_too_many_is_found(book):
    """The message names the area, the period and the difference."""
    book.add(0, "s", "losses", quanta(0, 1))
    with pytest.raises(UnbalancedBooks, match=r"area 's', period 1: .* = -1 quanta of 1e-6 kWh instead of 0; 1 of 2"):
        book.check(0)


def test_frames_in_kwh_and_quanta(book):
    """Columns stand in the order of the balance; what an area does not have is 0."""
    kwh = book.frame()
    assert kwh.columns.tolist() == [
        "day", "period", "area", "consumption_kwh", "losses_kwh", "export_kwh", "storage_charge_kwh", "import_kwh",
        "storage_discharge_kwh", "generation_gas_kwh", "generation_pv_kwh",
    ]  # fmt: skip
    assert kwh.area.tolist() == ["n", "n", "s", "s"]
    assert kwh.period.tolist() == [0, 1, 0, 1]
    assert kwh.consumption_kwh.tolist() == [5.0, 3.0, 0.8, 0.9]
    assert kwh.generation_pv_kwh.tolist() == [3.0, 1.5, 0.0, 0.0]
    exact = book.frame("quanta", day=0)
    assert exact.consumption.tolist() == [5_000_000, 3_000_000, 800_000, 900_000]
    assert exact.consumption.dtype == np.int64
    assert book.frame(day=1).empty


def test_totals_over_areas_and_days(book):
    """Two days are added up, for all areas or one."""
    book.add(1, "s", "consumption", quanta(5, 6))
    assert book.totals()["consumption"] == 9_700_011
    assert book.totals("s") == {"consumption": 1_700_011, "import": 1_700_000}


def test_the_book_keeps_its_own_copy():
    """Changing an array after booking it, or one that was read, does not change the book."""
    energy = EnergyBook()
    mine = quanta(1, 2)
    energy.add(0, "n", "losses", mine)
    mine[0] = 99
    energy.quanta(0, "n", "losses")[1] = 99
    assert energy.quanta(0, "n", "losses").tolist() == [1, 2]


@pytest.mark.parametrize(
    ("kind", "array", "message"),
    [
        ("heat", quanta(1, 2), "kind 'heat': allowed kinds: consumption.*generation_<fuel>"),
        ("generation_", quanta(1, 2), "allowed kinds"),
        ("losses", np.array([1.0, 2.0]), "given float64 of shape \\(2,\\); allowed: int64"),
        ("losses", [1, 2], "given list of shape \\(2,\\); allowed: int64"),
        ("losses", quanta(), "given int64 of shape \\(0,\\)"),
        ("losses", quanta(1, 2, 3), "given 3 periods; allowed: 2"),
        ("losses", quanta(1, -2), "given -2 quanta in period 1; allowed: at least 0"),
    ],
)
def test_bad_entries_are_refused(kind, array, message):
    """Each refusal says where, what was given and what is allowed."""
    energy = EnergyBook()
    energy.add(0, "n", "consumption", quanta(1, 2))
    with pytest.raises(ValueError, match=message):
        energy.add(0, "n", kind, array)


def test_sums_cannot_wrap():
    """An entry beyond 2^51 quanta a period is refused before integers wrap."""
    with pytest.raises(OverflowError, match="split the area"):
        EnergyBook().add(0, "n", "losses", quanta(2**60))


def test_a_day_without_entries_cannot_be_checked(book):
    """The message names the days that are booked."""
    with pytest.raises(KeyError, match="nothing on day 3; booked days: 0 to 0"):
        book.check(3)
    with pytest.raises(KeyError, match="booked days: none"):
        EnergyBook().check(0)
