"""Key figures of business models, from the tables that a run has on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridagora.sim.kpi import Kpi, Record
from gridagora.sim.run_record import column_of

if TYPE_CHECKING:
    import pandas as pd


def business_models(record: Record) -> list[Kpi]:
    """Contracts signed [-], net present values by what really is and its risk [currency, -], by business model."""
    if "business_worth" not in record:
        return []
    unit, months, worth = str(record["meta"]["currency"]), record["business_months"], record["business_worth"]
    true = worth[worth["basis"] == "true"].set_index(["business_model", "party"])["npv"]
    loss = record["business_risk"].set_index(["business_model", "party"])["probability_of_loss"]
    rows = []
    for name in dict.fromkeys(worth["business_model"]):
        signed = float(_of(months, name)["signed"].sum())
        rows.append(Kpi("contracts_signed", name, signed, "1"))
        for party in ("customer", "provider"):
            rows.append(Kpi(f"npv_{party}", name, float(true[name, party]), unit))
            rows.append(Kpi(f"probability_of_loss_{party}", name, float(loss[name, party]), "1"))
    return rows


def microgrids(record: Record) -> list[Kpi]:
    """Key figures of microgrids, such as self-sufficiency [-] and levelised cost [currency/kWh], as in their table."""
    table = record.get("microgrid")
    if table is None:
        return []
    names = ("business_model", "figure", "scope", "value", "unit")
    rows = zip(*(table[name].tolist() for name in names), strict=True)
    return [
        Kpi(f"{title}_{figure}", title if scope == "microgrid" else scope, value, unit)
        for title, figure, scope, value, unit in rows
    ]


def own_generation(record: Record) -> float:
    """Return the generation behind meters [kWh]: PV, or with microgrids, which have other plant, by the balance."""
    if "microgrid" not in record:
        return float(column_of(record, "intervals", "generation_pv_kwh").sum())
    rows = record["intervals"]
    own = rows["consumption_kwh"] + rows["storage_charge_kwh"] - rows["storage_discharge_kwh"]
    if "pool_storage_charge_kwh" in rows:
        own = own - rows["pool_storage_charge_kwh"] + rows["pool_storage_discharge_kwh"]
    return float((own + rows["injection_kwh"] - rows["withdrawal_kwh"]).sum())


def _of(table: pd.DataFrame, business_model: str) -> pd.DataFrame:
    return table[table["business_model"] == business_model]
