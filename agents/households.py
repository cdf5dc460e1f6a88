"""Households (model.md A1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gridagora.agents.population import Population
from gridagora.sim.streams import Streams

if TYPE_CHECKING:
    import pandas as pd


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

    def appliance_load(self, member: int, day: int) -> pd.DataFrame:
        """Return what each appliance of a member is expected to take on a day, before noise and answer to prices.

        Parameters
        ----------
        member : int
            Number of the member.
        day : int
            Number of the day in the run.

        Returns
        -------
        pandas.DataFrame
            One column an appliance, one row a settlement period [kWh].

        Raises
        ------
        ValueError
            If the profiles are not `bottom_up`, so that nobody knows.
        """
        import pandas as pd  # a second that a run without labels needs not

        from gridagora.agents.appliance_profiles import labels_of
        from gridagora.agents.appliances import LABELS

        labels = labels_of(self, member, self.model.calendar.day(day))  # type: ignore[attr-defined]
        row = self.rows[member]
        households = self.tables.profiles.households  # type: ignore[attr-defined]
        year = households.labels(int(self.members.profile[row])).sum(dtype=np.int64)
        return pd.DataFrame(labels * (float(self.members.annual_kwh[row]) / year), columns=list(LABELS))
