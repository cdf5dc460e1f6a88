"""Auctions over many periods and areas with block, linked, exclusive and flexible orders."""

from gridagora.markets.blocks.book import Block, BlockBook, Line
from gridagora.markets.blocks.clear import clear_blocks
from gridagora.markets.blocks.result import BlockClearing

__all__ = ["Block", "BlockBook", "BlockClearing", "Line", "clear_blocks"]
