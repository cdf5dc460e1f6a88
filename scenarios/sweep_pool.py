"""Where points are computed: in this process, or in a pool of local processes that outlives any of them."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import connection, forkserver
from time import perf_counter
from typing import Any, Protocol

from gridagora.scenarios.sweep_points import Outcome, Point, PointStore, Status, compute

#: Libraries that would take all processors in every process.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
#: Modules that every point needs.
NEEDED = ("gridagora.scenarios.simulation", "gridagora.markets.solver", "gridagora.scenarios.record")
#: Processes that a point may take down with it before it is given up.
MOST_LOST = 3
#: What a task should last [s], so that handing it over costs next to nothing.
TASK_SECONDS = 0.5
#: Most points in a task.
MOST_POINTS = 256
#: New objects after which a process searches for garbage within a point: a short one ends before.
YOUNG_OBJECTS = 50_000


class Executor(Protocol):
    """Runs points, somewhere, in any order."""

    def run(self, points: Sequence[Point], store: PointStore, keep: str) -> Iterator[tuple[str, Status]]:
        """Yield hash and status of each point as soon as the store has it."""
        ...


def run_points(
    points: Sequence[Point], executor: Executor, store: PointStore, keep: str = "kpis"
) -> Iterator[tuple[str, Status]]:
    """Run the points that the store does not have, each once.

    Parameters
    ----------
    points : sequence of Point
        Points; those of one hash are one.
    executor : Executor
        Where they run.
    store : PointStore
        Where results are; a point that was lost is run again.
    keep : {"kpis", "tables"}
        What a point leaves.

    Yields
    ------
    hash : str
        Of a point.
    status : {"done", "failed", "lost"}
        What it came to.
    """
    waiting: list[Point] = []
    for point in {point.hash: point for point in points}.values():
        known = store.finished(point.hash)
        if known is None:
            waiting.append(point)
        else:
            yield point.hash, known
    yield from executor.run(waiting, store, keep)


class HereExecutor:
    """Runs points one after the other in this process: to debug, or where processes are not wanted."""

    def run(self, points: Sequence[Point], store: PointStore, keep: str) -> Iterator[tuple[str, Status]]:
        """Yield hash and status of each point."""
        for point in points:
            yield point.hash, compute(store, point.hash, point.scenario, keep)


@dataclass(eq=False, slots=True)
class _Worker:
    """A process and the points that it has to do, in order."""

    process: Any
    pipe: Any
    ready: bool = False
    tasks: deque[Point] = field(default_factory=deque)


class LocalPool:
    """Runs points in processes of this machine.

    Each has one thread for linear algebra and the threads of the scenario for kernels. Processes start when the pool is
    entered, on Linux from one that has loaded what a run needs and stays for the next pools, elsewhere afresh (spawn).
    One that dies is replaced: the point that it was at is tried again, at most `MOST_LOST` times in all, and the others
    of its task go back to the queue.

    Parameters
    ----------
    workers : int
        Processes, at least 1.

    Raises
    ------
    RuntimeError
        If processes cannot start.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._context = _context()
        self._crew: list[_Worker] = []
        self._failed_starts = 0
        self._seconds = 0.0

    def __enter__(self) -> LocalPool:
        if self._context.get_start_method() == "forkserver":
            with _single_threaded():
                forkserver.ensure_running()  # loads while the points are checked; a process would wait for it
        else:
            self._begin()
        return self

    def _begin(self) -> None:
        self._crew = self._crew or [self._start() for _ in range(self.workers)]

    def __exit__(self, *_: object) -> None:
        for worker in self._crew:
            worker.pipe.close()  # an idle process ends by itself
            if worker.tasks or not worker.ready:
                worker.process.terminate()
        for worker in self._crew:
            worker.process.join()
        self._crew = []

    def run(self, points: Sequence[Point], store: PointStore, keep: str) -> Iterator[tuple[str, Status]]:
        """Yield hash and status of each point as soon as the store has it."""
        queue, lost = deque(points), Counter[str]()
        left = len(points)
        if left:
            self._begin()
        while left:
            for worker in self._crew:
                self._hand_over(worker, queue, store, keep)
            for pipe in connection.wait([worker.pipe for worker in self._crew]):
                worker = next(each for each in self._crew if each.pipe is pipe)
                try:
                    message = worker.pipe.recv()
                except (EOFError, OSError):
                    given_up = self._replace(worker, queue, lost)
                    if given_up is not None:
                        left -= 1
                        yield _give_up(given_up, store)
                    continue
                self._failed_starts = 0
                if message is None:
                    worker.ready = True
                elif isinstance(message, OSError):
                    raise message
                else:
                    key, status, seconds = message
                    self._seconds = seconds if not self._seconds else 0.8 * self._seconds + 0.2 * seconds
                    worker.tasks.popleft()
                    left -= 1
                    yield key, status

    def _hand_over(self, worker: _Worker, queue: deque[Point], store: PointStore, keep: str) -> None:
        """Give an idle process its next task: few long points or many short ones, and fewer towards the end."""
        if not worker.ready or worker.tasks or not queue:
            return
        wanted = TASK_SECONDS / self._seconds if self._seconds else 1
        share = -(-len(queue) // (2 * self.workers))
        size = max(1, min(int(wanted), share, MOST_POINTS))
        worker.tasks.extend(queue.popleft() for _ in range(size))
        with suppress(OSError):  # it died meanwhile: the next wait finds out
            worker.pipe.send((store, keep, [(point.hash, point.scenario) for point in worker.tasks]))

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        with _single_threaded():
            process = self._context.Process(target=_work, args=(theirs, registered()), daemon=True)
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _replace(self, worker: _Worker, queue: deque[Point], lost: Counter[str]) -> Point | None:
        """Put a new process in the place of a dead one; return the point that is given up, if any."""
        worker.process.join()
        worker.pipe.close()
        if not worker.ready:
            self._failed_starts += 1
        if self._failed_starts >= MOST_LOST:
            raise RuntimeError(
                f"processes of a sweep cannot start (exit code {worker.process.exitcode}); a script that calls sweep "
                "needs `if __name__ == '__main__':` around its calls; workers=0 runs the points in this process"
            )
        given_up: Point | None = None
        tasks = worker.tasks
        if tasks:
            lost[tasks[0].hash] += 1
            if lost[tasks[0].hash] >= MOST_LOST:
                given_up = tasks.popleft()
        queue.extendleft(reversed(tasks))
        self._crew[self._crew.index(worker)] = self._start()
        return given_up


def _give_up(point: Point, store: PointStore) -> tuple[str, Status]:
    error = f"its process died {MOST_LOST} times: too little memory, or killed; resume tries the point again"
    store.write(Outcome(point.hash, "lost", (), error))
    return point.hash, store.finished(point.hash) or "lost"


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Let processes that start here use one thread for linear algebra; libraries read this once, at their import."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def registered() -> dict[tuple[str, str], str]:
    """Return what this process has registered: module and name of each class or function, by sort and name."""
    from gridagora.scenarios.registry import REGISTERED

    return dict(REGISTERED)


def register_again(plugins: Mapping[tuple[str, str], str]) -> None:
    """Register in this process what another one has registered.

    Parameters
    ----------
    plugins : mapping
        Module and name of a class or function, by sort and name.

    Raises
    ------
    ValueError
        If a name stands for something else here.
    """
    from gridagora.scenarios.registry import REGISTERED, register

    for (sort, name), home in plugins.items():
        module, _, path = home.partition(":")
        found: Any = import_module("__mp_main__" if module == "__main__" else module)
        for part in path.split("."):
            found = getattr(found, part)
        if REGISTERED.get((sort, name)) != home:
            register(found, name if sort in ("mechanism", "metric") else None)


def load_all() -> None:
    """Load what every point needs."""
    for module in NEEDED:
        import_module(module)


def _context() -> Any:
    """Return how processes start: where that is safe, as copies of one that has loaded what every point needs."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*NEEDED, "gridagora.scenarios.rehearsal"])
    return context


def _work(pipe: Any, plugins: Mapping[tuple[str, str], str]) -> None:
    """Compute points until the pipe closes; the life of a process of the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's to answer
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leaves in order
    threading.Thread(target=_die_with_parent, daemon=True).start()
    sys.stdout = sys.stderr
    register_again(plugins)
    load_all()  # while the main process checks the points
    gc.set_threshold(YOUNG_OBJECTS)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send(None)
        while True:
            store, keep, tasks = pipe.recv()
            gc.freeze()  # what is loaded and asked for stays: each search for garbage would visit all of it
            for key, scenario in tasks:
                started = perf_counter()
                try:
                    status = compute(store, key, scenario, keep)
                except OSError as error:
                    pipe.send(OSError(*error.args))
                    return
                gc.collect()  # agents and their model refer to one another; the next run takes their place in caches
                pipe.send((key, status, perf_counter() - started))


def _die_with_parent() -> None:
    """Leave at once when the main process is gone, so that no two sweeps write into one folder."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
