"""What a pruner is: a pure function from a study's state and a running trial to a decision."""

from __future__ import annotations

import enum
from typing import Any, Protocol

from hpo.core.state import StudyState
from hpo.core.values import FrozenTrial, checked_callable
from hpo.errors import InvalidType


class Decision(enum.Enum):
    """What a running trial should do next; a `Pruner` answers with one.

    Example:
        >>> Decision("stop") is Decision.STOP
        True
    """

    CONTINUE = "continue"
    STOP = "stop"


class Pruner(Protocol):
    """A pure function; a frozen class whose fields are its options, or a plain function.

    Example:
        >>> def impatient(state, trial):
        ...     return Decision.STOP if trial.last_step == 10 else Decision.CONTINUE
    """

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision:
        """Whether `trial`, which runs and may have reported values, is worth going on."""
        ...


def checked_pruner(given: Any) -> Pruner:
    """`given`, if it can be asked as a pruner is.

    Raises:
        InvalidType: it can't be called, or is a class.
    """
    pruner: Pruner = checked_callable(given, "a pruner is a function of (state, trial)")
    return pruner


def decision_to_stop(state: StudyState, pruner: Pruner, trial: FrozenTrial) -> bool:
    """Whether `pruner` says STOP.

    Raises:
        InvalidType: it says something that is no `Decision`.
    """
    decision = pruner(state, trial)
    if not isinstance(decision, Decision):
        raise InvalidType(f"a pruner answers with a Decision; {pruner!r} gave {decision!r}")
    return decision is Decision.STOP
