"""Immutable containers whose versions share memory.

=================  ==========================  =============================================
container          holds                       a new version costs
=================  ==========================  =============================================
`FrozenDict`       a handful of entries        O(entries): it is copied whole
`FrozenList`       a handful of items          O(items): it is copied whole
`InsertOnlyDict`   entries that only arrive    O(1) from the newest version, O(n) from others
`VersionedDict`    entries that change         O(changes) from the newest version, O(n) from others
`NumberMap`        trials that come and go     O(n / 4096 + 128) from any version
=================  ==========================  =============================================

`hpo.core.memory.history.History` keeps the finished trials and their folds.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, NoReturn, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """A dict that refuses to change: JSON, ``==`` and ``**`` treat it as the dict it is.

    Example:
        >>> FrozenDict({"x": 1}) | {"y": 2}
        {'x': 1, 'y': 2}
        >>> FrozenDict({"x": 1})["x"] = 2
        Traceback (most recent call last):
            ...
        TypeError: this dict belongs to an immutable value: copy it with dict(...) to change it
    """

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this dict belongs to an immutable value: copy it with dict(...) to change it")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def with_item(self, key: K, value: V) -> FrozenDict[K, V]:
        """This dict with `value` under `key`."""
        changed = dict(self)
        changed[key] = value
        return FrozenDict(changed)

    def __copy__(self) -> FrozenDict[K, V]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenDict[K, V]:
        return self  # its values are immutable too: numbers, texts, and trees of them

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (FrozenDict, dict(self))


class FrozenList(list[V]):
    """A list that refuses to change: what `FrozenDict` is among dicts."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this list belongs to an immutable value: copy it with list(...) to change it")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __copy__(self) -> FrozenList[V]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenList[V]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (FrozenList, list(self))


class _Slots:
    """The memory that the versions of one `InsertOnlyDict` share."""

    __slots__ = ("entries", "lock", "positions")

    def __init__(self, entries: Mapping[Any, Any]) -> None:
        self.lock = threading.Lock()
        self.entries = list(entries.items())
        self.positions = {key: position for position, key in enumerate(entries)}


class InsertOnlyDict(Mapping[K, V]):
    """An ordered mapping to which entries are only ever added; a version is (shared slots, its length).

    Adding to the newest version claims the next slot in place; adding to an older one copies what it sees.
    No slot below a version's length is ever rewritten.
    """

    __slots__ = ("_length", "_slots")

    def __init__(self, entries: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        self._slots = _Slots(dict(entries))
        self._length = len(self._slots.entries)

    def with_item(self, key: K, value: V) -> InsertOnlyDict[K, V]:
        """This mapping with one more entry; a key that it has already keeps its first value."""
        if key in self:
            return self
        slots = self._slots
        with slots.lock:
            newest = len(slots.entries) == self._length and self._length > 0
            if newest:
                slots.entries.append((key, value))
                slots.positions[key] = self._length
        if not newest:  # a fork, or the empty mapping that all studies start from
            return InsertOnlyDict([*self.items(), (key, value)])
        grown: InsertOnlyDict[K, V] = InsertOnlyDict.__new__(InsertOnlyDict)
        grown._slots, grown._length = slots, self._length + 1
        return grown

    def key_at(self, position: int) -> K:
        """The key that arrived as number `position`, counted from 0."""
        if not 0 <= position < self._length:
            raise IndexError(position)
        return self._slots.entries[position][0]  # type: ignore[no-any-return]

    def __getitem__(self, key: K) -> V:
        position = self._slots.positions.get(key, self._length)
        if position >= self._length:
            raise KeyError(key)
        return self._slots.entries[position][1]  # type: ignore[no-any-return]

    def get(self, key: K, default: Any = None) -> Any:
        """The value under `key`, or `default`."""
        position = self._slots.positions.get(key, self._length)
        return self._slots.entries[position][1] if position < self._length else default

    def __contains__(self, key: object) -> bool:
        return self._length > 0 and self._slots.positions.get(key, self._length) < self._length

    def __iter__(self) -> Iterator[K]:
        return iter([key for key, _ in self._slots.entries[: self._length]])

    def values(self) -> list[V]:  # type: ignore[override]
        """The values in the order of arrival; a list, which costs a tenth of a view."""
        return [value for _, value in self._slots.entries[: self._length]]

    def items(self) -> list[tuple[K, V]]:  # type: ignore[override]
        """Keys and values in the order of arrival."""
        return self._slots.entries[: self._length]

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        return repr(dict(self))

    def __copy__(self) -> InsertOnlyDict[K, V]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> InsertOnlyDict[K, V]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (InsertOnlyDict, dict(self))


class _Written(NamedTuple):
    """What a `VersionedDict` has under one key from some version on, and what it had there before."""

    version: int
    value: Any
    before: _Written | None


class _Writings:
    """The memory that the versions of one `VersionedDict` share."""

    __slots__ = ("entries", "lock", "newest")

    def __init__(self, entries: Mapping[Any, Any]) -> None:
        self.lock = threading.Lock()
        self.entries = {key: _Written(1, value, None) for key, value in entries.items()}
        self.newest = 1 if entries else 0


class VersionedDict(Mapping[K, V]):
    """A mapping whose entries change, but never leave; a version is (shared writings, its number).

    Changing the newest version writes in place, and keeps what was there before for older versions; changing an older
    one copies what it sees. To look up a key costs O(1) in the newest version, and O(later changes of the key) in
    others.
    """

    __slots__ = ("_version", "_writings")

    def __init__(self, entries: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        self._writings = _Writings(dict(entries))
        self._version = self._writings.newest

    def with_items(self, changes: Mapping[K, V]) -> VersionedDict[K, V]:
        """This mapping with other or new values under the keys of `changes`.

        Example:
            >>> VersionedDict({"a": 1}).with_items({"a": 2, "b": 3})
            {'a': 2, 'b': 3}
        """
        if not changes:
            return self
        writings, version = self._writings, self._version + 1
        with writings.lock:
            newest = writings.newest == self._version > 0
            if newest:
                for key, value in changes.items():
                    writings.entries[key] = _Written(version, value, writings.entries.get(key))
                writings.newest = version
        if not newest:  # a fork, or the empty mapping that all studies start from
            return VersionedDict({**dict(self.items()), **changes})
        changed: VersionedDict[K, V] = VersionedDict.__new__(VersionedDict)
        changed._writings, changed._version = writings, version
        return changed

    def _found(self, key: object) -> _Written | None:
        written = self._writings.entries.get(key)
        while written is not None and written.version > self._version:
            written = written.before
        return written

    def __getitem__(self, key: K) -> V:
        written = self._found(key)
        if written is None:
            raise KeyError(key)
        return written.value  # type: ignore[no-any-return]

    def get(self, key: K, default: Any = None) -> Any:
        """The value under `key`, or `default`."""
        written = self._found(key)
        return default if written is None else written.value

    def __contains__(self, key: object) -> bool:
        return self._found(key) is not None

    def __iter__(self) -> Iterator[K]:
        with self._writings.lock:
            keys = [*self._writings.entries]
        return (key for key in keys if key in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))

    def __copy__(self) -> VersionedDict[K, V]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> VersionedDict[K, V]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (VersionedDict, dict(self))


class NumberMap(Mapping[int, V]):
    """A persistent mapping from trial numbers, read in ascending order.

    A trie over the bits of the number, 64 to a node below the top: a change copies three small dicts, so a study may
    have ten thousand running trials and still ask for the next one at the price of the first.
    """

    __slots__ = ("_length", "_root")

    def __init__(self, entries: Mapping[int, V] | Iterable[tuple[int, V]] = ()) -> None:
        self._root: dict[int, dict[int, dict[int, V]]] = {}
        self._length = 0
        for number, value in dict(entries).items():
            changed = self.with_item(number, value)
            self._root, self._length = changed._root, changed._length

    def with_item(self, number: int, value: V) -> NumberMap[V]:
        """This mapping with `value` under `number`, new or replaced."""
        root = dict(self._root)
        middle = dict(root.get(number >> 12, _NO_NODE))
        leaf = dict(middle.get(number >> 6, _NO_NODE))
        added = number not in leaf
        leaf[number] = value
        middle[number >> 6] = leaf
        root[number >> 12] = middle
        return self._version(root, self._length + added)

    def without(self, number: int) -> NumberMap[V]:
        """This mapping less `number`.

        Raises:
            KeyError: it isn't there.
        """
        root = dict(self._root)
        middle = dict(root[number >> 12])
        leaf = dict(middle[number >> 6])
        del leaf[number]
        if leaf:
            middle[number >> 6] = leaf
        else:
            del middle[number >> 6]
        if middle:
            root[number >> 12] = middle
        else:
            del root[number >> 12]
        return self._version(root, self._length - 1)

    def first(self) -> int | None:
        """The smallest number, or None."""
        if not self._length:
            return None
        middle = self._root[min(self._root)]
        return min(middle[min(middle)])

    def _version(self, root: dict[int, dict[int, dict[int, V]]], length: int) -> NumberMap[V]:
        version: NumberMap[V] = NumberMap.__new__(NumberMap)
        version._root, version._length = root, length
        return version

    def __getitem__(self, number: int) -> V:
        return self._root[number >> 12][number >> 6][number]

    def __contains__(self, number: object) -> bool:
        return number in self._root.get(number >> 12, _NO_NODE).get(number >> 6, _NO_NODE)  # type: ignore[operator]

    def get(self, number: int, default: Any = None) -> Any:
        """The value under `number`, or `default`."""
        return self._root.get(number >> 12, _NO_NODE).get(number >> 6, _NO_NODE).get(number, default)

    def __iter__(self) -> Iterator[int]:
        return iter([number for number, _ in self.items()])

    def values(self) -> list[V]:  # type: ignore[override]
        """The values in the order of their numbers; a list, which costs a tenth of a view."""
        return [value for _, value in self.items()]

    def items(self) -> list[tuple[int, V]]:  # type: ignore[override]
        """Numbers and values in the order of the numbers."""
        return [
            item
            for _, middle in sorted(self._root.items())
            for _, leaf in sorted(middle.items())
            for item in sorted(leaf.items(), key=_first)
        ]

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        return repr(dict(self))

    def __reduce__(self) -> tuple[type[NumberMap[V]], tuple[dict[int, V]]]:
        return NumberMap, (dict(self),)


def _first(item: tuple[int, Any]) -> int:
    return item[0]


_NO_NODE: dict[int, Any] = {}


def _unpickled(kind: Callable[[Any], Any], items: dict[Any, Any] | list[Any]) -> Any:
    """A container of `kind` in which every NaN is the same object again, so that it equals what was pickled."""
    if isinstance(items, dict):
        return kind({key: _one_nan(value) for key, value in items.items()})
    return kind([_one_nan(value) for value in items])


def _one_nan(value: Any) -> Any:
    return math.nan if type(value) is float and value != value else value
