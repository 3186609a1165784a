"""Carrying out a command on a state, and the events that it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from msgspec.structs import force_setattr

from hpo.core.commands import Command
from hpo.core.decide import decide
from hpo.core.evolve import replay
from hpo.core.records import AnyEvent
from hpo.core.state import StudyState
from hpo.core.values import FrozenTrial, as_int
from hpo.errors import InvalidArgument, InvalidType

TrialOrNumber: TypeAlias = FrozenTrial | int


def number_of(trial: TrialOrNumber) -> int:
    """Return the number of a trial that was given as itself or by its number."""
    return trial if type(trial) is int or not isinstance(trial, FrozenTrial) else trial.number


def carried_out(state: StudyState, command: Command) -> StudyState:
    """Return the state after `command`, which remembers the events for `events_since`.

    Raises:
        HpoError: the command is refused, as by `decide`.

    Example:
        >>> from hpo.core.commands import Ask
        >>> carried_out(StudyState.create(), Ask()).n_trials
        1
    """
    events = decide(state, command)
    return remembering(replay(events, state), state, events) if events else state


def remembering(after: StudyState, before: StudyState, events: Sequence[AnyEvent]) -> StudyState:
    """Return `after`, which `replay` has just made of `before` and `events`; `events_since` then finds these events."""
    # In place, which costs a fifth of a copy of the state: `replay` has made `after`, and nobody else has seen it yet.
    # `log` is not a part of the value either.
    force_setattr(after, "log", before.log.extended(before.version, events))
    return after


def events_since(state: StudyState, version: int) -> list[AnyEvent]:
    """Return the events by which `ask`, `tell` and the other pure functions came from `version` to `state`.

    A scheduler appends them to a list that it keeps, instead of writing whole states, and `replay` reads them back. At
    least the newest 16,384 events are remembered; after `replay` and `StudyState.from_bytes` the memory starts anew.

    Args:
        state: The study.
        version: The `version` of an earlier state, for example of the one that was given to `ask`.

    Returns:
        The events, oldest first; O(their number).

    Raises:
        InvalidArgument: `version` is newer than `state`, or older than what `state` remembers.
        InvalidType: `version` is not an int.

    Example:
        >>> from hpo.core.ask_tell import ask, tell
        >>> from hpo.samplers import RandomSampler
        >>> before = StudyState.create()
        >>> after, trial = ask(before, RandomSampler())
        >>> after = tell(after, trial, 0.5)
        >>> [type(event).__name__ for event in events_since(after, before.version)]
        ['TrialStarted', 'TrialFinished']
        >>> replay(events_since(after, before.version), before) == after
        True
    """
    wanted = as_int(version)
    if wanted is None:
        raise InvalidType(f"a version is a number of events, got {version!r} of type {type(version).__name__}")
    if wanted == state.version:
        return []
    # the log of a state that was replayed or read from bytes ends before the state does, so it says nothing of it
    first = state.log.start if state.log.end == state.version else state.version
    if not first <= wanted <= state.version:
        raise InvalidArgument(
            f"this state has the version {state.version} and remembers the events after version {first}; got {wanted}: "
            "take the events after each step, or keep the state's bytes"
        )
    events: list[AnyEvent] = state.log.since(wanted)
    return events
