"""Cash flows of contracts over their life, what they are worth to each party, and how sure that is (model.md D0)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gridagora.agents.business_models.financing import DEBT_SERVICE, LOAN, upfront_flows, yearly_flows
from gridagora.agents.business_models.frame import CUSTOMER, PROVIDER, Bools, BusinessModel, Floats, Flow, Quantities
from gridagora.agents.business_models.lenders import Bank, Insurer
from gridagora.agents.business_models.luck import lognormal
from gridagora.sim.finance import irr_all, npv, payback, profitability_index
from gridagora.sim.streams import Streams

#: Why a party that neither pays nor receives has no internal rate of return.
NO_CASH = "no cash flow"


@dataclass(frozen=True, slots=True)
class Partners:
    """Terms of those who lend to providers and insure them; None where the scenario has none."""

    bank: Bank | None = None
    insurer: Insurer | None = None


def life(model: BusinessModel, q: Quantities, partners: Partners) -> list[Flow]:
    """Return the flows of contracts over their life, shape (n, life_years + 1) each [currency].

    Column 0 is the day of signing; column t holds the t-th year, as if paid at its end.

    Parameters
    ----------
    model : BusinessModel
        The terms.
    q : Quantities
        Expected, shape (n,) each.
    partners : Partners
        Lender and insurer.
    """
    n, years = next(iter(q.values())).size, model.life_years
    rows: list[Flow] = []

    def add(flow: Flow, column: int) -> None:
        amounts = np.zeros((n, years + 1))
        amounts[:, column] = flow.amount
        rows.append(flow._replace(amount=amounts))

    for flow in upfront_flows(model, q):
        add(flow, 0)
    at = len(rows)
    for t in range(years):
        # Rent, premium and tax are over with the term; loans and what customers own are not.
        for place, flow in enumerate(yearly_flows(model, q, t, partners.bank, partners.insurer)):
            if t == 0:
                add(flow, 1)
            else:
                rows[at + place].amount[:, t + 1] = flow.amount
    for flow in model.at_end(q):
        add(flow, model.term_years)
    growth = (1 + model.finance.inflation) ** np.arange(years + 1)
    return [flow if flow.nominal else flow._replace(amount=flow.amount * growth) for flow in rows]


def by_year(model: BusinessModel, q: Quantities, partners: Partners) -> Iterator[tuple[int, list[Flow]]]:
    """Yield the flows of :func:`life` by its column, without tables of whole lives and before prices rise."""
    yield 0, upfront_flows(model, q)
    for age in range(model.life_years):
        yield age + 1, yearly_flows(model, q, age, partners.bank, partners.insurer)
    yield model.term_years, model.at_end(q)


def net(flows: Sequence[Flow], role: str, metered: bool = True) -> Floats:
    """Return what a role receives less what it pays, the shape of the amounts [currency].

    Parameters
    ----------
    flows : sequence of Flow
        Of one shape, at least one.
    role : str
        Role or party.
    metered : bool
        Whether flows that pass through the bills count.
    """
    total = np.zeros(np.broadcast_shapes(*(flow.amount.shape for flow in flows)))
    for flow in flows:
        if metered or not flow.metered:
            total += flow.amount * ((flow.payee == role) - (flow.payer == role))
    return total


def parties(flows: Sequence[Flow]) -> list[str]:
    """Return all roles and parties of some flows: customer and provider first, the others by name."""
    named = {party for flow in flows for party in (flow.payer, flow.payee)}
    return [*(role for role in (CUSTOMER, PROVIDER) if role in named), *sorted(named - {CUSTOMER, PROVIDER})]


def discount(model: BusinessModel, role: str) -> float:
    """Return the nominal discount rate of a role [1/a]: real rate and inflation."""
    real = model.acceptance.discount_rate if role == CUSTOMER else model.finance.discount_rate
    return (1 + real) * (1 + model.finance.inflation) - 1


def values(model: BusinessModel, flows: Sequence[Flow], role: str) -> Floats:
    """Return net present values to a role, one a contract, shape (n,) [currency]."""
    cash = net(flows, role)
    return np.asarray(cash @ (1 + discount(model, role)) ** -np.arange(cash.shape[1], dtype=np.float64))


def value_of(model: BusinessModel, q: Quantities, partners: Partners, role: str) -> Floats:
    """Return what :func:`values` makes of :func:`life`, year by year without keeping the flows, shape (n,) [currency].

    Parameters
    ----------
    model, q, partners
        As :func:`life` takes them.
    role : str
        Role or party.
    """
    found, rate = np.zeros(next(iter(q.values())).size), 1 + discount(model, role)
    for at, flows in by_year(model, q, partners):
        growth = (1 + model.finance.inflation) ** at
        for flow in flows:
            sign = (flow.payee == role) - (flow.payer == role)
            if sign:
                found += flow.amount * (sign * (1.0 if flow.nominal else growth) / rate**at)
    return found


def deviations(model: BusinessModel, q: Quantities, partners: Partners, role: str) -> Floats:
    """Return the standard deviation of each contract's value to a role, shape (n,) [currency].

    Each uncertain factor is moved up and down by one standard deviation, the others as expected; half the difference of
    the two values is its part, and parts are independent.
    """
    n = next(iter(q.values())).size
    factors = [each for each in sorted(set(model.uncertain.values())) if getattr(model.risk, each) > 0]
    variance = np.zeros(n)
    if not factors:
        return variance
    moves = [{each: float(np.exp(s * getattr(model.risk, each)))} for each in factors for s in (1.0, -1.0)]
    moved = [_moved(model, q, by) for by in moves]
    together = {name: np.concatenate([np.broadcast_to(each[name], n) for each in moved]) for name in q}
    worth_of = value_of(model, together, partners, role).reshape(len(moves), n)
    for up, down in zip(worth_of[::2], worth_of[1::2], strict=True):
        variance += ((up - down) / 2) ** 2
    return np.sqrt(variance)


def _moved(model: BusinessModel, q: Quantities, by: Mapping[str, Floats | float]) -> Quantities:
    return {name: value * by.get(model.uncertain.get(name, ""), 1.0) for name, value in q.items()}


def risk_factors(model: BusinessModel, streams: Streams, draws: int) -> dict[str, Floats]:
    """Return draws of what may come otherwise, by the key of `risk`, shape (draws,) each [1]."""
    return {
        each: lognormal(streams.uniforms(each, "risk", draws), getattr(model.risk, each))
        for each in sorted(set(model.uncertain.values()))
    }


def survived_years(streams: Streams, draws: int, default_per_year: float) -> Floats:
    """Return the full years before a customer defaults, geometric by inversion, shape (draws,) [a]."""
    if default_per_year == 0:
        return np.full(draws, np.inf)
    uniform = streams.uniforms("default", "risk", draws)
    return np.asarray(np.floor(np.log(uniform) / np.log1p(-min(default_per_year, 1 - 1e-12))))


def paying(model: BusinessModel, survived: Floats) -> Bools:
    """Return in which columns of :func:`life` customers pay, shape (draws, life_years + 1).

    Nothing is owed beyond the term: who has survived it goes on.
    """
    pays = np.arange(model.life_years + 1) <= survived[:, None]
    pays[:, model.term_years + 1 :] |= survived[:, None] >= model.term_years
    return np.asarray(pays)


def simulate(
    model: BusinessModel,
    q: Quantities,
    partners: Partners,
    draws: int,
    seed: int,
    default_per_year: float | None = None,
) -> dict[str, Floats]:
    """Draw the cash flows of one contract many times.

    Factors are lognormal with mean 1 and the same for all years; the customer defaults in a geometric year, from which
    on only flows that stay are left.

    Parameters
    ----------
    model : BusinessModel
        The terms.
    q : Quantities
        Expected, of one contract: shape (1,) each.
    partners : Partners
        Lender and insurer.
    draws : int
        Number of draws.
    seed : int
        Of the random numbers.
    default_per_year : float, optional
        Probability of the customer [1/a]; that of the terms by default.

    Returns
    -------
    dict of ndarray of float64, shape (draws, life_years + 1)
        Cash flow of each party [currency].
    """
    streams = Streams(seed)
    wide = {name: np.full(draws, value[0]) for name, value in q.items()}
    moved = _moved(model, wide, risk_factors(model, streams, draws))
    hazard = model.risk.default_per_year if default_per_year is None else default_per_year
    survived = survived_years(streams, draws, hazard)
    alive = paying(model, survived)
    flows = life(model, moved, partners)
    kept = [flow if flow.stays else flow._replace(amount=flow.amount * alive) for flow in flows]
    broke = np.flatnonzero(survived < model.term_years)
    year = survived[broke].astype(np.int64) + 1
    growth = (1 + model.finance.inflation) ** year
    for flow in model.at_default(moved, np.where(np.isinf(survived), 0.0, survived)):
        amounts = np.zeros(alive.shape)
        amounts[broke, year] = np.broadcast_to(flow.amount, draws)[broke] * (1.0 if flow.nominal else growth)
        kept.append(flow._replace(amount=amounts))
    return {role: net(kept, role) for role in parties(kept)}


@dataclass(frozen=True, slots=True)
class Worth:
    """What a stream of cash is worth.

    Attributes
    ----------
    npv : float
        [currency]
    irr : float
        Internal rate of return [1/a]; nan where it is undefined.
    irr_note : str
        Why it is, or empty.
    payback_years, discounted_payback_years : float
        [a]; nan where it is never paid back.
    profitability : float
        NPV per outlay, plus 1 [1]; nan without an outlay.
    least_coverage : float
        Least cash available over debt service of any year [1]; nan without debt.
    """

    npv: float
    irr: float
    irr_note: str
    payback_years: float
    discounted_payback_years: float
    profitability: float
    least_coverage: float


def worth(cash: Floats, rate: float, coverage: float = float("nan")) -> Worth:
    """Return what a stream of cash is worth.

    Parameters
    ----------
    cash : ndarray of float64, shape (years + 1,)
        [currency]
    rate : float
        Nominal discount rate [1/a].
    coverage : float
        Least coverage of its debt service [1].
    """
    found = irr_all(cash) if cash.any() else np.zeros(0)
    note = ""
    if not cash.any():
        note = NO_CASH
    elif (cash >= 0).all() or (cash <= 0).all():
        note = "no sign change: " + ("never an outlay" if (cash >= 0).all() else "never a return")
    elif len(found) == 0:
        note = "no rate from -99.99 % to 999,900 % brings the net present value to 0"
    elif len(found) > 1:
        note = "several rates: " + ", ".join(f"{100 * each:.2f} %" for each in found)
    outlay = cash[0] < 0
    return Worth(
        npv(rate, cash),
        float(found[0]) if len(found) == 1 else float("nan"),
        note,
        payback(cash) if outlay else float("nan"),
        payback(cash, rate) if outlay else float("nan"),
        profitability_index(rate, cash) if outlay else float("nan"),
        coverage,
    )


def coverage(flows: Sequence[Flow]) -> Floats:
    """Return the provider's least coverage of its debt service in any year, shape (n,) [1]; nan without debt."""
    service = sum((f.amount for f in flows if f.account == DEBT_SERVICE and f.payer == PROVIDER), np.zeros(1))
    cash = net([f for f in flows if f.account not in (DEBT_SERVICE, LOAN)], PROVIDER, metered=False)
    service = np.broadcast_to(service, cash.shape)
    ratios = np.divide(cash, service, out=np.full(cash.shape, np.inf), where=service > 0)
    least = ratios[:, 1:].min(axis=1)
    return np.where(np.isinf(least), np.nan, least)


def per_party(flows: Sequence[Flow]) -> dict[str, Floats]:
    """Return the cash of every party summed over contracts, shape (years + 1,) each [currency]."""
    total: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(flows[0].amount.shape[1]))
    for flow in flows:
        amounts = flow.amount.sum(axis=0)
        total[flow.payee] = total[flow.payee] + amounts
        total[flow.payer] = total[flow.payer] - amounts
    return {party: total[party] for party in parties(flows)}
