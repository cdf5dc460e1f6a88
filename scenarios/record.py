"""The recorder: takes each day's rows and, at the end, the tables of the whole run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridagora.scenarios import tables
from gridagora.scenarios.appliance_rows import appliance_rows
from gridagora.scenarios.business_rounds import operations_of
from gridagora.scenarios.business_tables import business_tables, canvas_tables, contract_rows
from gridagora.scenarios.grid_tables import grid_tables
from gridagora.scenarios.member_bills import CostCausation, member_bills, used_quanta
from gridagora.scenarios.microgrid_rounds import microgrids_of
from gridagora.scenarios.tables import Columns, units_of
from gridagora.scenarios.years import YearMarks
from gridagora.sim.ledger import role_of
from gridagora.sim.run_record import RunRecord, as_frame

if TYPE_CHECKING:
    from gridagora.agents.population import Population
    from gridagora.scenarios.business_operation import Operation
    from gridagora.scenarios.day_record import DayRecord
    from gridagora.scenarios.simulation import Simulation
    from gridagora.sim.results import ResultWriter, TableWriter

#: Rows of a finished part on disk.
ROWS_PER_PART = 50_000


class Recorder:
    """Keeps the tables of a run in memory, and writes them where a writer is given.

    Parameters
    ----------
    writer : ResultWriter, optional
        Folder of the run. With it, tables that grow with members and periods go to disk only.
    figures_only : bool
        Leave out what key figures do not need, as points of a sweep do.
    """

    def __init__(self, writer: ResultWriter | None = None, figures_only: bool = False) -> None:
        self.writer = writer
        self.figures_only = figures_only
        self.kept: defaultdict[str, list[Columns]] = defaultdict(list)
        self.open_tables: dict[str, TableWriter] = {}
        self.currency = ""
        self.billed: dict[str, NDArray[np.int64]] = {}
        self.used: dict[str, NDArray[np.int64]] = {}
        self.causation = CostCausation()
        self.bill_rows: dict[tuple[str, str, str, str], list[float]] = {}
        self.curve: tuple[int, Columns] | None = None
        self.marks = YearMarks()

    def open(self, currency: str) -> None:
        """Note the currency of the run, before the first day."""
        self.currency = currency

    def sampled(self, samples: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
        """Return the members that are watched every period, of those that the scenario samples, by population."""
        return {name: rows[:0] for name, rows in samples.items()} if self.figures_only else samples

    def append(self, name: str, columns: Columns, *, keep: bool) -> None:
        """Add rows to a growing table.

        Parameters
        ----------
        name : str
            Name of the table.
        columns : dict
            Columns of equal length.
        keep : bool
            Keep the rows in memory even where they are written.
        """
        if not len(next(iter(columns.values()))):
            return
        if keep or (self.writer is None and not self.figures_only):
            self.kept[name].append(columns)
        if self.writer is not None:
            if name not in self.open_tables:
                units = units_of(columns, self.currency)
                self.open_tables[name] = self.writer.open_table(name, units, ROWS_PER_PART)
            self.open_tables[name].append(columns)

    def day(self, model: Simulation, record: DayRecord) -> None:
        """Take the rows of a day."""
        weight = {} if model.parts.horizon.is_whole else {"weight": record.weight}
        if model.calendar.years > 1:
            weight["year"] = record.day.year + 1
            generated = [unit.generation_kwh for unit in model.parts.units]
            self.marks.note(record.day.year, self.bill_rows, generated)
        self.causation.note(record)
        self.append("intervals", _with(weight, tables.interval_rows(model, record)), keep=True)
        if self.figures_only:
            return
        for name, columns in grid_tables(model, record).items():
            self.append(name, _with(weight, columns), keep=False)
        for entry in record.populations:
            if entry.sample.size:
                self.append("members", _with(weight, tables.member_rows(record, entry)), keep=False)
                if model.scenario.outputs.appliances:
                    self.append("appliances", _with(weight, appliance_rows(record, entry)), keep=False)
        if model.scenario.market.online:
            self.append("trades", _with(weight, tables.trade_rows(model, record)), keep=False)
            rows = record.auctions.audit.rows()
            rows = {"day": np.full(len(rows["period"]), record.day.index), **rows}
            self.append("auction_audit", _with(weight, rows), keep=False)
            self._keep_largest_curve(model, record)

        if record.day.is_month_end:
            for table in self.open_tables.values():
                table.flush()  # a killed run keeps its months

    def _keep_largest_curve(self, model: Simulation, record: DayRecord) -> None:
        largest = record.auctions.largest
        if not model.scenario.outputs.curve or largest is None:
            return
        period, curves = largest
        volume = int(record.auctions.volume[period])
        if self.curve is not None and volume <= self.curve[0]:
            return
        market, auctions = model.scenario.market, record.auctions
        side, tick = np.nonzero(curves)
        n = side.size
        self.curve = (
            volume,
            {
                "side": [("buy", "sell")[s] for s in side],
                "price": market.floor_per_kwh + market.tick_per_kwh * tick,
                "quantity_kwh": tables.kwh(curves[side, tick]),
                "day": np.full(n, record.day.index),
                "period": np.full(n, period),
                "clearing_price": np.full(n, auctions.price[period]),
                "clearing_price_low": np.full(n, auctions.low[period]),
                "clearing_price_high": np.full(n, auctions.high[period]),
            },
        )

    def bill(self, population: Population, weight: int = 1) -> None:
        """Issue the bills of a population and add them to the totals, so many times as their days count."""
        self.billed[population.name] = self.billed.get(population.name, 0) + population.bills * weight
        self.used[population.name] = self.used.get(population.name, 0) + used_quanta(population) * weight
        for issued in population.close_month():
            key = (population.name, issued.offer, issued.line.name, issued.unit)
            row = self.bill_rows.setdefault(key, [0.0, 0.0])
            row[0] += issued.quantity * weight
            row[1] += issued.amount * weight

    def record(self, model: Simulation, meta: Mapping[str, Any]) -> RunRecord:
        """Return all tables of a finished run, none of them made yet but those of business models.

        Parameters
        ----------
        model : Simulation
            The run.
        meta : mapping
            What key figures need besides tables.
        """
        growing = {name: partial(self.kept.__getitem__, name) for name in self.kept}
        closing = {name: partial(_alone, make) for name, make in self._closing(model).items()}
        return RunRecord({**growing, **closing}, meta)

    def finish(self, model: Simulation) -> dict[str, Columns]:
        """Return the tables of the whole run, by name."""
        made = {name: make() for name, make in self._closing(model).items()}
        return {name: columns for name, columns in made.items() if len(next(iter(columns.values())))}

    def _closing(self, model: Simulation) -> dict[str, Callable[[], Columns]]:
        """Return what makes each table of the whole run."""
        operations = operations_of(model)
        closing: dict[str, Callable[[], Columns]] = {
            "ledger": partial(_ledger, model),
            "bills": self._bills,
            "bill_distribution": partial(self._distribution, model),
            "member_bills": partial(member_bills, model, self.billed, self.used),
            "cost_causation": self.causation.table,
            "flows": partial(_flows, model),
            "contracts": partial(_contracts, model, operations),
            "plants": partial(_plants, model),
            "profit": partial(_profit, model),
        }
        made: dict[str, Columns] = {} if self.curve is None else {"auction_curve": self.curve[1]}
        if models := model.scenario.business_models:
            made |= business_tables([*operations, *microgrids_of(model)], model.scenario.seed)
            paid = _paid(model)
            made |= canvas_tables(models, paid.assign(amount=paid["amount_micro"] / 1e6))
        return closing | {name: partial(dict, columns) for name, columns in made.items()}

    def frame(self, name: str) -> pd.DataFrame:
        """Return the kept rows of a growing table."""
        frame: pd.DataFrame = as_frame(self.kept[name])
        return frame

    def _distribution(self, model: Simulation) -> Columns:
        rows: list[tuple[str, float, float, int]] = []
        for population in model.populations:
            bills = self.billed[population.name] / 1e6
            count, edges = np.histogram(bills, bins=min(40, max(1, len(population) // 5)))
            rows += [
                (population.name, float(low), float(high), int(n))
                for low, high, n in zip(edges[:-1], edges[1:], count, strict=True)
            ]
        names = ("population", "low", "high", "members")
        return {name: [row[i] for row in rows] for i, name in enumerate(names)}

    def _bills(self) -> Columns:
        keys = list(self.bill_rows)
        quantity, amount = (np.array([self.bill_rows[key][i] for key in keys]) for i in (0, 1))
        with np.errstate(invalid="ignore", divide="ignore"):
            price = np.where(quantity > 0, amount / quantity, np.nan)
        return {
            "population": [key[0] for key in keys],
            "tariff": [key[1] for key in keys],
            "line": [key[2] for key in keys],
            "quantity": quantity,
            "unit": [key[3] for key in keys],
            "price": price,
            "amount": amount,
        }


def _with(values: dict[str, int], columns: Columns) -> Columns:
    """Return rows with further columns of one value each."""
    return {**columns, **{name: np.full(len(columns["day"]), value) for name, value in values.items()}}


def _alone(make: Callable[[], Columns]) -> list[Columns]:
    """Return a table of the whole run, which is made in one."""
    return [make()]


def _ledger(model: Simulation) -> Columns:
    """Return the book of the simulated days, each posted once."""
    rows, horizon = model.ledger.columns(), model.parts.horizon
    columns: Columns = {name: rows[name] for name in rows if name != "amount_micro"}
    columns["amount"] = rows["amount_micro"] / 1e6
    if model.calendar.years > 1:
        columns["year"] = np.array(rows["day"]) // model.calendar.days + 1
    return columns if horizon.is_whole else {**columns, "weight": horizon.weight_of(rows["day"])}


def _contracts(model: Simulation, operations: Sequence[Operation]) -> Columns:
    """Return all contracts: of supply, then of business models."""
    book = model.contracts.frame()
    contracts: Columns = {str(name): values for name, values in book.to_dict("list").items()}
    if model.scenario.business_models:
        for name, columns in contract_rows(operations).items():
            nothing = np.nan if isinstance(columns[0], float) else None
            whole = [*contracts.get(name, [nothing] * len(book)), *columns]
            contracts[name] = pd.array(whole, "Int64") if name == "last_day" else whole
    return contracts


def _paid(model: Simulation) -> pd.DataFrame:
    """Return the book with every amount as often as its day counts."""
    frame = model.ledger.frame()
    return frame.assign(amount_micro=frame["amount_micro"] * model.parts.horizon.weight_of(frame["day"]))


def _flows(model: Simulation) -> Columns:
    """Money between roles from the ledger, energy between roles from the bills' side of it (model.md P12)."""
    frame = _paid(model)
    frame = frame.assign(source=frame["payer"].map(role_of), target=frame["payee"].map(role_of))
    names = ["source", "target", "account", "business_model"]
    frame = frame.groupby(names)["amount_micro"].sum().reset_index()
    return {
        "kind": ["capital"] * len(frame),
        "source": frame["source"].to_list(),
        "target": frame["target"].to_list(),
        "label": frame["account"].to_list(),
        "amount": frame["amount_micro"].to_numpy(np.int64) / 1e6,
        "unit": [model.scenario.currency] * len(frame),
    }


def _plants(model: Simulation) -> Columns:
    units = model.parts.units
    return {
        "plant": [unit.name for unit in units],
        "fuel": [unit.fuel for unit in units],
        "capacity_kw": np.array([unit.capacity_kw for unit in units]),
        "cost_per_kwh": np.array([unit.cost_per_kwh for unit in units]),
        "co2_kg_per_kwh": np.array([unit.co2_kg_per_kwh for unit in units]),
        "generation_kwh": np.array([unit.generation_kwh for unit in units]),
    }


def _profit(model: Simulation) -> Columns:
    frame = _paid(model)
    revenue = frame.groupby("payee")["amount_micro"].sum()
    cost = frame.groupby("payer")["amount_micro"].sum()
    parties = sorted(set(revenue.index) | set(cost.index))
    earned = np.array([int(revenue.get(party, 0)) for party in parties])
    paid = np.array([int(cost.get(party, 0)) for party in parties])
    result: dict[str, Any] = {"party": parties, "revenue": earned / 1e6, "cost": paid / 1e6}
    return {**result, "result": (earned - paid) / 1e6}
