import numpy as np
import pytest

from gridagora.markets import OrderBook, clear
from gridagora.markets.strategies.actions import choose
from gridagora.markets.strategies.draws import Draws
from gridagora.markets.strategies.gjerstad_dickhaut import GjerstadDickhaut
from gridagora.markets.strategies.newsvendor import NewsvendorQuantity, critical_fraction, newsvendor_quantity
from gridagora.markets.strategies.q_learning import QLearning, price_situation
from gridagora.markets.strategies.registry import STRATEGIES, strategy
from gridagora.markets.strategies.roth_erev import RothErev
from gridagora.markets.strategies.strategy import Context, Feedback, Outlook, Published
from gridagora.markets.strategies.zero_intelligence import (
    Truthful,
    ZeroIntelligenceConstrained,
    ZeroIntelligenceUnconstrained,
)
from gridagora.markets.strategies.zip import LOWER, RAISE, STAY, Zip, response
from gridagora.scenarios.strategy_contract import StrategyContract
from gridagora.sim.streams import Streams

DRAWS = Draws(1, "households")


class TestTruthful(StrategyContract):
    strategy = Truthful()


class TestZeroIntelligenceUnconstrained(StrategyContract):
    strategy = ZeroIntelligenceUnconstrained()
    keeps_budget = False


class TestZeroIntelligenceConstrained(StrategyContract):
    strategy = ZeroIntelligenceConstrained()


class TestZip(StrategyContract):
    strategy = Zip()


class TestGjerstadDickhaut(StrategyContract):
    strategy = GjerstadDickhaut()


class TestRothErevModified(StrategyContract):
    strategy = RothErev()


class TestRothErevOriginal(StrategyContract):
    strategy = RothErev(variant="original", temperature=0.05)


class TestQLearning(StrategyContract):
    strategy = QLearning(discount=0.5)


class TestQLearningBoltzmann(StrategyContract):
    strategy = QLearning(exploration="boltzmann")


class TestNewsvendor(StrategyContract):
    strategy = NewsvendorQuantity()
    keeps_quantity = False


def context_of(rules, side, limit, quantity=None, memory=None, draws=DRAWS, **more):
    """Return a context of members 0, 1, ... in a market from 0 to 4."""
    n = len(side)
    quantity = np.ones(n) if quantity is None else np.array(quantity, float)
    memory = rules.remember(n, draws) if memory is None else memory
    floor, cap = more.pop("floor", 0.0), more.pop("cap", 4.0)
    who = np.arange(n)
    return Context(who, np.array(side, np.int8), np.array(limit, float), quantity, floor, cap, memory, draws, **more)


def hear(rules, context, price, quantity, accepted, unit_price, told, **more):
    """Let members learn from an outcome written by hand."""
    columns = (np.array(column, float) for column in (price, quantity, accepted, unit_price))
    heard = Feedback(context, *columns, told, **more)
    rules.learn(heard)
    return heard


def told(price=np.nan, low=np.nan, high=np.nan, side=(), quoted=(), taken=()):
    """Return what was published."""
    return Published(price, low, high, np.array(side, np.int8), np.array(quoted, float), np.array(taken, bool))


def test_draws_are_those_of_the_random_streams():
    """The first word of a member's draw is what sim.streams gives; order and number of members do not matter."""
    straight = DRAWS.uniforms("quote", np.arange(50), 3)[0]
    assert np.array_equal(straight, Streams(1).uniforms("quote", "households", 50, day=3))
    assert np.array_equal(DRAWS.uniforms("quote", np.array([40, 2]), 3)[0], straight[[40, 2]])
    assert DRAWS.uniforms("quote", np.arange(5), 3, draws=4).shape == (4, 5)
    assert not np.array_equal(DRAWS.uniforms("quote", np.arange(50), 4)[0], straight)


def test_zero_intelligence_draws_from_its_range():
    """Unconstrained quotes spread over [0, 4]; a buyer worth 2 stays below 2, a seller at cost 3 above 3."""
    side = np.tile([1, -1], 500)
    limit = np.tile([2.0, 3.0], 500)
    free, _ = ZeroIntelligenceUnconstrained().quote(context_of(Truthful(), side, limit))
    assert free.min() < 0.1
    assert free.max() > 3.9
    bound, quantity = ZeroIntelligenceConstrained().quote(context_of(Truthful(), side, limit))
    assert 0 <= bound[::2].min() < 0.05
    assert 1.95 < bound[::2].max() <= 2
    assert 3 <= bound[1::2].min() < 3.02
    assert bound[::2].mean() == pytest.approx(1.0, abs=0.1)
    assert np.all(quantity == 1)


def test_limits_beyond_the_bounds():
    """A value above the cap is quoted at the cap; a value below the floor, or a cost above the cap, is no order."""
    price, quantity = Truthful().quote(context_of(Truthful(), [1, 1, -1, -1], [9, -1, 9, -1], [1, 2, 3, 4]))
    assert price.tolist() == [4, 0, 4, 0]
    assert quantity.tolist() == [1, 0, 0, 4]


def test_zip_parameters():
    """O16, Cliff (1997): beta U(.1,.5), gamma U(0,.1), first margin U(.05,.35), both spreads .05."""
    rules = Zip()
    assert (rules.beta, rules.gamma, rules.margin) == ((0.1, 0.5), (0.0, 0.1), (0.05, 0.35))
    assert (rules.relative_spread, rules.absolute_spread) == (0.05, 0.05)
    memory = rules.remember(4000, DRAWS)
    for name, low, high in (("beta", 0.1, 0.5), ("gamma", 0.0, 0.1), ("margin", 0.05, 0.35)):
        column = memory[name]
        assert low <= column.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < column.max() <= high
        assert column.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))
    assert not memory["momentum"].any()
    price, _ = rules.quote(context_of(rules, [1, -1], [2.0, 2.0]))
    first = rules.remember(2, DRAWS)["margin"]
    assert price == pytest.approx([2 * (1 - first[0]), 2 * (1 + first[1])], abs=1e-15)


@pytest.mark.parametrize(
    ("side", "active", "price", "shout", "accepted", "shout_side", "answer"),
    [
        (-1, True, 1.0, 2.0, True, -1, RAISE),  # a seller that asks less than was paid
        (-1, False, 1.0, 2.0, True, 1, RAISE),  # ... also when it has nothing left
        (-1, True, 3.0, 2.0, True, 1, LOWER),  # a bid was taken by a cheaper seller
        (-1, False, 3.0, 2.0, True, 1, STAY),
        (-1, True, 3.0, 2.0, True, -1, STAY),
        (-1, True, 3.0, 2.0, False, -1, LOWER),  # a lower offer than its own found nobody
        (-1, True, 1.0, 2.0, False, -1, STAY),
        (-1, True, 3.0, 2.0, False, 1, STAY),
        (1, True, 3.0, 2.0, True, 1, RAISE),  # a buyer that bids more than was paid
        (1, True, 1.0, 2.0, True, -1, LOWER),  # an offer was taken by a buyer that bids more
        (1, True, 1.0, 2.0, False, 1, LOWER),
        (1, True, 1.0, 2.0, False, -1, STAY),
    ],
)
def test_zip_answers(side, active, price, shout, accepted, shout_side, answer):
    """Cliff's rules: what a shout does to the margin of sellers and, mirrored, of buyers."""
    assert response(side, active, price, shout, accepted, shout_side) == answer


def test_zip_learns_from_a_price():
    """At rate 1 and no spread the quote of who traded well, or not at all, becomes the published price at once."""
    rules = Zip(beta=(1.0, 1.0), gamma=(0.0, 0.0), relative_spread=0.0, absolute_spread=0.0)
    context = context_of(rules, [1, 1, -1, -1], [3.0, 2.5, 1.0, 1.5])
    price, quantity = rules.quote(context)
    hear(rules, context, price, quantity, [1, 0, 1, 1], [2, np.nan, 2, 2], told(2.0))
    again, _ = rules.quote(context)
    assert price[0] >= 2
    assert price[1] < 2
    assert price[2] <= 2
    assert price[3] <= 2
    assert again == pytest.approx([2, 2, 2, 2], abs=1e-12)


def test_zip_without_a_trade_follows_the_best_quote_of_its_side():
    """No trade: buyers move to the best bid, sellers to the best ask, within their limits; who cannot quote stays."""
    rules = Zip(beta=(1.0, 1.0), gamma=(0.0, 0.0), relative_spread=0.0, absolute_spread=0.0, margin=(0.2, 0.2))
    context = context_of(rules, [1, 1, -1, -1, 1, -1], [1.0, 0.5, 2.0, 3.0, 2.0, 5.0], [1, 1, 1, 1, 0, 1])
    price, quantity = rules.quote(context)
    assert price.tolist() == pytest.approx([0.8, 0.4, 2.4, 3.6, 1.6, 4.0])
    assert quantity.tolist() == [1, 1, 1, 1, 0, 0]
    nothing = np.full(6, np.nan)
    hear(rules, context, price, quantity, np.zeros(6), nothing, told(np.nan, 0.8, 2.4))
    assert rules.quote(context)[0].tolist() == pytest.approx([0.8, 0.5, 2.4, 3.0, 1.6, 4.0])


def test_zip_keeps_direction_at_negative_prices():
    """A seller with cost -1 asks -0.9; at a price of -0.5 it comes up to just below it, a buyer down to just above."""
    rules = Zip(margin=(0.1, 0.1))
    context = context_of(rules, [-1, 1], [-1.0, -0.2], floor=-2.0)
    price, quantity = rules.quote(context)
    assert price == pytest.approx([-0.9, -0.22])
    for _ in range(80):
        hear(rules, context, price, quantity, [1, 1], [-0.5, -0.5], told(-0.5))
        price, quantity = rules.quote(context)
    assert -0.575 < price[0] < -0.5 < price[1] < -0.425


def test_roth_erev_by_hand():
    """Three actions, first 1.5 each; action 1 earns 0.5: original 1.75, 1.4, 1.4; modified 1.75, 1.5, 1.5."""
    for variant, others in (("original", 1.35 + 0.5 * 0.2 / 2), ("modified", 1.35 + 1.5 * 0.2 / 2)):
        rules = RothErev(variant=variant, actions=3)
        context = context_of(rules, [-1, -1], [1.0, 1.0])
        assert context.memory["propensity"].tolist() == [[1.5] * 3] * 2
        context.memory["action"][:] = 1
        hear(rules, context, [1.5, 1.5], [1, 0], [1, 0], [1.5, np.nan], told(1.5))
        assert context.memory["propensity"][0] == pytest.approx([others, 1.35 + 0.4, others], abs=1e-12)
        assert context.memory["propensity"][1].tolist() == [1.5] * 3  # no order, nothing learnt


def test_roth_erev_settles():
    """A seller that always earns at its third of three margins chooses it with more than 99 % in the end."""
    rules = RothErev(actions=3, experimentation=0.0)
    context = context_of(rules, [-1], [1.0])
    assert not rules.settled(context.memory).any()
    for _ in range(250):
        context.memory["action"][:] = 2
        hear(rules, context, [2.0], [1.0], [1.0], [2.0], told(2.0))
    assert rules.settled(context.memory).all()
    price, _ = rules.quote(context)
    assert price.tolist() == [2.0]
    assert context.memory["propensity"].min() == 1e-9


def test_actions_are_drawn_by_weight():
    """Weights 1 and 3 give 25 % and 75 %; by Gibbs at temperature 2 a difference of 2 ln 3 gives the same."""
    n = 5000
    draw = DRAWS.uniforms("x", np.arange(n))[0]
    one = np.zeros(n, np.int64)
    assert choose(np.array([[1.0, 3.0]]), one, 0.0, draw).mean() == pytest.approx(0.75, abs=0.02)
    assert choose(np.array([[0.0, 2 * np.log(3)]]), one, 2.0, draw).mean() == pytest.approx(0.75, abs=0.02)


def test_q_learning_by_hand():
    """Reward 0.5 at rate 0.1 from 0 makes 0.05; with the next situation's best 0.4 at weight 0.5 it makes 0.07."""
    rules = QLearning(actions=3, fading=0.0)
    context = context_of(rules, [-1, -1], [1.0, 1.0])
    context.memory["action"][:] = 1
    hear(rules, context, [1.5, 1.5], [1, 0], [1, 0], [1.5, np.nan], told(1.5))
    assert context.memory["value"][0].tolist() == [[0, 0.05, 0], [0, 0, 0]]
    assert context.memory["visits"].tolist() == [1, 0]
    assert rules.quote(context)[0].tolist() == [1.5, 1.0]
    rules = QLearning(actions=3, situations=12, discount=0.5)
    context = context_of(rules, [-1], [1.0], situation=2)
    context.memory["action"][:] = 1
    context.memory["value"][7, 0, 2] = 0.4
    hear(rules, context, [1.5], [1], [1], [1.5], told(1.5), situation=7)
    assert context.memory["value"][2, 0] == pytest.approx([0, 0.07, 0])


def test_exploration_fades_with_time():
    """With fading 30 a member that saw 30 rewards takes a random action half of the time."""
    rules = QLearning(actions=1000, fading=30.0)
    context = context_of(rules, [-1] * 4000, np.ones(4000))
    context.memory["visits"][:] = 30
    context.memory["value"][0, :, 999] = 1.0
    rules.quote(context)
    assert np.mean(context.memory["action"] == 999) == pytest.approx(0.5, abs=0.03)


def test_situations():
    """Terciles times four blocks of six hours; a price not known counts as the middle."""
    cuts = (0.3, 0.5)
    assert [price_situation(p, cuts, 0.0) for p in (0.1, 0.3, 0.5, np.nan)] == [0, 4, 8, 4]
    assert [price_situation(0.1, cuts, hour) for hour in (5.99, 6.0, 12.0, 23.9)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"situation 1; allowed 0 to 0; set `situations`"):
        rules = QLearning()
        rules.quote(context_of(rules, [1], [1.0], situation=1))


def test_gjerstad_dickhaut_beliefs():
    """Beliefs rise with bids and fall with asks; a price at which bids always failed is believed less."""
    rules = GjerstadDickhaut(points=5, memory_share=0.5)
    context = context_of(rules, [1, -1], [3.5, 0.5])
    assert rules.beliefs(context.memory)[0] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    price, quantity = rules.quote(context)
    assert price.tolist() == [2.0, 2.0]  # 0.25 * 2.5, 0.5 * 1.5 and 0.75 * 0.5: the second is the most
    seen = told(np.nan, 1, 3, [1, 1, -1, -1], [1, 2, 3, 2], [False, True, False, True])
    hear(rules, context, price, quantity, [0, 0], [np.nan, np.nan], seen)
    bids, asks = rules.beliefs(context.memory)
    # At price 1: one bid at or above it failed, none traded at or below, no ask stood at or below: 0.25 / (1 + 1).
    assert bids[1] == pytest.approx(0.25 / 2)
    # At price 2: the bid and the ask there traded, none failed at or above it: (2 + 0.5) / (2 + 1).
    assert bids[2] == pytest.approx(2.5 / 3)
    assert np.all(np.diff(bids) >= 0)
    assert np.all(np.diff(asks) <= 0)
    hear(rules, context, price, quantity, [0, 0], [np.nan, np.nan], told())
    assert context.memory["seen"].sum() == 2.0


def test_newsvendor():
    """Price .45 between long .40 and short .60: a seller offers the 25 % quantile, a buyer asks for the 75 %."""
    assert critical_fraction(0.45, 0.40, 0.60, -1) == pytest.approx(0.25)
    assert critical_fraction(0.45, 0.40, 0.60, 1) == pytest.approx(0.75)
    assert critical_fraction(0.3, 0.40, 0.60, -1) == 0.0
    assert critical_fraction(0.5, 0.5, 0.5, -1) == 0.5
    assert critical_fraction(0.6, 0.5, 0.5, -1) == 1.0
    columns = (np.array([10.0, 10.0, 1.0]), np.array([2.0, 0.0, 5.0]), np.full(3, 12.0))
    assert newsvendor_quantity(0.25, *columns) == pytest.approx([10 - 2 * 0.6744897501960817, 10, 0])
    assert newsvendor_quantity(1.0, *columns).tolist() == [12, 10, 12]
    rules = NewsvendorQuantity()
    outlook = Outlook(0.45, 0.40, 0.60, np.array([2.0, 2.0, 2.0]), np.full(3, 20.0))
    context = context_of(rules, [-1, 1, -1], [0.1, 0.5, 9.0], [10, 10, 10], outlook=outlook)
    price, quantity = rules.quote(context)
    assert price.tolist() == [0.1, 0.5, 4.0]
    assert quantity == pytest.approx([10 - 2 * 0.6744897501960817, 10 + 2 * 0.6744897501960817, 0])
    with pytest.raises(ValueError, match="newsvendor: the context has no outlook"):
        rules.quote(context_of(rules, [1], [1.0]))


def test_newsvendor_quantity_is_the_best():
    """No other quantity earns more on 20,000 outcomes drawn from the forecast (O'Neill's check by simulation)."""
    outcome = 10 + 2 * np.random.default_rng(0).standard_normal(20_000)

    def earned(quantity):
        rest = outcome - quantity
        return np.mean(0.45 * quantity + np.where(rest > 0, 0.40 * rest, 0.60 * rest))

    best = newsvendor_quantity(0.25, np.array([10.0]), np.array([2.0]), np.array([20.0]))[0]
    assert all(earned(best) > earned(best + step) for step in (-1.0, -0.3, 0.3, 1.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"limit": np.array([1.0])}, r"context: limit has shape \(1,\), member has \(2,\)"),
        ({"limit": np.array([1.0, np.nan])}, "every limit must be finite"),
        ({"quantity": np.array([1.0, -1.0])}, "finite and at least 0 kWh"),
        ({"side": np.array([1, 0], np.int8)}, r"side must be 1 \(buy\) or -1 \(sell\)"),
        ({"member": np.array([3, 3])}, "stands in two orders"),
        ({"member": np.array([-1, 3])}, "a member number is negative"),
        ({"cap": 0.0}, "floor 0.0, cap 0.0; both finite, the floor below the cap"),
    ],
)
def test_a_context_refuses_what_no_market_asks(change, message):
    """Columns of unequal length, values that are not finite, sides that are none, and double orders are refused."""
    given = {
        "member": np.arange(2),
        "side": np.array([1, -1], np.int8),
        "limit": np.ones(2),
        "quantity": np.ones(2),
        "floor": 0.0,
        "cap": 1.0,
    }
    with pytest.raises(ValueError, match=message):
        Context(**(given | change), memory={}, draws=DRAWS)


def test_an_outlook_refuses_prices_in_the_wrong_order():
    """The long never get more than the short pay, and no spread is negative."""
    with pytest.raises(ValueError, match=r"long_price 0\.6 above short_price 0\.4"):
        Outlook(0.5, 0.6, 0.4, np.ones(1), np.ones(1))
    with pytest.raises(ValueError, match="sd and most must be at least 0 kWh"):
        Outlook(0.5, 0.4, 0.6, -np.ones(1), np.ones(1))


def test_published_leaves_out_empty_orders():
    """An order of quantity 0 is no shout."""
    book = OrderBook(["buy", "buy", "sell"], [3, 9, 1], [1, 0, 1])
    seen = Published.of(book, clear(book, "uniform_price"))
    assert seen.quoted.tolist() == [3, 1]
    assert seen.taken.all()
    assert (seen.price, seen.low, seen.high) == (2, 1, 3)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("zi", {}, "unknown strategy 'zi'; choose one of: gjerstad_dickhaut, newsvendor, q_learning"),
        ("zip", {"betta": 1}, "unknown option of zip 'betta'; choose one of: absolute_spread, beta"),
        ("roth_erev", {"actions": 1}, "roth_erev: actions: given 1; Input should be greater than or equal to 2"),
        ("zip", {"gamma": (0.0, 2.0)}, r"zip: gamma.1: given 2.0; Input should be less than or equal to 1"),
    ],
)
def test_what_is_not_allowed_is_answered_with_the_choices(name, options, message):
    """A wrong name, option or value names what was given and what is allowed."""
    with pytest.raises(ValueError, match=message):
        strategy(name, **options)


def test_every_strategy_can_be_made_by_name():
    """The names of the public face all stand in the table."""
    names = ["truthful", "zi_unconstrained", "zi_constrained", "zip", "gjerstad_dickhaut", "roth_erev", "q_learning"]
    assert [*names, "newsvendor"] == list(STRATEGIES)
    assert all(strategy(name) == STRATEGIES[name]() for name in names)
