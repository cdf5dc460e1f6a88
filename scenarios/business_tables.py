"""Tables of a run about its business models: contracts, cash by party, worth, risk, canvas, who pays whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gridagora.agents.business_models.contracts import NO_DAY, STATUS
from gridagora.agents.business_models.life import (
    coverage,
    discount,
    life,
    net,
    parties,
    simulate,
    worth,
)
from gridagora.sim.finance import conditional_value_at_risk, probability_of_loss, value_at_risk
from gridagora.sim.ledger import role_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridagora.agents.business_models.frame import BusinessModel, Flow, Quantities
    from gridagora.scenarios.business_operation import Operation
    from gridagora.scenarios.tables import Columns

#: Draws of the cash flow of one contract.
DRAWS = 1000
PERCENTILES = (5, 25, 50, 75, 95)


def business_tables(operations: Sequence[Operation], seed: int) -> dict[str, Columns]:
    """Return the tables on contracts that were signed; none where there are none.

    Parameters
    ----------
    operations : sequence of Operation
        Of a run, finished.
    seed : int
        Of the scenario.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for operation in operations:
        if not len(operation.contracts):
            continue
        for basis, quantities in (("agreed", operation.contracts.agreed), ("true", operation.contracts.true)):
            flows = life(operation.terms, quantities, operation.partners)
            rows.setdefault("business_cash", []).extend(_cash(operation.terms, basis, flows))
            rows.setdefault("business_worth", []).extend(_worth(operation.terms, basis, flows))
        risk, fan = _risk(operation, seed)
        rows.setdefault("business_risk", []).extend(risk)
        rows.setdefault("business_fan", []).extend(fan)
    return {name: columns_of(found) for name, found in rows.items()}


def canvas_tables(models: Sequence[BusinessModel], ledger: pd.DataFrame) -> dict[str, Columns]:
    """Return the canvas of every business model with amounts from the books, who bears its risks, and who paid whom.

    Parameters
    ----------
    models : sequence of BusinessModel
        Of the scenario.
    ledger : pandas.DataFrame
        Rows payer, payee, account, business_model, amount [currency] of the whole run.
    """
    if not models:
        return {}
    filled = [
        terms.canvas.realised(terms.books(ledger), terms.provider).assign(business_model=terms.title)
        for terms in models
    ]
    canvas = pd.concat(filled, ignore_index=True)
    risks = [
        {"business_model": terms.title, "risk": risk, "bearer": bearer}
        for terms in models
        for risk, bearer in terms.risk_bearers.items()
    ]
    tables: dict[str, Columns] = {
        "canvas": {"business_model": canvas["business_model"].to_list()}
        | {name: canvas[name].to_list() for name in ("block", "label", "entry", "maps_to")}
        | {"amount": canvas["amount"].to_numpy()},
        "stakeholders": stakeholders(ledger),
    }
    return tables | ({"risk_bearers": columns_of(risks)} if risks else {})


def stakeholders(ledger: pd.DataFrame) -> Columns:
    """Return who paid whom over the whole run, by role and business model.

    Parameters
    ----------
    ledger : pandas.DataFrame
        Rows payer, payee, business_model, amount [currency].
    """
    named = ledger.assign(payer=ledger["payer"].map(role_of), payee=ledger["payee"].map(role_of))
    total = named.groupby(["payer", "payee", "business_model"], sort=True)["amount"].sum().reset_index()
    return {name: total[name].to_list() for name in ("payer", "payee", "business_model")} | {
        "amount": total["amount"].to_numpy()
    }


def contract_rows(operations: Sequence[Operation]) -> Columns:
    """Return one row a business contract, with the columns of the contract book and four more."""
    columns: dict[str, list[Any]] = {}
    for operation in operations:
        for name, column in _contract_columns(operation).items():
            columns.setdefault(name, []).extend(column)
    return columns if columns.get("contract") else {}


def _contract_columns(operation: Operation) -> dict[str, list[Any]]:
    held, terms = operation.contracts, operation.terms
    n, numbers, first = len(held), held.number.tolist(), held.first_day.tolist()
    contracts = [
        f"{operation.name}:{terms.population}:{number}:{day}" for number, day in zip(numbers, first, strict=True)
    ]
    return {
        "contract": contracts,
        "kind": [terms.kind] * n,  # type: ignore[attr-defined]
        "party": [f"{terms.population}:{number}" for number in numbers],
        "counterparty": [terms.provider] * n,
        "first_day": first,
        "last_day": [None if last == NO_DAY else last for last in held.last_day.tolist()],
        "terms": _as_json(held.agreed, n),
        "business_model": [operation.name] * n,
        "status": [STATUS[status] for status in held.status.tolist()],
        "paid": (held.paid / 1e6).tolist(),
        "received": (held.received / 1e6).tolist(),
    }


def _as_json(quantities: Quantities, n: int) -> list[str]:
    """Return the quantities of each contract as a JSON object with sorted keys, values to six digits."""
    names = sorted(quantities)
    rows = [[round(value, 6) for value in quantities[name].tolist()] for name in names]
    if not all(np.isfinite(quantities[name]).all() for name in names):
        return [json.dumps(dict(zip(names, row, strict=True))) for row in zip(*rows, strict=True)]
    frame = "{" + ", ".join(f"{json.dumps(name)}: %r" for name in names) + "}"
    return [frame % row for row in zip(*rows, strict=True)] if names else ["{}"] * n


def _cash(terms: BusinessModel, basis: str, flows: Sequence[Flow]) -> list[dict[str, Any]]:
    rows = []
    for party in parties(flows):
        total, posted = (net(flows, party, metered).sum(axis=0) for metered in (True, False))
        rows += [
            {
                "business_model": terms.title,
                "basis": basis,
                "party": party,
                "year": year,
                "amount": float(total[year]),
                "through_bills": float(total[year] - posted[year]),
            }
            for year in range(total.size)
        ]
    return rows


def _worth(terms: BusinessModel, basis: str, flows: Sequence[Flow]) -> list[dict[str, Any]]:
    summed = [flow._replace(amount=flow.amount.sum(axis=0, keepdims=True)) for flow in flows]
    rows = []
    for party in parties(flows):
        rate = discount(terms, party)
        least = float(coverage(summed)[0]) if party == "provider" else float("nan")
        found = worth(net(summed, party)[0], rate, least)
        values = {name: getattr(found, name) for name in found.__slots__}
        rows.append({"business_model": terms.title, "basis": basis, "party": party, "discount_rate": rate, **values})
    return rows


def _risk(operation: Operation, seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return risk and fan of one contract of mean size [currency]."""
    held, terms = operation.contracts, operation.terms
    mean = {name: np.array([column.mean()]) for name, column in held.true.items()}
    hazard = float(operation.watch.default_per_year(terms.risk.default_per_year)[held.row].mean())
    risk, fan = [], []
    for party, cash in simulate(terms, mean, operation.partners, DRAWS, seed, hazard).items():
        named = {"business_model": terms.title, "party": party}
        value = cash @ (1 + discount(terms, party)) ** -np.arange(cash.shape[1], dtype=np.float64)
        risk.append(
            {
                **named,
                "npv_mean": float(value.mean()),
                "npv_sd": float(value.std(ddof=1)),
                "probability_of_loss": probability_of_loss(value),
                "value_at_risk_5": value_at_risk(value),
                "cvar_5": conditional_value_at_risk(value),
            }
        )
        spread = np.percentile(cash.cumsum(axis=1), PERCENTILES, axis=0)
        fan += [
            {**named, "year": year, **{f"p{p}": float(spread[i, year]) for i, p in enumerate(PERCENTILES)}}
            for year in range(cash.shape[1])
        ]
    return risk, fan


def columns_of(rows: Sequence[dict[str, Any]]) -> Columns:
    """Return rows as columns.

    Parameters
    ----------
    rows : sequence of dict
        At least one, all with the same keys.
    """
    return {name: [row[name] for row in rows] for name in rows[0]}
