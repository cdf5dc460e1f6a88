"""The command line: what it prints, its exit codes, its speed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

import gridagora
from gridagora.scenarios import doctor
from gridagora.scenarios.cli import app
from gridagora.scenarios.load import FOLDER, load

COMMANDS = [
    *(["run"], ["validate"], ["schema"], ["report"], ["compare"], ["sweep"], ["init"], ["doctor"]),
    *(["scenarios", "list"], ["scenarios", "show"], ["scenarios", "copy"]),
]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


def call(*arguments):
    """Return the outcome of a call of the command line."""
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def runs(monkeypatch):
    """Replace the simulation by one that notes its arguments; return the notes."""
    notes = []

    def fake(scenario, out, **options):
        notes.append({"scenario": scenario, "out": out, **options})
        rows = {"load": (12345.6, "kWh"), "auction_price": (0.40123, "CNY/kWh"), "none": (float("nan"), "1")}
        return SimpleNamespace(kpis=pd.DataFrame(rows, index=["value", "unit"]).T, path=out)

    monkeypatch.setattr("gridagora.scenarios.run.run", fake)
    return notes


def fail_with(monkeypatch, error):
    """Let the simulation raise `error`."""

    def fake(*_arguments, **_options):
        raise error

    monkeypatch.setattr("gridagora.scenarios.run.run", fake)


def test_help_is_quick():
    """The help loads nothing heavy, so that it answers at once; benchmarks/quickstart.py times it."""
    code = (
        "import sys; sys.argv = ['gridagora', '--help']\n"
        "from gridagora.scenarios.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'numba', 'mesa', 'pandas', 'numpy', 'pydantic', 'pyomo', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_an_example(command):
    """The help of each command shows an example of it."""
    done = call(*command, "--help")
    assert done.exit_code == 0
    assert f"Example: gridagora {' '.join(command)}" in done.output


def test_reference_names_every_command_and_option():
    """docs/reference/cli.md has each command and each option."""
    page = (Path(__file__).parent.parent / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    main = typer.main.get_command(app)
    for command in COMMANDS:
        assert f"`gridagora {' '.join(command)}" in page
        found = main
        for part in command:
            found = found.commands[part]
        for option in (name for parameter in found.params for name in parameter.opts if name.startswith("--")):
            assert re.search(rf"\| `{' '.join(command)}` \| `{option}\b", page) or option == "--help", (command, option)


def test_version():
    """The version is the package's."""
    assert call("--version").output == f"gridagora {gridagora.__version__}\n"


def test_run_prints_indicators_and_folder(runs):
    """A run prints a table with units and where the results are; the folder is named after the scenario."""
    done = call("run", "quickstart", "--seed", "7", "--set", "households.count=20", "--set", "market={k: 0.25}")
    assert done.exit_code == 0
    (note,) = runs
    assert note["out"] == Path("results/quickstart")
    assert (note["overwrite"], note["report"], note["progress"]) == (False, False, False)
    scenario = note["scenario"]
    assert (scenario.seed, scenario.households.count, scenario.market.k) == (7, 20, 0.25)
    assert scenario.applied == ("households.count=20", 'market={"k": 0.25}', "seed=7")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["quickstart,", "seed", "7"] in lines
    assert ["load", "12,346", "kWh"] in lines
    assert ["auction_price", "0.4012", "CNY/kWh"] in lines
    assert ["none", "-", "1"] in lines
    assert lines[-1] == ["Results:", str(Path("results/quickstart"))]


def test_run_options(runs):
    """Folder, report and overwriting are handed on; quiet prints the folder alone."""
    done = call("run", "tou", "--out", "there", "--report", "--overwrite")
    assert done.stdout.splitlines()[-1].split() == ["Report:", str(Path("there/report.html"))]
    assert (runs[0]["out"], runs[0]["overwrite"], runs[0]["report"]) == (Path("there"), True, True)
    assert call("run", "tou", "--quiet").stdout == f"{Path('results/tou')}\n"


@pytest.mark.parametrize(
    ("terminal", "quiet", "progress"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_progress_bar_needs_a_terminal(runs, monkeypatch, terminal, quiet, progress):
    """The bar is drawn only where the error stream is a terminal and nobody asked for quiet."""
    stream = SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: terminal))
    monkeypatch.setattr("gridagora.scenarios.cli.sys", stream)
    assert call("run", "quickstart", *(["--quiet"] if quiet else [])).exit_code == 0
    assert runs[0]["progress"] is progress


def test_run_warns(runs):
    """A warning goes to the error stream, and the run goes on."""
    done = call("run", "quickstart", "--set", "tariffs.feed_in.price_per_kwh=1")
    assert done.stderr.startswith("quickstart: warning: nothing will trade online")
    assert (done.exit_code, len(runs)) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "nope: unknown scenario 'nope'; choose one of: baseline_traditional, "),
        (["mine.yaml"], "no scenario file 'mine.yaml'; built-in scenarios: baseline_traditional, "),
        (["quickstart", "--set", "households.cuont=1"], "override: households.cuont: unknown key 'cuont'; "),
        (["quickstart", "--set", "households.count"], "--set: given 'households.count'; allowed KEY=VALUE, such as"),
        (["quickstart", "--set", "seed=["], "--set seed=[: not YAML: "),
        (["quickstart", "--set", "seed=!!python/name:os.system"], "a scenario is data, never code"),
        (["quickstart", "--seed", "-1"], "override: seed: given -1; allowed a whole number from 0"),
        (["quickstart", "--out", "file.txt"], "--out: file.txt is a file; give a folder"),
        (["quickstart", "--nope"], "No such option"),
        ([], "Missing argument 'SCENARIO'"),
    ],
)
def test_bad_input_ends_with_2(runs, arguments, message):
    """Bad input gives one message, no traceback, exit code 2, and nothing runs."""
    Path("file.txt").write_text("", encoding="utf-8")
    done = call("run", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert runs == []


def test_finished_results_end_with_2(monkeypatch):
    """A folder with a finished run is refused with the remedy of the message."""
    fail_with(monkeypatch, FileExistsError("results/quickstart holds a finished run; replace it (--overwrite)"))
    done = call("run", "quickstart")
    assert (done.exit_code, done.stderr) == (2, "results/quickstart holds a finished run; replace it (--overwrite)\n")


def test_failed_run_ends_with_1(monkeypatch):
    """A run that fails gives one line; the traceback is in the log."""
    fail_with(monkeypatch, RuntimeError("books differ"))
    done = call("run", "quickstart", "--out", "here")
    log = Path("here/run.log")
    assert (done.exit_code, done.stderr) == (1, f"the run failed: RuntimeError: books differ; details in {log}\n")
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_failed_run_without_a_log(monkeypatch):
    """Where the log cannot be written the reason is told all the same."""
    Path("file.txt").write_text("", encoding="utf-8")
    fail_with(monkeypatch, OSError("disk full"))
    done = call("run", "quickstart", "--out", "file.txt/results")
    assert (done.exit_code, done.stderr) == (1, "the run failed: OSError: disk full\n")


def test_interrupted_run_ends_with_130(monkeypatch):
    """An interrupted run says that what was finished is kept."""
    fail_with(monkeypatch, KeyboardInterrupt())
    done = call("run", "quickstart")
    assert done.exit_code == 130
    assert done.stderr == f"interrupted; what was finished is kept in {Path('results/quickstart')}\n"


def test_validate():
    """Good scenarios are named with their hash; warnings are told."""
    Path("dear.yaml").write_text("tariffs: {feed_in: {price_per_kwh: 1}}\n", encoding="utf-8")
    done = call("validate", "tou", "dear.yaml")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == f"tou: valid, hash {load('tou').hash[:12]}"
    assert done.stderr.startswith("dear.yaml: warning: nothing will trade online")


def test_validate_tells_all_problems_of_all_files():
    """Every problem of every file is printed, the good ones too, and the exit code is 2."""
    Path("a.yaml").write_text("seed: -1\nsed: 1\n", encoding="utf-8")
    Path("b.yaml").write_text("seed: x\n", encoding="utf-8")
    done = call("validate", "a.yaml", "tou", "b.yaml", "gone.yaml")
    assert done.exit_code == 2
    starts = [line.split(": ")[0] for line in done.stderr.splitlines()]
    assert starts == ["a.yaml:1", "a.yaml:2", "b.yaml:1", "no scenario file 'gone.yaml'; built-in scenarios"]
    assert done.stdout.startswith("tou: valid")


@pytest.mark.parametrize("arguments", [["scenarios"], ["scenarios", "list"]])
def test_scenarios_are_listed(arguments):
    """The list has one line for each built-in scenario, with its description."""
    lines = call(*arguments).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("baseline_traditional", "cpp", "energy_services_mix", "equipment_services", "ev_wave", "feeder_lv3"),
        *("ladder", "microgrid", "nodal_case5", "one_factory_one_price"),
        *("online_auction_continuous", "online_auction_mcafee", "online_auction_muda", "online_auction_pay_as_bid"),
        *("online_auction_uniform", "packages", "pv_business", "pv_decade", "quickstart", "reliability_menu", "rtp"),
        *("smart_home", "state_grid_scale", "tou"),
    ]
    assert all(line.endswith(".") for line in lines)


def test_scenarios_are_shown():
    """A scenario is shown as written, or with every key."""
    assert call("scenarios", "show", "tou").stdout == (FOLDER / "tou.yaml").read_text(encoding="utf-8")
    assert call("scenarios", "show", "tou", "--resolved").stdout == load("tou").to_yaml()
    assert call("scenarios", "show", "nope").exit_code == 2


def test_scenarios_are_copied():
    """A copy is the built-in file; an existing file is never replaced."""
    done = call("scenarios", "copy", "quickstart", "mine.yaml")
    assert done.stdout == "Wrote mine.yaml; next: gridagora run mine.yaml\n"
    assert load("mine.yaml").hash == load("quickstart").hash
    again = call("scenarios", "copy", "tou", "mine.yaml")
    assert (again.exit_code, again.stderr) == (2, "mine.yaml exists; choose another name or remove it\n")


def test_starter():
    """The starter loads as it is, and so does each of its remarks when it is put to use."""
    assert call("init", "mine").exit_code == 0
    text = Path("mine.yaml").read_text(encoding="utf-8")
    assert load("mine.yaml").name == "mine"
    Path("used.yaml").write_text(re.sub(r"^#(?=  |\w)", "", text, flags=re.M), encoding="utf-8")
    used = load("used.yaml")
    assert used.farms is None
    assert used.tariffs.residential.kind == "time_of_use"
    assert (used.households.storage_share, used.market.wheeling_per_kwh) == (0.1, 0.05)
    assert call("init", "mine").exit_code == 2
    assert "override: name: given 'My Study'; allowed text like" in call("init", "My Study").stderr


def test_schema():
    """The schema is JSON, or the page that the reference shows."""
    assert json.loads(call("schema").stdout)["title"] == "GridAgora scenario"
    assert call("schema", "--markdown").stdout.startswith("# Scenario keys\n")


def test_report(monkeypatch):
    """A report of one run goes into its folder, of several into this one, or where it is asked for."""
    asked = []
    monkeypatch.setattr("gridagora.sim.report.write_report", lambda runs, out: asked.append((runs, out)), raising=False)
    assert call("report", "a").stdout == f"Report: {Path('a/report.html')}\n"
    call("report", "a", "b")
    call("report", "a", "b", "--out", "c.html")
    a, b = Path("a"), Path("b")
    assert asked == [([a], a / "report.html"), ([a, b], Path("report.html")), ([a, b], Path("c.html"))]


def test_report_of_what_is_no_run(monkeypatch):
    """What is no finished run is refused in one line."""

    def refuse(_runs, _out):
        raise FileNotFoundError("a holds no finished run")

    monkeypatch.setattr("gridagora.sim.report.write_report", refuse, raising=False)
    done = call("report", "a")
    assert (done.exit_code, done.stderr) == (2, "a holds no finished run\n")


def test_doctor():
    """The doctor names version, packages, folder, threads and extras, and finds this installation whole."""
    done = call("doctor")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"gridagora {gridagora.__version__}, Python 3.")
    for part in ("\n  mesa ", "\n  highspy ", "\ncompiled kernels: ", "\nthreads: ", "\n  cluster: ", "\n  docs: "):
        assert part in done.stdout


def test_doctor_finds_faults(monkeypatch):
    """A missing core package or a folder that cannot be written make the exit code 1."""
    present = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name in ("highspy", "SALib") else present(name))
    done = call("doctor")
    assert done.exit_code == 1
    assert "  highspy MISSING: pip install highspy" in done.stdout
    assert "  analysis: missing" in done.stdout

    def refuse():
        raise OSError("no writable folder for compiled kernels")

    monkeypatch.setattr(doctor, "_version", present)
    monkeypatch.setattr("gridagora.sim.compiled.cache_folder", refuse)
    done = call("doctor")
    assert (done.exit_code, "compiled kernels: no writable folder" in done.stdout) == (1, True)


def test_module_is_the_command_line():
    """`python -m gridagora` is the same command."""
    done = subprocess.run([sys.executable, "-m", "gridagora", "--version"], check=True, capture_output=True, text=True)
    assert done.stdout == f"gridagora {gridagora.__version__}\n"
