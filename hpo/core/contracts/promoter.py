"""What a promoter is: a pure function that says which paused trial goes on, or which trial is forked, before a start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from hpo.core.commands import ResumeTrial, StartFork
from hpo.core.state import StudyState
from hpo.core.values import Key, checked_callable
from hpo.errors import InvalidType


class Resume(Struct, frozen=True):
    """A promoter's answer: let a paused trial go on.

    Args:
        number: The paused trial.
        reason: Why, as a small JSON value that the journal keeps: the rule and the values that were compared.

    Example:
        >>> Resume(3, {"rule": "halving", "rung": 1}).number
        3
    """

    number: int
    reason: Any = None


class ForkTrial(Struct, frozen=True):
    """A promoter's answer: start a new trial from another one's checkpoint.

    Args:
        parent: The trial whose checkpoint the new one continues from.
        params: Values by name for the new trial; the study's sampler suggests parameters that it leaves out.
        reason: Why, as a small JSON value that the journal keeps.

    Example:
        >>> ForkTrial(3, {"lr": 0.01}).parent
        3
    """

    parent: int
    params: Mapping[str, Any]
    reason: Any = None


class Promoter(Protocol):
    """A pure function that is asked before a trial starts; a frozen class whose fields are its options, or a function.

    Example:
        >>> def first_come(state, key):
        ...     number = state.paused.first()
        ...     return None if number is None else Resume(number)
    """

    def __call__(self, state: StudyState, key: Key) -> Resume | ForkTrial | None:
        """Return which paused trial goes on, or which trial is forked; None starts a new trial.

        Args:
            state: The study at the moment when the next trial is about to start.
            key: The random stream of this call; draw from it and from nothing else.
        """
        ...


def checked_promoter(given: Any) -> Promoter | None:
    """Return `given` if it is None, or callable and not a class.

    Raises:
        InvalidType: it is something else.
    """
    if given is None:
        return None
    promoter: Promoter = checked_callable(given, "a promoter is a function of (state, key)")
    return promoter


def promotion(
    state: StudyState, promoter: Promoter, *, at: float | None = None, worker: str | None = None
) -> ResumeTrial | StartFork | None:
    """Return the command that carries out what `promoter` says in `state`; None if a new trial should start.

    The random stream is named by the version of `state`, so the answer can be computed again from the journal.

    Args:
        state: The study just before the next trial starts.
        promoter: The promoter to ask.
        at: Now, in seconds since 1970, for display only.
        worker: The worker that will run the trial.

    Raises:
        InvalidType: the answer is not a `Resume`, a `ForkTrial` or None.
    """
    answer = promoter(state, state.key.child("promotion", state.version))
    if answer is None:
        return None
    if isinstance(answer, Resume):
        return ResumeTrial(answer.number, at, worker, answer.reason)
    if isinstance(answer, ForkTrial):
        return StartFork(answer.parent, answer.params, answer.reason, at, worker)
    raise InvalidType(f"a promoter answers with Resume, ForkTrial or None; {promoter!r} gave {answer!r}")
