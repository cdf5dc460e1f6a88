"""The day's plans of members with an energy-management system, and who of a population follows one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridagora.sim.compiled import kernel


class Flows(NamedTuple):
    """The day's plans among the first `members` rows of a population.

    Parameters
    ----------
    members : int
        Rows up to the last that follows a plan.
    slot : ndarray of int64, shape (members,)
        Row of the tables below that a member follows; -1 for none.
    battery, vehicle, heat_pump : ndarray of int64, shape (plans, periods) or (0, 0)
        Energy drawn at the connection, negative where given back [1e-6 kWh]; empty where nobody has the device.
    spill : bool
        Whether feeding in costs money, so that they rather do not use their generation.
    """

    members: int
    slot: NDArray[np.int64]
    battery: NDArray[np.int64]
    vehicle: NDArray[np.int64]
    heat_pump: NDArray[np.int64]
    spill: bool


_NONE = np.zeros((0, 0), np.int64)
#: Where nobody follows a plan.
NO_FLOWS = Flows(0, np.zeros(0, np.int64), _NONE, _NONE, _NONE, False)


@kernel(inline=True)
def managed_part(flows: Flows, first: int, size: int) -> int:
    """Return how many of `size` members from row `first` on may follow a plan."""
    return min(max(flows.members - first, 0), size)


@kernel(inline=True)
def follows(flows: Flows, i: int) -> bool:
    """Return whether row `i` follows a plan."""
    return i < flows.members and flows.slot[i] >= 0


@kernel(inline=True)
def without_plan(capacity: NDArray[np.float32], first: int, flows: Flows) -> NDArray[np.float32]:
    """Return the capacities of some members' devices from row `first` on, 0 where one follows a plan."""
    head = managed_part(flows, first, capacity.size)
    if head == 0:
        return capacity
    left = capacity.copy()
    for j in range(head):
        if flows.slot[first + j] >= 0:
            left[j] = 0
    return left
