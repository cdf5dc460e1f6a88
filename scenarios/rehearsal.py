"""A small run when it is imported, so that processes copied from this one have loaded kernels and data.

A sweep's workers on Linux are such copies, see :class:`gridagora.scenarios.sweep_pool.LocalPool`.
"""

from __future__ import annotations

from contextlib import suppress

from gridagora.scenarios.load import load
from gridagora.scenarios.run import key_figures

#: A day of hours with what most runs have; no solver, whose threads a copy would not have.
_TOWN = {
    "households.count": 10,
    "firms.count": 2,
    "farms.count": 2,
    "time.days": 1,
    "time.period_minutes": 60,
    "market.method": "exact",
}

with suppress(Exception):  # what is wrong, the first point says
    key_figures(load("quickstart", _TOWN))
