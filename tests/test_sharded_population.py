"""A population in shards on Dask workers is the population, to the last bit."""

import sys
from pathlib import Path

import pytest

FOLDER = str(Path(__file__).resolve().parent.parent / "benchmarks")
MEMBERS = {"households.count": 2000, "time.period_minutes": 60}


@pytest.fixture
def bench(monkeypatch):
    """Return the modules of the benchmark, which its workers import too."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("PYTHONPATH", FOLDER)
    import sharded_day
    import sharded_members
    import sharded_population

    yield sharded_day, sharded_members, sharded_population
    for name in ("sharded_day", "sharded_members", "sharded_population"):
        del sys.modules[name]


@pytest.mark.compiled
def test_shards_of_any_size_are_the_simulation(bench):
    """Uneven shards in one process: prices, volumes, totals, cuts and money of a day of `Simulation.step`."""
    day, members, population = bench
    model, ticks, least = day.reference(MEMBERS)
    held = [
        members.HeldShard(day.SCENARIO, day.DAYS | MEMBERS, first, last, ticks, least)
        for first, last in ((0, 1), (1, 500), (500, 2000))
    ]
    found = day.run_day(lambda method, *args: [getattr(shard, method)(*args) for shard in held], day.inputs_of(model))
    assert population.agrees(model, found)
    assert found.volume.sum() > 0
    assert model.record.cuts.any()


@pytest.mark.slow
def test_shards_on_workers_agree(bench):
    """1, 2 and 4 shards on two worker processes, and none: the same prices, volumes, totals and money."""
    from distributed import Client, LocalCluster

    day, members, population = bench
    model, ticks, least = day.reference(MEMBERS)
    inputs = day.inputs_of(model)
    own = members.Shard(type(model)(model.scenario).populations[0], model.calendar, ticks, least)
    digests = [day.run_day(day.alone(own), inputs).digest]
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(**options, memory_limit=0) as cluster, Client(cluster) as client:
        for shards in (1, 2, 4):
            with day.on_workers(client, MEMBERS, shards, ticks, least) as ask:
                found = day.run_day(ask, inputs)
            assert population.agrees(model, found)
            digests.append(found.digest)
    assert len(set(digests)) == 1


@pytest.mark.compiled
def test_tariffs_with_registers_are_refused(bench):
    """A charge on the system's peak would need one more message a period."""
    day, members, _ = bench
    demand = {"kind": "flat", "energy_per_kwh": 0.4, "demand": {"price_per_kw_month": 10.0}}
    with pytest.raises(ValueError, match="tariff with registers"):
        members.HeldShard(day.SCENARIO, day.DAYS | {**MEMBERS, "tariffs.residential": demand}, 0, 10, 100, 1)
