import errno
import json
import os

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gridagora.sim.results import ResultWriter, TableWriter, read_manifest, read_tables, units

KPIS = {"kpi": ["peak", "price"], "scope": ["system", "system"], "value": [3.5, np.nan], "unit": ["kW", "CNY/kWh"]}


def chunk(day):
    """Build four rows of one day."""
    return {
        "day": np.full(4, day),
        "time": np.datetime64("2016-06-01T00:00", "m") + np.arange(4) * np.timedelta64(15, "m"),
        "area": ["north"] * 4,
        "load_kwh": np.arange(4) + day / 10,
    }


def write_run(path, days=5, finish=True, **options):
    """Write a small run."""
    with ResultWriter(path, **options) as writer:
        writer.write("kpis", KPIS, {"value": "see the column unit"})
        table = writer.open_table("intervals", {"load_kwh": "kWh"}, rows_per_part=8)
        for day in range(days):
            table.append(chunk(day))
            writer.log(f"day {day}")
        writer.write_text("scenario.yaml", "name: demo\n")
        if finish:
            writer.finish({"seed": 42})


def names(path):
    """List a folder."""
    return sorted(p.name for p in path.iterdir())


def test_a_run_is_read_back(tmp_path):
    """Values, types, units, log, texts and the manifest come back as written."""
    run = tmp_path / "demo"
    write_run(run)
    assert names(run) == ["intervals.parquet", "kpis.parquet", "manifest.json", "run.log", "scenario.yaml"]
    tables = read_tables(run)
    assert list(tables) == ["intervals", "kpis"]
    assert len(tables) == 2
    pd.testing.assert_frame_equal(tables["kpis"], pd.DataFrame(KPIS))
    assert tables["intervals"] is tables["intervals"]
    assert tables["intervals"].load_kwh.tolist() == [p + d / 10 for d in range(5) for p in range(4)]
    assert tables["intervals"].time[1] == pd.Timestamp("2016-06-01T00:15")
    assert units(run, "intervals") == {"load_kwh": "kWh"}
    assert (run / "run.log").read_text() == "day 0\nday 1\nday 2\nday 3\nday 4\n"
    assert read_manifest(run) == {
        "seed": 42,
        "files": ["intervals.parquet", "kpis.parquet", "run.log", "scenario.yaml"],
        "tables": ["intervals", "kpis"],
    }


def test_a_long_table_is_merged_part_by_part(tmp_path):
    """Five chunks of four rows at eight rows a part are row groups of 8, 8 and 4 rows."""
    write_run(tmp_path)
    file = pq.ParquetFile(tmp_path / "intervals.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [8, 8, 4]


def test_the_same_run_gives_the_same_bytes(tmp_path):
    """No file holds a time, a path or a random name."""
    for run in ("a", "b"):
        write_run(tmp_path / run)
    for name in names(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_tables_of_every_column_type(tmp_path):
    """Booleans, whole numbers, missing whole numbers, text of both kinds and empty tables are kept."""
    with ResultWriter(tmp_path) as writer:
        frame = pd.DataFrame({"ok": [True, False], "n": pd.array([1, None], dtype="Int64"), "s": ["a", None]})
        writer.write("mixed", frame, {})
        writer.write("plain", {"s": np.array(["x", "y"]), "o": np.array(["p", None], dtype=object)}, {})
        writer.write("empty", pd.DataFrame({"s": pd.Series([], dtype=object), "v": np.zeros(0)}), {"v": "1"})
        writer.finish({})
    tables = read_tables(tmp_path)
    assert tables["mixed"].ok.tolist() == [True, False]
    assert tables["mixed"].n.dtype == "Int64" and tables["mixed"].n.isna().tolist() == [False, True]
    assert tables["mixed"].s.isna().tolist() == [False, True]
    assert tables["plain"].s.tolist() == ["x", "y"]
    assert tables["plain"].o.isna().tolist() == [False, True]
    assert tables["empty"].shape == (0, 2)


def test_a_failed_run_leaves_what_was_finished(tmp_path):
    """An error inside the block closes the tables, and writes no manifest."""
    with pytest.raises(RuntimeError, match="solver"), ResultWriter(tmp_path) as writer:
        writer.open_table("intervals", {"load_kwh": "kWh"}).append(chunk(0))
        raise RuntimeError("solver")
    assert names(tmp_path) == ["intervals.parquet", "unfinished.json"]
    with pytest.raises(FileNotFoundError, match=r"unfinished run .*manifest.json is missing.* readable: intervals; "):
        read_tables(tmp_path)
    assert len(read_tables(tmp_path, unfinished=True)["intervals"]) == 4


def test_a_killed_run_leaves_its_finished_parts(tmp_path):
    """Without close, parts and flushed rows are readable in order; rows that still waited are lost."""
    writer = ResultWriter(tmp_path)
    table = writer.open_table("intervals", {"load_kwh": "kWh"}, rows_per_part=4)
    for day in range(12):
        table.append(chunk(day))
    waiting = writer.open_table("trades", {"load_kwh": "kWh"})
    waiting.append(chunk(0))
    members = writer.open_table("members", {"load_kwh": "kWh"})
    members.append(chunk(7))
    members.flush()
    members.append(chunk(8))
    tables = read_tables(tmp_path, unfinished=True)
    assert tables["intervals"].day.tolist() == [d for d in range(12) for _ in range(4)]
    assert tables["members"].day.tolist() == [7] * 4
    assert list(tables) == ["intervals", "members"]
    assert tables.units("members") == {"load_kwh": "kWh"}
    with pytest.raises(KeyError, match="no table 'trades'; it has: intervals, members"):
        tables["trades"]
    write_run(tmp_path)
    assert not [name for name in names(tmp_path) if "part" in name or "members" in name]


def test_a_kill_between_merge_and_clean_up_counts_no_row_twice(tmp_path):
    """If the merged file is there, its parts are not read."""
    writer = ResultWriter(tmp_path)
    table = writer.open_table("intervals", {"load_kwh": "kWh"}, rows_per_part=4)
    table.append(chunk(0))
    part = tmp_path / "intervals.part-0001.parquet"
    saved = part.read_bytes()
    writer.close()
    part.write_bytes(saved)
    assert len(read_tables(tmp_path, unfinished=True)["intervals"]) == 4
    write_run(tmp_path)
    assert not part.exists()


def test_a_finished_run_is_not_replaced_unasked(tmp_path):
    """The refusal names both remedies, and nothing is touched."""
    write_run(tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(FileExistsError, match=r"holds a finished run; write to another folder .*--overwrite"):
        ResultWriter(tmp_path)
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_overwriting_removes_our_files_only(tmp_path):
    """Tables that the new run does not have go, the reader's notes and own tables stay."""
    write_run(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "mine.parquet").write_bytes(b"mine")
    (tmp_path / ".kpis.parquet.gridagora-tmp").write_bytes(b"half")
    with ResultWriter(tmp_path, overwrite=True) as writer:
        writer.finish({})
    assert names(tmp_path) == ["manifest.json", "mine.parquet", "notes.txt"]


def test_other_peoples_files_are_never_replaced(tmp_path):
    """A scenario.yaml that no run has written is refused as a target."""
    (tmp_path / "scenario.yaml").write_text("mine")
    with (
        pytest.raises(FileExistsError, match=r"scenario.yaml was not written by a run; move it or"),
        ResultWriter(tmp_path) as writer,
    ):
        writer.write_text("scenario.yaml", "ours")
    assert (tmp_path / "scenario.yaml").read_text() == "mine"


def test_a_foreign_manifest_is_not_obeyed(tmp_path):
    """A list that is not ours stops, and names with folders in a list are ignored."""
    (tmp_path / "manifest.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match=r"manifest.json does not list a run's files"):
        ResultWriter(tmp_path, overwrite=True)
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    run = tmp_path / "run"
    run.mkdir()
    (run / "manifest.json").write_text(json.dumps({"files": ["../victim.txt", ".profile"]}))
    with ResultWriter(run, overwrite=True) as writer:
        writer.finish({})
    assert victim.exists()


def test_folders_without_a_run_are_named(tmp_path):
    """No folder and a folder without a run are told apart."""
    with pytest.raises(FileNotFoundError, match=r"nowhere is no folder; give the folder of a run"):
        read_tables(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"holds no run: neither manifest.json nor unfinished.json"):
        read_tables(tmp_path)
    ResultWriter(tmp_path)
    with pytest.raises(FileNotFoundError, match="readable: no table"):
        read_manifest(tmp_path)
    with pytest.raises(KeyError, match="it has: none"):
        units(tmp_path, "kpis")


@pytest.mark.parametrize(
    ("name", "data", "given_units", "message"),
    [
        ("Bad Name", KPIS, {}, "table name: given 'Bad Name'"),
        ("../kpis", KPIS, {}, "table name: given"),
        ("kpis", {}, {}, "allowed: one column or more"),
        ("kpis", {"a": [1, 2], "b": [1]}, {}, "given lengths {'a': 2, 'b': 1}"),
        ("kpis", KPIS, {}, "no unit for value; give one each, '1' if dimensionless"),
        ("kpis", KPIS, {"value": "1", "valeu": "1"}, "units for valeu; its columns: kpi, scope, value, unit"),
        ("open", KPIS, {"value": "1"}, "'open' is open for appending"),
    ],
)
def test_bad_tables_are_refused(tmp_path, name, data, given_units, message):
    """Names, columns and units are checked before anything is written."""
    writer = ResultWriter(tmp_path)
    writer.open_table("open", {})
    with pytest.raises(ValueError, match=message):
        writer.write(name, data, given_units)
    assert names(tmp_path) == ["unfinished.json"]


def test_chunks_have_the_columns_of_the_first(tmp_path):
    """Another column or type is refused, and so is appending to a closed table."""
    writer = ResultWriter(tmp_path)
    table = writer.open_table("t", {"v": "kWh"})
    table.append({"v": [1.0]})
    with pytest.raises(ValueError, match=r"given columns v \(double\), w \(int64\); allowed: the first chunk's v"):
        table.append({"v": [1.0], "w": [1]})
    table.close()
    table.close()
    with pytest.raises(ValueError, match="'t' is closed"):
        table.append({"v": [1.0]})
    with pytest.raises(ValueError, match="'t' is open or written already"):
        writer.open_table("t", {})
    writer.open_table("never", {}).close()
    assert list(read_tables(tmp_path, unfinished=True)) == ["t"]


@pytest.mark.parametrize("name", ["manifest.json", "run.log", "../x", ".hidden", ""])
def test_bad_file_names_are_refused(tmp_path, name):
    """Texts have plain names, none of a run's own."""
    with pytest.raises(ValueError, match="file name: given"):
        ResultWriter(tmp_path).write_text(name, "")


def test_a_full_disk_is_reported_and_leaves_no_half_file(tmp_path, monkeypatch):
    """The error is an OSError with the path and a remedy; the old state stays."""
    writer = ResultWriter(tmp_path)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer.write_text("a.txt", "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write .*a.txt: No space left on device; free disk space") as caught:
        writer.write_text("a.txt", "new")
    assert caught.value.errno == errno.ENOSPC
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt", "unfinished.json"]


def test_a_folder_that_cannot_be_made_is_reported(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot write .*file.run: .*use another folder"):
        ResultWriter(tmp_path / "file" / "run")


def test_a_table_writer_flushes_by_rows(tmp_path):
    """A part is written as soon as its rows have come together, not before."""
    table = TableWriter(tmp_path, "t", {}, rows_per_part=3)
    table.append({"n": [1, 2]})
    assert names(tmp_path) == []
    table.append({"n": [3]})
    assert names(tmp_path) == ["t.part-0001.parquet"]
