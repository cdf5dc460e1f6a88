"""The simulation is a Mesa model like any other: agents, agent sets, collectors, batches, agents of one's own."""

import subprocess
import sys

import mesa
import networkx as nx
import numpy as np
import pandas as pd
import pytest
from mesa.discrete_space import FixedAgent, Network

import gridagora as ga
from gridagora.agents.columns import TRUTHFUL
from gridagora.agents.firms import Farms, Firms
from gridagora.agents.generators import Plant
from gridagora.agents.households import Households
from gridagora.agents.population import Population

SMALL = {"households__count": 20, "firms__count": 2, "farms__count": 1, "time__days": 2}


def bill(model):
    """Return what the households have paid [currency]."""
    return sum(member.paid for member in model.households)


@pytest.fixture(scope="module")
def town():
    """Return a small town after its two days."""
    model = ga.Simulation("quickstart", **SMALL)
    model.run_model()
    return model


def test_agents_are_populations_institutions_and_plants(town):
    """Three populations, six institutions and 25 plants are the agents; each knows the model."""
    assert isinstance(town, mesa.Model)
    counts = {kind.__name__: len(agents) for kind, agents in town.agents_by_type.items()}
    assert counts == {
        **dict.fromkeys(("Households", "Firms", "Farms"), 1),
        **dict.fromkeys(("Supplier", "GridCompany", "Government", "Outside", "Platform"), 1),
        "Plant": 25,
    }
    assert set(town.agent_types) >= {Households, Firms, Farms, Plant}
    assert {agent.model for agent in town.agents} == {town}
    assert sorted(town.agents.get("unique_id")) == list(range(1, 34))


def test_agent_sets_select_get_aggregate_and_group(town):
    """Selecting, reading, aggregating, mapping, sorting and grouping work on our agents."""
    gas = town.agents.select(lambda agent: getattr(agent, "fuel", None) == "gas")
    assert gas.get("name") == [f"plant:gas_{i}" for i in range(1, 6)]
    assert gas.agg("capacity_kw", sum) == sum(gas.get("capacity_kw")) > 0
    dearest = town.agents_by_type[Plant].sort("cost_per_kwh")[0]
    assert dearest.name == "plant:oil_1"
    fuels = town.agents_by_type[Plant].groupby("fuel").count()
    assert fuels == {"waste": 1, "nuclear": 3, "lignite": 6, "hard_coal": 8, "gas": 5, "oil": 1, "import": 1}
    members = town.agents.select(lambda agent: isinstance(agent, Population))
    assert members.map(len) == [1, 2, 20]
    assert sum(town.agents.select(lambda agent: not isinstance(agent, Population)).get("balance")) == pytest.approx(
        sum(member.paid for population in members for member in population)
    )


def test_agent_sets_do(town):
    """Calling a method of all agents, in order or shuffled, reaches each once; Mesa's empty step is there."""
    seen = []
    town.agents.do("step").do(lambda agent: seen.append(agent.unique_id))
    town.agents.shuffle_do(lambda agent: seen.append(agent.unique_id))
    assert seen[:33] == list(range(1, 34))
    assert sorted(seen[33:]) == list(range(1, 34))
    assert seen[33:] != seen[:33]


def test_members_read_like_agents(town):
    """Members count, iterate and slice like a list of agents, and their bills are the money in the books."""
    homes = town.households
    assert len(homes) == len(list(homes)) == 20
    assert [member.index for member in homes[:3]] == [0, 1, 2]
    assert homes[-1] == homes[19]
    assert len({*homes, *homes}) == 20
    assert {member.strategy for member in homes} <= {"truthful", "zi_constrained"}
    assert sum(round(member.paid * 1e6) for member in homes) == -town.ledger.balance("households")
    with pytest.raises(IndexError):
        homes[20]


def test_a_run_ends_and_says_so(town):
    """`run_model` stops with the calendar; a further step is refused with the remedy."""
    assert (town.running, town.steps) == (False, 2)
    with pytest.raises(ValueError, match=r"all 2 days are simulated; give a larger time\.days, or start a new Simulat"):
        town.step()


def test_draws_of_others_change_nothing(town):
    """Whatever is drawn from the model's own generators, the simulation's streams stay as they are."""
    model = ga.Simulation("quickstart", **SMALL)
    while model.running:
        model.agents.shuffle_do("step")
        model.rng.normal(size=100)
        model.step()
    assert [member.paid for member in model.households] == [member.paid for member in town.households]


def test_collect_reads_at_the_end_of_each_step(town):
    """Reporters that are functions or attribute names make one row a day."""
    model = ga.Simulation("quickstart", **SMALL, collect={"bill": bill, "day": "next_day"})
    model.run_model()
    frame = model.datacollector.get_model_vars_dataframe()
    assert frame["day"].tolist() == [1, 2]
    assert frame["bill"].iloc[-1] == bill(town) > frame["bill"].iloc[0] > 0


def test_batch_run_of_two_parameters_and_two_seeds():
    """Four runs, each the same as one alone; an override that is refused names its key."""
    parameters = SMALL | {"households__count": [10, 20], "seed": [1, 2], "collect": [{"bill": bill}]}
    rows = mesa.batch_run(ga.Simulation, parameters, display_progress=False)
    assert [(row["households__count"], row["seed"], row["Step"]) for row in rows] == [
        (count, seed, 1) for count in (10, 20) for seed in (1, 2)
    ]
    alone = ga.Simulation("quickstart", **SMALL | {"households__count": 20, "seed": 2})
    alone.run_model()
    assert rows[-1]["bill"] == bill(alone)
    assert len({row["bill"] for row in rows}) == 4
    with pytest.raises(ga.ScenarioError, match=r"override: households\.cuont: unknown key 'cuont'.*nearest 'count'"):
        mesa.batch_run(ga.Simulation, {"households__cuont": [1, 2]}, display_progress=False)


BATCH = """
import mesa
import pandas as pd

import gridagora as ga


def bill(model):
    return sum(member.paid for member in model.households)


if __name__ == "__main__":
    for processes in (1, 2):
        rows = mesa.batch_run(
            ga.Simulation,
            {"households__count": [5, 10], "firms": None, "farms": None, "time__days": 1, "collect": [{"bill": bill}]},
            number_processes=processes,
            iterations=1,
            display_progress=False,
        )
        pd.DataFrame(rows).drop(columns="collect").to_json(f"{processes}.json")
"""


@pytest.mark.slow
def test_batch_run_in_two_processes(tmp_path):
    """A batch gives the same rows in one process and in two."""
    (tmp_path / "batch.py").write_text(BATCH, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "batch.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    one, two = (pd.read_json(tmp_path / f"{n}.json").sort_values("RunId", ignore_index=True) for n in (1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert one["households__count"].tolist() == [5, 10]


def test_households_that_are_agents_each():
    """Ten populations of one member are ten Mesa agents, each with its own books; the system's books close."""
    homes = [
        {"kind": "households", "name": f"home_{i}", "count": 1, "pv_share": float(i < 4), "pv_kwp": 5.0}
        for i in range(10)
    ]
    nobody = dict.fromkeys(("households", "firms", "farms"))
    model = ga.Simulation("quickstart", **nobody, populations=homes, time__days=1)
    model.step()
    agents = model.agents_by_type[Households]
    assert agents.get("name") == [f"home_{i}" for i in range(10)]
    assert agents.map(len) == [1] * 10
    assert [home[0].pv_annual_kwh > 0 for home in agents] == [True] * 4 + [False] * 6
    assert [round(home[0].paid * 1e6) for home in agents] == [-model.ledger.balance(home.name) for home in agents]
    assert model.record.auctions.volume.sum() > 0


class Neighbour(FixedAgent):
    """A household that takes part in the online auction once a neighbour does."""

    def __init__(self, model, member, cell):
        super().__init__(model)
        self.member, self.cell = member, cell

    @property
    def takes_part(self):
        """Whether it bids and offers."""
        return self.member.strategy != "no consent"

    def talk(self):
        """Ask one neighbour, and do as it does."""
        other = self.random.choice(list(self.cell.neighborhood.agents))
        if other.takes_part:
            self.member.population.members.strategy[self.member.row] = TRUTHFUL


class Street(ga.Simulation):
    """A town whose households talk at the end of the day."""

    def __init__(self, **overrides):
        super().__init__("quickstart", **overrides)
        n = len(self.households)
        streets = Network(nx.cycle_graph(n), random=self.random)
        Neighbour.create_agents(self, n, list(self.households), list(streets.all_cells))
        self.datacollector = mesa.DataCollector(
            {"online_kwh": lambda model: model.record.auctions.volume.sum() / 1e6},
            agenttype_reporters={Neighbour: {"takes_part": "takes_part", "paid": lambda agent: agent.member.paid}},
        )

    def run_business(self, record):
        """Do the day's business, then talk."""
        super().run_business(record)
        self.agents_by_type[Neighbour].shuffle_do("talk")


def test_agents_of_ones_own_act_on_members():
    """Neighbours spread the auction along a ring: who takes part stays, and more of them trade more."""
    terms = {"households__consent_share": 0.2, "time__days": 4, "firms": None, "farms": None}
    model = Street(households__count=60, **terms)
    model.run_model()
    rows = model.datacollector.get_agenttype_vars_dataframe(Neighbour)
    share = rows["takes_part"].groupby("Step").mean().to_numpy()
    assert len(rows) == 4 * 60
    assert (np.diff(share) > 0).all()
    online = model.datacollector.get_model_vars_dataframe()["online_kwh"]
    assert online.iloc[-1] > online.iloc[0]
    last = rows.xs(4, level="Step")
    assert last["paid"].tolist() == [member.paid for member in model.households]
    again = Street(households__count=60, **terms)
    again.run_model()
    assert again.datacollector.get_agenttype_vars_dataframe(Neighbour)["paid"].tolist() == rows["paid"].tolist()
