"""The day-ahead pool on a network: one price an area and period (C5, C5.4, market_day.md).

Energy is counted in whole quanta of 1e-6 kWh and money in whole micro-units, as in the pool of one area: in every
period what all areas sell equals what they buy, and what is paid equals what is received and the congestion rent.
Awards are rounded to quanta, so a flow may pass its limit by as many quanta as there are steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gridagora.markets.day_ahead import DayAheadPool, as_quanta, close_gap, refuse_repeated
from gridagora.markets.network.dispatch import awards_by_area
from gridagora.markets.network.grid import Network
from gridagora.markets.network.optimum import NetworkModel, Optimum
from gridagora.markets.network.pool_result import NetworkPoolResult
from gridagora.markets.network.prices import AreaPrices, Awarded, area_prices, paid_by_buyers
from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.markets.pool_day import Offers
from gridagora.markets.price_grid import QUANTUM_KWH, apportion, round_to_zero_sum
from gridagora.markets.storage import Storage, StorageFleet

DIGITS = 9  # of a dual, in currency/kWh


class NetworkPool(DayAheadPool):
    """The pool of all areas of a network, built once per run and cleared once a day.

    * Awards maximise welfare, then volume; steps of one price share in proportion as far as lines allow.
    * Prices support the awards in all areas at once; `k` says where in their intervals. Where an interval has no end,
      as in an area cut off from the rest, floor or cap ends it.
    * Demand at the cap that cannot be served stays unserved, surplus at the floor that cannot be taken is spilled:
      both are counted by area, and the pool is never infeasible.
    * With storage all periods are one program, storages end the day with no less than they began, and the price of
      their areas is the solver's dual.

    Parameters
    ----------
    offers : Offers
        Plants and imports; costs above `floor` and at most `cap`.
    offer_area : array_like, shape (units,)
        Area of each unit, by name.
    network : Network
        Areas and lines, without `losses`: those are demand of the grid company.
    storages : sequence of Storage
        They are parties too, after the offers.
    storage_area : array_like, shape (storages,)
        Area of each storage, by name.
    hours : float
        Length of a settlement period. [h]
    **terms
        As for :class:`DayAheadPool`; `method` must not be "exact".

    Attributes
    ----------
    parties : tuple of str
        Buyers, then offers, then storages, as in `NetworkPoolResult.payments`.
    storages : StorageFleet
        What the storages hold before the next day: whoever reads the meters keeps it up to date.

    Raises
    ------
    ValueError
        If an area is not the network's, the network has losses, `method` is "exact", or as in :class:`DayAheadPool`.
    """

    def __init__(
        self,
        offers: Offers,
        offer_area: ArrayLike,
        network: Network,
        storages: Sequence[Storage] = (),
        storage_area: ArrayLike = (),
        *,
        hours: float,
        method: str = "auto",
        **terms: Any,
    ) -> None:
        if method == "exact":
            raise ValueError("pool: method 'exact' sorts offers of one area; on a network use 'auto' or 'pyomo'")
        if network.losses:
            raise ValueError("pool: the network adds losses to the load; they are demand of the grid company here")
        super().__init__(offers, method="exact", **terms)  # orders and checks; the model is this class's own
        self.parties = (*self.parties, *(storage.name for storage in storages))
        refuse_repeated(self.parties)
        self.network, self.hours, self.storages = network, hours, StorageFleet(storages)
        self.unit_area = read_only(network.area_index(offer_area))
        self.storage_area = read_only(network.area_index(np.asarray(storage_area).reshape(-1)))
        for name, given, wanted in (
            ("offer_area", self.unit_area, len(offers.name)),
            ("storage_area", self.storage_area, len(storages)),
        ):
            if given.shape != (wanted,):
                raise ValueError(f"pool: {name} of shape {given.shape}; give one area each of {wanted}")
        areas, periods, steps = len(network.areas), self.shape[1], self.step_price
        levels, self._level = np.unique(np.column_stack([self.unit_area, offers.cost]), axis=0, return_inverse=True)
        self._level = self._level.reshape(-1)
        self._ask_price = np.concatenate([np.full(areas, self.floor), levels[:, 1]])
        self._bid_price = np.tile(steps, areas)
        self._by_level = self._sums(self.capacity, len(levels))
        self._market = NetworkModel(
            network,
            np.concatenate([np.arange(areas), levels[:, 0].astype(np.int64)]),
            np.repeat(np.arange(areas), len(steps)),
            hours=hours,
            periods=periods if len(self.storages) else 1,
            storage_area=self.storage_area,
            efficiency=self.storages.efficiency,
        )

    @property
    def price_rule(self) -> str:
        """How prices are found, in words."""
        return f"competitive interval by area, k = {self.k:g}" + (", storage by dual" if len(self.storages) else "")

    @property
    def solver(self) -> dict[str, str]:
        """Name, version and method of the solver."""
        return self._market.described

    def clear(self, demand_kwh: ArrayLike, surplus_kwh: ArrayLike = 0.0) -> NetworkPoolResult:
        """Clear all periods of a day.

        Parameters
        ----------
        demand_kwh : array_like, shape (buyers, areas, periods, steps)
            Energy wanted at each step price, at the meter; inelastic load and losses stand in step 0. [kWh]
        surplus_kwh : array_like, shape (buyers, areas, periods), optional
            Energy offered at the floor. [kWh]

        Returns
        -------
        NetworkPoolResult
            Prices, schedules and payments.

        Raises
        ------
        ValueError
            If a shape does not fit or a quantity is negative, not finite or beyond 2^52 quanta a period.
        InfeasibleMarket
            If HiGHS does not end at an optimum.
        RuntimeError
            If the solver's prices or quantities contradict each other.
        """
        buyers, periods, steps = self.shape
        shape = (buyers, len(self.network.areas), periods, steps)
        demand = as_quanta("demand_kwh", demand_kwh, shape, axis=(0, 1, 3))
        surplus = as_quanta("surplus_kwh", surplus_kwh, shape[:3], axis=(0, 1))
        bids = demand.sum(axis=0).transpose(1, 0, 2).reshape(periods, -1)
        asks = np.column_stack([surplus.sum(axis=0).T, self._by_level])
        solved, prices = self._solve(bids * QUANTUM_KWH, asks * QUANTUM_KWH)
        bought, sold, charge, discharge = (
            np.rint(np.concatenate([getattr(found, name) for found in solved]) / QUANTUM_KWH).astype(np.int64)
            for name in ("bought", "sold", "charge", "discharge")
        )
        power = np.broadcast_to(self.storages.power, charge.shape)
        wanted, offered = np.column_stack([bought, charge]), np.column_stack([sold, discharge])
        close_gap(np.column_stack([bids, power]), wanted, np.column_stack([asks, power]), offered)
        bought, charge = np.split(wanted, [bids.shape[1]], axis=1)
        sold, discharge = np.split(offered, [asks.shape[1]], axis=1)
        flow = np.concatenate([found.flow for found in solved])
        return self._outcome(demand, surplus, (bought, sold, charge, discharge), prices, flow)

    def _solve(self, wanted: FloatArray, offered: FloatArray) -> tuple[list[Optimum], list[AreaPrices]]:
        """Return the optima, one a period or one of the day, and each period's prices."""
        bounds, storages = (self.floor, self.cap), self.storages
        power = np.asarray(storages.power * QUANTUM_KWH, dtype=np.float64)
        solved, prices = [], []
        self._market.forget()  # the day before: a run that is resumed does not have it
        blocks = [slice(None)] if len(storages) else [slice(t, t + 1) for t in range(len(wanted))]
        spare = np.minimum(4.0 * len(wanted), storages.energy / 4)  # what rounding may move
        for block in blocks:
            held = np.clip(storages.stored, spare, storages.energy - spare) - spare
            found = self._market.solve(
                self._ask_price,
                offered[block],
                self._bid_price,
                wanted[block],
                power=power,
                energy=(storages.energy - 2 * spare) * QUANTUM_KWH,
                stored=held * QUANTUM_KWH,
            )
            solved.append(found)
            for t, (ask, bid) in enumerate(zip(offered[block], wanted[block], strict=True)):
                awarded = awards_by_area(self._market, found, t, self._ask_price, ask, self._bid_price, bid)
                dual: FloatArray = np.round(found.dual[t], DIGITS)
                self._pin(awarded, found, t, dual)
                prices.append(area_prices(self.network, awarded, self.k, self.hours, dual, bounds))
        return solved, prices

    def _pin(self, awarded: Awarded, found: Optimum, period: int, dual: FloatArray) -> None:
        """Add what storages do to the awards, and give their areas the solver's price."""
        at = self.storage_area
        np.add.at(awarded.withdrawal, at, found.charge[period] - found.discharge[period])
        for quote in (awarded.ask_low, awarded.ask_high, awarded.bid_low, awarded.bid_high):
            quote[at] = dual[at]

    def _sums(self, energy: IntArray, levels: int) -> IntArray:
        """Return the sums over units of one area and cost, shape (periods, levels)."""
        sums = np.zeros((len(energy), levels), dtype=np.int64)
        np.add.at(sums.T, self._level, energy.T)
        return sums

    def _schedule(self, sold: IntArray) -> IntArray:
        """Return each unit's share of what its level sells."""
        schedule = np.zeros_like(self.capacity)
        for level in range(sold.shape[1]):
            units = np.flatnonzero(self._level == level)
            weight = np.ascontiguousarray(self.capacity[:, units])
            schedule[:, units] = apportion(np.ascontiguousarray(sold[:, level]), weight)
        return schedule

    def _outcome(
        self,
        demand: IntArray,
        surplus: IntArray,
        awards: tuple[IntArray, IntArray, IntArray, IntArray],
        prices: list[AreaPrices],
        flow: FloatArray,
    ) -> NetworkPoolResult:
        bought, sold, charge, discharge = awards
        buyers, areas, periods, steps = demand.shape
        by_step = np.ascontiguousarray(demand.transpose(2, 1, 3, 0)).reshape(-1, buyers)
        accepted = apportion(bought.reshape(-1), by_step).reshape(periods, areas, steps, buyers).transpose(3, 1, 0, 2)
        fed_in = sold[:, :areas]
        by_area = np.ascontiguousarray(surplus.transpose(2, 1, 0)).reshape(-1, buyers)
        own = apportion(fed_in.reshape(-1), by_area).reshape(periods, areas, buyers).transpose(2, 1, 0)
        schedule = self._schedule(sold[:, areas:])
        price = np.array([p.price for p in prices])
        paid = np.array([paid_by_buyers(self.network, p) for p in prices])
        stored = (charge - discharge) * price[:, self.storage_area]
        amounts = np.concatenate(
            [
                (accepted.sum(axis=3) * paid.T - own * price.T).sum(axis=(1, 2)),
                -(schedule * price[:, self.unit_area]).sum(axis=0),
                stored.sum(axis=0),
            ]
        )
        rounded = round_to_zero_sum(np.append(amounts, -amounts.sum()))
        imported = accepted.sum(axis=(0, 3)).T - fed_in
        np.subtract.at(imported.T, self.unit_area, schedule.T)
        np.add.at(imported.T, self.storage_area, (charge - discharge).T)
        columns: dict[str, Any] = {
            name: np.array([getattr(p, source) for p in prices])
            for name, source in (
                *((part, part) for part in ("price", "energy", "congestion", "voltage", "line_price")),
                *(("price_low", "low"), ("price_high", "high"), ("reactive_price", "reactive")),
            )
        }
        columns |= {
            "flow_kwh": flow,
            "schedule_quanta": schedule,
            "idle_quanta": np.zeros_like(schedule),
            "demand_quanta": accepted,
            "surplus_quanta": own,
            "unserved_quanta": (demand[..., 0].sum(axis=0) - accepted[..., 0].sum(axis=0)).T,
            "spilled_quanta": surplus.sum(axis=0).T - fed_in,
            "import_quanta": imported,
            "charge_quanta": charge,
            "discharge_quanta": discharge,
            "payments": rounded[:-1],
            "uplift": np.zeros(len(self.parties), dtype=np.int64),
            "start_cost": np.zeros(schedule.shape[1], dtype=np.int64),
        }
        welfare = float((bought * self._bid_price).sum() - (sold * self._ask_price).sum()) * QUANTUM_KWH
        frozen = {name: read_only(np.ascontiguousarray(column)) for name, column in columns.items()}
        return NetworkPoolResult(**frozen, congestion_rent=-int(rounded[-1]), welfare=welfare, method="pyomo")
