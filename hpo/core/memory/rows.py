"""Rows of numbers that only grow, and whose versions share memory."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_FIRST_CAPACITY = 64


class _Buffer:
    """The memory that the versions of one line of tables share."""

    __slots__ = ("lock", "rows", "used")

    def __init__(self, rows: NDArray[np.float64], used: int) -> None:
        self.lock = threading.Lock()
        self.rows = rows
        self.used = used


class Rows:
    """An immutable table of floats: (shared buffer, my length).

    Adding a row to the newest version claims the next slot in place, O(width) amortized; adding to an older one
    copies what it sees. No slot below a version's length is ever rewritten.

    Args:
        width: Numbers per row, at least 0.

    Example:
        >>> one = Rows(2).with_row([1.0, 2.0])
        >>> two = one.with_row([3.0, 4.0])
        >>> len(one), two.array.tolist()
        (1, [[1.0, 2.0], [3.0, 4.0]])
    """

    __slots__ = ("_buffer", "_length")

    def __init__(self, width: int) -> None:
        self._buffer = _Buffer(np.empty((0, width)), 0)
        self._length = 0

    @property
    def array(self) -> NDArray[np.float64]:
        """The rows, oldest first, shape ``(n, width)``; a read-only view that costs nothing."""
        view = self._buffer.rows[: self._length]
        view.flags.writeable = False
        return view

    def with_row(self, row: Sequence[float] | NDArray[np.float64]) -> Rows:
        """This table and one more row of the same width."""
        buffer = self._buffer
        with buffer.lock:
            newest = buffer.used == self._length and self._length > 0
            if newest:
                if self._length == len(buffer.rows):
                    buffer.rows = _grown(buffer.rows, 2 * self._length)
                buffer.rows[self._length] = row
                buffer.used += 1
        if not newest:
            rows = _grown(buffer.rows[: self._length], max(_FIRST_CAPACITY, self._length + self._length // 2))
            rows[self._length] = row
            buffer = _Buffer(rows, self._length + 1)
        longer = Rows.__new__(Rows)
        longer._buffer, longer._length = buffer, self._length + 1
        return longer

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rows):
            return NotImplemented
        return np.array_equal(self.array, other.array, equal_nan=True)

    def __hash__(self) -> int:
        return hash(self.array.shape)

    def __repr__(self) -> str:
        return f"<Rows of {self._length} x {self._buffer.rows.shape[1]} numbers>"


def _grown(rows: NDArray[np.float64], capacity: int) -> NDArray[np.float64]:
    larger = np.empty((capacity, rows.shape[1]))
    larger[: len(rows)] = rows
    return larger
