"""Sorted numbers as a value: a version with one more number shares almost everything with the version before."""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort

from msgspec import Struct

_LONGEST = 512  # a run that grows beyond this is cut in half


class SortedRuns(Struct, frozen=True):
    """Numbers in ascending order with duplicates, for folds that need ranks: medians, quantiles, the best few.

    The numbers are cut into short runs, so that adding one copies one run and the list of runs: O(512 + n / 256) instead
    of O(n) for one sorted tuple. NaN has no place in an order and must not be added.

    Example:
        >>> numbers = SortedRuns().with_number(3.0).with_number(1.0).with_number(2.0)
        >>> len(numbers), numbers.at(0), numbers.median()
        (3, 1.0, 2.0)
        >>> numbers.rank(2.0), numbers.rank(2.5)
        (1, 2)
    """

    # Arrays and not tuples: copying a tuple touches every number in it, which is scattered all over the memory. They are
    # never changed after they have been put in here.
    _runs: tuple[array[float], ...] = ()
    _length: int = 0

    def __len__(self) -> int:
        return self._length

    def with_number(self, number: float) -> SortedRuns:
        """Return these numbers and one more."""
        runs = self._runs
        if not runs:
            return SortedRuns((array("d", (number,)),), 1)
        place = self._place(number)
        run = runs[place][:]
        insort(run, number)
        half = len(run) // 2
        # halves rather than a full run and a rest: numbers often arrive in order, and would cut off crumbs
        new = (run,) if len(run) <= _LONGEST else (run[:half], run[half:])
        return SortedRuns((*runs[:place], *new, *runs[place + 1 :]), self._length + 1)

    def at(self, rank: int) -> float:
        """Return the number at `rank`, counted from 0 in ascending order; O(number of runs).

        Raises:
            IndexError: there are not so many numbers.
        """
        left = rank
        for run in self._runs:
            if left < len(run):
                return run[left]
            left -= len(run)
        raise IndexError(rank)

    def rank(self, number: float) -> int:
        """Return how many of the numbers are below `number`; O(number of runs)."""
        if not self._runs:
            return 0
        place = self._place(number)
        return sum(map(len, self._runs[:place])) + bisect_left(self._runs[place], number)

    def median(self) -> float:
        """Return the middle number, or the mean of the two in the middle; NaN for the mean of both infinities.

        Raises:
            IndexError: there are no numbers.
        """
        n = len(self)
        if not n:
            raise IndexError("there is no median of no numbers")
        lower, upper = self.at((n - 1) // 2), self.at(n // 2)
        # halved before they are added: the sum of two huge numbers would be infinite
        return lower if lower == upper else lower / 2 + upper / 2

    def __hash__(self) -> int:
        # equal numbers agree in these, and arrays have no hash
        return hash((self._length, self.at(0) if self._length else None))

    def _place(self, number: float) -> int:
        """Return the position of the last run that begins below `number`, or 0."""
        return max(bisect_left(self._runs, number, key=_first) - 1, 0)


def _first(run: array[float]) -> float:
    return run[0]
