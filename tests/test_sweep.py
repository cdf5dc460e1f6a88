"""Sweeps from a file to one table, and on after any interruption."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import gridagora as ga
from gridagora.scenarios import run as runs
from gridagora.scenarios import sweep as sweeps
from gridagora.scenarios import sweep_folder
from gridagora.scenarios.cli import app
from gridagora.scenarios.load import load
from gridagora.scenarios.sweep_file import Stop, load_sweep
from gridagora.scenarios.sweep_folder import Part
from gridagora.scenarios.sweep_result import factor_column
from gridagora.sim.atomic import TEMPORARY

TINY = {
    **{"households.count": 3, "firms": None, "farms": None, "time.days": 1, "time.period_minutes": 60},
    **{"market.method": "exact", "generators.capacity_to_peak": 4.0},
}
SMALL = {
    "name": "small",
    "base": "quickstart",
    "overrides": TINY,
    "factors": {"households.pv_share": [0.0, 1.0], "market.mechanism": ["uniform_price"]},
    "replications": 2,
}


@pytest.fixture
def quick(monkeypatch):
    """Replace the simulation by one figure of seed and share; return the list of what ran."""
    ran = []

    def figure(scenario):
        ran.append((scenario.households.pv_share, scenario.seed))
        if scenario.households.pv_share == 0.5:
            raise ValueError("half is not allowed")
        value = scenario.seed % 7 + 10 * scenario.households.pv_share
        return [("peak", "system", value, "kW"), ("bill", "households", 1.0, "CNY")]

    monkeypatch.setattr(runs, "key_figures", figure)
    return ran


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Four points, really computed, in this process."""
    return ga.sweep(SMALL, tmp_path_factory.mktemp("sweeps") / "small", workers=0)


def test_one_tidy_table(small):
    """One line a point and key figure; factors are columns; what a run of its own finds stands there, bit for bit."""
    frame = small.frame
    assert list(frame.columns) == [
        "row", "replication", "seed", "hash", "households.pv_share", "market.mechanism", "kpi", "scope", "value", "unit"
    ]  # fmt: skip
    points = frame.drop_duplicates("hash")
    assert points[["row", "replication", "seed", "households.pv_share"]].to_numpy().tolist() == [
        [0, 0, 42, 0.0], [0, 1, 43, 0.0], [1, 0, 42, 1.0], [1, 1, 43, 1.0]
    ]  # fmt: skip
    alone = ga.run(small.scenario(1, 1))
    assert alone.manifest["scenario_hash"] == points["hash"].iloc[3]
    found = frame[(frame["row"] == 1) & (frame["replication"] == 1)]
    np.testing.assert_array_equal(found["value"], alone["kpis"]["value"])
    assert small.failures.empty
    assert small.done == 4
    assert "4 rows" not in repr(small)
    assert "2 rows, finished" in repr(small)


def test_seeds_are_paired(small):
    """All rows have the same seeds, so the load without PV is the same in both rows."""
    wide = small.wide()
    assert wide["consumption"].to_numpy().reshape(2, 2)[0] == pytest.approx(wide["consumption"].to_numpy()[2:])
    assert wide.shape[0] == 4
    assert "peak_load" in wide
    assert (wide["seed"] == [42, 43, 42, 43]).all()


def test_the_manifest_is_enough_for_one_point(small):
    """Base, values, seed and hash of any point stand in the folder: load, override, run."""
    manifest = json.loads((small.path / "manifest.json").read_text())
    base = load(small.path / manifest["base"])
    scenario = base.override(manifest["rows"][1] | {"seed": manifest["seeds"][1]})
    assert scenario.hash == manifest["hashes"][1][1] == small.scenario(1, 1).hash
    assert base.hash == manifest["base_hash"]
    assert {"gridagora", "numba", "highspy"} <= set(manifest["versions"])
    with pytest.raises(IndexError, match="given row 2, replication 0; allowed rows 0 to 1"):
        small.scenario(2)


def test_units_travel_with_the_table(small):
    """Every value has its unit beside it, every decimal column of the file one in its metadata."""
    fields = pq.read_schema(small.path / "results.parquet")
    assert fields.field("value").metadata == {b"unit": b"see column unit"}
    assert fields.field("households.pv_share").metadata == {b"unit": b"see scenario"}
    assert (small.frame["unit"].str.len() > 0).all()


def test_nothing_runs_twice(quick, tmp_path):
    """A finished sweep that is resumed runs nothing; one that lost points runs these alone; the table is the same."""
    first = ga.sweep(SMALL, tmp_path / "a", workers=0)
    assert quick == [(0.0, 42), (1.0, 42), (0.0, 43), (1.0, 43)]
    table = (first.path / "results.parquet").read_bytes()
    ga.sweep(SMALL, tmp_path / "a", workers=0, resume=True)
    assert len(quick) == 4
    (first.path / "results.parquet").unlink()
    first._store.path(first.manifest["hashes"][1][0]).unlink()
    unfinished = ga.read_sweep(tmp_path / "a")
    assert not unfinished.finished
    assert len(unfinished.frame) == 6
    again = ga.sweep(SMALL, tmp_path / "a", workers=0, resume=True)
    assert quick[4:] == [(1.0, 42)]
    assert (again.path / "results.parquet").read_bytes() == table


def test_equal_rows_are_one_point(quick, tmp_path):
    """Two rows of one scenario run once and both have its figures."""
    content = SMALL | {"factors": {"households.pv_share": [0.25, 0.25]}, "replications": 1}
    assert len(ga.sweep(content, tmp_path / "a", workers=0).frame) == 4
    assert quick == [(0.25, 42)]


def test_a_failing_point_does_not_stop_the_others(quick, tmp_path):
    """It is recorded with its error, stays recorded on resume, and has no lines in the table."""
    content = SMALL | {"factors": {"households.pv_share": [0.5, 0.1]}, "replications": 1}
    result = ga.sweep(content, tmp_path / "a", workers=0)
    assert result.failures[["row", "households.pv_share", "status", "error"]].to_numpy().tolist() == [
        [0, 0.5, "failed", "ValueError: half is not allowed"]
    ]
    assert result.frame["row"].unique().tolist() == [1]
    ga.sweep(content, tmp_path / "a", workers=0, resume=True)
    assert len(quick) == 2


def test_replications_stop_when_the_mean_is_known(quick, tmp_path):
    """Rows stop by their own first replications: a constant row at the first look, the other at its most.

    Seeds 42, 43 ... give 0, 1, 2 ... : after two the 95 % half-width is 12.7 sd / sqrt 2 = 6.35, after four 2.05.
    """
    stop = {"kpi": "peak", "half_width": 2.1, "every": 2}
    content = SMALL | {"factors": {"households.pv_share": [0.0]}, "replications": 6, "stop": stop}
    assert len(ga.sweep(content, tmp_path / "a", workers=0).frame) == 8
    assert [seed for _, seed in quick] == [42, 43, 44, 45]
    content["stop"] = stop | {"half_width": 0.1}
    assert len(ga.sweep(content, tmp_path / "b", workers=0).frame) == 12
    content["stop"] = stop | {"kpi": "peek"}
    with pytest.raises(ValueError, match=r"stop\.kpi: no key figure 'peek' of scope 'system'; there are peak"):
        ga.sweep(content, tmp_path / "c", workers=0)


def test_half_width_by_hand():
    """Values 1, 2, 3: sd 1, t(0.975, 2) = 4.3027, half-width 2.4842; nan and single values never are enough."""
    assert sweeps.reached(Stop(kpi="x", half_width=2.485), [1.0, 2.0, 3.0])
    assert not sweeps.reached(Stop(kpi="x", half_width=2.484), [1.0, 2.0, 3.0])
    assert not sweeps.reached(Stop(kpi="x", half_width=100.0), [1.0])
    assert not sweeps.reached(Stop(kpi="x", half_width=100.0), [1.0, float("nan")])


def test_folders_of_others_are_refused(quick, tmp_path):
    """A sweep's folder without resume, another sweep's, a run's, one with other files, and a file."""
    ga.sweep(SMALL, tmp_path / "a", workers=0)
    with pytest.raises(FileExistsError, match="holds a sweep: go on with it"):
        ga.sweep(SMALL, tmp_path / "a", workers=0)
    other = SMALL | {"replications": 3}
    with pytest.raises(ValueError, match="belongs to another sweep, 'small': it differs in seeds"):
        ga.sweep(other, tmp_path / "a", workers=0, resume=True)
    for name, content in (("manifest.json", '{"scenario": "x"}'), ("manifest.json", "{"), ("thesis.tex", "x")):
        folder = tmp_path / f"b{len(content)}{name}"
        folder.mkdir()
        (folder / name).write_text(content)
        with pytest.raises(FileExistsError, match="use another folder"):
            ga.sweep(SMALL, folder, workers=0, resume=True)
    with pytest.raises(NotADirectoryError, match="is a file"):
        ga.sweep(SMALL, tmp_path / "b1thesis.tex" / "thesis.tex", workers=0)
    with pytest.raises(FileNotFoundError, match="holds no sweep"):
        ga.read_sweep(tmp_path / "b1thesis.tex")
    with pytest.raises(ValueError, match="workers: given -1"):
        ga.sweep(SMALL, tmp_path / "c", workers=-1)
    assert not (tmp_path / "c").exists()


def test_one_process_at_a_time(quick, tmp_path):
    """A folder at which another sweep is at work is refused."""
    with sweep_folder.held(tmp_path / "a", None), pytest.raises(BlockingIOError, match="another process is at work"):
        ga.sweep(SMALL, tmp_path / "a", workers=0)


def test_parts_share_a_sweep(quick, tmp_path):
    """Each point belongs to one part, equal rows too; parts write no table, the last step runs nothing twice."""
    content = SMALL | {"factors": {"households.pv_share": [0.0, 1.0, 0.0, 0.7]}}
    for number in (1, 2, 3):
        part = ga.sweep(content, tmp_path / "a", workers=0, part=f"{number}/3")
        assert not part.finished
        assert len(quick) == 2 * number
    whole = ga.sweep(content, tmp_path / "b", workers=0)
    assert sorted(quick[:6]) == sorted(quick[6:])
    last = ga.sweep(content, tmp_path / "a", workers=0, resume=True)
    assert len(quick) == 12
    assert (last.path / "results.parquet").read_bytes() == (whole.path / "results.parquet").read_bytes()
    with pytest.raises(ValueError, match="belongs to another sweep"):
        ga.sweep(SMALL, tmp_path / "a", workers=0, part="1/3")


def test_rows_that_stop_by_themselves_stay_together(quick, tmp_path):
    """With a rule of stopping a part has whole rows, so that it decides as a sweep of its own would."""
    stop = {"kpi": "peak", "half_width": 2.1, "every": 2}
    content = SMALL | {"factors": {"households.pv_share": [0.0, 1.0]}, "replications": 6, "stop": stop}
    whole = ga.sweep(content, tmp_path / "a", workers=0)
    del quick[:]
    ga.sweep(content, tmp_path / "b", workers=0, part="2/2")
    assert quick == [(1.0, 42), (1.0, 43), (1.0, 44), (1.0, 45)]
    ga.sweep(content, tmp_path / "b", workers=0, part="1/2")
    last = ga.sweep(content, tmp_path / "b", workers=0, resume=True)
    assert len(quick) == 8
    assert (last.path / "results.parquet").read_bytes() == (whole.path / "results.parquet").read_bytes()


def test_parts_at_the_same_time(quick, tmp_path):
    """Other parts may be at work, the same one and the whole may not; what others are writing is left alone."""
    with sweep_folder.held(tmp_path / "a", Part(1, 2)):
        half = tmp_path / "a" / "points" / "ab" / f".ab.json.elsewhere-7{TEMPORARY}"
        half.parent.mkdir(parents=True)
        half.write_text("{")
        with pytest.raises(FileExistsError, match="holds other files"):
            ga.sweep(SMALL, tmp_path / "a", workers=0, part="2/2")
        sweep_folder.open_folder(tmp_path / "a", sweeps.make_plan(load_sweep(SMALL)).manifest(), "")
        ga.sweep(SMALL, tmp_path / "a", workers=0, part="2/2")
        assert half.exists()
        with pytest.raises(BlockingIOError, match="another process is at work on part 1/2 of"):
            ga.sweep(SMALL, tmp_path / "a", workers=0, part="1/2")
        with pytest.raises(BlockingIOError, match="another process is at work on"):
            ga.sweep(SMALL, tmp_path / "a", workers=0, resume=True)
    ga.sweep(SMALL, tmp_path / "a", workers=0, resume=True)
    assert not half.exists()


def test_a_file_system_without_locks(quick, tmp_path, monkeypatch):
    """Where the system knows none, a sweep runs without; any other fault is told."""
    import fcntl

    def fail(_file, _kind):
        raise OSError(number, "no")

    monkeypatch.setattr(fcntl, "flock", fail)
    number = errno.ENOLCK
    ga.sweep(SMALL, tmp_path / "a", workers=0)
    number = errno.EIO
    with pytest.raises(OSError, match="no"):
        ga.sweep(SMALL, tmp_path / "b", workers=0)


@pytest.mark.parametrize("part", ["0/3", "4/3", "3", "a/b", "1/3/5", "-1/3"])
def test_what_is_no_part(part, tmp_path):
    """K/N with K from 1 to N."""
    with pytest.raises(ValueError, match=f"part: given '{part}'; allowed K/N with K from 1 to N"):
        ga.sweep(SMALL, tmp_path / "a", part=part)


def test_options_that_exclude_one_another(tmp_path):
    """Points run in one kind of place, options of jobs need a queue, a part needs processes that share nothing."""
    for options, text in (
        ({"workers": 2, "scheduler": "tcp://a:1"}, "given workers and scheduler; allowed one of them"),
        ({"cluster_options": {}}, "cluster_options: given without cluster"),
        ({"part": "1/2", "cluster": "slurm"}, "part: given with cluster, which spreads the points itself"),
    ):
        with pytest.raises(ValueError, match=text):
            ga.sweep(SMALL, tmp_path / "a", **options)
    assert not (tmp_path / "a").exists()


def test_progress_counts(quick, tmp_path, capsys):
    """The bar says how many points of how many are done, and how many failed."""
    content = SMALL | {"factors": {"households.pv_share": [0.5, 0.1]}, "replications": 1}
    ga.sweep(content, tmp_path / "a", workers=0, progress=True)
    text = " ".join(capsys.readouterr().err.split())
    assert "2 of 2" in text
    assert "1 failed" in text


def test_columns_of_factors():
    """Numbers stay numbers, texts texts, all else is JSON text."""
    assert factor_column([1, 2]).dtype == np.int64
    assert factor_column([1, 2.5]).tolist() == [1.0, 2.5]
    assert factor_column([True, False]).dtype == np.bool_
    assert factor_column(["a", "b"]).tolist() == ["a", "b"]
    assert factor_column([{"truthful": 1}, None, "a"]).tolist() == ['{"truthful": 1}', "null", '"a"']


def test_workers_by_default(monkeypatch):
    """As many as there are processors for the threads of a run, fewer where memory would not do."""
    from gridagora.scenarios import plausible

    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(plausible, "memory_of_machine", lambda: 10**12)
    assert sweeps.enough_workers(load("quickstart")) == 8
    monkeypatch.setattr(plausible, "memory_of_machine", lambda: 3 * 10**9)
    assert sweeps.enough_workers(load("quickstart")) == 3
    monkeypatch.setattr(plausible, "memory_of_machine", lambda: 10**8)
    assert sweeps.enough_workers(load("quickstart")) == 1


@pytest.fixture
def called(quick, tmp_path, monkeypatch):
    """Return a function that calls ``gridagora sweep`` in a folder with a file ``mine.yaml``."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(json.dumps(SMALL | {"name": "mine"}))
    Path("half.yaml").write_text(json.dumps(SMALL | {"factors": {"households.pv_share": [0.5]}, "replications": 12}))
    return lambda *arguments: CliRunner().invoke(app, ["sweep", *arguments])


def test_command(called, quick):
    """It says how many points are done and where the table is; 0 done, 1 points failed, 2 refused."""
    found = called("mine.yaml", "--workers", "0")
    assert found.exit_code == 0
    assert found.output.splitlines()[-2:] == ["4 points done, 0 failed", "Table: results/mine/results.parquet"]
    assert called("mine.yaml", "--workers", "0").exit_code == 2
    assert called("mine.yaml", "--workers", "0", "--resume").exit_code == 0
    part = called("mine.yaml", "--workers", "0", "--part", "1/2", "--out", "o")
    assert (part.exit_code, "2 points done, 0 failed\npart 1/2 is done; when all are, --resume" in part.output) == (
        0,
        True,
    )
    failed = called("half.yaml", "--workers", "0")
    assert failed.exit_code == 1
    assert "row 0, replication 0: ValueError: half is not allowed" in failed.output
    assert "... and 2 more" in failed.output
    refused = called("mine.yaml", "--plugin", "no_such_lab")
    assert refused.exit_code == 2
    assert "no_such_lab" in refused.output


def test_dry_run(called, quick):
    """It checks every point and runs none."""
    found = called("mine.yaml", "--dry-run")
    assert found.output == "mine.yaml: valid; 2 rows, 2 replications, 4 different points\n"
    Path("jobs.yaml").write_text("jobs: 0\n")
    refused = called("mine.yaml", "--dry-run", "--cluster-options", "jobs.yaml")
    assert (refused.exit_code, "jobs.yaml:1: jobs: given 0" in refused.output) == (2, True)
    assert not quick
    assert not Path("results").exists()


def test_command_that_is_stopped(called, monkeypatch):
    """Ctrl-C gives 130 and a fault of the machine 1; both say what is kept, and that --resume goes on."""
    for error, code, text in (
        (KeyboardInterrupt(), 130, "interrupted; nothing was begun"),
        (RuntimeError("no process"), 1, "the sweep stopped: no process; nothing was begun"),
        (OSError(28, "disk full"), 1, "the sweep stopped"),
    ):

        def stop(*_arguments, error=error, **_options):
            raise error

        monkeypatch.setattr(sweeps, "sweep", stop)
        found = called("mine.yaml")
        assert found.exit_code == code
        assert text in found.output
        assert "--resume goes on" in found.output


@pytest.mark.slow
def test_a_point_that_kills_its_process(tmp_path):
    """The others are done, it is recorded as lost with its reason, and Python scripts see it."""
    (tmp_path / "deadly_lab.py").write_text(
        "import os, signal\nimport gridagora as ga\n\n@ga.register\ndef deadly(record):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    content = SMALL | {"factors": {"metrics": [["default"], ["default", "deadly"]]}, "replications": 1}
    (tmp_path / "sweep.yaml").write_text(json.dumps(content))
    call = [sys.executable, "-m", "gridagora", "sweep", "sweep.yaml", "--workers", "2", "--out", "o"]
    ended = subprocess.run([*call, "--plugin", "deadly_lab"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "row 1, replication 0: its process died 3 times" in ended.stderr
    result = ga.read_sweep(tmp_path / "o")
    assert result.done == 1
    assert result.failures["status"].tolist() == ["lost"]
