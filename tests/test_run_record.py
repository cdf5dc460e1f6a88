"""Tables of a run as key figures see them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridagora.sim.metrics import kpis
from gridagora.sim.run_record import RunRecord, as_frame, column_of, rows_of


@pytest.fixture
def made():
    """Return a record of a table in two stretches, one in one, and an empty one, and the list of what was made."""
    log = []

    def table(name, *stretches):
        def make():
            log.append(name)
            return stretches

        return make

    parts = {
        "growing": table("growing", {"day": [0, 0], "kwh": np.array([1.0, 2.0])}, {"day": [1], "kwh": np.array([4.0])}),
        "ledger": table("ledger", {"payer": ["a", "b", "a"], "amount": np.array([0.5, 1.0, 2.0])}),
        "nothing": table("nothing", {"day": []}),
    }
    return RunRecord(parts, {"currency": "CNY"}), log


def test_tables_are_made_when_asked_for_and_once(made):
    """A column makes its table alone; a second look makes nothing."""
    record, log = made
    assert log == []
    assert column_of(record, "growing", "kwh").tolist() == [1.0, 2.0, 4.0]
    assert column_of(record, "growing", "day").tolist() == [0, 0, 1]
    assert record["growing"]["kwh"].tolist() == [1.0, 2.0, 4.0]
    assert record["growing"] is record["growing"]
    assert log == ["growing"]


def test_a_record_reads_as_a_mapping(made):
    """Tables without rows are none; the figures of the run stand last."""
    record, _ = made
    assert list(record) == ["growing", "ledger", "meta"]
    assert len(record) == 3
    assert "nothing" not in record
    assert "else" not in record
    assert 7 not in record
    assert record.get("nothing") is None
    assert record["meta"] == {"currency": "CNY"}
    with pytest.raises(KeyError, match="else"):
        record["else"]


def test_rows_with_a_value(made):
    """The rows of payer a are the first and the last, in a record and in tables that are frames."""
    record, _ = made
    for tables in (record, {"ledger": record["ledger"]}):
        assert rows_of(tables, "ledger", "payer", "a").tolist() == [True, False, True]
        assert column_of(tables, "ledger", "amount").tolist() == [0.5, 1.0, 2.0]
    for read in (column_of, lambda *where: rows_of(*where, "a")):
        with pytest.raises(KeyError, match="needs the table 'plants'; the record has: growing, ledger, meta"):
            read(record, "plants", "plant")


def test_a_column_that_a_stretch_lacks_is_missing_there():
    """Cars that come in the second month have no column in the first."""
    frame = as_frame([{"day": [0]}, {"day": [1], "cars": [2.0]}])
    assert frame["day"].tolist() == [0, 1]
    assert frame["cars"].isna().tolist() == [True, False]


FLOATS = st.integers(0, 10**9).map(lambda number: number / 7e3) | st.just(float("nan"))


@given(st.lists(st.tuples(FLOATS, FLOATS, FLOATS), min_size=1, max_size=300), st.integers(1, 5))
def test_figures_of_columns_are_those_of_frames(rows, n_stretches):
    """Key figures come out at the same bits from stretches of columns as from pandas, nan and all."""
    values = np.array(rows)
    names = ("consumption_kwh", "pool_price", "pool_volume_kwh")
    whole = {"day": np.arange(len(rows)) // 24, "period": np.arange(len(rows)) % 24}
    whole |= {name: values[:, place].copy() for place, name in enumerate(names)}
    whole["consumption_kwh"] = np.nan_to_num(whole["consumption_kwh"])
    cut = np.array_split(np.arange(len(rows)), n_stretches)
    record = RunRecord(
        {"intervals": lambda: [{name: column[part] for name, column in whole.items()} for part in cut if part.size]},
        {"currency": "CNY", "hours_per_period": 1.0},
    )
    chosen = ["consumption", "peak_load", "load_factor", "mean_pool_price"]
    found = kpis(record, chosen)["value"].tolist()
    frame = pd.DataFrame(whole)
    load = frame.groupby(["day", "period"])["consumption_kwh"].sum()
    volume = frame["pool_volume_kwh"][frame["pool_price"].notna()].sum()
    mean = float((frame["pool_price"] * frame["pool_volume_kwh"]).sum()) / volume if volume else float("nan")
    expected = [frame["consumption_kwh"].sum(), load.max(), load.mean() / load.max() if load.max() else np.nan, mean]
    np.testing.assert_array_equal(np.array(found), np.array(expected, np.float64))
