"""Pruners: pure functions from a study's state and a running trial to a decision."""

from __future__ import annotations

import enum
from typing import Any, Protocol

from msgspec import Struct

from hpo.core.contracts.subclasses import check_overrides
from hpo.core.state import StudyState
from hpo.core.values import FrozenTrial, checked_callable
from hpo.errors import InvalidType


class Decision(enum.Enum):
    """A decision about the next step of a running trial.

    Example:
        >>> Decision("stop") is Decision.STOP
        True
    """

    CONTINUE = "continue"
    PAUSE = "pause"
    """Save a checkpoint and wait; the trial may be resumed. An objective that cannot pause simply continues."""
    STOP = "stop"


class Verdict(Struct, frozen=True):
    """A decision with its reason; the journal keeps both.

    Args:
        decision: What the trial should do.
        reason: Why, as a small JSON value: the rule, the step and the values that were compared.

    Example:
        >>> Verdict(Decision.STOP, {"rule": "median", "step": 3, "value": 0.9, "median": 0.4}).reason["step"]
        3
    """

    decision: Decision
    reason: Any = None


class Pruner(Protocol):
    """A pure function: either a plain function, or a frozen class whose fields are its options.

    Example:
        >>> def impatient(state, trial):
        ...     return Decision.STOP if trial.last_step == 10 else Decision.CONTINUE
    """

    def __call__(self, state: StudyState, trial: FrozenTrial) -> Decision | Verdict:
        """Return whether `trial` should continue, pause or stop; it is running, and may have reported values."""
        ...


def checked_pruner(given: Any) -> Pruner:
    """Return `given` if it is callable and not a class.

    Raises:
        InvalidType: it cannot be called, or it is a class; or it is of a subclass of a built-in pruner that overrides a
            method which would never be called.
    """
    pruner: Pruner = checked_callable(given, "a pruner is a function of (state, trial)")
    check_overrides(pruner)
    return pruner


def ask_pruner(state: StudyState, pruner: Pruner, trial: FrozenTrial) -> Verdict:
    """Return what `pruner` decides about `trial`, with its reason if it gives one.

    Raises:
        InvalidType: the answer is neither a `Decision` nor a `Verdict` of one.

    Example:
        >>> import hpo
        >>> trial = hpo.FrozenTrial(0, hpo.TrialState.RUNNING)
        >>> ask_pruner(StudyState.create(), lambda state, trial: Decision.CONTINUE, trial)
        Verdict(decision=<Decision.CONTINUE: 'continue'>, reason=None)
    """
    answer = pruner(state, trial)
    # A bool is refused: it cannot say "pause", and True could be read as "prune" or as "continue".
    if answer is Decision.CONTINUE:
        return _GO_ON  # by far the most frequent answer, so one object stands for all
    if isinstance(answer, Decision):
        return Verdict(answer)
    if isinstance(answer, Verdict) and isinstance(answer.decision, Decision):
        return answer
    raise InvalidType(f"a pruner answers with a Decision or a Verdict; {pruner!r} gave {answer!r}")


_GO_ON = Verdict(Decision.CONTINUE)
