"""The finished trials of a study, append-only and shared between snapshots, and folds over them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar, cast, overload

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
C = TypeVar("C")

_FOLDS = 64  # the most recently used: ranges that drift make new ones all the time
_REMEMBERED = 16  # carries kept per fold: the newest lengths, for workers whose snapshots are a little behind


class _Fold(Protocol[T_contra, C]):
    """What `History.fold` needs; `hpo.core.contracts.fold.Fold` is the same for trials, with the rules in words."""

    def init(self) -> C: ...

    def step(self, carry: C, trial: T_contra) -> C: ...


class _Buffers(Generic[T]):
    """The memory that the histories of one line of snapshots share."""

    __slots__ = ("lock", "memo", "trials")

    def __init__(self, trials: list[T]) -> None:
        self.lock = threading.RLock()
        self.trials = trials
        self.memo: dict[Any, dict[int, Any]] = {}


class History(Sequence[T]):
    """Finished trials in the order told: (shared buffers, my length).

    Appending to the newest history claims the next slot in place, which makes `append` O(1) amortized; appending to
    an older one copies what it sees: a fork. No slot below a history's length is ever rewritten.

    The memory of `fold` lives with the buffers and only moves forward. Dropping it costs time and nothing else.
    """

    __slots__ = ("_buffers", "_length")

    def __init__(self, trials: Sequence[T] = ()) -> None:
        self._buffers = _Buffers(list(trials))
        self._length = len(self._buffers.trials)

    def append(self, trial: T) -> History[T]:
        """This history and one more trial."""
        buffers = self._buffers
        with buffers.lock:
            newest = len(buffers.trials) == self._length and self._length > 0
            if newest:
                buffers.trials.append(trial)
        if not newest:
            return self._forked(trial)
        longer: History[T] = History.__new__(History)
        longer._buffers, longer._length = buffers, self._length + 1
        return longer

    def fold(self, fold: _Fold[T, C]) -> C:
        """The summary of this history; O(trials new since it was last asked for).

        Example:
            >>> import attrs
            >>> @attrs.frozen
            ... class Count:
            ...     def init(self): return 0
            ...     def step(self, carry, trial): return carry + 1
            >>> History().fold(Count())
            0
        """
        if not self._length:  # the empty history is shared by all studies, so it remembers nothing
            return fold.init()
        buffers = self._buffers
        with buffers.lock:
            carries = buffers.memo.pop(fold, None) or {}
            buffers.memo[fold] = carries  # now the youngest
            if len(buffers.memo) > _FOLDS:
                del buffers.memo[next(iter(buffers.memo))]
            if self._length in carries:
                return cast(C, carries[self._length])
            start = self._length - 1  # the usual case: one trial more than last time
            if start not in carries:
                start = max((length for length in carries if length < self._length), default=0)
            carry = carries[start] if start else fold.init()
            for trial in buffers.trials[start : self._length]:
                carry = fold.step(carry, trial)
            carries[self._length] = carry
            if len(carries) > _REMEMBERED:
                del carries[min(carries)]
            return cast(C, carry)

    def _forked(self, trial: T) -> History[T]:
        buffers = self._buffers
        with buffers.lock:
            fork = History([*buffers.trials[: self._length], trial])
            fork._buffers.memo = {
                fold: kept
                for fold, carries in buffers.memo.items()
                if (kept := {length: carry for length, carry in carries.items() if length <= self._length})
            }
        return fork

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            trials = self._buffers.trials
            return [trials[i] for i in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(f"trial {index} of {self._length}")
        return self._buffers.trials[index % self._length]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return iter(self._buffers.trials[: self._length])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return len(self) == len(other) and (self._buffers is other._buffers or self[:] == other[:])

    def __hash__(self) -> int:
        return hash((self._length, self[-1] if self._length else None))

    def __repr__(self) -> str:
        return f"<History of {self._length} finished trials>"

    def __copy__(self) -> History[T]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> History[T]:
        return self

    def __reduce__(self) -> tuple[type[History[T]], tuple[list[T]]]:
        return History, (self[:],)
