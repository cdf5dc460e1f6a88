"""Areas, the lines between them, and what they can carry."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.orders import FloatArray, IntArray, read_only
from gridagora.sim.plugin import nearest

Kind = Literal["transport", "dc", "lin_dist_flow"]
#: Columns of lines and of areas: name, what is allowed, in words.
_LINE_RULES = (
    ("limit_kw", lambda v: v >= 0, "must be at least 0 kW; leave it out, or give inf, where nothing limits the line"),
    ("limit_back_kw", lambda v: v >= 0, "must be at least 0 kW"),
    ("x", lambda v: np.isfinite(v) & (v != 0), "must be finite and not 0 per unit"),
    ("r", lambda v: np.isfinite(v) & (v >= 0), "must be finite and at least 0 per unit"),
)
_AREA_RULES = (
    ("tan_phi", np.isfinite, "must be finite"),
    ("reactive_kvar", lambda v: np.isfinite(v) & (v >= 0), "must be finite and at least 0 kvar"),
    ("v_min", lambda v: np.isfinite(v) & (v > 0), "must be above 0 per unit"),
    ("v_max", lambda v: np.isfinite(v) & (v > 0), "must be above 0 per unit"),
)


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Network:
    """Areas and the lines between them, for markets that price each area.

    Three kinds say how energy may flow:

    * `transport`: any flow within the limits of both directions (net transfer capacities).
    * `dc`: flows follow the angles of the DC approximation (C5.1); lines in parallel and loops share by reactance.
    * `lin_dist_flow`: a radial grid with active and reactive flow and voltages (C5.2). The slack area, with voltage
      `v_slack`, delivers any reactive power; lines run away from it, whichever way they are given.

    Parameters
    ----------
    kind : str
        "transport", "dc" or "lin_dist_flow".
    areas : sequence
        One name or number an area, as in the `area` column of orders.
    lines : sequence of pairs
        The areas (from, to) that each line joins; a flow from the first to the second is positive.
    limit_kw : array_like, shape (lines,)
        Most power from the first area to the second; apparent power [kVA] in `lin_dist_flow`. Infinite where nothing
        limits it. [kW]
    limit_back_kw : array_like, shape (lines,), optional
        Most power in the other direction, of `transport` alone; without it as `limit_kw`. [kW]
    x, r : array_like, shape (lines,)
        Reactance, which `dc` and `lin_dist_flow` need, and resistance, which the latter needs. [per unit]
    base_kva : float
        Base of the per-unit values. [kVA]
    slack : optional
        Area at which the energy part of prices is read, root of a radial grid; the first without it.
    tan_phi : array_like, shape (areas,)
        Reactive energy that each kWh bought draws; `lin_dist_flow` alone. [kvarh/kWh]
    reactive_kvar : array_like, shape (areas,)
        Reactive power that inverters may feed in or draw at no cost; `lin_dist_flow` alone. [kvar]
    v_min, v_max : array_like, shape (areas,)
        Limits of the voltage; `lin_dist_flow` alone. [per unit]
    v_slack : float
        Voltage of the slack area. [per unit]
    losses : bool
        Whether `lin_dist_flow` adds line losses to the load, by a fixed point of at most five rounds.
    line_names : sequence of str, optional
        Names of the lines; "from-to" without them.
    position : array_like, shape (areas, 2), optional
        Places for maps.

    Attributes
    ----------
    line_from, line_to : ndarray of int64, shape (lines,)
        Ends of the lines, as positions in `areas`.
    limit_kw, limit_back_kw : ndarray, shape (lines,)
        Limits of both directions. [kW]

    Raises
    ------
    ValueError
        Naming the element and the rule: an island, an unknown or repeated area, a line from an area to itself, a
        reactance of 0, a negative limit, a grid that is not radial, a voltage out of order.

    Examples
    --------
    >>> Network("transport", ["north", "south"], [("north", "south")], limit_kw=400.0).limit_back_kw
    array([400.])
    >>> Network("dc", ["a", "b"], [("a", "b")], x=0.0)
    Traceback (most recent call last):
    ValueError: network: line a-b: x 0.0; must be finite and not 0 per unit
    """

    kind: Kind
    areas: tuple[Hashable, ...]
    line_from: IntArray
    line_to: IntArray
    line_names: tuple[str, ...]
    limit_kw: FloatArray
    limit_back_kw: FloatArray
    x: FloatArray
    r: FloatArray
    base_kva: float
    slack: int
    tan_phi: FloatArray
    reactive_kvar: FloatArray
    v_min: FloatArray
    v_max: FloatArray
    v_slack: float
    losses: bool
    position: FloatArray | None

    def __init__(
        self,
        kind: Kind,
        areas: Sequence[Hashable],
        lines: Sequence[tuple[Hashable, Hashable]],
        *,
        limit_kw: ArrayLike = math.inf,
        limit_back_kw: ArrayLike | None = None,
        x: ArrayLike | None = None,
        r: ArrayLike | None = None,
        base_kva: float = 1.0,
        slack: Hashable | None = None,
        tan_phi: ArrayLike = 0.0,
        reactive_kvar: ArrayLike = 0.0,
        v_min: ArrayLike = 0.95,
        v_max: ArrayLike = 1.05,
        v_slack: float = 1.0,
        losses: bool = False,
        line_names: Sequence[str] | None = None,
        position: ArrayLike | None = None,
    ) -> None:
        if kind not in get_args(Kind):
            raise ValueError(f"network: unknown kind {kind!r}; choose one of: {', '.join(get_args(Kind))}")
        names = tuple(areas)
        _refuse_repeated(names)
        ends = np.array([_ends(names, line) for line in lines], dtype=np.int64).reshape(-1, 2)
        labels = tuple(line_names) if line_names is not None else tuple(f"{a}-{b}" for a, b in lines)
        if len(labels) != len(ends):
            raise ValueError(f"network: {len(labels)} line_names for {len(ends)} lines; give one a line")
        needs = {"transport": (), "dc": ("x",), "lin_dist_flow": ("x", "r")}[kind]
        missing = [name for name, given in (("x", x), ("r", r)) if name in needs and given is None]
        if missing:
            raise ValueError(f"network: kind {kind} needs {' and '.join(missing)} of every line")
        if kind != "transport" and limit_back_kw is not None:
            raise ValueError(f"network: kind {kind} has one limit for both directions; leave limit_back_kw out")
        if losses and kind != "lin_dist_flow":
            raise ValueError(f"network: kind {kind} has no losses; they belong to lin_dist_flow")
        on_lines = {"limit_kw": limit_kw, "limit_back_kw": limit_kw if limit_back_kw is None else limit_back_kw}
        on_lines |= {"x": 1.0 if x is None else x, "r": 0.0 if r is None else r}
        columns = _columns(on_lines, _LINE_RULES, "line", labels)
        at_areas = {"tan_phi": tan_phi, "reactive_kvar": reactive_kvar, "v_min": v_min, "v_max": v_max}
        columns |= _columns(at_areas, _AREA_RULES, "area", names)
        if not (math.isfinite(base_kva) and base_kva > 0):
            raise ValueError(f"network: base_kva {base_kva}; must be above 0 kVA")
        root = _area(names, names[0] if slack is None else slack, "slack")
        order = _refuse_islands(names, ends, root)
        if kind == "lin_dist_flow":
            _refuse_loops(len(names), ends, labels)
            _refuse_voltages(names, columns["v_min"], columns["v_max"], v_slack)
            back = order[ends[:, 0]] > order[ends[:, 1]]
            ends[back] = ends[back, ::-1]
        place = None if position is None else np.array(position, dtype=np.float64)
        if place is not None and (place.shape != (len(names), 2) or not np.isfinite(place).all()):
            raise ValueError(f"network: position of shape {place.shape}; must be finite, shape ({len(names)}, 2)")
        values: dict[str, Any] = {"kind": kind, "areas": names, "line_names": labels, "slack": root, **columns}
        values |= {"line_from": ends[:, 0].copy(), "line_to": ends[:, 1].copy(), "position": place}
        values |= {"base_kva": float(base_kva), "v_slack": float(v_slack), "losses": bool(losses)}
        for name, value in values.items():
            object.__setattr__(self, name, read_only(value) if isinstance(value, np.ndarray) else value)

    def area_index(self, names: ArrayLike | Sequence[Hashable]) -> IntArray:
        """Return the positions of areas given by name.

        Parameters
        ----------
        names : array_like, shape (n,)
            Names as in `areas`.

        Returns
        -------
        ndarray of int64, shape (n,)

        Raises
        ------
        ValueError
            If a name is no area of the network; the message names the first one.
        """
        given: NDArray[Any] = np.asarray(names)
        known, inverse = np.unique(given, return_inverse=True)
        places = np.array([_area(self.areas, name, "orders") for name in known.tolist()], dtype=np.int64)
        return places[inverse.reshape(given.shape)] if len(known) else np.zeros(given.shape, dtype=np.int64)

    @property
    def incidence(self) -> FloatArray:
        """1 where a line starts and -1 where it ends, shape (lines, areas)."""
        found = np.zeros((len(self.line_from), len(self.areas)))
        rows = np.arange(len(found))
        found[rows, self.line_from] += 1.0
        found[rows, self.line_to] -= 1.0
        return found


def _area(names: tuple[Hashable, ...], name: Hashable, place: str) -> int:
    try:
        return names.index(name)
    except ValueError:
        close = nearest(str(name), [str(other) for other in names])
        hint = f"; nearest {close!r}" if close else ""
        raise ValueError(f"network: {place}: area {name!r} is not one of its {len(names)} areas{hint}") from None


def _ends(names: tuple[Hashable, ...], line: tuple[Hashable, Hashable]) -> tuple[int, int]:
    first, second = line
    place = f"line {first}-{second}"
    ends = _area(names, first, place), _area(names, second, place)
    if ends[0] == ends[1]:
        raise ValueError(f"network: {place} joins an area to itself; give two areas")
    return ends


def _refuse_repeated(names: tuple[Hashable, ...]) -> None:
    if not names:
        raise ValueError("network: no areas; give at least one")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"network: area {name!r} stands twice; give each area once")


def _columns(given: dict[str, ArrayLike], rules: Any, what: str, labels: Sequence[Hashable]) -> dict[str, FloatArray]:
    columns = {}
    for name, good, words in rules:
        values = np.asarray(given[name], dtype=np.float64)
        if values.shape not in ((), (len(labels),)):
            raise ValueError(f"network: {name} of shape {values.shape}; give one value or one each of {len(labels)}")
        column = np.array(np.broadcast_to(values, (len(labels),)))
        bad = ~good(column)
        if bad.any():
            first = int(np.argmax(bad))
            raise ValueError(f"network: {what} {labels[first]}: {name} {column[first]}; {words}")
        columns[name] = column
    return columns


def _refuse_islands(names: tuple[Hashable, ...], ends: IntArray, root: int) -> IntArray:
    """Return how many lines each area is away from the root, or raise ValueError for an island."""
    distance = np.full(len(names), -1, dtype=np.int64)
    distance[root] = 0
    reached: NDArray[np.bool_] = distance >= 0
    while True:
        front = reached[ends].sum(axis=1) == 1
        if not front.any():
            break
        found = np.unique(ends[front][~reached[ends[front]]])
        distance[found] = distance.max() + 1
        reached = distance >= 0
    if not reached.all():
        lost = names[int(np.argmin(reached))]
        raise ValueError(
            f"network: area {lost!r} is an island: no line leads to the slack area {names[root]!r}; "
            "add a line or leave the area out"
        )
    return distance


def _refuse_loops(areas: int, ends: IntArray, labels: Sequence[str]) -> None:
    group = np.arange(areas)
    for label, (first, second) in zip(labels, ends.tolist(), strict=True):
        if group[first] == group[second]:
            raise ValueError(
                f"network: line {label} closes a loop; lin_dist_flow needs a radial grid: open it, or use kind dc"
            )
        group[group == group[second]] = group[first]


def _refuse_voltages(names: tuple[Hashable, ...], v_min: FloatArray, v_max: FloatArray, v_slack: float) -> None:
    bad = ~((v_min <= v_slack) & (v_slack <= v_max))
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(
            f"network: area {names[first]}: voltage limits {v_min[first]} to {v_max[first]} leave out the slack's "
            f"{v_slack}; without any load the grid would be out of limits"
        )
