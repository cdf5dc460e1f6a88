"""Sweeps under kill -9: finished points stay as they are, none is computed again, the table ends byte-identical."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import pytest

from gridagora.scenarios.sweep_worker import TOKEN

#: A point that takes fifteen milliseconds and notes when it begins, so that only the machinery of sweeps is at work.
LAB = """
import os, time
from gridagora.scenarios import run, sweep_pool, sweep_worker
from gridagora.scenarios.registry import REGISTERED

def quick(scenario):
    with open(os.environ["LAB_LOG"], "a") as log:
        log.write(f"{scenario.hash} {time.time_ns()}\\n")
    time.sleep(0.015)
    return [(f"k{n}", "system", scenario.seed / 7 + scenario.households.pv_share + n, "1") for n in range(20)]

run.key_figures = quick
sweep_pool.load_all = sweep_worker.load_all = lambda: None
REGISTERED["metric", "quick"] = "quick_lab:quick"
"""
TINY = {
    **{"households.count": 3, "firms": None, "farms": None, "time.days": 1, "time.period_minutes": 60},
    **{"market.method": "exact", "generators.capacity_to_peak": 4.0},
}
QUICK = {
    "name": "crash",
    "base": "quickstart",
    "overrides": TINY,
    "factors": {"households.pv_share": [0.0, 0.3, 0.6, 0.9]},
    "replications": 60,
}
#: Main processes are forked off this one, so that each begins at once.
NEST = """
import json, os, sys, traceback
import gridagora as ga
from gridagora.scenarios.sweep import make_plan
from gridagora.scenarios.sweep_file import load_sweep
import quick_lab

if __name__ == "__main__":
    content = json.loads(open(sys.argv[1]).read())
    make_plan(load_sweep(content))
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid:
            print(pid, flush=True)
            print(os.waitpid(pid, 0)[1], flush=True)
            continue
        try:
            ga.sweep(content, resume=True, **json.loads(line))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
"""
#: What the clocks of files and of processes may differ by [ns].
TICK = 20_000_000

pytestmark = pytest.mark.slow


class Lab:
    """A folder with a sweep of quick points, and what it has come to."""

    def __init__(self, folder):
        self.folder, self.out, self.log, self.seen = folder, folder / "out", folder / "log", {}
        (folder / "quick_lab.py").write_text(LAB)
        (folder / "nest.py").write_text(NEST)
        (folder / "crash.json").write_text(json.dumps(QUICK))
        self.environment = os.environ | {"LAB_LOG": str(self.log), "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
        self.said = (folder / "said").open("w+")
        call = [sys.executable, str(folder / "nest.py"), str(folder / "crash.json")]
        self.nest = subprocess.Popen(
            call, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True
        )
        assert self.nest.stdout.readline() == "ready\n"

    def begin(self, **options):
        """Begin the sweep, or go on with it; return the id of the main process."""
        self.nest.stdin.write(json.dumps({"out": str(self.out)} | options) + "\n")
        self.nest.stdin.flush()
        return int(self.nest.stdout.readline())

    def end(self):
        """Wait for the end of the main process; return its code, or minus the signal, and what was said last."""
        status = int(self.nest.stdout.readline())
        return os.waitstatus_to_exitcode(status), (self.folder / "said").read_text()[-2000:]

    def points(self):
        """Return the files of the points that are there."""
        return list(self.out.glob("points/*/*.json"))

    def wait_for(self, more):
        """Wait for some more points."""
        wanted, deadline = len(self.points()) + more, time.monotonic() + 120
        while len(self.points()) < wanted:
            assert time.monotonic() < deadline, self.end()
            time.sleep(0.02)

    def wait_for_another(self, token):
        """Wait until a main process is at work that is not the one before; return its token."""
        deadline = time.monotonic() + 120
        while not (self.out / TOKEN).exists() or (self.out / TOKEN).read_text() in ("", token):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return (self.out / TOKEN).read_text()

    def look(self):
        """Check that the points that were there are there, and as they were."""
        found = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in self.points()}
        assert {name: found.get(name) for name in self.seen} == self.seen
        self.seen = found

    def finish(self, **options):
        """Go on to the end, and compare with a sweep that nothing has disturbed; no point began after it was done."""
        self.begin(**options)
        code, said = self.end()
        assert code == 0, said
        self.look()
        done = {path.stem: path.stat().st_mtime_ns for path in self.points()}
        began = [line.split() for line in self.log.read_text().splitlines()]
        assert {key for key, _ in began} == done.keys()
        assert [key for key, when in began if int(when) > done[key] + TICK] == []
        assert not list(self.out.glob("points/*/.*"))
        self.begin(out=str(self.folder / "whole"), workers=0)
        assert self.end()[0] == 0
        assert (self.out / "results.parquet").read_bytes() == (self.folder / "whole" / "results.parquet").read_bytes()


@pytest.fixture
def lab(tmp_path):
    """Return a lab."""
    lab = Lab(tmp_path)
    with lab.nest, lab.said:
        yield lab
        lab.nest.stdin.close()


def children(pid, of="spawn_main"):
    """Return the ids of the worker processes that a process has started, or the one that it copies them from."""
    found = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    lines = found.stdout.splitlines()
    copied = [int(line.split()[0]) for line in lines if "multiprocessing.forkserver" in line]
    if of == "multiprocessing.forkserver":
        return copied
    started = [int(line.split()[0]) for line in lines if of in line]
    return started + [worker for server in copied for worker in children(server, "multiprocessing.forkserver")]


def test_kill_the_main_process(lab):
    """Twenty-nine times without workers, twice with: at any moment, from its start on; its workers leave."""
    chance = random.Random(1)
    for number in range(31):
        main = lab.begin(workers=int(number in (9, 20)))
        if number % 2:
            lab.wait_for(chance.randint(1, 7))
        time.sleep(chance.uniform(0, 0.05 if number % 2 else 0.3))
        workers = children(main)
        os.kill(main, signal.SIGKILL)
        assert lab.end()[0] == -signal.SIGKILL
        while any(exists(worker) for worker in workers):
            time.sleep(0.01)
        lab.look()
    assert 0 < len(lab.seen) < 240
    lab.finish(workers=1)


def test_kill_workers(lab):
    """Nine times, one after the other: others take their place."""
    chance = random.Random(2)
    main = lab.begin(workers=2)
    for _ in range(9):
        lab.wait_for(chance.randint(1, 5))
        time.sleep(chance.uniform(0, 0.02))
        os.kill(chance.choice(children(main)), signal.SIGKILL)
        lab.look()
    assert lab.end()[0] == 0
    assert len(lab.points()) == 240
    lab.finish(workers=0)


def exists(pid):
    """Tell whether a process is there and no zombie."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(found.strip()) and not found.startswith("Z")


def test_kill_real_points(tmp_path):
    """A worker in the middle of a simulation, then the main process: the table is that of a sweep at home."""
    (tmp_path / "real.yaml").write_text(json.dumps(QUICK | {"replications": 4}))
    call = [sys.executable, "-m", "gridagora", "sweep", str(tmp_path / "real.yaml"), "--resume", "--out"]
    with subprocess.Popen([*call, str(tmp_path / "out"), "--workers", "2"]) as process:
        for count in (3, 8):
            while len(there := list((tmp_path / "out").glob("points/*/*.json"))) < count:
                assert process.poll() is None
                time.sleep(0.005)
            os.kill(children(process.pid)[0] if count == 3 else process.pid, signal.SIGKILL)
    stamps = {path: path.stat().st_mtime_ns for path in there}
    for folder, workers in (("out", "2"), ("whole", "0")):
        subprocess.run([*call, str(tmp_path / folder), "--workers", workers], check=True, capture_output=True)
    assert {path: path.stat().st_mtime_ns for path in there} == stamps
    assert (tmp_path / "out" / "results.parquet").read_bytes() == (tmp_path / "whole" / "results.parquet").read_bytes()


@contextmanager
def started(lab, module, *options):
    """Run a command of Dask; whatever it has started ends with it."""
    call = [sys.executable, "-m", f"distributed.cli.dask_{module}", *options, "--no-dashboard"]
    with (lab.folder / f"{module}.log").open("a") as log:
        process = subprocess.Popen(call, env=lab.environment, stdout=log, stderr=log, start_new_session=True)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def dask(lab, address):
    """Run `dask scheduler` and `dask worker`, which restarts its process when that dies."""
    host, port = address.removeprefix("tcp://").split(":")
    with started(lab, "scheduler", "--host", host, "--port", port) as scheduler:
        while not answers(host, port):
            assert scheduler.poll() is None
            time.sleep(0.05)
        with started(lab, "worker", address, "--nthreads", "1") as nanny:
            yield scheduler, nanny


def answers(host, port):
    """Tell whether something listens at an address."""
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@pytest.fixture
def address():
    """Return an address that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def test_kill_dask(lab, address):
    """Five workers, two main processes and a scheduler: nothing is lost, nothing is done twice."""
    chance = random.Random(3)
    with dask(lab, address) as (scheduler, nanny):
        token = ""
        for _ in range(2):
            main = lab.begin(scheduler=address)
            token = lab.wait_for_another(token)
            lab.wait_for(chance.randint(1, 15))
            os.kill(children(nanny.pid)[0], signal.SIGKILL)
            lab.wait_for(chance.randint(1, 15))
            os.kill(main, signal.SIGKILL)
            assert lab.end()[0] == -signal.SIGKILL
            lab.look()
        lab.begin(scheduler=address)
        lab.wait_for_another(token)  # a worker may still be at a batch of the one before
        lab.wait_for(chance.randint(1, 15))
        scheduler.kill()
        code, said = lab.end()
        assert (code, "the Dask scheduler is gone" in said) == (1, True), said
        lab.look()
    with dask(lab, address) as (_, nanny):
        lab.begin(scheduler=address)
        for _ in range(3):
            lab.wait_for(chance.randint(1, 15))
            os.kill(children(nanny.pid)[0], signal.SIGKILL)
            lab.look()
        assert lab.end()[0] == 0
        lab.finish(scheduler=address)
