"""The finished trials of a study, which its states share, and folds over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Protocol, TypeVar, cast, overload

from hpo.core.memory.growing import GrowingBuffer
from hpo.core.memory.lazy import LazyList

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)
C = TypeVar("C")

# Only the most recently used folds are kept. A fold has its space among its options, and a study whose ranges change
# all the time makes a new fold with every trial: their carries would fill the memory. Short histories keep more of them,
# since an objective with hundreds of lone parameters has a fold for each, which would start over at every trial.
_KEPT_FOLDS = 64
_MOST_FOLDS = 512
_KEPT_STEPS = 200_000  # folds times trials up to which more than 64 folds are kept
# Carries are kept for the newest lengths. One would do for a single worker. The states of parallel workers are a few
# trials behind, and a lone parameter is asked for in the state in which its trial started. Without the carry for its
# length or a smaller one, a state would have to fold all of its trials anew.
_KEPT_CARRIES = 16
_PIECE = 1024
_MANY = 8  # trials that a fold may take together


class _Fold(Protocol[T_contra, C]):
    """The fold that `History.fold` takes. `hpo.core.contracts.fold.Fold`, the same for trials, states the rules."""

    def init(self) -> C: ...

    def step(self, carry: C, trial: T_contra) -> C: ...


class _Trials(GrowingBuffer[T]):
    """The memory that the histories of one line of snapshots share: trials, and the carries of folds over them."""

    __slots__ = ("memo", "trials")

    def __init__(self, trials: LazyList[T]) -> None:
        super().__init__(len(trials))
        self.trials = trials
        self.memo: dict[Any, dict[int, Any]] = {}  # by fold, then by length

    def write(self, position: int, item: T) -> None:
        self.trials.append(item)


class History(Sequence[T]):
    """Finished trials, in the order in which they were told.

    A history is a shared buffer and a length: it sees the trials below its length. Appending to the newest history
    writes the next slot of the buffer, in O(1) amortized; appending to an older one copies the trials that it sees,
    which makes a fork.

    The carries of `fold` are kept with the buffer. Dropping them costs time and nothing else.

    Trials of a journal that was loaded are columns of numbers, and become objects when they are asked for: those of an
    index or a slice are kept then, and those of a fold or a loop are not.
    """

    __slots__ = ("_buffer", "_length")

    def __init__(self, trials: Sequence[T] | LazyList[T] = ()) -> None:
        self._buffer = _Trials(trials if isinstance(trials, LazyList) else LazyList.of(trials))
        self._length = self._buffer.used

    def append(self, trial: T) -> History[T]:
        """Return a history with one more trial."""
        buffer = self._buffer
        # Somebody may have appended to this history before: a batch of what-if states, or a state that was kept and
        # continued in another way. The slot is theirs then, and this history goes on in a buffer of its own.
        if not buffer.claim(self._length, trial):
            return self._forked(trial)
        longer: History[T] = History.__new__(History)  # not by the constructor, which makes a new buffer
        longer._buffer, longer._length = buffer, self._length + 1
        return longer

    def fold(self, fold: _Fold[T, C]) -> C:
        """Return the summary of this history by `fold`, its carry; O(trials that are new since the last call).

        Example:
            >>> import attrs
            >>> @attrs.frozen
            ... class Count:
            ...     def init(self): return 0
            ...     def step(self, carry, trial): return carry + 1
            >>> History().fold(Count())
            0
        """
        # The empty history is a default value, shared by all studies of the process: what it kept would never be freed.
        if not self._length:
            return fold.init()
        buffer = self._buffer
        # Under the lock, so that threads with the same fold do not compute it twice. `step` may be slow, but it is pure
        # and so never waits for another thread.
        with buffer.lock:
            carries = buffer.memo.pop(fold, None) or {}
            buffer.memo[fold] = carries  # now the youngest: dicts keep the order of insertion
            n_folds = len(buffer.memo)
            if n_folds > _KEPT_FOLDS and n_folds > min(_KEPT_STEPS // self._length, _MOST_FOLDS):
                del buffer.memo[next(iter(buffer.memo))]
            if self._length in carries:
                return cast(C, carries[self._length])
            # Start from the longest carry that is not longer than this history: usually one trial less than now. A
            # carry of a longer history has seen trials that this one must not see, and steps cannot be undone.
            start = self._length - 1
            if start not in carries:
                start = max((length for length in carries if length < self._length), default=0)
            carry = carries[start] if start else fold.init()
            relevant = getattr(fold, "relevant_rows", None) if start < buffer.trials.n_lazy else None
            if relevant is not None:
                # Trials that are columns still. A fold that needs few of them need not have them all made into objects.
                source, stop = buffer.trials.source, min(buffer.trials.n_lazy, self._length)
                for row in relevant(source, start, stop):
                    carry = fold.step(carry, source.trials(row, row + 1)[0])
                start = stop
            trials = buffer.trials
            if start < trials.n_lazy:
                for trial in trials.iterate(start, self._length):
                    carry = fold.step(carry, trial)
            elif self._length - start >= _MANY and (steps := getattr(fold, "steps", None)) is not None:
                carry = steps(carry, trials.items(start, self._length))
            else:  # the usual fold goes on by one trial
                for trial in trials.items(start, self._length):
                    carry = fold.step(carry, trial)
            carries[self._length] = carry
            if len(carries) > _KEPT_CARRIES:
                del carries[min(carries)]
            return cast(C, carry)

    def shared_list(self) -> LazyList[T]:
        """Return the list that this history and others share: it may have more trials than this history."""
        return self._buffer.trials

    def _forked(self, trial: T) -> History[T]:
        buffer = self._buffer
        with buffer.lock:
            shared = buffer.trials.first(self._length)
            shared.append(trial)
            fork = History(shared)
            # A fork takes over the carries of the trials that it shares. Longer ones have seen trials that are not in
            # it.
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
        # The buffer may be longer than this history, so an index counts from its own length and not from the list's.
        if isinstance(index, slice):
            start, stop, step = index.indices(self._length)
            if step == 1:
                return self._buffer.trials.items(start, max(start, stop))
            return self._buffer.trials.items(0, self._length)[index]
        if not -self._length <= index < self._length:
            raise IndexError(f"no trial {index} in a history of {self._length}")
        return self._buffer.trials[index % self._length]

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return self._buffer.trials.iterate(0, self._length)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        if len(self) != len(other) or self._buffer is other._buffer:
            return len(self) == len(other)
        # in pieces, and not as two lists of all: columns become objects, and these are not kept
        ours, theirs = iter(self), iter(other)
        return all([*islice(ours, _PIECE)] == [*islice(theirs, _PIECE)] for _ in range(0, len(self), _PIECE))

    def __hash__(self) -> int:
        # equal histories agree in these two, and a hash of all trials would be O(trials)
        return hash((self._length, self[-1] if self._length else None))

    def __repr__(self) -> str:
        return f"<History of {self._length} finished trials>"

    def __copy__(self) -> History[T]:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> History[T]:
        return self

    def __reduce__(self) -> tuple[type[History[T]], tuple[list[T]]]:
        return History, (self[:],)  # neither later trials nor carries, which may hold anything, travel along
