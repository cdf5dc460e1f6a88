"""What a home knows when it plans: prices, loads, weather, use of its devices, and what they hold now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gridagora.agents.devices import Floats, Home, refuse_outside
from gridagora.agents.vehicle_trips import Stay, VehicleUse, vehicle_use
from gridagora.markets.orders import read_only

HOURS = (1.0 / 12.0, 0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Window:
    """When a job may run: from the start of period `earliest` to the start of period `deadline`.

    Parameters
    ----------
    earliest, deadline : int
        Settlement periods of the outlook; `deadline` may be its length.
    """

    earliest: int
    deadline: int


@dataclass(frozen=True, slots=True)
class HomeState:
    """What the devices of a home hold before the first period.

    Parameters
    ----------
    battery_kwh, vehicle_kwh, tank_kwh : float
        Energy stored. [kWh]
    indoor_c : float
        Temperature of the building. [degC]
    peak_kw : float
        Highest import of the month so far. [kW]
    """

    battery_kwh: float = 0.0
    vehicle_kwh: float = 0.0
    tank_kwh: float = 0.0
    indoor_c: float = 21.0
    peak_kw: float = 0.0


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Outlook:
    """Data of one horizon for one home.

    Parameters
    ----------
    home : Home
        Devices that the data must fit.
    hours : float
        Length of a settlement period: 1/12, 0.25, 0.5 or 1. [h]
    buy, sell : array_like, shape (periods,)
        Price of energy taken and fed in. [currency/kWh]
    base_kwh : array_like, shape (periods,)
        Load that is not planned. [kWh]
    pv_kwh : array_like, shape (periods,), optional
        Generation before curtailment, 0 without it. [kWh]
    outdoor_c : array_like, shape (periods,), optional
        Outdoor temperature; needed with a heat pump. [degC]
    comfort_c : pair of array_like, each a number or of shape (periods,)
        Lower and upper edge of the comfort band at the end of each period; twice the set point for no band. [degC]
    heat_kwh : array_like, shape (periods,), optional
        Heat demand; needed with cogeneration. [kWh]
    fuel_price : float
        Price of fuel for cogeneration and boiler. [currency/kWh]
    stays : sequence of Stay
        When the car is at home.
    windows : sequence of Window or None, optional
        One for each appliance; None where there is no job. No jobs by default.
    state : HomeState
        What the devices hold before the first period.
    battery_end_kwh : float, optional
        Least that the battery holds at the end; what it holds at the start by default. [kWh]
    battery_end_value : float, optional
        Instead of the rule of `battery_end_kwh`: what each kWh left at the end is worth, such as the mean price
        times the discharging efficiency. [currency/kWh]

    Raises
    ------
    ValueError
        If a column has the wrong length or a number that is not finite or out of its range, or a job does not fit
        its window.
    """

    hours: float
    buy: Floats
    sell: Floats
    base_kwh: Floats
    pv_kwh: Floats
    outdoor_c: Floats
    comfort_low_c: Floats
    comfort_high_c: Floats
    heat_kwh: Floats
    fuel_price: float
    stays: tuple[Stay, ...]
    use: VehicleUse | None
    windows: tuple[Window | None, ...]
    state: HomeState
    battery_end_kwh: float
    battery_end_value: float | None

    def __init__(
        self,
        home: Home,
        hours: float,
        buy: ArrayLike,
        sell: ArrayLike,
        base_kwh: ArrayLike,
        *,
        pv_kwh: ArrayLike | None = None,
        outdoor_c: ArrayLike | None = None,
        comfort_c: tuple[ArrayLike, ArrayLike] = (20.0, 22.0),
        heat_kwh: ArrayLike | None = None,
        fuel_price: float = 0.0,
        stays: Sequence[Stay] = (),
        windows: Sequence[Window | None] | None = None,
        state: HomeState | None = None,
        battery_end_kwh: float | None = None,
        battery_end_value: float | None = None,
    ) -> None:
        if hours not in HOURS:
            raise ValueError(f"outlook: hours {hours}; allowed 1/12, 0.25, 0.5, 1")
        prices = np.asarray(buy, dtype=np.float64)
        if prices.ndim != 1 or not len(prices):
            raise ValueError(f"outlook: buy of shape {prices.shape}; must be one row of at least one period")
        periods = len(prices)
        if home.heat_pump is not None and outdoor_c is None:
            raise ValueError("outlook: outdoor_c None; must be given with a heat pump")
        if home.cogeneration is not None and heat_kwh is None:
            raise ValueError("outlook: heat_kwh None; must be given with cogeneration")
        columns = {
            "buy": (buy, -np.inf),
            "sell": (sell, -np.inf),
            "base_kwh": (base_kwh, 0.0),
            "pv_kwh": (pv_kwh, 0.0),
            "outdoor_c": (outdoor_c, -np.inf),
            "heat_kwh": (heat_kwh, 0.0),
            "comfort_low_c": (comfort_c[0], -np.inf),
            "comfort_high_c": (comfort_c[1], -np.inf),
        }
        for name, (given, least) in columns.items():
            object.__setattr__(self, name, _column(name, given, periods, least))
        held = HomeState() if state is None else state
        end = held.battery_kwh if battery_end_kwh is None else battery_end_kwh
        asked = tuple(windows) if windows is not None else (None,) * len(home.appliances)
        object.__setattr__(self, "hours", float(hours))
        object.__setattr__(self, "fuel_price", float(fuel_price))
        object.__setattr__(self, "stays", tuple(stays))
        object.__setattr__(self, "state", held)
        object.__setattr__(self, "windows", asked)
        object.__setattr__(self, "battery_end_kwh", float(end) if battery_end_value is None else 0.0)
        object.__setattr__(self, "battery_end_value", battery_end_value)
        _refuse_misfits(home, self)
        use = vehicle_use(self.stays, home.vehicle, periods, hours) if home.vehicle is not None else None
        object.__setattr__(self, "use", use)

    def __len__(self) -> int:
        return len(self.buy)


def _column(name: str, given: ArrayLike | None, periods: int, least: float) -> Floats:
    """Return a read-only copy, or zeros where nothing is given."""
    column = np.zeros(periods) if given is None else np.array(given, dtype=np.float64)
    if name.startswith("comfort") and column.ndim == 0:
        column = np.full(periods, column)
    if column.shape != (periods,):
        raise ValueError(f"outlook: {name} of shape {column.shape}; must be ({periods},), one entry a period")
    bad = ~(np.isfinite(column) & (column >= least))
    if bad.any():
        at = int(np.argmax(bad))
        limit = f"at least {least:g} and finite" if least > -np.inf else "finite"
        raise ValueError(f"outlook: {name} {column[at]} in period {at}; must be {limit}")
    return read_only(column)


def _refuse_misfits(home: Home, outlook: Outlook) -> None:
    refuse_outside("outlook", "fuel_price", outlook.fuel_price)
    state = outlook.state
    if home.battery is not None:
        refuse_outside("outlook", "state.battery_kwh", state.battery_kwh, most=home.battery.capacity_kwh)
        refuse_outside("outlook", "battery_end_kwh", outlook.battery_end_kwh, most=home.battery.capacity_kwh)
    if outlook.battery_end_value is not None:
        refuse_outside("outlook", "battery_end_value", outlook.battery_end_value)
    if home.cogeneration is not None:
        refuse_outside("outlook", "state.tank_kwh", state.tank_kwh, most=home.cogeneration.tank_kwh)
        most = home.cogeneration.boiler_kw * outlook.hours
        refuse_outside("outlook", "highest heat_kwh", float(outlook.heat_kwh.max()), most=most)
    refuse_outside("outlook", "state.peak_kw", state.peak_kw)
    refuse_outside("outlook", "state.indoor_c", state.indoor_c, least=-60.0, most=60.0)
    if np.any(outlook.comfort_low_c > outlook.comfort_high_c):
        at = int(np.argmax(outlook.comfort_low_c > outlook.comfort_high_c))
        raise ValueError(
            f"outlook: comfort_c {outlook.comfort_low_c[at]} to {outlook.comfort_high_c[at]} in period {at}; the lower "
            "edge must not lie above the upper one"
        )
    net = float((outlook.base_kwh - outlook.pv_kwh).max()) / outlook.hours
    refuse_outside("outlook", "highest load less generation [kW]", net, least=-np.inf, most=home.connection.import_kw)
    _refuse_jobs(home, outlook)
    _refuse_vehicle(home, outlook)


def _refuse_vehicle(home: Home, outlook: Outlook) -> None:
    if home.vehicle is None:
        if outlook.stays:
            raise ValueError(f"outlook: {len(outlook.stays)} stays; must be none for a home without a car")
        return
    refuse_outside("outlook", "state.vehicle_kwh", outlook.state.vehicle_kwh, most=home.vehicle.capacity_kwh)
    if outlook.stays and outlook.stays[0].arrive:
        refuse_outside("stay", "used_kwh", outlook.stays[0].used_kwh, most=outlook.state.vehicle_kwh + 1e-9)


def _refuse_jobs(home: Home, outlook: Outlook) -> None:
    if len(outlook.windows) != len(home.appliances):
        raise ValueError(f"outlook: {len(outlook.windows)} windows; must be {len(home.appliances)}, one an appliance")
    for appliance, window in zip(home.appliances, outlook.windows, strict=True):
        if window is None:
            continue
        last = window.deadline - appliance.periods
        if not (0 <= window.earliest <= last and window.deadline <= len(outlook)):
            raise ValueError(
                f"appliance {appliance.name}: window {window.earliest} to {window.deadline} for a job of "
                f"{appliance.periods} periods; must lie within 0 to {len(outlook)} and hold the job"
            )
