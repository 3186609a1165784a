"""The states of a trial, from the queue to its end, and reading them from what users pass."""

from __future__ import annotations

import enum
from collections.abc import Iterable

from hpo.errors import InvalidArgument, InvalidType


class TrialState(enum.Enum):
    """The stage that a trial has reached, or how it ended.

    Example:
        >>> [state.name for state in TrialState if state.is_finished()]
        ['COMPLETE', 'PRUNED', 'FAIL']
    """

    WAITING = "waiting"
    """Enqueued; the next ask starts it."""
    RUNNING = "running"
    PAUSED = "paused"
    """Waiting to be resumed, with its reports and its checkpoint; no worker runs it."""
    COMPLETE = "complete"
    PRUNED = "pruned"
    """Ended early; its value is the last one reported."""
    FAIL = "fail"
    """Ended without a result; `FrozenTrial.reason` says why."""

    __hash__ = object.__hash__  # members are unique; that of their names takes ten times as long

    def is_finished(self) -> bool:
        """Return whether the trial cannot change any more."""
        return self in _FINISHED


_FINISHED = frozenset({TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL})


def checked_state(given: object) -> TrialState:
    """Return a state that was given as a member of `TrialState`, or by its name in upper or lower case.

    Raises:
        InvalidArgument: it is a string, but not the name of a state.
        InvalidType: it is neither a member nor a string.

    Example:
        >>> checked_state("fail"), checked_state(TrialState.PRUNED)
        (<TrialState.FAIL: 'fail'>, <TrialState.PRUNED: 'pruned'>)
    """
    if isinstance(given, TrialState):
        return given
    if not isinstance(given, str):
        raise InvalidType(f"a trial's state is a TrialState or its name, got {given!r} of type {type(given).__name__}")
    state = _STATE_BY_NAME.get(given.lower())
    if state is None:
        raise InvalidArgument(f"a trial's state is one of {', '.join(map(repr, _STATE_BY_NAME))}; got {given!r}")
    return state


_STATE_BY_NAME = {state.value: state for state in TrialState}


def checked_states(given: Iterable[TrialState | str] | None) -> tuple[TrialState, ...] | None:
    """Return several states, each of them once, or None for None.

    Raises:
        InvalidType: `given` is not a collection of states.
        InvalidArgument: a name in it is not the name of a state.
    """
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidType(f"states is None or a collection of members of TrialState, got {given!r}")
    return tuple(dict.fromkeys(checked_state(state) for state in given))
