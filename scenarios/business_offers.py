"""A round of offers: who is reached, what each offer is worth to both sides, who signs what (model.md D0)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gridagora.agents.business_models.financing import DEBT_SERVICE, upfront_flows
from gridagora.agents.business_models.frame import CUSTOMER, Bools, BusinessModel, Customers, Floats, Ints, Quantities
from gridagora.agents.business_models.life import Partners, coverage, deviations, life, net, value_of
from gridagora.agents.business_models.low_risk import low_risk
from gridagora.agents.business_models.terms import Segment
from gridagora.agents.choice import choose, probabilities

#: Members whose cash flows are held at a time.
CHUNK = 20_000


@dataclass(slots=True, eq=False)
class Offer:
    """What a business model offers to members in a round.

    Parameters
    ----------
    terms : BusinessModel
        The business model.
    customers : Customers
        Those who may sign.
    may : ndarray of bool, shape (n,)
        Who of them is reached, eligible and worth the risk.
    agreed : Quantities
        What is promised, shape (n,) each; empty if nobody may.
    utility : ndarray of float64, shape (n,)
        Of signing, where they may.
    """

    terms: BusinessModel
    customers: Customers
    may: Bools
    agreed: Quantities = field(default_factory=dict)
    utility: Floats = field(default_factory=lambda: np.zeros(0))


def in_segment(segment: Segment, customers: Customers) -> Bools:
    """Return who belongs to a segment by consumption, profile and devices, shape (n,)."""
    most = np.inf if segment.annual_kwh_max is None else segment.annual_kwh_max
    found = (customers.annual_kwh >= segment.annual_kwh_min) & (customers.annual_kwh <= most)
    if segment.profiles:
        found &= np.isin(customers.profile, segment.profiles)
    for device in segment.has:
        found &= customers.owns[device]
    for device in segment.lacks:
        found &= ~customers.owns[device]
    return np.asarray(found)


def good_credit(share: float, score: Floats) -> Bools:
    """Return the best share of members by credit score, at least one, shape (n,)."""
    taken = np.zeros(score.size, np.bool_)
    taken[np.argsort(score, kind="stable")[: max(1, round(share * score.size))]] = True
    return taken


def appraise(offer: Offer, partners: Partners, seed: int) -> None:
    """Fill in what an offer promises and what signing is worth; nobody may who cannot pay or is too great a risk.

    Parameters
    ----------
    offer : Offer
        With customers and who may; changed.
    partners : Partners
        Lender and insurer.
    seed : int
        Of the scenario.
    """
    n = offer.may.size
    offer.utility = np.zeros(n)
    columns: dict[str, list[Floats]] = {}
    offer.may &= offer.terms.eligible(offer.customers)
    places = np.flatnonzero(offer.may)
    for start in range(0, places.size, CHUNK):
        chosen = places[start : start + CHUNK]
        customers = offer.customers.of(chosen)
        agreed = offer.terms.expected(customers)
        lend(offer.terms, agreed, partners)
        offer.utility[chosen], affordable = utilities(offer.terms, customers, agreed, partners)
        offer.may[chosen] &= affordable
        if offer.terms.finance.low_risk_only:
            offer.may[chosen] &= low_risk(offer.terms, agreed, partners, seed)
        for name, column in agreed.items():
            columns.setdefault(name, []).append(np.broadcast_to(np.asarray(column, np.float64), chosen.size))
    for name, parts in columns.items():
        offer.agreed[name] = np.zeros(n)
        offer.agreed[name][places] = np.concatenate(parts)


def lend(terms: BusinessModel, agreed: Quantities, partners: Partners) -> None:
    """Set what the bank lends the provider: nothing where the contract would not cover its debt service."""
    if terms.finance.debt_share == 0 or partners.bank is None or "capex" not in agreed:
        return
    wanted = terms.finance.debt_share * (1 - terms.finance.subsidy_share) * agreed["capex"]
    flows = life(terms, {**agreed, "debt": wanted}, partners)
    has_debt = any(flow.account == DEBT_SERVICE for flow in flows)
    covered = coverage(flows) >= partners.bank.least_coverage if has_debt else np.ones(wanted.size, np.bool_)
    agreed["debt"] = np.where(covered, wanted, 0.0)


def utilities(
    terms: BusinessModel, customers: Customers, agreed: Quantities, partners: Partners
) -> tuple[Floats, Bools]:
    """Return the utility of signing beside 0 for not signing, and who can pay what is due at once, shape (n,) each.

    Parameters
    ----------
    terms : BusinessModel
        Terms on offer.
    customers : Customers
        To whom.
    agreed : Quantities
        What is promised.
    partners : Partners
        Lender and insurer.
    """
    tastes = terms.acceptance
    # Not the bill itself, which may be next to nothing for who has PV and a battery.
    bill = np.maximum(customers.annual_kwh * customers.price_per_kwh, 1e-6)
    worth = value_of(terms, agreed, partners, CUSTOMER) / bill
    risk = deviations(terms, agreed, partners, CUSTOMER) / bill if tastes.risk_weight > 0 else np.zeros(bill.size)
    found = tastes.value_weight * worth - tastes.risk_weight * risk + tastes.trust - tastes.hassle
    if not np.isfinite(found).all():
        raise ValueError(f"{terms.title}: the value of a contract is not a number; allowed finite cash flows only")
    at_once = -net(upfront_flows(terms, agreed), CUSTOMER)
    return found, at_once <= tastes.capital_months * customers.income + 1e-9


def decide(offers: Sequence[Offer], uniform: Floats) -> Ints:
    """Return which offer each member signs, by its place, and -1 for none; shape (n,): multinomial logit.

    Parameters
    ----------
    offers : sequence of Offer
        About one asset, to the same members.
    uniform : ndarray of float64, shape (n,)
        One draw a member, from (0, 1).
    """
    n = uniform.size
    utility = np.stack([np.zeros(n), *(offer.utility for offer in offers)], axis=1)
    may = np.stack([np.ones(n, np.bool_), *(offer.may for offer in offers)], axis=1)
    return np.asarray(choose(probabilities(utility, may), uniform) - 1)


def support(offer: Offer, chosen: Ints) -> Floats:
    """Return what the government would pay at signing, shape (m,) [currency].

    Parameters
    ----------
    offer : Offer
        With the quantities agreed.
    chosen : ndarray of int64, shape (m,)
        Places of those who sign.
    """
    q = {name: column[chosen] for name, column in offer.agreed.items()}
    paid = (flow.amount for flow in upfront_flows(offer.terms, q) if flow.payer == "government")
    return np.asarray(sum(paid, np.zeros(chosen.size)))


def within_budget(wanted: Floats, order: Ints, left: float) -> Bools:
    """Return whose support the budget still pays, first come first served, shape (n,).

    Parameters
    ----------
    wanted : ndarray of float64, shape (n,)
        Support of each [currency].
    order : ndarray of int64, shape (n,)
        Who comes first, by place.
    left : float
        Budget [currency].
    """
    paid = np.zeros(wanted.size, np.bool_)
    paid[order] = np.cumsum(wanted[order]) <= left + 1e-9
    return paid | (wanted <= 0)
