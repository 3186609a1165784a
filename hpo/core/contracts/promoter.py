"""Promoters: pure functions that choose, before a trial starts, a paused trial to resume or a trial to fork."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from hpo.core.commands import ResumeTrial, StartFork
from hpo.core.state import StudyState
from hpo.core.values import Key, checked_callable
from hpo.errors import InvalidType


class Resume(Struct, frozen=True):
    """A promoter's answer: resume a paused trial.

    Args:
        number: The paused trial.
        reason: Why, as a small JSON value that the journal keeps: the rule, and the values that were compared.

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
    """A pure function that is asked before a trial starts: a plain function, or a frozen class with options as fields.

    Example:
        >>> def first_come(state, key):
        ...     number = state.paused.first()
        ...     return None if number is None else Resume(number)
    """

    def __call__(self, state: StudyState, key: Key) -> Resume | ForkTrial | None:
        """Return the paused trial to resume or the trial to fork, or None to start a new trial.

        Args:
            state: The study at the moment when the next trial is about to start.
            key: The random stream of this call; draw from it and from nothing else.
        """
        ...


def checked_promoter(given: Any) -> Promoter | None:
    """Return `given` if it is None, or callable and not a class.

    Raises:
        InvalidType: it cannot be called, or it is a class.
    """
    if given is None:
        return None
    promoter: Promoter = checked_callable(given, "a promoter is a function of (state, key)")
    return promoter


def promotion(
    state: StudyState, promoter: Promoter, *, at: float | None = None, worker: str | None = None
) -> ResumeTrial | StartFork | None:
    """Return the command that carries out what `promoter` answers in `state`, or None if a new trial should start.

    Args:
        state: The study just before the next trial starts.
        promoter: The promoter to ask.
        at: Now, in seconds since 1970, for display only.
        worker: The worker that will run the trial.

    Raises:
        InvalidType: the answer is not a `Resume`, a `ForkTrial` or None.
    """
    # A sampler's stream is named by the number of its trial, but a promoter is asked before there is a number, and it
    # may resume any number of trials before the next one starts. The version of the state names each of these calls
    # once, and can be read off the journal when the answer is verified.
    answer = promoter(state, state.key.child("promotion", state.version))
    if answer is None:
        return None
    if isinstance(answer, Resume):
        return ResumeTrial(answer.number, at, worker, answer.reason)
    if isinstance(answer, ForkTrial):
        return StartFork(answer.parent, answer.params, answer.reason, at, worker)
    raise InvalidType(f"a promoter answers with Resume, ForkTrial or None; {promoter!r} gave {answer!r}")
