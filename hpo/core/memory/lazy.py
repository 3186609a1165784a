"""Lists whose first items are made when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

_BLOCK = 1024  # items that are made together, because a call costs as much as a few of them


class Source(Protocol[T]):
    """What can make the first items of a list; it never changes."""

    def __len__(self) -> int: ...

    def trials(self, start: int, stop: int) -> list[T]:
        """Return the items from `start` up to `stop`, or up to the last one."""
        ...


class LazyList(Generic[T]):
    """A list that only grows, whose first items are made by a source when they are asked for, and the others appended.

    An item that was asked for is kept, and so are its neighbours. `iterate` keeps nothing, so that a fold over a
    million items does not hold them all.

    Args:
        source: Makes the first items.
        n: How many of them there are; if not given, all that `source` has.

    Example:
        >>> class Squares:
        ...     def __len__(self): return 3
        ...     def trials(self, start, stop): return [i * i for i in range(start, min(stop, 3))]
        >>> squares = LazyList(Squares())
        >>> squares.append(7)
        >>> squares[2], squares.items(1, 4), len(squares)
        (4, [1, 4, 7], 4)
    """

    __slots__ = ("_made", "_rest", "n_lazy", "source")

    def __init__(self, source: Source[T], n: int | None = None) -> None:
        self.n_lazy = len(source) if n is None else n
        self.source = source
        self._made: dict[int, list[T]] = {}  # blocks by number; two threads may make one twice, and one of them stays
        self._rest: list[T] = []

    @classmethod
    def of(cls, items: Sequence[T]) -> LazyList[T]:
        """Return a list of items that exist."""
        made: LazyList[T] = cls(_NOTHING)
        made._rest = list(items)
        return made

    def append(self, item: T) -> None:
        """Add an item at the end."""
        self._rest.append(item)

    def first(self, n: int) -> LazyList[T]:
        """Return a new list of the first `n` items; O(items that were appended)."""
        shared: LazyList[T] = LazyList(self.source, min(n, self.n_lazy))
        # blocks of the old list may be longer than this one sees, and hold the same items all the same
        shared._made = self._made
        shared._rest = self._rest[: max(n - self.n_lazy, 0)]
        return shared

    def __len__(self) -> int:
        return self.n_lazy + len(self._rest)

    def __getitem__(self, index: int) -> T:
        if index >= self.n_lazy:
            return self._rest[index - self.n_lazy]
        return self._block(index // _BLOCK)[index % _BLOCK]

    def items(self, start: int, stop: int) -> list[T]:
        """Return the items from `start` up to `stop`, and keep those that had to be made."""
        if start >= self.n_lazy:
            return self._rest[start - self.n_lazy : stop - self.n_lazy]
        items: list[T] = []
        for number in range(start // _BLOCK, -(-min(stop, self.n_lazy) // _BLOCK)):
            items += self._block(number)
        first = start // _BLOCK * _BLOCK
        items = items[start - first : min(stop, self.n_lazy) - first]
        return items + self._rest[: max(stop - self.n_lazy, 0)]

    def iterate(self, start: int, stop: int) -> Iterator[T]:
        """Yield the items from `start` up to `stop`, and keep none of those that have to be made."""
        while start < min(stop, self.n_lazy):
            number = start // _BLOCK
            end = min((number + 1) * _BLOCK, stop, self.n_lazy)
            block = self._made.get(number)
            yield from (
                self.source.trials(start, end) if block is None else block[start % _BLOCK : end - number * _BLOCK]
            )
            start = end
        yield from self._rest[start - self.n_lazy : max(stop - self.n_lazy, 0)]

    def _block(self, number: int) -> list[T]:
        block = self._made.get(number)
        if block is None:
            start = number * _BLOCK
            # as many as there are, and not only those that a shorter list sees: the block is shared
            block = self._made.setdefault(number, self.source.trials(start, start + _BLOCK))
        return block


class _Nothing:
    def __len__(self) -> int:
        return 0

    def trials(self, start: int, stop: int) -> list[Any]:
        return []


_NOTHING = _Nothing()
