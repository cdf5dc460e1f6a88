"""What a mechanism may declare of itself; the contract suite holds it to that."""

from __future__ import annotations

from typing import Literal

#: What the auctioneer is left with: nothing, at least nothing, or a gap that somebody must fill.
Budget = Literal["strong", "weak", "deficit"]

#: Who cannot gain by another limit price than the true one, with one order a trader: nobody can, nobody can while all
#: orders have one quantity, no seller can, or some can.
StrategyProof = Literal["yes", "equal quantities", "sellers", "no"]
