"""Which leaf each row falls into, for many trees at once.

A tree gets a set of bits, one for each leaf. Each split forbids the leaves that a row can't reach any more: those on its
left if the row goes to the right. The row is in the first leaf that no split has forbidden. What a column forbids depends
on its bin alone, so there is a table of bits for each column, and a row costs one look at each table.

Notation: `n` rows, `d` columns, `b` bins, `k` trees.

Source: Lucchese et al., "QuickScorer: A Fast Algorithm to Rank Documents with Additive Ensembles of Regression Trees",
SIGIR 2015.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.numerics.trees.growing import Trees

_MOST_CELLS = 4_000_000  # bits of so many rows times trees are kept at the same time


@attrs.frozen(eq=False)
class LeafFinder:
    """Finds leaves of many trees; make it with `of`.

    Attributes:
        allowed: For each column that some tree splits, the leaves that each of its bins allows, as bits, ``(b, k)``.
    """

    allowed: dict[int, NDArray[Any]]
    n_trees: int

    @staticmethod
    def of(trees: Trees) -> LeafFinder:
        """Return the finder for trees of a depth of at most 6.

        Example:
            >>> left = np.array([[[True, True, False, False]]])
            >>> finder = LeafFinder.of(Trees(np.array([[0]]), left))
            >>> finder.leaves(np.array([[0], [1], [2], [3]])).tolist()
            [[0, 0, 1, 1]]
        """
        k, n_inner = trees.columns.shape
        kind = _smallest_type(n_inner + 1)
        used = np.unique(trees.columns[trees.columns >= 0]).tolist()
        everything = np.iinfo(kind).max
        allowed = {column: np.full((trees.left.shape[2], k), everything, dtype=kind) for column in used}
        for node in range(n_inner):
            bits = kind(everything ^ _bits_left_of(node, trees.depth))
            for column in np.unique(trees.columns[:, node]).tolist():
                if column >= 0:
                    mine = np.flatnonzero(trees.columns[:, node] == column)
                    forbids = ~trees.left[mine, node].T
                    allowed[column][:, mine] &= np.where(forbids, bits, everything).astype(kind)
        return LeafFinder(allowed, k)

    def leaves(self, codes: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the leaf of each row in each tree, ``(k, n)``, counted from 0 at the left; `codes` has shape ``(n, d)``."""
        if not self.allowed:
            return np.zeros((self.n_trees, len(codes)), dtype=np.intp)
        step = max(_MOST_CELLS // self.n_trees, 1)
        parts = [self._leaves(codes[first : first + step]) for first in range(0, max(len(codes), 1), step)]
        return np.concatenate(parts).T

    def _leaves(self, codes: NDArray[np.intp]) -> NDArray[np.intp]:
        (first, table), *others = self.allowed.items()
        bits = table[codes[:, first]]
        for column, table in others:
            bits &= table[codes[:, column]]
        leaves: NDArray[np.intp]
        if bits.dtype == np.uint8:
            leaves = _LOWEST_BIT[bits]
        else:
            # a power of two is exact as a float, and its exponent is the number of its bit
            lowest = bits & (~bits + bits.dtype.type(1))
            leaves = np.frexp(lowest.astype(np.float64))[1].astype(np.intp) - 1
        return leaves


_LOWEST_BIT = np.array([0, *((i & -i).bit_length() - 1 for i in range(1, 256))], dtype=np.intp)


def _smallest_type(n_leaves: int) -> Any:
    for kind in (np.uint8, np.uint16, np.uint32, np.uint64):
        if n_leaves <= np.iinfo(kind).bits:
            return kind
    raise ValueError(f"a tree has at most 64 leaves, got {n_leaves}")


def _bits_left_of(node: int, depth: int) -> int:
    """Return the leaves below the left side of a node, as bits."""
    level: int = (node + 1).bit_length() - 1
    width: int = 2 ** (depth - level)  # leaves below the node
    first = (node + 1 - 2**level) * width
    bits: int = ((1 << width // 2) - 1) << first
    return bits
