"""A plant that makes things: its lines, its day, what a plan is worth and what an outage costs (model.md A2.1).

Energies are in kWh and outputs in units a settlement period.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.agents.devices import refuse_outside
from gridagora.sim.bounds import within

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ProductionLine:
    """A line that makes one product.

    Parameters
    ----------
    rate : float
        Most output [unit/h].
    energy : float
        Specific energy [kWh/unit].
    margin : float
        Earned on each unit shipped, electricity apart [currency/unit].
    stock : float
        Most units in store.
    minimum_rate : float
        Least output while it runs over the most [1].
    start_cost : float
        Of each start [currency].
    overtime_cost : float
        Of each unit that the crew on shift does not make, wage over rate [currency/unit].
    holding_cost : float
        Of each unit that the store holds more or less than in the morning, for an hour [currency/(unit h)].

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    rate: float
    energy: float
    margin: float
    stock: float = 0.0
    minimum_rate: float = 0.0
    start_cost: float = 0.0
    overtime_cost: float = 0.0
    holding_cost: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rate", "energy"):
            refuse_outside("production line", name, getattr(self, name), above=True)
        for name in ("margin", "stock", "start_cost", "overtime_cost", "holding_cost"):
            refuse_outside("production line", name, getattr(self, name))
        refuse_outside("production line", "minimum_rate", self.minimum_rate, most=1.0)

    @property
    def is_linear(self) -> bool:
        """Whether it may run at any rate and start for nothing."""
        return self.minimum_rate == 0.0 and self.start_cost == 0.0


@dataclass(frozen=True, slots=True)
class Plant:
    """Lines behind one meter.

    Parameters
    ----------
    lines : tuple of ProductionLine
        At least one.
    demand_charge : float
        Price of each kW by which the day's highest load passes the month's highest so far [currency/kW].
    """

    lines: tuple[ProductionLine, ...]
    demand_charge: float = 0.0

    def __post_init__(self) -> None:
        refuse_outside("plant", "demand_charge", self.demand_charge)
        refuse_outside("plant", "number of lines", len(self.lines), least=1)


@dataclass(frozen=True, slots=True, eq=False)
class ProductionDay:
    """What a day brings to a plant of m lines.

    Parameters
    ----------
    price : array-like, shape (periods,)
        Price of energy, of any sign [currency/kWh].
    orders : array-like, shape (m, periods)
        Units that customers take if they are there; what is not there is lost.
    capacity, crew : array-like, shape (m, periods)
        Units that can be made, 0 outside all shifts, and units that the crew on shift makes without overtime.
    base_kwh : array-like, shape (periods,)
        Load that does not follow production, such as lighting and climate [kWh].
    stock : array-like, shape (m,)
        Units in store in the morning, and again at night.
    peak_kw : float
        Highest load of the month so far [kW].
    """

    price: ArrayLike
    orders: ArrayLike
    capacity: ArrayLike
    crew: ArrayLike
    base_kwh: ArrayLike
    stock: ArrayLike
    peak_kw: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "price", within("price", self.price))
        for name in ("orders", "capacity", "crew", "base_kwh", "stock", "peak_kw"):
            object.__setattr__(self, name, within(name, getattr(self, name), 0.0))
        shapes = {name: np.shape(getattr(self, name)) for name in ("orders", "capacity", "crew")}
        wanted = (np.size(self.stock), np.size(self.price))
        if set(shapes.values()) != {wanted} or np.shape(self.base_kwh) != wanted[1:]:
            raise ValueError(
                f"production day: given {shapes}, base_kwh {np.shape(self.base_kwh)}; allowed (lines, periods) = "
                f"{wanted} as stock and price have them"
            )


def shift_limits(
    line: ProductionLine, periods: int, regular: tuple[float, float], overtime: tuple[tuple[float, float], ...] = ()
) -> tuple[Floats, Floats]:
    """Return capacity and crew of a line by its shifts.

    Parameters
    ----------
    line : ProductionLine
        With its rate.
    periods : int
        Settlement periods of the day.
    regular : tuple of float
        Beginning and end of the regular shift [h], from 0 to 24.
    overtime : tuple of tuple of float
        The same of hours in which overtime is allowed.

    Returns
    -------
    capacity, crew : ndarray of float64, shape (periods,)
        [unit], for :class:`ProductionDay`.

    Raises
    ------
    ValueError
        If a shift does not end after it begins, or not within the day.
    """
    hour = np.arange(periods) * 24.0 / periods
    for begin, end in (regular, *overtime):
        if not 0 <= begin < end <= 24:
            raise ValueError(f"shift: given {begin:g} to {end:g}; allowed hours from 0 to 24 that rise; split others")
    on = [(begin <= hour) & (hour < end) for begin, end in (regular, *overtime)]
    most = line.rate * 24.0 / periods
    return np.where(np.any(on, axis=0), most, 0.0), np.where(on[0], most, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class ProductionPlan:
    """A day's schedule and what it earns.

    Attributes
    ----------
    output, shipped : ndarray of float64, shape (m, periods)
        [unit]
    load_kwh : ndarray of float64, shape (periods,)
        [kWh]
    margin, energy, demand, overtime, starts, holding : float
        Earned on what is shipped, and costs [currency].
    """

    output: Floats
    shipped: Floats
    load_kwh: Floats
    margin: float
    energy: float
    demand: float
    overtime: float
    starts: float
    holding: float

    @property
    def profit(self) -> float:
        """Margin less all costs [currency]."""
        return self.margin - self.energy - self.demand - self.overtime - self.starts - self.holding


def valued(plant: Plant, day: ProductionDay, output: Floats, shipped: Floats) -> ProductionPlan:
    """Return what a schedule earns and costs, whoever made it.

    Parameters
    ----------
    plant : Plant
        Lines and demand charge.
    day : ProductionDay
        Prices and crews.
    output, shipped : ndarray of float64, shape (m, periods)
        [unit]
    """

    def column(name: str) -> Floats:
        return np.array([[getattr(line, name)] for line in plant.lines])

    hours = 24.0 / output.shape[1]
    load = np.asarray(day.base_kwh) + (column("energy") * output).sum(axis=0)
    on = output > 1e-9
    started = on & ~np.column_stack([np.zeros(len(on), bool), on[:, :-1]])
    return ProductionPlan(
        output=output,
        shipped=shipped,
        load_kwh=load,
        margin=float((column("margin") * shipped).sum()),
        energy=float(load @ np.asarray(day.price)),
        demand=plant.demand_charge * max(float(load.max()) / hours - day.peak_kw, 0.0),
        overtime=float((column("overtime_cost") * np.maximum(output - np.asarray(day.crew), 0.0)).sum()),
        starts=float((column("start_cost") * started).sum()),
        holding=float((column("holding_cost") * np.abs(np.cumsum(output - shipped, axis=1))).sum() * hours),
    )


def usual(plant: Plant, day: ProductionDay) -> ProductionPlan:
    """Return the schedule of a plant that looks at no price: each line makes what is ordered when it is ordered.

    Orders above what the crew makes are lost, and so are those below the least rate.
    """
    orders = np.minimum(np.asarray(day.orders), np.minimum(day.crew, day.capacity))
    rate = np.array([[line.rate * line.minimum_rate] for line in plant.lines]) * 24.0 / orders.shape[1]
    made = np.where(orders >= rate, orders, 0.0)
    return valued(plant, day, made, made)


def outage_cost(
    line: ProductionLine, hours: float, in_stock: float = 0.0, restart: float = 0.0, material: float = 0.0
) -> float:
    """Return what a firm loses by a power cut in its working hours (model.md A2.1).

    Parameters
    ----------
    line : ProductionLine
        Line that stands still.
    hours : float
        Length of the cut [h]; none costs nothing.
    in_stock : float
        Units that can be shipped from store meanwhile.
    restart, material : float
        Cost of starting again, and of what is spoilt [currency].

    Returns
    -------
    float
        Margin on what is not made and not in store, restart and material [currency].
    """
    for name, value in (("hours", hours), ("in_stock", in_stock), ("restart", restart), ("material", material)):
        refuse_outside("outage", name, value)
    if hours == 0.0:
        return 0.0
    return line.margin * max(line.rate * hours - in_stock, 0.0) + restart + material
