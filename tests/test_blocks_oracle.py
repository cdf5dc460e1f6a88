"""Random small books against an enumeration of every choice of blocks, written apart from the package."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from gridagora.markets.blocks import Block, BlockBook, Line, clear_blocks
from gridagora.markets.blocks.layout import lay_out
from gridagora.markets.blocks.program import BlockProgram
from gridagora.markets.orders import OrderBook


def choices(book):
    """Return every choice of blocks that links and groups allow, as dicts from block to its periods."""
    options = [[None, *([p] for p in b.periods)] if b.flexible else [None, list(b.periods)] for b in book.blocks]
    for picked in product(*options):
        taken = {b.name: periods for b, periods in zip(book.blocks, picked, strict=True) if periods is not None}
        by_name = {b.name: b for b in book.blocks}
        groups = [by_name[name].group for name in taken if by_name[name].group is not None]
        if len(set(groups)) == len(groups) and all(by_name[n].parent in (None, *taken) for n in taken):
            yield taken


def columns_of(book, taken):
    """Return all columns of the linear programme for a choice: node entries, cost, lower and upper bound, owner."""
    areas, found = list(book.areas), []
    for i in range(len(book.orders)):
        sign = -float(book.orders.side[i])
        area = None if book.orders.area is None else book.orders.area[i].item()
        node = int(book.period[i]) * len(areas) + areas.index(area)
        found.append(({node: sign}, sign * book.orders.price[i], 0.0, book.orders.quantity[i], None))
    for line in book.lines:
        for period in range(book.periods):
            start, end = (period * len(areas) + areas.index(area) for area in (line.start, line.end))
            found.append(({start: -1.0, end: 1.0}, 0.0, -line.reverse_kwh, line.capacity_kwh, None))
    for block in book.blocks:
        if block.name in taken:
            sign = 1.0 if block.side == "sell" else -1.0
            energy = dict(zip(block.periods, block.quantity_kwh, strict=True))
            entries = {p * len(areas) + areas.index(block.area): sign * energy[p] for p in taken[block.name]}
            found.append((entries, block.price * sum(entries.values()), block.minimum_acceptance, 1.0, block.name))
    return found


def welfare_of(book, columns):
    """Return the best welfare of a choice, or None if its blocks cannot all be met."""
    balance = np.zeros((book.periods * len(book.areas), len(columns)))
    for j, (entries, *_) in enumerate(columns):
        for node, energy in entries.items():
            balance[node, j] = energy
    if not columns:
        return 0.0
    bounds = [(low, high) for _, _, low, high, _ in columns]
    cost = [column[1] for column in columns]
    found = linprog(cost, A_eq=balance, b_eq=np.zeros(len(balance)), bounds=bounds)
    return -found.fun if found.status == 0 else None


def supported(book, columns, welfare):
    """Return whether prices exist at which these awards are best for all and no family of blocks loses."""
    nodes, count = book.periods * len(book.areas), len(columns)
    # Variables: price of each node, then each column's gains at its upper and at its lower bound.
    matrix, right = np.zeros((count, nodes + 2 * count)), np.zeros(count)
    weight = np.zeros(nodes + 2 * count)
    parents = {block.name: block.parent for block in book.blocks}
    kept = {}
    for j, (entries, cost, low, high, owner) in enumerate(columns):
        for node, energy in entries.items():
            matrix[j, node] = energy
        matrix[j, nodes + j], matrix[j, nodes + count + j], right[j] = -1.0, 1.0, cost
        weight[nodes + j], weight[nodes + count + j] = high, -low
        above = owner
        while above is not None:
            kept.setdefault(above, []).append(j)
            above = parents[above]
    family = np.zeros((len(kept), nodes + 2 * count))
    for row, members in enumerate(kept.values()):
        for j in members:
            family[row, nodes + j], family[row, nodes + count + j] = -weight[nodes + j], -weight[nodes + count + j]
    bounds = [(None, None)] * nodes + [(0, None)] * (2 * count)
    least = linprog(weight, A_ub=family, b_ub=np.zeros(len(family)), A_eq=matrix, b_eq=right, bounds=bounds)
    return least.status == 0 and least.fun <= welfare + 1e-6


def oracle(book):
    """Return the best welfare, and the best that prices without losses support."""
    best, best_supported = -np.inf, -np.inf
    for taken in choices(book):
        columns = columns_of(book, taken)
        welfare = welfare_of(book, columns)
        if welfare is None:
            continue
        best = max(best, welfare)
        if welfare > best_supported and supported(book, columns, welfare):
            best_supported = welfare
    return best, best_supported


def random_book(rng):
    """Return a book of up to three periods, two areas and five blocks of all kinds, with some ties of price."""
    periods, areas = int(rng.integers(1, 4)), ["a", "b"][: int(rng.integers(1, 3))]
    count = int(rng.integers(2, 12))
    orders = OrderBook(
        rng.choice(["buy", "sell"], count),
        rng.choice([rng.integers(0, 10, count) / 10.0, rng.uniform(0, 1, count)]),
        rng.integers(1, 10, count) * 1.0,
        area=rng.choice(areas, count),
    )
    blocks = []
    for i in range(int(rng.integers(0, 6))):
        own = rng.choice(periods, int(rng.integers(1, periods + 1)), replace=False)
        plain = [b for b in blocks if b.group is None]
        blocks.append(
            Block(
                f"block {i}",
                str(rng.choice(["buy", "sell"])),
                float(rng.integers(0, 10) / 10),
                own.tolist(),
                rng.integers(1, 9, len(own)).astype(float).tolist(),
                minimum_acceptance=float(rng.choice([1.0, 1.0, 0.4])),
                parent=str(rng.choice([b.name for b in plain])) if plain and rng.random() < 0.4 else None,
                group="either" if rng.random() < 0.25 else None,
                flexible=bool(rng.random() < 0.2),
                area=str(rng.choice(areas)),
            )
        )
    lines = [Line("a", "b", float(rng.integers(0, 6)), float(rng.integers(0, 6)))] if len(areas) == 2 else []
    return BlockBook(periods, orders, rng.integers(0, periods, count), blocks, lines)


def check_awards(book, found):
    """Balance, shares, links, groups, line limits, and books of money that close."""
    number = {area: i for i, area in enumerate(book.areas)}
    net = np.zeros((book.periods, len(number)))
    for i in range(len(book.orders)):
        assert 0 <= found.accepted[i] <= book.orders.quantity[i]
        net[book.period[i], number[book.orders.area[i].item()]] -= book.orders.side[i] * found.accepted[i]
    share = dict(zip((block.name for block in book.blocks), found.share.tolist(), strict=True))
    for i, block in enumerate(book.blocks):
        net[:, number[block.area]] += (1 if block.side == "sell" else -1) * found.block_kwh[i]
        assert share[block.name] == 0 or block.minimum_acceptance <= share[block.name] <= 1
        assert (share[block.name] > 0) <= (block.parent is None or share[block.parent] > 0)
        assert (found.block_kwh[i] > 0).sum() in ((0, 1) if block.flexible else (0, len(block.periods)))
        full = dict(zip(block.periods, block.quantity_kwh, strict=True))
        for period in np.flatnonzero(found.block_kwh[i]).tolist():
            assert found.block_kwh[i, period] == pytest.approx(share[block.name] * full[period])
    taken = [block.group for block in book.blocks if block.group and share[block.name] > 0]
    assert len(set(taken)) == len(taken)
    for line, flow in zip(book.lines, found.flow.T, strict=True):
        assert ((-line.reverse_kwh <= flow) & (flow <= line.capacity_kwh)).all()
        net[:, number[line.start]] -= flow
        net[:, number[line.end]] += flow
    np.testing.assert_allclose(net, 0, atol=1e-9)
    assert found.uplift.sum() + found.block_uplift.sum() == pytest.approx(0, abs=1e-9)
    assert found.payment.sum() + found.block_payment.sum() == pytest.approx(found.operator_surplus, abs=1e-8)
    surplus = found.buyer_surplus + found.seller_surplus + found.operator_surplus
    assert surplus == pytest.approx(found.welfare, abs=1e-8)
    assert found.operator_surplus >= -1e-8
    assert found.volume == pytest.approx(
        (found.accepted[book.orders.is_buy]).sum()
        + sum(found.block_kwh[i].sum() for i, block in enumerate(book.blocks) if block.side == "buy")
    )


def check_prices(book, found):
    """No simple order trades at a loss or misses a gain, and accepted blocks gain with those that hang on them."""
    number = {area: i for i, area in enumerate(book.areas)}
    for i in range(len(book.orders)):
        price = found.price[book.period[i], number[book.orders.area[i].item()]]
        gain = float(book.orders.side[i] * (book.orders.price[i] - price))
        assert found.accepted[i] == 0 or gain >= -1e-7
        assert found.accepted[i] == book.orders.quantity[i] or np.isnan(gain) or gain <= 1e-7
    if found.pricing == "no_pab":
        assert not found.paradoxically_accepted.any()
        assert not found.block_uplift.any()
        gains = {}
        for i, block in enumerate(book.blocks):
            sign = 1 if block.side == "buy" else -1
            gains[block.name] = sign * block.price * found.block_kwh[i].sum() - found.block_payment[i]
        for block in book.blocks:
            below = [b.name for b in book.blocks if block.name in lineage(book, b)]
            assert sum(gains[name] for name in below) >= -1e-6


def lineage(book, block):
    """Return the names of a block and of all it hangs on."""
    by_name, names = {b.name: b for b in book.blocks}, [block.name]
    while by_name[names[-1]].parent is not None:
        names.append(by_name[names[-1]].parent)
    return names


def check_book(seed):
    """Hold every rule of one random book to the enumeration."""
    book = random_book(np.random.default_rng(seed))
    best, best_supported = oracle(book)
    uplift, hull = clear_blocks(book, "uplift"), clear_blocks(book, "convex_hull")
    branched, dual = clear_blocks(book, "no_pab"), clear_blocks(book, "no_pab", search="primal_dual")
    for found in (uplift, hull, branched, dual):
        check_awards(book, found)
        assert found.proven
        assert found.bound == pytest.approx(found.welfare, abs=1e-6)
    for found in (uplift, branched, dual):
        check_prices(book, found)
    assert uplift.welfare == pytest.approx(best, abs=1e-6) == hull.welfare
    assert branched.welfare == pytest.approx(best_supported, abs=1e-6)
    assert dual.welfare == pytest.approx(best_supported, abs=1e-6)
    assert branched.welfare <= uplift.welfare + 1e-9
    if not any(block.group for block in book.blocks):
        assert hull.lost_opportunity <= min(uplift.lost_opportunity, branched.lost_opportunity) + 1e-6
    if not book.blocks:
        assert max(found.lost_opportunity for found in (uplift, hull, branched, dual)) < 1e-6  # strong duality
    return uplift, branched


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**9))
def test_every_rule_against_enumeration(seed):
    """Welfare of each rule is that of the enumeration, awards and prices keep the rules, duality holds (O57)."""
    check_book(seed)


@pytest.mark.slow
def test_many_books_against_enumeration():
    """200 books, of which the rules of price part in many: losses made good, blocks ruled out, blocks that gain out."""
    made_good, ruled_out, paradoxical = 0, 0, 0
    for seed in range(200):
        uplift, branched = check_book(seed)
        made_good += bool(uplift.paradoxically_accepted.any())
        ruled_out += branched.cuts > 0
        paradoxical += bool(branched.paradoxically_rejected.any())
    assert min(made_good, ruled_out, paradoxical) >= 10


def test_a_choice_of_blocks_has_no_duals_until_it_is_fixed():
    """HiGHS has no duals after a mixed integer program; fixed and no longer Binary, the balance has its price (O71)."""
    orders = OrderBook(["buy", "sell"], [0.6, 0.4], [9.0, 9.0])
    program = BlockProgram(lay_out(BlockBook(1, orders, blocks=[Block("plant", "sell", 0.1, [0], 4.0)])), 0.0)
    chosen, _, proven = program.choose(np.inf)
    assert (chosen.tolist(), proven) == ([True], True)
    with pytest.raises(RuntimeError, match="market model 'blocks': a solution with integers has no duals"):
        program.prices()
    assert program.award(chosen).dual.tolist() == pytest.approx([0.4])
