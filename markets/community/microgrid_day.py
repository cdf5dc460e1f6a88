"""What a microgrid has, what a day asks of it, and the plan that comes of it (model.md D6)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.orders import FloatArray, read_only


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a microgrid has; a size of 0 is none.

    Attributes
    ----------
    connection_kw : float
        Most power over the point of common coupling, either way [kW].
    battery_kwh, battery_kw : float
        Usable capacity [kWh] and power [kW].
    battery_efficiency : float
        Of charging, and again of discharging [1].
    wear_per_kwh : float
        Wear of the battery by energy discharged [currency/kWh].
    chp_kw, chp_electric, chp_heat : float
        Electric power [kW], and shares of the fuel that become electricity and useful heat [1].
    fuel_per_kwh : float
        Price of fuel, upkeep by use included [currency/kWh of fuel].
    boiler_efficiency : float
        Heat from the boiler over its fuel [1].
    chiller_kw, cop, ice_cop : float
        Electric power [kW]; cold over electricity when it is used at once, and when it is stored [1].
    tank_kwh, tank_kw, tank_loss_per_hour : float
        Cold store: capacity [kWh of cold], power either way [kW], and share lost in an hour [1/h].
    cold_value_per_kwh : float
        What a kWh of cold that lacks is worth [currency/kWh].
    """

    connection_kw: float
    battery_kwh: float = 0.0
    battery_kw: float = 0.0
    battery_efficiency: float = 0.95
    wear_per_kwh: float = 0.0
    chp_kw: float = 0.0
    chp_electric: float = 0.38
    chp_heat: float = 0.45
    fuel_per_kwh: float = 0.3
    boiler_efficiency: float = 0.9
    chiller_kw: float = 0.0
    cop: float = 4.0
    ice_cop: float = 3.0
    tank_kwh: float = 0.0
    tank_kw: float = 0.0
    tank_loss_per_hour: float = 0.0
    cold_value_per_kwh: float = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class MicrogridDay:
    """What a dispatch is made for.

    Attributes
    ----------
    demand : ndarray, shape (classes, periods)
        Load of each class of members [kWh].
    surplus, pv, wind : ndarray, shape (periods,)
        Members' own generation, and the most that PV and wind of the microgrid give [kWh].
    heat, cold : ndarray, shape (periods,)
        Demand for heat and for cold [kWh].
    buy, sell : ndarray, shape (periods,)
        Prices at the point of common coupling [currency/kWh].
    connected : ndarray, shape (periods,)
        1 where the grid is there, 0 where the microgrid is an island.
    lost_load_per_kwh : ndarray, shape (classes,)
        Value of lost load [currency/kWh].
    stored_kwh, cold_stored_kwh : float
        What battery and cold store hold at the start [kWh].
    stored_end_kwh, cold_end_kwh : float
        What they hold at least at the end [kWh]; what the cold store lacks then is paid like cold that lacks.
    peak_kw : float
        Import up to which no more has to be paid for power [kW].
    peak_per_kw : float
        What each kW above costs [currency/kW].
    """

    demand: FloatArray
    surplus: FloatArray
    pv: FloatArray
    wind: FloatArray
    heat: FloatArray
    cold: FloatArray
    buy: FloatArray
    sell: FloatArray
    connected: FloatArray
    lost_load_per_kwh: FloatArray
    stored_kwh: float = 0.0
    cold_stored_kwh: float = 0.0
    stored_end_kwh: float = 0.0
    cold_end_kwh: float = 0.0
    peak_kw: float = 0.0
    peak_per_kw: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Dispatch:
    """A day's plan, energies by period, shape (periods,) [kWh].

    Attributes
    ----------
    import_kwh, export_kwh : ndarray
        Over the point of common coupling; one of them is 0.
    pv_kwh, wind_kwh, chp_kwh : ndarray
        Generation that is used.
    boiler_heat_kwh : ndarray
        Heat from the boiler.
    charge_kwh, discharge_kwh, stored_kwh : ndarray
        Battery: in, out, and held at the end of the period.
    cold_direct_kwh, cold_charge_kwh, cold_discharge_kwh, cold_stored_kwh, cold_unserved_kwh : ndarray
        Cold used at once, put into and taken from the store, held at the end, and lacking.
    spilled_kwh : ndarray
        Members' own generation that finds no use.
    shed_kwh : ndarray, shape (classes, periods)
        Load that is not served.
    chiller_kwh : ndarray
        Electricity of the chillers.
    cost : float
        Objective: exchange, power, fuel, wear, and the value of what is shed or lacks [currency].
    """

    import_kwh: FloatArray
    export_kwh: FloatArray
    pv_kwh: FloatArray
    wind_kwh: FloatArray
    chp_kwh: FloatArray
    boiler_heat_kwh: FloatArray
    charge_kwh: FloatArray
    discharge_kwh: FloatArray
    stored_kwh: FloatArray
    cold_direct_kwh: FloatArray
    cold_charge_kwh: FloatArray
    cold_discharge_kwh: FloatArray
    cold_stored_kwh: FloatArray
    cold_unserved_kwh: FloatArray
    spilled_kwh: FloatArray
    shed_kwh: FloatArray
    chiller_kwh: FloatArray
    cost: float

    def __post_init__(self) -> None:
        for field in fields(self):
            if isinstance(value := getattr(self, field.name), np.ndarray):
                read_only(value)

    @property
    def plant_kwh(self) -> FloatArray:
        """What the operator's plant draws from the microgrid, negative where it feeds in, shape (periods,) [kWh]."""
        drawn = self.chiller_kwh + self.charge_kwh - self.discharge_kwh - self.chp_kwh
        return np.asarray(drawn - self.pv_kwh - self.wind_kwh)

    def fuel_kwh(self, equipment: Equipment) -> FloatArray:
        """Return the fuel that cogeneration and boiler burn, shape (periods,) [kWh]."""
        return np.asarray(
            self.chp_kwh / equipment.chp_electric + self.boiler_heat_kwh / equipment.boiler_efficiency,
        )


def day_of(
    demand: ArrayLike, buy: ArrayLike, sell: ArrayLike, lost_load_per_kwh: ArrayLike = 10.0, **others: Any
) -> MicrogridDay:
    """Return a day with arrays of the right shape; what is not given is 0, and the grid is there.

    Parameters
    ----------
    demand : array_like, shape (periods,) or (classes, periods)
        Load [kWh].
    buy, sell : array_like
        Prices at the point of common coupling [currency/kWh], numbers or by period.
    lost_load_per_kwh : array_like
        Value of lost load [currency/kWh], a number or by class.
    **others
        Further fields of :class:`MicrogridDay`.

    Raises
    ------
    ValueError
        If an energy is negative or anything is not finite.
    """
    load = np.atleast_2d(np.asarray(demand, np.float64))
    periods = load.shape[1]
    given: dict[str, Any] = {"buy": buy, "sell": sell, "connected": 1.0, **others}
    columns: dict[str, Any] = {
        name: np.ascontiguousarray(np.broadcast_to(np.asarray(given.pop(name, 0.0), np.float64), periods))
        for name in ("surplus", "pv", "wind", "heat", "cold", "buy", "sell", "connected")
    }
    for name, values in {"demand": load, **columns}.items():
        if not np.isfinite(values).all() or (name not in ("buy", "sell") and (values < 0).any()):
            allowed = "finite prices" if name in ("buy", "sell") else "finite energies of at least 0 kWh"
            raise ValueError(f"microgrid day: {name}: given {values.min():g} to {values.max():g}; allowed {allowed}")
    lost = np.ascontiguousarray(np.broadcast_to(np.asarray(lost_load_per_kwh, np.float64), len(load)))
    return MicrogridDay(demand=load, lost_load_per_kwh=lost, **columns, **given)
