"""Green certificates and carbon allowances: issue, trade, retirement, and who falls short (model.md C10).

One certificate stands for 1,000 kWh of metered renewable generation (O67), one allowance for 1,000 kg of CO2. Both are
counted in whole units and never exist twice: a registry holds each by its serial number.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.merit_order import clear_merit_order
from gridagora.markets.orders import BUY, FloatArray, IntArray, OrderBook, read_only
from gridagora.markets.price_grid import apportion

#: Quanta (1e-6 kWh) of metered generation for one certificate.
QUANTA_PER_CERTIFICATE = 1000 * 10**6
KG_PER_ALLOWANCE = 1000.0


def mint(metered: IntArray, carried: IntArray) -> tuple[IntArray, IntArray]:
    """Return how many certificates each producer earns, and what is carried to the next month.

    Parameters
    ----------
    metered : ndarray of int64, shape (producers,)
        Renewable generation of the month at the meter, at least 0 [1e-6 kWh].
    carried : ndarray of int64, shape (producers,)
        Generation carried over from the month before, from 0 to below one certificate [1e-6 kWh].

    Returns
    -------
    certificates, carried : ndarray of int64, shape (producers,)
        [1 MWh each], [1e-6 kWh]

    Raises
    ------
    ValueError
        If a quantity is negative or as much as a certificate was carried over.

    Examples
    --------
    >>> mint(np.array([2_600_000_000]), np.array([500_000_000]))
    (array([3]), array([100000000]))
    """
    if np.any(metered < 0) or np.any((carried < 0) | (carried >= QUANTA_PER_CERTIFICATE)):
        raise ValueError("certificates: metered must be at least 0, carried from 0 to below 1e9 quanta of 1e-6 kWh")
    issued, rest = np.divmod(metered + carried, QUANTA_PER_CERTIFICATE)
    return issued, rest


class CertificateRegistry:
    """Who owns which certificate, and which are used up.

    Attributes
    ----------
    owner : ndarray of int64, shape (certificates,)
        Number of the owner, by serial number.
    retired_for : ndarray of int64, shape (certificates,)
        Month in which it was retired, -1 while it can be sold.
    """

    def __init__(self) -> None:
        self.owner = np.empty(0, np.int64)
        self.retired_for = np.empty(0, np.int64)

    def issue(self, counts: IntArray) -> None:
        """Add new certificates.

        Parameters
        ----------
        counts : ndarray of int64, shape (parties,)
            How many each party gets, at least 0.
        """
        new = np.repeat(np.arange(len(counts)), counts)
        self.owner = np.append(self.owner, new)
        self.retired_for = np.append(self.retired_for, np.full(len(new), -1))

    def held(self, parties: int) -> IntArray:
        """Return how many certificates each party could sell or retire, shape (parties,)."""
        return np.bincount(self.owner[self.retired_for < 0], minlength=parties)

    def retired(self, parties: int) -> IntArray:
        """Return how many certificates each party has retired, shape (parties,)."""
        return np.bincount(self.owner[self.retired_for >= 0], minlength=parties)

    def transfer(self, giver: int, taker: int, count: int) -> IntArray:
        """Move certificates, the oldest first, and return their serial numbers.

        Raises
        ------
        ValueError
            If the giver holds fewer.
        """
        serials = self._oldest(giver, count)
        self.owner[serials] = taker
        return serials

    def retire(self, party: int, count: int, month: int) -> IntArray:
        """Use certificates up, the oldest first, and return their serial numbers.

        Raises
        ------
        ValueError
            If the party holds fewer that are not retired: none counts twice.
        """
        serials = self._oldest(party, count)
        self.retired_for[serials] = month
        return serials

    def _oldest(self, party: int, count: int) -> IntArray:
        held = np.flatnonzero((self.owner == party) & (self.retired_for < 0))
        if not 0 <= count <= len(held):
            raise ValueError(f"certificates: party {party} holds {len(held)}, asked for {count}; buy or mint more")
        return held[:count]


class UnitAuction(NamedTuple):
    """Result of an auction of whole units.

    Attributes
    ----------
    price : float
        One price for all, nan where nothing was traded [currency/unit].
    accepted : ndarray of int64, shape (orders,)
        Awards; buyers' and sellers' sums are equal.
    payment : ndarray, shape (orders,)
        Positive pays, negative receives; sums to 0 [currency].
    """

    price: float
    accepted: IntArray
    payment: FloatArray


def auction_units(side: ArrayLike, price: ArrayLike, count: ArrayLike, penalty: float, k: float = 0.5) -> UnitAuction:
    """Hold a uniform-price double auction of whole certificates or allowances.

    The rules are those of :mod:`gridagora.markets.merit_order`; what the marginal orders share is rounded so that
    whole units remain, the larger remainders first. Nobody pays more than the penalty that a missing unit costs: bids
    above it count as bids at it.

    Parameters
    ----------
    side : array_like of int, shape (orders,)
        1 buys, -1 sells.
    price : array_like, shape (orders,)
        Limit prices [currency/unit].
    count : array_like of int, shape (orders,)
        Units, at least 0.
    penalty : float
        Price of not complying, at least 0; the cap of the market [currency/unit].
    k : float
        Position of the price in its interval.

    Returns
    -------
    UnitAuction

    Raises
    ------
    ValueError
        If counts are not whole, or the penalty is negative.
    """
    units = np.asarray(count)
    if units.dtype.kind not in "iu" or not penalty >= 0:
        raise ValueError(
            f"auction of units: counts of type {units.dtype}, penalty {penalty}; whole numbers, at least 0"
        )
    limit = np.asarray(price, dtype=np.float64)
    sides = np.asarray(side)
    worth = np.where(sides == BUY, np.minimum(limit, penalty), limit)
    # A seller above the penalty finds no buyer.
    book = OrderBook.from_arrays(sides, worth, units)
    cleared = clear_merit_order(book, k)
    accepted = np.zeros(len(book), np.int64)
    for code in (BUY, -BUY):
        orders = np.flatnonzero(book.side == code)
        total = np.array([round(cleared.volume)], dtype=np.int64)
        accepted[orders] = _whole(cleared.accepted[orders], units[orders].astype(np.int64), total)
    market = float(cleared.price)
    payment = book.side * accepted * (market if np.isfinite(market) else 0.0)
    return UnitAuction(market, read_only(accepted), read_only(payment))


def _whole(award: FloatArray, count: IntArray, total: IntArray) -> IntArray:
    """Return awards as whole units of a given sum; those between 0 and the count share what the others leave."""
    filled = np.isclose(award, count, rtol=0.0, atol=1e-6)
    marginal = (award > 1e-6) & ~filled
    whole = np.where(filled, count, 0)
    if marginal.any():
        whole[marginal] = apportion(total - whole.sum(), count[marginal][None, :])[0]
    return whole


class Compliance(NamedTuple):
    """How obligated parties stand at the end of a month, shape (parties,) each.

    Attributes
    ----------
    required, retired, missing : ndarray of int64
        Units owed, handed in, and lacking.
    penalty : ndarray
        What is due for the missing ones [currency].
    """

    required: IntArray
    retired: IntArray
    missing: IntArray
    penalty: FloatArray


def required_certificates(consumption_kwh: ArrayLike, share: ArrayLike, on_site_kwh: ArrayLike = 0.0) -> IntArray:
    """Return the certificates that a target share of green consumption asks for (A2.4).

    Parameters
    ----------
    consumption_kwh : array_like, shape (parties,)
        Metered consumption, own green generation included [kWh].
    share : array_like, shape (parties,)
        Target share of green energy, from 0 to 1.
    on_site_kwh : array_like, shape (parties,)
        Own green generation that is used on site and earns no certificate [kWh].

    Returns
    -------
    ndarray of int64, shape (parties,)
        Rounded up to whole units of 1,000 kWh.

    Raises
    ------
    ValueError
        If a share lies outside [0, 1].
    """
    part = np.asarray(share, dtype=np.float64)
    if np.any((part < 0) | (part > 1)):
        raise ValueError(f"share: given {part.tolist()}; a fraction from 0 to 1")
    need = part * np.asarray(consumption_kwh, dtype=np.float64) - np.asarray(on_site_kwh, dtype=np.float64)
    return np.ceil(np.round(np.maximum(need, 0.0) / 1000.0, 9)).astype(np.int64)


def comply(registry: CertificateRegistry, required: IntArray, month: int, penalty: float) -> Compliance:
    """Retire what each party owes and holds, and charge the penalty for the rest.

    Parameters
    ----------
    registry : CertificateRegistry
        Changed: certificates are retired.
    required : ndarray of int64, shape (parties,)
        Certificates owed.
    month : int
        Month of the run.
    penalty : float
        Charge for each missing certificate [currency/unit].

    Returns
    -------
    Compliance
    """
    retired: IntArray = np.minimum(required, registry.held(len(required)))
    for party in np.flatnonzero(retired).tolist():
        registry.retire(party, int(retired[party]), month)
    missing = required - retired
    return Compliance(required, retired, missing, missing.astype(np.float64) * penalty)


def bundled_price(energy_price: ArrayLike, certificate_price: float) -> FloatArray:
    """Return the price of green power sold with its certificate: energy plus environmental premium (C10).

    Parameters
    ----------
    energy_price : array_like, shape (periods,)
        [currency/kWh]
    certificate_price : float
        [currency/certificate], each of 1,000 kWh.

    Returns
    -------
    ndarray, shape (periods,)
        [currency/kWh]
    """
    return np.asarray(energy_price, dtype=np.float64) + certificate_price / 1000.0


class CarbonPosition(NamedTuple):
    """Emissions and allowances of plants or firms, shape (parties,) each.

    Attributes
    ----------
    emissions_kg : ndarray
        CO2 emitted [kg].
    allocated, surrendered : ndarray of int64
        Allowances received free of charge and owed [1,000 kg each].
    """

    emissions_kg: FloatArray
    allocated: IntArray
    surrendered: IntArray

    @property
    def surplus(self) -> IntArray:
        """Allowances that can be sold (positive) or must be bought (negative)."""
        return self.allocated - self.surrendered


def carbon_position(output_kwh: ArrayLike, intensity: ArrayLike, benchmark: ArrayLike) -> CarbonPosition:
    """Return who has allowances left under benchmark allocation, and who needs some (C10).

    Parameters
    ----------
    output_kwh : array_like, shape (parties,)
        Generation or production that the benchmark counts, at least 0 [kWh].
    intensity : array_like, shape (parties,)
        Emissions of each kWh [kg/kWh].
    benchmark : array_like, shape (parties,)
        Emissions of each kWh for which allowances are free [kg/kWh].

    Returns
    -------
    CarbonPosition
        Allocation rounded down, what must be surrendered rounded up to whole allowances.

    Raises
    ------
    ValueError
        If a quantity is negative.
    """
    output, own, free = (np.asarray(column, dtype=np.float64) for column in (output_kwh, intensity, benchmark))
    if np.any(output < 0) or np.any(own < 0) or np.any(free < 0):
        raise ValueError("carbon: output [kWh], intensity and benchmark [kg/kWh] must be at least 0")
    emitted = output * own
    # Rounded before the ceiling, so that float dust of an exact tonne does not cost another one.
    owed = np.ceil(np.round(emitted / KG_PER_ALLOWANCE, 9)).astype(np.int64)
    given = np.floor(np.round(output * free / KG_PER_ALLOWANCE, 9)).astype(np.int64)
    return CarbonPosition(emitted, given, owed)


def carbon_cost(intensity: ArrayLike, benchmark: ArrayLike, price: float) -> FloatArray:
    """Return what carbon adds to the marginal cost of each kWh under benchmark allocation (C10).

    Every further kWh brings further free allowances, so only the difference to the benchmark counts.

    Parameters
    ----------
    intensity, benchmark : array_like, shape (parties,)
        [kg/kWh]
    price : float
        Price of an allowance of 1,000 kg [currency].

    Returns
    -------
    ndarray, shape (parties,)
        Negative for a plant cleaner than the benchmark [currency/kWh].
    """
    gap = np.asarray(intensity, dtype=np.float64) - np.asarray(benchmark, dtype=np.float64)
    return gap * price / KG_PER_ALLOWANCE


def trade_allowances(
    position: CarbonPosition, bid: ArrayLike, ask: ArrayLike, penalty: float
) -> tuple[UnitAuction, NDArray[np.int64]]:
    """Let parties that are short buy from those that are long, at one price.

    Parameters
    ----------
    position : CarbonPosition
        Who is long and short.
    bid, ask : array_like, shape (parties,)
        What each would pay and take for an allowance [currency].
    penalty : float
        Charge for a missing allowance [currency].

    Returns
    -------
    auction : UnitAuction
        One order a party.
    missing : ndarray of int64, shape (parties,)
        Allowances still lacking after the auction.
    """
    short = position.surplus < 0
    limit = np.where(short, np.asarray(bid, dtype=np.float64), np.asarray(ask, dtype=np.float64))
    found = auction_units(np.where(short, BUY, -BUY), limit, np.abs(position.surplus), penalty)
    return found, np.where(short, -position.surplus - found.accepted, 0)
