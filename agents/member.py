"""One member of a population, read like a classic Mesa agent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gridagora.agents.columns import ENERGY_ROWS, NO_CONSENT, TRUTHFUL
from gridagora.agents.population import Population
from gridagora.markets.tariffs.lines import BillLine, Period, explain


@dataclass(frozen=True, slots=True)
class Member:
    """View of one row of a population's columns; it holds no state of its own.

    Parameters
    ----------
    population : Population
        Owner of the columns.
    index : int
        Number of the member, from 0.
    row : int
        Its row in the columns.
    """

    population: Population
    index: int
    row: int

    @property
    def annual_kwh(self) -> float:
        """Expected consumption in the year of the profiles [kWh]."""
        return float(self.population.members.annual_kwh[self.row])

    @property
    def profile(self) -> str:
        """Name of the base profile."""
        name: str = self.population.tables.profiles.names[self.population.members.profile[self.row]]
        return name

    @property
    def pv_annual_kwh(self) -> float:
        """Expected generation in the year of the profiles [kWh]; 0 without PV."""
        return float(self.population.members.pv_annual_kwh[self.row])

    @property
    def battery_kwh(self) -> float:
        """Usable capacity of the battery [kWh]; 0 without one."""
        return float(self.population.members.battery_kwh[self.row])

    @property
    def stored_kwh(self) -> float:
        """Metered state of charge [kWh]."""
        return float(self.population.state.stored[self.row])

    @property
    def vehicle_kwh(self) -> float:
        """What the car holds [kWh]; 0 without one."""
        devices = self.population.devices
        return float(devices.columns.cars.held[self.row]) / 1e6 if devices.has_cars else 0.0

    @property
    def indoor_c(self) -> float:
        """Indoor temperature that a heat pump or an air conditioner sees [degC]; nan without one."""
        devices = self.population.devices
        owns = devices.has_pumps and devices.columns.rooms.size[self.row] > 0
        return float(devices.columns.rooms.indoor[self.row]) if owns else math.nan

    @property
    def strategy(self) -> str:
        """Bidding strategy; ``"no consent"`` for a member that keeps out of the online auction."""
        code = self.population.members.strategy[self.row]
        return "no consent" if code == NO_CONSENT else "truthful" if code == TRUTHFUL else "zi_constrained"

    @property
    def net_kwh(self) -> float:
        """Metered withdrawal (positive) or injection (negative) of the last settlement period [kWh]."""
        return float(self.population.state.net[self.row]) / 1e6

    @property
    def bill_lines(self) -> list[BillLine]:
        """Lines of the bill of the month so far."""
        accounts, population = self.population.accounts, self.population
        energy, amounts = accounts.energy[:, self.row], accounts.money[:, self.row]
        billing, offer = population.billing, int(population.members.offer[self.row])
        classes, first = len(population.offers[offer].tariff.classes), billing.n_classes
        registers = {name: float(energy[billing.row(name)]) for name in billing.registers}
        period = Period(billing.billed_days, billing.share, registers, float(amounts[4]) if amounts.size > 4 else 0.0)
        own = np.concatenate([energy[:classes], energy[first : first + ENERGY_ROWS]])
        return explain(billing.lines_of(offer), own, amounts[:4], period)

    @property
    def bill(self) -> pd.DataFrame:
        """The bill of the month so far as a table: line, account, quantity, unit, price, amount [currency]."""
        return pd.DataFrame(self.bill_lines, columns=list(BillLine.__slots__))

    @property
    def paid(self) -> float:
        """Sum of the bills since the start of the run, the open month included [currency]."""
        open_month = sum(round(line.amount * 1e6) for line in self.bill_lines)
        return (int(self.population.billed[self.row]) + open_month) / 1e6
