"""Investment arithmetic: present values, returns, loans, levelised cost, coverage, risk and tax (model D0).

Cash flows are sequences over equal steps 0, 1, ..., n; step 0 is today. Rates are per step: a yearly rate for yearly
cash flows, a twelfth of it for a monthly loan. Real rates belong to real cash flows, nominal to nominal ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def npv(rate: float, cash_flows: npt.ArrayLike) -> float:
    """Net present value: sum of CF_t / (1 + rate)^t.

    Parameters
    ----------
    rate : float
        Discount rate per step, above -1.
    cash_flows : array-like
        Cash flows [currency], shape (n + 1,).

    Returns
    -------
    float
        Value at step 0 [currency].

    Raises
    ------
    ValueError
        If the rate or the cash flows are out of range.
    """
    flows = _series("cash_flows", cash_flows)
    return float(flows @ _discount(rate, len(flows)))


def irr_all(cash_flows: npt.ArrayLike) -> Floats:
    """List every internal rate of return between -0.9999 and 9999 at which the net present value changes sign.

    Parameters
    ----------
    cash_flows : array-like
        Cash flows [currency], shape (n + 1,).

    Returns
    -------
    numpy.ndarray
        Rates per step, ascending; empty if there is none.
    """
    from scipy.optimize import brentq  # a quarter of a second that the command line's help does not need

    flows = _series("cash_flows", cash_flows)
    times = np.arange(len(flows))

    def value(log_factor: Floats) -> Floats:
        # Scaled by the largest power, so that long horizons neither overflow nor change sign.
        scaled: Floats = (
            np.exp(np.multiply.outer(log_factor, times) - np.maximum(0.0, log_factor * times[-1])[..., None]) @ flows
        )
        return scaled

    grid = np.linspace(np.log(1e-4), np.log(1e4), 4001)  # log of the discount factor 1 / (1 + rate)
    signs = np.sign(value(grid))
    exact = list(grid[signs == 0]) if flows.any() else []
    brackets = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    found = exact + [brentq(value, grid[i], grid[i + 1], xtol=1e-15) for i in brackets]
    return np.sort(np.expm1(-np.array(found, dtype=np.float64)))


def irr(cash_flows: npt.ArrayLike) -> float:
    """Find the internal rate of return: the rate per step at which the net present value is zero.

    Parameters
    ----------
    cash_flows : array-like
        Cash flows [currency], shape (n + 1,).

    Returns
    -------
    float
        The rate; nan if there is none or more than one (`irr_all` lists them, `mirr` is unique).
    """
    found = irr_all(cash_flows)
    return float(found[0]) if len(found) == 1 else float("nan")


def mirr(cash_flows: npt.ArrayLike, finance_rate: float, reinvest_rate: float) -> float:
    """Compute the modified internal rate of return: outlays financed at one rate, returns reinvested at another.

    Parameters
    ----------
    cash_flows : array-like
        Cash flows [currency], shape (n + 1,), n of at least 1.
    finance_rate, reinvest_rate : float
        Rates per step, above -1.

    Returns
    -------
    float
        Rate per step; nan if no cash flow is negative or none is positive.
    """
    flows = _series("cash_flows", cash_flows)
    outlay = -npv(finance_rate, np.minimum(flows, 0.0))
    returned = npv(reinvest_rate, np.maximum(flows, 0.0))
    steps = len(flows) - 1
    if outlay == 0 or returned == 0 or steps == 0:
        return float("nan")
    return float((returned / outlay) ** (1 / steps) * (1 + reinvest_rate) - 1)


def payback(cash_flows: npt.ArrayLike, rate: float = 0.0) -> float:
    """First time at which the cumulated, discounted cash flow is no longer negative, interpolated within a step.

    Parameters
    ----------
    cash_flows : array-like
        Cash flows [currency], shape (n + 1,).
    rate : float
        Discount rate per step, above -1; 0 gives the simple payback.

    Returns
    -------
    float
        Steps; 0 if the first cash flow is not negative, nan if the outlay is never recovered.
    """
    flows = _series("cash_flows", cash_flows)
    discounted = flows * _discount(rate, len(flows))
    total = np.cumsum(discounted)
    recovered = np.flatnonzero(total >= 0)
    if not len(recovered):
        return float("nan")
    step = int(recovered[0])
    return float(step - total[step] / discounted[step]) if step else 0.0


def profitability_index(rate: float, cash_flows: npt.ArrayLike) -> float:
    """Net present value per unit of the initial outlay, plus 1 [-].

    Raises
    ------
    ValueError
        If the first cash flow is not an outlay.
    """
    return npv(rate, cash_flows) / _outlay(cash_flows) + 1


def return_on_investment(cash_flows: npt.ArrayLike) -> float:
    """Undiscounted sum of all cash flows per unit of the initial outlay [-]; errors as `profitability_index`."""
    return npv(0.0, cash_flows) / _outlay(cash_flows)


def annuity_factor(rate: float, steps: int) -> float:
    """Present value of 1 a step over a number of steps: (1 - (1 + rate)^-steps) / rate, or `steps` at rate 0.

    Parameters
    ----------
    rate : float
        Rate per step, above -1.
    steps : int
        Number of payments, at least 1; the first falls due after one step.
    """
    _require_rate(rate)
    if steps < 1:
        raise ValueError(f"steps: given {steps}; allowed: at least 1")
    # expm1 and log1p keep the digits that 1 - (1 + rate)^-n loses at small rates.
    return float(-np.expm1(-steps * np.log1p(rate)) / rate) if rate else float(steps)


def capital_recovery_factor(rate: float, steps: int) -> float:
    """Constant payment per step that repays 1 [1/step]; the inverse of `annuity_factor`."""
    return 1 / annuity_factor(rate, steps)


def annuity(principal: float, rate: float, steps: int) -> float:
    """Constant payment per step that repays a principal [currency]."""
    return principal * capital_recovery_factor(rate, steps)


@dataclass(frozen=True, slots=True)
class LoanSchedule:
    """Repayment of a loan by constant payments; the arrays are read-only, shape (steps,).

    Attributes
    ----------
    payment : float
        Payment at the end of each step [currency].
    interest, principal : numpy.ndarray
        Parts of each payment [currency]: interest on the balance before it, and repayment.
    balance : numpy.ndarray
        Debt after each payment [currency]; the last is 0.
    """

    payment: float
    interest: Floats
    principal: Floats
    balance: Floats


def loan_schedule(principal: float, rate: float, steps: int) -> LoanSchedule:
    """Split the payments of an annuity loan: interest_t = rate x balance_{t-1}.

    Parameters
    ----------
    principal : float
        Amount lent [currency], at least 0.
    rate : float
        Interest rate per step, above -1.
    steps : int
        Number of payments, at least 1.
    """
    if not principal >= 0:
        raise ValueError(f"principal: given {principal}; allowed: at least 0")
    payment = annuity(principal, rate, steps)
    # From the last payment backwards, which at high rates loses no digits and ends at exactly 0.
    repaid: Floats = payment * (1 + rate) ** np.arange(-steps, 0, dtype=np.float64)
    balance: Floats = np.append(np.cumsum(repaid[:0:-1])[::-1], 0.0)
    interest: Floats = payment - repaid
    for column in (interest, repaid, balance):
        column.flags.writeable = False
    return LoanSchedule(payment, interest, repaid, balance)


def lcoe(investment: float, opex: npt.ArrayLike, energy_kwh: npt.ArrayLike, rate: float) -> float:
    """Levelised cost of energy: (I + sum opex_t / (1 + r)^t) / (sum E_t / (1 + r)^t), t = 1 ... n.

    Parameters
    ----------
    investment : float
        Outlay at step 0 [currency].
    opex, energy_kwh : array-like
        Operating cost [currency] and energy [kWh] of the steps 1 to n, shape (n,).
    rate : float
        Discount rate per step, above -1.

    Returns
    -------
    float
        Cost [currency/kWh].

    Raises
    ------
    ValueError
        If the arrays differ in length or there is no energy.
    """
    costs, energy = _series("opex", opex), _series("energy_kwh", energy_kwh)
    if len(costs) != len(energy):
        raise ValueError(f"opex, energy_kwh: given {len(costs)} and {len(energy)} steps; allowed: equally many")
    factors = _discount(rate, len(energy) + 1)[1:]
    if (produced := float(energy @ factors)) <= 0:
        raise ValueError(f"energy_kwh: given a discounted sum of {produced}; allowed: above 0")
    return (investment + float(costs @ factors)) / produced


def dscr(cash_available: npt.ArrayLike, debt_service: npt.ArrayLike) -> Floats:
    """Debt service coverage ratio of each step: cash available over interest and repayment [-].

    Parameters
    ----------
    cash_available, debt_service : array-like
        Amounts [currency], shape (n,); the service is at least 0.

    Returns
    -------
    numpy.ndarray
        Ratios, shape (n,); nan where nothing is due.
    """
    cash, service = _series("cash_available", cash_available), _series("debt_service", debt_service)
    if len(cash) != len(service) or service.min() < 0:
        raise ValueError("debt_service: allowed: as many steps as cash_available, each at least 0")
    ratios: Floats = np.divide(cash, service, out=np.full(len(cash), np.nan), where=service > 0)
    return ratios


def nominal_rate(real: float, inflation: float) -> float:
    """Nominal rate of a real one: (1 + r_n) = (1 + r)(1 + inflation), all per step."""
    return (1 + _require_rate(real)) * (1 + _require_rate(inflation)) - 1


def real_rate(nominal: float, inflation: float) -> float:
    """Real rate of a nominal one; the inverse of `nominal_rate`."""
    return (1 + _require_rate(nominal)) / (1 + _require_rate(inflation)) - 1


def cash_flow_after_tax(
    cash_flows: npt.ArrayLike, tax_rate: float, depreciation: npt.ArrayLike = 0.0, interest: npt.ArrayLike = 0.0
) -> Floats:
    """Cash flow after tax on profit: CF - tax_rate x (CF - depreciation - interest) [currency].

    Parameters
    ----------
    cash_flows : array-like
        Cash flows before tax [currency], shape (n,); the outlay itself is not taxed: leave it out.
    tax_rate : float
        Fraction from 0 to 1; a loss earns a tax credit at the same rate.
    depreciation, interest : array-like
        What is deducted from the taxed profit [currency], shape (n,) or one number.
    """
    if not 0 <= tax_rate <= 1:
        raise ValueError(f"tax_rate: given {tax_rate}; allowed: 0 to 1")
    flows = _series("cash_flows", cash_flows)
    deducted = np.asarray(depreciation, dtype=np.float64) + np.asarray(interest, dtype=np.float64)
    after: Floats = flows - tax_rate * (flows - deducted)
    return after


def value_at_risk(outcomes: npt.ArrayLike, share: float = 0.05) -> float:
    """Outcome that the worst share of draws does not pass: the lower empirical quantile [unit of the outcomes].

    Parameters
    ----------
    outcomes : array-like
        Simulated outcomes where more is better, such as net present values, shape (n,).
    share : float
        Share of worst outcomes, above 0, at most 1.
    """
    worst, count = _worst(outcomes, share)
    return float(worst[int(np.ceil(count)) - 1])


def conditional_value_at_risk(outcomes: npt.ArrayLike, share: float = 0.05) -> float:
    """Mean of the worst share of outcomes [unit of the outcomes]; below `value_at_risk`, parameters as there.

    A draw that lies on the border counts by the fraction that is needed (Rockafellar & Uryasev 2002,
    doi:10.1016/S0378-4266(02)00271-6).
    """
    worst, count = _worst(outcomes, share)
    weights = np.clip(count - np.arange(len(worst)), 0.0, 1.0)
    return float(worst @ weights / count)


def probability_of_loss(outcomes: npt.ArrayLike) -> float:
    """Share of outcomes below 0 [-]."""
    return float(np.mean(_series("outcomes", outcomes) < 0))


def _worst(outcomes: npt.ArrayLike, share: float) -> tuple[Floats, float]:
    if not 0 < share <= 1:
        raise ValueError(f"share: given {share}; allowed: above 0, at most 1")
    values = np.sort(_series("outcomes", outcomes))
    # 0.05 x 20 is 1 only up to rounding, and a hair above would count one draw more.
    return values, max(round(share * len(values), 9), 1e-9)


def _series(name: str, values: npt.ArrayLike) -> Floats:
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1 or not len(series) or not np.isfinite(series).all():
        raise ValueError(f"{name}: given shape {series.shape}; allowed: one dimension, not empty, finite numbers only")
    return series


def _require_rate(rate: float) -> float:
    if not -1 < rate < np.inf:
        raise ValueError(f"rate: given {rate}; allowed: above -1; a fraction per step, not percent")
    return rate


def _discount(rate: float, steps: int) -> Floats:
    factors: Floats = (1 + _require_rate(rate)) ** -np.arange(steps, dtype=np.float64)
    return factors


def _outlay(cash_flows: npt.ArrayLike) -> float:
    first = float(_series("cash_flows", cash_flows)[0])
    if first >= 0:
        raise ValueError(f"cash_flows: given {first} at step 0; allowed: an outlay, below 0")
    return -first
