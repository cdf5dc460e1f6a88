"""Which tables a finished run has, told before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gridagora.scenarios.load import Scenario

#: Tables that every run ends with.
_CLOSING = (
    *("bill_distribution", "bills", "contracts", "cost_causation", "flows", "kpis", "ledger", "member_bills", "plants"),
    "profit",
)
#: Tables that members' decisions at month ends add, by section of a population.
_MONTHLY = {
    **{"choice": "choices", "satisfaction": "satisfaction", "consent": "consent", "credit": "arrears"},
    **{"green_power": "certificates", "retrofit": "retrofits"},
}


def expected_tables(scenario: Scenario) -> list[str]:
    """Return the tables that a finished run of the scenario has; auction tables only where something was traded."""
    names = ["intervals", *_CLOSING]
    groups = scenario.groups.values()
    names += [table for section, table in _MONTHLY.items() if any(getattr(each, section, None) for each in groups)]
    if scenario.outputs.members:
        names.append("members")
    representative = scenario.time.representative_days
    if representative is not None and representative.simulated_years > 1:
        names.append("years")
    if scenario.adoption is not None:
        names.append("adoption")
    names += [name for name in ("pricing", "tariff_rounds") if getattr(scenario, name) is not None]
    names += {"dc": ["areas", "lines"], "transport": ["areas", "lines"], "lin_dist_flow": ["auction_areas"]}.get(
        scenario.network.kind, []
    )
    if scenario.business_models:
        names += ["canvas", "risk_bearers", "stakeholders"]
    if any(terms.is_offered for terms in scenario.business_models):
        names.append("business_months")
    if scenario.market.online:
        names += ["auction_audit", "trades"]
    if scenario.market.online and scenario.outputs.curve:
        names.append("auction_curve")
    return sorted(names)
