"""The memory that the versions of one append-only container share.

A version is a pair of a buffer and a length: it sees the slots below its length, which are never written again. Adding
to the newest version writes the next slot in place, so that a history of ten thousand trials grows in O(1). Adding to
an older version finds the slot taken and copies what it sees: that is a fork.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


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


class _Entries(GrowingBuffer[tuple[Any, Any]]):
    """The memory that the versions of one `InsertOnlyDict` share."""

    __slots__ = ("entries", "positions")

    def __init__(self, entries: Mapping[Any, Any]) -> None:
        super().__init__(len(entries))
        self.entries = list(entries.items())
        self.positions = {key: position for position, key in enumerate(entries)}

    def write(self, position: int, item: tuple[Any, Any]) -> None:
        # in this order: a reader that finds a position must find its entry
        self.entries.append(item)
        self.positions[item[0]] = position


class InsertOnlyDict(Mapping[K, V]):
    """An ordered mapping to which entries are only ever added.

    Example:
        >>> one = InsertOnlyDict({"a": 1})
        >>> one.with_item("b", 2), one.with_item("a", 3), one
        ({'a': 1, 'b': 2}, {'a': 1}, {'a': 1})
    """

    __slots__ = ("_buffer", "_length")

    def __init__(self, entries: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        self._buffer = _Entries(dict(entries))
        self._length = self._buffer.used

    def with_item(self, key: K, value: V) -> InsertOnlyDict[K, V]:
        """Return this mapping with one more entry; a key that it has already keeps its first value."""
        buffer, length = self._buffer, self._length
        if buffer.positions.get(key, length) < length:
            return self
        if not buffer.claim(length, (key, value)):
            return InsertOnlyDict([*self.items(), (key, value)])
        longer: InsertOnlyDict[K, V] = InsertOnlyDict.__new__(InsertOnlyDict)
        longer._buffer, longer._length = buffer, length + 1
        return longer

    def key_at(self, position: int) -> K:
        """Return the key that arrived as number `position`, counted from 0.

        Raises:
            IndexError: there are not so many.
        """
        if not 0 <= position < self._length:
            raise IndexError(position)
        return self._buffer.entries[position][0]  # type: ignore[no-any-return]

    def __getitem__(self, key: K) -> V:
        # a newer version may have added the key: then its position is beyond this version's length
        position = self._buffer.positions.get(key, self._length)
        if position >= self._length:
            raise KeyError(key)
        return self._buffer.entries[position][1]  # type: ignore[no-any-return]

    def get(self, key: K, default: Any = None) -> Any:
        """Return the value under `key`, or `default`."""
        position = self._buffer.positions.get(key, self._length)
        return self._buffer.entries[position][1] if position < self._length else default

    def __contains__(self, key: object) -> bool:
        return self._length > 0 and self._buffer.positions.get(key, self._length) < self._length

    def __iter__(self) -> Iterator[K]:
        return iter([key for key, _ in self._buffer.entries[: self._length]])

    def values(self) -> list[V]:  # type: ignore[override]
        """Return the values in the order of arrival: a list, which costs a tenth of a view."""
        return [value for _, value in self._buffer.entries[: self._length]]

    def items(self) -> list[tuple[K, V]]:  # type: ignore[override]
        """Return keys and values in the order of arrival."""
        return self._buffer.entries[: self._length]

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        return repr(dict(self))

    def __copy__(self) -> InsertOnlyDict[K, V]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> InsertOnlyDict[K, V]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return unpickled, (InsertOnlyDict, dict(self))


class _Changes(GrowingBuffer[tuple[Any, Any]]):
    """The memory that the versions of one `VersionedDict` share: all changes, and where each key was changed."""

    __slots__ = ("changes", "places")

    def __init__(self, entries: Mapping[Any, Any]) -> None:
        super().__init__(len(entries))
        self.changes = list(entries.items())
        self.places: dict[Any, list[int]] = {key: [place] for place, key in enumerate(entries)}

    def write(self, position: int, item: tuple[Any, Any]) -> None:
        self.changes.append(item)  # before its place, as above
        self.places.setdefault(item[0], []).append(position)


class VersionedDict(Mapping[K, V]):
    """An immutable, ordered mapping whose entries arrive, change and go.

    It is ordered as a dict is: an entry that changes keeps its place. A version sees the first changes of a shared list
    of changes. A buffer whose changes are mostly out of date is left for a new one, so that memory follows the number
    of entries and a change costs O(1) amortized.

    Example:
        >>> one = VersionedDict({"a": 1, "b": 2})
        >>> one.with_items({"a": 3}), one.without("a"), one
        ({'a': 3, 'b': 2}, {'b': 2}, {'a': 1, 'b': 2})
    """

    __slots__ = ("_buffer", "_n_changes", "_n_entries")

    def __init__(self, entries: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        self._buffer = _Changes(dict(entries))
        self._n_changes = self._n_entries = self._buffer.used

    def with_items(self, new: Mapping[K, V]) -> VersionedDict[K, V]:
        """Return this mapping with the entries of `new` added or replaced; O(entries of `new`)."""
        changed = self
        for key, value in new.items():
            changed = changed._changed(key, value, changed._n_entries + (key not in changed))
        return changed

    def without(self, key: K) -> VersionedDict[K, V]:
        """Return this mapping without `key`.

        Raises:
            KeyError: the mapping does not have it.
        """
        if key not in self:
            raise KeyError(key)
        return self._changed(key, _GONE, self._n_entries - 1)

    def _changed(self, key: K, value: Any, n_entries: int) -> VersionedDict[K, V]:
        if self._n_changes > 2 * self._n_entries + _MOST_OUTDATED or not self._buffer.claim(
            self._n_changes, (key, value)
        ):
            entries: dict[K, Any] = self._entries()
            _apply(entries, key, value)
            return VersionedDict(entries)
        version: VersionedDict[K, V] = VersionedDict.__new__(VersionedDict)
        version._buffer, version._n_changes, version._n_entries = self._buffer, self._n_changes + 1, n_entries
        return version

    def _entries(self) -> dict[K, V]:
        entries: dict[K, V] = {}
        for key, value in self._buffer.changes[: self._n_changes]:
            _apply(entries, key, value)
        return entries

    def _found(self, key: object) -> Any:
        places = self._buffer.places.get(key)
        if places is None:
            return _GONE
        last = bisect_left(places, self._n_changes)  # newer versions may have changed the key again
        return self._buffer.changes[places[last - 1]][1] if last else _GONE

    def __getitem__(self, key: K) -> V:
        value = self._found(key)
        if value is _GONE:
            raise KeyError(key)
        return value  # type: ignore[no-any-return]

    def get(self, key: K, default: Any = None) -> Any:
        """Return the value under `key`, or `default`."""
        value = self._found(key)
        return default if value is _GONE else value

    def __contains__(self, key: object) -> bool:
        return self._found(key) is not _GONE

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries())

    def __reversed__(self) -> Iterator[K]:
        return reversed(self._entries())

    def keys(self) -> KeysView[K]:
        """Return the keys in the order of arrival."""
        return self._entries().keys()

    def values(self) -> ValuesView[V]:
        """Return the values in the order of arrival."""
        return self._entries().values()

    def items(self) -> ItemsView[K, V]:
        """Return keys and values in the order of arrival."""
        return self._entries().items()

    def __len__(self) -> int:
        return self._n_entries

    def __repr__(self) -> str:
        return repr(self._entries())

    def __copy__(self) -> VersionedDict[K, V]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> VersionedDict[K, V]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return unpickled, (VersionedDict, self._entries())


_GONE: Any = object()
"""Stands for the value of a key that was removed."""

_MOST_OUTDATED = 64


def _apply(entries: dict[K, Any], key: K, value: Any) -> None:
    if value is _GONE:
        del entries[key]
    else:
        entries[key] = value


def unpickled(kind: Callable[[Any], Any], items: dict[Any, Any] | list[Any]) -> Any:
    """Return a container of `kind` in which every NaN is ``math.nan``.

    Dicts and lists compare their items by identity before equality: with one object for NaN, a pickle equals what was
    pickled.
    """
    if isinstance(items, dict):
        return kind({key: _one_nan(value) for key, value in items.items()})
    return kind([_one_nan(value) for value in items])


def _one_nan(value: Any) -> Any:
    return math.nan if type(value) is float and value != value else value
