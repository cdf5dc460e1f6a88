"""What comes out of one day of the pool on a network."""

from __future__ import annotations

from dataclasses import dataclass

from gridagora.markets.orders import FloatArray, IntArray
from gridagora.markets.pool_day import PoolResult


@dataclass(frozen=True, slots=True, eq=False)
class NetworkPoolResult(PoolResult):
    """A day of the pool by area: what `PoolResult` gives by period has one entry an area here.

    So `price`, `price_low`, `price_high`, `unserved_quanta` and `spilled_quanta` have shape (periods, areas),
    `demand_quanta` (buyers, areas, periods, steps), `surplus_quanta` (buyers, areas, periods). `payments` add up to
    `congestion_rent`, and nothing idles, starts or needs uplift.

    Attributes
    ----------
    energy, congestion, voltage : ndarray, shape (periods, areas)
        Parts of the price. [currency/kWh]
    reactive_price : ndarray, shape (periods, areas)
        Of reactive energy, which buyers pay beside. [currency/kvarh]
    line_price : ndarray, shape (periods, lines)
        What one more kWh of limit is worth. [currency/kWh]
    flow_kwh : ndarray, shape (periods, lines)
        [kWh]
    import_quanta : ndarray of int64, shape (periods, areas)
        Net import of each area, sum 0 in every period. [1e-6 kWh]
    congestion_rent : int
        What the grid company keeps. [1e-6 currency]
    """

    energy: FloatArray
    congestion: FloatArray
    voltage: FloatArray
    reactive_price: FloatArray
    line_price: FloatArray
    flow_kwh: FloatArray
    import_quanta: IntArray
    congestion_rent: int
