"""Tables whose writing stops, at any line of the writer, are whole or absent, and what is missing is told."""

import os
import sys
from contextlib import contextmanager

import numpy as np
import pyarrow.parquet as pq
import pytest

import gridagora as ga
from gridagora.sim import results
from gridagora.sim.results import MANIFEST, UNFINISHED, ResultWriter, read_tables, what_is_left


def whole_files(folder):
    """Return the files under a final name, after reading every table: a half one would fail."""
    for file in folder.glob("[a-z]*.parquet"):
        pq.ParquetFile(file).read()
    return sorted(file.name for file in folder.iterdir() if not file.name.startswith("."))


def write_days(folder, days=4, **options):
    """Write a run of two tables whose every chunk becomes a part, as one process does."""
    with ResultWriter(folder, expected=["first", "kpis", "second"], **options) as writer:
        tables = [writer.open_table(name, {}, rows_per_part=5) for name in ("first", "second")]
        for day in range(days):
            for table in tables:
                table.append({"day": np.full(3, day)})
        writer.write("kpis", {"n": [1]}, {})
        writer.finish({})


@contextmanager
def each_line(react):
    """Call `react` before each line of sim/results.py, and not while it reacts."""

    def trace(frame, event, _argument):
        if frame.f_code.co_filename != results.__file__:
            return None
        if event == "line":
            sys.settrace(None)
            react()
            sys.settrace(trace)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.fixture
def quick_disk(monkeypatch):
    """Leave out what waits for the disk, and write a part for every chunk."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    monkeypatch.setattr(results, "SECONDS_PER_PART", 0.0)


def assert_prefix(folder, days=4):
    """Assert that each readable table has its first days, each once and whole."""
    for name, frame in read_tables(folder, unfinished=True).items():
        if name != "kpis":
            assert frame["day"].tolist() == [day for day in range(days) for _ in range(3)][: len(frame)]
            assert len(frame) % 3 == 0


def test_a_kill_before_any_line_leaves_whole_tables(tmp_path, quick_disk):
    """What is on disk at every line of the writer is what a kill there leaves: first days, no half file."""
    folder, seen = tmp_path / "run", set()

    def look():
        state = frozenset((file.name, file.stat().st_size) for file in folder.glob("*"))
        if state in seen:
            return
        seen.add(state)
        whole_files(folder) if folder.exists() else None
        if (folder / UNFINISHED).exists():
            assert_prefix(folder)

    with each_line(look):
        write_days(folder)
        write_days(folder, overwrite=True)
    assert len(seen) > 30
    assert whole_files(folder) == ["first.parquet", "kpis.parquet", MANIFEST, "second.parquet"]


# A Parquet writer that is collected after its file was closed says so; the temporary file is gone by then.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("once", [True, False], ids=["once", "again and again"])
def test_an_interrupt_before_any_line_leaves_whole_tables(tmp_path, quick_disk, once):
    """A Ctrl-C at each line of the writer in turn: no row twice, no half file, and the next run goes through."""
    line = stopped = 0
    while True:
        line += 5
        lines = iter([False] * line + [True] * (1 if once else 10**6))

        def interrupt(lines=lines):
            if next(lines, False):
                raise KeyboardInterrupt

        folder = tmp_path / str(line)
        try:
            with each_line(interrupt):
                write_days(folder)
        except KeyboardInterrupt:
            stopped += 1
        else:
            break
        if (folder / UNFINISHED).exists():
            whole_files(folder)
            assert_prefix(folder)
            assert not once or list(folder.glob(".*")) == []
        if stopped % 10 == 0:
            write_days(folder, overwrite=True)
            assert read_tables(folder)["first"]["day"].tolist() == [day for day in range(4) for _ in range(3)]
            assert list(folder.glob(".*")) == []
    assert stopped > 50


def test_parts_by_time_leave_the_same_file(tmp_path, monkeypatch):
    """A table does not tell when its parts were written: by rows, or by the clock."""
    write_days(tmp_path / "by_rows")
    monkeypatch.setattr(results, "SECONDS_PER_PART", 0.0)
    write_days(tmp_path / "by_time")
    for name in ("first.parquet", "second.parquet"):
        assert (tmp_path / "by_rows" / name).read_bytes() == (tmp_path / "by_time" / name).read_bytes()


def test_rows_wait_ten_seconds_at_most(tmp_path, monkeypatch):
    """At 9 s nothing is on disk, at 10 s the rows are, and the clock starts again."""
    clock = iter([0.0, 9.0, 10.0, 10.0, 19.0])
    monkeypatch.setattr(results, "monotonic", lambda: next(clock))
    table = results.TableWriter(tmp_path, "t", {}, rows_per_part=1000)
    table.append({"n": [1]})
    assert list(tmp_path.iterdir()) == []
    table.append({"n": [2]})
    assert [file.name for file in tmp_path.iterdir()] == ["t.part-0001.parquet"]
    table.append({"n": [3]})
    assert len(list(tmp_path.iterdir())) == 1


def test_overwriting_cut_short_leaves_no_false_finish(tmp_path, monkeypatch):
    """If removing the old run stops midway, the folder holds an unfinished run, not a finished one with holes."""
    write_days(tmp_path)
    unlink = results.Path.unlink

    def cut_short(path, missing_ok=False):
        if path.name == "kpis.parquet":
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(results.Path, "unlink", cut_short)
        ResultWriter(tmp_path, overwrite=True)
    with pytest.raises(FileNotFoundError, match=r"holds an unfinished run .* readable: kpis, second"):
        ga.read(tmp_path)
    write_days(tmp_path)
    assert list(ga.read(tmp_path)) == ["first", "kpis", "second"]


def test_what_is_left_in_words(tmp_path):
    """Nothing, readable and missing tables, or a complete run."""
    assert what_is_left(tmp_path) == ""
    with ResultWriter(tmp_path, expected=["intervals", "kpis", "ledger"]) as writer:
        assert what_is_left(tmp_path) == "readable: no table; missing: intervals, kpis, ledger"
        writer.write("kpis", {"n": [1]}, {})
        assert what_is_left(tmp_path) == "readable: kpis; missing: intervals, ledger"
        writer.finish({})
    assert what_is_left(tmp_path) == "the run there is complete"
