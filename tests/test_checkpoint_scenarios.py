"""Every built-in scenario and every part with a state of its own, stopped and resumed after each of its first days."""

import json
import shutil

import pytest

import gridagora as ga
from gridagora.scenarios.load import builtin
from gridagora.sim.run_folder import MANIFEST

#: Three days over the end of a month.
DAYS = {"time.start": "2016-03-30", "time.days": 3}
FEW = {"households.count": 8, "firms": None, "farms": None, "time.period_minutes": 60}
COUPLED = {
    "generators.ramp_per_hour": {"hard_coal": 0.3, "lignite": 0.2},
    "generators.start_up": {
        "gas": {"cost_per_kw": 0.3, "minimum_load": 0.4, "minimum_up_hours": 3, "minimum_down_hours": 2}
    },
    "storages": [{"name": "pumped", "power_to_peak": 0.1, "hours": 6.0}],
}
#: What built-in scenarios do not have, or not over days in a row.
OTHERS = {
    "ramps, starts and a storage": ("state_grid_scale", DAYS | FEW | COUPLED),
    "prices of the relaxation": ("state_grid_scale", DAYS | FEW | COUPLED | {"generators.start_up_pricing": "lp"}),
    "a storage on a grid": ("nodal_case5", DAYS | FEW | {"storages": COUPLED["storages"]}),
    "auctions by Pyomo": ("quickstart", DAYS | FEW | {"market.method": "pyomo", "market.audit": 3}),
    "bidders that learn": (
        "quickstart",
        DAYS | FEW | {"households.strategies": {"zip": 0.4, "roth_erev": 0.3, "q_learning": 0.3}},
    ),
    "a microgrid over days in a row": (
        "microgrid",
        DAYS | {"time.representative_days": None, "households.count": 20, "firms.count": 8, "time.period_minutes": 60},
    ),
    "synthetic weather": ("quickstart", DAYS | FEW | {"weather": "synthetic", "households.heat_pump_share": 0.5}),
}


def cut(name):
    """Return a built-in scenario with few members and days."""
    scenario = ga.load(name)
    groups = [group for group in ("households", "firms", "farms") if getattr(scenario, group) is not None]
    counts = {f"{group}.count": min(10, getattr(scenario, group).count) for group in groups}
    years = scenario.time.representative_days
    few = {"count": 2, "years": min(2, years.years), "each_year": years.each_year} if years else None
    days = {"time.representative_days": few} if years else DAYS
    return name, days | counts | {"time.period_minutes": 60, "outputs.members": 3}


def contents(folder):
    """Return what is in the files of a run; of the manifest all but times and how often it was resumed, no log."""
    found = {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "run.log"}
    manifest = json.loads(found[MANIFEST])
    found[MANIFEST] = {key: value for key, value in manifest.items() if key not in ("seconds", "resumed")}
    return found


class Stopped(Exception):
    """What stops a run here."""


def stop_after(day):
    """Return what lets a simulation go on to the day after, and stops it in the middle of that."""
    settle = ga.Simulation.settle

    def stop(model, record, period):
        if (model.next_day, period) == (day + 1, 12):
            raise Stopped
        settle(model, record, period)

    return stop


def assert_no_trace(scenario, folder, **options):
    """Assert that a run that is stopped on each of its days but the first leaves the files of one that is not."""
    ga.run(scenario, out=folder / "whole", **options)
    days = len(ga.Simulation(scenario).calendar.simulated)
    for day in range(1, days):
        with pytest.MonkeyPatch.context() as patch, pytest.raises(Stopped):
            patch.setattr(ga.Simulation, "settle", stop_after(day))
            ga.run(scenario, out=folder / "resumed", checkpoint=1, resume=True, **options)
    result = ga.run(scenario, out=folder / "resumed", resume=True, **options)
    assert result.manifest["resumed"] == days - 1
    assert contents(folder / "resumed") == contents(folder / "whole")
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", builtin())
def test_built_in_scenarios(tmp_path, name):
    """Every mechanism, tariff, business model and decision that a built-in scenario has."""
    assert_no_trace(ga.load(*cut(name)), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_other_states(tmp_path, name):
    """Solvers with many optima, learners, and rounds at the ends of months and years."""
    base, overrides = OTHERS[name]
    assert_no_trace(ga.load(base, overrides), tmp_path)


@pytest.mark.slow
def test_the_report(tmp_path):
    """The page of a resumed run is that of a run that was never stopped."""
    assert_no_trace(ga.load("quickstart", DAYS | FEW), tmp_path, report=True)
