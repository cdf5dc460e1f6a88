"""Jobs of a queue: their options, their scripts, and that each that is lost is replaced; no queue is needed."""

import json
import os
import signal
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gridagora as ga
from gridagora.scenarios import sweep_cluster
from gridagora.scenarios.cli import app
from gridagora.scenarios.load import ScenarioError
from gridagora.scenarios.sweep_cluster import KINDS, ClusterOptions, Jobs, array_script, job_arguments, read_options
from gridagora.scenarios.sweep_dask import require_dask

MINE = {
    **{"jobs": 3, "cores": 4, "memory_gb": 8, "walltime_minutes": 90, "queue": "long", "account": "grid"},
    **{"interface": "ib0", "directives": ["--exclusive"], "prologue": ["module load python"], "python": "/opt/python"},
}
#: The head of a job by kind of queue, and its number.
HEADS = {
    "slurm": ("#SBATCH -p long|#SBATCH -A grid|#SBATCH --cpus-per-task=4|#SBATCH --mem=8G|#SBATCH -t 01:30:00|"
              "#SBATCH --exclusive", "SLURM_JOB_ID"),
    "pbs": ("#PBS -q long|#PBS -A grid|#PBS -l select=1:ncpus=4:mem=7630MB|#PBS -l walltime=01:30:00|"
            "#PBS --exclusive", "PBS_JOBID"),
    "sge": ("#$ -q long|#$ -P grid|#$ -l h_rt=01:30:00|#$ --exclusive", "JOB_ID"),
    "lsf": ('#BSUB -q long|#BSUB -P "grid"|#BSUB -n 4|#BSUB -M 8000|#BSUB -W 01:30|#BSUB --exclusive', "LSB_JOBID"),
}  # fmt: skip


def test_ctrl_c_stays_ours():
    """Loading dask_jobqueue, which takes SIGINT for itself, leaves the handler as it was."""
    require_dask()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("kind", KINDS)
def test_the_script_of_a_job(kind, tmp_path):
    """Queue, account, memory and time stand in its head; it says when it ends; four processes of one thread work."""
    logs = tmp_path / "my logs"
    require_dask()
    make = getattr(import_module("dask_jobqueue"), KINDS[kind][0]).job_cls
    arguments = job_arguments(kind, ClusterOptions.model_validate(MINE), 1, logs)
    lines = make("tcp://10.0.0.7:8786", name="w-0", **arguments).job_script().splitlines()
    head, number = HEADS[kind]
    assert set(head.split("|")) <= set(lines)
    assert f"at_end() {{ touch '{logs}'/ended-\"${{{number}%%.*}}\"; }}" in lines
    assert lines.index("trap at_end EXIT") < lines.index("module load python")
    assert "export OMP_NUM_THREADS=1" in lines
    command = lines[-1].split()
    assert command[:5] == ["/opt/python", "-m", "distributed.cli.dask_worker", "tcp://10.0.0.7:8786", "--name"]
    assert command[command.index("--nworkers") + 1] == "4"
    assert command[-4:] == ["--nthreads", "1", "--interface", "ib0"]


def test_points_of_several_threads():
    """A job of four processors runs two points of two threads, or one of eight."""
    options = ClusterOptions(cores=4)
    assert job_arguments("slurm", options, 2, Path("logs"))["processes"] == 2
    assert job_arguments("slurm", options, 8, Path("logs"))["processes"] == 1


def test_options_from_a_file(tmp_path):
    """Every key has a default; what is unknown, out of bounds or given twice is refused with line and nearest name."""
    assert read_options({}) == ClusterOptions()
    file = tmp_path / "cluster.yaml"
    file.write_text("jobs: 3\nmemory_gb: 8\n")
    assert read_options(file) == ClusterOptions(jobs=3, memory_gb=8.0)
    file.write_text("job: 3\ncores: '4'\nwalltime_minutes: 0\nqueue: a\nqueue: b\n")
    with pytest.raises(ScenarioError) as caught:
        read_options(file)
    text = str(caught.value)
    assert f"{file}:1: job: unknown key 'job'; choose one of: account, cores," in text
    assert "nearest 'jobs'" in text
    assert f"{file}:2: cores: given '4'; allowed a whole number from 1 to 1024" in text
    assert f"{file}:3: walltime_minutes: given 0; allowed a whole number at least 1" in text
    assert f"{file}:5: queue: given twice, first on line 4; remove one" in text
    file.write_text("jobs: [")
    with pytest.raises(ScenarioError, match=f"{file}:"):
        read_options(file)
    with pytest.raises(FileNotFoundError, match=r"no file 'no\.yaml' with the options of a cluster"):
        read_options("no.yaml")


def test_a_job_array():
    """Each task runs its part into the same folder; the last step and how it is called stand in the script."""
    options = ClusterOptions.model_validate(MINE)
    text = array_script(["sweep", "my sweep.yaml", "--out", "/out"], "mine", 8, options, 2)
    lines = text.splitlines()
    assert lines[0] == "#!/bin/bash"
    assert {
        *("#SBATCH --job-name=mine", "#SBATCH --array=1-8%3", "#SBATCH --cpus-per-task=4", "#SBATCH --mem=7630M"),
        *("#SBATCH --time=01:30:00", "#SBATCH --partition=long", "#SBATCH --account=grid", "#SBATCH --exclusive"),
        f"#SBATCH --chdir={Path.cwd()}",
    } <= set(lines)
    command = "/opt/python -m gridagora sweep 'my sweep.yaml' --out /out"
    assert f"#   {command} --resume" in lines
    assert lines[-2] == "module load python"
    assert lines[-1] == f'exec {command} --workers 2 --part "$SLURM_ARRAY_TASK_ID/8"'


def test_the_command_prints_an_array(tmp_path, monkeypatch):
    """With absolute paths, because jobs may start elsewhere; options are checked, nothing runs."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(json.dumps({
        "base": "quickstart", "overrides": {"households.count": 3}, "factors": {"households.pv_share": [0.0, 0.5]},
    }))  # fmt: skip
    Path("jobs.yaml").write_text("jobs: 2\n")
    found = CliRunner().invoke(app, ["sweep", "mine.yaml", "--array", "2", "--cluster-options", "jobs.yaml"])
    assert found.exit_code == 0
    assert f"sweep {tmp_path}/mine.yaml --out {tmp_path}/results/mine --workers 1 --part" in found.output
    assert "--array=1-2%2" in found.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jobs.yaml", "mine.yaml"]
    assert "sweep pv_share --out" in CliRunner().invoke(app, ["sweep", "pv_share", "--array", "2"]).output
    refused = CliRunner().invoke(app, ["sweep", "mine.yaml", "--array", "2", "--workers", "1"])
    assert (refused.exit_code, "--array: given with --workers" in refused.output) == (2, True)


class FakeJob:
    """A job that is there until it is closed."""

    def __init__(self, number):
        self.job_id, self.closed = number, False

    async def close(self):
        """Note that it was cancelled."""
        self.closed = True


class FakeCluster:
    """A cluster that numbers its jobs, and refuses some."""

    def __init__(self):
        self.workers, self.submitted, self.refuse = {}, 0, False
        self.worker_spec = {}

    def new_worker_spec(self):
        """Return one more."""
        return {f"c-{len(self.worker_spec)}": None}

    def sync(self, function, callback_timeout=None):
        """Run a coroutine to its end."""
        waiting = function().__await__()
        with pytest.raises(StopIteration):
            next(waiting)

    def __await__(self):
        if self.refuse:
            raise RuntimeError("Command exited\nstderr:\nsbatch: error: not now\n")
        for name in self.worker_spec:
            if name not in self.workers:
                self.submitted += 1
                self.workers[name] = FakeJob(str(100 + self.submitted))
        return iter(())


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """Return two jobs of a cluster, and a clock that tests move."""
    clock = [0.0]
    monkeypatch.setattr(sweep_cluster.time, "monotonic", lambda: clock[0])
    jobs = Jobs(FakeCluster(), 2, tmp_path)
    jobs.submit()
    jobs.clock = clock
    return jobs


def test_lost_jobs_are_replaced(jobs, tmp_path):
    """One that ended at once, one whose workers are gone for fifteen seconds; those that wait or work are left."""
    cluster = jobs._cluster
    jobs.watch({})
    jobs.watch({"c-0-0": 1, "c-0-1": 1, "c-1": 1})
    assert cluster.submitted == 2
    gone = cluster.workers["c-1"]
    jobs.clock[0] = 14.0
    jobs.watch({"c-0-1": 1})
    assert cluster.submitted == 2
    jobs.clock[0] = 16.0
    jobs.watch({"c-0-1": 1})
    assert (cluster.submitted, gone.closed, cluster.workers["c-1"].job_id) == (3, True, "103")
    (tmp_path / "ended-103").touch()
    jobs.watch({"c-0-1": 1})
    assert cluster.workers["c-1"].job_id == "104"
    assert list(cluster.workers) == ["c-0", "c-1"]


def test_jobs_that_never_work(jobs, tmp_path):
    """After three that ended before any worker came the sweep ends and says where to look; any worker will do."""
    (tmp_path / "ended-101").touch()
    jobs.watch({})
    (tmp_path / "ended-103").touch()
    jobs.watch({"c-1": 1})
    (tmp_path / "ended-104").touch()
    jobs.watch({})
    (tmp_path / "ended-105").touch()
    with pytest.raises(RuntimeError, match=f"3 jobs have ended before they did anything; {tmp_path} says why"):
        jobs.watch({})


def test_a_queue_that_takes_no_more_jobs(jobs, tmp_path):
    """It is asked again; in the end its reason is told."""
    jobs._cluster.refuse = True
    (tmp_path / "ended-101").touch()
    jobs.watch({"c-1": 1})
    assert jobs._cluster.submitted == 2
    jobs._cluster.refuse = False
    jobs._cluster.workers["c-0"] = FakeJob(None)
    jobs.watch({"c-1": 1})
    assert jobs._cluster.submitted == 3
    jobs._cluster.refuse = True
    (tmp_path / "ended-103").touch()
    jobs._cluster.workers["c-1"].job_id = None
    with pytest.raises(RuntimeError, match=r"the queue refuses jobs: sbatch: error: not now"):
        jobs.watch({})


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Return a function that puts a command first on the path."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def make(name, text):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    return make


SWEEP = {"base": "quickstart", "overrides": {"households.count": 3}, "factors": {"households.pv_share": [2.0]}}


def test_jobs_are_submitted_and_cancelled(command, tmp_path):
    """As many as asked for, before points are checked; when a point is refused they are cancelled."""
    command("sbatch", f"echo $$ >>{tmp_path}/submitted; echo Submitted batch job $$")
    command("scancel", f"echo $1 >>{tmp_path}/cancelled")
    options = {"jobs": 2, "interface": "lo"}
    (tmp_path / "out" / "jobs").mkdir(parents=True)
    (tmp_path / "out" / "jobs" / "ended-1").touch()
    with pytest.raises(ScenarioError, match=r"factors\.households\.pv_share"):
        ga.sweep(SWEEP, tmp_path / "out", cluster="slurm", cluster_options=options)
    submitted = (tmp_path / "submitted").read_text().split()
    assert len(submitted) == 2
    assert sorted((tmp_path / "cancelled").read_text().split()) == sorted(submitted)
    assert not (tmp_path / "out" / "jobs" / "ended-1").exists()


def test_what_the_queue_refuses(command, tmp_path, monkeypatch):
    """An unknown kind, no queue here, an interface that is not there and a job that the queue does not take."""
    cases = [("slrum", {}, r"unknown cluster 'slrum'; .*nearest 'slurm'")]
    command("sbatch", "echo 'sbatch: error: no such account' >&2; exit 1")
    cases.append(
        ("slurm", {"interface": "lo"}, "cluster slurm: no job can be submitted: sbatch: error: no such account$")
    )
    cases.append(("slurm", {"interface": "no9"}, "cluster slurm: no job can be submitted: .*no9"))
    command("bsub", "exit 1")
    cases.append(("lsf", {"interface": "lo"}, "cluster lsf: no job can be submitted: .*Exit code: 1"))
    for kind, options, text in cases:
        with pytest.raises(ValueError, match=text):
            ga.sweep(SWEEP, tmp_path / kind, cluster=kind, cluster_options=options)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ValueError, match="cluster sge: no command qsub here"):
        ga.sweep(SWEEP, tmp_path / "sge", cluster="sge")
    with pytest.raises(ScenarioError, match="nearest 'jobs'"):
        ga.sweep(SWEEP, tmp_path / "sge", cluster="sge", cluster_options={"job": 1})
