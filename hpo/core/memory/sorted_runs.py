"""Sorted numbers as a value: a version with one more number shares almost everything with the version before."""

from __future__ import annotations

from bisect import bisect_left, insort

import attrs

_LONGEST = 128  # a run that grows beyond this is cut in half


@attrs.frozen
class SortedRuns:
    """Numbers in ascending order with duplicates, for folds that need ranks: medians, quantiles, the best few.

    The numbers are cut into short runs, so that adding one copies one run and the list of runs: O(128 + n / 64) instead
    of O(n) for one sorted tuple. NaN has no place in an order and must not be added.

    Example:
        >>> numbers = SortedRuns().with_number(3.0).with_number(1.0).with_number(2.0)
        >>> len(numbers), numbers.at(0), numbers.median()
        (3, 1.0, 2.0)
    """

    _runs: tuple[tuple[float, ...], ...] = ()

    def __len__(self) -> int:
        return sum(map(len, self._runs))

    def with_number(self, number: float) -> SortedRuns:
        """Return these numbers and one more."""
        runs = self._runs
        if not runs:
            return SortedRuns(((number,),))
        # the first run whose largest number is not below the new one; the last run takes what is above all of them
        place = min(bisect_left(runs, number, key=_largest), len(runs) - 1)
        run = list(runs[place])
        insort(run, number)
        half = len(run) // 2
        # halves rather than a full run and a rest: numbers often arrive in order, and would cut off crumbs
        new = (tuple(run),) if len(run) <= _LONGEST else (tuple(run[:half]), tuple(run[half:]))
        return SortedRuns((*runs[:place], *new, *runs[place + 1 :]))

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


def _largest(run: tuple[float, ...]) -> float:
    return run[-1]
