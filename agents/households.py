"""Households (model.md A1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gridagora.agents.population import Population
from gridagora.sim.streams import Streams


class Households(Population):
    """Households: yearly consumption lognormal around the mean, or around that of their archetype (P13)."""

    @staticmethod
    def draw(
        terms: Any, name: str, names: tuple[str, ...], streams: Streams
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Draw yearly consumption and base profile of each household.

        Parameters
        ----------
        terms : section of the scenario
            With ``count``, ``annual_kwh``, ``annual_kwh_cv`` and ``archetypes``.
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
        mean: float | NDArray[np.float64] = terms.annual_kwh
        if terms.archetypes:
            kinds = list(terms.archetypes.values())
            edges = np.cumsum([kind.share for kind in kinds])
            chosen = np.searchsorted(edges, streams.uniforms("archetype", name, terms.count) * edges[-1])
            mean = np.array([kind.annual_kwh for kind in kinds])[chosen]
        spread = np.sqrt(np.log1p(terms.annual_kwh_cv**2))
        z = ndtri(streams.uniforms("annual", name, terms.count))
        annual = (mean * np.exp(spread * z - spread**2 / 2)).astype(np.float32)
        return annual, (streams.uniforms("profile", name, terms.count) * len(names)).astype(np.uint8)
