"""Least-cost day of a microgrid behind one point of common coupling (model.md D6): built once, solved for every day.

PV, wind, battery, combined heat and power with a boiler, chillers with a cold store, and exchange with the grid serve
the members' load, their heat and their cooling. In periods without the grid, and beyond the connection, load is shed at
its value. The linear program is solved first. Where a store or the connection would run both ways at once, a second
model is, in which those periods, and only those, have a binary, until none does (a relaxation that keeps to one way is
optimal with it too), or until the best plan of `WHOLE`'s nodes does so nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyomo.environ as pyo

from gridagora.markets.community.microgrid_day import Dispatch, Equipment, MicrogridDay
from gridagora.markets.orders import FloatArray
from gridagora.markets.solver import PersistentSolver

#: Energies below are taken for rounding of the solver [kWh].
_TINY = 1e-6
#: Variables by period, and the fields of a dispatch that they fill.
FLOWS = (
    *("import", "export", "pv", "wind", "chp", "boiler_heat", "charge", "discharge", "stored"),
    *("cold_direct", "cold_charge", "cold_discharge", "cold_stored", "cold_unserved", "spilled"),
)
#: Pairs that exclude each other, and the binary that keeps them apart.
_PAIRS = (("import", "export"), ("charge", "discharge"), ("cold_charge", "cold_discharge"))
#: Variables whose upper bounds are a day's.
LIMITED = ("import", "export", "pv", "wind", "spilled", "shed")
#: Variables that balance a day whose stores rest, and those that cost nothing.
SUPPLY, FREE = ("import", "boiler_heat", "cold_direct", "stored", "cold_stored"), ("pv", "wind")
#: Options of HiGHS for the linear program, whose coefficients need no scaling: simplex, weighing edges by devex.
PLAIN: dict[str, Any] = {"solver": "simplex", "presolve": "off"}
PLAIN |= {"simplex_scale_strategy": 0, "simplex_dual_edge_weight_strategy": 1}
#: And for the one with binaries. Where the grid pays more than it asks, the last thousandths of the cost take minutes:
#: the best plan of so many nodes is followed then, the same on every machine.
WHOLE: dict[str, Any] = {"solver": "choose", "presolve": "choose", "mip_max_nodes": 200}


class MicrogridDispatch:
    """The model of one microgrid, kept by HiGHS and solved for one day after the other.

    Parameters
    ----------
    equipment : Equipment
        What there is.
    classes : int
        Classes of members with a value of lost load of their own.
    periods : int
        Periods of a day.
    hours : float
        Length of a period [h].
    """

    def __init__(self, equipment: Equipment, classes: int, periods: int, hours: float) -> None:
        self.equipment, self.shape, self.hours = equipment, (classes, periods), hours
        self.plain = _Kept(equipment, classes, periods, hours, one_way=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return MicrogridDispatch, (self.equipment, *self.shape, self.hours)

    @cached_property
    def one_way(self) -> _Kept:
        """The model with binaries, which few days need."""
        return _Kept(self.equipment, *self.shape, self.hours, one_way=True)

    def solve(self, day: MicrogridDay) -> Dispatch:
        """Return the plan of least cost, or the best of `WHOLE`'s nodes; it depends on the day alone.

        Parameters
        ----------
        day : MicrogridDay
            Of this model's classes and periods.

        Raises
        ------
        InfeasibleMarket
            If there is none, such as more in a battery at the end than can be charged.
        ValueError
            If the day has other classes or periods.
        """
        if day.demand.shape != self.shape:
            raise ValueError(f"microgrid day: given demand of shape {day.demand.shape}; allowed {self.shape}")
        self.plain.give(day)
        cost, found = self.plain.run()
        if both := _both_ways(found):
            cost, found = self.one_way.keep_apart(day, both)
        return self._dispatch(cost, found)

    def _dispatch(self, cost: float, found: dict[str, FloatArray]) -> Dispatch:
        equipment = self.equipment
        chiller = found["cold_direct"] / equipment.cop + found["cold_charge"] / equipment.ice_cop
        shed = found.pop("shed").reshape(self.shape)
        flows = {f"{name}_kwh": value for name, value in found.items()}
        return Dispatch(**flows, shed_kwh=shed, chiller_kwh=chiller, cost=cost)


class _Kept:
    """A dispatch model in HiGHS, and the places there of what a day changes."""

    def __init__(self, equipment: Equipment, classes: int, periods: int, hours: float, one_way: bool) -> None:
        self.equipment, self.hours = equipment, hours
        self.model = build_dispatch_model(equipment, classes, periods, hours, one_way=one_way)
        # Simplex alone would pass over the binaries.
        self.solver = PersistentSolver(self.model, **(WHOLE if one_way else PLAIN))
        self.places = {name: self._places(f"variable_{name}") for name in (*FLOWS, "shed")}
        self.all_places = np.concatenate(list(self.places.values()))
        self.ends = np.cumsum([places.size for places in self.places.values()])[:-1]
        self.limited = np.concatenate([self.places[name] for name in LIMITED])
        self.costed = np.concatenate(
            [*(self.places[name] for name in ("import", "export", "shed")), self._places("variable_above_peak")]
        )
        nothing = _nothing(classes, periods)
        self.bounded = np.concatenate([self._rows(f"constraint_{name}") for name in bounds_of(equipment, nothing, 1.0)])
        self.start = None if one_way else self._start()

    def _places(self, name: str) -> Any:
        return self.solver.columns(list(getattr(self.model, name).values()))

    def _rows(self, name: str) -> Any:
        rows = list(getattr(self.model, name).values())
        # Of the stores' balances the first alone refers to the day's data.
        return self.solver.rows(rows[:1] if name in ("constraint_battery", "constraint_tank") else rows)

    def _start(self) -> Any:
        """Return the basis of a day on which sun and wind are used, the grid gives the rest, and stores rest.

        From there to the plan of most days it is a half to a fifth of the iterations that it is from nothing.
        """
        columns, most = (np.concatenate([self.places[name] for name in names]) for names in (SUPPLY, FREE))
        slack = ("chiller", "peak", "battery_end", "tank_end")
        rows = [self.solver.rows(list(getattr(self.model, f"constraint_{name}").values())) for name in slack]
        return self.solver.basis(columns, most, np.concatenate(rows))

    def give(self, day: MicrogridDay) -> None:
        """Put a day's data into HiGHS, which knows no other day from then on."""
        bounds = bounds_of(self.equipment, day, self.hours).values()
        low, high = (np.concatenate([each[side] for each in bounds]) for side in (0, 1))
        lost_load = np.repeat(day.lost_load_per_kwh, day.buy.size)
        costs = np.concatenate([day.buy, -day.sell, lost_load, [day.peak_per_kw]])
        limits = np.concatenate(list(limits_of(self.equipment, day, self.hours).values()))
        self.solver.change(self.bounded, low, high, self.costed, costs)
        self.solver.limit(self.limited, limits)
        self.solver.forget()
        if self.start is not None:
            self.solver.begin(self.start)

    def run(self, changed: Sequence[Any] = ()) -> tuple[float, dict[str, FloatArray]]:
        """Solve, once variables that are named have another domain, and return cost and flows."""
        cost = self.solver.solve_changed(changed)
        (values,) = self.solver.values(self.all_places)
        values[values < _TINY] = 0.0
        return cost, dict(zip(self.places, np.split(values, self.ends), strict=True))

    def keep_apart(self, day: MicrogridDay, both: set[tuple[str, int]]) -> tuple[float, dict[str, FloatArray]]:
        """Solve a day with binaries where it would run both ways, and on until it does so nowhere."""
        self.give(day)
        whole: set[tuple[str, int]] = set()
        while new := both - whole:
            whole |= new
            variables = [getattr(self.model, f"variable_{name}_only")[t] for name, t in sorted(new)]
            for variable in variables:
                variable.domain = pyo.Binary
            cost, found = self.run(variables)
            both = _both_ways(found)
        variables = [getattr(self.model, f"variable_{name}_only")[t] for name, t in sorted(whole)]
        for variable in variables:
            variable.domain = pyo.UnitInterval
        self.solver.pass_on(variables)  # the next day begins without binaries
        return cost, found


def _both_ways(found: dict[str, FloatArray]) -> set[tuple[str, int]]:
    """Return the pairs, by their first, and the periods that run both ways."""
    return {
        (pair[0], int(t)) for pair in _PAIRS for t in np.flatnonzero(np.minimum(found[pair[0]], found[pair[1]]) > _TINY)
    }


def bounds_of(equipment: Equipment, day: MicrogridDay, hours: float) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return lower and upper bounds of the constraints that refer to a day, by name, flattened [kWh, kW].

    Parameters
    ----------
    equipment, day : Equipment, MicrogridDay
        What there is, and what the day asks of it.
    hours : float
        Length of a period [h].
    """
    kept = (1 - equipment.tank_loss_per_hour) ** hours
    equal = {
        "electricity": day.demand.sum(axis=0) - day.surplus,
        "cold": day.cold,
        "battery": np.array([day.stored_kwh]),
        "tank": np.array([kept * day.cold_stored_kwh]),
    }
    least = {"heat": day.heat, "battery_end": np.array([day.stored_end_kwh]), "tank_end": np.array([day.cold_end_kwh])}
    found = {name: (value, value) for name, value in equal.items()}
    found |= {name: (value, np.full(value.size, np.inf)) for name, value in least.items()}
    return found | {"peak": (np.full(day.buy.size, -np.inf), np.full(day.buy.size, day.peak_kw))}


def limits_of(equipment: Equipment, day: MicrogridDay, hours: float) -> dict[str, FloatArray]:
    """Return upper bounds of the variables that refer to a day, by name, flattened [kWh].

    Parameters
    ----------
    equipment, day, hours
        As :func:`bounds_of` takes them.
    """
    connection = equipment.connection_kw * hours * np.minimum(day.connected, 1.0)
    return {
        "import": connection,
        "export": connection,
        "pv": day.pv,
        "wind": day.wind,
        "spilled": day.surplus,
        "shed": day.demand.ravel(),
    }


def _nothing(classes: int, periods: int) -> MicrogridDay:
    """Return a day that asks for nothing."""
    nothing, loads = np.zeros(periods), np.zeros((classes, periods))
    names = ("surplus", "pv", "wind", "heat", "cold", "buy", "sell", "connected")
    by_period: Any = dict.fromkeys(names, nothing)
    return MicrogridDay(demand=loads, lost_load_per_kwh=np.zeros(classes), **by_period)


def build_dispatch_model(
    equipment: Equipment,
    classes: int,
    periods: int,
    hours: float,
    day: MicrogridDay | None = None,
    one_way: bool = True,
) -> Any:
    """Return the Pyomo model of a day.

    Parameters
    ----------
    equipment, classes, periods, hours
        As :class:`MicrogridDispatch` takes them.
    day : MicrogridDay, optional
        The day; one that asks for nothing by default, whose bounds and costs are changed for every other day.
    one_way : bool
        Whether there is, for each pair and period, a variable between 0 and 1 that keeps the pair apart once it is
        binary.
    """
    day = _nothing(classes, periods) if day is None else day
    model = pyo.ConcreteModel("microgrid")
    model.periods, model.classes = pyo.RangeSet(0, periods - 1), pyo.RangeSet(0, classes - 1)
    most = _add_variables(model, equipment, day, hours)
    if one_way:
        _add_pairs(model, most)
    _add_storage(model, equipment, day, hours)
    _add_balances(model, equipment, day, hours)
    model.objective_cost = pyo.Objective(expr=_cost(model, equipment, day))
    return model


def _add_variables(model: Any, equipment: Equipment, day: MicrogridDay, hours: float) -> dict[str, float]:
    """Add flows with their limits, and return those that are not the day's."""
    most = {
        "chp": equipment.chp_kw * hours,
        "charge": equipment.battery_kw * hours,
        "discharge": equipment.battery_kw * hours,
        "stored": equipment.battery_kwh,
        "cold_charge": equipment.tank_kw * hours,
        "cold_discharge": equipment.tank_kw * hours,
        "cold_stored": equipment.tank_kwh,
    }
    limits = {name: limit.tolist() for name, limit in limits_of(equipment, day, hours).items()}
    for name in FLOWS:
        bounds = [(0, each) for each in limits.get(name, [most.get(name)] * len(model.periods))]
        setattr(model, f"variable_{name}", pyo.Var(model.periods, bounds=dict(enumerate(bounds))))
    places = [(c, t) for c in model.classes for t in model.periods]
    shed = dict(zip(places, ((0, each) for each in limits["shed"]), strict=True))
    model.variable_shed = pyo.Var(model.classes, model.periods, bounds=shed)
    model.variable_above_peak = pyo.Var(bounds=(0, None))
    model.variable_cold_missing = pyo.Var(bounds=(0, None))
    return most | dict.fromkeys(("import", "export"), equipment.connection_kw * hours)


def _add_pairs(model: Any, most: dict[str, float]) -> None:
    """Add for each pair the variable that is 1 where only the first may run."""
    for first, second in _PAIRS:
        only = pyo.Var(model.periods, domain=pyo.UnitInterval)
        setattr(model, f"variable_{first}_only", only)
        one, other = getattr(model, f"variable_{first}"), getattr(model, f"variable_{second}")

        def forward(m: Any, t: int, one: Any = one, only: Any = only, limit: float = most[first]) -> Any:
            return one[t] <= limit * only[t]

        def backward(m: Any, t: int, other: Any = other, only: Any = only, limit: float = most[second]) -> Any:
            return other[t] <= limit * (1 - only[t])

        setattr(model, f"constraint_{first}", pyo.Constraint(model.periods, rule=forward))
        setattr(model, f"constraint_{second}", pyo.Constraint(model.periods, rule=backward))


def _add_storage(model: Any, equipment: Equipment, day: MicrogridDay, hours: float) -> None:
    """Add what battery and cold store hold from period to period, and at the end."""
    eta, kept = equipment.battery_efficiency, (1 - equipment.tank_loss_per_hour) ** hours

    def battery(m: Any, t: int) -> Any:
        before = m.variable_stored[t - 1] if t else float(day.stored_kwh)
        return m.variable_stored[t] == before + eta * m.variable_charge[t] - m.variable_discharge[t] / eta

    def tank(m: Any, t: int) -> Any:
        before = m.variable_cold_stored[t - 1] if t else float(day.cold_stored_kwh)
        return m.variable_cold_stored[t] == kept * before + m.variable_cold_charge[t] - m.variable_cold_discharge[t]

    model.constraint_battery = pyo.Constraint(model.periods, rule=battery)
    model.constraint_tank = pyo.Constraint(model.periods, rule=tank)
    last = model.periods.last()
    model.constraint_battery_end = pyo.Constraint(expr=model.variable_stored[last] >= float(day.stored_end_kwh))
    held = model.variable_cold_stored[last] + model.variable_cold_missing
    model.constraint_tank_end = pyo.Constraint(expr=held >= float(day.cold_end_kwh))


def _add_balances(model: Any, equipment: Equipment, day: MicrogridDay, hours: float) -> None:
    """Add the balances of electricity, heat and cold, and the limits by period."""
    net, heat_demand, cold_demand = (
        each.tolist() for each in (day.demand.sum(axis=0) - day.surplus, day.heat, day.cold)
    )
    recovered = equipment.chp_heat / equipment.chp_electric

    def chiller(m: Any, t: int) -> Any:
        return m.variable_cold_direct[t] / equipment.cop + m.variable_cold_charge[t] / equipment.ice_cop

    def electricity(m: Any, t: int) -> Any:
        made = m.variable_pv[t] + m.variable_wind[t] + m.variable_chp[t] - m.variable_spilled[t]
        shed = sum(m.variable_shed[c, t] for c in m.classes)
        used = m.variable_charge[t] + chiller(m, t)
        exchanged = m.variable_import[t] - m.variable_export[t]
        return made + m.variable_discharge[t] + exchanged + shed - used == net[t]

    def cold(m: Any, t: int) -> Any:
        served = m.variable_cold_direct[t] + m.variable_cold_discharge[t] + m.variable_cold_unserved[t]
        return served == cold_demand[t]

    rules: dict[str, Any] = {
        "electricity": electricity,
        "heat": lambda m, t: recovered * m.variable_chp[t] + m.variable_boiler_heat[t] >= heat_demand[t],
        "cold": cold,
        "chiller": lambda m, t: chiller(m, t) <= equipment.chiller_kw * hours,
        "peak": lambda m, t: m.variable_import[t] / hours - m.variable_above_peak <= float(day.peak_kw),
    }
    for name, rule in rules.items():
        setattr(model, f"constraint_{name}", pyo.Constraint(model.periods, rule=rule))


def _cost(model: Any, equipment: Equipment, day: MicrogridDay) -> Any:
    """Return the objective [currency]."""
    buy, sell, lost_load = day.buy.tolist(), day.sell.tolist(), day.lost_load_per_kwh.tolist()
    exchange = sum(buy[t] * model.variable_import[t] - sell[t] * model.variable_export[t] for t in model.periods)
    fuel = sum(
        model.variable_chp[t] / equipment.chp_electric + model.variable_boiler_heat[t] / equipment.boiler_efficiency
        for t in model.periods
    )
    wear = sum(model.variable_discharge[t] for t in model.periods)
    cold = sum(model.variable_cold_unserved[t] for t in model.periods) + model.variable_cold_missing
    shed = sum(lost_load[c] * model.variable_shed[c, t] for c in model.classes for t in model.periods)
    power = float(day.peak_per_kw) * model.variable_above_peak
    costs = equipment.fuel_per_kwh * fuel + equipment.wear_per_kwh * wear + equipment.cold_value_per_kwh * cold
    return exchange + costs + shed + power
