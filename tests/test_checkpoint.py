"""A run that is stopped and resumed from a checkpoint leaves the files of one that was never stopped."""

import errno
import json
import os
import pickle
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import gridagora as ga
from gridagora.scenarios import checkpoint
from gridagora.scenarios import run as runner
from gridagora.scenarios.checkpoint import StaleCheckpoint
from gridagora.scenarios.cli import app
from gridagora.sim import results
from gridagora.sim.run_folder import MANIFEST, UNFINISHED, checkpoints

#: Three days over the end of a month, with batteries, cars, learning bidders and sampled members.
TINY = {
    **{"households.count": 8, "households.pv_share": 0.5, "households.storage_share": 0.5, "firms": None},
    **{"farms": None, "households.ev_share": 0.5, "households.strategies": {"truthful": 0.5, "zip": 0.5}},
    **{"time.start": "2016-01-30", "time.days": 3, "time.period_minutes": 60, "outputs.members": 2},
}


class Stopped(Exception):
    """What stops a run here."""


def contents(folder):
    """Return what is in the files of a run; of the manifest all but times and how often it was resumed, no log."""
    found = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "run.log"}
    if MANIFEST in found:
        manifest = json.loads(found[MANIFEST])
        found[MANIFEST] = {key: value for key, value in manifest.items() if key not in ("seconds", "resumed")}
    return found


def stopped(scenario, folder, day, period=0, **options):
    """Run a scenario until a period of a day, counted from 0, and no further."""
    settle = ga.Simulation.settle

    def stop(model, record, now):
        if (model.next_day - 1, now) == (day, period):
            raise Stopped
        settle(model, record, now)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(ga.Simulation, "settle", stop)
        ga.run(scenario, out=folder, **({"checkpoint": 1} | options))


@pytest.fixture(scope="module")
def tiny():
    """Return the scenario of this module."""
    return ga.load("quickstart", TINY)


@pytest.fixture(scope="module")
def whole(tiny, tmp_path_factory):
    """Return the files of a run that was never stopped and knows no checkpoints."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    ga.run(tiny, out=folder)
    return contents(folder)


@pytest.fixture(scope="module")
def halfway(tiny, tmp_path_factory):
    """Return the folder of a run that was stopped within its third day, with checkpoints of the two before."""
    folder = tmp_path_factory.mktemp("halfway") / "run"
    stopped(tiny, folder, 2, 5)
    assert [file.name for file in checkpoints(folder)] == ["checkpoint-00002.state", "checkpoint-00001.state"]
    return folder


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=st.integers(1, 2), period=st.integers(0, 23), every=st.integers(1, 2))
def test_a_run_that_is_stopped_anywhere(tiny, whole, tmp_path, day, period, every):
    """From whatever checkpoint there is, or from the beginning, the files end up the same, and none is left over."""
    folder = tmp_path / "run"
    shutil.rmtree(folder, ignore_errors=True)
    stopped(tiny, folder, day, period, checkpoint=every)
    result = ga.run(tiny, out=folder, resume=True)
    assert contents(folder) == whole
    assert result.manifest["resumed"] == int(day >= every)


def test_stopped_twice(tiny, whole, tmp_path, monkeypatch):
    """Parts of tables by time, two stops: the manifest counts two resumptions, the log tells them, times add up."""
    monkeypatch.setattr(results, "SECONDS_PER_PART", 0.0)
    folder = tmp_path / "run"
    stopped(tiny, folder, 1)
    assert [file.name for file in checkpoints(folder)] == ["checkpoint-00001.state"]
    stopped(tiny, folder, 2, checkpoint=None, resume=True)
    assert set(ga.read(folder, unfinished=True)["intervals"]["day"]) == {0, 1}
    result = ga.run(tiny, out=folder, resume=True)
    assert contents(folder) == whole
    assert result.manifest["resumed"] == 2
    log = (folder / "run.log").read_text().splitlines()
    assert [line for line in log if line.startswith("scenario")] == [
        "scenario quickstart, seed 42",
        "scenario quickstart, seed 42, resumed after day 1",
        "scenario quickstart, seed 42, resumed after day 2",
    ]


def test_a_folder_that_was_moved(tiny, whole, halfway, tmp_path):
    """The run goes on where its folder is now, with files of others in it left alone."""
    folder = shutil.copytree(halfway, tmp_path / "elsewhere")
    (folder / "notes.txt").write_text("mine")
    ga.run(tiny, out=folder, resume=True)
    assert contents(folder) == whole | {"notes.txt": b"mine"}
    assert halfway.exists()


def spoil(file, how):
    """Damage a file."""
    whole_file = file.read_bytes()
    damaged = {"cut": whole_file[:-100], "changed": whole_file[:-100] + b"?" * 100, "empty": b""}
    file.write_bytes(damaged[how])


@pytest.mark.parametrize("how", ["cut", "changed", "empty"])
def test_a_damaged_checkpoint(tiny, whole, halfway, tmp_path, caplog, how):
    """The one before serves in its place; the damaged one is removed and written again."""
    folder = shutil.copytree(halfway, tmp_path / "run")
    spoil(checkpoints(folder)[0], how)
    result = ga.run(tiny, out=folder, resume=True)
    assert "checkpoint-00002.state: cannot be resumed from: it is" in caplog.text
    assert "resumed after day 1" in (folder / "run.log").read_text()
    assert contents(folder) == whole
    assert result.manifest["resumed"] == 1


def test_no_whole_checkpoint(tiny, whole, halfway, tmp_path, caplog):
    """Where all are damaged, or a part of a table is missing, or nothing is there, the run begins anew and says so."""
    folder = shutil.copytree(halfway, tmp_path / "run")
    for file in checkpoints(folder):
        spoil(file, "cut")
    stopped(tiny, folder, 1, resume=True)
    assert "no checkpoint to resume from; the run begins anew" in caplog.text
    next(iter(folder.glob("intervals.part-0001.parquet"))).unlink()
    result = ga.run(tiny, out=folder, resume=True)
    assert "intervals.part-0001.parquet of the checkpoint is missing" in caplog.text
    assert contents(folder) == whole
    assert result.manifest["resumed"] == 0


def test_a_disk_that_is_full_at_a_checkpoint(tiny, whole, tmp_path, monkeypatch):
    """The checkpoint before stays whole, and the run goes on from it once there is room."""
    folder = tmp_path / "run"
    write_file = results.write_file

    def full(path, write):
        if path.name == "checkpoint-00002.state":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_file(path, write)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(results, "write_file", full)
        ga.run(tiny, out=folder, checkpoint=1)
    assert [file.name for file in checkpoints(folder)] == ["checkpoint-00001.state"]
    ga.run(tiny, out=folder, resume=True)
    assert contents(folder) == whole


@pytest.mark.parametrize("number", [1, 2, 3])
def test_stopped_while_tables_are_merged(tiny, whole, tmp_path, monkeypatch, number):
    """Parts stay until the manifest is there: a run that was stopped after its last day has them all."""
    folder, close, calls = tmp_path / "run", results.TableWriter.close, []

    def stop(table, keep_parts=False):
        close(table, keep_parts)
        calls.append(table.name)
        if len(calls) == number:
            raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(results.TableWriter, "close", stop)
        ga.run(tiny, out=folder, checkpoint=2)
    assert (folder / f"{calls[0]}.parquet").exists()
    assert list(folder.glob(f"{calls[0]}.part-*"))
    ga.run(tiny, out=folder, resume=True)
    assert contents(folder) == whole


def test_stopped_while_a_finished_run_is_tidied(tiny, whole, tmp_path, monkeypatch):
    """The run is finished: resuming it removes what is left over and returns it."""
    folder = tmp_path / "run"

    def stop(_folder):
        raise Stopped

    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(results, "tidy", stop)
        ga.run(tiny, out=folder, checkpoint=2)
    assert {MANIFEST, UNFINISHED, "checkpoint-00002.state"} <= set(contents(folder))
    result = ga.run(tiny, out=folder, resume=True)
    assert contents(folder) == whole
    assert result.manifest["resumed"] == 0


def test_a_finished_run_is_not_run_again(tiny, tmp_path):
    """It is read as it is; in the folder of another scenario nothing happens."""
    short = tiny.override({"time.days": 1})
    first = ga.run(short, out=tmp_path, checkpoint=1)
    again = ga.run(short, out=tmp_path, resume=True)
    assert again.manifest == first.manifest
    with pytest.raises(FileExistsError, match="holds a finished run"):
        ga.run(short.override({"seed": 8}), out=tmp_path, resume=True)


def test_checkpoints_are_not_lost_by_oversight(tiny, halfway, tmp_path):
    """Without resume=True an unfinished run with a checkpoint is only replaced on request."""
    folder = shutil.copytree(halfway, tmp_path / "run")
    with pytest.raises(FileExistsError, match=r"checkpoint-00002.state; resume it .*--resume.* or replace it"):
        ga.run(tiny, out=folder)
    result = ga.run(tiny.override({"time.days": 1}), out=folder, overwrite=True)
    assert result.manifest["resumed"] == 0
    assert not [file.name for file in folder.iterdir() if "checkpoint" in file.name or ".part-" in file.name]


def test_checkpoints_of_others_are_refused(tiny, halfway, monkeypatch):
    """Another seed, scenario, version, or other sources: the message names what differs, and nothing is touched."""
    before = contents(halfway)
    versions = runner.versions()
    with pytest.raises(StaleCheckpoint, match=r"made with seed 42, now 7, scenario hash \w{12}, now \w{12}; resume"):
        ga.run(tiny.override({"seed": 7}), out=halfway, resume=True)
    with pytest.raises(StaleCheckpoint, match=r"made with scenario hash"):
        ga.run(tiny.override({"households.count": 9}), out=halfway, resume=True)
    with monkeypatch.context() as patch, pytest.raises(StaleCheckpoint, match=f"numpy {versions['numpy']}, now 9.9;"):
        patch.setattr(runner, "versions", lambda: {**versions, "numpy": "9.9"})
        ga.run(tiny, out=halfway, resume=True)
    with monkeypatch.context() as patch, pytest.raises(StaleCheckpoint, match=r"sources \w{12}, now 0;"):
        patch.setattr(checkpoint, "_sources", lambda: "0")
        ga.run(tiny, out=halfway, resume=True)
    with monkeypatch.context() as patch, pytest.raises(StaleCheckpoint, match=r"plug-in json none, now \w{12};"):
        patch.setattr("gridagora.scenarios.registry.REGISTERED", {("metric", "m"): "json:loads"})
        ga.run(tiny, out=halfway, resume=True)
    assert contents(halfway) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint": 2}, r"checkpoint=2 needs a folder .* out="),
        ({"resume": True}, r"resume=True needs a folder .* out="),
        ({"report": True}, r"report=True needs a folder .* out="),
        ({"out": "x", "checkpoint": 0}, "checkpoint: given 0; allowed at least 1"),
        ({"out": "x", "resume": True, "overwrite": True}, "give one of them"),
    ],
)
def test_options_that_do_not_hold(tiny, options, message):
    """Each is refused before anything is simulated."""
    with pytest.raises(ValueError, match=message):
        ga.run(tiny, **options)


def test_the_command(tiny, whole, tmp_path):
    """What the terminal says when a run begins anew, was stopped, is resumed, and is of another seed."""
    file, folder = tmp_path / "quickstart.yaml", tmp_path / "run"
    file.write_text(tiny.to_yaml())
    call = ["run", str(file), "--quiet", "--out", str(folder)]
    settle = ga.Simulation.settle

    def interrupt(model, record, period):
        if model.next_day == 2:
            raise KeyboardInterrupt
        settle(model, record, period)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ga.Simulation, "settle", interrupt)
        first = CliRunner().invoke(app, [*call, "--checkpoint", "1", "--resume"])
    assert first.exit_code == 130
    assert first.stderr.startswith(f"{folder}: no checkpoint to resume from; the run begins anew\ninterrupted; ")
    assert first.stderr.endswith("; go on from checkpoint-00001.state with --resume\n")
    other = CliRunner().invoke(app, [*call, "--resume", "--seed", "7"])
    assert other.exit_code == 2
    assert "was made with seed 42, now 7" in other.stderr
    forgotten = CliRunner().invoke(app, call)
    assert (forgotten.exit_code, "resume it" in forgotten.stderr) == (2, True)
    both = CliRunner().invoke(app, [*call, "--resume", "--overwrite"])
    assert (both.exit_code, "give one of them" in both.stderr) == (2, True)
    zero = CliRunner().invoke(app, [*call, "--checkpoint", "0"])
    assert zero.exit_code == 2
    last = CliRunner().invoke(app, [*call, "--resume"])
    assert last.exit_code == 0
    assert last.stderr == f"{folder}: resumed after day 1 of 3\n"
    found = contents(folder)
    assert found[MANIFEST].pop("applied") == []  # what the file says, and not what a caller overrode
    assert found == whole | {MANIFEST: {key: value for key, value in whole[MANIFEST].items() if key != "applied"}}


def test_entries_of_populations_are_saved():
    """Their classes are made from those of the sections, so they have no address of their own."""
    entry = ga.load("microgrid").populations[0]
    again = pickle.loads(pickle.dumps(entry))
    assert (again, type(again)) == (entry, type(entry))
