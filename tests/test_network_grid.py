"""What a network refuses, the grids that ship with it, and the tool that derives them."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from gridagora.markets.network import Network
from gridagora.markets.network.sensitivities import limits_of, shift_factors
from gridagora.scenarios.grids import GRIDS, read_grid

_PATH = Path(__file__).resolve().parent.parent / "tools" / "build_grids.py"
_SPEC = importlib.util.spec_from_file_location("build_grids", _PATH)
build = importlib.util.module_from_spec(_SPEC)
sys.modules["build_grids"] = build
_SPEC.loader.exec_module(build)

AB = (["a", "b", "c"], [("a", "b"), ("b", "c")])
LOOP = (["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a")])


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("ac", *AB), {}, r"unknown kind 'ac'; choose one of: transport, dc, lin_dist_flow"),
        (("transport", [], []), {}, r"no areas; give at least one"),
        (("transport", ["a", "a"], []), {}, r"area 'a' stands twice"),
        (("transport", ["a", "b"], []), {}, r"area 'b' is an island: no line leads to the slack area 'a'"),
        (("transport", ["a", "b"], [("a", "bb")]), {}, r"line a-bb: area 'bb' is not one of its 2 areas; nearest 'b'"),
        (("transport", ["a", "b"], [("a", "a")]), {}, r"line a-a joins an area to itself"),
        (("transport", *AB), {"slack": "z"}, r"slack: area 'z' is not one of its 3 areas"),
        (("transport", *AB), {"limit_kw": [1, -2]}, r"line b-c: limit_kw -2\.0; must be at least 0 kW"),
        (("transport", *AB), {"limit_kw": [1, 2, 3]}, r"limit_kw of shape \(3,\); give one value or one each of 2"),
        (("transport", *AB), {"limit_back_kw": -1}, r"line a-b: limit_back_kw -1\.0; must be at least 0 kW"),
        (("transport", *AB), {"line_names": ["one"]}, r"1 line_names for 2 lines"),
        (("transport", *AB), {"losses": True}, r"kind transport has no losses"),
        (("transport", *AB), {"base_kva": 0.0}, r"base_kva 0\.0; must be above 0 kVA"),
        (("transport", *AB), {"position": [[0, 0]]}, r"position of shape \(1, 2\); must be finite, shape \(3, 2\)"),
        (("dc", *AB), {}, r"kind dc needs x of every line"),
        (("dc", *AB), {"x": [1, 0]}, r"line b-c: x 0\.0; must be finite and not 0 per unit"),
        (("dc", *AB), {"x": 1, "limit_back_kw": 3}, r"kind dc has one limit for both directions"),
        (("lin_dist_flow", *AB), {"x": 1}, r"kind lin_dist_flow needs r of every line"),
        (("lin_dist_flow", *AB), {"x": 1, "r": -1}, r"line a-b: r -1\.0; must be finite and at least 0 per unit"),
        (("lin_dist_flow", *LOOP), {"x": 1, "r": 1}, r"line c-a closes a loop; lin_dist_flow needs a radial grid"),
        (("lin_dist_flow", *AB), {"x": 1, "r": 1, "v_min": 1.02}, r"area a: voltage limits 1\.02 to 1\.05 leave out"),
        (("lin_dist_flow", *AB), {"x": 1, "r": 1, "tan_phi": [0, np.nan, 0]}, r"area b: tan_phi nan; must be finite"),
        (("lin_dist_flow", *AB), {"x": 1, "r": 1, "reactive_kvar": -1}, r"area a: reactive_kvar -1\.0; must be"),
    ],
)
def test_a_bad_network_is_refused_with_the_element_and_the_rule(arguments, options, message):
    """The message names the line or the area, what was given and what is allowed."""
    with pytest.raises(ValueError, match=message):
        Network(*arguments, **options)


def test_columns_are_read_only_and_lines_of_a_feeder_run_away_from_its_root():
    """Line c-b of a feeder rooted at a is turned round; its name stays."""
    feeder = Network("lin_dist_flow", ["a", "b", "c"], [("a", "b"), ("c", "b")], x=1.0, r=0.5)
    assert feeder.line_from.tolist() == [0, 1]
    assert feeder.line_to.tolist() == [1, 2]
    assert feeder.line_names == ("a-b", "c-b")
    with pytest.raises(ValueError, match="read-only"):
        feeder.r[0] = 2.0
    assert feeder.area_index(np.array(["c", "a"])).tolist() == [2, 0]
    assert feeder.area_index([]).tolist() == []
    with pytest.raises(ValueError, match=r"orders: area 'd' is not one of its 3 areas"):
        feeder.area_index(["a", "d"])


def test_shift_factors_of_a_triangle():
    """Of a kWh from b to the slack a two thirds take the direct line, one third the way of twice the reactance."""
    triangle = Network("dc", ["a", "b", "c"], [("a", "b"), ("b", "c"), ("a", "c")], x=1.0)
    assert shift_factors(triangle) == pytest.approx(
        np.array([[0, -2 / 3, -1 / 3], [0, 1 / 3, -1 / 3], [0, -1 / 3, -2 / 3]])
    )
    with pytest.raises(ValueError, match="3 lines between 3 areas close a loop, and kind transport does not say"):
        shift_factors(Network("transport", *LOOP))


def test_limits_of_a_feeder_hold_the_polygon_and_the_voltage():
    """One line of 10 kVA has twelve rows; its end may draw 100 (1 - 0.95^2) / (2 r) kW before voltage stops it."""
    feeder = Network("lin_dist_flow", ["a", "b"], [("a", "b")], x=0.1, r=0.2, base_kva=100, limit_kw=10)
    limits = limits_of(feeder)
    assert len(limits.bound) == 14
    assert limits.bound[:12] == pytest.approx(10 * np.cos(np.pi / 12))
    assert limits.bound[12] / limits.active[12, 1] == pytest.approx(100 * (1 - 0.95**2) / (2 * 0.2))
    assert limits.reactive[12, 1] / limits.active[12, 1] == pytest.approx(0.5)


@pytest.mark.parametrize("name", list(GRIDS))
def test_every_grid_that_ships_is_read(name):
    """Each file makes a network with loads; feeders are radial by default, transmission cases are not."""
    grid = read_grid(name)
    radial = name.startswith("lv") or name == "case33bw"
    assert grid.network.kind == ("lin_dist_flow" if radial else "dc")
    assert grid.load_kw.sum() > 0
    assert len(grid.generator_names) == len(grid.cost) == len(grid.generator_area)
    assert (grid.network.position is not None) == name.startswith("lv")


def test_sizes_of_grids():
    """Buses, lines and loads of the sources; LV3 has 118 loads of together 331 kW."""
    case118, lv3 = read_grid("case118"), read_grid("lv3")
    assert (len(case118.network.areas), len(case118.network.line_from)) == (118, 186)
    assert case118.load_kw.sum() == 4_242_000
    assert (lv3.load_kw.sum(), lv3.pv_kw.sum()) == pytest.approx((331.0, 190.37))
    assert read_grid("lv3", v_min=0.95, v_max=1.05).network.v_min.tolist() == [0.95] * 129
    with pytest.raises(ValueError, match="unknown grid 'case6'; choose one of: case118, case14"):
        read_grid("case6")


def test_every_folder_of_grids_has_its_licence_and_card():
    """Data travel with their licence, attribution and data card."""
    folder = Path(__file__).resolve().parent.parent / "scenarios" / "data" / "grids"
    for source in set(GRIDS.values()):
        for name in ("LICENSE", "ATTRIBUTION", "README.md"):
            assert (folder / source / name).stat().st_size > 100


def test_a_case_of_pypower_becomes_a_grid():
    """Out-of-service elements stay out, MW become kW, a ratio scales its reactance, 9900 and 0 MVA are no limits."""
    bus = [[1, 3, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1.1, 0.9], [2, 1, 50, 10, 0, 0, 1, 1, 0, 1, 1, 1.1, 0.9]]
    lines = [
        [1, 2, 0.01, 0.1, 0, 40, 0, 0, 0.5, 0, 1],
        [1, 2, 0, 0.2, 0, 9900, 0, 0, 0, 0, 1],
        [1, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0],
    ]
    units = [[1, 0, 0, 0, 0, 1, 100, 1, 80, 0], [2, 0, 0, 0, 0, 1, 100, 0, 80, 0]]
    costs = [[2, 0, 0, 3, 0.5, 20, 7], [2, 0, 0, 3, 0, 1, 0]]
    grid = build.from_pypower({"baseMVA": 100.0, "bus": bus, "branch": lines, "gen": units, "gencost": costs})
    assert grid["lines"]["x"] == [0.05, 0.2]
    assert grid["lines"]["limit_kw"] == [40_000, None]
    assert grid["areas"]["load_kw"] == [0, 50_000]
    assert grid["generators"]["cost_per_kwh"] == [0.02]
    assert grid["generators"]["slope_per_kwh2"] == [1e-6]
    costs[0][3] = 2
    with pytest.raises(ValueError, match="a polynomial of degree 2 is expected"):
        build.from_pypower({"baseMVA": 100.0, "bus": bus, "branch": lines, "gen": units, "gencost": costs})


def frame(rows):
    """Return a table as pandapower writes it."""
    names = list(rows[0])
    data = [[row[name] for name in names] for row in rows]
    inner = json.dumps({"columns": names, "index": list(range(len(rows))), "data": data})
    return {"_class": "DataFrame", "_object": inner}


def test_a_network_of_pandapower_becomes_a_grid():
    """Ohm become per unit of the base, amperes apparent power, buses count from 1."""
    bus = {"vn_kv": 10.0, "min_vm_pu": 0.9, "max_vm_pu": 1.1}
    line = {"from_bus": 0, "to_bus": 1, "in_service": True, "r_ohm_per_km": 1.0, "x_ohm_per_km": 2.0, "length_km": 5.0}
    cost = {"element": 0, "et": "ext_grid", "cp2_eur_per_mw2": 0.0, "cp1_eur_per_mw": 20.0, "cp0_eur": 1.0}
    tables = {
        "bus": frame([bus, bus]),
        "load": frame([{"bus": 1, "p_mw": 0.3, "q_mvar": 0.1}]),
        "line": frame([line | {"max_i_ka": 0.1}, line | {"max_i_ka": 99999.0, "in_service": False}]),
        "ext_grid": frame([{"bus": 0, "max_p_mw": 10.0}]),
        "poly_cost": frame([cost]),
        "version": "x",
    }
    grid = build.from_pandapower(json.dumps({"_object": tables}), 10_000.0)
    assert grid["slack"] == "1"
    assert grid["areas"]["load_kw"] == [0, 300]
    assert grid["lines"] == {"from": ["1"], "to": ["2"], "r": [0.5], "x": [1], "limit_kw": [1732.051]}
    assert grid["generators"]["capacity_kw"] == [10_000]


def test_a_subnet_of_simbench_becomes_a_grid():
    """Nodes behind closed switches are one, lines behind open ones are left out, the transformer is a line."""
    nodes = [
        {"id": name, "subnet": subnet, "vmMin": "0.9", "vmMax": "1.1", "coordID": "c"}
        for name, subnet in (("MV 1", "MV"), ("LV 1", "LV"), ("LV 1_1", "LV"), ("LV 2", "LV"), ("LV 2_1", "LV"))
    ]
    line = {"id": "l", "nodeA": "LV 1_1", "nodeB": "LV 2", "type": "t", "length": "0.5", "subnet": "LV"}
    tables = {
        "Node": nodes,
        "Coordinates": [{"id": "c", "x": "1", "y": "2"}],
        "Switch": [
            {"nodeA": "LV 1", "nodeB": "LV 1_1", "cond": "1"},
            {"nodeA": "LV 2", "nodeB": "LV 2_1", "cond": "0"},
        ],
        "Transformer": [{"nodeHV": "MV 1", "nodeLV": "LV 1", "type": "T", "subnet": "LV"}],
        "TransformerType": [{"id": "T", "sR": "0.1", "pCu": "1", "vmImp": "4"}],
        "Line": [line, line | {"nodeB": "LV 2_1"}, line | {"subnet": "other"}],
        "LineType": [{"id": "t", "r": "0.32", "x": "0.16", "iMax": "100"}],
        "Load": [{"node": "LV 2", "pLoad": "0.003", "qLoad": "0.001", "subnet": "LV"}] * 2,
        "RES": [{"node": "LV 2", "pRES": "0.01", "subnet": "LV"}],
    }
    grid = build.from_simbench(tables, "LV")
    assert grid["areas"]["name"] == ["MV", "1", "2"]
    assert grid["areas"]["load_kw"] == [0, 0, 6]
    assert grid["areas"]["pv_kw"] == [0, 0, 10]
    assert grid["lines"]["from"] == ["MV", "1"]
    assert grid["lines"]["r"] == [0.01, 0.1]
    assert grid["lines"]["limit_kw"] == [100, 69.282]


def test_grids_are_written_one_column_a_line(tmp_path):
    """The file is JSON that people can read and compare."""
    grid = build.grid(100.0, "a", [{"name": "a"}, {"name": "b"}], [{"x": 0.1}], [])
    build.write_grid(tmp_path / "g.json", grid)
    assert '  "name": ["a", "b"]\n' in (tmp_path / "g.json").read_text()
    assert json.loads((tmp_path / "g.json").read_text())["lines"] == {"x": [0.1]}
    with pytest.raises(FileNotFoundError, match="package no_such_package is not installed"):
        build.package_root("no_such_package")
