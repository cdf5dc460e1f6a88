"""Own populations, tariffs, mechanisms and metrics: registered, named in scenarios, and held to their contracts."""

import json
import subprocess
import sys
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
import pytest
from pydantic import Field

import gridagora as ga
from gridagora.agents.households import Households
from gridagora.agents.population import Population
from gridagora.markets import MECHANISMS
from gridagora.markets.mechanisms.uniform_price import UniformPrice
from gridagora.markets.tariffs import TARIFFS, Flat, Tariff
from gridagora.scenarios import schema_population
from gridagora.scenarios.build import KINDS
from gridagora.scenarios.load import ScenarioError
from gridagora.scenarios.population_contract import WORLD
from gridagora.scenarios.quantities import CHOICES
from gridagora.scenarios.registry import REGISTERED, load_plugins, rebuild, register
from gridagora.scenarios.schema_text import json_schema
from gridagora.scenarios.testing import PopulationContract, TariffContract
from gridagora.sim.metrics import METRICS, Kpi
from gridagora.sim.plugin import Frozen

SMALL = {"households.count": 12, "firms.count": 2, "farms": None, "time.days": 1, "time.period_minutes": 60}


class LampTerms(schema_population.Population):
    """Street lamps of a town."""

    tariff: schema_population.TariffGroup = "commercial"
    consent_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    annual_kwh: Annotated[float, Field(ge=0)] = 300.0
    """Yearly consumption of a lamp [kWh]."""

    @property
    def mean_annual_kwh(self):
        """Mean yearly consumption of a lamp [kWh]."""
        return self.annual_kwh


class Lamps(Population):
    """Lamps that are all alike."""

    kind = "lamps"
    Terms = LampTerms

    @staticmethod
    def draw(terms, name, names, streams):
        """Return equal lamps on the first profile."""
        return np.full(terms.count, terms.annual_kwh, np.float32), np.zeros(terms.count, np.uint8)


class Weekend(Flat):
    """Cheaper on days without work."""

    kind: Literal["weekend"] = "weekend"
    """Cheaper on Saturdays and Sundays."""
    rest_per_kwh: float = 0.1
    """Energy part of the price on Saturdays and Sundays [currency/kWh]."""

    @property
    def classes(self):
        """Work and rest."""
        return ("work", "rest")

    @property
    def energy_prices(self):
        """Energy part of the price by class [currency/kWh]."""
        return np.array([self.energy_per_kwh, self.rest_per_kwh])

    def class_of_period(self, day_type, periods):
        """Return one class for the whole day."""
        return np.full(periods, int(day_type != "workday"), np.uint8)


def night_share(record):
    """Share of consumption before six o'clock [-]."""
    rows = record["intervals"]
    night = rows["consumption_kwh"][rows["time"].dt.hour < 6].sum()
    return [Kpi("night_share", "system", float(night / rows["consumption_kwh"].sum()), "1")]


class Twin(UniformPrice):
    """The uniform price under another name."""


@pytest.fixture(scope="module", autouse=True)
def registered():
    """Register the classes of this module, and leave other modules a package without them."""
    tables = (schema_population.GROUPS, KINDS, TARIFFS, METRICS, MECHANISMS, REGISTERED)
    before = [dict(table) for table in tables]
    choices = {kind: list(names) for kind, names in CHOICES.items()}
    for plugin in (Lamps, Weekend, night_share):
        register(plugin)
    register(Twin, "twin")
    yield
    for table, kept in zip(tables, before, strict=True):
        table.clear()
        table.update(kept)
    for kind, names in choices.items():
        CHOICES[kind][:] = names
    rebuild()


class TestLamps(PopulationContract):
    """Lamps keep what populations must."""

    kind = "lamps"
    terms: ClassVar = {"count": 7}
    world: ClassVar = {**WORLD, "households.count": 4, "time.days": 1}


@pytest.mark.compiled
class TestHouseholdsAsAGroup(PopulationContract):
    """A second group of households keeps what populations must."""

    kind = "households"
    terms: ClassVar = {"count": 5, "pv_share": 0.6, "storage_share": 1.0}


class TestWeekend(TariffContract):
    """The registered tariff keeps what tariffs must."""

    tariff = Weekend(standing_per_day=0.4)


class TestFlat(TariffContract):
    """The flat tariff keeps what tariffs must."""

    tariff = Flat()


def test_registered_kinds_run():
    """A scenario names a population, a tariff and a metric of one's own, and their numbers are in the results."""
    scenario = ga.load(
        "quickstart",
        {
            **SMALL,
            "populations": [{"kind": "lamps", "name": "lamps", "count": 4, "annual_kwh": 100.0}],
            "tariffs.residential": {"kind": "weekend", "energy_per_kwh": 0.3},
            "metrics": ["night_share", "default", "night_share"],
        },
    )
    result = ga.run(scenario)
    assert list(result.kpis.index).count("night_share") == 1
    assert 0.05 < result.kpis.loc["night_share", "value"] < 0.5
    assert "welfare" in METRICS
    assert "auction_gains" in result.kpis.index
    bills = result["bills"].set_index(["population", "line"])["amount"]
    assert bills["households", "energy work"] > 0
    assert bills["lamps", "standing charge"] == 4 * 2.0
    assert result["kpis"].set_index(["kpi", "scope"]).loc[("bill", "lamps"), "value"] > 8.0
    home = f"{Lamps.__module__}:Lamps"
    assert result.manifest["plugins"]["population lamps"] == home
    again = ga.load("quickstart", scenario.resolved() | {"name": "again"})
    assert again.hash == scenario.hash


def test_metrics_are_those_asked_for():
    """A list of metrics computes these alone, and registered ones are no part of the default."""
    result = ga.run(ga.load("quickstart", {**SMALL, "metrics": ["peak_load"]}))
    assert list(result["kpis"]["kpi"]) == ["peak_load"]
    assert "night_share" not in ga.run(ga.load("quickstart", SMALL)).kpis.index


def test_another_group_of_households():
    """A second group has its own draws, books and tariff beside the first."""
    villas = {"kind": "households", "name": "villas", "count": 3, "annual_kwh": 6000.0, "annual_kwh_cv": 0.0}
    model = ga.Simulation(ga.load("quickstart", {**SMALL, "populations": [villas]}))
    assert [population.name for population in model.populations] == ["firms", "households", "villas"]
    assert type(model.populations[2]) is Households
    assert model.populations[2].members.annual_kwh.tolist() == [6000.0] * 3


def rows(result, name):
    """Return the rows of a table that belong to households and firms, as text."""
    frame = result[name]
    column = next(c for c in ("population", "party", "scope") if c in frame)
    own = frame[frame[column].astype(str).str.partition(":")[0].isin(["households", "firms"])]
    return own.to_csv(index=False)


@pytest.mark.parametrize("name", ["aaa", "zzz"])
def test_an_idle_population_changes_nothing(name):
    """With lamps that never shine, first or last in the order, everything of the others is byte-identical."""
    idle = {"kind": "lamps", "name": name, "count": 9, "annual_kwh": 0.0}
    alone = ga.run(ga.load("quickstart", {**SMALL, "outputs.members": 100}))
    beside = ga.run(ga.load("quickstart", {**SMALL, "outputs.members": 100, "populations": [idle]}))
    for table in ("members", "trades", "bills", "bill_distribution", "kpis", "profit"):
        assert rows(alone, table) == rows(beside, table), table
    for table in ("intervals", "auction_audit", "auction_curve", "plants"):
        pd.testing.assert_frame_equal(alone[table], beside[table], check_exact=True)
    ledger = beside["ledger"]
    others = ledger[(ledger["payer"] != name) & (ledger["payee"] != name)]
    assert others.to_csv(index=False) == alone["ledger"].to_csv(index=False)


def test_order_of_the_list():
    """The order in which a scenario lists its populations changes no number."""
    lamps = {"kind": "lamps", "name": "lamps", "count": 3}
    villas = {"kind": "households", "name": "villas", "count": 3, "pv_share": 1.0}
    one, other = (
        ga.run(ga.load("quickstart", {**SMALL, "populations": p})) for p in ([lamps, villas], [villas, lamps])
    )
    for table in one.tables:
        pd.testing.assert_frame_equal(one[table], other[table], check_exact=True)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"populations": [{"kind": "lmaps"}]}, r"populations.0.kind: unknown kind of populations 'lmaps'; .* 'lamps'$"),
        ({"populations": [{"kind": "lamps", "cuont": 3}]}, "unknown key 'cuont'; allowed .*nearest 'count'"),
        ({"populations": [{"kind": "lamps", "name": "a"}]}, r"populations.0.count: missing"),
        ({"populations": [{"kind": "lamps", "name": "system", "count": 1}]}, "name system; each name once, and none"),
        ({"populations": [{"kind": "lamps", "name": "a", "count": 1}] * 2}, "given name a; each name once"),
        ({"tariffs.residential": {"kind": "wekend"}}, "unknown kind of residential 'wekend'; .*nearest 'weekend'"),
        ({"metrics": ["nigth_share"]}, r"metrics.0: unknown metric 'nigth_share'; .*nearest 'night_share'"),
        ({"market.mechanism": "twim"}, "unknown mechanism 'twim'; .*nearest 'twin'"),
        ({"metrics": "peak_load"}, "metrics: given 'peak_load'; allowed a list of one of"),
    ],
)  # fmt: skip
def test_unknown_kinds_list_the_choices(overrides, message):
    """Names that nothing is registered under are refused with the choices and the nearest."""
    with pytest.raises(ScenarioError, match=message):
        ga.load("quickstart", overrides)


def test_registered_names_are_in_the_schema():
    """Editors learn of registered kinds."""
    text = json.dumps(json_schema())
    for name in ("lamps", "weekend", "night_share", "twin"):
        assert f'"{name}"' in text
    assert MECHANISMS["twin"] is Twin


class NoName(Population):
    """A population without a kind."""


class BareTerms(schema_population.Population):
    """Keys without a mean yearly consumption."""


class NoMean(Lamps):
    """A population whose section says no mean."""

    kind = "no_mean"
    Terms = BareTerms


class WrongTerms(Lamps):
    """A population whose keys are no section of one."""

    kind = "wrong"
    Terms = Frozen


class Taken(Lamps):
    """A population under the name of another."""

    kind = "households"


class NoKind(Tariff):
    """A tariff without a kind."""


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        (3, "given 3; allowed a sub-class of Population, Tariff or BusinessModel"),
        (Lamps, None),
        (NoName, "population NoName: no kind, Terms, draw; a population has a `kind`"),
        (WrongTerms, "population WrongTerms: given Terms .*Frozen.*; allowed a sub-class of"),
        (NoMean, "population NoMean: no mean_annual_kwh in BareTerms; give it as a key or a property"),
        (Taken, "population: the name 'households' is taken by gridagora; rename"),
        (NoKind, "tariff NoKind: no key `kind`; give it one with its name"),
    ],
)
def test_what_cannot_be_registered(plugin, message):
    """A class that lacks something, or whose name is taken, is refused; the same class again is not."""
    if message is None:
        assert register(plugin) is plugin
        return
    with pytest.raises(ValueError, match=message):
        register(plugin)


def test_names_are_not_taken_twice():
    """A second mechanism, metric or tariff of a name is refused, and the first one stays."""

    def peak_load(record):
        """Not the package's."""

    with pytest.raises(ValueError, match="metric: the name 'peak_load' is taken by gridagora"):
        register(peak_load)
    with pytest.raises(ValueError, match=r"mechanism: the name 'twin' is taken by .*:Twin; rename"):
        register(UniformPrice, "twin")
    assert TARIFFS["weekend"] is Weekend
    assert METRICS["peak_load"] is not peak_load
    assert ("metric", "peak_load") not in REGISTERED


PLUGIN = """
import gridagora as ga
from gridagora.sim.metrics import Kpi

@ga.register
def answer(record):
    return [Kpi("answer", "system", 42.0, "1")]
"""


def command(folder, *arguments):
    """Run the command line in a folder and return what came of it."""
    line = [sys.executable, "-m", "gridagora", *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def test_plugin_on_the_command_line(tmp_path):
    """--plugin imports a module of the working folder, and a scenario may name its metric."""
    (tmp_path / "my_lab.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text("base: quickstart\nmetrics: [default, answer]\n", encoding="utf-8")
    found = command(tmp_path, "validate", "mine.yaml", "--plugin", "my_lab")
    assert (found.returncode, found.stderr) == (0, "")


def test_plugins_that_cannot_be_imported(tmp_path, monkeypatch):
    """A module that is not there, or fails, is one line with the remedy."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "broken_lab.py").write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(ValueError, match="--plugin no_lab: cannot be imported: ModuleNotFoundError"):
        load_plugins(["no_lab"])
    with pytest.raises(ValueError, match="--plugin broken_lab: cannot be imported: ZeroDivisionError"):
        load_plugins(["broken_lab"])
    (tmp_path / "good_lab.py").write_text(PLUGIN.replace("answer", "good_answer"), encoding="utf-8")
    load_plugins(["good_lab"])
    assert REGISTERED["metric", "good_answer"] == "good_lab:good_answer"
