"""The least cost of a home's day: jobs, battery, car, heat, cogeneration and generation in one programme (A1.3).

The model is built once a device set and horizon; data are mutable parameters, which
:class:`gridagora.agents.home_planner.HomePlanner` sets and solves again.
"""

from __future__ import annotations

from typing import Any

import pyomo.environ as pyo

from gridagora.agents.devices import Battery, Building, Cogeneration, HeatPump, Home, Vehicle


def build_home_model(home: Home, periods: int, hours: float, integers: bool) -> Any:
    """Return the model of A1.3 for a device set, its data to be set.

    Parameters
    ----------
    home : Home
        Devices.
    periods : int
        Length of the horizon.
    hours : float
        Length of a settlement period. [h]
    integers : bool
        Whether charge and discharge, and import and export, exclude each other in periods where `may_do_both` and
        `may_go_both_ways` are 0.

    Returns
    -------
    pyomo ConcreteModel
        Energies in kWh a period.
    """
    model = pyo.ConcreteModel("home")
    model.periods = pyo.RangeSet(0, periods - 1)
    for name in ("buy", "sell", "net", "pv", "may_do_both", "may_go_both_ways"):
        model.add_component(name, pyo.Param(model.periods, mutable=True, initialize=0.0))
    most = home.connection.import_kw * hours, home.connection.export_kw * hours
    model.variable_import = pyo.Var(model.periods, bounds=(0.0, most[0]))
    model.variable_export = pyo.Var(model.periods, bounds=(0.0, most[1]))
    model.variable_curtailed = pyo.Var(model.periods, bounds=(0.0, None))
    model.constraint_curtailed = pyo.Constraint(
        model.periods, rule=lambda m, t: m.variable_curtailed[t] <= m.pv[t]
    )  # fmt: skip
    load: list[Any] = [model.variable_curtailed]
    supply: list[Any] = []
    cost: list[Any] = []
    if home.battery is not None:
        add_battery(model, home.battery, hours, load, supply, cost)
        if integers:
            _add_exclusion(model, "battery", home.battery, hours)
    if home.vehicle is not None:
        add_vehicle(model, home.vehicle, hours, load, supply, cost)
        if integers and home.vehicle.discharge_kw > 0:
            _add_exclusion(model, "vehicle", home.vehicle, hours)
    if home.heat_pump is not None and home.building is not None:
        add_building(model, home.heat_pump, home.building, hours, load, cost)
    if home.cogeneration is not None:
        add_cogeneration(model, home.cogeneration, hours, supply, cost)
    if home.appliances:
        add_jobs(model, home, hours, load)
    if home.connection.demand_charge > 0:
        add_peak(model, home.connection.demand_charge / hours, cost)
    if integers:
        _add_one_way(model, *most)
    model.constraint_balance = pyo.Constraint(
        model.periods,
        rule=lambda m, t: (
            m.variable_import[t] - m.variable_export[t] - sum(v[t] for v in load) + sum(v[t] for v in supply)
            == m.net[t]
        ),
    )
    traded = sum(
        model.buy[t] * model.variable_import[t] - model.sell[t] * model.variable_export[t] for t in model.periods
    )
    model.objective_cost = pyo.Objective(expr=traded + sum(cost), sense=pyo.minimize)
    return model


def add_battery(
    model: Any, battery: Battery, hours: float, load: list[Any], supply: list[Any], cost: list[Any]
) -> None:
    """Add A1.3 (3); parameters `battery_first`, `battery_end` [kWh] and `battery_end_value` [currency/kWh]."""
    periods, last = model.periods, model.periods.last()
    keep, into, out = 1.0 - battery.loss_per_hour * hours, battery.charge_efficiency, 1.0 / battery.discharge_efficiency
    for name in ("battery_first", "battery_end", "battery_end_value"):
        model.add_component(name, pyo.Param(mutable=True, initialize=0.0))
    model.variable_battery_charge = pyo.Var(periods, bounds=(0.0, battery.charge_kw * hours))
    model.variable_battery_discharge = pyo.Var(periods, bounds=(0.0, battery.discharge_kw * hours))
    model.variable_battery = pyo.Var(periods, bounds=(0.0, battery.capacity_kwh))
    model.constraint_battery = pyo.Constraint(
        periods,
        rule=lambda m, t: (
            m.variable_battery[t]
            - (keep * m.variable_battery[t - 1] if t else 0.0)
            - into * m.variable_battery_charge[t]
            + out * m.variable_battery_discharge[t]
            == (0.0 if t else keep * m.battery_first)
        ),
    )
    model.constraint_battery_end = pyo.Constraint(expr=model.variable_battery[last] >= model.battery_end)
    load.append(model.variable_battery_charge)
    supply.append(model.variable_battery_discharge)
    cost += [battery.wear_cost * model.variable_battery_discharge[t] for t in periods]
    cost.append(-model.battery_end_value * model.variable_battery[last])


def add_vehicle(
    model: Any, vehicle: Vehicle, hours: float, load: list[Any], supply: list[Any], cost: list[Any]
) -> None:
    """Add A1.3 (4); parameters `vehicle_first`, `vehicle_used`, `vehicle_required` [kWh] and `at_home`."""
    periods, last = model.periods, model.periods.last()
    model.instants = pyo.RangeSet(0, last + 1)
    model.vehicle_first = pyo.Param(mutable=True, initialize=0.0)
    model.vehicle_required = pyo.Param(model.instants, mutable=True, initialize=0.0)
    model.vehicle_used = pyo.Param(periods, mutable=True, initialize=0.0)
    model.at_home = pyo.Param(periods, mutable=True, initialize=0.0)
    back = vehicle.discharge_kw > 0
    model.variable_vehicle_charge = pyo.Var(periods, bounds=(0.0, vehicle.charge_kw * hours))
    model.variable_vehicle = pyo.Var(model.instants, bounds=(0.0, vehicle.capacity_kwh))
    model.variable_shortfall = pyo.Var(model.instants, bounds=(0.0, None))
    if back:
        model.variable_vehicle_discharge = pyo.Var(periods, bounds=(0.0, vehicle.discharge_kw * hours))
        model.constraint_discharge_at_home = pyo.Constraint(
            periods,
            rule=lambda m, t: m.variable_vehicle_discharge[t] <= vehicle.discharge_kw * hours * m.at_home[t],
        )
        supply.append(model.variable_vehicle_discharge)
        cost += [vehicle.wear_cost * model.variable_vehicle_discharge[t] for t in periods]
    model.constraint_charge_at_home = pyo.Constraint(
        periods, rule=lambda m, t: m.variable_vehicle_charge[t] <= vehicle.charge_kw * hours * m.at_home[t]
    )
    model.constraint_vehicle_first = pyo.Constraint(expr=model.variable_vehicle[0] == model.vehicle_first)
    model.constraint_vehicle = pyo.Constraint(
        periods,
        rule=lambda m, t: (
            m.variable_vehicle[t + 1]
            - m.variable_vehicle[t]
            - m.variable_shortfall[t]
            - vehicle.charge_efficiency * m.variable_vehicle_charge[t]
            + (m.variable_vehicle_discharge[t] / vehicle.discharge_efficiency if back else 0.0)
            == -m.vehicle_used[t]
        ),
    )
    model.constraint_departure = pyo.Constraint(
        model.instants, rule=lambda m, t: m.variable_vehicle[t] + m.variable_shortfall[t] >= m.vehicle_required[t]
    )
    model.constraint_shortfall = pyo.Constraint(
        model.instants, rule=lambda m, t: m.variable_shortfall[t] <= m.vehicle_required[t]
    )
    load.append(model.variable_vehicle_charge)
    cost += [vehicle.shortfall_cost * model.variable_shortfall[t] for t in model.instants]


def add_building(
    model: Any, pump: HeatPump, building: Building, hours: float, load: list[Any], cost: list[Any]
) -> None:
    """Add A1.3 (5); parameters `indoor_shift` [K], `indoor_gain` [K/kWh], `comfort_low`, `comfort_high` [degC]."""
    periods = model.periods
    keep = 1.0 - building.loss_kw_per_k * hours / building.capacity_kwh_per_k
    for name in ("indoor_shift", "indoor_gain", "comfort_low", "comfort_high"):
        model.add_component(name, pyo.Param(periods, mutable=True, initialize=1.0))
    model.variable_heat_pump = pyo.Var(periods, bounds=(0.0, pump.power_kw * hours))
    model.variable_indoor = pyo.Var(periods)
    model.variable_too_cold = pyo.Var(periods, bounds=(0.0, None))
    model.variable_too_warm = pyo.Var(periods, bounds=(0.0, None))
    model.constraint_indoor = pyo.Constraint(
        periods,
        rule=lambda m, t: (
            m.variable_indoor[t]
            - (keep * m.variable_indoor[t - 1] if t else 0.0)
            - m.indoor_gain[t] * m.variable_heat_pump[t]
            == m.indoor_shift[t]
        ),
    )
    model.constraint_comfort_low = pyo.Constraint(
        periods, rule=lambda m, t: m.variable_indoor[t] + m.variable_too_cold[t] >= m.comfort_low[t]
    )
    model.constraint_comfort_high = pyo.Constraint(
        periods, rule=lambda m, t: m.variable_indoor[t] - m.variable_too_warm[t] <= m.comfort_high[t]
    )
    load.append(model.variable_heat_pump)
    price = building.comfort_cost * hours
    cost += [price * (model.variable_too_cold[t] + model.variable_too_warm[t]) for t in periods]


def add_cogeneration(model: Any, plant: Cogeneration, hours: float, supply: list[Any], cost: list[Any]) -> None:
    """Add A1.3 (6); parameters `heat`, `tank_first`, `tank_end` [kWh] and `fuel_price` [currency/kWh].

    The tank ends with no less than what would be left in it had nobody touched it.
    """
    periods, last = model.periods, model.periods.last()
    keep = 1.0 - plant.tank_loss_per_hour * hours
    model.heat = pyo.Param(periods, mutable=True, initialize=0.0)
    for name in ("tank_first", "tank_end", "fuel_price"):
        model.add_component(name, pyo.Param(mutable=True, initialize=0.0))
    model.variable_cogeneration = pyo.Var(periods, bounds=(0.0, plant.most_kw * hours))
    model.variable_boiler = pyo.Var(periods, bounds=(0.0, plant.boiler_kw * hours))
    model.variable_tank = pyo.Var(periods, bounds=(0.0, plant.tank_kwh))
    model.constraint_tank = pyo.Constraint(
        periods,
        rule=lambda m, t: (
            m.variable_tank[t]
            - (keep * m.variable_tank[t - 1] if t else 0.0)
            - plant.heat_ratio * m.variable_cogeneration[t]
            - m.variable_boiler[t]
            == (0.0 if t else keep * m.tank_first) - m.heat[t]
        ),
    )
    model.constraint_tank_end = pyo.Constraint(expr=model.variable_tank[last] >= model.tank_end)
    if plant.least_kw > 0:
        model.variable_runs = pyo.Var(periods, domain=pyo.Binary)
        model.constraint_runs_most = pyo.Constraint(
            periods, rule=lambda m, t: m.variable_cogeneration[t] <= plant.most_kw * hours * m.variable_runs[t]
        )
        model.constraint_runs_least = pyo.Constraint(
            periods, rule=lambda m, t: m.variable_cogeneration[t] >= plant.least_kw * hours * m.variable_runs[t]
        )
    supply.append(model.variable_cogeneration)
    fuel = [
        model.variable_cogeneration[t] / plant.electric_efficiency + model.variable_boiler[t] / plant.boiler_efficiency
        for t in periods
    ]
    cost.append(model.fuel_price * sum(fuel))


def add_jobs(model: Any, home: Home, hours: float, load: list[Any]) -> None:
    """Add A1.3 (2); parameters `may_start` by appliance and period, and `wanted` by appliance."""
    periods, appliances = model.periods, home.appliances
    model.appliances = pyo.RangeSet(0, len(appliances) - 1)
    model.may_start = pyo.Param(model.appliances, periods, mutable=True, initialize=0.0)
    model.wanted = pyo.Param(model.appliances, mutable=True, initialize=0.0)
    model.variable_start = pyo.Var(model.appliances, periods, domain=pyo.Binary)
    model.constraint_may_start = pyo.Constraint(
        model.appliances, periods, rule=lambda m, j, t: m.variable_start[j, t] <= m.may_start[j, t]
    )
    model.constraint_wanted = pyo.Constraint(
        model.appliances, rule=lambda m, j: sum(m.variable_start[j, t] for t in periods) == m.wanted[j]
    )

    def running(m: Any, t: int) -> Any:
        return sum(
            appliance.power_kw * hours * m.variable_start[j, s]
            for j, appliance in enumerate(appliances)
            for s in range(max(t - appliance.periods + 1, 0), t + 1)
        )

    model.expression_jobs = pyo.Expression(periods, rule=running)
    load.append(model.expression_jobs)


def add_peak(model: Any, charge: float, cost: list[Any]) -> None:
    """Add A1.3 (7), the demand charge [currency/kWh of a period]; parameter `peak_before` [kWh of a period]."""
    model.peak_before = pyo.Param(mutable=True, initialize=0.0)
    model.variable_peak = pyo.Var(bounds=(0.0, None))
    model.constraint_peak_before = pyo.Constraint(expr=model.variable_peak >= model.peak_before)
    model.constraint_peak = pyo.Constraint(
        model.periods, rule=lambda m, t: m.variable_import[t] - m.variable_peak <= 0.0
    )
    cost.append(charge * (model.variable_peak - model.peak_before))


def _add_exclusion(model: Any, name: str, device: Battery | Vehicle, hours: float) -> None:
    """Let a storage charge or discharge, not both."""
    charge, discharge = getattr(model, f"variable_{name}_charge"), getattr(model, f"variable_{name}_discharge")
    most, back = device.charge_kw * hours, device.discharge_kw * hours
    out = pyo.Var(model.periods, domain=pyo.Binary)
    model.add_component(f"variable_{name}_discharges", out)
    rules = {
        "charges": lambda m, t: charge[t] + most * out[t] <= most + most * m.may_do_both[t],
        "discharges": lambda m, t: discharge[t] - back * out[t] <= back * m.may_do_both[t],
    }
    for kind, rule in rules.items():
        model.add_component(f"constraint_{name}_{kind}", pyo.Constraint(model.periods, rule=rule))


def _add_one_way(model: Any, most_import: float, most_export: float) -> None:
    """Let the home buy or sell, not both."""
    model.variable_imports = pyo.Var(model.periods, domain=pyo.Binary)
    model.constraint_imports = pyo.Constraint(
        model.periods,
        rule=lambda m, t: (
            m.variable_import[t] - most_import * m.variable_imports[t] <= most_import * m.may_go_both_ways[t]
        ),
    )
    model.constraint_exports = pyo.Constraint(
        model.periods,
        rule=lambda m, t: (
            m.variable_export[t] + most_export * m.variable_imports[t]
            <= most_export + most_export * m.may_go_both_ways[t]
        ),
    )
