import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridagora.sim.energy import EnergyBook
from gridagora.sim.ledger import Ledger, UnbalancedBooks

PARTIES = st.sampled_from(["households", "firms", "supplier", "grid_company", "plant:a", "plant:b", "outside"])
POSTING = st.tuples(st.integers(0, 3), PARTIES, PARTIES, st.sampled_from(["retail", "pool"]), st.integers(0, 10**15))
AMOUNTS = st.lists(st.integers(-(10**12), 10**12), max_size=20)


@given(st.lists(POSTING, max_size=30), st.randoms())
def test_money_is_neither_made_nor_lost(postings, random):
    """All balances sum to zero, equal the rows' sums, and do not depend on the order of postings (O56)."""
    shuffled = list(postings)
    random.shuffle(shuffled)
    books = Ledger(), Ledger()
    for book, order in zip(books, (postings, shuffled), strict=True):
        for i, posting in enumerate(order):
            book.post(*posting)
            if i % 7 == 0:
                book.check()
        book.check()
    frame = books[0].frame()
    assert frame.equals(books[1].frame())
    assert sum(books[0].balances().values()) == 0
    for party, balance in books[0].balances().items():
        received = int(frame.amount_micro[frame.payee == party].sum())
        assert balance == received - int(frame.amount_micro[frame.payer == party].sum())


@given(AMOUNTS, st.integers(0, 20))
def test_a_block_of_postings_is_the_sum_of_its_parts(amounts, cut):
    """Posting an array at once, in two blocks or one by one gives the same book."""
    whole, blocks, single = Ledger(), Ledger(), Ledger()
    array = np.array(amounts, dtype=np.int64)
    whole.post_array(0, "a", "b", "x", array)
    blocks.post_array(0, "a", "b", "x", array[:cut])
    blocks.post_array(0, "a", "b", "x", array[cut:])
    for amount in amounts:
        single.post(0, *(("a", "b") if amount > 0 else ("b", "a")), "x", abs(amount))
    assert whole.frame().equals(blocks.frame())
    assert whole.frame().equals(single.frame())
    assert whole.balance("b") == sum(amounts)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 10**12)), min_size=4, max_size=4),
    st.integers(0, 3),
    st.integers(1, 10**6),
)
def test_the_energy_book_closes_exactly_or_not_at_all(days, period, error):
    """Generation that equals consumption and losses passes; a single wrong quantum in any period does not (O56)."""
    consumption, losses = (np.array(column, dtype=np.int64) for column in zip(*days, strict=True))
    book = EnergyBook()
    book.add(0, "a", "consumption", consumption)
    book.add(0, "a", "losses", losses)
    book.add(0, "a", "generation_gas", consumption + losses)
    book.check(0)
    wrong = np.zeros(4, dtype=np.int64)
    wrong[period] = error
    book.add(0, "a", "import", wrong)
    with pytest.raises(UnbalancedBooks, match=f"period {period}: .* = {error} quanta"):
        book.check(0)
