"""Stopping rules: pure functions that say when a study has had enough trials."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from hpo.core.state import StudyState
from hpo.core.values import checked_callable


class Stop(Struct, frozen=True):
    """A stopping rule's answer: start no more trials.

    Args:
        reason: Why, as a sentence or a small JSON value.

    Example:
        >>> Stop("100 trials without an improvement").reason
        '100 trials without an improvement'
    """

    reason: Any


class StoppingRule(Protocol):
    """A pure function: either a plain function, or a frozen class whose fields are its options.

    Example:
        >>> def after_ten(state):
        ...     return Stop("ten trials are enough") if state.n_trials >= 10 else None
    """

    def __call__(self, state: StudyState) -> Stop | None:
        """Return `Stop` with the reason if no more trials should start, or None to continue."""
        ...


def checked_stopping_rule(given: Any) -> StoppingRule:
    """Return `given` if it is callable and not a class.

    Raises:
        InvalidType: it cannot be called, or it is a class.
    """
    rule: StoppingRule = checked_callable(given, "a stopping rule is a function of (state)")
    return rule
