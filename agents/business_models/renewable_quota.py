"""A renewable quota: suppliers buy green certificates for a share of what they sell, or pay (model.md A8, C10; O67).

A certificate stands for 1,000 kWh of metered generation of who owns systems under contracts. Once a year certificates
are sold in an auction at one price: suppliers bid the penalty that a missing one costs, owners ask what they expected.
What is not sold can be sold in later years.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gridagora.agents.business_models.frame import Floats, Ints
from gridagora.markets.certificates import CertificateRegistry, auction_units, comply, mint, required_certificates
from gridagora.markets.orders import BUY

KWH_PER_CERTIFICATE = 1000.0


class QuotaYear(NamedTuple):
    """What comes of a year.

    Attributes
    ----------
    price : float
        Of a certificate; nan where none is sold [currency/certificate].
    issued : ndarray of int64, shape (owners,)
        Certificates for the generation of the year.
    required, missing : ndarray of int64, shape (suppliers,)
        Certificates owed, and those of them that lack.
    traded : ndarray of int64, shape (suppliers, owners)
        Who has bought how many from whom.
    penalty : ndarray of float64, shape (suppliers,)
        Due for those that lack [currency].
    """

    price: float
    issued: Ints
    required: Ints
    missing: Ints
    traded: Ints
    penalty: Floats


class QuotaMarket:
    """Certificates of a run: each is issued once, sold at most once, and used up.

    Parameters
    ----------
    owners, suppliers : int
        How many there are of each.
    quota : float
        Share of what suppliers sell that certificates have to cover [1].
    penalty_per_kwh : float
        What a supplier pays where they do not [currency/kWh].

    Attributes
    ----------
    registry : CertificateRegistry
        Owners come first, suppliers behind them.
    """

    def __init__(self, owners: int, suppliers: int, quota: float, penalty_per_kwh: float) -> None:
        self.owners, self.suppliers = owners, suppliers
        self.quota, self.penalty = quota, penalty_per_kwh * KWH_PER_CERTIFICATE
        self.registry = CertificateRegistry()
        self.carried = np.zeros(owners, np.int64)

    def settle(self, generated: Ints, asked: Floats, sold_kwh: Floats, year: int) -> QuotaYear:
        """Issue, sell and use up the certificates of a year.

        Parameters
        ----------
        generated : ndarray of int64, shape (owners,)
            At the meters of the year [1e-6 kWh].
        asked : ndarray of float64, shape (owners,)
            Least price [currency/certificate].
        sold_kwh : ndarray of float64, shape (suppliers,)
            Retail energy of the year [kWh].
        year : int
            Its number.

        Returns
        -------
        QuotaYear
        """
        issued, self.carried = mint(generated, self.carried)
        self.registry.issue(issued)
        required = required_certificates(sold_kwh, self.quota)
        supply = self.registry.held(self.owners)
        sides = np.repeat([BUY, -BUY], [self.suppliers, self.owners])
        limits = np.concatenate([np.full(self.suppliers, self.penalty), asked])
        found = auction_units(sides, limits, np.concatenate([required, supply]), self.penalty)
        bought, given = found.accepted[: self.suppliers], found.accepted[self.suppliers :]
        traded = _pairs(bought, given)
        for supplier, owner in np.argwhere(traded).tolist():
            self.registry.transfer(owner, self.owners + supplier, int(traded[supplier, owner]))
        owed = np.concatenate([np.zeros(self.owners, np.int64), required])
        done = comply(self.registry, owed, year, self.penalty)
        return QuotaYear(
            found.price, issued, required, done.missing[self.owners :], traded, done.penalty[self.owners :]
        )


def _pairs(bought: Ints, sold: Ints) -> Ints:
    """Return who buys how many from whom, in their order, shape (buyers, sellers)."""
    ends, starts = np.cumsum(bought), np.cumsum(bought) - bought
    upto, since = np.cumsum(sold), np.cumsum(sold) - sold
    overlap = np.minimum(ends[:, None], upto) - np.maximum(starts[:, None], since)
    return np.asarray(np.maximum(overlap, 0))
