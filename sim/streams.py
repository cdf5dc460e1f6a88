"""Counter-based random numbers: the same draw whatever the order, block, thread or worker.

Philox4x32-10 maps a key (seed, concern, name of the population) and a counter (member, day, draw) to four
32-bit words, with no state in between [Salmon2011]_. Scenarios that share seed and names share their draws.

References
----------
.. [Salmon2011] J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2,
   3", SC'11, 2011. doi:10.1145/2063384.2063405
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gridagora.sim.compiled import kernel

Key = tuple[np.uint64, np.uint64]

_MASK = np.uint64(0xFFFFFFFF)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_SHIFT = np.uint64(32)
_SCALE = 1.0 / 4294967296.0


@kernel(inline=True)
def philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Return four 32-bit words of Philox4x32-10, held in 64-bit integers.

    Parameters
    ----------
    c0, c1, c2, c3 : uint64
        Counter, each below 2**32.
    k0, k1 : uint64
        Key, each below 2**32.

    Returns
    -------
    tuple of uint64
        Four words below 2**32 [Salmon2011]_.
    """
    for _ in range(10):
        p0 = _M0 * c0
        p1 = _M1 * c2
        c0 = (p1 >> _SHIFT) ^ c1 ^ k0
        c1 = p1 & _MASK
        c2 = (p0 >> _SHIFT) ^ c3 ^ k1
        c3 = p0 & _MASK
        k0 = (k0 + _W0) & _MASK
        k1 = (k1 + _W1) & _MASK
    return c0, c1, c2, c3


@kernel()
def fill_words(k0: np.uint64, k1: np.uint64, first: int, day: int, draw: int, out: NDArray[np.uint32]) -> None:
    """Fill four words for each of a run of members.

    Parameters
    ----------
    k0, k1 : uint64
        Key of the stream.
    first, day, draw : int
        Number of the first member, day of the run and number of the draw.
    out : ndarray of uint32, shape (n_members, 4)
        Written.
    """
    n = out.shape[0]
    d = np.uint64(day)
    w = np.uint64(draw)
    for i in range(n):
        member = np.uint64(first + i)
        a, b, c, e = philox(member & _MASK, member >> _SHIFT, d, w, k0, k1)
        out[i, 0] = a
        out[i, 1] = b
        out[i, 2] = c
        out[i, 3] = e


@kernel()
def fill_uniforms(k0: np.uint64, k1: np.uint64, day: int, first: int, out: NDArray[np.float64]) -> None:
    """Fill one number from (0, 1) for each of many members in each of several draws.

    Parameters
    ----------
    k0, k1 : uint64
        Key of the stream.
    day, first : int
        Day of the run and number of the first draw.
    out : ndarray of float64, shape (n_draws, n_members)
        Written.
    """
    n_draws, n = out.shape
    d = np.uint64(day)
    for draw in range(n_draws):
        w = np.uint64(first + draw)
        for i in range(n):
            member = np.uint64(i)
            word, _, _, _ = philox(member & _MASK, member >> _SHIFT, d, w, k0, k1)
            out[draw, i] = (np.float64(word) + 0.5) * _SCALE


@lru_cache(maxsize=1024)
def stream_key(seed: int, concern: str, name: str = "") -> Key:
    """Return the key of a stream.

    Parameters
    ----------
    seed : int
        Seed of the scenario, at least 0.
    concern : str
        What is drawn, such as ``"noise"``; each concern owns its stream.
    name : str
        Name of the population or area.

    Returns
    -------
    tuple of uint64
        Two 32-bit halves of the first 8 bytes of SHA-256.
    """
    digest = hashlib.sha256(repr((int(seed), concern, name)).encode()).digest()
    return np.uint64(int.from_bytes(digest[:4], "little")), np.uint64(int.from_bytes(digest[4:8], "little"))


@dataclass(frozen=True, slots=True)
class Streams:
    """All random streams of a run.

    Parameters
    ----------
    seed : int
        Seed of the scenario.
    """

    seed: int

    def words(self, concern: str, name: str, n: int, day: int = 0, draw: int = 0) -> NDArray[np.uint32]:
        """Return four words for each of ``n`` members, shape (n, 4)."""
        out = np.empty((n, 4), np.uint32)
        k0, k1 = stream_key(self.seed, concern, name)
        fill_words(k0, k1, 0, day, draw, out)
        return out

    def uniforms(self, concern: str, name: str, n: int, day: int = 0, draw: int = 0) -> NDArray[np.float64]:
        """Return ``n`` draws from the open interval (0, 1), shape (n,), one a member.

        Each comes from one word: (word + 1/2) / 2**32.
        """
        (row,) = self.uniform_rows(concern, name, n, 1, day, draw)
        return np.asarray(row)

    def uniform_rows(
        self, concern: str, name: str, n: int, draws: int, day: int = 0, first: int = 0
    ) -> NDArray[np.float64]:
        """Return :meth:`uniforms` of several draws, numbered from `first`, shape (draws, n)."""
        out = np.empty((draws, n))
        k0, k1 = stream_key(self.seed, concern, name)
        fill_uniforms(k0, k1, day, first, out)
        return out

    def normals(self, concern: str, name: str, n: int, day: int = 0, draw: int = 0) -> NDArray[np.float64]:
        """Return ``n`` standard normal draws, shape (n,), by inversion of :meth:`uniforms`."""
        normal: NDArray[np.float64] = ndtri(self.uniforms(concern, name, n, day, draw))
        return normal

    def normal_rows(self, concern: str, name: str, n: int, draws: int) -> NDArray[np.float64]:
        """Return :meth:`normals` of several draws, numbered from 0, shape (draws, n)."""
        normal: NDArray[np.float64] = ndtri(self.uniform_rows(concern, name, n, draws))
        return normal
