"""Tables of microgrids: energies day by day, bills by group, lines of service, shares of the gain, key figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gridagora.agents.business_models.frame import CUSTOMER, Flow, Quantities
from gridagora.agents.business_models.microgrid import MONTHS
from gridagora.agents.microgrid_plant import FLOWS
from gridagora.markets.community.cooperative import in_core, least_core
from gridagora.scenarios.schema import N_DAYS

if TYPE_CHECKING:
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.microgrid_rounds import MicrogridRound, Noted
    from gridagora.scenarios.tables import Columns

#: What counts as nothing in the core of a game, over the whole gain [1].
CORE_TOLERANCE = 1e-9


def day_rows(microgrid: MicrogridRound, record: DayRecord, noted: Noted, outage: tuple[float, float]) -> Columns:
    """Return the energies of a day, and the value of the load of an outage on it and of what then is shed.

    Parameters
    ----------
    microgrid : MicrogridRound
        The microgrid.
    record : DayRecord
        The day.
    noted : Noted
        What a bill needs of it.
    outage : tuple of float
        Value of the load of an outage and of what would be shed of it [currency].
    """
    plant, metered = microgrid.plant, noted.metered
    row = {
        "withdrawn_kwh": metered.withdrawn.sum(),
        "injected_kwh": metered.injected.sum(),
        **{f"{name}_kwh": plant.flows[place].sum() / 1e6 for place, name in enumerate(FLOWS)},
        "import_kwh": np.maximum(metered.outside, 0).sum(),
        "export_kwh": np.maximum(-metered.outside, 0).sum(),
        "heat_kwh": noted.heat_kwh,
        "cold_kwh": noted.cold_kwh,
        "cold_lacking_kwh": plant.dispatch.cold_unserved_kwh.sum(),
        "fuel_kwh": noted.fuel_kwh,
        "planned_import_kwh": plant.dispatch.import_kwh.sum(),
        "outage_load": outage[0],
        "outage_shed": outage[1],
    }
    day = {"day": np.array([record.day.index])}
    return day | {name: np.array([float(value)]) for name, value in row.items()}


def bill_rows(
    microgrid: MicrogridRound, record: DayRecord, members: Quantities, flows: Sequence[Flow], years: float
) -> Columns:
    """Return one row a group for a bill: what it metered, what its retail bill was and what it pays inside.

    Parameters
    ----------
    microgrid : MicrogridRound
        The microgrid.
    record : DayRecord
        The day of the bill.
    members : Quantities
        Of the groups, as yearly rates.
    flows : sequence of Flow
        Between members and operator, as yearly rates.
    years : float
        Time that the bill is for [a].
    """
    n = len(microgrid.groups)
    paid = sum(
        (flow.amount * ((flow.payer == CUSTOMER) - (flow.payee == CUSTOMER)) for flow in flows if not flow.metered),
        np.zeros(n),
    )
    bill = members["market_supplier"] + members["market_grid"] + members["market_government"]
    return {
        "day": np.full(n, record.day.index),
        "population": [group.population.name for group in microgrid.groups],
        "group": [group.name for group in microgrid.groups],
        "members": members["members"].astype(np.int64),
        "withdrawn_kwh": members["withdrawn_kwh"] * years,
        "heat_kwh": members["heat_kwh"] * years,
        "cold_kwh": members["cold_kwh"] * years,
        "retail_bill": bill * years,
        "internal_bill": members["internal"] * years,
        "paid_to_operator": paid * years,
    }


def month_rows(microgrid: MicrogridRound, day: int) -> Columns:
    """Return one row a population for a bill: who was asked, could join and has joined, as of other business models."""
    founding, names = microgrid.founding, list(microgrid.members)
    first = microgrid.bills == 1
    signed = np.array([len(microgrid.members[name]) for name in names], np.int64)
    counts = {"eligible": founding.eligible, "reached": founding.reached}
    columns: Columns = {
        "business_model": [microgrid.name] * len(names),
        "population": names,
        "month": np.full(len(names), round(microgrid.years * MONTHS)),
        "day": np.full(len(names), day),
    }
    columns |= {name: np.array([given[each] * first for each in names]) for name, given in counts.items()}
    columns |= {"signed": signed * first} | {name: np.zeros_like(signed) for name in ("ended", "defaulted", "left")}
    return columns | {"running": signed}


def line_rows(microgrid: MicrogridRound) -> Columns:
    """Return one row a line of service: investment, fees, costs with their part of the staff, hours and result."""
    terms, expected = microgrid.terms, microgrid.founding.expected
    names = list(microgrid.by_line)
    fees, costs, hours = np.array([microgrid.by_line[name] for name in names]).T
    return {
        "line": names,
        "investment": np.array([float(terms.investment(expected, name)[0]) for name in names]),
        "fees": fees,
        "costs": costs,
        "staff_hours": hours,
        "result": fees - costs,
    }


def share_rows(microgrid: MicrogridRound) -> Columns:
    """Return one row a group, and the plant: bill by itself, Shapley value, share of the least core, payment inside."""
    alone, gain, internal = microgrid.shared
    return {
        "group": [*(group.name for group in microgrid.groups), "plant"],
        "alone": alone,
        "gain": gain,
        "least_core": least_core(microgrid.values).share,
        "internal": internal,
    }


def lost_revenue(microgrid: MicrogridRound) -> dict[str, float]:
    """Return what members would have paid to each creditor less what comes over the connection [currency]."""
    q = {name: float(value[0]) for name, value in microgrid.sums.items()}
    return {
        "supplier": q["market_supplier"] - q["pcc_energy"] + q["pcc_export"],
        "grid_company": q["market_grid"] - q["pcc_network"] - microgrid.power,
        "government": q["market_government"] - q["pcc_levy"],
    }


def figures(microgrid: MicrogridRound, currency: str) -> Columns:
    """Return the key figures: figure, scope, value, unit.

    Parameters
    ----------
    microgrid : MicrogridRound
        The microgrid.
    currency : str
        Of the scenario.
    """
    terms, years = microgrid.terms, microgrid.years
    kwh, q = microgrid.physical, microgrid.contracts.true
    used, made = kwh["withdrawn_kwh"] + kwh["chiller_kwh"], sum(kwh[f"{n}_kwh"] for n in ("pv", "wind", "chp"))
    withdrawn = q["withdrawn_kwh"][0]
    fees = sum(fee[0] for fee in terms.line_fees(q).values())
    bill = q["market_supplier"][0] + q["market_grid"][0] + q["market_government"][0]
    outages = terms.island.outages_per_year * years * (kwh["outage_load"] - kwh["outage_shed"]) / (years * N_DAYS)
    hours = sum(float(terms.hours(q, name)[0]) for name in microgrid.by_line)
    room = terms.staff.number * terms.staff.hours_per_year
    gain, values = microgrid.shared[1], microgrid.values
    price = f"{currency}/kWh"
    rows: list[tuple[str, str, float, str]] = [
        ("members", name, float(len(held)), "1") for name, held in microgrid.members.items()
    ]
    rows += [
        ("self_sufficiency", "microgrid", 1 - _ratio(kwh["import_kwh"], used), "1"),
        ("self_consumption", "microgrid", 1 - _ratio(kwh["export_kwh"], made + kwh["injected_kwh"]), "1"),
        ("levelised_cost", "microgrid", terms.levelised_cost(q), price),
        ("internal_price", "microgrid", _ratio(q["internal"][0] + fees, withdrawn), price),
        ("grid_price", "microgrid", _ratio(bill, withdrawn), price),
        *(("lost_revenue", party, lost, currency) for party, lost in lost_revenue(microgrid).items()),
        ("shared_gain", "microgrid", float(values[-1]), currency),
        ("shapley_in_core", "microgrid", float(in_core(gain, values, CORE_TOLERANCE * max(1.0, values[-1]))), "1"),
        ("island_value", "microgrid", outages, currency),
        ("outage_load_served", "microgrid", 1 - _ratio(kwh["outage_shed"], kwh["outage_load"]), "1"),
        ("staff_use", "microgrid", _ratio(hours, room), "1"),
        ("mean_monthly_peak", "microgrid", float(q["peak_kw"][0]), "kW"),
        ("co2_of_fuel", "microgrid", kwh["fuel_kwh"] * terms.heat.co2_kg_per_kwh, "kg"),
    ]  # fmt: skip
    columns: dict[str, Any] = dict(zip(("figure", "scope", "value", "unit"), zip(*rows, strict=True), strict=True))
    return {
        "business_model": [microgrid.name] * len(rows),
        **{name: list(values) for name, values in columns.items() if name != "value"},
        "value": np.array(columns["value"], np.float64),
    }


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")
