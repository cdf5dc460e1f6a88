"""A thousand draws of the cash flows of a contract of each kind, and what a million offers would take.

Usage: python benchmarks/contract_draws.py [DRAWS]
"""

from __future__ import annotations

import sys
import time

import numpy as np

from gridagora.agents.business_models.catalogue import BUSINESS_MODELS
from gridagora.agents.business_models.frame import CUSTOMER, BusinessModel, Customers
from gridagora.agents.business_models.lenders import Bank, Insurer
from gridagora.agents.business_models.life import Partners, life, simulate, values
from gridagora.markets.strategies.draws import Draws

PARTNERS = Partners(Bank(), Insurer())
OFFERS = 10_000


def members(n: int) -> Customers:
    """Return firms of 100 MWh a year that pay 0.70 CNY/kWh, without devices."""
    ones, number = np.ones(n), np.arange(n)
    return Customers(
        population="firms", row=number, number=number, annual_kwh=1e5 * ones, withdrawn_kwh=1e5 * ones,
        price_per_kwh=0.7 * ones, feed_in_per_kwh=0.36, income=1e6 * ones, default_per_year=0.02 * ones,
        credit_score=0 * ones, profile=np.full(n, "G3"), pv_kwh=0 * ones, battery_kwh=0 * ones,
        owns=dict.fromkeys(("pv", "storage", "vehicle", "heat_pump"), number < 0), satisfaction=0 * ones,
        draws=Draws(1, "firms"), vendor_price=1.0,
        meter=lambda pv, battery: (1e5 - 0.8 * pv + 0 * battery, 0.2 * pv),
    )  # fmt: skip


def financed(kind: type[BusinessModel]) -> BusinessModel:
    """Return terms in which everything is at work: debt, subsidy, insurance, damage, tax and inflation."""
    finance = {
        **{"debt_share": 0.5, "subsidy_share": 0.1, "insured": True, "damage_per_year": 0.01},
        **{"tax_rate": 0.25, "tax_exempt_years": 3, "tax_half_years": 3, "inflation": 0.02},
    }
    return kind.model_validate({"population": "firms", "finance": finance})


def main() -> None:
    """Print by kind the time of the draws, and of a customer's value for a member that gets an offer."""
    draws = int(float(sys.argv[1])) if len(sys.argv) > 1 else 1000
    for name, kind in BUSINESS_MODELS.items():
        terms = financed(kind)
        if not terms.is_offered:
            continue
        one, many = (terms.expected(members(n)) for n in (1, OFFERS))
        for agreed in (one, many):
            if "capex" in agreed:
                agreed["debt"] = 0.45 * agreed["capex"]
        simulate(terms, one, PARTNERS, draws, seed=0)
        times = []
        for seed in range(1, 6):
            started = time.perf_counter()
            drawn = simulate(terms, one, PARTNERS, draws, seed)
            times.append(time.perf_counter() - started)
        started = time.perf_counter()
        values(terms, life(terms, many, PARTNERS), CUSTOMER)
        offer = (time.perf_counter() - started) / OFFERS
        took = f"{len(drawn)} parties in {1e3 * np.median(times):.1f} ms"
        print(f"{name}: {draws:,} draws of {terms.life_years} years, {took}; value of an offer {1e6 * offer:.1f} us")


if __name__ == "__main__":
    main()
