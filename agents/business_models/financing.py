"""Loans, subsidies, insurance and taxes around a contract, as flows like its own (model.md D0, A8, A9)."""

from __future__ import annotations

import numpy as np

from gridagora.agents.business_models.frame import PROVIDER, Age, BusinessModel, Floats, Flow, Quantities
from gridagora.agents.business_models.lenders import Bank, Insurer
from gridagora.sim.finance import annuity

LOAN, DEBT_SERVICE, SUBSIDY, TAX = "loan", "debt_service", "subsidy", "tax"
PREMIUM, CLAIM, REPLACEMENT = "insurance_premium", "insurance_claim", "replacement"


def upfront_flows(model: BusinessModel, q: Quantities) -> list[Flow]:
    """Return all flows at signing: the contract's own, the loan and the subsidy [currency].

    Parameters
    ----------
    model : BusinessModel
        The terms.
    q : Quantities
        With `capex`, where the provider invests; `debt` is what the bank lends.
    """
    flows = model.upfront(q)
    if "capex" in q:
        flows.append(Flow("government", PROVIDER, SUBSIDY, model.finance.subsidy_share * q["capex"]))
        flows.append(Flow("bank", PROVIDER, LOAN, _debt(q), nominal=True))
    return flows


def yearly_flows(
    model: BusinessModel, q: Quantities, age: Age, bank: Bank | None, insurer: Insurer | None
) -> list[Flow]:
    """Return all flows of a contract's year: its own, debt service, insurance, replacement, tax [currency/a].

    Parameters
    ----------
    model : BusinessModel
        The terms.
    q : Quantities
        Expected or metered; `damaged` counts damages in place of their probability.
    age : int or ndarray of int64, shape (n,)
        Full years under contract.
    bank, insurer : Bank, Insurer or None
        Where the scenario has them.
    """
    flows, terms = model.yearly(q, age), model.finance
    if "capex" not in q:
        return [*flows, *_tax(model, flows, np.zeros(1), age)]
    in_term = np.asarray(age) < model.term_years
    capex, interest = q["capex"], np.zeros(q["capex"].shape)
    if terms.damage_per_year > 0:
        damaged = q.get("damaged", np.full(capex.shape, terms.damage_per_year)) * in_term
        flows.append(Flow(PROVIDER, "vendor", REPLACEMENT, damaged * capex))
        if terms.insured and insurer is not None:
            premium = terms.damage_per_year * insurer.cover * (1 + insurer.loading) * capex * in_term
            flows.append(Flow(PROVIDER, "insurer", PREMIUM, premium))
            flows.append(Flow("insurer", PROVIDER, CLAIM, damaged * capex * insurer.cover))
    if terms.debt_share > 0 and bank is not None:
        service, interest = debt_service(_debt(q), bank, age, model.term_years)
        flows.append(Flow(PROVIDER, "bank", DEBT_SERVICE, service, stays=True, nominal=True))
    return [*flows, *_tax(model, flows, interest, age, capex)]


def debt_service(debt: Floats, bank: Bank, age: Age, most_years: int = 50) -> tuple[Floats, Floats]:
    """Return what is due to a bank in a year, and the part of it that is interest, shape (n,) each [currency/a].

    Parameters
    ----------
    debt : ndarray of float64, shape (n,)
        Amount lent [currency].
    bank : Bank
        Its rate and tenor.
    age : int or ndarray of int64, shape (n,)
        Full years since then.
    most_years : int
        What limits its tenor: the term of the contract that pays it back [a].
    """
    rate, tenor = bank.rate_per_year, min(bank.tenor_years, most_years)
    due = np.asarray(age) < tenor
    payment = annuity(1.0, rate, tenor)
    # Balance after k payments: what the remaining ones are worth.
    left = tenor - np.minimum(np.asarray(age), tenor)
    owed = payment * (-np.expm1(-left * np.log1p(rate)) / rate if rate else left)
    return debt * payment * due, debt * owed * rate * due


def _debt(q: Quantities) -> Floats:
    return q.get("debt", np.zeros(q["capex"].shape))


def _tax(
    model: BusinessModel, flows: list[Flow], interest: Floats, age: Age, capex: Floats | None = None
) -> list[Flow]:
    """Return the tax on the provider's profit; a loss earns a credit at the same rate, as in :mod:`sim.finance`.

    It is over with the term, by when all is written off, as the Chinese rules for energy services have it. Interest and
    what is written off do not rise with prices.
    """
    terms = model.finance
    if terms.tax_rate == 0 or not flows:
        return []
    year = np.asarray(age)
    free, half = terms.tax_exempt_years, terms.tax_exempt_years + terms.tax_half_years
    rate = terms.tax_rate * np.where(year < free, 0.0, np.where(year < half, 0.5, 1.0)) * (year < model.term_years)
    years = min(terms.depreciation_years, model.term_years)
    written_off = 0.0 if capex is None else capex * (1 - terms.subsidy_share) / years * (year < years)
    own = [flow for flow in flows if not flow.metered and flow.account != DEBT_SERVICE]
    profit = sum((flow.amount for flow in own if flow.payee == PROVIDER), np.zeros(1))
    profit = profit - sum((flow.amount for flow in own if flow.payer == PROVIDER), np.zeros(1))
    deducted = (interest + written_off) / (1 + terms.inflation) ** (year + 1.0)
    return [Flow(PROVIDER, "government", TAX, rate * (profit - deducted))]
