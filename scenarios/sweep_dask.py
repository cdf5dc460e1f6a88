"""Points on the workers of a Dask scheduler: batches of points as tasks, each written by the worker that runs it."""

from __future__ import annotations

import asyncio
import pickle
import secrets
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from gridagora.scenarios.sweep_points import Outcome, Point, PointStore, Status
from gridagora.scenarios.sweep_pool import MOST_POINTS, TASK_SECONDS, registered
from gridagora.scenarios.sweep_worker import TOKEN, Order, source_of
from gridagora.sim.atomic import write_file

#: What a scheduler, and its first worker, may take to answer [s].
ANSWER_SECONDS = 10.0
#: How long a sweep goes on without any worker [s].
PATIENCE_SECONDS = 60.0
#: What a file may take to be seen from another machine [s]: network file systems remember what they saw last.
VISIBLE_SECONDS = 60.0
REMEDY = 'install the package with pip install "gridagora[cluster]"'


@dataclass(slots=True)
class _Flight:
    """Batches on their way, and what is still to send."""

    order: Order
    queue: deque[Point]
    store: PointStore
    alone: set[str] = field(default_factory=set)
    flying: dict[Any, list[Point]] = field(default_factory=dict)
    ended: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    seconds: float = 0.0


class DaskExecutor:
    """Runs points on the workers of a Dask scheduler.

    Each point is sent in one batch at a time, and computed only where the folder does not have it. A batch whose
    workers keep dying is taken apart, and a point that takes its workers down with it alone is recorded as lost.

    Parameters
    ----------
    client : distributed.Client
        Connected to the scheduler.
    watch : callable
        Called about each second with the threads of each worker by its name; raises to end the sweep.
    """

    def __init__(self, client: Any, watch: Callable[[Mapping[str, int]], None]) -> None:
        self._client, self._watch = client, watch
        self._looked, self._slots = 0.0, 0

    def run(self, points: Sequence[Point], store: PointStore, keep: str) -> Iterator[tuple[str, Status]]:
        """Yield hash and status of each point as soon as the store has it."""
        if not points:
            return
        folder = store.folder.resolve()
        order = _order(folder, keep)
        flight = _Flight(order, deque(points), PointStore(folder))
        write_file(folder / TOKEN, lambda file: file.write(order.token.encode()))
        try:
            while flight.queue or flight.flying:
                self._look()
                self._send(flight)
                try:
                    future = flight.ended.get(timeout=1.0)
                except Empty:
                    continue
                yield from self._land(flight, future)
        finally:
            (folder / TOKEN).unlink(missing_ok=True)  # whoever still works on a batch stops after its point
            if flight.flying and self._client.status == "running":
                self._client.cancel(list(flight.flying), force=True)

    def _look(self) -> None:
        """See which workers there are, about each second."""
        now = time.monotonic()
        if now - self._looked < 1.0 and self._slots:
            return
        self._looked = now
        crew = _crew(self._client)
        crowded = [name for name, threads in crew.items() if threads > 1]
        if crowded:
            raise ValueError(
                f"worker {crowded[0]}: given {crew[crowded[0]]} threads; allowed 1, points would wait for each other; "
                "start it with --nthreads 1, and as many workers as there are processors (--nworkers)"
            )
        self._watch(crew)
        self._slots = len(crew)

    def _send(self, flight: _Flight) -> None:
        """Send batches until every worker has one to do and one to wait: few long points or many short ones."""
        while flight.queue and len(flight.flying) < 2 * max(1, self._slots):
            wanted = TASK_SECONDS / flight.seconds if flight.seconds else 1
            share = -(-len(flight.queue) // (2 * max(1, self._slots)))
            batch = [flight.queue.popleft()]
            while flight.queue and len(batch) < min(wanted, share, MOST_POINTS):
                if flight.alone & {batch[-1].hash, flight.queue[0].hash}:
                    break
                batch.append(flight.queue.popleft())
            tasks = pickle.dumps([(point.hash, point.scenario) for point in batch])  # only a worker can open them
            future = self._client.submit(_work(), asdict(flight.order), tasks, pure=False)
            flight.flying[future] = batch
            future.add_done_callback(flight.ended.put)

    def _land(self, flight: _Flight, future: Any) -> Iterator[tuple[str, Status]]:
        """Take the answer to a batch."""
        batch = flight.flying.pop(future)
        if future.status == "cancelled":
            raise RuntimeError("the Dask scheduler is gone, or has dropped what it was given")
        if future.status == "error":
            error = future.exception()
            if type(error).__name__ != "KilledWorker":
                raise _in_own_words(error)
            if len(batch) == 1:
                yield _give_up(batch[0], flight.store)
            else:
                flight.alone |= {point.hash for point in batch}
                flight.queue.extendleft(reversed(batch))
            return
        for key, status, seconds in future.result():
            slowly = 0.8 * flight.seconds + 0.2 * seconds
            flight.seconds = min(seconds, slowly) if flight.seconds else seconds  # the first point loads kernels
            _see(flight.store, key)
            yield key, status


@contextmanager
def on_scheduler(address: str) -> Iterator[DaskExecutor]:
    """Use the workers of a scheduler that runs already.

    Parameters
    ----------
    address : str
        Such as ``tcp://10.0.0.7:8786``.

    Raises
    ------
    ConnectionError
        If no scheduler answers, or it has no workers.
    ModuleNotFoundError
        If Dask is not installed.
    """
    require_dask()
    refuse_silence(address)
    with connected(address) as client:
        deadline = time.monotonic() + ANSWER_SECONDS
        while not _crew(client):
            if time.monotonic() > deadline:
                raise ConnectionError(
                    f"scheduler {address}: no workers; start some with `dask worker {address} --nthreads 1`"
                )
            time.sleep(0.1)
        seen = time.monotonic()

        def watch(crew: Mapping[str, int]) -> None:
            nonlocal seen
            seen = time.monotonic() if crew else seen
            if time.monotonic() - seen > PATIENCE_SECONDS:
                raise RuntimeError(f"scheduler {address} has had no workers for {PATIENCE_SECONDS:g} s")

        yield DaskExecutor(client, watch)


def require_dask() -> None:
    """Refuse to go on without Dask.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        import dask_jobqueue  # noqa: F401
        import distributed  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"no Dask here: {error}; {REMEDY}") from None
    finally:
        signal.signal(signal.SIGINT, on_interrupt)  # dask_jobqueue takes Ctrl-C for itself as it is imported


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a scheduler that is there.

    Parameters
    ----------
    address : str
        Its address.
    """
    import distributed

    make: Any = distributed.Client  # without types
    client = make(address, timeout=ANSWER_SECONDS, set_as_default=False)
    try:
        yield client
    finally:
        client.close(timeout=ANSWER_SECONDS)


def refuse_silence(address: str) -> None:
    """Refuse an address where no Dask scheduler answers in time, whatever else does.

    Raises
    ------
    ConnectionError
        If none answers.
    """
    try:
        with ThreadPoolExecutor(1) as thread:  # a notebook has a loop of events at work in this one
            thread.submit(asyncio.run, asyncio.wait_for(_greet(address), ANSWER_SECONDS)).result()
    except Exception as error:  # another program may answer anything
        raise ConnectionError(
            f"scheduler {address}: no Dask scheduler answers there within {ANSWER_SECONDS:g} s "
            f"({_one_line(error)}); start it with `dask scheduler`, or correct the address"
        ) from None


async def _greet(address: str) -> None:
    from distributed import comm as comms
    from distributed import core, security

    dask: Any = comms  # without types
    safe: Any = security.Security
    comm = await dask.connect(address, timeout=ANSWER_SECONDS, **safe().get_connection_args("client"))
    try:
        kind = (await core.send_recv(comm, op="identity", reply=True))["type"]
    finally:
        comm.abort()
    if kind != "Scheduler":
        raise ValueError(f"a {kind} of Dask answers")


def _order(folder: Path, keep: str) -> Order:
    from gridagora.scenarios.run import versions

    own = registered()
    lost = [name for (_, name), home in own.items() if home.startswith("__main__:")]
    if lost:
        raise ValueError(f"{lost[0]}: registered in a script; workers import modules only, put it into one of its own")
    paths = tuple(str(Path(path).resolve()) for path in sys.path) if own else ()
    sources = {module: source_of(module) for module in sorted({home.partition(":")[0] for home in own.values()})}
    return Order(str(folder), secrets.token_hex(8), keep, dict(versions()), own, sources, paths)


def _crew(client: Any) -> dict[str, int]:
    """Return the threads of each worker of the scheduler by its name."""

    def threads(dask_scheduler: Any) -> dict[str, int]:
        return {str(worker.name): worker.nthreads for worker in dask_scheduler.workers.values()}

    try:
        crew: dict[str, int] = client.run_on_scheduler(threads)
    except OSError as error:
        raise RuntimeError(f"the Dask scheduler is gone ({_one_line(error)})") from None
    return crew


def _work() -> Callable[[dict[str, Any], bytes], Any]:
    """Return what workers do, as a function that travels by its code: a worker without the package then says so."""

    def gridagora_points(order: dict[str, Any], tasks: bytes) -> Any:
        from gridagora.scenarios.sweep_worker import run_batch

        return run_batch(order, tasks)

    return gridagora_points


def _see(store: PointStore, key: str) -> None:
    """Wait until a point that a worker has written is seen here."""
    deadline = time.monotonic() + VISIBLE_SECONDS
    while not store.path(key).exists():
        if time.monotonic() > deadline:
            raise OSError(f"{store.path(key)} was written by a worker, but is not seen here; is the folder shared?")
        time.sleep(0.2)
        list(store.folder.glob(f"points/{key[:2]}/{key[:4]}*"))  # makes network file systems look again


def _in_own_words(error: BaseException) -> BaseException:
    """Return what a worker refused as it is, all else as what ends a sweep."""
    if isinstance(error, ValueError | OSError):
        return error
    if isinstance(error, ImportError):
        return ValueError(f"a worker has other packages than this process ({error}); {REMEDY} there")
    return RuntimeError(f"a worker cannot run points: {_one_line(error)}")


def _give_up(point: Point, store: PointStore) -> tuple[str, Status]:
    error = "the workers that ran it died: too little memory, too short a job, or killed; resume tries the point again"
    store.write(Outcome(point.hash, "lost", (), error))
    return point.hash, store.finished(point.hash) or "lost"


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
