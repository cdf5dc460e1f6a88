"""Plans of least cost for single homes (A1.3), solved again and again on kept models.

The programme is linear where it can be: between 0 <= sell <= buy no battery gains by charging and discharging at once
and no home by buying and selling at once, so those binaries stay only in the periods with other prices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gridagora.agents.devices import Floats, Home
from gridagora.agents.home_outlook import Outlook
from gridagora.agents.home_plan import Decisions, HomePlan, follow, refuse_broken, thermal_columns
from gridagora.markets.orders import IntArray
from gridagora.markets.solver import PersistentSolver

OPTIONS: dict[str, float | bool] = {"mip_rel_gap": 1e-5, "mip_abs_gap": 1e-6, "mip_feasibility_tolerance": 1e-9}
#: Programmes of a home are small: searches by programmes within the programme and restarts take longer than they spare.
OPTIONS |= {f"mip_heuristic_run_{search}": False for search in ("rens", "rins", "root_reduced_cost")}
OPTIONS |= {"mip_allow_restart": False, "mip_detect_symmetry": False}
_COST_TOLERANCE = 1e-6
#: Flows of the plan and the variables that hold them.
_FLOWS = {
    "battery_charge_kwh": "variable_battery_charge",
    "battery_discharge_kwh": "variable_battery_discharge",
    "vehicle_charge_kwh": "variable_vehicle_charge",
    "vehicle_discharge_kwh": "variable_vehicle_discharge",
    "heat_pump_kwh": "variable_heat_pump",
    "cogeneration_kwh": "variable_cogeneration",
    "boiler_kwh": "variable_boiler",
    "curtailed_kwh": "variable_curtailed",
}


class HomePlanner:
    """Plans of one device set over one length of horizon, from models that are built at the first use.

    Parameters
    ----------
    home : Home
        Devices.
    periods : int
        Length of the horizon.
    hours : float
        Length of a settlement period. [h]

    Examples
    --------
    >>> from gridagora.agents.devices import Battery, Home
    >>> home = Home(battery=Battery(1.0, 1.0, 1.0, 1.0, 1.0, wear_cost=0.0))
    >>> planner = HomePlanner(home, 2, 1.0)
    >>> plan = planner.plan(Outlook(home, 1.0, [0.1, 0.3], [0.0, 0.0], [1.0, 1.0]))
    >>> plan.import_kwh.tolist(), round(plan.cost.total, 9)
    ([2.0, 0.0], 0.2)
    """

    def __init__(self, home: Home, periods: int, hours: float) -> None:
        self.home, self.periods, self.hours = home, periods, hours
        self._kept: dict[bool, _Kept] = {}

    def plan(self, outlook: Outlook) -> HomePlan:
        """Return the plan of least cost.

        Parameters
        ----------
        outlook : Outlook
            Data of this home, of the planner's length.

        Raises
        ------
        InfeasibleMarket
            If no plan keeps all limits, such as a job beside a load that already takes the whole connection.
        ValueError
            If the outlook has another number or length of periods.
        """
        if (len(outlook), outlook.hours) != (self.periods, self.hours):
            raise ValueError(
                f"outlook: {len(outlook)} periods of {outlook.hours} h; must be {self.periods} of {self.hours} h"
            )
        exclusive, one_way = exclusive_periods(self.home, outlook)
        integers = bool(exclusive.any() or one_way.any())
        if integers not in self._kept:
            self._kept[integers] = _Kept(self.home, self.periods, self.hours, integers)
        objective, found = self._kept[integers].solve(self.home, outlook, exclusive, one_way)
        plan = refuse_broken(self.home, outlook, follow(self.home, outlook, decisions_of(self.home, outlook, found)))
        if plan.cost.total > objective + _COST_TOLERANCE * max(1.0, abs(objective)):
            raise RuntimeError(f"home plan: costs {plan.cost.total}, the model says {objective}: report the outlook")
        return plan


class _Kept:
    """A model, its solver and the places of its flows."""

    def __init__(self, home: Home, periods: int, hours: float, integers: bool) -> None:
        from gridagora.agents.hems import build_home_model

        self.model, self.integers = build_home_model(home, periods, hours, integers), integers
        self.solver = PersistentSolver(self.model, **OPTIONS)
        self.places = places_of(self.solver, self.model, home)

    def solve(self, home: Home, outlook: Outlook, exclusive: Floats, one_way: Floats) -> tuple[float, dict[str, Any]]:
        """Return the objective and the flows."""
        data = model_data(home, outlook)
        if self.integers:
            data |= {"may_do_both": 1.0 - exclusive, "may_go_both_ways": 1.0 - one_way}
        store_data(self.model, data)
        objective = self.solver.solve()
        return objective, dict(zip(self.places, self.solver.values(*self.places.values()), strict=True))


def places_of(solver: PersistentSolver, model: Any, home: Home) -> dict[str, IntArray]:
    """Return the places of a home model's flows in the solver's solution, by name of the flow."""
    named = _FLOWS | ({"starts": "variable_start"} if home.appliances else {})
    return {
        name: solver.columns(list(getattr(model, variable).values()))
        for name, variable in named.items()
        if hasattr(model, variable)
    }


def store_data(model: Any, data: Mapping[str, Any]) -> None:
    """Give mutable parameters of a model their values, one an index in order."""
    for name, given in data.items():
        values = np.ravel(given).tolist()
        for parameter, value in zip(getattr(model, name).values(), values, strict=True):
            parameter.value = value


def exclusive_periods(home: Home, outlook: Outlook) -> tuple[Floats, Floats]:
    """Return 1 for each period that needs a binary: of charge or discharge, and of import or export.

    A storage that did both in a period of 0 <= sell <= buy could do the difference instead, buy less or sell more, and
    pay no more. Where cogeneration may make more than can be fed in, wasting has a value; then all periods need one.

    Returns
    -------
    tuple of ndarray, shape (periods,) each
    """
    storage = home.battery is not None or (home.vehicle is not None and home.vehicle.discharge_kw > 0)
    good = (outlook.sell >= 0.0) & (outlook.sell <= outlook.buy)
    if home.cogeneration is not None:
        made = home.cogeneration.most_kw + (home.battery.discharge_kw if home.battery else 0.0)
        made += home.vehicle.discharge_kw if home.vehicle else 0.0
        good = good & (made <= home.connection.export_kw)
    exclusive = (~good).astype(np.float64) if storage else np.zeros(len(outlook))
    return exclusive, (outlook.sell > outlook.buy).astype(np.float64)


def model_data(home: Home, outlook: Outlook) -> dict[str, Any]:
    """Return the values of the model's parameters by name, numbers or ndarray in the order of their index."""
    state = outlook.state
    data: dict[str, Any] = {
        "buy": outlook.buy,
        "sell": outlook.sell,
        "net": outlook.base_kwh - outlook.pv_kwh,
        "pv": outlook.pv_kwh,
    }
    if home.battery is not None:
        data |= {"battery_first": state.battery_kwh, "battery_end": outlook.battery_end_kwh}
        data["battery_end_value"] = outlook.battery_end_value or 0.0
    if outlook.use is not None:
        data |= {"vehicle_first": state.vehicle_kwh, "vehicle_required": outlook.use.required_kwh}
        data |= {"vehicle_used": outlook.use.used_kwh, "at_home": outlook.use.at_home.astype(np.float64)}
    if home.heat_pump is not None:
        keep, gain, shift = thermal_columns(home, outlook)
        first = np.where(np.arange(len(outlook)) == 0, keep * state.indoor_c, 0.0)
        data |= {"indoor_gain": gain, "indoor_shift": shift + first}
        data |= {"comfort_low": outlook.comfort_low_c, "comfort_high": outlook.comfort_high_c}
    if home.cogeneration is not None:
        kept = (1.0 - home.cogeneration.tank_loss_per_hour * outlook.hours) ** len(outlook)
        data |= {"heat": outlook.heat_kwh, "fuel_price": outlook.fuel_price}
        data |= {"tank_first": state.tank_kwh, "tank_end": kept * state.tank_kwh}
    if home.appliances:
        data |= _job_data(home, outlook)
    if home.connection.demand_charge > 0:
        data["peak_before"] = state.peak_kw * outlook.hours
    return data


def _job_data(home: Home, outlook: Outlook) -> dict[str, Floats]:
    may_start = np.zeros((len(home.appliances), len(outlook)))
    for row, appliance, window in zip(may_start, home.appliances, outlook.windows, strict=True):
        if window is not None:
            row[window.earliest : window.deadline - appliance.periods + 1] = 1.0
    return {"may_start": may_start, "wanted": np.array([float(window is not None) for window in outlook.windows])}


def decisions_of(home: Home, outlook: Outlook, found: Mapping[str, Any]) -> Decisions:
    """Return the solver's flows without its rounding, nor a charge and discharge at once that costs nothing."""
    done = Decisions.none(len(outlook))
    for name in _FLOWS.keys() & found.keys():
        setattr(done, name, np.maximum(found[name], 0.0))
    for name, device in (("battery", home.battery), ("vehicle", home.vehicle)):
        if device is not None:
            into, out = f"{name}_charge_kwh", f"{name}_discharge_kwh"
            round_trip = device.charge_efficiency * device.discharge_efficiency
            pair = without_both(getattr(done, into), getattr(done, out), round_trip)
            setattr(done, into, pair[0])
            setattr(done, out, pair[1])
    if home.appliances:
        starts = found["starts"].reshape(len(home.appliances), -1)
        done.starts = tuple(
            None if window is None else int(row.argmax()) for row, window in zip(starts, outlook.windows, strict=True)
        )
    limit = home.connection.export_kw * outlook.hours
    excess = follow(home, outlook, replace(done)).export_kwh - limit
    return replace(done, curtailed_kwh=np.minimum(done.curtailed_kwh + np.maximum(excess, 0.0), outlook.pv_kwh))


def without_both(charge: Floats, discharge: Floats, round_trip: float) -> tuple[Floats, Floats]:
    """Return charge and discharge [kWh] that store the same without doing both at once.

    Parameters
    ----------
    charge, discharge : ndarray, shape (periods,)
        At the connection. [kWh]
    round_trip : float
        Charging times discharging efficiency. [1]
    """
    more = charge - discharge / round_trip
    return np.maximum(more, 0.0), np.maximum(-more * round_trip, 0.0)
