"""Immutable containers whose versions share memory.

=================  ==========================  =============================================
container          holds                       a new version costs
=================  ==========================  =============================================
`FrozenDict`       a handful of entries        O(entries): it is copied whole
`FrozenList`       a handful of items          O(items): it is copied whole
`InsertOnlyDict`   entries that only arrive    O(1) from the newest version, O(n) from others
`VersionedDict`    entries that change         O(1) from the newest version, O(n) from others
`NumberMap`        trials that come and go     O(n / 4096 + 128) from any version
=================  ==========================  =============================================

`with_items` begins with a `FrozenDict`, which JSON takes for the dict that it is, and goes on with a `VersionedDict` when
there are many entries. `InsertOnlyDict` and `VersionedDict` are in `hpo.core.memory.growing`, and
`hpo.core.memory.history.History` keeps the finished trials and their folds. For entries that need no order, take
`immutables.Map`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn, TypeVar

from hpo.core.memory.growing import VersionedDict, unpickled

K = TypeVar("K")
V = TypeVar("V")

_COPIED = 64
"""Up to so many entries a copy is cheaper than the bookkeeping of a `VersionedDict`, and smaller."""


class FrozenDict(dict[K, V]):
    """A dict that refuses to change: JSON, ``==`` and ``**`` treat it as the dict it is.

    Example:
        >>> FrozenDict({"x": 1}) | {"y": 2}
        {'x': 1, 'y': 2}
        >>> FrozenDict({"x": 1})["x"] = 2
        Traceback (most recent call last):
            ...
        TypeError: this dict belongs to an immutable value: copy it with dict(...) to change it, and record ...
    """

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            "this dict belongs to an immutable value: copy it with dict(...) to change it, "
            "and record an attribute with set_user_attr"
        )

    # every method of dict that changes it
    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def with_item(self, key: K, value: V) -> FrozenDict[K, V]:
        """Return this dict with `value` under `key`."""
        changed = dict(self)
        changed[key] = value
        return FrozenDict(changed)

    def __copy__(self) -> FrozenDict[K, V]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenDict[K, V]:
        return self  # its values are immutable too: numbers, strings, and trees of them

    def __reduce__(self) -> tuple[Any, ...]:
        return unpickled, (FrozenDict, dict(self))


def with_items(entries: Mapping[K, V], new: Mapping[K, V]) -> Mapping[K, V]:
    """Return `entries` with the entries of `new` added or replaced.

    Up to 64 entries are copied into a `FrozenDict`. More become a `VersionedDict`, so that adding n entries one by one
    costs O(n) and not O(n^2).

    Example:
        >>> with_items(FrozenDict({"a": 1}), {"b": 2})
        {'a': 1, 'b': 2}
    """
    if type(entries) is VersionedDict:
        return entries.with_items(new)
    merged = {**entries, **new}
    return FrozenDict(merged) if len(merged) <= _COPIED else VersionedDict(merged)


def without_item(entries: Mapping[K, V], key: K) -> Mapping[K, V]:
    """Return `entries` without `key`, which it has; as cheap as `with_items`."""
    if type(entries) is VersionedDict:
        return entries.without(key)
    rest = {other: value for other, value in entries.items() if other != key}
    return FrozenDict(rest) if len(rest) <= _COPIED else VersionedDict(rest)


def settled(entries: Mapping[K, V]) -> FrozenDict[K, V]:
    """Return entries that will not change any more as a `FrozenDict`; one that is given is returned itself."""
    return entries if type(entries) is FrozenDict else FrozenDict(entries)


class FrozenList(list[V]):
    """A list that refuses to change: JSON and ``==`` treat it as the list it is."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this list belongs to an immutable value: copy it with list(...) to change it")

    # every method of list that changes it
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __copy__(self) -> FrozenList[V]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenList[V]:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return unpickled, (FrozenList, list(self))


class NumberMap(Mapping[int, V]):
    """A persistent mapping from trial numbers that is read in ascending order.

    Up to 16 entries are one dict. More are a trie over the bits of the number, 64 to a node below the top: a change
    copies three small dicts, so a study may have ten thousand running trials and still ask for the next one at the
    price of the first.

    `immutables.Map` changes 2 to 5 times as fast, but has no order. Samplers read all running trials in ascending order
    at every suggestion, and the queue is asked for its first number. Measured per call:

    ==========================================  ===============  ===============
    entries 100 / 1,000 / 10,000, microseconds  `NumberMap`      `immutables.Map`
    ==========================================  ===============  ===============
    add, replace and remove one                 2.4 / 2.8 / 3.2  0.8 / 1.1 / 1.2
    values in order                             11 / 98 / 1,300  13 / 155 / 2,500
    first number                                1.4 / 1.5 / 2.2  1.7 / 18 / 165
    ==========================================  ===============  ===============

    Example:
        >>> numbers = NumberMap({7: "b", 5: "a"})
        >>> numbers.first(), numbers.without(5), numbers
        (5, {7: 'b'}, {5: 'a', 7: 'b'})
    """

    __slots__ = ("_length", "_root", "_small")

    def __init__(self, entries: Mapping[int, V] | Iterable[tuple[int, V]] = ()) -> None:
        # either all entries in one dict, which is copied whole, or a trie of dicts; the other one is None
        self._small: dict[int, V] | None = {}
        self._root: dict[int, dict[int, dict[int, V]]] = {}
        self._length = 0
        for number, value in dict(entries).items():
            changed = self.with_item(number, value)
            self._small, self._root, self._length = changed._small, changed._root, changed._length

    def with_item(self, number: int, value: V) -> NumberMap[V]:
        """Return this mapping with `value` under `number`, new or replaced."""
        if self._small is not None:
            small = self._small.copy()
            small[number] = value
            if len(small) <= _SMALL:
                return _number_map(small, _NO_NODE, len(small))
            return _trie(small)
        # copied on the way down; all other nodes are shared with this version
        root = self._root.copy()
        middle = root.get(number >> 12, _NO_NODE).copy()
        leaf = middle.get(number >> 6, _NO_NODE).copy()
        added = number not in leaf
        leaf[number] = value
        middle[number >> 6] = leaf
        root[number >> 12] = middle
        return _number_map(None, root, self._length + added)

    def without(self, number: int) -> NumberMap[V]:
        """Return this mapping without `number`.

        Raises:
            KeyError: the mapping does not have it.
        """
        if self._small is not None:
            small = self._small.copy()
            del small[number]
            return _number_map(small, _NO_NODE, len(small))
        root = self._root.copy()
        middle = root[number >> 12].copy()
        leaf = middle[number >> 6].copy()
        del leaf[number]
        if leaf:  # empty nodes are removed, so that `first` finds a number in the first node of each level
            middle[number >> 6] = leaf
        else:
            del middle[number >> 6]
        if middle:
            root[number >> 12] = middle
        else:
            del root[number >> 12]
        return _number_map(None if root else {}, root, self._length - 1)

    def first(self) -> int | None:
        """Return the smallest number, or None for an empty mapping."""
        if self._small is not None:
            return min(self._small) if self._small else None
        middle = self._root[min(self._root)]
        return min(middle[min(middle)])

    def __getitem__(self, number: int) -> V:
        return self._root[number >> 12][number >> 6][number] if self._small is None else self._small[number]

    def __contains__(self, number: object) -> bool:
        if self._small is not None:
            return number in self._small
        return number in self._root.get(number >> 12, _NO_NODE).get(number >> 6, _NO_NODE)  # type: ignore[operator]

    def get(self, number: int, default: Any = None) -> Any:
        """Return the value under `number`, or `default`."""
        if self._small is not None:
            return self._small.get(number, default)
        return self._root.get(number >> 12, _NO_NODE).get(number >> 6, _NO_NODE).get(number, default)

    def __iter__(self) -> Iterator[int]:
        return iter([number for number, _ in self.items()])

    def values(self) -> list[V]:  # type: ignore[override]
        """Return the values in the order of their numbers: a list, which costs a tenth of a view."""
        if self._length < 2 and self._small is not None:
            return [*self._small.values()]
        return [value for _, value in self.items()]

    def items(self) -> list[tuple[int, V]]:  # type: ignore[override]
        """Return numbers and values in the order of the numbers."""
        if self._small is not None:
            return sorted(self._small.items(), key=_first)
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
_SMALL = 16
"""Up to so many entries one dict is cheaper to copy than the three of a trie."""


def _number_map(small: dict[int, V] | None, root: dict[int, dict[int, dict[int, V]]], length: int) -> NumberMap[V]:
    version: NumberMap[V] = NumberMap.__new__(NumberMap)
    version._small, version._root, version._length = small, root, length
    return version


def _trie(entries: dict[int, V]) -> NumberMap[V]:
    root: dict[int, dict[int, dict[int, V]]] = {}
    for number, value in entries.items():
        root.setdefault(number >> 12, {}).setdefault(number >> 6, {})[number] = value
    return _number_map(None, root, len(entries))
