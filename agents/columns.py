"""The columns of a population: one array a quantity, one entry a member.

Kernels take these tuples as they are; a population owns them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Booked energy is counted in quanta of 1e-6 kWh.
QUANTA_PER_KWH = 1e6

#: Members whose columns stay in the first-level cache while a kernel visits them several times.
CHUNK = 1024

#: Members without consent, truthful members and zero-intelligence members with a budget (model.md A4).
NO_CONSENT, TRUTHFUL, ZI_CONSTRAINED = 0, 1, 2
#: Strategies that learn, by code; their members' orders stand one by one.
LEARNING = {3: "zip", 4: "gjerstad_dickhaut", 5: "roth_erev", 6: "q_learning"}
#: Strategies of those who take part, in the order of their codes, from 1.
STRATEGY_NAMES = ("truthful", "zi_constrained", *LEARNING.values())

#: Segments of members under one offer: without enabling technology, and with it.
SEGMENTS = 2

#: Rows of the money columns: for awards bought, for awards sold, for energy undelivered, for energy overbought.
PAID, EARNED, SHORT, LONG = 0, 1, 2, 3

#: Rows of the energy columns behind those of retail energy by price class.
FED_IN, BOUGHT, SOLD, OVERBOUGHT, UNDELIVERED = 0, 1, 2, 3, 4
ENERGY_ROWS = 5

#: Columns of the totals that :func:`gridagora.agents.delivery.deliver` returns.
LOAD, PV, CHARGE, DISCHARGE, WITHDRAWAL, INJECTION = 0, 1, 2, 3, 4, 5
#: Of cars: drawn at home (part of the load), driven, charged in public, held at the end of the period; and of heat
#: pumps and air conditioners: drawn (part of the load).
VEHICLE, DRIVEN, PUBLIC, HELD, HEAT_PUMP = 6, 7, 8, 9, 10
DELIVER_TOTALS = 11

#: Columns of the totals that :func:`gridagora.agents.delivery.settle` returns.
(
    T_WITHDRAWAL,
    T_INJECTION,
    T_RETAIL,
    T_USED,
    T_FED_IN,
    T_BOUGHT,
    T_SOLD,
    T_DELIVERED,
    T_SHED,
    T_CURTAILED,
    T_BUYERS,
    T_SELLERS,
) = range(12)
SETTLE_TOTALS = 12

#: Columns of the totals that plan and quote return, besides the ticks.
P_WITHDRAWAL, P_INJECTION, P_BUYERS, P_SELLERS, P_BID, P_OFFER, P_WITHDRAWN = range(7)
PLAN_TOTALS = 7


class Members(NamedTuple):
    """What a member is; rows are ordered by what members own, so that loops branch the same way for long.

    Parameters
    ----------
    number : ndarray of uint32, shape (n,)
        Number of the member: key of its random draws and of its view.
    annual_kwh : ndarray of float32, shape (n,)
        Expected consumption in the year of the profiles [kWh].
    profile, shift : ndarray of uint8, shape (n,)
        Base profile, and displacement in time as an index.
    pv_annual_kwh : ndarray of float32, shape (n,)
        Expected generation in the year of the profiles [kWh]; 0 without PV.
    pv_profile : ndarray of uint8, shape (n,)
        Base profile of the generation.
    battery_kwh, battery_flow : ndarray of float32, shape (n,)
        Usable capacity [kWh] and most energy a period [kWh], at the connection; 0 without battery.
    strategy : ndarray of uint8, shape (n,)
        Bidding strategy; 0 where the member does not take part.
    offer : ndarray of uint8, shape (n,)
        Offer under which the member is supplied.
    group : ndarray of uint8, shape (n,)
        Offer and segment, ``offer * SEGMENTS + segment``: whose answer to prices the member's load has.
    """

    number: NDArray[np.uint32]
    annual_kwh: NDArray[np.float32]
    profile: NDArray[np.uint8]
    shift: NDArray[np.uint8]
    pv_annual_kwh: NDArray[np.float32]
    pv_profile: NDArray[np.uint8]
    battery_kwh: NDArray[np.float32]
    battery_flow: NDArray[np.float32]
    strategy: NDArray[np.uint8]
    offer: NDArray[np.uint8]
    group: NDArray[np.uint8]


class Today(NamedTuple):
    """What a member draws each day.

    Parameters
    ----------
    load_code : ndarray of uint16 or uint32, shape (n,)
        Row of the day's table of expected loads: group, base profile, day it is taken from, displacement.
    load_row, pv_row, quote_row : ndarray of uint16, shape (n,)
        Columns of the shared noise tables.
    """

    load_code: NDArray[Any]
    load_row: NDArray[np.uint16]
    pv_row: NDArray[np.uint16]
    quote_row: NDArray[np.uint16]


class State(NamedTuple):
    """What changes within the day.

    Parameters
    ----------
    stored, stored_plan : ndarray of float32, shape (n,)
        Metered and planned state of charge [kWh].
    planned : ndarray of int32 or int64, shape (n,)
        Planned withdrawal (positive) or injection (negative) of the period [1e-6 kWh]; after settlement the award.
    net : ndarray of int32 or int64, shape (n,)
        Metered withdrawal (positive) or injection (negative) of the period [1e-6 kWh].
    """

    stored: NDArray[np.float32]
    stored_plan: NDArray[np.float32]
    planned: NDArray[Any]
    net: NDArray[Any]


class Accounts(NamedTuple):
    """What a bill needs, since the last bill.

    Parameters
    ----------
    energy : ndarray of int64, shape (n_classes + 5 + n_registers, n)
        Retail energy by class of the member's own tariff, fed-in, bought, sold, overbought and undelivered energy
        [1e-6 kWh], registers that some tariff needs [1e-6 kWh or 1e-6 kW].
    money : ndarray of float64, shape (4 or 5, n)
        For awards bought and sold, energy undelivered and overbought, at real-time prices [1e-6 currency].
    """

    energy: NDArray[np.int64]
    money: NDArray[np.float64]
