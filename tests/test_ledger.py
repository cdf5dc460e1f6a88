from datetime import date

import numpy as np
import pytest

from gridagora.sim.clock import Calendar
from gridagora.sim.ledger import Ledger, UnbalancedBooks, role_of, to_micro


@pytest.fixture
def ledger():
    """Two households' bills, a feed-in payment and fuel."""
    book = Ledger()
    book.post(0, "households", "supplier", "retail", 3_530_000)
    book.post(0, "households", "supplier", "retail", 1_000_000)
    book.post(0, "supplier", "households", "feed_in", 360_000)
    book.post(31, "supplier", "plant:north", "pool", 2_000_000)
    book.post(31, "supplier", "plant:south", "pool", 500_000, "hedge")
    return book


def test_what_one_pays_another_receives(ledger):
    """Balances are receipts less payments and sum to zero."""
    assert ledger.balance("households") == -4_170_000
    assert ledger.balance("supplier") == 1_670_000
    assert ledger.balances() == {
        "households": -4_170_000,
        "plant:north": 2_000_000,
        "plant:south": 500_000,
        "supplier": 1_670_000,
    }
    assert ledger.balance("nobody") == 0
    ledger.check()


def test_rows_are_sums_per_key(ledger):
    """Two postings of one key are one row, before and after a check, and later ones add to it."""
    before = ledger.frame()
    assert before.columns.tolist() == ["day", "payer", "payee", "account", "business_model", "amount_micro"]
    assert before.to_numpy().tolist() == [
        [0, "households", "supplier", "retail", "", 4_530_000],
        [0, "supplier", "households", "feed_in", "", 360_000],
        [31, "supplier", "plant:north", "pool", "", 2_000_000],
        [31, "supplier", "plant:south", "pool", "hedge", 500_000],
    ]
    assert before.amount_micro.dtype == np.int64
    ledger.check()
    assert ledger.frame().equals(before)
    ledger.post(0, "households", "supplier", "retail", 1)
    assert ledger.frame().amount_micro[0] == 4_530_001
    ledger.check()
    assert ledger.frame().amount_micro[0] == 4_530_001


def test_zero_leaves_no_row():
    """A posting of nothing is allowed and leaves nothing."""
    book = Ledger()
    book.post(0, "a", "b", "fee", 0)
    assert book.frame().empty
    assert book.balances() == {}


def test_paying_oneself_is_a_row_that_changes_no_balance():
    """The grid company buys its losses from the pool that it holds itself."""
    book = Ledger()
    book.post(0, "grid_company", "grid_company", "pool", 70)
    book.check()
    assert book.balance("grid_company") == 0
    assert book.frame().amount_micro.tolist() == [70]


def test_an_array_is_posted_by_sign():
    """Amounts 5, -2, 0, 3 move 8 to the payee and 2 back."""
    book = Ledger()
    book.post_array(0, "firms", "supplier", "imbalance", np.array([5, -2, 0, 3], dtype=np.int64))
    assert book.balances() == {"firms": -6, "supplier": 6}
    assert book.frame()[["payer", "amount_micro"]].to_numpy().tolist() == [["firms", 8], ["supplier", 2]]


@pytest.mark.parametrize("amount", [1.0, np.float64(2), True, np.bool_(True), "3", None])
def test_only_whole_amounts_are_money(amount):
    """Floats, truth values and text are refused with the remedy."""
    with pytest.raises(ValueError, match=r"a -> b, account 'fee'; allowed: a whole number .* round the bill"):
        Ledger().post(0, "a", "b", "fee", amount)


def test_negative_amounts_are_refused():
    """A negative amount is posted the other way round by the caller."""
    with pytest.raises(ValueError, match=r"given -1 for a -> b.*other way round"):
        Ledger().post(0, "a", "b", "fee", -1)


@pytest.mark.parametrize("names", [("", "b", "fee"), ("a", "", "fee"), ("a", "b", "")])
def test_names_are_needed(names):
    """Payer, payee and account have names."""
    with pytest.raises(ValueError, match="a name is empty"):
        Ledger().post(0, *names, 1)


@pytest.mark.parametrize("amounts", [np.array([1.0]), [1], np.array([1], dtype=np.int32)])
def test_only_int64_arrays_are_money(amounts):
    """Other arrays are refused."""
    with pytest.raises(ValueError, match="allowed: an int64 array of micro-units"):
        Ledger().post_array(0, "a", "b", "fee", amounts)


def test_the_money_unit_can_be_too_small():
    """A turnover beyond 2^62 micro-units is refused, whether posted singly or as an array, and changes nothing."""
    book = Ledger()
    book.post(0, "a", "b", "fee", 2**62)
    with pytest.raises(OverflowError, match="larger money unit"):
        book.post(0, "b", "a", "fee", 1)
    with pytest.raises(OverflowError, match="larger money unit"):
        Ledger().post_array(0, "a", "b", "fee", np.full(3, 2**62, dtype=np.int64))
    assert book.balances() == {"a": -(2**62), "b": 2**62}


def test_money_from_outside_the_book_is_found(ledger):
    """A balance that no row explains stops the run with the party and the difference."""
    ledger.check()
    ledger._balances["supplier"] += 7
    with pytest.raises(UnbalancedBooks, match="'supplier' differs from its rows by 7 micro-units"):
        ledger.check()


def test_months_and_roles_are_sums(ledger):
    """January and February are apart; all plants are one role."""
    monthly = ledger.monthly(Calendar(date(2016, 1, 1), 60, 15))
    assert monthly.month.tolist() == [0, 0, 1, 1]
    assert monthly.amount_micro.sum() == ledger.frame().amount_micro.sum() == 7_390_000
    roles = ledger.flows()
    assert roles.columns.tolist() == ["source", "target", "account", "business_model", "amount_micro"]
    assert roles.to_numpy().tolist() == [
        ["households", "supplier", "retail", "", 4_530_000],
        ["supplier", "households", "feed_in", "", 360_000],
        ["supplier", "plants", "pool", "", 2_000_000],
        ["supplier", "plants", "pool", "hedge", 500_000],
    ]
    assert ledger.flows("party").target.tolist() == ["supplier", "households", "plant:north", "plant:south"]
    assert role_of("plant:north") == "plants"
    assert role_of("supplier") == "supplier"


def test_amounts_are_rounded_to_micro_units():
    """0.25 and -1.5 are 250,000 and -1,500,000 micro-units, and 1.4 millionths are one."""
    assert to_micro([0.25, -1.5, 1.4e-6], "fuel").tolist() == [250_000, -1_500_000, 1]


@pytest.mark.parametrize("amount", [5e12, -1e13, float("nan"), float("inf")])
def test_no_amount_is_larger_than_the_books_hold(amount):
    """An amount beyond 4.6e12, or none at all, is refused before it turns into another."""
    with pytest.raises(OverflowError, match=r"fuel: given a payment of .*; allowed less than 2\^62"):
        to_micro([1.0, amount], "fuel")
