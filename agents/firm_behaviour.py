"""Firms by sector, what green power they want, and whether they pay (model.md P13, A2.4, A2.5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from gridagora.markets.certificates import required_certificates
from gridagora.markets.strategies.draws import Draws
from gridagora.sim.bounds import within

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FirmArchetype:
    """A typical firm of a sector; illustrations throughout (P13).

    Attributes
    ----------
    peak_kw : float
        Highest load [kW].
    load_factor : float
        Mean over highest load.
    specific_energy : float
        Energy per unit of output, nan where output is not counted.
    output_unit : str
        What that is per, such as ``"kWh/kg"``.
    flexible_share : float
        Share of the load that can be moved or done without.
    voll : float
        Value of lost load [currency/kWh].
    default_probability : float
        Of a year's credit.
    """

    peak_kw: float
    load_factor: float
    specific_energy: float
    output_unit: str
    flexible_share: float
    voll: float
    default_probability: float

    @property
    def annual_kwh(self) -> float:
        """Energy of a year of 8,760 hours [kWh]."""
        return self.peak_kw * self.load_factor * 8760.0


FIRM_ARCHETYPES = {
    "foundry": FirmArchetype(8000, 0.75, 0.45, "kWh/kg", 0.15, 15, 0.03),
    "cement": FirmArchetype(6000, 0.70, 0.09, "kWh/kg", 0.30, 8, 0.04),
    "textile": FirmArchetype(1500, 0.60, 1.2, "kWh/kg", 0.10, 25, 0.05),
    "data_centre": FirmArchetype(3000, 0.85, float("nan"), "", 0.10, 80, 0.01),
    "commercial_building": FirmArchetype(800, 0.45, 90.0, "kWh/m2 yr", 0.20, 40, 0.02),
    "coal_mine": FirmArchetype(2500, 0.55, 25.0, "kWh/t", 0.05, 30, 0.06),
    "farm": FirmArchetype(120, 0.35, float("nan"), "", 0.25, 6, 0.07),
}


@dataclass(frozen=True, slots=True)
class HouseholdArchetype:
    """A typical household; illustrations (P13).

    Attributes
    ----------
    share : float
        Share of all households.
    annual_kwh : float
        Yearly consumption, own generation apart [kWh].
    """

    share: float
    annual_kwh: float


HOUSEHOLD_ARCHETYPES = {
    "single": HouseholdArchetype(0.18, 1300),
    "couple": HouseholdArchetype(0.24, 2000),
    "family": HouseholdArchetype(0.40, 2800),
    "elderly_alone": HouseholdArchetype(0.08, 1400),
    "ev_family": HouseholdArchetype(0.05, 4800),
    "pv_prosumer": HouseholdArchetype(0.05, 2800),
}


def green_bids(
    consumption_kwh: ArrayLike,
    target: ArrayLike,
    on_site_kwh: ArrayLike,
    member: IntArray,
    draws: Draws,
    *,
    median: float = 20.0,
    spread: float = 0.5,
) -> tuple[IntArray, FloatArray]:
    """Return the bids of firms for green certificates (A2.4, C10).

    Parameters
    ----------
    consumption_kwh : array-like, shape (n,)
        Energy used, own green generation included [kWh].
    target : array-like, shape (n,)
        Target share of green energy, 0 to 1.
    on_site_kwh : array-like, shape (n,)
        Own green generation used on site [kWh].
    member : ndarray of int64, shape (n,)
        Numbers of the firms.
    draws : Draws
        Random streams of the population.
    median, spread : float
        Median of the lognormal willingness to pay [currency/certificate], above 0, and standard deviation of its
        logarithm, at least 0; illustrations. It stays with a firm.

    Returns
    -------
    count : ndarray of int64, shape (n,)
        Certificates of 1 MWh.
    price : ndarray of float64, shape (n,)
        [currency/certificate]
    """
    count = required_certificates(consumption_kwh, target, on_site_kwh)
    normal = ndtri(draws.uniforms("green willingness", member)[0])
    return count, within("median", median, 1e-12) * np.exp(within("spread", spread, 0.0) * normal)


def emissions(
    grid_kwh: ArrayLike, grid_factor: float, covered_kwh: ArrayLike = 0.0, fuel_kg: ArrayLike = 0.0
) -> FloatArray:
    """Return a firm's emissions, of fuel and of grid energy (A2.4).

    Parameters
    ----------
    grid_kwh : array-like, shape (n,)
        Energy from the grid [kWh].
    grid_factor : float
        Mean emissions of the grid (location-based), or those left after certificates (market-based) [kg/kWh].
    covered_kwh : array-like, shape (n,)
        Energy covered by retired certificates, at most the energy of the grid; 0 in the location-based count [kWh].
    fuel_kg : array-like, shape (n,)
        Emissions of fuel burnt on site [kg].

    Returns
    -------
    ndarray of float64, shape (n,)
        [kg]
    """
    grid, covered = within("grid_kwh", grid_kwh, 0.0), within("covered_kwh", covered_kwh, 0.0)
    if (covered > grid).any():
        raise ValueError("covered_kwh: more than the energy from the grid; allowed: at most grid_kwh")
    return np.asarray((grid - covered) * within("grid_factor", grid_factor, 0.0) + within("fuel_kg", fuel_kg, 0.0))


@dataclass(frozen=True, slots=True)
class CreditProcess:
    """A latent solvency that moves by month, and when a firm does not pay (A2.5); illustrations.

    Parameters
    ----------
    persistence : float
        rho, from 0 to below 1.
    shock, sector_shock : float
        Standard deviations of a firm's own shock, above 0, and of its sector's, at least 0.
    burden : float
        Fall of solvency by a bill as large as the month's revenue, at least 0.
    default_months : int
        Unpaid bills in a row at which a firm defaults, at least 1.
    loss_share : float
        Share of the debt that is lost by a default, 0 to 1.
    """

    persistence: float = 0.9
    shock: float = 0.4
    sector_shock: float = 0.1
    burden: float = 1.0
    default_months: int = 3
    loss_share: float = 0.6

    def __post_init__(self) -> None:
        within("persistence", self.persistence, 0.0, 1 - 1e-9)
        within("shock", self.shock, 1e-9)
        within("sector_shock", self.sector_shock, 0.0)
        within("burden", self.burden, 0.0)
        within("default_months", self.default_months, 1)
        within("loss_share", self.loss_share, 0.0, 1.0)

    def threshold(self, unpaid: ArrayLike, bill_share: ArrayLike = 0.0) -> FloatArray:
        """Return the solvency below which a firm does not pay, so that it does so with a given probability.

        Parameters
        ----------
        unpaid : array-like, shape (n,)
            Long-run share of months without payment, in (0, 1).
        bill_share : array-like, broadcast to (n,)
            Bill over revenue of a usual month, at least 0.

        Returns
        -------
        ndarray of float64, shape (n,)
            Quantile of the stationary distribution, which is normal.
        """
        mean = -self.burden * within("bill_share", bill_share, 0.0) / (1 - self.persistence)
        spread = np.hypot(self.shock, self.sector_shock) / np.sqrt(1 - self.persistence**2)
        return np.asarray(mean + spread * ndtri(within("unpaid", unpaid, 1e-12, 1 - 1e-12)))

    def step(
        self, solvency: FloatArray, bill_share: ArrayLike, sector: IntArray, member: IntArray, draws: Draws, month: int
    ) -> FloatArray:
        """Return solvency a month later: rho s + shock + sector's shock - burden x bill share.

        Parameters
        ----------
        solvency : ndarray of float64, shape (n,)
            Before.
        bill_share : array-like, broadcast to (n,)
            Bill over revenue of the month, at least 0.
        sector, member : ndarray of int64, shape (n,)
            Number of the sector and of the firm.
        draws : Draws
            Random streams of the population.
        month : int
            Number of the month.
        """
        own = ndtri(draws.uniforms("solvency", member, month)[0])
        common = ndtri(draws.uniforms("sector solvency", np.asarray(sector, dtype=np.int64), month)[0])
        moved = self.persistence * solvency + self.shock * own + self.sector_shock * common
        return np.asarray(moved - self.burden * within("bill_share", bill_share, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Payment:
    """What became of a month's bills, shape (n,) each.

    Attributes
    ----------
    paid : ndarray of float64
        [currency]
    arrears : ndarray of float64
        What is owed afterwards [currency].
    unpaid_months : ndarray of int64
        Months in a row without payment.
    defaulted : ndarray of bool
        Who defaults in this month; its debt is written off or recovered, and counts anew.
    loss : ndarray of float64
        What is lost by defaults; the rest of that debt is in `paid` [currency].
    """

    paid: FloatArray
    arrears: FloatArray
    unpaid_months: IntArray
    defaulted: BoolArray
    loss: FloatArray


def pay_bills(
    process: CreditProcess,
    solvency: FloatArray,
    threshold: FloatArray,
    bill: ArrayLike,
    arrears: ArrayLike,
    unpaid_months: IntArray,
) -> Payment:
    """Let firms pay bill and arrears if solvent, and default after too many months without (A2.5).

    Paid, still owed and lost add up to bill and arrears.

    Parameters
    ----------
    process : CreditProcess
        When a default comes, and what it costs.
    solvency, threshold : ndarray of float64, shape (n,)
        Of :meth:`CreditProcess.step` and :meth:`CreditProcess.threshold`.
    bill, arrears : array-like, shape (n,)
        Of this month and owed from before, at least 0 [currency].
    unpaid_months : ndarray of int64, shape (n,)
        Months in a row without payment so far.
    """
    owed = within("bill", bill, 0.0) + within("arrears", arrears, 0.0)
    pays = solvency > threshold
    months = np.where(pays, 0, unpaid_months + 1)
    defaulted = months >= process.default_months
    loss = np.where(defaulted, process.loss_share * owed, 0.0)
    closed = pays | defaulted
    return Payment(
        np.where(closed, owed - loss, 0.0), np.where(closed, 0.0, owed), np.where(defaulted, 0, months), defaulted, loss
    )
