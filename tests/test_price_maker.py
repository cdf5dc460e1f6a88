import numpy as np
import pytest
from scipy.optimize import linprog

from gridagora.markets import OrderBook
from gridagora.markets.network.grid import Network
from gridagora.markets.price_maker import best_offers

PLANTS = ["alta", "park_city", "solitude", "sundance", "brighton"]
COSTS, CAPACITIES = [14, 15, 30, 40, 10], [40, 170, 520, 200, 600]
LINES = [("A", "B"), ("A", "D"), ("A", "E"), ("B", "C"), ("C", "D"), ("D", "E")]
X = [0.0281, 0.0304, 0.0064, 0.0108, 0.0297, 0.0297]


def five_bus(limits=(400, np.inf, np.inf, np.inf, np.inf, 240)):
    """Return the grid of case5 (Li and Bo 2010, as in MATPOWER)."""
    return Network("dc", ["A", "B", "C", "D", "E"], LINES, limit_kw=list(limits), x=X, base_kva=100.0)


def five_bus_book(value=100.0):
    """Return the plants of case5 at cost and its loads, which pay up to a value."""
    return OrderBook(
        ["sell"] * 5 + ["buy"] * 3,
        [*COSTS, value, value, value],
        [*CAPACITIES, 300, 300, 400],
        area=["A", "A", "C", "D", "E", "B", "C", "D"],
        agent=[*PLANTS, "load", "load", "load"],
    )


def clear_again(book, price, network):
    """Clear a book at other prices with an LP of its own; return awards and area prices."""
    orders, lines, areas = len(book), len(network.line_from), len(network.areas)
    place = network.area_index(book.area)
    balance = np.zeros((areas, orders + lines + areas))
    balance[place, np.arange(orders)] = -book.side
    balance[network.line_from, orders + np.arange(lines)] -= 1
    balance[network.line_to, orders + np.arange(lines)] += 1
    flow = np.zeros((lines, orders + lines + areas))
    flow[np.arange(lines), orders + np.arange(lines)] = 1
    flow[np.arange(lines), orders + lines + network.line_from] = -network.base_kva / network.x
    flow[np.arange(lines), orders + lines + network.line_to] = network.base_kva / network.x
    angles = [(0.0, 0.0) if n == network.slack else (None, None) for n in range(areas)]
    found = linprog(
        np.concatenate([-book.side * price, np.zeros(lines + areas)]),
        A_eq=np.vstack([balance, flow]),
        b_eq=np.zeros(areas + lines),
        bounds=[*((0.0, q) for q in book.quantity), *((-m, m) for m in network.limit_kw), *angles],
        method="highs",
    )
    assert found.status == 0
    return found.x[:orders], found.eqlin.marginals[:areas]


def profit_at(book, network, own, offers):
    """Return what own orders earn when they ask `offers`, found by clearing again."""
    price = book.price.copy()
    price[own] = offers
    awards, prices = clear_again(book, price, network)
    return float(np.sum((prices[network.area_index(book.area)[own]] - book.price[own]) * awards[own]))


def test_the_oracle_knows_case5():
    """The LP used below gives O21's prices and cost: 16.977, 26.384, 30, 39.943, 10 and 17 479.8969."""
    book = five_bus_book()
    awards, prices = clear_again(book, book.price, five_bus())
    assert prices == pytest.approx([16.97736, 26.38446, 30, 39.94274, 10], abs=1e-4)
    assert np.sum(awards[:5] * COSTS) == pytest.approx(17_479.8969, abs=1e-3)


@pytest.mark.parametrize("plant", PLANTS)
def test_no_offer_on_a_grid_earns_more(plant):
    """Of 61 prices tried by clearing again none beats the MPEC, and its own offer, a hair lower, earns what it says.

    Brighton gains most: at 30 instead of 10 it sells 466.505 of 600 at the price of Solitude.
    """
    book, network = five_bus_book(), five_bus()
    own = np.array([PLANTS.index(plant)])
    found = best_offers(book, network, plant, cap=60.0)
    tried = [profit_at(book, network, own, offer) for offer in np.linspace(book.price[own][0], 60.0, 61)]
    assert max(tried) <= found.profit + 1e-6
    assert found.profit >= 0
    if found.sold[0] > 0:
        below = profit_at(book, network, own, found.offer - 1e-6)
        assert below == pytest.approx(found.profit, rel=1e-5)


def test_brighton_and_solitude_alone():
    """Brighton asks 30, sells 466.50515 and earns 20 on each; Solitude asks the cap where the others cannot reach."""
    found = best_offers(five_bus_book(), five_bus(), "brighton", cap=60.0)
    assert found.profit == pytest.approx(20 * 466.50515, abs=1e-3)
    assert found.price == pytest.approx([30] * 5, abs=1e-6)
    assert found.offer == pytest.approx([30])
    pivotal = best_offers(five_bus_book(), five_bus(), "solitude", cap=60.0)
    assert pivotal.offer == pytest.approx([60])
    assert pivotal.price[2] == pytest.approx(60)


def test_an_owner_of_two_plants():
    """Sundance and Brighton together earn at least what each earns alone, and no pair of offers on a grid beats it."""
    book = five_bus_book()
    both = OrderBook(
        np.where(book.side == 1, "buy", "sell"),
        book.price,
        book.quantity,
        book.area,
        np.where(np.isin(book.agent, ["sundance", "brighton"]), "owner", book.agent),
    )
    found = best_offers(both, five_bus(), "owner", cap=60.0)
    assert found.profit >= best_offers(book, five_bus(), "brighton", cap=60.0).profit - 1e-6
    grid = np.linspace(10, 60, 11)
    own = np.array([3, 4])
    tried = max(profit_at(both, five_bus(), own, [a, b]) for a in grid for b in grid)
    assert tried <= found.profit + 1e-6
    assert found.accepted[:5].sum() == pytest.approx(1000)


@pytest.mark.parametrize("seed", range(6))
def test_random_triangles(seed):
    """On random three-area grids with demand steps no offer of a fine grid beats the MPEC."""
    world = np.random.default_rng(seed)
    limits = world.choice([5.0, 20.0, np.inf], 3)
    network = Network(
        "dc", [0, 1, 2], [(0, 1), (1, 2), (0, 2)], limit_kw=limits, x=world.uniform(0.1, 0.5, 3), base_kva=10.0
    )
    book = OrderBook(
        ["sell"] * 4 + ["buy"] * 4,
        np.round(np.concatenate([world.uniform(0.1, 0.6, 4), world.uniform(0.3, 1.0, 4)]), 3),
        np.round(world.uniform(5, 30, 8), 2),
        area=[0, 0, 1, 2, 0, 1, 2, 2],
        agent=[1, 0, 0, 0, 0, 0, 0, 0],
    )
    found = best_offers(book, network, 1, cap=1.0)
    own = np.array([0])
    tried = [profit_at(book, network, own, offer) for offer in np.linspace(book.price[0], 1.0, 40)]
    assert max(tried) <= found.profit + 1e-6
    if found.sold[0] > 1e-6:
        assert profit_at(book, network, own, found.offer - 1e-5) == pytest.approx(found.profit, rel=1e-3, abs=1e-3)


def test_hours_make_energy_of_power():
    """In a quarter of an hour a line carries a quarter: all quantities at a quarter give the same prices."""
    book = five_bus_book()
    quarter = OrderBook.from_arrays(book.side, book.price, book.quantity / 4, book.area, book.agent)
    whole = best_offers(book, five_bus(), "solitude", cap=60.0)
    part = best_offers(quarter, five_bus(), "solitude", cap=60.0, hours=0.25)
    assert part.price == pytest.approx(whole.price, abs=1e-6)
    assert part.profit == pytest.approx(whole.profit / 4, abs=1e-6)


def test_what_is_refused():
    """Books without areas, agents without orders or with bids, low caps, other networks and low bounds are refused."""
    book = five_bus_book()
    bare = OrderBook(["sell"], [1.0], [1.0])
    with pytest.raises(ValueError, match="the book needs the columns area and agent"):
        best_offers(bare, five_bus(), "alta", cap=60.0)
    with pytest.raises(ValueError, match="agent 'alto' must have orders"):
        best_offers(book, five_bus(), "alto", cap=60.0)
    with pytest.raises(ValueError, match="agent 'load' must have orders, and all of them must sell"):
        best_offers(book, five_bus(), "load", cap=60.0)
    with pytest.raises(ValueError, match=r"cap 12\.0 lies below the agent's cost 14"):
        best_offers(book, five_bus(), "alta", cap=12.0)
    transport = Network("transport", ["A", "B", "C", "D", "E"], LINES, limit_kw=100.0)
    with pytest.raises(ValueError, match="network of kind 'transport'; allowed 'dc'"):
        best_offers(book, transport, "alta", cap=60.0)
    with pytest.raises(RuntimeError, match=r"a shadow price reached its bound of 74 .* raise most_dual"):
        best_offers(book, five_bus(), "alta", cap=60.0, most_dual=74)
