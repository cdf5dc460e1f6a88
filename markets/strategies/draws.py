"""Random numbers of members by their number, so that no draw depends on order, block or thread.

The kernels of the strategies run on one thread, because most auctions are small and starting threads costs more than
they do; they leave the interpreter free, so a caller may hand blocks of members to threads of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridagora.markets.orders import FloatArray, IntArray
from gridagora.sim.compiled import kernel
from gridagora.sim.streams import philox, stream_key

_MASK = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_SCALE = 1.0 / 4294967296.0


@kernel()
def fill_uniforms(member: IntArray, k0: np.uint64, k1: np.uint64, number: int, out: FloatArray) -> None:
    """Fill up to four draws from (0, 1) for each member.

    Parameters
    ----------
    member : ndarray of int64, shape (n,)
        Numbers of the members, at least 0.
    k0, k1 : uint64
        Key of the stream.
    number : int
        Number of the round.
    out : ndarray of float64, shape (draws, n)
        Written; at most four rows.
    """
    n = member.size
    draws = out.shape[0]
    for i in range(n):
        who = np.uint64(member[i])
        words = philox(who & _MASK, who >> _SHIFT, np.uint64(number), np.uint64(0), k0, k1)
        for j in range(draws):
            out[j, i] = (np.float64(words[j]) + 0.5) * _SCALE


@dataclass(frozen=True, slots=True)
class Draws:
    """The random streams of the members of one population.

    Parameters
    ----------
    seed : int
        Seed of the scenario.
    name : str
        Name of the population.
    """

    seed: int
    name: str = ""

    def uniforms(self, concern: str, member: IntArray, number: int = 0, draws: int = 1) -> FloatArray:
        """Return draws from the open interval (0, 1).

        Parameters
        ----------
        concern : str
            What is drawn; each concern owns its stream.
        member : ndarray of int64, shape (n,)
            Numbers of the members.
        number : int
            Number of the round, below 2^32.
        draws : int
            1 to 4.

        Returns
        -------
        ndarray, shape (draws, n)
        """
        out = np.empty((draws, len(member)))
        fill_uniforms(member, *stream_key(self.seed, concern, self.name), number, out)
        return out
