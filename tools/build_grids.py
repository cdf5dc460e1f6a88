"""Derive ``scenarios/data/grids`` from installed data packages.

Run it in an environment of its own::

    python -m venv .venv-data
    .venv-data/bin/pip install numpy
    .venv-data/bin/pip install --no-deps PYPOWER pandapower simbench
    .venv-data/bin/python tools/build_grids.py

Only data are read: PYPOWER's case modules, pandapower's JSON files of case5 and case33bw, SimBench's CSV tables. Two
runs write the same bytes. Powers are kW and kvar, impedances per unit of `base_kva`, costs currency/kWh.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "scenarios" / "data" / "grids"
PYPOWER = ("case9", "case14", "case30", "case39", "case57", "case118")
PANDAPOWER = ("case5", "case33bw")
SIMBENCH = {f"lv{i}": f"LV{i}.{number}" for i, number in enumerate((101, 101, 101, 101, 201, 201), start=1)}
LV_BASE_KVA, LV_KV = 100.0, 0.4
NO_LIMIT_KA = 1e4
DIGITS = 10

Columns = dict[str, list[Any]]


def package_root(name: str) -> Path:
    """Return the folder of an installed package without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"package {name} is not installed: see the top of tools/build_grids.py")
    return Path(spec.submodule_search_locations[0])


def rounded(value: Any) -> Any:
    """Return a number with `DIGITS` significant digits, whole where it is whole; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, float):
        return value
    return int(value) if value.is_integer() else float(f"{value:.{DIGITS}g}")


def columns(rows: Iterable[dict[str, Any]]) -> Columns:
    """Return records as columns."""
    table: Columns = {}
    for row in rows:
        for key, value in row.items():
            table.setdefault(key, []).append(rounded(value))
    return table


def write_grid(path: Path, grid: dict[str, Any]) -> None:
    """Write a grid as JSON, one column a line."""
    lines = []
    for key, value in grid.items():
        if isinstance(value, dict):
            inner = ",\n".join(f"  {json.dumps(name)}: {json.dumps(column)}" for name, column in value.items())
            lines.append(f" {json.dumps(key)}: {{\n{inner}\n }}")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(rounded(value))}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


# --- cases of MATPOWER ------------------------------------------------------------------------------------------


def from_pypower(case: dict[str, Any]) -> dict[str, Any]:
    """Return a case of PYPOWER; what is out of service is left out.

    Reactances carry the ratio of their transformer, as the DC approximation wants it. Minimum outputs are left out.
    """
    base = float(case["baseMVA"])
    slack = next(row[0] for row in case["bus"] if row[1] == 3)
    areas = [
        {
            "name": f"{row[0]:.0f}",
            "load_kw": 1e3 * float(row[2]),
            "load_kvar": 1e3 * float(row[3]),
            "v_min": float(row[12]),
            "v_max": float(row[11]),
        }
        for row in case["bus"]
    ]
    lines = [
        {
            "from": f"{row[0]:.0f}",
            "to": f"{row[1]:.0f}",
            "r": float(row[2]),
            "x": float(row[3]) * (float(row[8]) or 1.0),
            "limit_kw": 1e3 * float(row[5]) if 0 < row[5] < 9900 else None,
        }
        for row in case["branch"]
        if row[10] == 1
    ]
    generators = []
    for number, (row, cost) in enumerate(zip(case["gen"], case["gencost"], strict=False), start=1):
        if row[7] == 1:
            if cost[0] != 2 or cost[3] != 3:
                raise ValueError(f"generator {number}: cost {cost}; a polynomial of degree 2 is expected")
            square, linear, fixed = (float(c) for c in cost[4:7])
            generators.append(generator(number, f"{row[0]:.0f}", float(row[8]), square, linear, fixed))
    return grid(base * 1e3, f"{slack:.0f}", areas, lines, generators)


def generator(number: int, area: str, most_mw: float, square: float, linear: float, fixed: float) -> dict[str, Any]:
    """Return a generator whose cost is ``square P^2 + linear P + fixed`` per hour with P in MW."""
    return {
        "name": f"unit {number}",
        "area": area,
        "capacity_kw": 1e3 * most_mw,
        "cost_per_kwh": linear / 1e3,
        "slope_per_kwh2": 2e-6 * square,
        "fixed_per_h": fixed,
    }


def grid(base_kva: float, slack: str, areas: Any, lines: Any, generators: Any) -> dict[str, Any]:
    """Return a grid as it is written."""
    return {
        "base_kva": base_kva,
        "slack": slack,
        "areas": columns(areas),
        "lines": columns(lines),
        "generators": columns(generators),
    }


def pandapower_tables(text: str) -> dict[str, list[dict[str, Any]]]:
    """Return the tables of a network in pandapower's JSON, each a list of records with their `index`."""
    tables = {}
    for name, value in json.loads(text)["_object"].items():
        if isinstance(value, dict) and value.get("_class") == "DataFrame":
            table = json.loads(value["_object"])
            tables[name] = [
                {"index": index, **dict(zip(table["columns"], row, strict=True))}
                for index, row in zip(table["index"], table["data"], strict=True)
            ]
    return tables


def from_pandapower(text: str, base_kva: float) -> dict[str, Any]:
    """Return a network without transformers in pandapower's JSON; its buses count from 1, as in MATPOWER."""
    tables = pandapower_tables(text)
    voltage = {row["index"]: float(row["vn_kv"]) for row in tables["bus"]}
    loads = {row["bus"]: row for row in tables["load"]}
    areas = [
        {
            "name": str(row["index"] + 1),
            "load_kw": 1e3 * float(loads[row["index"]]["p_mw"]) if row["index"] in loads else 0.0,
            "load_kvar": 1e3 * float(loads[row["index"]]["q_mvar"]) if row["index"] in loads else 0.0,
            "v_min": float(row["min_vm_pu"]),
            "v_max": float(row["max_vm_pu"]),
        }
        for row in sorted(tables["bus"], key=lambda row: row["index"])
    ]
    lines = []
    for row in tables["line"]:
        if row["in_service"]:
            kv, amperes = voltage[row["from_bus"]], float(row["max_i_ka"])
            ohm = 1e3 * kv * kv / base_kva  # base impedance
            lines.append(
                {
                    "from": str(row["from_bus"] + 1),
                    "to": str(row["to_bus"] + 1),
                    "r": row["r_ohm_per_km"] * row["length_km"] / ohm,
                    "x": row["x_ohm_per_km"] * row["length_km"] / ohm,
                    "limit_kw": round(1e3 * math.sqrt(3.0) * kv * amperes, 3) if amperes < NO_LIMIT_KA else None,
                }
            )
    lines.sort(key=lambda line: (int(line["from"]), int(line["to"])))
    generators = []
    for number, cost in enumerate(tables["poly_cost"], start=1):
        unit = next(row for row in tables[cost["et"]] if row["index"] == cost["element"])
        terms = (cost[f"cp{i}_eur{suffix}"] for i, suffix in ((2, "_per_mw2"), (1, "_per_mw"), (0, "")))
        generators.append(generator(number, str(unit["bus"] + 1), unit["max_p_mw"], *map(float, terms)))
    return grid(base_kva, str(tables["ext_grid"][0]["bus"] + 1), areas, lines, generators)


# --- SimBench ---------------------------------------------------------------------------------------------------


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the records of a SimBench table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def merged(switches: list[dict[str, str]]) -> tuple[dict[str, str], set[str]]:
    """Return for each node behind a closed switch the node that it is one with, and the nodes left open."""
    closed = {row["nodeB"]: row["nodeA"] for row in switches if row["cond"] == "1"}
    return closed, {row["nodeB"] for row in switches if row["cond"] == "0"}


def from_simbench(tables: dict[str, list[dict[str, str]]], subnet: str) -> dict[str, Any]:
    """Return a low-voltage grid with its transformer; its root is the medium-voltage side, called `MV`."""
    closed, opened = merged(tables["Switch"])
    transformer = next(row for row in tables["Transformer"] if row["subnet"] == subnet)
    root = closed.get(transformer["nodeHV"], transformer["nodeHV"])

    def area(node: str) -> str:
        node = closed.get(node, node)
        return "MV" if node == root else node.removeprefix(f"{subnet} ")

    place = {row["id"]: (float(row["x"]), float(row["y"])) for row in tables["Coordinates"]}
    nodes = [r for r in tables["Node"] if r["subnet"] == subnet and r["id"] not in closed and r["id"] not in opened]
    loads = power_at(tables["Load"], subnet, area, "pLoad"), power_at(tables["Load"], subnet, area, "qLoad")
    pv = power_at(tables["RES"], subnet, area, "pRES")
    places = {"MV": next(place[row["coordID"]] for row in tables["Node"] if row["id"] == root)}
    places |= {area(row["id"]): place[row["coordID"]] for row in nodes}
    limits = {"MV": (1.0, 1.0)} | {area(row["id"]): (float(row["vmMin"]), float(row["vmMax"])) for row in nodes}
    areas = [
        {
            "name": name,
            "load_kw": loads[0].get(name, 0.0),
            "load_kvar": loads[1].get(name, 0.0),
            "v_min": limits[name][0],
            "v_max": limits[name][1],
            "pv_kw": pv.get(name, 0.0),
            "longitude": places[name][0],
            "latitude": places[name][1],
        }
        for name in places
    ]
    lines = [transformer_line(transformer, tables["TransformerType"], area)]
    types = {row["id"]: row for row in tables["LineType"]}
    for row in tables["Line"]:
        if row["subnet"] == subnet and not {row["nodeA"], row["nodeB"]} & opened:
            kind, length = types[row["type"]], float(row["length"])
            ohm = 1e3 * LV_KV**2 / LV_BASE_KVA
            lines.append(
                {
                    "from": area(row["nodeA"]),
                    "to": area(row["nodeB"]),
                    "r": float(kind["r"]) * length / ohm,
                    "x": float(kind["x"]) * length / ohm,
                    "limit_kw": round(math.sqrt(3.0) * LV_KV * float(kind["iMax"]), 3),
                }
            )
    return grid(LV_BASE_KVA, "MV", areas, lines, [])


def power_at(table: list[dict[str, str]], subnet: str, area: Any, column: str) -> dict[str, float]:
    """Return the sums of a power [kW] over the elements at each area."""
    sums: dict[str, float] = {}
    for row in table:
        if row["subnet"] == subnet:
            sums[area(row["node"])] = sums.get(area(row["node"]), 0.0) + 1e3 * float(row[column])
    return sums


def transformer_line(transformer: dict[str, str], types: list[dict[str, str]], area: Any) -> dict[str, Any]:
    """Return a transformer as a line in per unit, at its nominal ratio, without iron losses."""
    kind = next(row for row in types if row["id"] == transformer["type"])
    rating = 1e3 * float(kind["sR"])
    resistance, impedance = float(kind["pCu"]) / rating, float(kind["vmImp"]) / 100
    return {
        "from": area(transformer["nodeHV"]),
        "to": area(transformer["nodeLV"]),
        "r": resistance * LV_BASE_KVA / rating,
        "x": math.sqrt(impedance**2 - resistance**2) * LV_BASE_KVA / rating,
        "limit_kw": rating,
    }


# --- all --------------------------------------------------------------------------------------------------------


def build(target: Path = TARGET) -> None:
    """Write all grids."""
    for name in PYPOWER:
        case = getattr(import_module(f"pypower.{name}"), name)()
        write_grid(target / "matpower" / f"{name}.json", from_pypower(case))
    folder = package_root("pandapower") / "networks" / "power_system_test_case_jsons"
    for name, base_kva in zip(PANDAPOWER, (100e3, 10e3), strict=True):
        text = (folder / f"{name}.json").read_text(encoding="utf-8")
        write_grid(target / "matpower" / f"{name}.json", from_pandapower(text, base_kva))
    source = package_root("simbench") / "networks" / "1-complete_data-mixed-all-0-sw"
    names = ("Node", "Line", "Load", "RES", "Switch", "Transformer", "TransformerType", "LineType", "Coordinates")
    tables = {name: read_table(source / f"{name}.csv") for name in names}
    for name, subnet in SIMBENCH.items():
        write_grid(target / "simbench" / f"{name}.json", from_simbench(tables, subnet))


def main() -> None:
    """Read the arguments and build."""
    parser = argparse.ArgumentParser(description="Derive scenarios/data/grids from installed data packages.")
    parser.add_argument("--target", type=Path, default=TARGET)
    arguments = parser.parse_args()
    build(arguments.target)
    for path in sorted(arguments.target.rglob("*.json")):
        print(f"{path.relative_to(arguments.target)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
