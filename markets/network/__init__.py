"""Markets on a network: areas and lines, prices by area, power flow, the check of single trades.

``clear(book, "uniform_price", network=...)`` needs :class:`Network` alone; the rest is imported from its module.
"""

from gridagora.markets.network.grid import Kind, Network

__all__ = ["Kind", "Network"]
