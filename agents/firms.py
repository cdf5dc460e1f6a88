"""Firms and farms (model.md A2): load by sector."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.population import Population
from gridagora.sim.streams import Streams


class Firms(Population):
    """Firms: yearly consumption log-uniform between two bounds, base profile by sector."""

    @staticmethod
    def draw(
        terms: Any, name: str, names: tuple[str, ...], streams: Streams
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Draw yearly consumption and base profile of each firm.

        Parameters
        ----------
        terms : section of the scenario
            With ``count``, ``annual_kwh_min``, ``annual_kwh_max`` and ``sectors``.
        name : str
            Key of the random streams.
        names : tuple of str
            Names of the base profiles.
        streams : Streams
            Random streams of the run.

        Returns
        -------
        annual_kwh : ndarray of float32, shape (count,)
            [kWh]
        profile : ndarray of uint8, shape (count,)
        """
        low, high = terms.annual_kwh_min, terms.annual_kwh_max
        annual = low * (high / low) ** streams.uniforms("annual", name, terms.count)
        sectors = terms.sectors or dict.fromkeys(names, 1.0)
        edges = np.cumsum(list(sectors.values()))
        chosen = np.searchsorted(edges, streams.uniforms("profile", name, terms.count) * edges[-1])
        profile = np.array([names.index(sector) for sector in sectors], np.uint8)[chosen]
        return annual.astype(np.float32), profile


class Farms(Firms):
    """Farms: as firms, on agricultural profiles."""
