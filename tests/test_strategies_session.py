import numpy as np
import pytest
from scipy import stats

from gridagora.markets import OrderBook, clear
from gridagora.markets.continuous.book import LimitOrderBook
from gridagora.markets.continuous.measures import smith_alpha
from gridagora.markets.continuous.rules import BookRules
from gridagora.markets.continuous.session import Quote, take_turns
from gridagora.markets.strategies.call_market import CallMarket, Traders, market_advantage
from gridagora.markets.strategies.registry import strategy
from gridagora.markets.strategies.session import Session
from gridagora.markets.strategies.strategy import Outlook
from gridagora.sim.streams import philox, stream_key

VALUES = np.arange(3.25, 0.5, -0.25)
#: Smith (1962), Test 1: one unit each, values 3.25 to 0.75, costs 0.75 to 3.25.
SMITH = Traders([1] * 11 + [-1] * 11, np.concatenate([VALUES, VALUES[::-1]]))
#: All costs at 2: the supply is flat, and so is the competitive price.
FLAT = Traders([1] * 11 + [-1] * 11, np.concatenate([VALUES, np.full(11, 2.0)]))


def session(traders, name, seed=0, steps=3000, **options):
    """Return a session in which all bid with one strategy between 0 and 4."""
    return Session(traders, [strategy(name, **options)], np.zeros(len(traders), int), 0.0, 4.0, steps, seed)


def test_smith_test_1_in_competition():
    """O11, Smith (1962) Test 1: price 2.00, 6 trades, surplus 7.5 when everybody tells the truth."""
    found = CallMarket(SMITH, [strategy("truthful")], np.zeros(22), 0.0, 4.0).round()
    assert found.clearing.price == 2.0
    assert found.clearing.volume == 6.0
    assert found.clearing.welfare == 7.5
    assert found.efficiency == 1.0
    assert session(SMITH, "zip").equilibrium == 2.0
    assert session(SMITH, "zip").best == 7.5


@pytest.mark.compiled
def test_smith_test_1_continuous():
    """O11: over four days the efficiency of ZIP traders lies in the band 0.93 to 1.0 of a class-room replication."""
    days = [session(SMITH, "zip", seed).run(4) for seed in range(20)]
    assert 0.93 <= np.mean([[day.efficiency for day in run] for run in days]) <= 1.0


@pytest.mark.compiled
def test_zero_intelligence_in_smith_test_1():
    """O13: 400 days of ZI-C traders: mean efficiency 0.963 +- 0.012, mean price 1.996 +- 0.05, 5th percentile 0.867."""
    days = [session(SMITH, "zi_constrained", seed).day() for seed in range(400)]
    efficiency = np.array([day.efficiency for day in days])
    assert efficiency.mean() == pytest.approx(0.963, abs=0.012)
    assert np.percentile(efficiency, 5) == pytest.approx(0.867, abs=0.035)
    assert np.concatenate([day.price for day in days]).mean() == pytest.approx(1.996, abs=0.05)
    assert np.mean([len(day.price) for day in days]) == pytest.approx(5.96, abs=0.15)


@pytest.mark.compiled
def test_the_budget_constraint_makes_markets_efficient():
    """O14, Gode and Sunder (1993): with several units each, ZI-C reaches at least 0.95 of the gains from trade."""
    world = np.random.default_rng(0)
    for _ in range(3):
        values = -np.sort(-world.uniform(0.2, 3.8, (6, 4)), axis=1)
        costs = np.sort(world.uniform(0.2, 3.8, (6, 4)), axis=1)
        traders = Traders([1] * 6 + [-1] * 6, np.concatenate([values, costs]))
        days = [session(traders, "zi_constrained", seed, 4000).day() for seed in range(30)]
        assert np.mean([day.efficiency for day in days]) >= 0.95


@pytest.mark.compiled
def test_zip_converges_where_zero_intelligence_does_not():
    """O17, Cliff (1997): with flat supply, ZIP's prices come closer to the equilibrium (paired test, p < 0.01)."""
    far = {name: [] for name in ("zip", "zi_constrained")}
    for name, distance in far.items():
        for seed in range(30):
            days = session(FLAT, name, seed, 600).run(6)
            distance.append(np.abs(np.concatenate([day.price for day in days[1:]]) - 2.0).mean())
    assert np.mean(far["zip"]) < np.mean(far["zi_constrained"])
    assert stats.ttest_rel(far["zip"], far["zi_constrained"], alternative="less").pvalue < 0.01


@pytest.mark.compiled
def test_smiths_coefficient_falls():
    """O17: Smith's alpha of ZIP traders falls from day to day; that of ZI-C traders does not."""

    def alphas(name):
        runs = [session(SMITH, name, seed).run(5) for seed in range(20)]
        return [np.mean([smith_alpha(run[day].price, 2.0) for run in runs]) for day in range(5)]

    learnt, random = alphas("zip"), alphas("zi_constrained")
    assert learnt[0] > learnt[1] > learnt[2] > learnt[4]
    assert learnt[4] < 3
    assert random[4] > 15


@pytest.mark.compiled
def test_roth_erev_electricity_auction():
    """O19, Nicolaisen et al. (2001): three by three cells of numbers and capacities, mean efficiency at least 0.85."""
    found = []
    for buyers, sellers in ((3, 3), (3, 6), (6, 3)):
        for demand, supply in ((10, 10), (10, 20), (20, 10)):
            limit = [*np.repeat([37, 17, 12], buyers // 3), *np.repeat([35, 16, 11], sellers // 3)]
            traders = Traders([1] * buyers + [-1] * sellers, limit, [demand] * buyers + [supply] * sellers)
            market = CallMarket(traders, [strategy("roth_erev")], np.zeros(len(traders)), 0.0, 60.0)
            found.append(np.mean([past.efficiency for past in market.run(300)[-100:]]))
    assert np.mean(found) >= 0.85


@pytest.mark.compiled
@pytest.mark.parametrize("traders", [SMITH, FLAT])
def test_zip_finds_the_price_of_a_sealed_auction(traders):
    """After 100 auctions the price is 2 within 0.05 and all gains from trade are made, with steep and flat supply."""
    late = CallMarket(traders, [strategy("zip")], np.zeros(22), 0.0, 4.0).run(150)[100:]
    assert np.mean([past.clearing.price for past in late]) == pytest.approx(2.0, abs=0.05)
    assert np.mean([past.efficiency for past in late]) >= 0.98


def test_trades_of_a_day():
    """Trades stand in their order, each at a price between a buyer's value and a seller's cost, at most one unit each.

    The gains add up to the value less the cost of what was traded.
    """
    day = session(SMITH, "zi_constrained", 5, steps=150).day()
    value, cost = SMITH.limit[day.buyer], SMITH.limit[day.seller]
    assert len(day.price) > 0
    assert np.all(np.diff(day.step) > 0)
    assert np.all((cost <= day.price) & (day.price <= value))
    assert len(set(day.buyer)) == len(set(day.seller)) == len(day.price)
    assert day.profit.sum() == pytest.approx((value - cost).sum(), abs=1e-12)
    assert day.efficiency == pytest.approx((value - cost).sum() / 7.5, abs=1e-12)


def test_the_order_book_trades_the_same():
    """The general order book, given the same turns and quotes, makes the same trades at the same prices."""
    key, steps = stream_key(3, "session", ""), 120
    words = [philox(*(np.uint64(c) for c in (step, 0, 0, 0)), *key)[0] for step in range(steps)]
    turns = ((np.array(words, float) + 0.5) / 2**32 * 22).astype(np.int64)
    rules = BookRules(reset_after_trade=True, unit_lots=True, spread_improvement=True)
    book = LimitOrderBook(np.arange(0, 4.25, 0.25), rules)
    gone = set()

    def quote(trader, _book):
        return None if trader in gone else Quote("buy" if SMITH.side[trader] == 1 else "sell", SMITH.limit[trader])

    def heard(_trader, _quote, receipt):
        if receipt.traded:
            gone.update(book.trades().iloc[-1][["buyer", "seller"]])

    take_turns(book, turns, quote, heard)
    day, trades = session(SMITH, "truthful", 3, steps).day(), book.trades()
    assert len(trades) > 3
    assert day.price.tolist() == trades["price"].tolist()
    assert day.buyer.tolist() == trades["buyer"].tolist()
    assert day.seller.tolist() == trades["seller"].tolist()


def test_units_are_traded_best_first():
    """One buyer with values 3 and 2 and one seller with costs 0 and 1 gain 3 and 1; empty places hold no unit."""
    traders = Traders([1, -1, 1], [[3.0, 2.0, np.nan], [0.0, 1.0, np.nan], [np.nan, np.nan, np.nan]])
    assert session(traders, "zip", steps=60).day().profit.sum() == pytest.approx(4.0)
    day = session(traders, "truthful", steps=60).day()
    assert day.profit.sum() == pytest.approx(4.0)
    assert len(day.price) == 2
    assert day.efficiency == 1.0
    assert set(day.price) <= {0.0, 1.0, 2.0, 3.0}


def test_unconstrained_traders_lose_money():
    """ZI-U trades every unit there is, so the least valuable with the dearest too: some lose."""
    day = session(SMITH, "zi_unconstrained", steps=400).day()
    assert day.profit.min() < 0
    assert day.efficiency < session(SMITH, "zi_constrained", steps=400).day().efficiency


def test_a_session_depends_on_its_seed_alone():
    """The same seed gives the same trades; another seed others; ZIP remembers from day to day."""
    for name in ("zip", "zi_constrained", "roth_erev"):
        first, again = session(SMITH, name, 1, 200).run(2), session(SMITH, name, 1, 200).run(2)
        assert all(np.array_equal(a.price, b.price) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(
        session(SMITH, "zi_constrained", 1, 200).day().price, session(SMITH, "zi_constrained", 2, 200).day().price
    )
    learner = session(SMITH, "zip", 1, 200)
    before = learner.bidders[0].memory["margin"].copy()
    learner.day()
    assert not np.array_equal(before, learner.bidders[0].memory["margin"])


def test_strategies_meet_in_one_session():
    """ZIP buyers among Gjerstad-Dickhaut and Roth-Erev sellers: everyone learns, nobody loses."""
    rules = [strategy("zip"), strategy("gjerstad_dickhaut"), strategy("roth_erev", actions=10)]
    market = Session(SMITH, rules, [0] * 11 + [1, 2] * 5 + [1], 0.0, 4.0, 300)
    days = market.run(4)
    assert min(day.profit.min() for day in days) >= -1e-12
    assert sum(len(day.price) for day in days) > 0
    assert market.bidders[1].memory["seen"].sum() > 0
    assert np.ptp(market.bidders[2].memory["propensity"]) > 0


@pytest.mark.parametrize("name", ["truthful", "zip"])
def test_who_cannot_quote_does_not_trade(name):
    """A buyer worth less than the floor and a seller dearer than the cap never trade."""
    traders = Traders([1, 1, -1, -1], [-1.0, 3.0, 1.0, 5.0])
    day = session(traders, name, steps=80).day()
    assert day.buyer.tolist() == [1]
    assert day.seller.tolist() == [2]


@pytest.mark.parametrize("mechanism", ["uniform_price", "pay_as_bid"])
def test_a_call_market_of_every_strategy(mechanism):
    """Under each mechanism the efficiency stays within 0 and 1 and profits add up to the welfare at true limits."""
    names = ["truthful", "zi_constrained", "zip", "gjerstad_dickhaut", "roth_erev", "q_learning"]
    market = CallMarket(SMITH, [strategy(name) for name in names], np.arange(22) % 6, 0.0, 4.0, mechanism, seed=2)
    for found in market.run(30):
        value = float(np.sum(SMITH.side * SMITH.limit * found.clearing.accepted))
        assert found.profit.sum() + found.clearing.operator_surplus == pytest.approx(value, abs=1e-9)
        assert found.efficiency == pytest.approx(value / 7.5, abs=1e-12)
        assert -1e-12 <= found.efficiency <= 1.0 + 1e-12
        assert found.profit.min() >= -1e-12


def test_a_newsvendor_in_a_call_market():
    """A seller with forecast 10 +- 2 offers the 25 % quantile when the price lies a quarter of the way up."""
    rules = [strategy("truthful"), strategy("newsvendor")]
    market = CallMarket(Traders([1, -1], [0.6, 0.1], [20.0, 10.0]), rules, [0, 1], 0.0, 1.0)
    found = market.round(Outlook(0.45, 0.40, 0.60, np.array([0.0, 2.0]), np.full(2, 20.0)))
    assert found.clearing.volume == pytest.approx(8.651020499607837)


def test_market_advantage():
    """Sellers that take the whole surplus of 2 where competition gives each side 1 have an advantage of 1."""
    market = CallMarket(Traders([1, -1], [3.0, 1.0]), [strategy("truthful")], [0, 0], 0.0, 4.0, k=1.0)
    rounds = market.run(2)
    assert market_advantage(rounds, -1, 1.0) == 1.0
    assert market_advantage(rounds, 1, 1.0) == -1.0


def test_a_market_without_gains_counts_as_efficient():
    """Where nobody can gain, nothing is lost: efficiency 1, no trades."""
    traders = Traders([1, -1], [1.0, 2.0])
    assert session(traders, "truthful", steps=50).day().efficiency == 1.0
    assert CallMarket(traders, [strategy("zip")], [0, 0], 0.0, 4.0).round().efficiency == 1.0
    book = traders.truthful()
    assert isinstance(book, OrderBook)
    assert clear(book, "uniform_price").volume == 0.0


def test_what_is_refused():
    """Columns of unequal length, units in the wrong order, unknown seats, and lots other than 1 are refused."""
    with pytest.raises(ValueError, match=r"traders: side \(2,\), limit \(1,\), quantity \(2,\)"):
        Traders([1, -1], [1.0])
    with pytest.raises(ValueError, match="best limit first"):
        Traders([1], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="assigned: 0 to 1; allowed 0 to 0"):
        CallMarket(Traders([1, -1], [1.0, 2.0]), [strategy("zip")], [0, 1], 0.0, 4.0)
    with pytest.raises(ValueError, match="a unit is 1 kWh"):
        Session(Traders([1, -1], [1.0, 2.0], [2.0, 1.0]), [strategy("zip")], [0, 0], 0.0, 4.0)
