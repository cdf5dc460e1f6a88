"""Who pays a month's bill, and what becomes of what is not paid, to the micro-unit (model.md A2.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.firm_behaviour import CreditProcess, pay_bills

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """What became of a month's bills and of older debt, shape (n,) each [1e-6 currency].

    Attributes
    ----------
    lent : ndarray of int64
        Bills of this month that are not paid now.
    settled : ndarray of int64
        Debt that ends in this month: paid or written off.
    lost : ndarray of int64
        Part of `settled` that is written off.
    arrears : ndarray of int64
        Debt afterwards: that before, plus `lent`, less `settled`.
    unpaid_months : ndarray of int64
        Months in a row without payment.
    defaulted : ndarray of bool
        Who defaults in this month.
    """

    lent: IntArray
    settled: IntArray
    lost: IntArray
    arrears: IntArray
    unpaid_months: IntArray
    defaulted: BoolArray


def collect(
    process: CreditProcess,
    solvency: FloatArray,
    threshold: FloatArray,
    bill: IntArray,
    arrears: IntArray,
    unpaid_months: IntArray,
    in_advance: BoolArray,
) -> Collected:
    """Let members pay bill and arrears if solvent, and default after too many months without.

    Parameters
    ----------
    process : CreditProcess
        When a default comes, and what it costs.
    solvency, threshold : ndarray of float64, shape (n,)
        Of :meth:`CreditProcess.step` and :meth:`CreditProcess.threshold`.
    bill, arrears : ndarray of int64, shape (n,)
        Of this month, and owed from before, at least 0 [1e-6 currency].
    unpaid_months : ndarray of int64, shape (n,)
        Months in a row without payment so far.
    in_advance : ndarray of bool, shape (n,)
        Who pays before use, and so never owes this month's bill.
    """
    line = np.where(in_advance, -np.inf, threshold)
    result = pay_bills(process, solvency, line, bill, arrears, unpaid_months)
    owing = solvency <= line
    lost = np.rint(result.loss).astype(np.int64)
    lent = np.where(owing, bill, 0)
    left = np.where(owing & ~result.defaulted, arrears + bill, 0)
    return Collected(lent, arrears + lent - left, lost, left, result.unpaid_months, result.defaulted)
