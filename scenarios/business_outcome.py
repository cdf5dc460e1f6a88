"""What is kept of a run to compare it with another: balances, key figures, what members paid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.sim.ledger import MICRO_PER_UNIT

if TYPE_CHECKING:
    import pandas as pd

Outcome = Mapping[str, Any]
#: What has a value in a run: measure or key figure, party or scope, and unit.
Measure = tuple[str, str, str]

#: How key figures are called where the difference of two runs says more than their name.
_RENAMED = {"co2": "co2_marginal_factors", "co2_average_factor": "co2_average_factors"}


def outcome_of(result: Mapping[str, pd.DataFrame]) -> Outcome:
    """Return what is kept of a run for a comparison.

    Parameters
    ----------
    result : Result
        A finished run.

    Returns
    -------
    dict
        `parties` and `kpis`, values by measure, scope and unit; `inside`, balances of all parties but ``"outside"``,
        and `outside`, what that has received on net by account, both int [1e-6 currency]; the frames `members` and,
        with contracts, `worth`.
    """
    rows = result["ledger"]
    micro = _micro(rows["amount"]) * (rows["weight"].to_numpy(np.int64) if "weight" in rows else 1)
    rows = rows.assign(micro=micro)
    results = dict(zip(result["profit"]["party"], _micro(result["profit"]["result"]).tolist(), strict=True))
    unit = str(result.manifest["currency"])  # type: ignore[attr-defined]
    kpis = {
        (_RENAMED.get(kpi, kpi), scope, of): float(value)
        for kpi, scope, value, of in zip(*(result["kpis"][c] for c in ("kpi", "scope", "value", "unit")), strict=True)
    }
    parties: dict[Measure, float] = {("result", name, unit): each / MICRO_PER_UNIT for name, each in results.items()}
    for name in dict.fromkeys(result["member_bills"]["population"]):
        bill, comfort = kpis["bill", name, unit], kpis.get(("comfort", name, unit), 0.0)
        contracts = _net(rows[rows["business_model"] != ""], name) / MICRO_PER_UNIT
        parties["bill", name, unit] = bill
        parties["under_contracts", name, unit] = contracts
        if ("comfort", name, unit) in kpis:
            parties["comfort", name, unit] = comfort
        parties["customer_surplus", name, unit] = contracts + comfort - bill
    outside = {account: _net(part, "outside") for account, part in rows.groupby("account")}
    kpis |= _net_load(result["intervals"])
    for name in _RENAMED.values():
        if (name, "system", "kg") in kpis:
            kpis[name, "system", "kg"] += _own_fuel(result.get("microgrid"))
    if "satisfaction" in result:
        for name, part in result["satisfaction"].groupby("population"):
            kpis["satisfaction", str(name), "1"] = float(part["mean"].iloc[-1])
    return {
        "parties": parties,
        "kpis": kpis,
        "inside": sum(each for name, each in results.items() if name != "outside"),
        "outside": outside,
        "members": _members(result),
        "generation_kwh": float(result["plants"]["generation_kwh"].sum()),
        "unit": unit,
        "worth": result.get("business_worth"),
    }


def _net_load(rows: pd.DataFrame) -> dict[Measure, float]:
    """Return peak and load factor of what network and plants have to serve: withdrawal less injection of all areas."""
    rows = rows.assign(net=rows["withdrawal_kwh"] - rows["injection_kwh"])
    load = rows.groupby(["day", "period"])["net"].sum() * rows["period"].nunique() / 24
    weight = rows.groupby(["day", "period"])["weight"].first() if "weight" in rows else np.ones(load.size)
    peak = float(load.max())
    factor = float(np.average(load, weights=weight)) / peak if peak > 0 else float("nan")
    return {("net_peak_load", "system", "kW"): peak, ("net_load_factor", "system", "1"): factor}


def _own_fuel(figures: pd.DataFrame | None) -> float:
    """Return emissions of fuel that operators of microgrids burn, which are no units of the market [kg]."""
    if figures is None:
        return 0.0
    return float(figures["value"][figures["figure"] == "co2_of_fuel"].sum())


def _micro(amounts: pd.Series[float]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.rint(amounts.to_numpy() * MICRO_PER_UNIT).astype(np.int64)


def _net(rows: pd.DataFrame, party: str) -> int:
    """Return what a party receives less what it pays [1e-6 currency]."""
    return int(rows.loc[rows["payee"] == party, "micro"].sum() - rows.loc[rows["payer"] == party, "micro"].sum())


def _members(result: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return what each listed member has paid, under contracts too, by population and number."""
    listed = result["member_bills"]
    names = listed["population"] + ":" + listed["member"].astype(str)
    paid = listed.set_index(names)[["population", "income", "bill"]]
    contracts = result.get("contracts")
    if contracts is not None and "paid" in contracts:
        own = contracts.assign(net=contracts["paid"] - contracts["received"]).groupby("party")["net"].sum()
        paid["bill"] += own.reindex(paid.index).fillna(0.0)
    return paid
