"""What reliability costs the grid, and menus whose prices cover it (model.md B9, cost side).

Automation, rings and second feeds shorten and avoid interruptions, each further measure less than the one before: the
share of demand not served falls exponentially with what is invested, so c(r) = k ln((1 - r0) / (1 - r)) (ill).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridagora.markets.tariffs.reliability import PriorityService, ServiceClass
from gridagora.sim.bounds import within

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReliabilityCost:
    """Cost of reliability by investment.

    Parameters
    ----------
    scale_per_kw : float
        k: what it costs to divide the unserved share by e, above 0 [currency/(kW month)].
    base : float
        r0: reliability without investment, from 0 to below 1 [1].
    """

    scale_per_kw: float
    base: float = 0.0

    def __post_init__(self) -> None:
        within("scale_per_kw", self.scale_per_kw, 1e-300)
        within("base", self.base, 0.0, 1.0 - 1e-12)

    def cost(self, reliability: ArrayLike) -> FloatArray:
        """Return c(r), 0 up to the base [currency/(kW month)].

        Parameters
        ----------
        reliability : array-like
            From 0 to below 1: perfect service would cost without bound [1].
        """
        r = within("reliability", reliability, 0.0, 1.0 - 1e-12)
        return np.asarray(self.scale_per_kw * np.log((1.0 - self.base) / (1.0 - np.maximum(r, self.base))))

    def marginal_cost(self, reliability: ArrayLike) -> FloatArray:
        """Return c'(r) = k / (1 - r), 0 below the base [currency/(kW month)]."""
        r = within("reliability", reliability, 0.0, 1.0 - 1e-12)
        return np.asarray(np.where(r < self.base, 0.0, self.scale_per_kw / (1.0 - r)))

    def efficient_reliability(self, value_per_kw: ArrayLike) -> FloatArray:
        """Return the reliability at which one more unit costs what it is worth, 1 - k / v; the base where v is small.

        Parameters
        ----------
        value_per_kw : array-like
            Worth of uninterrupted service, at least 0 [currency/(kW month)].
        """
        value = within("value_per_kw", value_per_kw, 0.0)
        with np.errstate(divide="ignore"):
            return np.asarray(np.maximum(1.0 - self.scale_per_kw / value, self.base))


def shortfall(menu: PriorityService, cost: ReliabilityCost) -> dict[str, float]:
    """Return by how much the step of each class is cheaper than what the step costs the grid.

    Parameters
    ----------
    menu : PriorityService
        Classes and charges; reliabilities below 1.
    cost : ReliabilityCost
        What they cost.

    Returns
    -------
    dict
        By name of the class, at least 0 [currency/(kW month)]; 0 where s_k - s_(k-1) >= c(r_k) - c(r_(k-1)).
    """
    charged, spent = _steps(menu, cost)
    return dict(zip(menu.classes, np.maximum(spent - charged, 0.0).tolist(), strict=True))


def covering_menu(menu: PriorityService, cost: ReliabilityCost) -> PriorityService:
    """Return the menu with each step of the charges raised to what it costs at least, so that none pays another's.

    Parameters
    ----------
    menu : PriorityService
        Classes and charges; reliabilities below 1.
    cost : ReliabilityCost
        What they cost.

    Returns
    -------
    PriorityService
        Every class is still somebody's best choice, because the cost rises ever faster.
    """
    charged, spent = _steps(menu, cost)
    charges = np.cumsum(np.maximum(charged, spent)).tolist()
    classes = {
        name: ServiceClass(reliability=service.reliability, charge_per_kw=charge)
        for (name, service), charge in zip(menu.classes.items(), charges, strict=True)
    }
    return PriorityService(classes=classes, compensation_per_kwh=menu.compensation_per_kwh)


def _steps(menu: PriorityService, cost: ReliabilityCost) -> tuple[FloatArray, FloatArray]:
    """Return what each class is charged and what it costs beyond the class below [currency/(kW month)]."""
    charges = [service.charge_per_kw for service in menu.classes.values()]
    spent = cost.cost([service.reliability for service in menu.classes.values()])
    return np.diff(charges, prepend=0.0), np.diff(spent, prepend=0.0)
