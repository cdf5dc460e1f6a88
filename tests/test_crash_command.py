"""A run that is stopped, at any moment and by anything, leaves finished tables and says what is missing."""

import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import gridagora as ga
from gridagora.scenarios import run as runner
from gridagora.scenarios.cli import app, main
from gridagora.scenarios.run import expected_tables
from gridagora.sim import results
from gridagora.sim.results import MANIFEST, UNFINISHED, read_tables, what_is_left

TINY = {"households.count": 12, "firms.count": 2, "farms": None, "time.days": 1, "outputs.members": 2}
GROWING = ["auction_audit", "intervals", "members", "trades"]
#: The command line with a finished part for each day's rows, as after hours of a long run.
COMMAND = (
    "import gridagora.sim.results as results\n"
    "results.SECONDS_PER_PART = 0.0\n"
    "from gridagora.scenarios.cli import main\n"
    "main()\n"
)


def whole_files(folder):
    """Return the files under a final name, after reading every table: a half one would fail."""
    for file in folder.glob("[a-z]*.parquet"):
        pq.ParquetFile(file).read()
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))


def test_expected_tables_are_those_of_a_finished_run():
    """What a stopped run is said to miss is what a whole one has."""
    scenario = ga.load("quickstart", TINY)
    assert expected_tables(scenario) == sorted(ga.run(scenario).tables)
    plain = scenario.override({"market.online": False, "outputs.members": 0})
    assert set(expected_tables(plain)) == set(ga.run(plain).tables)


@pytest.fixture
def cut_off(tmp_path, monkeypatch):
    """Return a folder whose run was interrupted within its second day."""
    settle = ga.Simulation.settle

    def stop(model, record, period):
        settle(model, record, period)
        if record.day.index == 1 and period == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ga.Simulation, "settle", stop)
    with pytest.raises(KeyboardInterrupt):
        ga.run(ga.load("quickstart", TINY | {"time.days": 2}), out=tmp_path / "run")
    monkeypatch.undo()
    return tmp_path / "run"


def test_an_unfinished_run_is_read_on_request(cut_off):
    """The refusal says what is readable and missing; on request the finished day is there."""
    with pytest.raises(
        FileNotFoundError,
        match=r"readable: auction_audit, intervals, members, trades; missing: auction_curve, bill.*, kpis, ledger, .*"
        r"read these with ga.read\(\.\.\., unfinished=True\), or run it again",
    ):
        ga.read(cut_off)
    result = ga.read(cut_off, unfinished=True)
    assert list(result.tables) == GROWING
    assert set(result["intervals"]["day"]) == {0}
    assert "ledger" in result.manifest["expected"]
    assert (cut_off / "run.log").read_text().splitlines()[1:] == ["day 1 of 2 done", "stopped: KeyboardInterrupt: "]


def test_a_report_of_an_unfinished_run_says_what_is_missing(cut_off):
    """The command ends with 2 and names what is there and what is not; no report is written."""
    done = CliRunner().invoke(app, ["report", str(cut_off)])
    assert done.exit_code == 2
    assert "readable: auction_audit, intervals, members, trades; missing: auction_curve" in done.stderr
    assert not (cut_off / "report.html").exists()


def test_interrupts_wait_for_the_next_period():
    """The first Ctrl-C is held back, the second is not, and afterwards Python's own handler is back."""
    with pytest.raises(KeyboardInterrupt), runner._held_back() as held:
        signal.raise_signal(signal.SIGINT)
        assert held == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with runner._held_back() as held:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        held.clear()


def test_interrupts_of_others_are_left_alone():
    """Another thread, or a caller's own handler, keeps its ways."""
    notes = []
    before = signal.signal(signal.SIGINT, lambda *_: notes.append("theirs"))
    try:
        with runner._held_back() as held:
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (notes, held) == (["theirs"], [])

    def elsewhere():
        with runner._held_back():
            notes.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert notes[1] is before


def test_interrupt_outside_of_commands_ends_with_130(monkeypatch):
    """A Ctrl-C before or after a command gives no traceback."""

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("gridagora.scenarios.cli.app", interrupted)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130


@pytest.mark.parametrize("number", [1, 3, 5, 8, 14])
def test_a_disk_that_fills_up(tmp_path, monkeypatch, number):
    """From the n-th file on the disk is full: exit code 1, the first file that failed, and what is missing."""
    writes = iter(range(number - 1))

    def fsync(_descriptor):
        if next(writes, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(results, "SECONDS_PER_PART", 0.0)
    folder = tmp_path / "run"
    settings = [
        part for key, value in TINY.items() for part in ("--set", f"{key}={'null' if value is None else value}")
    ]
    done = CliRunner().invoke(app, ["run", "quickstart", "--out", str(folder), *settings])
    assert done.exit_code == 1
    assert done.stderr.startswith(f"the run failed: OSError: [Errno {errno.ENOSPC}] cannot write {folder}")
    assert "No space left on device; free disk space or use another folder" in done.stderr
    assert "Traceback" not in done.stderr
    assert MANIFEST not in whole_files(folder)
    assert list(folder.glob(".*")) == []
    if number > 1:
        assert f"; {what_is_left(folder)}" in done.stderr
        assert "missing: " in done.stderr


@contextmanager
def without_privileges():
    """Act as an ordinary user where the tests run as root, whom no mode of a folder stops."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


@pytest.fixture
def guarded(tmp_path):
    """Return a folder that nobody may write, below folders that all may enter."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    for above in [tmp_path, *tmp_path.parents[:3]]:
        with suppress(PermissionError):
            above.chmod(above.stat().st_mode | 0o055)
    ga.run(ga.load("quickstart", TINY), out=folder / "run")  # loads all that an ordinary user may not be allowed to
    folder.chmod(0o555)
    (folder / "run").chmod(0o555)
    yield folder
    folder.chmod(0o755)
    (folder / "run").chmod(0o755)


def test_a_read_only_folder(guarded):
    """The message names the folder and a remedy, and a finished run in it stays as it was."""
    scenario = ga.load("quickstart", TINY)
    before = {file.name: file.read_bytes() for file in (guarded / "run").iterdir()}
    with without_privileges():
        with pytest.raises(PermissionError, match=r"cannot write .*guarded/new: Permission denied; free .*use another"):
            ga.run(scenario, out=guarded / "new")
        with pytest.raises(PermissionError, match=r"cannot write .*run: Permission denied"):
            ga.run(scenario, out=guarded / "run", overwrite=True)
    assert {file.name: file.read_bytes() for file in (guarded / "run").iterdir()} == before
    assert sorted(ga.read(guarded / "run")) == expected_tables(scenario)


def start(folder, days, limit=None):
    """Start a run in a process of its own, and return the process.

    The size of its files may be limited; its temporary files are few and small enough for any limit used here.
    """
    limiting = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n" if limit else ""
    settings = [f"--set=time.days={days}", "--set=households.count=40", "--set=outputs.members=10"]
    return subprocess.Popen(
        [sys.executable, "-c", limiting + COMMAND, "run", "quickstart", "--quiet", "--out", str(folder), *settings],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop_at(folder, process, wait_for, delay, number):
    """Send a signal some time after a file has appeared; return the exit code and the error stream."""
    give_up = time.monotonic() + 120
    while process.poll() is None and not (folder / wait_for).exists() and time.monotonic() < give_up:
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """Compile all kernels once, so that delays fall into the run; no process below writes to their folder."""
    folder = tmp_path_factory.mktemp("warm")
    process = start(folder / "run", 1)
    assert process.wait(timeout=300) == 0, process.stderr.read()
    process.communicate()


DELAYS = random.Random(8)
MOMENTS = [
    (name, round(DELAYS.uniform(0, 2), 2)) for name in (UNFINISHED, "intervals.part-0002.parquet") for _ in range(3)
]


@pytest.mark.slow
@pytest.mark.parametrize(("wait_for", "delay"), MOMENTS)
def test_kill_leaves_finished_tables(tmp_path, warm, wait_for, delay):
    """After kill -9 every table under its name is whole, days are complete, and the next run cleans up."""
    folder = tmp_path / "run"
    code, _ = stop_at(folder, start(folder, 200), wait_for, delay, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert MANIFEST not in whole_files(folder)
    with pytest.raises(FileNotFoundError, match=r"readable: .*; missing: .*ledger"):
        ga.read(folder)
    tables = read_tables(folder, unfinished=True)
    for name in tables:
        days = tables[name]["day"].unique().tolist()
        assert days == list(range(len(days)))
    ga.run(ga.load("quickstart", TINY), out=folder)
    files = whole_files(folder)
    assert (MANIFEST in files, UNFINISHED in files) == (True, False)
    assert not [name for name in files if ".part-" in name]
    assert list(folder.glob(".*")) == []


@pytest.mark.slow
@pytest.mark.parametrize(("wait_for", "delay"), MOMENTS)
def test_ctrl_c_leaves_finished_tables(tmp_path, warm, wait_for, delay):
    """After Ctrl-C the code is 130, the message says what is missing, and all tables end with the same day."""
    folder = tmp_path / "run"
    code, errors = stop_at(folder, start(folder, 200), wait_for, delay, signal.SIGINT)
    assert (code, errors) == (130, f"interrupted; what was finished is kept in {folder}; {what_is_left(folder)}\n")
    assert "missing: " in errors
    files = whole_files(folder)
    assert MANIFEST not in files
    assert not [name for name in files if ".part-" in name]
    assert list(folder.glob(".*")) == []
    tables = read_tables(folder, unfinished=True)
    assert len({tables[name]["day"].max() for name in tables if name in ("intervals", "members", "auction_audit")}) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("limit", [9_000, 25_000])
def test_files_that_may_not_grow(tmp_path, warm, limit):
    """Where a file passes the allowed size the code is 1, with the file and what is missing; the rest is readable."""
    folder = tmp_path / "run"
    process = start(folder, 2, limit)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.startswith(f"the run failed: OSError: [Errno {errno.EFBIG}] cannot write {folder}")
    assert errors.endswith(f"; {what_is_left(folder)}\n")
    assert MANIFEST not in whole_files(folder)
    assert list(folder.glob(".*")) == []
    done = CliRunner().invoke(app, ["report", str(folder)])
    assert (done.exit_code, "missing: " in done.stderr) == (2, True)
