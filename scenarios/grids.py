"""Grids that ship with GridAgora, by name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gridagora.markets.network.grid import Kind, Network
from gridagora.markets.orders import FloatArray, read_only
from gridagora.sim.plugin import unknown

FOLDER = Path(__file__).resolve().parent / "data" / "grids"
#: Names of the grids and the folder of each.
GRIDS: dict[str, str] = {
    **dict.fromkeys(("case5", "case9", "case14", "case30", "case33bw", "case39", "case57", "case118"), "matpower"),
    **{f"lv{i}": "simbench" for i in range(1, 7)},
}
#: Radial grids of distribution, which have no generators of their own.
RADIAL = ("case33bw", *(name for name, folder in GRIDS.items() if folder == "simbench"))


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A grid with its loads and generators.

    Attributes
    ----------
    name : str
        One of `GRIDS`.
    network : Network
        Areas and lines.
    load_kw, load_kvar : ndarray, shape (areas,)
        Loads of the source's one case: peak loads in SimBench. [kW, kvar]
    pv_kw : ndarray, shape (areas,)
        Rated photovoltaic and other renewable power; zeros in MATPOWER's cases. [kW]
    generator_names, generator_area : tuple of str
        Generators and their areas; none in SimBench's low-voltage grids.
    capacity_kw : ndarray, shape (generators,)
        [kW]
    cost, slope : ndarray, shape (generators,)
        Marginal cost at rest, and its rise for each kWh sold in an hour. [currency/kWh, currency/kWh^2]
    fixed_cost : ndarray, shape (generators,)
        Cost of an hour whatever is sold. [currency/h]
    """

    name: str
    network: Network
    load_kw: FloatArray
    load_kvar: FloatArray
    pv_kw: FloatArray
    generator_names: tuple[str, ...]
    generator_area: tuple[str, ...]
    capacity_kw: FloatArray
    cost: FloatArray
    slope: FloatArray
    fixed_cost: FloatArray


def read_grid(name: str, kind: Kind | None = None, **options: Any) -> Grid:
    """Return a grid by name.

    Parameters
    ----------
    name : str
        case5, case9, case14, case30, case33bw, case39, case57 or case118 of MATPOWER; lv1 to lv6 of SimBench.
    kind : str, optional
        Kind of the network; without it `lin_dist_flow` for case33bw and lv1 to lv6, `dc` for the rest.
    **options
        Options of :class:`Network` that replace the grid's own, such as ``limit_kw``, ``v_min`` or ``losses=True``.

    Returns
    -------
    Grid
        In `lin_dist_flow` the loads' ratio of reactive to active power is the areas' `tan_phi`.

    Raises
    ------
    ValueError
        If there is no such grid, or the network is refused.

    Examples
    --------
    >>> grid = read_grid("case5")
    >>> grid.network.line_names[5], grid.network.limit_kw[5]
    ('4-5', np.float64(240000.0))
    """
    if name not in GRIDS:
        raise ValueError(unknown("grid", name, GRIDS))
    raw = _read(name)
    areas, lines, generators = raw["areas"], raw["lines"], raw["generators"]
    chosen: Kind = kind or ("lin_dist_flow" if name in RADIAL else "dc")
    load, reactive = (np.array(areas[column], dtype=np.float64) for column in ("load_kw", "load_kvar"))
    given: dict[str, Any] = {
        "limit_kw": [np.inf if limit is None else limit for limit in lines["limit_kw"]],
        "x": lines["x"],
        "r": lines["r"],
        "base_kva": raw["base_kva"],
        "slack": raw["slack"],
    }
    if chosen == "lin_dist_flow":
        given["tan_phi"] = np.divide(reactive, load, out=np.zeros_like(load), where=load > 0)
        given["v_min"], given["v_max"] = areas["v_min"], areas["v_max"]
    if "longitude" in areas:
        given["position"] = np.column_stack([areas["longitude"], areas["latitude"]])
    network = Network(chosen, areas["name"], list(zip(lines["from"], lines["to"], strict=True)), **(given | options))
    own = {
        column: read_only(np.array(generators.get(column, []), dtype=np.float64))
        for column in ("capacity_kw", "cost_per_kwh", "slope_per_kwh2", "fixed_per_h")
    }
    return Grid(
        name=name,
        network=network,
        load_kw=read_only(load),
        load_kvar=read_only(reactive),
        pv_kw=read_only(np.array(areas.get("pv_kw", np.zeros(len(load))), dtype=np.float64)),
        generator_names=tuple(generators.get("name", ())),
        generator_area=tuple(generators.get("area", ())),
        capacity_kw=own["capacity_kw"],
        cost=own["cost_per_kwh"],
        slope=own["slope_per_kwh2"],
        fixed_cost=own["fixed_per_h"],
    )


@cache
def _read(name: str) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads((FOLDER / GRIDS[name] / f"{name}.json").read_text(encoding="utf-8"))
    return raw
