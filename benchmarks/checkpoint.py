"""Time and size of a checkpoint: python benchmarks/checkpoint.py [households ...].

Processor seconds, with the second checkpoint of a run of quickstart, and the days before it without its checkpoints.
"""

import sys
import tempfile
from pathlib import Path
from time import process_time

import gridagora as ga
from gridagora.scenarios import checkpoint
from gridagora.scenarios.checkpoint import Saved
from gridagora.scenarios.record import Recorder
from gridagora.sim.results import ResultWriter
from gridagora.sim.run_folder import checkpoints

EACH = 30  # days from one checkpoint to the next, of which the share is told
DAYS = 3


def measure(households):
    """Return size [MB], seconds to write and to read a checkpoint, and seconds of a day."""
    scenario = ga.load("quickstart", {"households.count": households, "time.days": DAYS + 1, "outputs.members": 0})
    with tempfile.TemporaryDirectory() as name, ResultWriter(Path(name) / "run", resumable=True) as writer:
        model = ga.Simulation(scenario, Recorder(writer))
        model.step()  # kernels are loaded with it
        started = process_time()
        for _ in range(DAYS - 1):
            model.step()
        day = (process_time() - started) / (DAYS - 1)
        saved = Saved(model, 1, checkpoint.stamp(scenario))
        started = process_time()
        checkpoint.save(saved, 0.0)
        write = process_time() - started
        size = checkpoints(writer.path)[0].stat().st_size / 1e6
        started = process_time()
        assert checkpoint.load(writer.path, scenario) is not None
        return size, write, process_time() - started, day


if __name__ == "__main__":
    print("households | MB | write [s] | read [s] | day [s] | share of a run with one each 30 days")
    for number in [int(float(given)) for given in sys.argv[1:]] or [1_000, 10_000, 1_000_000]:
        megabytes, to_write, to_read, of_day = measure(number)
        share = to_write / (to_write + EACH * of_day)
        print(f"{number:,} | {megabytes:.1f} | {to_write:.2f} | {to_read:.2f} | {of_day:.2f} | {share:.1%}")
