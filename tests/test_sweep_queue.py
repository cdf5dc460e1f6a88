"""A sweep through a real queue: SLURM on this one machine, jobs cancelled on the way."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

import gridagora as ga

SCRIPT = Path(__file__).with_name("one_node_slurm.sh")
NEEDS = (
    "This test runs a real SLURM queue: it needs root, and slurmd, slurmctld and munge, or apt-get to install them. A "
    "container of Debian will do; without one leave the test out: pytest -m slow --deselect tests/test_sweep_queue.py"
)
#: A metric that notes where a point is computed, and makes it last.
LAB = """
import os, time
import gridagora as ga
from gridagora.sim.metrics import Kpi

@ga.register
def noted(record):
    with open(os.environ["LAB_LOG"], "a") as log:
        log.write(f"{os.environ.get('SLURM_JOB_ID', 'here')} {time.time_ns()}\\n")
    time.sleep(0.4)
    return [Kpi("noted", "system", 1.0, "1")]
"""
SWEEP = {
    "name": "queued",
    "base": "quickstart",
    "overrides": {
        **{"households.count": 3, "firms": None, "farms": None, "time.days": 1, "time.period_minutes": 60},
        **{"market.method": "exact", "generators.capacity_to_peak": 4.0, "metrics": ["default", "noted"]},
    },
    "factors": {"households.pv_share": {"low": 0.0, "high": 0.9}},
    "design": "latin_hypercube",
    "samples": 15,
    "replications": 2,
}
OPTIONS = {"jobs": 2, "memory_gb": 1.0, "walltime_minutes": 10, "queue": "test", "interface": "lo"}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start SLURM; return a folder with a sweep, and run it at home first."""
    slurm = Path(tempfile.mkdtemp(prefix="slurm-"))  # munged wants a folder that all may enter, and a short name
    folder = tmp_path_factory.mktemp("lab")
    began = subprocess.run(
        [SCRIPT, "up", slurm], env=os.environ | {"CPUS": "4"}, capture_output=True, text=True, check=False
    )
    (folder / "noted_lab.py").write_text(LAB)
    (folder / "queued.yaml").write_text(json.dumps(SWEEP))
    (folder / "options.yaml").write_text(json.dumps(OPTIONS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(slurm / "slurm.conf"))
        patch.setenv("LAB_LOG", str(folder / "log"))
        patch.chdir(folder)
        try:
            assert began.returncode == 0, f"{began.stderr}{NEEDS}"
            ended(sweep("--out", "home", "--workers", "0"), 0)
            yield folder
        finally:
            subprocess.run([SCRIPT, "down", slurm], check=True)
            shutil.rmtree(slurm)


def sweep(*options, out=None):
    """Start the command in the working folder."""
    call = [sys.executable, "-m", "gridagora", "sweep", "queued.yaml", "--plugin", "noted_lab", *options]
    return subprocess.Popen(call, stdout=out or subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def ended(process, code):
    """Wait for the end of a command, check its code and return what it says of errors."""
    said = process.communicate(timeout=600)[1]
    assert process.returncode == code, said
    return said


def slurm(*call):
    """Return what a command of SLURM says, by lines."""
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.split()


def wait_for_points(folder, count):
    """Wait until a folder has some points."""
    deadline = time.monotonic() + 600
    while len(list(folder.glob("points/*/*.json"))) < count:
        assert time.monotonic() < deadline, "\n".join(path.read_text() for path in folder.glob("jobs/*.err"))
        time.sleep(0.05)


def test_jobs_of_a_queue(lab):
    """A worker job is cancelled in the middle: another takes its place, no point is lost, none computed twice."""
    process = sweep("--out", "queued", "--cluster", "slurm", "--cluster-options", "options.yaml")
    wait_for_points(lab / "queued", 3)
    before = slurm("squeue", "--noheader", "--format=%A")
    busy = (lab / "log").read_text().split()[-2]
    subprocess.run(["scancel", busy], check=True)
    assert len(before) == 2
    assert busy in before
    ended(process, 0)
    assert (lab / "queued" / "results.parquet").read_bytes() == (lab / "home" / "results.parquet").read_bytes()
    jobs = slurm("squeue", "--noheader", "--states=all", "--format=%A")
    assert len(jobs) > 2
    where = [line.split()[0] for line in (lab / "log").read_text().splitlines()]
    assert where.count("here") == 30
    assert 30 <= len(where) - where.count("here") <= 31


def test_a_job_that_the_queue_refuses(lab):
    """Its reason is told in one line, and nothing was begun."""
    options = OPTIONS | {"queue": "no_such_queue"}
    with pytest.raises(ValueError, match=r"^cluster slurm: no job can be submitted: sbatch: error: invalid partition"):
        ga.sweep("pv_share", lab / "refused", cluster="slurm", cluster_options=options)
    assert not (lab / "refused" / "manifest.json").exists()


def test_job_array(lab):
    """Two tasks share the points; one is cancelled, the last step does what it left and writes the same table."""
    with (lab / "array.sh").open("w") as script:
        ended(sweep("--out", "array", "--array", "2", "--cluster-options", "options.yaml", out=script), 0)
    (job,) = slurm("sbatch", "--parsable", "array.sh")
    wait_for_points(lab / "array", 4)
    subprocess.run(["scancel", f"{job}_2"], check=True)
    while slurm("squeue", "--noheader", f"--jobs={job}"):
        time.sleep(0.2)
    there = {path: path.stat().st_mtime_ns for path in (lab / "array").glob("points/*/*.json")}
    assert 15 <= len(there) < 30
    assert not (lab / "array" / "results.parquet").exists()
    ended(sweep("--out", "array", "--resume", "--workers", "0"), 0)
    assert {path: path.stat().st_mtime_ns for path in there} == there
    assert ga.read_sweep(lab / "array").done == 30
    assert (lab / "array" / "results.parquet").read_bytes() == (lab / "home" / "results.parquet").read_bytes()
