"""Storage of the pool: what it is, and what it holds once the meters are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.markets.price_grid import QUANTUM_KWH

ROUNDING = 4  # quanta by which sums over meters may differ from shares of them


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage that buys and sells in the pool.

    Parameters
    ----------
    name : str
        Party in the ledger.
    power_kwh : float
        Most energy charged, and most discharged, in a settlement period. [kWh]
    energy_kwh : float
        Energy that a full storage discharges. [kWh]
    efficiency : float
        Energy discharged over energy charged, above 0 and at most 1; lost while charging. [1]

    Raises
    ------
    ValueError
        If a number is not finite or out of its range, or the storage holds less than 0.01 kWh.
    """

    name: str
    power_kwh: float
    energy_kwh: float
    efficiency: float

    def __post_init__(self) -> None:
        for key, most in (("power_kwh", math.inf), ("energy_kwh", math.inf), ("efficiency", 1.0)):
            value = getattr(self, key)
            if not (math.isfinite(value) and 0 < value <= most):
                limit = f"and at most {most:g}" if most < math.inf else "and finite"
                raise ValueError(f"storage {self.name}: {key} {value}; must be above 0 {limit}")
        if self.energy_kwh < 0.01:
            raise ValueError(f"storage {self.name}: energy_kwh {self.energy_kwh}; must be at least 0.01 kWh")


class StorageFleet:
    """The pool's storages and what they hold, half full at the start of a run.

    Parameters
    ----------
    storages : sequence of Storage
        Any number.

    Attributes
    ----------
    power, energy : ndarray of int64, shape (storages,)
        Most energy of a period, and most that is held. [1e-6 kWh]
    efficiency : ndarray, shape (storages,)
        Energy discharged over energy charged. [1]
    stored : ndarray, shape (storages,)
        What is held now. [1e-6 kWh]
    """

    def __init__(self, storages: Sequence[Storage]) -> None:
        self.names = tuple(storage.name for storage in storages)
        self.power: IntArray = read_only(np.array([int(s.power_kwh / QUANTUM_KWH) for s in storages], dtype=np.int64))
        self.energy: IntArray = read_only(np.array([int(s.energy_kwh / QUANTUM_KWH) for s in storages], dtype=np.int64))
        self.efficiency: FloatArray = read_only(np.array([s.efficiency for s in storages], dtype=np.float64))
        self.stored: FloatArray = self.energy / 2

    def __len__(self) -> int:
        return len(self.names)

    def follow(self, charge: IntArray, discharge: IntArray, need: float, capability: int) -> tuple[IntArray, IntArray]:
        """Charge and discharge as planned, or less where the area cannot follow, and keep what is then held.

        Before load is shed, charging stops; before generation is curtailed, discharging does. After that a later plan
        may find a storage too full or too empty, and is met as far as it goes.

        Parameters
        ----------
        charge, discharge : ndarray of int64, shape (storages,)
            Schedule of the period, from the pool; no storage does both. [1e-6 kWh]
        need : float
            What plants and storages have to deliver to the network, net; negative where members inject more than
            others take. [1e-6 kWh]
        capability : int
            What plants can deliver. [1e-6 kWh]

        Returns
        -------
        charge, discharge : ndarray of int64, shape (storages,)
            As metered. [1e-6 kWh]
        """
        charged = np.minimum(charge, np.floor((self.energy - self.stored) / self.efficiency).astype(np.int64))
        discharged = np.minimum(discharge, np.floor(self.stored).astype(np.int64))
        left = need + float(charged.sum() - discharged.sum())  # for the plants
        charged = charged - _first(math.ceil(left - capability) + ROUNDING, charged)
        discharged = discharged - _first(math.ceil(-left) + ROUNDING, discharged)
        self.stored = np.clip(self.stored + self.efficiency * charged - discharged, 0.0, self.energy)
        return charged, discharged


def _first(total: int, among: IntArray) -> IntArray:
    """Return up to `total`, if above 0, taken from the entries of `among` in order."""
    before = np.cumsum(among) - among
    taken: IntArray = np.clip(total - before, 0, among)
    return taken
