"""Least-cost day of a microgrid behind one point of common coupling (model.md D6): built once, solved for every day.

PV, wind, battery, combined heat and power with a boiler, chillers with a cold store, and exchange with the grid serve
the members' load, their heat and their cooling. In periods without the grid, and beyond the connection, load is shed at
its value. The linear program is solved first; a store or a connection that would run both ways at once in some period
gets a binary there, and only there, until none does (a relaxation that keeps to one way is optimal with it too).
"""

from __future__ import annotations

from dataclasses import fields
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
        self.equipment, self.shape = equipment, (classes, periods)
        self.model = build_dispatch_model(equipment, classes, periods, hours)
        # Simplex alone would pass over the binaries.
        self.solver = PersistentSolver(self.model, solver="choose", presolve="choose")
        self.places = {name: self._places(f"variable_{name}") for name in (*FLOWS, "shed")}
        self.costed = np.concatenate(
            [*(self.places[name] for name in ("import", "export", "shed")), self._places("variable_above_peak")]
        )
        self.bounded = [
            self._rows(f"constraint_{name}") for name in bounds_of(equipment, _nothing(classes, periods), 1.0)
        ]
        self.hours = hours
        self.binary = {pair: list(getattr(self.model, f"variable_{pair[0]}_only").values()) for pair in _PAIRS}

    def __reduce__(self) -> tuple[Any, ...]:
        return MicrogridDispatch, (self.equipment, *self.shape, self.hours)

    def _places(self, name: str) -> Any:
        return self.solver.columns(list(getattr(self.model, name).values()))

    def _rows(self, name: str) -> Any:
        rows = list(getattr(self.model, name).values())
        # Of the stores' balances the first alone refers to the day's data.
        return self.solver.rows(rows[:1] if name in ("constraint_battery", "constraint_tank") else rows)

    def solve(self, day: MicrogridDay) -> Dispatch:
        """Return the plan of least cost.

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
        bounds = bounds_of(self.equipment, day, self.hours).values()
        low, high = (np.concatenate([np.ravel(each[side]) for each in bounds]) for side in (0, 1))
        lost_load = np.repeat(day.lost_load_per_kwh, self.shape[1])
        costs = np.concatenate([day.buy, -day.sell, lost_load, [day.peak_per_kw]])
        self.solver.forget()
        self.solver.change(np.concatenate(self.bounded), low, high, self.costed, costs)
        whole: list[Any] = []
        cost, found = self._run(whole)
        while both := self._both_ways(found):
            for variable in both:
                variable.domain = pyo.Binary
            whole += both
            cost, found = self._run(both)
        for variable in whole:
            variable.domain = pyo.UnitInterval
        self.solver.pass_on(whole)  # the next day begins without binaries
        return self._dispatch(cost, found)

    def _run(self, changed: list[Any]) -> tuple[float, dict[str, FloatArray]]:
        cost = self.solver.solve_changed(changed)
        values = dict(zip(self.places, self.solver.values(*self.places.values()), strict=True))
        return cost, {name: np.where(value < _TINY, 0.0, value) for name, value in values.items()}

    def _both_ways(self, found: dict[str, FloatArray]) -> list[Any]:
        """Return the variables of periods that run both ways and may still do so."""
        both = []
        for pair, variables in self.binary.items():
            running = np.flatnonzero(np.minimum(found[pair[0]], found[pair[1]]) > _TINY)
            both += [variables[t] for t in running if variables[t].is_continuous()]
        return both

    def _dispatch(self, cost: float, found: dict[str, FloatArray]) -> Dispatch:
        equipment = self.equipment
        chiller = found["cold_direct"] / equipment.cop + found["cold_charge"] / equipment.ice_cop
        shed = found.pop("shed").reshape(self.shape)
        flows = {f"{name}_kwh": value for name, value in found.items()}
        return Dispatch(**flows, shed_kwh=shed, chiller_kwh=chiller, cost=cost)


def bounds_of(equipment: Equipment, day: MicrogridDay, hours: float) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return lower and upper bounds of the constraints that refer to a day, by name, flattened [kWh, kW].

    Parameters
    ----------
    equipment, day : Equipment, MicrogridDay
        What there is, and what the day asks of it.
    hours : float
        Length of a period [h].
    """
    connection = equipment.connection_kw * hours * day.connected
    kept = (1 - equipment.tank_loss_per_hour) ** hours
    equal = {
        "electricity": day.demand.sum(axis=0) - day.surplus,
        "cold": day.cold,
        "battery": np.array([day.stored_kwh]),
        "tank": np.array([kept * day.cold_stored_kwh]),
    }
    least = {"heat": day.heat, "battery_end": np.array([day.stored_end_kwh]), "tank_end": np.array([day.cold_end_kwh])}
    most = {
        "pv": day.pv,
        "wind": day.wind,
        "spilled": day.surplus,
        "import_connected": connection,
        "export_connected": connection,
        "peak": np.full(day.buy.size, day.peak_kw),
        "shed": day.demand.ravel(),
    }
    found = {name: (value, value) for name, value in equal.items()}
    found |= {name: (value, np.full(value.size, np.inf)) for name, value in least.items()}
    return found | {name: (np.full(value.size, -np.inf), value) for name, value in most.items()}


def _nothing(classes: int, periods: int) -> MicrogridDay:
    """Return a day that asks for nothing."""
    nothing, loads = np.zeros(periods), np.zeros((classes, periods))
    names = ("surplus", "pv", "wind", "heat", "cold", "buy", "sell", "connected")
    by_period: Any = dict.fromkeys(names, nothing)
    return MicrogridDay(demand=loads, lost_load_per_kwh=np.zeros(classes), **by_period)


def build_dispatch_model(
    equipment: Equipment, classes: int, periods: int, hours: float, day: MicrogridDay | None = None
) -> Any:
    """Return the Pyomo model of a day; parameters `given_*` are the fields of :class:`MicrogridDay`.

    Parameters
    ----------
    equipment, classes, periods, hours
        As :class:`MicrogridDispatch` takes them.
    day : MicrogridDay, optional
        The day; one that asks for nothing by default, whose bounds and costs are changed for every other day.
    """
    day = _nothing(classes, periods) if day is None else day
    model = pyo.ConcreteModel("microgrid")
    model.periods, model.classes = pyo.RangeSet(0, periods - 1), pyo.RangeSet(0, classes - 1)
    for field in fields(day):
        given = np.asarray(getattr(day, field.name), dtype=np.float64)
        sets = {0: (), 1: (model.periods,), 2: (model.classes, model.periods)}[given.ndim]
        if field.name == "lost_load_per_kwh":
            sets = (model.classes,)
        values = (
            {place if given.ndim > 1 else place[0]: float(value) for place, value in np.ndenumerate(given)}
            if sets
            else float(given)
        )
        setattr(model, f"given_{field.name}", pyo.Param(*sets, initialize=values))
    _add_variables(model, equipment, hours)
    _add_storage(model, equipment, hours)
    _add_balances(model, equipment, hours)
    model.objective_cost = pyo.Objective(expr=_cost(model, equipment))
    return model


def _add_variables(model: Any, equipment: Equipment, hours: float) -> None:
    """Add flows with their limits, and for each pair the variable that is 1 where only the first may run."""
    most = {
        "import": equipment.connection_kw * hours,
        "export": equipment.connection_kw * hours,
        "chp": equipment.chp_kw * hours,
        "charge": equipment.battery_kw * hours,
        "discharge": equipment.battery_kw * hours,
        "stored": equipment.battery_kwh,
        "cold_charge": equipment.tank_kw * hours,
        "cold_discharge": equipment.tank_kw * hours,
        "cold_stored": equipment.tank_kwh,
    }
    for name in FLOWS:
        setattr(model, f"variable_{name}", pyo.Var(model.periods, bounds=(0, most.get(name))))
    model.variable_shed = pyo.Var(model.classes, model.periods, bounds=(0, None))
    model.variable_above_peak = pyo.Var(bounds=(0, None))
    model.variable_cold_missing = pyo.Var(bounds=(0, None))
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


def _add_storage(model: Any, equipment: Equipment, hours: float) -> None:
    """Add what battery and cold store hold from period to period, and at the end."""
    eta, kept = equipment.battery_efficiency, (1 - equipment.tank_loss_per_hour) ** hours

    def battery(m: Any, t: int) -> Any:
        before = m.variable_stored[t - 1] if t else m.given_stored_kwh
        return m.variable_stored[t] == before + eta * m.variable_charge[t] - m.variable_discharge[t] / eta

    def tank(m: Any, t: int) -> Any:
        before = m.variable_cold_stored[t - 1] if t else m.given_cold_stored_kwh
        return m.variable_cold_stored[t] == kept * before + m.variable_cold_charge[t] - m.variable_cold_discharge[t]

    model.constraint_battery = pyo.Constraint(model.periods, rule=battery)
    model.constraint_tank = pyo.Constraint(model.periods, rule=tank)
    last = model.periods.last()
    model.constraint_battery_end = pyo.Constraint(expr=model.variable_stored[last] >= model.given_stored_end_kwh)
    held = model.variable_cold_stored[last] + model.variable_cold_missing
    model.constraint_tank_end = pyo.Constraint(expr=held >= model.given_cold_end_kwh)


def _add_balances(model: Any, equipment: Equipment, hours: float) -> None:
    """Add the balances of electricity, heat and cold, and the limits by period."""
    connection = equipment.connection_kw * hours

    def chiller(m: Any, t: int) -> Any:
        return m.variable_cold_direct[t] / equipment.cop + m.variable_cold_charge[t] / equipment.ice_cop

    def electricity(m: Any, t: int) -> Any:
        made = m.variable_pv[t] + m.variable_wind[t] + m.variable_chp[t] + m.given_surplus[t] - m.variable_spilled[t]
        shed = sum(m.variable_shed[c, t] for c in m.classes)
        used = sum(m.given_demand[c, t] for c in m.classes) + m.variable_charge[t] + chiller(m, t)
        exchanged = m.variable_import[t] - m.variable_export[t]
        return made + m.variable_discharge[t] + exchanged + shed == used

    def heat(m: Any, t: int) -> Any:
        recovered = m.variable_chp[t] * equipment.chp_heat / equipment.chp_electric
        return recovered + m.variable_boiler_heat[t] >= m.given_heat[t]

    def cold(m: Any, t: int) -> Any:
        served = m.variable_cold_direct[t] + m.variable_cold_discharge[t] + m.variable_cold_unserved[t]
        return served == m.given_cold[t]

    rules: dict[str, Any] = {
        "electricity": electricity,
        "heat": heat,
        "cold": cold,
        "chiller": lambda m, t: chiller(m, t) <= equipment.chiller_kw * hours,
        "pv": lambda m, t: m.variable_pv[t] <= m.given_pv[t],
        "wind": lambda m, t: m.variable_wind[t] <= m.given_wind[t],
        "spilled": lambda m, t: m.variable_spilled[t] <= m.given_surplus[t],
        "import_connected": lambda m, t: m.variable_import[t] <= connection * m.given_connected[t],
        "export_connected": lambda m, t: m.variable_export[t] <= connection * m.given_connected[t],
        "peak": lambda m, t: m.variable_import[t] / hours <= m.given_peak_kw + m.variable_above_peak,
    }
    for name, rule in rules.items():
        setattr(model, f"constraint_{name}", pyo.Constraint(model.periods, rule=rule))
    model.constraint_shed = pyo.Constraint(
        model.classes, model.periods, rule=lambda m, c, t: m.variable_shed[c, t] <= m.given_demand[c, t]
    )


def _cost(model: Any, equipment: Equipment) -> Any:
    """Return the objective [currency]."""
    exchange = sum(
        model.given_buy[t] * model.variable_import[t] - model.given_sell[t] * model.variable_export[t]
        for t in model.periods
    )
    fuel = sum(
        model.variable_chp[t] / equipment.chp_electric + model.variable_boiler_heat[t] / equipment.boiler_efficiency
        for t in model.periods
    )
    wear = sum(model.variable_discharge[t] for t in model.periods)
    cold = sum(model.variable_cold_unserved[t] for t in model.periods) + model.variable_cold_missing
    shed = sum(
        model.given_lost_load_per_kwh[c] * model.variable_shed[c, t] for c in model.classes for t in model.periods
    )
    power = model.given_peak_per_kw * model.variable_above_peak
    costs = equipment.fuel_per_kwh * fuel + equipment.wear_per_kwh * wear + equipment.cold_value_per_kwh * cold
    return exchange + costs + shed + power
