"""The pool: each point once, in any order, whatever dies."""

import importlib
import os
import signal
import sys
from collections import deque

import pytest

from gridagora.scenarios import registry, sweep_pool
from gridagora.scenarios.load import load
from gridagora.scenarios.run import key_figures
from gridagora.scenarios.sweep_points import Outcome, Point, PointStore
from gridagora.scenarios.sweep_pool import HereExecutor, LocalPool, register_again, run_points

TINY = {
    **{"households.count": 3, "firms": None, "farms": None, "time.days": 1, "time.period_minutes": 60},
    **{"market.method": "exact", "generators.capacity_to_peak": 4.0},
}


@pytest.fixture(scope="module")
def points():
    """Three points that differ in their seed."""
    base = load("quickstart", TINY)
    found = [base.with_seed(seed) for seed in (1, 2, 3)]
    return [Point(0, number, scenario.hash, scenario) for number, scenario in enumerate(found)]


class Noting:
    """An executor that notes what it is given, and finishes it."""

    def __init__(self):
        self.given = []

    def run(self, points, store, keep):
        """Finish every point."""
        for point in points:
            self.given.append(point.hash)
            store.write(Outcome(point.hash, "done"))
            yield point.hash, "done"


def test_no_point_runs_twice(points, tmp_path):
    """Points of one hash are one; done and failed ones stay, lost ones are tried again."""
    store, executor = PointStore(tmp_path), Noting()
    store.write(Outcome(points[0].hash, "failed", error="ValueError: no"))
    store.write(Outcome(points[1].hash, "lost", error="killed"))
    found = dict(run_points([*points, points[2]], executor, store))
    assert executor.given == [points[1].hash, points[2].hash]
    assert found == {points[0].hash: "failed", points[1].hash: "done", points[2].hash: "done"}
    assert set(dict(run_points(points, executor, store)).values()) == {"failed", "done"}
    assert len(executor.given) == 2


def test_this_process_alone(points, tmp_path):
    """Without processes points run here."""
    assert dict(run_points(points[:1], HereExecutor(), PointStore(tmp_path))) == {points[0].hash: "done"}


@pytest.mark.compiled
def test_a_worker_finds_the_same(points, tmp_path):
    """Files of points are the same, byte for byte, from this process and from a pool."""
    here, there = PointStore(tmp_path / "here"), PointStore(tmp_path / "there")
    list(run_points(points, HereExecutor(), here))
    with LocalPool(1) as pool:
        assert dict(run_points(points, pool, there)) == dict.fromkeys((p.hash for p in points), "done")
    for point in points:
        assert here.path(point.hash).read_bytes() == there.path(point.hash).read_bytes()


@pytest.mark.compiled
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one processor")
def test_a_worker_may_use_threads(tmp_path):
    """A process copied from another one starts threads of its own: the point is that of one thread at home."""
    scenario = load("quickstart", TINY | {"threads": 2})
    point = Point(0, 0, scenario.hash, scenario)
    here, there = PointStore(tmp_path / "here"), PointStore(tmp_path / "there")
    with LocalPool(1) as pool:
        assert dict(run_points([point], pool, there)) == {point.hash: "done"}, there.read(point.hash)
    alone = load("quickstart", TINY)
    list(run_points([Point(0, 0, alone.hash, alone)], HereExecutor(), here))
    assert here.read(alone.hash).kpis == there.read(point.hash).kpis


@pytest.mark.parametrize(("platform", "way"), [("linux", "forkserver"), ("darwin", "spawn")])
def test_processes_start_and_end(monkeypatch, platform, way):
    """A pool that is left before it has begun leaves no process behind, however processes start on the platform."""
    monkeypatch.setattr(sweep_pool.sys, "platform", platform)
    with LocalPool(1) as pool:
        pool._begin()
        (worker,) = pool._crew
        assert worker.process.is_alive()
        assert pool._context.get_start_method() == way
    assert not worker.process.is_alive()


def test_a_rehearsal_runs_and_whatever_happens_does_not_fail(monkeypatch):
    """Its town is no scenario that is refused; an error within it is left to the first point."""
    asked = []
    monkeypatch.setattr("gridagora.scenarios.run.key_figures", asked.append)
    module = importlib.reload(importlib.import_module("gridagora.scenarios.rehearsal"))
    assert len(key_figures(asked[-1])) > 20
    monkeypatch.setattr("gridagora.scenarios.run.key_figures", lambda _: 1 / 0)
    importlib.reload(module)


def test_a_main_process_has_no_parent_to_die_with(monkeypatch):
    """Outside a worker the watch ends at once."""
    monkeypatch.setattr(sweep_pool.multiprocessing, "parent_process", lambda: None)
    sweep_pool._die_with_parent()


def test_a_point_that_is_done_is_not_lost(points, tmp_path):
    """A process that dies after it has written a point does not take it back."""
    store = PointStore(tmp_path)
    store.write(Outcome(points[0].hash, "done"))
    assert sweep_pool._give_up(points[0], store) == (points[0].hash, "done")
    assert store.read(points[0].hash).status == "done"


class FakePipe:
    """The main process's end of a pipe to a worker that does as it is told."""

    def __init__(self, pool, behave):
        self.pool, self.behave, self.inbox, self.closed = pool, behave, deque([None]), False

    def send(self, message):
        """Take a task."""
        self.behave(self, message)

    def recv(self):
        """Return the next message, or end as the pipe of a dead process does."""
        message = self.inbox.popleft()
        if message is EOFError:
            raise EOFError
        return message

    def close(self):
        """Close."""
        self.closed = True


class FakeProcess:
    """A process that is no more."""

    exitcode = -9

    def join(self):
        """Return at once."""

    def terminate(self):
        """Do nothing."""


@pytest.fixture
def pool_of(monkeypatch):
    """Return a function that makes a pool whose workers behave as given."""

    def make(workers, behave):
        pool = LocalPool(workers)
        monkeypatch.setattr(
            pool.__class__, "_start", lambda self: sweep_pool._Worker(FakeProcess(), FakePipe(self, behave))
        )
        monkeypatch.setattr(sweep_pool.forkserver, "ensure_running", lambda: None)
        monkeypatch.setattr(sweep_pool.connection, "wait", lambda pipes: [p for p in pipes if p.inbox][:1])
        return pool

    return make


def finish(pipe, message):
    """Finish all points of a task."""
    store, _, tasks = message
    for key, _ in tasks:
        store.write(Outcome(key, "done"))
        pipe.inbox.append((key, "done", 0.01))


def test_short_points_are_batched(points, tmp_path, pool_of):
    """The first task is one point; points of 10 ms then come fifty a task, fewer towards the end."""
    sizes = []

    def note(pipe, message):
        sizes.append(len(message[2]))
        finish(pipe, message)

    many = [Point(0, n, f"{n:064d}", points[0].scenario) for n in range(300)]
    with pool_of(1, note) as pool:
        assert len(dict(pool.run(many, PointStore(tmp_path), "kpis"))) == 300
    assert sizes[:5] == [1, 50, 50, 50, 50]
    assert sum(sizes) == 300
    assert sizes[-1] == 1


def test_a_point_that_kills_its_process_is_given_up(points, tmp_path, pool_of):
    """It is tried three times and recorded as lost; the points behind it run all the same."""
    tried = []

    def behave(pipe, message):
        for key, _ in message[2]:
            tried.append(key)
            if key == points[1].hash:
                pipe.inbox.append(EOFError)
                return
            message[0].write(Outcome(key, "done"))
            pipe.inbox.append((key, "done", 0.0001))

    store = PointStore(tmp_path)
    with pool_of(2, behave) as pool:
        found = dict(pool.run(points, store, "kpis"))
    assert found == {points[0].hash: "done", points[1].hash: "lost", points[2].hash: "done"}
    assert tried.count(points[1].hash) == 3
    assert tried.count(points[0].hash) == tried.count(points[2].hash) == 1
    assert "died 3 times" in store.read(points[1].hash).error


def test_processes_that_cannot_start(points, tmp_path, pool_of):
    """After three tries the pool says why instead of trying for ever."""
    pool = pool_of(1, finish)
    with pool:
        start = LocalPool._start

        def dead(self):
            worker = start(self)
            worker.pipe.inbox = deque([EOFError])
            return worker

        LocalPool._start = dead
        pool._crew = [pool._start()]
        with pytest.raises(RuntimeError, match=r"cannot start .exit code -9.*__name__ == '__main__'"):
            list(pool.run(points, PointStore(tmp_path), "kpis"))


def test_a_full_disk_stops_the_sweep(points, tmp_path, pool_of):
    """A worker that cannot write says so, and the error is the pool's."""
    full = OSError(28, "no space")
    with pool_of(1, lambda pipe, _: pipe.inbox.append(full)) as pool, pytest.raises(OSError, match="no space"):
        list(pool.run(points, PointStore(tmp_path), "kpis"))


def test_the_environment_is_restored(monkeypatch):
    """Workers start with one thread; this process keeps what it had."""
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with sweep_pool._single_threaded():
        assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "1"
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


class Script:
    """A worker's end of a pipe that hands over some tasks and closes."""

    def __init__(self, *tasks):
        self.tasks, self.sent = deque(tasks), []

    def recv(self):
        """Return the next task."""
        if not self.tasks:
            raise EOFError
        return self.tasks.popleft()

    def send(self, message):
        """Note a message."""
        self.sent.append(message)


@pytest.fixture
def worker_here(monkeypatch):
    """Let a worker's life take place in this process, without its signals and threads."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sweep_pool, "_die_with_parent", lambda: None)
    monkeypatch.setattr(sys, "stdout", sys.stdout)


def test_the_life_of_a_worker(points, tmp_path, worker_here):
    """It says that it is ready, computes its tasks point by point, and ends with the pipe."""
    store, pipe = PointStore(tmp_path), Script()
    pipe.tasks.append((store, "kpis", [(point.hash, point.scenario) for point in points[:2]]))
    sweep_pool._work(pipe, {})
    assert pipe.sent[0] is None
    assert [message[:2] for message in pipe.sent[1:]] == [(points[0].hash, "done"), (points[1].hash, "done")]


def test_a_worker_that_cannot_write(points, tmp_path, worker_here):
    """It hands over the error and ends."""
    (tmp_path / "points").write_text("in the way")
    pipe = Script((PointStore(tmp_path), "kpis", [(points[0].hash, points[0].scenario)]))
    sweep_pool._work(pipe, {})
    assert isinstance(pipe.sent[1], OSError)
    assert len(pipe.sent) == 2


def test_plugins_are_registered_again(tmp_path, monkeypatch):
    """A worker registers what the main process had registered, by the name it had there."""
    (tmp_path / "home_lab.py").write_text(
        "class Home:\n    @staticmethod\n    def figure(record):\n        return []\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    asked = []
    monkeypatch.setattr(registry, "register", lambda plugin, name: asked.append((plugin.__name__, name)))
    register_again({("metric", "far"): "home_lab:Home.figure", ("tariff", "x"): "home_lab:Home.figure"})
    assert asked == [("figure", "far"), ("figure", None)]


def test_a_name_that_another_sweep_has_taken_is_refused(tmp_path, monkeypatch):
    """A worker that knows another metric by a name does not compute with that one."""
    (tmp_path / "near_lab.py").write_text("def figure(record):\n    return []\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(registry.REGISTERED, ("metric", "peak_load"), "other_lab:figure")
    with pytest.raises(ValueError, match="metric: the name 'peak_load' is taken by other_lab:figure; rename"):
        register_again({("metric", "peak_load"): "near_lab:figure"})
