"""Points on the workers of a Dask scheduler: the same table, each once, and clear words where it cannot be."""

import pickle
import socket
import time
from dataclasses import asdict, replace

import pytest
from distributed import LocalCluster
from distributed.scheduler import KilledWorker
from typer.testing import CliRunner

import gridagora as ga
from gridagora.scenarios import registry, sweep_dask, sweep_worker
from gridagora.scenarios import run as runs
from gridagora.scenarios.cli import app
from gridagora.scenarios.load import load
from gridagora.scenarios.sweep_dask import DaskExecutor
from gridagora.scenarios.sweep_points import Outcome, Point, PointStore

TINY = {
    **{"households.count": 3, "firms": None, "farms": None, "time.days": 1, "time.period_minutes": 60},
    **{"market.method": "exact", "generators.capacity_to_peak": 4.0},
}
SMALL = {
    "name": "small",
    "base": "quickstart",
    "overrides": TINY,
    "factors": {"households.pv_share": [0.0, 1.0]},
    "replications": 3,
}


@pytest.fixture(scope="module")
def cluster():
    """Return a scheduler with one worker, in this process."""
    options = {"processes": False, "threads_per_worker": 1, "protocol": "tcp://", "dashboard_address": ":0"}
    with LocalCluster(n_workers=1, **options) as found:
        yield found


@pytest.fixture
def quick(cluster, monkeypatch):
    """Replace the simulation by one figure of seed and share; return the list of what ran.

    What a refused sweep has left under way ends before anything is put back: the worker is this process.
    """
    ran = []

    def figure(scenario):
        ran.append((scenario.households.pv_share, scenario.seed))
        if scenario.seed == 44:
            raise ValueError("not this one")
        return [("peak", "system", scenario.seed / 7 + scenario.households.pv_share, "kW")]

    monkeypatch.setattr(runs, "key_figures", figure)
    yield ran
    (worker,) = cluster.workers.values()
    deadline = time.monotonic() + 60
    while cluster.scheduler.tasks or worker.state.tasks:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_same_table_as_at_home(quick, cluster, tmp_path):
    """Points run once, a failing one is recorded, resume runs nothing, and files are those of a sweep at home."""
    there = ga.sweep(SMALL, tmp_path / "there", scheduler=cluster.scheduler_address)
    assert sorted(quick) == [(0.0, 42), (0.0, 43), (0.0, 44), (1.0, 42), (1.0, 43), (1.0, 44)]
    assert there.failures["error"].tolist() == ["ValueError: not this one"] * 2
    ga.sweep(SMALL, tmp_path / "there", scheduler=cluster.scheduler_address, resume=True)
    assert len(quick) == 6
    here = ga.sweep(SMALL, tmp_path / "here", workers=0)
    assert (there.path / "results.parquet").read_bytes() == (here.path / "results.parquet").read_bytes()
    assert not (there.path / sweep_worker.TOKEN).exists()


def test_a_folder_that_is_not_shared(quick, cluster, tmp_path, monkeypatch):
    """A worker that does not see what was written refuses; nothing has run."""
    monkeypatch.setattr(sweep_worker, "TOKEN", "elsewhere")
    monkeypatch.setattr(sweep_worker, "TOKEN_SECONDS", 0.0)
    with pytest.raises(ValueError, match=r"worker .*: does not see what was written to .*share"):
        ga.sweep(SMALL, tmp_path / "a", scheduler=cluster.scheduler_address)
    assert not quick


def test_other_versions_are_refused(quick, cluster, tmp_path, monkeypatch):
    """A worker with other packages names each of them and what it has; the command ends with code 2."""
    monkeypatch.setattr(sweep_dask, "_order", lambda *a, make=sweep_dask._order: older(make(*a)))

    def older(order):
        return replace(order, versions=order.versions | {"numba": "0.1", "tea": "3.0"})

    numba = runs.versions()["numba"]
    with pytest.raises(ValueError, match=rf"worker .*: has numba {numba} in place of 0\.1, tea none in place of 3\.0"):
        ga.sweep(SMALL, tmp_path / "a", scheduler=cluster.scheduler_address)
    call = ["sweep", "pv_share", "--out", str(tmp_path / "b"), "--scheduler", cluster.scheduler_address]
    assert CliRunner().invoke(app, call).exit_code == 2
    assert not quick


def test_own_classes_travel(quick, cluster, tmp_path, monkeypatch):
    """A worker imports the module of an own class; where it is not there, or in a script, that is said."""
    monkeypatch.setitem(registry.REGISTERED, ("metric", "far"), "far_lab:figure")
    with pytest.raises(ValueError, match=r"an own class cannot be found .No module named 'far_lab'"):
        ga.sweep(SMALL, tmp_path / "a", scheduler=cluster.scheduler_address)
    monkeypatch.setitem(registry.REGISTERED, ("metric", "far"), "__main__:figure")
    with pytest.raises(ValueError, match="far: registered in a script; workers import modules only"):
        ga.sweep(SMALL, tmp_path / "b", scheduler=cluster.scheduler_address)


def test_own_classes_are_those_of_now(quick, cluster, tmp_path, monkeypatch):
    """A worker that has loaded an own module before it was edited refuses; one that has the same goes on."""
    monkeypatch.setitem(registry.REGISTERED, ("metric", "far"), "json:dumps")
    monkeypatch.setattr(sweep_worker, "_LOADED", {})
    ga.sweep(SMALL, tmp_path / "a", scheduler=cluster.scheduler_address)
    assert {"json": sweep_worker.source_of("json")} == sweep_worker._LOADED
    monkeypatch.setitem(sweep_worker._LOADED, "json", "an older one")
    with pytest.raises(ValueError, match=r"has another json\.py than this process; restart it"):
        ga.sweep(SMALL, tmp_path / "b", scheduler=cluster.scheduler_address)
    assert len(quick) == 6


def test_no_scheduler(tmp_path, monkeypatch):
    """Where nothing, something else, or a worker answers, one line says so in time; the command ends with code 2."""
    monkeypatch.setattr(sweep_dask, "ANSWER_SECONDS", 0.3)
    with socket.socket() as silent, socket.socket() as closed:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        closed.bind(("127.0.0.1", 0))
        for address in (
            f"tcp://127.0.0.1:{silent.getsockname()[1]}",
            f"127.0.0.1:{closed.getsockname()[1]}",
            "nowhere",
        ):
            with pytest.raises(ConnectionError, match=f"scheduler {address}: no Dask scheduler answers there within"):
                ga.sweep(SMALL, tmp_path / "a", scheduler=address)
    found = CliRunner().invoke(app, ["sweep", "pv_share", "--out", str(tmp_path / "a"), "--scheduler", "nowhere"])
    assert found.exit_code == 2
    assert found.output.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_a_worker_is_no_scheduler(cluster, tmp_path):
    """The address of a worker is told from that of a scheduler."""
    (worker,) = cluster.scheduler_info["workers"]
    with pytest.raises(ConnectionError, match="a Worker of Dask answers"):
        ga.sweep(SMALL, tmp_path / "a", scheduler=worker)


def test_without_dask(tmp_path, monkeypatch):
    """What to install is said."""
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "gridagora\[cluster\]"'):
        ga.sweep(SMALL, tmp_path / "a", scheduler="tcp://127.0.0.1:1")


class Answer:
    """A future that is there already."""

    def __init__(self, result=None, error=None, status="finished"):
        self._result, self._error, self.status = result, error, "error" if error else status

    def add_done_callback(self, call):
        """Call at once."""
        call(self)

    def exception(self):
        """Return the error."""
        return self._error

    def result(self):
        """Return the result."""
        return self._result


class FakeClient:
    """A client whose workers do as they are told."""

    status = "running"

    def __init__(self, behave, crew=None):
        self.behave, self.crew, self.cancelled = behave, crew or {"w": 1}, []

    def run_on_scheduler(self, _function):
        """Return the crew, or raise what stands in its place."""
        if isinstance(self.crew, Exception):
            raise self.crew
        return self.crew

    def submit(self, _function, order, tasks, pure):
        """Answer a batch."""
        assert not pure
        return self.behave(order, [key for key, _ in pickle.loads(tasks)])

    def cancel(self, futures, force):
        """Note what is cancelled."""
        assert force
        self.cancelled += futures


@pytest.fixture(scope="module")
def scenario():
    """Return a scenario that nothing runs."""
    return load("quickstart", TINY)


@pytest.fixture
def some(scenario):
    """Return a function that makes points."""
    return lambda count: [Point(0, n, f"{n:064d}", scenario) for n in range(count)]


def run(client, points, store):
    """Run points with a client."""
    return dict(DaskExecutor(client, lambda crew: None).run(points, store, "kpis"))


def test_short_points_are_batched(some, tmp_path):
    """The first tasks are one point each; points of 10 ms then come fifty a task, fewer towards the end."""
    store, sizes = PointStore(tmp_path), []

    def finish(_order, keys):
        sizes.append(len(keys))
        for key in keys:
            store.write(Outcome(key, "done"))
        return Answer([(key, "done", 0.01) for key in keys])

    assert len(run(FakeClient(finish), some(300), store)) == 300
    assert sizes[:4] == [1, 1, 50, 50]
    assert (sum(sizes), max(sizes), sizes[-1]) == (300, 50, 1)
    assert run(FakeClient(finish), [], store) == {}


def test_a_point_that_kills_its_workers_is_given_up(some, tmp_path):
    """Its batch is taken apart, it is tried alone and recorded as lost; the others run, none that is done again."""
    store, points, tried = PointStore(tmp_path), some(40), []

    def behave(_order, keys):
        tried.append(keys)
        for key in keys:
            if key == points[30].hash:
                return Answer(error=KilledWorker("t", None, 3))
            store.write(Outcome(key, "done"))
        return Answer([(key, "done", 0.01) for key in keys])

    found = run(FakeClient(behave), points, store)
    assert [key for key, status in found.items() if status == "lost"] == [points[30].hash]
    assert len(found) == 40
    assert [points[30].hash] in tried
    assert "the workers that ran it died" in store.read(points[30].hash).error


def test_what_ends_a_sweep(some, tmp_path):
    """A scheduler that is gone, a full disk, a worker without the package or with a fault of its own."""
    cases = [
        (Answer(status="cancelled"), RuntimeError, "the Dask scheduler is gone"),
        (Answer(error=OSError(28, "no space")), OSError, "no space"),
        (Answer(error=ModuleNotFoundError("No module named 'gridagora'")), ValueError, "a worker has other packages"),
        (Answer(error=TypeError("odd")), RuntimeError, "a worker cannot run points: TypeError: odd"),
    ]
    for answer, kind, text in cases:
        client = FakeClient(lambda *_, answer=answer: answer)
        with pytest.raises(kind, match=text):
            run(client, some(2), PointStore(tmp_path))
        assert len(client.cancelled) <= 1
        assert not (tmp_path / sweep_worker.TOKEN).exists()


def test_crews_that_will_not_do(some, tmp_path):
    """Workers of several threads, and a scheduler that is gone, are refused."""
    cases = [
        ({"a": 1, "b": 8}, ValueError, "worker b: given 8 threads; allowed 1"),
        (OSError("closed"), RuntimeError, "the Dask scheduler is gone .OSError: closed"),
    ]
    for crew, kind, text in cases:
        with pytest.raises(kind, match=text):
            run(FakeClient(lambda *_: Answer(), crew), some(1), PointStore(tmp_path))


def test_a_point_that_is_not_seen_here(some, tmp_path, monkeypatch):
    """What a worker says to have written and nobody sees ends the sweep: the table would miss it."""
    monkeypatch.setattr(sweep_dask, "VISIBLE_SECONDS", 0.1)
    client = FakeClient(lambda _, keys: Answer([(key, "done", 0.1) for key in keys]))
    with pytest.raises(OSError, match="was written by a worker, but is not seen here"):
        run(client, some(1), PointStore(tmp_path))


def test_a_scheduler_without_workers(some, tmp_path, monkeypatch):
    """At the beginning it is refused; later the sweep waits a while for others."""
    monkeypatch.setattr(sweep_dask, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(sweep_dask, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(sweep_dask, "refuse_silence", lambda address: None)
    client = FakeClient(lambda *_: Answer(status="pending"))
    monkeypatch.setattr(sweep_dask, "connected", lambda _: Entered(client))
    with sweep_dask.on_scheduler("tcp://a:1") as executor:
        client.crew = {}
        client.behave = lambda *_: Silent()
        with pytest.raises(RuntimeError, match=r"scheduler tcp://a:1 has had no workers for 0\.1 s"):
            list(executor.run(some(1), PointStore(tmp_path), "kpis"))
    with pytest.raises(ConnectionError, match="scheduler tcp://a:1: no workers; start some"):
        sweep_dask.on_scheduler("tcp://a:1").__enter__()


def test_a_sweep_that_is_interrupted(some, tmp_path):
    """What is on its way is cancelled, and whoever is at work on it nevertheless stops after its point."""
    store, points = PointStore(tmp_path), some(3)

    def behave(_order, keys):
        if keys != [points[0].hash]:
            return Silent()
        store.write(Outcome(keys[0], "done"))
        return Answer([(keys[0], "done", 1.0)])

    client = FakeClient(behave)
    found = DaskExecutor(client, lambda crew: None).run(points, store, "kpis")
    assert next(found) == (points[0].hash, "done")
    assert (tmp_path / sweep_worker.TOKEN).exists()
    found.close()
    assert len(client.cancelled) == 1
    assert not (tmp_path / sweep_worker.TOKEN).exists()


class Silent(Answer):
    """A future that never ends."""

    def add_done_callback(self, call):
        """Never call."""


class Entered:
    """A context that gives what it was made with."""

    def __init__(self, value):
        self.value = value

    def __enter__(self):
        return self.value

    def __exit__(self, *_):
        return None


def test_a_sweep_that_is_over(scenario, tmp_path, monkeypatch, quick):
    """A worker that is still at a batch stops after its point when the folder is no longer its sweep's."""
    monkeypatch.setattr(sweep_worker, "_here", lambda: "worker w")
    monkeypatch.setattr(sweep_worker, "load_all", lambda: None)
    order = sweep_worker.Order(str(tmp_path), "mine", "kpis", dict(runs.versions()), {}, {}, ())
    (tmp_path / sweep_worker.TOKEN).write_text("mine")
    compute = sweep_worker.compute

    def over(*arguments):
        (tmp_path / sweep_worker.TOKEN).write_text("another's")
        return compute(*arguments)

    monkeypatch.setattr(sweep_worker, "compute", over)
    tasks = [(other.hash, other) for other in (scenario.with_seed(1), scenario.with_seed(2))]
    with pytest.raises(ValueError, match="worker w: does not see"):
        sweep_worker.run_batch(asdict(order), pickle.dumps(tasks))
    assert quick == [(scenario.households.pv_share, 1)]
