"""Tables of numbers that only grow, and whose versions share memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hpo.core.memory.growing import GrowingBuffer

_FIRST_CAPACITY = 64


class _Table(GrowingBuffer[Sequence[float] | NDArray[np.float64]]):
    """The memory that the versions of one line of tables share."""

    __slots__ = ("rows",)

    def __init__(self, rows: NDArray[np.float64], used: int) -> None:
        super().__init__(used)
        self.rows = rows

    def write(self, position: int, item: Sequence[float] | NDArray[np.float64]) -> None:
        if position == len(self.rows):
            # older versions keep their views of the smaller array, whose rows are the same
            self.rows = _grown(self.rows, 2 * position)
        self.rows[position] = item


class Rows:
    """An immutable table of floats.

    See `hpo.core.memory.growing`: a version is a shared buffer and a length, so that `with_row` is O(width) amortized
    from the newest one and a copy from an older one.

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
        self._buffer = _Table(np.empty((0, width)), 0)
        self._length = 0

    @property
    def array(self) -> NDArray[np.float64]:
        """The rows, oldest first, ``(n, width)``: a read-only view that costs nothing."""
        view = self._buffer.rows[: self._length]
        view.flags.writeable = False
        return view

    def with_row(self, row: Sequence[float] | NDArray[np.float64]) -> Rows:
        """Return this table and one more row of the same width."""
        buffer = self._buffer
        if not buffer.claim(self._length, row):
            # a fork: it gets room to grow, so that its next rows are written in place
            rows = _grown(buffer.rows[: self._length], max(_FIRST_CAPACITY, self._length + self._length // 2))
            rows[self._length] = row
            buffer = _Table(rows, self._length + 1)
        longer = Rows.__new__(Rows)
        longer._buffer, longer._length = buffer, self._length + 1
        return longer

    def __len__(self) -> int:
        return self._length

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rows):
            return NotImplemented
        return np.array_equal(self.array, other.array, equal_nan=True)  # NaN stands for what is missing

    def __hash__(self) -> int:
        return hash(self.array.shape)  # equal tables have equal shapes; hashing the numbers would cost O(n)

    def __repr__(self) -> str:
        return f"<Rows of {self._length} x {self._buffer.rows.shape[1]} numbers>"


def _grown(rows: NDArray[np.float64], capacity: int) -> NDArray[np.float64]:
    larger = np.empty((capacity, rows.shape[1]))
    larger[: len(rows)] = rows
    return larger
