"""The finished trials of a study, which snapshots share, and folds over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar, cast, overload

from hpo.core.memory.growing import GrowingBuffer

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
C = TypeVar("C")

_FOLDS = 64  # the most recently used: ranges that drift make new ones all the time
_REMEMBERED = 16  # carries kept per fold: the newest lengths, for workers whose snapshots are a little behind


class _Fold(Protocol[T_contra, C]):
    """What `History.fold` needs. `hpo.core.contracts.fold.Fold` is the same for trials, and states the rules."""

    def init(self) -> C: ...

    def step(self, carry: C, trial: T_contra) -> C: ...


class _Trials(GrowingBuffer[T]):
    """The memory that the histories of one line of snapshots share: trials, and the carries of folds over them."""

    __slots__ = ("memo", "trials")

    def __init__(self, trials: list[T]) -> None:
        super().__init__(len(trials))
        self.trials = trials
        self.memo: dict[Any, dict[int, Any]] = {}  # by fold, then by length

    def write(self, position: int, item: T) -> None:
        self.trials.append(item)


class History(Sequence[T]):
    """Finished trials in the order told.

    See `hpo.core.memory.growing`: a history is a shared buffer and a length, so that `append` is O(1) amortized from the
    newest one and a copy from an older one.

    The carries of `fold` are kept with the buffer and only move forward. Dropping them costs time and nothing else.
    """

    __slots__ = ("_buffer", "_length")

    def __init__(self, trials: Sequence[T] = ()) -> None:
        self._buffer = _Trials(list(trials))
        self._length = self._buffer.used

    def append(self, trial: T) -> History[T]:
        """Return this history and one more trial."""
        buffer = self._buffer
        if not buffer.claim(self._length, trial):
            return self._forked(trial)
        longer: History[T] = History.__new__(History)
        longer._buffer, longer._length = buffer, self._length + 1
        return longer

    def fold(self, fold: _Fold[T, C]) -> C:
        """Return the carry of `fold` over this history; O(trials new since it was last asked for).

        Example:
            >>> import attrs
            >>> @attrs.frozen
            ... class Count:
            ...     def init(self): return 0
            ...     def step(self, carry, trial): return carry + 1
            >>> History().fold(Count())
            0
        """
        if not self._length:  # the empty history is shared by all studies, so it keeps no carries
            return fold.init()
        buffer = self._buffer
        with buffer.lock:
            carries = buffer.memo.pop(fold, None) or {}
            buffer.memo[fold] = carries  # now the youngest: dicts keep the order of insertion
            if len(buffer.memo) > _FOLDS:
                del buffer.memo[next(iter(buffer.memo))]
            if self._length in carries:
                return cast(C, carries[self._length])
            start = self._length - 1  # the usual case: one trial more than last time
            if start not in carries:
                start = max((length for length in carries if length < self._length), default=0)
            carry = carries[start] if start else fold.init()
            for trial in buffer.trials[start : self._length]:
                carry = fold.step(carry, trial)
            carries[self._length] = carry
            if len(carries) > _REMEMBERED:
                del carries[min(carries)]
            return cast(C, carry)

    def _forked(self, trial: T) -> History[T]:
        buffer = self._buffer
        with buffer.lock:
            fork = History([*buffer.trials[: self._length], trial])
            # a fork starts with the carries up to the place where it leaves the line
            fork._buffer.memo = {
                fold: kept
                for fold, carries in buffer.memo.items()
                if (kept := {length: carry for length, carry in carries.items() if length <= self._length})
            }
        return fork

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            trials = self._buffer.trials
            return [trials[i] for i in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(f"trial {index} of {self._length}")
        return self._buffer.trials[index % self._length]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return iter(self._buffer.trials[: self._length])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return len(self) == len(other) and (self._buffer is other._buffer or self[:] == other[:])

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
