"""Results depend on the scenario and the seed, and on nothing else."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from gridagora.scenarios.load import load
from gridagora.scenarios.run import run

TABLES = ("intervals", "members", "trades", "auction_audit")


def same(a, b):
    """Assert that two finished models agree to the last bit."""
    for name in TABLES:
        pd.testing.assert_frame_equal(a.recorder.frame(name), b.recorder.frame(name), check_exact=True)
    pd.testing.assert_frame_equal(a.ledger.frame(), b.ledger.frame())
    for one, other in zip(a.populations, b.populations, strict=True):
        assert (one.billed == other.billed).all()
        assert (one.state.stored == other.state.stored).all()


@pytest.mark.parametrize("block", [1, 7, 64])
def test_block_size(simulate, block):
    """Any block size gives the same tables."""
    same(simulate(), simulate(block=block))


@pytest.mark.compiled
def test_threads(simulate):
    """One thread and two give the same tables."""
    same(simulate(block=7), simulate({"threads": 2}, block=7))


#: Prints a digest of all tables and books of a run on 1, 2 and 4 threads.
THREADS = """
import hashlib
from gridagora.scenarios.load import load
from gridagora.scenarios.simulation import Simulation
from gridagora.sim.compiled import use_threads

overrides = {"households.count": 60, "firms.count": 4, "farms.count": 2, "time.days": 1}
for threads in (1, 2, 4):
    model = Simulation(load("quickstart", overrides), block=7)
    use_threads(threads)  # a scenario may not ask for more than the machine has
    model.step()
    seen = hashlib.sha256()
    for name in ("intervals", "members", "trades", "auction_audit"):
        seen.update(model.recorder.frame(name).to_csv().encode())
    seen.update(model.ledger.frame().to_csv().encode())
    for population in model.populations:
        for column in (*population.state, *population.accounts, population.bills, population.billed):
            seen.update(column.tobytes())
    print(threads, seen.hexdigest())
"""


@pytest.mark.compiled
def test_threads_more_than_processors():
    """One thread, two and four give the same bytes, on any machine."""
    done = subprocess.run(
        [sys.executable, "-c", THREADS],
        env={**os.environ, "NUMBA_NUM_THREADS": "4"},
        capture_output=True,
        text=True,
        check=True,
    )
    threads, digests = zip(*(line.split() for line in done.stdout.splitlines()), strict=True)
    assert threads == ("1", "2", "4")
    assert len(set(digests)) == 1


def test_order_of_populations(simulate):
    """The order in which populations act changes nothing."""

    def reverse(model):
        model.populations.reverse()

    a, b = simulate({"outputs.members": 0}), simulate({"outputs.members": 0}, before=reverse)
    b.populations.reverse()
    pd.testing.assert_frame_equal(a.ledger.frame(), b.ledger.frame())
    left, right = a.recorder.frame("intervals"), b.recorder.frame("intervals")
    floats = ["auction_surplus", "auction_max_surplus"]
    pd.testing.assert_frame_equal(left.drop(columns=floats), right.drop(columns=floats), check_exact=True)
    pd.testing.assert_frame_equal(left[floats], right[floats], rtol=1e-12)


def test_same_seed_same_bytes(tmp_path):
    """Two runs of one scenario write byte-identical tables, another seed does not."""
    scenario = load("quickstart", {"households.count": 30, "time.days": 1})
    for name in ("a", "b"):
        run(scenario, out=tmp_path / name)
    run(scenario.override({"seed": 43}), out=tmp_path / "c")
    files = sorted(path.name for path in (tmp_path / "a").glob("*.parquet"))
    assert {"intervals.parquet", "ledger.parquet", "kpis.parquet"} <= set(files)
    for name in [*files, "kpis.csv", "scenario.yaml"]:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert (tmp_path / "a/ledger.parquet").read_bytes() != (tmp_path / "c/ledger.parquet").read_bytes()


def test_no_look_ahead(simulate):
    """Other realised values leave every decision of the day unchanged: pool, quotes, awards, prices."""

    def other_day(model):
        draw = model.parts.area.draw

        def changed(day, periods):
            errors = draw(day, periods)
            if day == 1:
                for path in ("realised_load", "realised_pv"):
                    errors[path] = errors[path] * 1.3
            return errors

        model.parts.area.draw = changed

    # Batteries plan the day on what the meter said at its start, so days with the same history compare.
    class Area:
        def __init__(self, area):
            self._area = area
            self.area = area.area
            self.draw = area.draw

    def patched(model):
        model.parts.area = Area(model.parts.area)
        other_day(model)

    a, b = simulate(), simulate(before=patched)
    for day in (0, 1):
        one, two = a.recorder.records[day], b.recorder.records[day]
        assert (one.pool.price == two.pool.price).all()
        assert (one.pool.schedule_quanta == two.pool.schedule_quanta).all()
        for left, right in zip(one.populations, two.populations, strict=True):
            assert (left.gate == right.gate).all()
            assert (left.award == right.award).all()
        np.testing.assert_array_equal(one.auctions.price, two.auctions.price)
        assert (one.auctions.volume == two.auctions.volume).all()
    assert (a.recorder.records[1].losses != b.recorder.records[1].losses).any()
    assert (a.recorder.records[0].losses == b.recorder.records[0].losses).all()


def test_paired_scenarios_share_their_draws(simulate):
    """Another tariff changes no member: common random numbers across scenarios."""
    a, b = simulate(), simulate(base="tou")
    for one, other in zip(a.populations, b.populations, strict=True):
        for left, right in zip(one.members, other.members, strict=True):
            assert (left == right).all()
        for left, right in zip(one.today, other.today, strict=True):
            assert (left == right).all()


def test_more_households_leave_the_first_ones_alone(simulate):
    """A household keeps its attributes when others join."""
    few, many = simulate({"time.days": 1}), simulate({"time.days": 1, "households.count": 90})
    one, other = few.households, many.households
    for left, right in zip(one.members, other.members, strict=True):
        assert (left[one.rows] == right[other.rows[:60]]).all()
