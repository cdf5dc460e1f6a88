"""Which members of a population follow a plan: owners of a system from the start, and whom a service enrols later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from gridagora.agents.columns import Members, State, Today
from gridagora.agents.managed import Eve, plan_flows
from gridagora.agents.managed_twin import RuledTwin

if TYPE_CHECKING:
    from gridagora.agents.owned_devices import OwnedDevices
    from gridagora.agents.population import Population
    from gridagora.markets.settlement import PeerTerms

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class ManagedHomes:
    """Members whose devices follow a plan; :class:`gridagora.agents.population.Population` holds the columns.

    Attributes
    ----------
    enrolled : ndarray of bool, shape (n,)
        Who follows a plan, by row; of the members that do from the start the first rows.
    under_service : ndarray of bool, shape (n,)
        Whose plan comes from a service: on days on which the rule is expected to cost no more, the rule holds, and
        what the plan saves is measured.
    twin : RuledTwin or None
        Those under a service, as if they had none.
    """

    terms: Any
    members: Members
    today: Today
    state: State
    devices: OwnedDevices
    peer: PeerTerms
    enrolled: Bools
    under_service: Bools
    twin: RuledTwin | None = None

    @property
    def managed(self) -> int:
        """Rows up to the last that follows a plan."""
        following = np.flatnonzero(self.enrolled)
        return int(following[-1]) + 1 if following.size else 0

    @property
    def optimised_saving(self) -> Floats:
        """What a service's plans have saved each member so far, by row, at its retail prices [currency], (n,)."""
        return np.zeros(self.enrolled.size) if self.twin is None else self.twin.saved

    def enrol(self, rows: NDArray[np.int64], follow: bool = True) -> None:
        """Let a service plan for some members from the next day on, or no longer.

        Parameters
        ----------
        rows : ndarray of int64, shape (m,)
            Rows of the members; who is enrolled already stays so.
        follow : bool
            Whether they follow a plan from now on.

        Raises
        ------
        ValueError
            If a row does not exist, or the member has a system of its own.
        """
        n = self.enrolled.size
        chosen = np.unique(np.asarray(rows, np.int64))
        if chosen.size and not 0 <= chosen[0] <= chosen[-1] < n:
            raise ValueError(f"rows: given {chosen[0]} to {chosen[-1]}; allowed 0 to {n - 1}")
        own = chosen[self.enrolled[chosen] & ~self.under_service[chosen]]
        if own.size:
            raise ValueError(f"row {own[0]}: its member has a system of its own; enrol only those without a plan")
        if (self.under_service[chosen] == follow).all():
            return
        self.enrolled[chosen] = self.under_service[chosen] = follow
        if self.twin is None:
            self.twin = RuledTwin(cast("Population", self))
        self.twin.keep(np.flatnonzero(self.under_service))

    def manage(self, load: Floats, pv: Floats, prices: Floats) -> None:
        """Plan the day of those who follow a plan, on forecasts and retail prices as they know them.

        Parameters
        ----------
        load : ndarray, shape (n_codes, periods)
            Forecast load by load code [kWh per annual kWh].
        pv : ndarray, shape (n_pv_profiles, periods)
            Forecast generation by profile [kWh per annual kWh].
        prices : ndarray, shape (n_offers, periods)
            Retail prices [currency/kWh].
        """
        eve = Eve(self.terms, self.members, self.today, self.state, self.devices, load, pv, prices, self.peer.feed_in)
        flows = plan_flows(np.flatnonzero(self.enrolled), self.under_service, eve)
        self.devices.columns = self.devices.columns._replace(flows=flows)
