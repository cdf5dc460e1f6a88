"""Members that learn to bid in the online auction of a run."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from gridagora.agents.columns import LEARNING, NO_CONSENT, STRATEGY_NAMES, TRUTHFUL, ZI_CONSTRAINED
from gridagora.markets.orders import BUY, SELL
from gridagora.markets.strategies.registry import STRATEGIES
from gridagora.markets.strategies.strategy import Published
from gridagora.scenarios.learners import Learners, learn
from gridagora.scenarios.load import ScenarioError, load
from gridagora.scenarios.schema_population import Strategies

LEARNERS = {"households.strategies": {"zip": 0.3, "roth_erev": 0.3, "q_learning": 0.2, "gjerstad_dickhaut": 0.2}}
TRUE = {"firms.strategies": {"truthful": 1.0}, "farms.strategies": {"truthful": 1.0}}


@pytest.fixture(scope="module")
def market():
    """Return prices from -0.05 to 1.5 CNY/kWh in steps of 0.001."""
    return load("quickstart").market


class OneGroup:
    """A population of four members: one truthful, one without consent, two with ZIP."""

    name = "households"
    members = SimpleNamespace(strategy=np.array([1, 0, 3, 3], np.uint8))

    def __len__(self):
        return 4


def quote(learners, number=0):
    """Let member 2 buy up to 0.4 and member 3 sell from 0.1; return ticks and what was quoted."""
    tick = np.array([450, 450, 150], np.int64)
    quoted = learners.quote(
        member=np.array([0, 2, 3]),
        codes=np.array([1, 3, 3], np.uint8),
        side=np.array([BUY, BUY, SELL], np.int8),
        tick=tick,
        quanta=np.array([1_000_000, 2_000_000, 3_000_000]),
        limits=np.array([0.4, 0.4, 0.1]),
        number=number,
    )
    return tick, quoted


def test_names_follow_the_codes_and_are_strategies_of_the_library():
    """Every share of the scenario has a code, and every code that learns a class."""
    assert STRATEGY_NAMES[TRUTHFUL - 1] == "truthful"
    assert STRATEGY_NAMES[ZI_CONSTRAINED - 1] == "zi_constrained"
    assert {code: STRATEGY_NAMES[code - 1] for code in LEARNING} == LEARNING
    assert set(STRATEGY_NAMES) == set(Strategies.model_fields)
    assert set(LEARNING.values()) <= set(STRATEGIES)


def test_learners_shade_their_limits_and_leave_the_others_alone(market):
    """A ZIP buyer starts 5 to 35 % below its limit, a seller as much above; the truthful order keeps its tick."""
    tick, quoted = quote(Learners(OneGroup(), market, seed=1))
    assert tick[0] == 450
    price = market.floor_per_kwh + market.tick_per_kwh * tick
    assert 0.65 * 0.4 - 0.001 <= price[1] <= 0.95 * 0.4
    assert 1.05 * 0.1 <= price[2] <= 1.35 * 0.1 + 0.001
    assert [entry.at.tolist() for entry in quoted] == [[1], [2]]
    np.testing.assert_allclose([entry.price[0] for entry in quoted], price[1:], atol=1e-12)


def test_a_seller_that_is_left_out_lowers_its_price(market):
    """A price below the seller's offer, which did not trade: the next offer is lower, and never below its limit."""
    learners = Learners(OneGroup(), market, seed=1)
    tick, quoted = quote(learners)
    side, taken = np.array([BUY, BUY, SELL], np.int8), np.array([True, True, False])
    told = Published(0.11, 0.105, 0.115, side, np.array([0.4, 0.38, 0.13]), taken)
    learn(quoted, np.array([1_000_000, 2_000_000, 0]), np.array([0.11, 0.11, 0.0]), told)
    later, _ = quote(learners, number=1)
    assert 150 <= later[2] < tick[2]


def test_a_run_with_learners_does_not_depend_on_the_order_of_populations(simulate):
    """Draws follow from the member's number, and what is learnt from the auctions, which stand in one order."""

    def reverse(model):
        model.populations.reverse()

    chosen = LEARNERS | {"outputs.members": 0, "time.days": 1}
    a, b = simulate(chosen), simulate(chosen, before=reverse, block=7)
    pd.testing.assert_frame_equal(a.ledger.frame(), b.ledger.frame())


def test_nobody_trades_past_its_limit(simulate):
    """Whatever is learnt, buyers pay at most their reservation price, and sellers receive at least theirs."""
    model = simulate(LEARNERS)
    codes = model.households.members.strategy
    assert set(LEARNING) <= set(codes.tolist())
    for record in model.recorder.records:
        for entry in record.populations:
            award, price = entry.award, entry.award_price
            limits = entry.quotes
            assert (price <= limits.buy_limit + 1e-9)[award > 0].all()
            assert (price >= limits.sell_limit - 1e-9)[award < 0].all()


@pytest.mark.compiled
def test_learning_pays(simulate):
    """Roth-Erev learners reach a larger part of all gains on the last of six days than on the first."""
    chosen = {"households.strategies": {"roth_erev": 1.0}, "households.pv_share": 0.5, "outputs.members": 0}
    frame = simulate(TRUE | chosen | {"time.days": 6}).recorder.frame("intervals")
    days = frame.groupby("day")[["auction_surplus", "auction_max_surplus"]].sum()
    share = (days["auction_surplus"] / days["auction_max_surplus"]).to_numpy()
    assert share[-1] > share[0]


def test_shares_without_learners_choose_as_before():
    """Half truthful and half with chance, no consent apart: the codes are 0, 1 and 2 only."""
    from gridagora.scenarios.simulation import Simulation

    model = Simulation(load("quickstart", {"households.count": 50, "households.consent_share": 0.8, "time.days": 1}))
    assert set(model.households.members.strategy.tolist()) == {NO_CONSENT, TRUTHFUL, ZI_CONSTRAINED}
    assert model.parts.learners == {}
    assert model.parts.mechanism_options is None


def test_shares_that_do_not_sum_to_one_and_unknown_strategies_are_refused():
    """Both name the key."""
    with pytest.raises(ScenarioError, match=r"households\.strategies"):
        load("quickstart", {"households.strategies": {"zip": 0.5}})
    with pytest.raises(ScenarioError, match="nearest"):
        load("quickstart", {"households.strategies": {"zipp": 1.0}})
