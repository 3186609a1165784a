"""Columns of numbers as small whole numbers, their bins: all that a tree needs to know of them is their order.

Notation: `n` rows, `d` columns, `b` bins.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

MOST_BINS = 64


@attrs.frozen(eq=False)
class Binning:
    """Which bin each number of a column is in; make it with `of`.

    A column of few different numbers has a bin for each of them, and one of many has bins that hold about equally many
    rows each. The last bin, ``b - 1``, is for numbers that are missing, which are NaN.

    Attributes:
        edges: For each column of numbers, ascending, the largest number in each of its bins but the last, up to half of the
            way to the next one that was seen. For each categorical column, the categories that have bins of their own.
        categorical: Which columns are categorical, ``(d,)``.
        n_bins: The number of bins, `b`, of every column; columns with fewer don't use them all.
    """

    edges: tuple[NDArray[np.float64], ...]
    categorical: NDArray[np.bool_]
    n_bins: int

    @staticmethod
    def of(points: NDArray[np.float64], categorical: NDArray[np.bool_], *, most: int = MOST_BINS) -> Binning:
        """Return the bins for the numbers of a table.

        Args:
            points: The rows, ``(n, d)``. NaN is for numbers that are missing.
            categorical: Which columns are categorical, ``(d,)``: their numbers have no order.
            most: The most bins of a column, at least 2, apart from that for what is missing. Of more categories only the
                most frequent ones have bins; the others count as missing.

        Raises:
            ValueError: the shapes differ, or `most` is less than 2.

        Example:
            >>> binning = Binning.of(np.array([[0.0], [1.0], [1.0], [5.0]]), np.array([False]))
            >>> binning.codes(np.array([[-9.0], [0.4], [0.6], [4.0], [np.nan]]))[:, 0].tolist(), binning.n_bins
            ([0, 0, 1, 2, 3], 4)
        """
        if points.ndim != 2 or categorical.shape != points.shape[1:] or most < 2:
            raise ValueError(
                f"Binning.of needs rows (n, d), flags (d,) and at least 2 bins, got the shapes {points.shape} and "
                f"{categorical.shape}, and most={most}"
            )
        edges = tuple(
            _frequent(column, most) if is_category else _edges(column, most)
            for column, is_category in zip(points.T, categorical.tolist(), strict=True)
        )
        used = (len(each) + (not is_category) for each, is_category in zip(edges, categorical.tolist(), strict=True))
        return Binning(edges, categorical, max(used, default=1) + 1)

    def codes(self, points: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the bins of rows, ``(n, d)``; a category without a bin of its own counts as missing."""
        codes = np.empty(points.shape, dtype=np.intp)
        for place, edges in enumerate(self.edges):
            column = points[:, place]
            found = np.searchsorted(edges, column)  # NaN is sorted behind everything
            unknown = np.isnan(column)
            if self.categorical[place]:
                found = np.minimum(found, max(len(edges) - 1, 0))
                unknown = (edges[found] != column) if len(edges) else np.ones(len(column), dtype=np.bool_)
            codes[:, place] = np.where(unknown, self.n_bins - 1, found)
        return codes


def _edges(column: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    values, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    if len(values) < 2:
        return np.empty(0)
    # halves are added, since the sum of two numbers may overflow
    between = np.maximum(values[:-1] * 0.5 + values[1:] * 0.5, values[:-1])
    if len(values) <= most:
        return between
    # the ends nearest to those of bins with equally many rows; a number with many rows has a bin of its own
    ends = np.cumsum(counts[:-1])
    wanted = np.arange(1, most) * (counts.sum() / most)
    after = np.minimum(np.searchsorted(ends, wanted), len(ends) - 1)
    before = np.maximum(after - 1, 0)
    nearest = np.where(wanted - ends[before] < ends[after] - wanted, before, after)
    edges: NDArray[np.float64] = between[np.unique(nearest)]
    return edges


def _frequent(column: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    values, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    chosen: NDArray[np.float64] = np.sort(values[np.argsort(-counts, kind="stable")[:most]])
    return chosen
