"""A home's plan: what follows from decisions, what it costs, how well it serves, and whether it keeps its limits.

Decisions come from the solver, the batch or no control at all; what is stored, bought and paid is computed here from
them, so that all are counted alike and no energy appears or disappears.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from gridagora.agents.devices import Floats, Home
from gridagora.agents.home_outlook import Outlook
from gridagora.markets.orders import read_only

TOLERANCE = 1e-6


@dataclass(slots=True)
class Decisions:
    """What is decided, by settlement period.

    Attributes
    ----------
    battery_charge_kwh, battery_discharge_kwh, vehicle_charge_kwh, vehicle_discharge_kwh : ndarray, shape (periods,)
        At the connection. [kWh]
    heat_pump_kwh : ndarray, shape (periods,)
        Electricity. [kWh]
    cogeneration_kwh : ndarray, shape (periods,)
        Electricity generated. [kWh]
    boiler_kwh : ndarray, shape (periods,)
        Heat. [kWh]
    curtailed_kwh : ndarray, shape (periods,)
        Generation not used. [kWh]
    starts : tuple of int or None
        First period of each appliance's job.
    """

    battery_charge_kwh: Floats
    battery_discharge_kwh: Floats
    vehicle_charge_kwh: Floats
    vehicle_discharge_kwh: Floats
    heat_pump_kwh: Floats
    cogeneration_kwh: Floats
    boiler_kwh: Floats
    curtailed_kwh: Floats
    starts: tuple[int | None, ...] = ()

    @classmethod
    def none(cls, periods: int) -> Decisions:
        """Return decisions that leave every device alone."""
        none = [np.zeros(periods) for _ in range(8)]
        return cls(none[0], none[1], none[2], none[3], none[4], none[5], none[6], none[7])


@dataclass(frozen=True, slots=True)
class HomeCost:
    """Parts of a plan's cost, in the currency; revenue and the value of what is left are negative.

    Attributes
    ----------
    bought, sold, demand_charge, battery_wear, vehicle_wear, fuel, comfort, shortfall, end_value : float
        [currency]
    """

    bought: float
    sold: float
    demand_charge: float
    battery_wear: float
    vehicle_wear: float
    fuel: float
    comfort: float
    shortfall: float
    end_value: float

    @property
    def total(self) -> float:
        """Return the sum of the parts [currency]."""
        return float(sum(getattr(self, part.name) for part in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class HomePlan:
    """Schedules, cost and service of a horizon; columns of energies are of shape (periods,) in kWh.

    Attributes
    ----------
    decisions : Decisions
        What the plan does.
    import_kwh, export_kwh, job_kwh : ndarray, shape (periods,)
        Taken from and fed into the grid, one of them 0; load of the appliances' jobs. [kWh]
    battery_kwh, vehicle_kwh, tank_kwh : ndarray, shape (periods + 1,)
        Stored before the first and after each period. [kWh]
    indoor_c : ndarray, shape (periods + 1,)
        Temperature of the building. [degC]
    shortfall_kwh : ndarray, shape (periods + 1,)
        What misses to what the car must hold at the start of a period, charged on its way. [kWh]
    departure_kwh : ndarray, shape (departures,)
        What the car holds at each departure, without the shortfall. [kWh]
    discomfort_kh : float
        Kelvin outside the comfort band times hours (A1.4). [K h]
    delay_periods : tuple of int or None
        Periods by which each job starts after its earliest time (A1.4).
    peak_kw : float
        Highest import of the month so far, the plan's included. [kW]
    cost : HomeCost
        What it costs.
    """

    decisions: Decisions
    import_kwh: Floats
    export_kwh: Floats
    job_kwh: Floats
    battery_kwh: Floats
    vehicle_kwh: Floats
    tank_kwh: Floats
    indoor_c: Floats
    shortfall_kwh: Floats
    departure_kwh: Floats
    discomfort_kh: float
    delay_periods: tuple[int | None, ...]
    peak_kw: float
    cost: HomeCost


def follow(home: Home, outlook: Outlook, decisions: Decisions) -> HomePlan:
    """Return the plan that follows from decisions.

    Parameters
    ----------
    home : Home
        Devices.
    outlook : Outlook
        Data.
    decisions : Decisions
        What is done; made read-only.
    """
    jobs = job_load(home, outlook, decisions.starts)
    battery = _battery_path(home, outlook, decisions)
    vehicle, shortfall = _vehicle_path(home, outlook, decisions)
    indoor = indoor_path(home, outlook, decisions.heat_pump_kwh)
    net = outlook.base_kwh - outlook.pv_kwh + decisions.curtailed_kwh + jobs + decisions.heat_pump_kwh
    net = net + decisions.battery_charge_kwh - decisions.battery_discharge_kwh - decisions.cogeneration_kwh
    net = net + decisions.vehicle_charge_kwh - decisions.vehicle_discharge_kwh
    bought, sold = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    peak = max(outlook.state.peak_kw, float(bought.max()) / outlook.hours)
    outside = np.maximum(outlook.comfort_low_c - indoor[1:], 0.0) + np.maximum(indoor[1:] - outlook.comfort_high_c, 0.0)
    discomfort = float(outside.sum()) * outlook.hours if home.building else 0.0
    delays = tuple(
        None if window is None or start is None else start - window.earliest
        for window, start in zip(outlook.windows, decisions.starts, strict=True)
    )
    leaving = outlook.use.required_kwh > 0 if outlook.use else np.zeros(len(outlook) + 1, np.bool_)
    cost = HomeCost(
        bought=float(outlook.buy @ bought),
        sold=-float(outlook.sell @ sold),
        demand_charge=home.connection.demand_charge * (peak - outlook.state.peak_kw),
        battery_wear=home.battery.wear_cost * float(decisions.battery_discharge_kwh.sum()) if home.battery else 0.0,
        vehicle_wear=home.vehicle.wear_cost * float(decisions.vehicle_discharge_kwh.sum()) if home.vehicle else 0.0,
        fuel=outlook.fuel_price * _fuel_kwh(home, decisions),
        comfort=home.building.comfort_cost * discomfort if home.building else 0.0,
        shortfall=home.vehicle.shortfall_cost * float(shortfall.sum()) if home.vehicle else 0.0,
        end_value=-(outlook.battery_end_value or 0.0) * float(battery[-1]),
    )
    for part in fields(decisions)[:-1]:
        read_only(getattr(decisions, part.name))
    return HomePlan(
        decisions=decisions,
        import_kwh=read_only(bought),
        export_kwh=read_only(sold),
        job_kwh=read_only(jobs),
        battery_kwh=read_only(battery),
        vehicle_kwh=read_only(vehicle),
        tank_kwh=read_only(tank_path(home, outlook, decisions)),
        indoor_c=read_only(indoor),
        shortfall_kwh=read_only(shortfall),
        departure_kwh=read_only(vehicle[leaving]),
        discomfort_kh=discomfort,
        delay_periods=delays,
        peak_kw=peak,
        cost=cost,
    )


def job_load(home: Home, outlook: Outlook, starts: Sequence[int | None]) -> Floats:
    """Return the load of jobs [kWh], shape (periods,)."""
    load = np.zeros(len(outlook))
    for appliance, start in zip(home.appliances, starts, strict=True):
        if start is not None:
            load[start : start + appliance.periods] += appliance.power_kw * outlook.hours
    return load


def _path(first: float, keep: float, inflow: Floats) -> Floats:
    """Return x with x[t + 1] = keep x[t] + inflow[t]."""
    path = np.empty(len(inflow) + 1)
    path[0] = first
    for t, more in enumerate(inflow.tolist()):
        path[t + 1] = keep * path[t] + more
    return path


def _battery_path(home: Home, outlook: Outlook, decisions: Decisions) -> Floats:
    battery = home.battery
    if battery is None:
        return np.zeros(len(outlook) + 1)
    inflow = battery.charge_efficiency * decisions.battery_charge_kwh
    inflow = inflow - decisions.battery_discharge_kwh / battery.discharge_efficiency
    return _path(outlook.state.battery_kwh, 1.0 - battery.loss_per_hour * outlook.hours, inflow)


def _vehicle_path(home: Home, outlook: Outlook, decisions: Decisions) -> tuple[Floats, Floats]:
    periods = len(outlook)
    stored, short = np.zeros(periods + 1), np.zeros(periods + 1)
    vehicle, use = home.vehicle, outlook.use
    if vehicle is None or use is None:
        return stored, short
    inflow = vehicle.charge_efficiency * decisions.vehicle_charge_kwh - use.used_kwh
    inflow = inflow - decisions.vehicle_discharge_kwh / vehicle.discharge_efficiency
    stored[0] = outlook.state.vehicle_kwh
    for t in range(periods + 1):
        short[t] = max(use.required_kwh[t] - stored[t], 0.0)
        if t < periods:
            stored[t + 1] = stored[t] + short[t] + inflow[t]
    return stored, short


def indoor_path(home: Home, outlook: Outlook, electricity: Floats) -> Floats:
    """Return indoor temperatures [degC] under a heat pump's electricity [kWh], shape (periods + 1,) (A1.3 (5))."""
    if home.building is None or home.heat_pump is None:
        return np.full(len(outlook) + 1, outlook.state.indoor_c)
    keep, gain, shift = thermal_columns(home, outlook)
    return _path(outlook.state.indoor_c, keep, shift + gain * electricity)


def thermal_columns(home: Home, outlook: Outlook) -> tuple[float, Floats, Floats]:
    """Return keep, gain [K/kWh] and shift [K]: T[t + 1] = keep T[t] + gain[t] electricity[t] + shift[t] (A1.3 (5)).

    Raises
    ------
    ValueError
        If the home has no heat pump.
    """
    if home.building is None or home.heat_pump is None:
        raise ValueError(f"home: heat_pump {home.heat_pump}; must be given")
    building, held = home.building, home.building.capacity_kwh_per_k
    lost = building.loss_kw_per_k * outlook.hours / held
    gain = home.heat_pump.sign * home.heat_pump.cop(outlook.outdoor_c) / held
    return 1.0 - lost, gain, lost * outlook.outdoor_c + building.internal_kw * outlook.hours / held


def tank_path(home: Home, outlook: Outlook, decisions: Decisions) -> Floats:
    """Return what the heat tank holds [kWh], shape (periods + 1,) (A1.3 (6))."""
    plant = home.cogeneration
    if plant is None:
        return np.zeros(len(outlook) + 1)
    inflow = plant.heat_ratio * decisions.cogeneration_kwh + decisions.boiler_kwh - outlook.heat_kwh
    return _path(outlook.state.tank_kwh, 1.0 - plant.tank_loss_per_hour * outlook.hours, inflow)


def _fuel_kwh(home: Home, decisions: Decisions) -> float:
    plant = home.cogeneration
    if plant is None:
        return 0.0
    burnt = decisions.cogeneration_kwh / plant.electric_efficiency + decisions.boiler_kwh / plant.boiler_efficiency
    return float(burnt.sum())


def violations(home: Home, outlook: Outlook, plan: HomePlan) -> dict[str, float]:
    """Return by how much a plan breaks each rule of A1.3; at most 0 where it keeps it.

    Returns
    -------
    dict of str to float
        In kWh, and in periods for jobs. What is compared with what stands in the name.
    """
    done, hours, connection = plan.decisions, outlook.hours, home.connection
    found = {
        "import limit": float((plan.import_kwh - connection.import_kw * hours).max()),
        "export limit": float((plan.export_kwh - connection.export_kw * hours).max()),
        "curtailment": float(np.maximum(-done.curtailed_kwh, done.curtailed_kwh - outlook.pv_kwh).max()),
    }
    if home.battery is not None:
        device, flows = home.battery, (done.battery_charge_kwh, done.battery_discharge_kwh)
        found |= _storage_violations("battery", device.charge_kw, device.discharge_kw, hours, *flows)
        found["battery energy"] = _outside(plan.battery_kwh, device.capacity_kwh)
        found["battery end"] = outlook.battery_end_kwh - float(plan.battery_kwh[-1])
    if home.vehicle is not None and outlook.use is not None:
        car, flows, use = home.vehicle, (done.vehicle_charge_kwh, done.vehicle_discharge_kwh), outlook.use
        found |= _storage_violations("vehicle", car.charge_kw, car.discharge_kw, hours, *flows)
        found["vehicle energy"] = _outside(plan.vehicle_kwh, car.capacity_kwh)
        found["vehicle away"] = float(((flows[0] + flows[1]) * ~use.at_home).max())
    if home.heat_pump is not None:
        found["heat pump power"] = _outside(done.heat_pump_kwh, home.heat_pump.power_kw * hours)
    if home.cogeneration is not None:
        plant, made = home.cogeneration, done.cogeneration_kwh
        found["cogeneration power"] = _outside(made, plant.most_kw * hours)
        found["cogeneration least"] = float((np.minimum(plant.least_kw * hours - made, made)).max())
        found["boiler power"] = _outside(done.boiler_kwh, plant.boiler_kw * hours)
        found["tank energy"] = _outside(plan.tank_kwh, plant.tank_kwh)
    for appliance, window, start in zip(home.appliances, outlook.windows, done.starts, strict=True):
        if window is None or start is None:
            late = 0 if window is None and start is None else len(outlook)
        else:
            late = max(window.earliest - start, start + appliance.periods - window.deadline)
        found[f"window of {appliance.name}"] = float(late)
    return found


def _outside(path: Floats, most: float) -> float:
    return float(np.maximum(-path, path - most).max())


def _storage_violations(
    name: str, charge_kw: float, discharge_kw: float, hours: float, charge: Floats, discharge: Floats
) -> dict[str, float]:
    return {
        f"{name} charging": _outside(charge, charge_kw * hours),
        f"{name} discharging": _outside(discharge, discharge_kw * hours),
        f"{name} both at once": float(np.minimum(charge, discharge).max()),
    }


def refuse_broken(home: Home, outlook: Outlook, plan: HomePlan) -> HomePlan:
    """Return a plan that keeps every rule to 1e-6, or raise RuntimeError with the rule it breaks most."""
    found = violations(home, outlook, plan)
    worst = max(found, key=lambda name: found[name])
    if found[worst] > TOLERANCE:
        raise RuntimeError(f"home plan: breaks '{worst}' by {found[worst]}: report the home and its outlook")
    return plan


def uncontrolled(home: Home, outlook: Outlook) -> HomePlan:
    """Return what happens without control: the reference that a plan has to beat (P5).

    Jobs start at their earliest time, the car charges on arrival until it holds what it needs, the heat pump keeps to
    the edge of the comfort band that costs least, the boiler makes all heat, the battery idles, and generation is
    curtailed only beyond the export limit.

    Parameters
    ----------
    home : Home
        Devices.
    outlook : Outlook
        Data.
    """
    done = Decisions.none(len(outlook))
    done.starts = tuple(None if window is None else window.earliest for window in outlook.windows)
    _charge_on_arrival(home, outlook, done.vehicle_charge_kwh)
    if home.heat_pump is not None:
        _hold_edge(home, outlook, home.heat_pump.power_kw * outlook.hours, done.heat_pump_kwh)
    if home.cogeneration is not None:
        done.boiler_kwh[:] = outlook.heat_kwh
    use = outlook.base_kwh + job_load(home, outlook, done.starts) + done.heat_pump_kwh + done.vehicle_charge_kwh
    done.curtailed_kwh = np.maximum(outlook.pv_kwh - use - home.connection.export_kw * outlook.hours, 0.0)
    return follow(home, outlook, done)


def _charge_on_arrival(home: Home, outlook: Outlook, charge: Floats) -> None:
    vehicle, use = home.vehicle, outlook.use
    if vehicle is None or use is None:
        return
    stored, most = outlook.state.vehicle_kwh, vehicle.charge_kw * outlook.hours
    departures = np.flatnonzero(use.required_kwh)
    for t in range(len(outlook)):
        stored = max(stored, use.required_kwh[t])
        coming = departures[departures > t]
        if use.at_home[t] and len(coming):
            missing = max(use.required_kwh[coming[0]] - stored, 0.0) / vehicle.charge_efficiency
            charge[t] = min(most, missing)
        stored += vehicle.charge_efficiency * charge[t] - use.used_kwh[t]


def _hold_edge(home: Home, outlook: Outlook, most: float, electricity: Floats) -> None:
    keep, gain, shift = thermal_columns(home, outlook)
    edge = outlook.comfort_low_c if gain[0] > 0 else outlook.comfort_high_c
    indoor = outlook.state.indoor_c
    for t in range(len(outlook)):
        idle = keep * indoor + shift[t]
        electricity[t] = min(max((edge[t] - idle) / gain[t], 0.0), most)
        indoor = idle + gain[t] * electricity[t]
