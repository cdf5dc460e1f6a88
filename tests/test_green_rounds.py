"""Firms that buy green certificates in a run: demand, auction, payments; books close."""

from types import SimpleNamespace

import numpy as np
import pytest

from gridagora.agents.columns import DELIVER_TOTALS, PV, SETTLE_TOTALS, T_CURTAILED, T_INJECTION
from gridagora.scenarios.green_rounds import GreenRound
from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.plausible_customers import customer_bytes
from gridagora.scenarios.run import expected_tables
from gridagora.scenarios.schema_green import GreenPower
from gridagora.scenarios.simulation import Simulation
from gridagora.scenarios.tables import units_of
from gridagora.sim.ledger import Ledger

#: All firms want half of their energy green, and would pay 20.
HALF = {"committed_share": 1.0, "target_min": 0.5, "target_max": 0.5, "willingness_sigma": 0.0}
MWH = 10**9


class World:
    """Two firms, the first with PV of 10 MWh a year, and households; a day of two periods is a month."""

    def __init__(self, **terms):
        self.firms, self.households = (
            SimpleNamespace(
                name=name,
                terms=SimpleNamespace(green_power=GreenPower(**HALF, **terms)),
                streams=SimpleNamespace(seed=1),
                members=SimpleNamespace(
                    number=np.arange(2, dtype=np.uint32),
                    pv_annual_kwh=np.array([10_000, 0], np.float32),
                    pv_profile=np.zeros(2, np.uint8),
                ),
            )
            for name in ("firms", "households")
        )
        self.rows = []
        self.model = SimpleNamespace(
            ledger=Ledger(),
            recorder=SimpleNamespace(used={"firms": np.zeros(2, np.int64)}, append=self.note),
        )
        self.round = GreenRound(self.firms, [self.households, self.firms])

    def note(self, name, columns, keep):
        """Keep a row of the table."""
        assert (name, keep) == ("certificates", True)
        self.rows.append({key: values[0] for key, values in columns.items()})

    def month(self, used, fed=0, made=(0, 0), injected=(0, 0), curtailed=(0, 0)):
        """Run a month: what each firm used to date and households fed in [kWh], and PV of firms by period [kWh]."""
        self.model.recorder.used["firms"] = (np.array(used) * 1_000_000).astype(np.int64)
        entries = [self.entry(self.households, (fed, 0), (fed, 0)), self.entry(self.firms, made, injected, curtailed)]
        self.round.close(
            self.model,
            SimpleNamespace(
                populations=entries,
                errors={"realised_pv": np.ones(2)},
                day=SimpleNamespace(index=len(self.rows), month_index=len(self.rows), is_month_end=True),
            ),
        )
        return self.rows[-1]

    @staticmethod
    def entry(population, made, injected, curtailed=(0, 0)):
        """Return a population's day with its PV [kWh]."""
        delivered, settled = np.zeros((2, DELIVER_TOTALS), np.int64), np.zeros((2, 1, SETTLE_TOTALS), np.int64)
        delivered[:, PV] = np.array(made) * 1e6
        settled[:, 0, T_INJECTION] = np.array(injected) * 1e6
        settled[:, 0, T_CURTAILED] = np.array(curtailed) * 1e6
        plan = SimpleNamespace(pv=np.array([[0.4], [0.6]]))
        return SimpleNamespace(population=population, delivered=delivered, settled=settled, plan=plan)

    def paid(self):
        """Return what firms paid to whom [currency]."""
        frame = self.model.ledger.frame()
        assert set(frame["account"]) <= {"certificates"}
        assert set(frame["payer"]) <= {"firms"}
        self.model.ledger.check()
        return {name: amount / 1e6 for name, amount in frame.groupby("payee")["amount_micro"].sum().items()}


def test_scarce_certificates_by_hand():
    """Half of 10 and 5 MWh are 8 certificates; 6.5 MWh fed in are 6, at the 20 that firms would pay: 120 in all."""
    world = World()
    row = world.month([10_000, 5_000], fed=6_500)
    assert row == {"month": 0, "demand": 8, "supply": 6, "volume": 6, "from_outside": 0, "price_per_certificate": 20.0}
    assert world.round.held.tolist() == [4, 2]
    assert world.paid() == {"households": 120.0}


def test_targets_count_to_date():
    """What is missing is asked for again: 10 + 5 less 6 held are 9; 0.5 MWh carried and 0.5 MWh new are one more."""
    world = World()
    world.month([10_000, 5_000], fed=6_500)
    row = world.month([20_000, 10_000], fed=500)
    assert (row["demand"], row["supply"], row["volume"]) == (9, 1, 1)
    # Rounding up brought the second firm 500 kWh more than it needed; it is counted.
    ample = World(outside_per_certificate=10.0)
    assert ample.month([10_000, 5_000])["demand"] == 8
    assert ample.month([10_000, 6_000])["demand"] == 0


def test_outside_sells_the_rest():
    """One certificate from households and seven from outside, whose price of 15 is everybody's."""
    world = World(outside_per_certificate=15.0)
    row = world.month([10_000, 5_000], fed=1_000)
    assert (row["volume"], row["from_outside"], row["price_per_certificate"]) == (8, 7, 15.0)
    assert world.paid() == {"households": 15.0, "outside": 105.0}


def test_own_use_covers_a_target():
    """PV makes 4 + 6 MWh and feeds in 1 + 6: 3 MWh of own use. Half of 5 + 3 MWh less 3 is one certificate.

    The other firm has no PV and used 2 MWh: one more. Firms sell seven, and pay themselves.
    """
    world = World()
    row = world.month([5_000, 2_000], made=(4_000, 6_000), injected=(1_000, 6_000))
    assert world.round.own_kwh == pytest.approx([3_000.0, 0.0])
    assert (row["demand"], row["supply"], row["volume"], row["price_per_certificate"]) == (2, 7, 2, 5.0)
    assert world.paid() == {"firms": 10.0}
    assert world.model.ledger.balance("firms") == 0


def test_only_pv_earns_certificates():
    """Of 5 MWh fed in while PV made 4 and 1 were curtailed, 3 earn certificates: the rest came from the grid."""
    world = World()
    assert world.month([0, 0], made=(4_000, 0), injected=(5_000, 0), curtailed=(1_000, 0))["supply"] == 3


def test_no_market_without_buyers_or_sellers():
    """Nobody buys above what it would pay, from outside neither; without outside there may be nothing to buy."""
    for terms in ({"outside_per_certificate": 25.0}, {"outside_per_certificate": None}):
        row = World(**terms).month([10_000, 0])
        assert (row["demand"], row["volume"]) == (5, 0)
        assert np.isnan(row["price_per_certificate"])
    assert World().month([0, 0], fed=2_000)["volume"] == 0


def test_no_certificate_counts_twice():
    """What is retired and what is left are what was minted; unsold ones are offered again."""
    world = World()
    world.month([4_000, 0], fed=6_000)
    row = world.month([4_000, 2_000], fed=1_000)
    assert (row["supply"], row["volume"]) == (5, 1)
    registry = world.round.registry
    assert registry.retired(3).tolist() == [0, 0, 3]
    assert registry.held(3).tolist() == [4, 0, 0]
    assert registry.retired_for[registry.retired_for >= 0].tolist() == [0, 0, 1]


RUN = {
    "time.start": "2016-06-29",
    "time.days": 3,
    "time.period_minutes": 60,
    "market.online": False,
    "households.count": 60,
    "households.pv_share": 1.0,
    "households.storage_share": 0.0,
    "households.annual_kwh": 100.0,
    "households.pv_kwp": 40.0,
    "firms.count": 12,
    "firms.pv_share": 0.5,
    "farms": None,
}


def run(block=None, **changed):
    """Return a finished run."""
    model = Simulation(load("quickstart", {**RUN, **changed}), block=block)
    while model.running:
        model.step()
    return model


def test_books_close_in_a_run():
    """Payments are volume times price; supply is whole MWh of what was injected; blocks change nothing."""
    model, other = run(**{"firms.green_power": HALF}), run(block=3, **{"firms.green_power": HALF})
    table = model.recorder.frame("certificates")
    assert table["month"].tolist() == [0, 1]
    assert (table["volume"] > 0).all()
    ledger = model.ledger.frame().query("account == 'certificates'")
    assert ledger["amount_micro"].sum() == pytest.approx((table["volume"] * table["price_per_certificate"]).sum() * 1e6)
    assert set(ledger["business_model"]) == {"green_power"}
    injected = model.recorder.frame("intervals")["injection_kwh"].sum()
    registry = next(each for each in model.parts.rounds if isinstance(each, GreenRound)).registry
    assert injected / 1000 - 2 < registry.owner.size <= injected / 1000
    assert sum(model.ledger.balances().values()) == 0
    assert table.equals(other.recorder.frame("certificates"))
    assert model.ledger.balances() == other.ledger.balances()


def test_certificates_change_nothing_else():
    """Without the section there is no such round and no such table, and every other posting is the same."""
    with_them, without = run(**{"firms.green_power": HALF}), run()
    assert "certificates" not in without.recorder.kept
    assert not without.parts.rounds
    frame = with_them.ledger.frame()
    rest = frame[frame["account"] != "certificates"].reset_index(drop=True)
    assert rest.equals(without.ledger.frame())


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"firms.green_power": {"target_min": 0.6, "target_max": 0.5}}, r"target_max: given 0.5; allowed at least"),
        ({"firms.green_power": {"ask_per_certificate": 60.0}}, r"ask_per_certificate: given 60; allowed at most"),
        ({"firms.green_power": {"outside_per_certificate": 51.0}}, r"outside_per_certificate: given 51; allowed at"),
        ({"firms.green_power": {"committed_share": 1.5}}, r"committed_share"),
        (
            {"firms.green_power": {}, "time.representative_days": {"count": 3}},
            r"firms.green_power: given with time.rep",
        ),
        (
            {
                "populations": [
                    {"kind": "firms", "name": "works", "count": 2, "green_power": {}},
                    {"kind": "firms", "name": "shops", "count": 2, "green_power": {}},
                ]
            },
            r"green_power: given as in works; allowed in one population",
        ),
    ],
)
def test_refused(terms, message):
    """Every refusal names the key, what was given and what is allowed."""
    with pytest.raises(ScenarioError, match=message):
        load("quickstart", terms)


def test_table_memory_and_unit():
    """The section has its table and its columns; a price per certificate says so."""
    scenario = load("quickstart", {"firms.green_power": {}})
    assert "certificates" in expected_tables(scenario)
    assert customer_bytes(scenario, scenario.firms) == 80
    assert customer_bytes(scenario, scenario.farms) == 0
    columns = {"price_per_certificate": [1.0], "pool_price": [1.0]}
    assert units_of(columns, "EUR") == {"price_per_certificate": "EUR/certificate", "pool_price": "EUR/kWh"}
