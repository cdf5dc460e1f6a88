"""The centre of a population in shards: prices go out, sums over price ticks come back, once a period."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sharded_members import HeldShard, Reply, Settlement, Shard

from gridagora.agents.columns import DELIVER_TOTALS, INJECTION, SETTLE_TOTALS, WITHDRAWAL
from gridagora.agents.grid_company import GridCompany
from gridagora.markets.price_grid import clear_grid
from gridagora.scenarios.simulation import Simulation

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Calls one method of all shards and returns what they answer, in their order.
Ask = Callable[..., list[Any]]
SCENARIO = "state_grid_scale"
#: A second day keeps the bill of the first open.
DAYS = {"time.days": 2}


class DayInputs(NamedTuple):
    """What the centre knows of a day besides the members.

    Parameters
    ----------
    day : int
        Number of the day.
    errors : dict of ndarray, shape (periods,)
        Errors of the area by path.
    pool_price, short_price, long_price : ndarray, shape (periods,)
        Prices of the pool and of imbalances [currency/kWh].
    grid : tuple of float
        Price of the first and last tick, step [currency/kWh], and place of the price in its interval [1].
    grid_company : GridCompany
        Which says what has to be cut.
    capability : int
        What plants can generate in a period [1e-6 kWh].
    """

    day: int
    errors: dict[str, Floats]
    pool_price: Floats
    short_price: Floats
    long_price: Floats
    grid: tuple[float, float, float, float]
    grid_company: GridCompany
    capability: int


def inputs_of(model: Simulation, times: float = 1.0) -> DayInputs:
    """Return the inputs of the day that a simulation has just done; its plants may serve so many times its members."""
    record, market = model.record, model.scenario.market
    return DayInputs(
        record.day.index,
        record.errors,
        record.announced_price,
        record.short_price,
        record.long_price,
        (market.floor_per_kwh, market.cap_per_kwh, market.tick_per_kwh, market.k),
        model.parts.grid_company,
        int(model.parts.capability * times),
    )


@dataclass(slots=True, eq=False)
class DayOutcome:
    """What a day came to, and what it took.

    Attributes
    ----------
    price : ndarray of float64, shape (periods,)
        Auction price [currency/kWh]; nan without trade.
    volume : ndarray of int64, shape (periods,)
        Traded energy before awards are rounded down [1e-6 kWh].
    delivered, settled : ndarray of int64, shape (periods, 11) and (periods, 12)
        Sums over all members [1e-6 kWh].
    money : dict
        Of the members, by counterparty and account [1e-6 currency].
    waited, slowest, cpu, clearing : float
        From question to last answer, of it the slowest shard's own time, processor time of all shards, and the centre's
        own time for clearing, each summed over the periods [s].
    process_cpu : float
        Processor time of the centre's process over the periods, with messages to and from workers [s].
    """

    price: Floats
    volume: Ints
    delivered: Ints
    settled: Ints
    money: dict[tuple[str, str], int] = field(default_factory=dict)
    waited: float = 0.0
    slowest: float = 0.0
    cpu: float = 0.0
    clearing: float = 0.0
    process_cpu: float = 0.0

    @property
    def digest(self) -> str:
        """Hash of all results."""
        arrays = (self.price, self.volume, self.delivered, self.settled)
        found = hashlib.sha256(b"".join(array.tobytes() for array in arrays))
        found.update(repr(sorted(self.money.items())).encode())
        return found.hexdigest()[:16]


def run_day(ask: Ask, inputs: DayInputs) -> DayOutcome:
    """Simulate a day of all shards.

    Parameters
    ----------
    ask : callable
        ``ask(method, *arguments)`` calls a method of every shard.
    inputs : DayInputs
        The day.
    """
    errors, periods = inputs.errors, inputs.pool_price.size
    ask("forecast", inputs.day, errors["day_ahead_load"], errors["day_ahead_pv"])
    ask("announce", inputs.pool_price, *inputs.grid[:3])
    found = DayOutcome(
        np.full(periods, np.nan),
        np.zeros(periods, np.int64),
        np.zeros((periods, DELIVER_TOTALS), np.int64),
        np.zeros((periods, SETTLE_TOTALS), np.int64),
    )
    settlement: Settlement | None = None
    cpu = time.process_time()
    for period in range(periods + 1):
        gate = realised = None
        if period < periods:
            gate = (float(errors["gate_load"][period]), float(errors["gate_pv"][period]))
            realised = (float(errors["realised_load"][period]), float(errors["realised_pv"][period]))
        begun = time.perf_counter()
        replies: list[Reply] = ask("step", period, settlement, gate, realised)
        found.waited += time.perf_counter() - begun
        found.slowest += max(reply.seconds for reply in replies)
        found.cpu += sum(reply.cpu_seconds for reply in replies)
        begun = time.perf_counter()
        if period > 0:
            found.settled[period - 1] = sum(reply.settled for reply in replies).sum(axis=0)
        if period < periods:
            settlement = _clear(found, inputs, period, replies)
        found.clearing += time.perf_counter() - begun
    found.process_cpu = time.process_time() - cpu
    money: Counter[tuple[str, str]] = Counter()
    for sums in ask("close"):
        for account, amount in sums.items():
            money[account] += amount
    found.money = dict(money)
    return found


def _clear(found: DayOutcome, inputs: DayInputs, period: int, replies: Sequence[Reply]) -> Settlement:
    """Clear the sums of all shards, and find what has to be cut."""
    curves = sum(reply.curves for reply in replies)
    found.delivered[period] = sum(reply.delivered for reply in replies)
    floor, _, tick, k = inputs.grid
    grid = clear_grid(curves[0], curves[1], floor, tick, k)
    found.price[period], found.volume[period] = grid.price, grid.volume_quanta
    margins = (grid.buy_tick, grid.buy_num, grid.buy_den, grid.sell_tick, grid.sell_num, grid.sell_den)
    price = 0.0 if np.isnan(grid.price) else float(grid.price)
    prices = (price, float(inputs.short_price[period]), float(inputs.long_price[period]))
    totals = int(found.delivered[period, WITHDRAWAL]), int(found.delivered[period, INJECTION])
    return Settlement(margins, prices, inputs.grid_company.cuts(*totals, inputs.capability))


def alone(shard: Shard) -> Ask:
    """Return how to ask one shard in this process."""
    return lambda method, *arguments: [getattr(shard, method)(*arguments)]


def ranges(members: int, shards: int) -> list[tuple[int, int]]:
    """Return first member and the one behind the last of each shard."""
    edges = [members * place // shards for place in range(shards + 1)]
    return list(pairwise(edges))


@contextmanager
def on_workers(client: Any, overrides: dict[str, Any], shards: int, ticks: int, least: int) -> Iterator[Ask]:
    """Hold the shards on the workers of a Dask scheduler as actors, one each in turn, and yield how to ask them.

    Parameters
    ----------
    client : distributed.Client
        Connected.
    overrides : dict
        Values of the scenario, `households.count` among them.
    shards : int
        How many.
    ticks, least : int
        As :class:`Shard` takes them.
    """
    workers = sorted(client.scheduler_info(n_workers=-1)["workers"])
    held = []
    for place, (first, last) in enumerate(ranges(overrides["households.count"], shards)):
        where = {"workers": [workers[place % len(workers)]], "actor": True, "pure": False}
        held.append(client.submit(HeldShard, SCENARIO, DAYS | overrides, first, last, ticks, least, **where))
    actors = [future.result() for future in held]

    def ask(method: str, *arguments: Any) -> list[Any]:
        asked = [getattr(actor, method)(*arguments) for actor in actors]
        return [answer.result() for answer in asked]

    yield ask


def reference(overrides: dict[str, Any]) -> tuple[Simulation, int, int]:
    """Return a simulation whose first day is done, the ticks of its auction and the least energy of an offer.

    With a second day to come the month's bill is open still.
    """
    model = Simulation(SCENARIO, **{name.replace(".", "__"): value for name, value in (DAYS | overrides).items()})
    model.step()
    return model, model.parts.ticks, model.parts.least_offer
