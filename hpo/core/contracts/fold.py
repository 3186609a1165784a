"""Folds: summaries of finished trials that are extended trial by trial."""

from __future__ import annotations

from typing import Protocol, TypeVar

from hpo.core.values import FrozenTrial

C = TypeVar("C")


class Fold(Protocol[C]):
    """A summary of finished trials, defined as ``reduce(step, history, init())``.

    A fold must be hashable, and equal to every other fold that gives the same summaries: a frozen class whose fields
    are its options is both. Its carries must be immutable: `step` returns a new one and leaves the old one as it is.

    Example:
        >>> import attrs
        >>> import hpo
        >>> @attrs.frozen
        ... class Count:
        ...     def init(self): return 0
        ...     def step(self, carry, trial): return carry + 1
        >>> hpo.StudyState.create().finished.fold(Count())
        0
    """

    # Histories keep carries by fold, so that the next state pays for its new trials only. An unequal fold would find no
    # carry and start over, and a carry that `step` changes would change the summary of older states and of forks.

    def init(self) -> C:
        """Return the summary of no trials."""
        ...

    def step(self, carry: C, trial: FrozenTrial) -> C:
        """Return the summary with one more finished trial; trials come in the order in which they were told."""
        ...
