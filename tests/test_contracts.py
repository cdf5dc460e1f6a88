import copy
import pickle

import pytest

from gridagora.sim.contracts import Contract, ContractBook


def supply(name, first, last, counterparty="blue"):
    """Build a supply contract of the households."""
    return Contract(name, "supply", "households", counterparty, first, last, {"price_per_kwh": 0.55})


@pytest.fixture
def book():
    """Households with the supplier blue up to day 9, then with green; two service contracts at once."""
    return ContractBook(
        [
            supply("s1", 0, 9),
            supply("s2", 10, None, "green"),
            Contract("e1", "service", "firms", "esco:1", 0, None, {}, exclusive=False),
            Contract("e2", "service", "firms", "esco:2", 5, 8, {}, exclusive=False),
        ]
    )


def test_the_counterparty_changes_with_the_day(book):
    """Blue supplies day 9, green day 10 and every later day."""
    assert book.counterparty("households", "supply", 9) == "blue"
    assert book.counterparty("households", "supply", 10) == "green"
    assert book.counterparty("households", "supply", 10_000) == "green"


def test_no_or_many_counterparties_are_errors(book):
    """The message names the party, the day and what the book has."""
    with pytest.raises(
        KeyError, match=r"no contract of kind 'supply' for 'firms' on day 0.*e1 \(service, days 0 to no"
    ):
        book.counterparty("firms", "supply", 0)
    with pytest.raises(KeyError, match="2 contracts of kind 'service' for 'firms' on day 6"):
        book.counterparty("firms", "service", 6)
    with pytest.raises(KeyError, match="for 'farms' on day 0; the book has: nothing"):
        book.counterparty("farms", "supply", 0)
    many = ContractBook(Contract(f"c{i}", f"k{i}", "farms", "x", 0, None, {}) for i in range(10))
    with pytest.raises(KeyError, match=r"c7 \(k7, days 0 to no end\) and 2 more"):
        many.counterparty("farms", "supply", 0)


def test_valid_contracts_by_any_name(book):
    """None matches every party, kind and counterparty."""
    assert [c.id for c in book.valid(6)] == ["s1", "e1", "e2"]
    assert [c.id for c in book.valid(6, counterparty="esco:2")] == ["e2"]
    assert [c.id for c in book.valid(6, party="firms", kind="service")] == ["e1", "e2"]
    assert book.valid(6, party="firms", kind="service", counterparty="blue") == ()
    assert [c.id for c in book.valid(9, kind="service")] == ["e1"]


def test_exclusive_contracts_do_not_overlap(book):
    """One supplier a day: a third supply contract is refused with the one in its way."""
    with pytest.raises(ValueError, match=r"'s3' .* overlaps 's1' with 'blue' \(days 0 to 9\); end that one first"):
        book.add(supply("s3", 9, 9))
    with pytest.raises(ValueError, match="overlaps 's2'"):
        book.add(supply("s3", 12, None))
    with pytest.raises(ValueError, match="overlaps 'e1'"):
        book.add(Contract("e3", "service", "firms", "esco:3", 100, None, {}))


def test_ending_makes_room(book):
    """A contract ends on its last day, and the next may start on the day after."""
    assert book.end("s2", 20).last_day == 20
    book.add(supply("s3", 21, None, "red"))
    assert book.counterparty("households", "supply", 20) == "green"
    assert book.counterparty("households", "supply", 21) == "red"


def test_only_what_holds_can_end(book):
    """Unknown contracts and days outside the contract are refused."""
    with pytest.raises(KeyError, match="no contract 's9'; the book has: e1, e2, s1, s2"):
        book.end("s9", 1)
    with pytest.raises(ValueError, match="'s1' cannot end on day 10: it holds on days 0 to 9"):
        book.end("s1", 10)


def test_ids_are_unique(book):
    """A taken id is refused."""
    with pytest.raises(ValueError, match="'s1' is in the book already"):
        book.add(Contract("s1", "rental", "firms", "x", 0, None, {}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("", "supply", "a", "b", 0, None), "must not be empty"),
        (("c", "supply", "a", "", 0, None), "must not be empty"),
        (("c", "supply", "a", "b", -1, None), "given days -1 to None"),
        (("c", "supply", "a", "b", 5, 4), "given days 5 to 4"),
    ],
)
def test_bad_contracts_are_refused(fields, message):
    """Names are needed and days are in order."""
    with pytest.raises(ValueError, match=message):
        Contract(*fields, {})


def test_a_contract_cannot_be_changed():
    """Terms are a read-only copy, and survive pickling and copying."""
    terms = {"price_per_kwh": 0.5}
    contract = Contract("c", "supply", "a", "b", 0, None, terms)
    terms["price_per_kwh"] = 9.0
    assert contract.terms["price_per_kwh"] == 0.5
    with pytest.raises(TypeError, match="does not support item assignment"):
        contract.terms["price_per_kwh"] = 1.0
    assert pickle.loads(pickle.dumps(contract)) == contract
    assert copy.deepcopy(contract) == contract


def test_the_table_lists_every_contract(book):
    """Terms are JSON; a missing last day means no end."""
    frame = book.frame()
    assert frame.columns.tolist() == [
        "contract", "kind", "party", "counterparty", "first_day", "last_day", "terms",
    ]  # fmt: skip
    assert frame.contract.tolist() == ["s1", "s2", "e1", "e2"]
    assert frame.last_day.isna().tolist() == [False, True, True, False]
    assert frame.terms[0] == '{"price_per_kwh": 0.55}'
