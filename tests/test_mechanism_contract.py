from random import Random
from typing import ClassVar

import numpy as np
import pytest

from gridagora.markets import MECHANISMS
from gridagora.markets.clearing import Mechanism
from gridagora.markets.mechanisms.blocks import Blocks
from gridagora.markets.mechanisms.continuous import ContinuousAuction
from gridagora.markets.mechanisms.mcafee import McAfee
from gridagora.markets.mechanisms.muda import Muda
from gridagora.markets.mechanisms.pay_as_bid import PayAsBid
from gridagora.markets.mechanisms.trade_reduction import TradeReduction
from gridagora.markets.mechanisms.uniform_price import UniformPrice
from gridagora.markets.mechanisms.vcg import Vcg
from gridagora.markets.mechanisms.vickrey_reverse import VickreyReverse
from gridagora.markets.orders import Clearing
from gridagora.scenarios.mechanism_contract import MechanismContract, book_of


class TestUniformPrice(MechanismContract):
    mechanism = UniformPrice()


class TestUniformPriceOfBuyers(MechanismContract):
    mechanism = UniformPrice(k=1.0)


class TestPayAsBid(MechanismContract):
    mechanism = PayAsBid()


class TestMidpointPairs(MechanismContract):
    mechanism = PayAsBid(pairs="midpoint")


class TestVcg(MechanismContract):
    mechanism = Vcg()


class TestVickreyReverse(MechanismContract):
    mechanism = VickreyReverse()


class TestMcAfee(MechanismContract):
    mechanism = McAfee()


class TestTradeReduction(MechanismContract):
    mechanism = TradeReduction()


class TestContinuous(MechanismContract):
    mechanism = ContinuousAuction()


class TestBlocks(MechanismContract):
    mechanism = Blocks()


class TestMuda(MechanismContract):
    mechanism = Muda(seed=3)


class TestMudaWithFees(MechanismContract):
    mechanism = Muda(seed=4, excess="vickrey", half_price="marginal_pair")


class Greedy(PayAsBid):
    """Keeps the spread, and says it does not."""

    budget: ClassVar[str] = "strong"


class Boastful(UniformPrice):
    """Says that nobody can gain by another price."""

    strategy_proof: ClassVar[str] = "yes"


class Wasteful(TradeReduction):
    """Says that nothing is lost."""

    efficient: ClassVar[bool] = True


class Modest(UniformPrice):
    """Says less than it could."""

    budget: ClassVar[str] = "deficit"


class FirstCome(Muda):
    """Says that places do not matter."""

    order_invariant: ClassVar[bool] = True


class Generous(Vcg):
    """Asks buyers for more than they bid."""

    def clear(self, book):
        """Double all unit prices, and twice that of sellers."""
        found = super().clear(book)
        price = np.where(book.is_buy, 1.0, 2.0) * np.nan_to_num(found.unit_price) * 2
        return Clearing.of(
            book, found.accepted, price, price=np.nan, price_interval=found.price_interval, method="exact"
        )


BUYERS_SHORT = book_of([(1, 4.0, 2.0), (1, 3.0, 1.0), (-1, 1.0, 1.0), (-1, 2.0, 4.0)])
EIGHT = book_of([(1, 0.9 - n / 100, 1.0) for n in range(4)] + [(-1, n / 100, 1.0) for n in range(4)])


@pytest.mark.parametrize(
    ("mechanism", "test", "given"),
    [
        (Greedy(), "test_budget", [BUYERS_SHORT]),
        (Wasteful(), "test_welfare_against_the_optimum", [BUYERS_SHORT]),
        (Generous(), "test_nobody_trades_at_a_loss", [BUYERS_SHORT]),
        (FirstCome(seed=1), "test_the_places_of_the_orders", [EIGHT, Random(0)]),
        (Boastful(), "test_the_true_limit_is_the_best_report_of_equals", None),
        (Modest(), "test_what_is_not_declared_does_not_hold", None),
    ],
)
def test_the_contract_finds_a_broken_promise(mechanism: Mechanism, test: str, given: list | None):
    """Each kind of promise that a class does not keep fails its test, and a promise not made must be broken."""
    suite = type("Suite", (MechanismContract,), {"mechanism": mechanism})()
    law = getattr(suite, test)
    with pytest.raises(AssertionError):
        law() if given is None else law.hypothesis.inner_test(suite, *given)


def test_every_mechanism_is_under_contract():
    """No mechanism of the package is left out."""
    under = {type(suite.mechanism) for suite in MechanismContract.__subclasses__() if suite.__name__ != "Suite"}
    ours = {kind for kind in MECHANISMS.values() if kind.__module__.startswith("gridagora.")}
    assert ours <= under
