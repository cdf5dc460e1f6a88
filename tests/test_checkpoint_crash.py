"""kill -9 at random moments of a run with checkpoints: it is resumed until it ends, as if nothing had happened."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest

from gridagora.sim.run_folder import MANIFEST

SETTINGS = {"time.days": 20, "time.period_minutes": 60, "households.count": 40, "farms": "null", "outputs.members": 5}
#: The command line, whose tables have a part for each day, as after hours of a long run.
COMMAND = (
    "import gridagora.sim.results as results\n"
    "results.SECONDS_PER_PART = 0.0\n"
    "from gridagora.scenarios.cli import main\n"
    "main()\n"
)


def start(folder, *options):
    """Start or resume the run in a process of its own."""
    chosen = [f"--set={key}={value}" for key, value in SETTINGS.items()]
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "run", "quickstart", "--quiet", "--out", str(folder), *chosen, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process):
    """Wait for a process that must end well."""
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors


def days_done(folder):
    """Return on how many days the log reports, repeated ones too."""
    log = folder / "run.log"
    return log.read_text().count(" done\n") if log.exists() else 0


def contents(folder):
    """Return what is in the files of a run; of the manifest all but times and how often it was resumed, no log."""
    found = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "run.log"}
    manifest = json.loads(found[MANIFEST])
    found[MANIFEST] = {key: value for key, value in manifest.items() if key not in ("seconds", "resumed")}
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("number", "times"), [(signal.SIGKILL, 5), (signal.SIGINT, 2)], ids=["kill", "ctrl-c"])
def test_signals_at_random_moments(tmp_path, number, times):
    """Each process gets some days further and is stopped; the last one leaves the files of an undisturbed run."""
    finished(start(tmp_path / "whole"))
    folder, moments, stopped = tmp_path / "run", random.Random(int(number)), 0
    for _ in range(times):
        process = start(folder, "--checkpoint", "2", "--resume")
        goal = days_done(folder) + moments.randint(0, 6)
        give_up = time.monotonic() + 120
        while process.poll() is None and days_done(folder) < goal and time.monotonic() < give_up:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.2))
        process.send_signal(number)
        process.communicate(timeout=60)
        stopped += process.returncode != 0
    finished(start(folder, "--resume"))
    assert stopped >= times // 2
    assert contents(folder) == contents(tmp_path / "whole")
