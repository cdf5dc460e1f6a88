"""Measures of a continuous market (C6): what was gained, and how far prices were from equilibrium.

References
----------
.. [Smith1962] V. L. Smith, "An experimental study of competitive market behavior", J. Polit. Econ. 70(2), 1962.
   doi:10.1086/258609
.. [GodeSunder1993] D. K. Gode, S. Sunder, "Allocative efficiency of markets with zero-intelligence traders", J. Polit.
   Econ. 101(1), 1993. doi:10.1086/261868
"""

from __future__ import annotations

import numpy as np

from gridagora.markets.orders import FloatArray


def efficiency(gains: float, most: float) -> float:
    """Return realised gains from trade over the most possible [-]; 1 where nothing can be gained [GodeSunder1993]_.

    Parameters
    ----------
    gains, most : float
        Sum of values of the buyers less costs of the sellers, realised and in the welfare optimum. [currency]
    """
    return gains / most if most > 0 else 1.0


def smith_alpha(price: FloatArray, equilibrium: float) -> float:
    """Return Smith's coefficient of convergence [%]: rms distance of trade prices from equilibrium [Smith1962]_.

    Parameters
    ----------
    price : ndarray, shape (trades,)
        Prices. [currency/kWh]
    equilibrium : float
        Equilibrium price, above 0. [currency/kWh]

    Returns
    -------
    float
        ``100 * sqrt(mean((price - equilibrium)**2)) / equilibrium``; nan without trades.

    Raises
    ------
    ValueError
        If the equilibrium price is not above 0.

    Examples
    --------
    >>> smith_alpha(np.array([1.5, 2.5]), 2.0)
    25.0
    """
    if not equilibrium > 0:
        raise ValueError(f"equilibrium {equilibrium}; Smith's alpha needs a price above 0")
    if len(price) == 0:
        return np.nan
    return float(100 * np.sqrt(np.mean((price - equilibrium) ** 2)) / equilibrium)


def profit_dispersion(profit: FloatArray, at_equilibrium: FloatArray) -> float:
    """Return the rms distance of profits from those at the equilibrium price [currency] [GodeSunder1993]_.

    Parameters
    ----------
    profit, at_equilibrium : ndarray, shape (traders,)
        Profit of each trader, as it was and if all trade went at the equilibrium price. [currency]
    """
    return float(np.sqrt(np.mean((profit - at_equilibrium) ** 2))) if len(profit) else 0.0


def mean_spread(best: FloatArray) -> float:
    """Return the mean of best ask less best bid [currency/kWh] over the moments that have both, nan if none has.

    Parameters
    ----------
    best : ndarray, shape (moments, 2)
        Best bid and ask, nan where there is none, as from `LimitOrderBook.watch`. [currency/kWh]
    """
    both = best[~np.isnan(best).any(axis=1)]
    return float(np.mean(both[:, 1] - both[:, 0])) if len(both) else np.nan
