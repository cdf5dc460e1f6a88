"""Bills that are not paid: lent, settled, lost, to the micro-unit."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gridagora.agents.arrears import collect
from gridagora.agents.firm_behaviour import CreditProcess

PROCESS = CreditProcess(default_months=3, loss_share=0.6)


def one(solvency, bill, arrears, unpaid, in_advance=False):
    """Return what becomes of one member's bill, whose threshold is 0."""
    done = collect(
        PROCESS,
        np.array([solvency]),
        np.zeros(1),
        np.array([bill]),
        np.array([arrears]),
        np.array([unpaid]),
        np.array([in_advance]),
    )
    return done.lent[0], done.settled[0], done.lost[0], done.arrears[0], done.unpaid_months[0], done.defaulted[0]


def test_who_can_pay_pays_all():
    """A solvent member pays its bill and what it owed; only the old debt was lent."""
    assert one(1.0, 70, 30, 1) == (0, 30, 0, 0, 0, False)


def test_who_cannot_pay_owes_more():
    """An insolvent member's bill is lent and joins its debt."""
    assert one(-1.0, 70, 30, 1) == (70, 0, 0, 100, 2, False)


def test_third_unpaid_bill_is_a_default():
    """Three unpaid bills in a row end the debt: 60 % of 101 is lost, rounded to the micro-unit, the rest is paid."""
    assert one(-1.0, 71, 30, 2) == (71, 101, 61, 0, 0, True)


def test_who_pays_in_advance_owes_nothing_new():
    """A prepayment meter needs no credit, however poor its owner."""
    assert one(-9.0, 70, 0, 0, in_advance=True) == (0, 0, 0, 0, 0, False)


AMOUNTS = st.integers(0, 10**12)


@given(st.lists(st.tuples(st.floats(-3, 3), AMOUNTS, AMOUNTS, st.integers(0, 2), st.booleans()), min_size=1))
def test_debt_is_counted(rows):
    """Debt grows by what is lent, falls by what is settled, and no more is lost than settled."""
    solvency, bill, arrears, unpaid, early = (np.array(column) for column in zip(*rows, strict=True))
    done = collect(PROCESS, solvency, np.zeros(len(rows)), bill, arrears, unpaid, early)
    assert (done.arrears == arrears + done.lent - done.settled).all()
    assert (done.lost <= done.settled).all()
    assert (done.lost >= 0).all()
    assert (done.lent[early] == 0).all()
    assert (done.unpaid_months < 3).all()
