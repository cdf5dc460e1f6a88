"""Search for retail prices with the whole market as the customers' answer (model.md B11 case 4).

Each trial is a run of the scenario with other prices and the same seeds, so that trials differ by prices alone. The
ledger decides what a supplier earns: purchases in the pool, imbalance, feed-in and all. Searches are deterministic.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gridagora.scenarios.load import Scenario
from gridagora.scenarios.price_oracle import Bounds, Limits, Measures, Oracle, result_of
from gridagora.sim.bounds import within

if TYPE_CHECKING:
    import pandas as pd


#: Most trials of one search.
MAX_TRIALS = 10_000
#: What a trial outside its limits is worth to Nelder and Mead at best: worse than any that keeps them.
_REFUSED = 1e18


@dataclass(frozen=True, slots=True)
class Neutral:
    """A price that follows from the others: a party's result is what it is without any change.

    Parameters
    ----------
    key : str
        Dotted key of the price.
    low, high : float
        Between which it is looked for [currency/kWh].
    party : str
        Whose result stays, such as ``"supplier"``.
    """

    key: str
    low: float
    high: float
    party: str = "supplier"


@dataclass(frozen=True, slots=True)
class PriceSearch:
    """What a search tried and found.

    Attributes
    ----------
    table : DataFrame
        One row a trial: its prices, `objective`, each measure with a limit, and whether it is `feasible`.
    best : dict
        Prices of the best feasible trial, by key.
    value : float
        Its objective.
    scenario : Scenario
        The scenario with these prices.
    """

    table: pd.DataFrame
    best: dict[str, float]
    value: float
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class BreakEven:
    """The price at which a party neither gains nor loses.

    Attributes
    ----------
    price : float
        [currency/kWh]
    result : float
        What the party earns there: within the tolerance of the price, not exactly 0 [currency].
    trials : int
        Prices that were tried.
    """

    price: float
    result: float
    trials: int


def search_prices(
    scenario: Scenario | str | Path,
    prices: Bounds,
    objective: str = "supplier_profit",
    *,
    maximise: bool = True,
    limits: Limits | None = None,
    neutral: Neutral | None = None,
    method: Literal["grid", "nelder_mead"] = "grid",
    points: int = 5,
    trials: int = 60,
    replications: int = 1,
    cache: str | Path | None = None,
    progress: bool = False,
) -> PriceSearch:
    """Look for the prices that are best by a measure of the run.

    A measure is a key figure of the whole system (``"peak_load"``, or a registered metric), of a population or party
    (``"bill@households"``), a party's result (``"result@supplier"``), or one of two that compare with the scenario
    as given: ``"average_price"``, mean energy price on the loads that it has there, also ``"average_price@households"``
    [currency/kWh], and ``"welfare"`` [currency]. Welfare is what members gain by using more, each period's change at
    the mean of both retail prices, less the change of the cost of supply and of shed load; it is exact where demand
    is linear.

    Parameters
    ----------
    scenario : Scenario, str or Path
        Where prices are tried.
    prices : mapping
        Lowest and highest price by dotted key [currency/kWh].
    objective : str
        Measure to maximise.
    maximise : bool
        False to minimise it.
    limits : mapping, optional
        Lowest and highest value of measures, None for no limit, such as ``{"average_price": (None, 0.4)}``.
    neutral : Neutral, optional
        A further price, found in each trial so that a party's result stays what it is.
    method : {"grid", "nelder_mead"}
        All points of a grid; or downhill by a simplex that starts in the middle.
    points : int
        Points of the grid in each direction, at least 2.
    trials : int
        Most prices that the simplex tries.
    replications : int
        Seeds of each trial, from the scenario's on; measures are means over them.
    cache : path-like, optional
        Folder where measures of trials are kept and found again.
    progress : bool
        Show a progress bar, on a terminal only.

    Returns
    -------
    PriceSearch

    Raises
    ------
    KeyError
        If the runs have no such measure.
    ValueError
        If bounds or numbers are not allowed, or no trial keeps the limits.
    ScenarioError
        If the scenario refuses a key or a price.
    """
    import pandas as pd

    bounds = _checked(prices)
    if method == "grid" and not 2 <= points <= MAX_TRIALS ** (1 / len(bounds)):
        raise ValueError(f"points: given {points} for {len(bounds)} prices; allowed 2 or more, {MAX_TRIALS} in all")
    within("trials", trials, 1, MAX_TRIALS)
    oracle = Oracle(scenario, replications, cache)
    seeker = _Seeker(oracle, list(bounds), objective, maximise, dict(limits or {}), neutral)
    with _bar(progress, points ** len(bounds) if method == "grid" else trials) as advance:
        seeker.advance = advance
        if method == "grid":
            axes = [np.linspace(low, high, points).tolist() for low, high in bounds.values()]
            for point in product(*axes):
                seeker.loss(point)
        else:
            _simplex(seeker, np.array(list(bounds.values())), trials)
    table = pd.DataFrame(seeker.rows)
    allowed = table[table["feasible"]]
    if allowed.empty:
        raise ValueError(
            f"limits: given {seeker.limits}; none of {len(table)} trials keeps them; widen limits or prices"
        )
    values = allowed["objective"].to_numpy()
    row = allowed.iloc[int(values.argmax() if maximise else values.argmin())]
    best = {key: float(row[key]) for key in [*bounds, *([neutral.key] if neutral else [])]}
    return PriceSearch(table, best, float(row["objective"]), oracle.base.override(best))


def break_even(
    scenario: Scenario | str | Path,
    key: str,
    party: str = "supplier",
    *,
    low: float,
    high: float,
    tolerance: float = 1e-4,
    replications: int = 1,
    cache: str | Path | None = None,
) -> BreakEven:
    """Find the price at which a party's result is zero.

    Parameters
    ----------
    scenario : Scenario, str or Path
        Where the price is tried.
    key : str
        Dotted key of the price.
    party : str
        Whose result, such as ``"supplier"`` or ``"grid_company"``.
    low, high : float
        Prices between which it lies: results there have different signs [currency/kWh].
    tolerance : float
        Of the price, above 0 [currency/kWh].
    replications, cache
        As in :func:`search_prices`.

    Returns
    -------
    BreakEven

    Raises
    ------
    ValueError
        If results at both ends have one sign.
    """
    oracle = Oracle(scenario, replications, cache)
    return _root(oracle, {}, Neutral(key, low, high, party), 0.0, tolerance)


def hindsight_regret(
    scenario: Scenario | str | Path, replications: int = 1, cache: str | Path | None = None
) -> pd.DataFrame:
    """Run each level of prices that a supplier learns about alone, on the same draws (model.md B12).

    Parameters
    ----------
    scenario : Scenario, str or Path
        With the section `pricing`.
    replications, cache
        As in :func:`search_prices`.

    Returns
    -------
    DataFrame
        Each `factor`, the supplier's `result` with it alone, and `regret`: that less its result when it learns; the
        largest is the regret against the best level in hindsight [currency].

    Raises
    ------
    ValueError
        If nobody learns.
    """
    import pandas as pd

    oracle = Oracle(scenario, replications, cache)
    if oracle.base.pricing is None:
        raise ValueError("pricing: given none; allowed a scenario with the section pricing")
    arms = oracle.base.pricing.arms
    alone = [oracle({"pricing.arms": [arm]})["result@supplier"] for arm in arms]
    learned = oracle({})["result@supplier"]
    return pd.DataFrame({"factor": arms, "result": alone, "regret": [result - learned for result in alone]})


@dataclass(slots=True)
class _Seeker:
    """Tries prices and notes what becomes of them."""

    oracle: Oracle
    keys: list[str]
    objective: str
    maximise: bool
    limits: dict[str, tuple[float | None, float | None]]
    neutral: Neutral | None
    rows: list[dict[str, Any]] = field(default_factory=list)
    advance: Any = None

    def loss(self, point: Any) -> float:
        """Return what is to be minimised at a point, shape (keys,) [currency/kWh]."""
        prices = {key: round(float(price), 9) for key, price in zip(self.keys, point, strict=True)}
        if self.neutral is not None:
            target = self.oracle({})[result_of(self.neutral.party, self.oracle({}))]
            try:
                prices[self.neutral.key] = _root(self.oracle, prices, self.neutral, target, 1e-4).price
            except ValueError:
                return self._note(prices, {}, _REFUSED)
        measures = self.oracle(prices)
        wanted = [self.objective, *self.limits]
        if unknown := [name for name in wanted if name not in measures]:
            raise KeyError(f"measure: given {', '.join(unknown)}; allowed: {', '.join(sorted(measures))}")
        off = 0.0
        for name, (low, high) in self.limits.items():
            value = measures[name]
            off += np.inf if np.isnan(value) else max((low or 0.0) - value, 0.0) * (low is not None)
            off += max(value - (high or 0.0), 0.0) * (high is not None)
        return self._note(prices, {name: measures[name] for name in wanted}, off)

    def _note(self, prices: dict[str, float], measures: Measures, off: float) -> float:
        value = measures.get(self.objective, float("nan"))
        shown = {name: measure for name, measure in measures.items() if name in self.limits}
        self.rows.append({**prices, "objective": value, **shown, "feasible": off == 0 and not np.isnan(value)})
        if self.advance is not None:
            self.advance()
        if off > 0 or np.isnan(value):
            return _REFUSED * (1 + min(off, 1e6))
        return -value if self.maximise else value


def _simplex(seeker: _Seeker, bounds: np.ndarray[Any, Any], trials: int) -> None:
    """Let Nelder and Mead's simplex run between bounds, in shares of their width."""
    from scipy.optimize import minimize

    low, width = bounds[:, 0], bounds[:, 1] - bounds[:, 0]
    middle = np.full(len(low), 0.5)
    start = np.vstack([middle, middle + 0.25 * np.eye(len(low))])
    minimize(
        lambda share: seeker.loss(low + np.clip(share, 0.0, 1.0) * width),
        middle,
        method="Nelder-Mead",
        bounds=[(0.0, 1.0)] * len(low),
        options={"initial_simplex": start, "maxfev": trials, "xatol": 1e-4, "fatol": 1e-9},
    )


def _root(oracle: Oracle, prices: Mapping[str, float], sought: Neutral, target: float, tolerance: float) -> BreakEven:
    """Return the price at which a party's result is `target`, other prices given."""
    from scipy.optimize import brentq

    within("tolerance", tolerance, 1e-9)
    if sought.low >= sought.high:
        raise ValueError(f"low: given {sought.low:g}; allowed below high, {sought.high:g}")
    seen: dict[float, float] = {}

    def excess(price: float) -> float:
        exact = round(price, 9)
        if exact not in seen:
            measures = oracle({**prices, sought.key: exact})
            seen[exact] = measures[result_of(sought.party, measures)]
        return seen[exact] - target

    ends = excess(sought.low), excess(sought.high)
    if ends[0] * ends[1] > 0:
        raise ValueError(
            f"{sought.key}: the result of {sought.party} less {target:g} is {ends[0]:.6g} at {sought.low:g} and "
            f"{ends[1]:.6g} at {sought.high:g}; allowed: ends with different signs; widen low and high"
        )
    price = round(float(brentq(excess, sought.low, sought.high, xtol=tolerance)), 9)
    return BreakEven(price, excess(price) + target, len(seen))


def _checked(prices: Bounds) -> dict[str, tuple[float, float]]:
    if not prices:
        raise ValueError("prices: given none; allowed one or more dotted keys with lowest and highest price")
    for key, pair in prices.items():
        low, high = within(key, pair).tolist()
        if low >= high:
            raise ValueError(f"{key}: given {low:g} to {high:g}; allowed the lowest price first, below the highest")
    return {key: (float(low), float(high)) for key, (low, high) in prices.items()}


@contextmanager
def _bar(progress: bool, total: int) -> Iterator[Any]:
    """Show how many trials are done, on a terminal only."""
    if not (progress and sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as shown:
        task = shown.add_task("trials", total=total)
        yield lambda: shown.advance(task)
