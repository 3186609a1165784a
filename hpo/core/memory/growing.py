"""The memory that the versions of one append-only container share.

A version is a pair of a buffer and a length: it sees the slots below its length, which are never written again. Adding
to the newest version writes the next slot in place, so that a history of ten thousand trials grows in O(1). Adding to
an older version finds the slot taken and copies what it sees: that is a fork.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class GrowingBuffer(Generic[T]):
    """The base of shared buffers: it decides which version may write the next slot.

    A buffer of one kind adds the slots themselves, and `write`.

    Args:
        used: How many slots are written.

    Example:
        >>> class Numbers(GrowingBuffer[int]):
        ...     slots = [7]
        ...     def write(self, position, item):
        ...         self.slots.append(item)
        >>> numbers = Numbers(1)
        >>> numbers.claim(1, 8), numbers.claim(1, 9), numbers.slots
        (True, False, [7, 8])
    """

    __slots__ = ("lock", "used")

    def __init__(self, used: int) -> None:
        # reentrant: a fold that is computed under the lock may look at the same history
        self.lock = threading.RLock()
        self.used = used

    def claim(self, length: int, item: T) -> bool:
        """Write `item` after the `length` slots of a version and return True, or return False for a fork.

        Another version of the same length may have written the slot before. The empty version always forks, since
        every study starts from the same one: their trials would pile up in one buffer that is never freed.
        """
        with self.lock:
            newest = self.used == length > 0
            if newest:
                self.write(length, item)
                self.used = length + 1
        return newest

    def write(self, position: int, item: T) -> None:
        """Write the slot at `position`, the first one that is free; called under the lock."""
        raise NotImplementedError
