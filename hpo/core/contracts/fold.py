"""What a fold is: a summary of finished trials that moves forward trial by trial."""

from __future__ import annotations

from typing import Protocol, TypeVar

from hpo.core.values import FrozenTrial

C = TypeVar("C")


class Fold(Protocol[C]):
    """A summary of finished trials, defined as ``reduce(step, history, init())``.

    It must be hashable and equal to every fold that gives the same summaries (a frozen class of its options), and
    its carries must be values: `step` returns a new one and leaves the old one as it is.

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

    def init(self) -> C:
        """Return the summary of no trials."""
        ...

    def step(self, carry: C, trial: FrozenTrial) -> C:
        """Return the summary with one more finished trial; trials come in the order in which they were told."""
        ...
