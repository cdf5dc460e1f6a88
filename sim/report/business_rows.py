"""What the tables of a run say about its business models: names, parties, one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

TablesLike = Mapping[str, "pd.DataFrame"]
Floats = NDArray[np.float64]
CUSTOMER, PROVIDER = "customer", "provider"
#: Days of a contract's year [d].
DAYS_A_YEAR = 366.0
#: Tables by business model that a run may have, in the order that names are taken from them.
TABLES = ("canvas", "business_worth", "business_cash", "business_months", "business_risk", "business_fan")


def business_models(tables: TablesLike) -> list[str]:
    """Return the names of a run's business models, in the order of the scenario; empty where it has none.

    Parameters
    ----------
    tables : mapping
        Tables of a run.
    """
    found = (name for table in TABLES if table in tables for name in tables[table]["business_model"])
    return list(dict.fromkeys(str(name) for name in found))


def one_model(tables: TablesLike, business_model: str | None) -> str:
    """Return the name of a business model that a run has; without one, that of the only one.

    Raises
    ------
    KeyError
        If the run has no such business model, or several and none is named.
    """
    names = business_models(tables)
    if not names:
        raise KeyError("this run has no business models: its scenario names none")
    if business_model is None and len(names) == 1:
        return names[0]
    if business_model not in names:
        raise KeyError(f"business_model: given {business_model!r}; allowed: {', '.join(names)}")
    return business_model


def rows_of(tables: TablesLike, table: str, business_model: str | None) -> pd.DataFrame:
    """Return the rows of a table that are about one business model.

    Raises
    ------
    KeyError
        If the run has no such business model, or the table has no rows about it.
    """
    name = one_model(tables, business_model)
    rows = tables.get(table)
    if rows is None or not (rows["business_model"] == name).any():
        raise KeyError(f"this run has no rows of {name} in a table {table!r}: nothing was signed or booked")
    return rows[rows["business_model"] == name]


def has_rows(tables: TablesLike, table: str, business_model: str) -> bool:
    """Tell whether a table is there and has rows about a business model."""
    return table in tables and bool((tables[table]["business_model"] == business_model).any())


def parties_of(tables: TablesLike, business_model: str, role: str) -> list[str]:
    """Return the parties of the books that play a role, none where no table tells.

    Customers are the populations that contracts were offered to; the one provider is who signed them, or else who
    receives most on the accounts of the canvas's revenue streams.

    Parameters
    ----------
    tables : mapping
        Tables of a run.
    business_model : str
        Its name.
    role : str
        ``"customer"``, ``"provider"``, or the name of a party, which stands for itself.
    """
    if role == CUSTOMER:
        known = has_rows(tables, "business_months", business_model)
        named = rows_of(tables, "business_months", business_model)["population"] if known else ()
        return list(dict.fromkeys(str(name) for name in named))
    if role != PROVIDER:
        return [role]
    contracts = tables.get("contracts")
    if contracts is not None and "business_model" in contracts:
        theirs = contracts.loc[contracts["business_model"] == business_model, "counterparty"]
        if len(theirs):
            return [str(theirs.iloc[0])]
    if not (has_rows(tables, "canvas", business_model) and has_rows(tables, "ledger", business_model)):
        return []
    canvas, books = rows_of(tables, "canvas", business_model), rows_of(tables, "ledger", business_model)
    revenue = canvas.loc[canvas["block"] == "R$", "maps_to"].str.split(", ").explode()
    received = books[books["account"].isin(revenue)].groupby("payee")["amount"].sum()
    return [str(received.idxmax())] if len(received) else []


def running_at_end(months: pd.DataFrame) -> int:
    """Return how many contracts of a business model run at the end, all populations together.

    Parameters
    ----------
    months : pandas.DataFrame
        Its rows of `business_months`: population, running.
    """
    return int(months.groupby("population")["running"].last().sum())


def overview(tables: TablesLike) -> pd.DataFrame:
    """Put the business models of a run side by side.

    Parameters
    ----------
    tables : mapping
        Tables of a run.

    Returns
    -------
    pandas.DataFrame
        One row a business model: `business_model`, `signed` and `running` contracts, `provider_npv_agreed`,
        `provider_npv`, `customer_npv` [currency], `payback_years` of the provider [a], `probability_of_loss` of the
        provider [1]; nan where a table is missing. Values without `agreed` are those of the true quantities.
    """
    import pandas as pd

    return pd.DataFrame([_line(tables, name) for name in business_models(tables)])


def _line(tables: TablesLike, name: str) -> dict[str, object]:
    signed, running = np.nan, np.nan
    if has_rows(tables, "business_months", name):
        months = rows_of(tables, "business_months", name)
        signed, running = float(months["signed"].sum()), float(running_at_end(months))
    risk = np.nan
    if has_rows(tables, "business_risk", name):
        risks = rows_of(tables, "business_risk", name).set_index("party")["probability_of_loss"]
        risk = float(risks.get(PROVIDER, np.nan))
    return {
        "business_model": name,
        "signed": signed,
        "running": running,
        "provider_npv_agreed": _worth(tables, name, "agreed", PROVIDER, "npv"),
        "provider_npv": _worth(tables, name, "true", PROVIDER, "npv"),
        "customer_npv": _worth(tables, name, "true", CUSTOMER, "npv"),
        "payback_years": _worth(tables, name, "true", PROVIDER, "payback_years"),
        "probability_of_loss": risk,
    }


def _worth(tables: TablesLike, name: str, basis: str, party: str, column: str) -> float:
    if not has_rows(tables, "business_worth", name):
        return np.nan
    rows = rows_of(tables, "business_worth", name)
    found = rows.loc[(rows["basis"] == basis) & (rows["party"] == party), column]
    return float(found.iloc[0]) if len(found) else np.nan


def booked_cash(tables: TablesLike, business_model: str, role: str) -> tuple[Floats, Floats]:
    """Return what a party received less what it paid so far under a business model.

    Parameters
    ----------
    tables : mapping
        Tables of a run.
    business_model : str
        Its name.
    role : str
        Role or party.

    Returns
    -------
    years : ndarray of float64, shape (k,)
        Time since the run began [a], from 0 to its end; empty where nothing was booked.
    cash : ndarray of float64, shape (k,)
        Sum so far [currency].
    """
    nothing = np.zeros(0)
    parties = parties_of(tables, business_model, role)
    if not parties or not has_rows(tables, "ledger", business_model):
        return nothing, nothing
    books = whole_run(tables, rows_of(tables, "ledger", business_model))
    sign = books["payee"].isin(parties).astype(float) - books["payer"].isin(parties).astype(float)
    by_day = (books["amount"] * sign)[sign != 0].groupby(books["day"]).sum()
    if not len(by_day):
        return nothing, nothing
    length = _day_lengths(tables)
    passed = length.cumsum().reindex(by_day.index).to_numpy() / DAYS_A_YEAR
    end = float(length.sum()) / DAYS_A_YEAR
    return np.array([0.0, *passed, end]), np.array([0.0, *by_day.cumsum(), by_day.sum()])


def _day_lengths(tables: TablesLike) -> pd.Series[float]:
    """Return how many days each simulated day stands for [d], by day."""
    rows = tables["intervals"]
    if "weight" not in rows:
        rows = rows.assign(weight=1.0)
    return rows.groupby("day")["weight"].first().astype(float)


def whole_run(tables: TablesLike, books: pd.DataFrame) -> pd.DataFrame:
    """Return rows of the ledger for the whole horizon: a day counts as often as it stands for others.

    Parameters
    ----------
    tables : mapping
        Tables of a run.
    books : pandas.DataFrame
        Rows of its ledger: day, amount [currency] and others.
    """
    return books.assign(amount=books["amount"] * books["day"].map(_day_lengths(tables)))
