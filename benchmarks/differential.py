"""Clear random books four ways and compare: python benchmarks/differential.py --books 100000 --seed 1.

A difference stops the run and prints the seed and the number of the book; --seed and --first replay it.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter

from gridagora.markets.engines import EnginesDiffer, compare, random_book

CHUNK = 1000
PLACES = (0.5, 0.0, 1.0, 0.3)


def check(seed: int, first: int, count: int) -> tuple[int, int]:
    """Compare `count` books from number `first`; return how many, and how many of them traded."""
    traded = 0
    for number in range(first, first + count):
        book = random_book(seed, number)
        try:
            outcomes = compare(book, PLACES[number % len(PLACES)])
        except Exception as error:
            where = f"replay with: python benchmarks/differential.py --books 1 --seed {seed} --first {number}"
            raise EnginesDiffer(f"book {number} of seed {seed}: {type(error).__name__}: {error}; {where}") from error
        traded += outcomes["sorting"].volume > 0
    return count, traded


def check_all(books: int, seed: int, first: int = 0, workers: int = 1) -> tuple[int, int]:
    """Compare `books` books in chunks over worker processes; return how many, and how many of them traded."""
    starts = range(first, first + books, CHUNK)
    counts = [min(CHUNK, first + books - start) for start in starts]
    if workers == 1:
        found = [check(seed, start, count) for start, count in zip(starts, counts, strict=True)]
    else:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            found = list(pool.map(check, [seed] * len(counts), starts, counts))
    return sum(part[0] for part in found), sum(part[1] for part in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--books", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first book")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    started = perf_counter()
    print(f"seed {given.seed}, books {given.first} to {given.first + given.books - 1}")
    count, traded = check_all(given.books, given.seed, given.first, given.workers)
    seconds = perf_counter() - started
    print(f"{count} books agree on four engines, {traded} of them trade")
    print(f"{seconds:.1f} s, {seconds / count * 1e3:.2f} ms a book")


if __name__ == "__main__":
    main()
