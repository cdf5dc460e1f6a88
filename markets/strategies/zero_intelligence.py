"""Strategies that learn nothing: truthful and zero-intelligence (model.md A4).

References
----------
.. [GodeSunder1993] D. K. Gode, S. Sunder, "Allocative efficiency of markets with zero-intelligence traders",
   J. Political Economy 101(1), 119-137, 1993. doi:10.1086/261868
"""

from __future__ import annotations

from gridagora.markets.orders import FloatArray
from gridagora.markets.strategies.draws import Draws
from gridagora.markets.strategies.strategy import Context, Feedback, Memory
from gridagora.sim.plugin import Frozen


class Learningless(Frozen):
    """What strategies without memory share."""

    def remember(self, members: int, draws: Draws) -> Memory:
        """Return no columns."""
        return {}

    def learn(self, feedback: Feedback) -> None:
        """Learn nothing."""


class Truthful(Learningless):
    """Quotes the limit price: value or marginal cost."""

    def quote(self, context: Context) -> tuple[FloatArray, FloatArray]:
        """Return the limits, brought within the market's bounds."""
        return context.offer(context.limit)


class ZeroIntelligenceUnconstrained(Learningless):
    """Quotes any price of the market with equal chance, at a loss too [GodeSunder1993]_."""

    def quote(self, context: Context) -> tuple[FloatArray, FloatArray]:
        """Return prices uniform on [floor, cap]."""
        draw = context.draws.uniforms("zero intelligence", context.member, context.number)[0]
        return context.floor + draw * (context.cap - context.floor), context.quantity


class ZeroIntelligenceConstrained(Learningless):
    """Quotes any price that does not lose money with equal chance [GodeSunder1993]_.

    A buyer draws from [floor, limit], a seller from [limit, cap].
    """

    def quote(self, context: Context) -> tuple[FloatArray, FloatArray]:
        """Return prices uniform between limit and bound."""
        draw = context.draws.uniforms("zero intelligence", context.member, context.number)[0]
        low, high = context.room()
        return context.offer(low + draw * (high - low))
