"""How much to trade when delivery is uncertain and differences cost (model.md A4, C9).

References
----------
.. [Pinson2007] P. Pinson, C. Chevallier, G. N. Kariniotakis, "Trading wind generation from short-term probabilistic
   forecasts of wind power", IEEE Trans. Power Syst. 22(3), 1148-1156, 2007. doi:10.1109/TPWRS.2007.901117
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from gridagora.markets.orders import BUY, FloatArray
from gridagora.markets.strategies.strategy import Context
from gridagora.markets.strategies.zero_intelligence import Learningless


def critical_fraction(price: float, long_price: float, short_price: float, side: int) -> float:
    """Return the quantile of delivery that is worth trading ahead.

    Parameters
    ----------
    price : float
        Price of the trade [currency/kWh].
    long_price, short_price : float
        What the long get and the short pay [currency/kWh].
    side : int
        1 buys, -1 sells.

    Returns
    -------
    float
        In [0, 1]; 1/2 where all three prices are equal. Outside the two imbalance prices one end is best.
    """
    spread = short_price - long_price
    gain = price - long_price if side != BUY else short_price - price
    if spread == 0:
        return 0.5 if gain == 0 else float(gain > 0)
    return min(max(gain / spread, 0.0), 1.0)


def newsvendor_quantity(fraction: float, mean: FloatArray, sd: FloatArray, most: FloatArray) -> FloatArray:
    """Return the quantile of a normal forecast that is cut off at 0 and at the most possible.

    Parameters
    ----------
    fraction : float
        From :func:`critical_fraction`.
    mean, sd, most : ndarray, shape (n,)
        Forecast, its standard deviation, and its upper end [kWh].

    Returns
    -------
    ndarray, shape (n,)
        [kWh]
    """
    # At the ends the normal quantile is infinite, and 0 times it is not a number.
    step: FloatArray = np.multiply(ndtri(fraction), sd, out=np.zeros(len(sd)), where=sd > 0)
    return np.minimum(np.maximum(mean + step, 0.0), most)


class NewsvendorQuantity(Learningless):
    """Quotes the limit price for the quantity that balances the cost of being short and long [Pinson2007]_.

    A seller offers F^-1((p - long) / (short - long)) of its forecast, a buyer asks for F^-1((short - p) / (short -
    long)), with the expected price p. The forecast is normal about the quantity of the context.
    """

    def quote(self, context: Context) -> tuple[FloatArray, FloatArray]:
        """Return limits and quantities.

        Raises
        ------
        ValueError
            If the context has no outlook.
        """
        seen = context.outlook
        if seen is None:
            raise ValueError(
                "newsvendor: the context has no outlook; give it prices of imbalance and the forecast's sd"
            )
        low, high = context.room()
        quantity = np.empty(len(low))
        for side in (1, -1):
            on = context.side == side
            fraction = critical_fraction(seen.price, seen.long_price, seen.short_price, side)
            quantity[on] = newsvendor_quantity(fraction, context.quantity[on], seen.sd[on], seen.most[on])
        return context.offer(context.limit)[0], np.where(low > high, 0.0, quantity)
