"""Results that may have been changed: which of them explain a suggestion that is not as recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
from msgspec.structs import replace

from hpo.core import (
    AGAIN,
    AnyEvent,
    Exhausted,
    FrozenTrial,
    ParamsSuggested,
    Sampler,
    SearchSpace,
    StudyState,
    Suggest,
    TrialFinished,
    decide,
    replay,
    suggest_again,
    suggest_joint,
    suggest_lone,
)
from hpo.errors import SearchSpaceExhausted

if TYPE_CHECKING:
    from hpo.study.replaying.verification import Difference

_MOST_TRIED = 64
"""Of so many results, the newest ones, it is tried what another one would have changed."""


@attrs.frozen
class Unexplained:
    """A suggestion that was computed again and differs, although the sampler is the same."""

    event: ParamsSuggested
    space: SearchSpace
    started: int  # the version in which the trial was started
    joint: FrozenTrial | None
    sampler: Sampler
    computed: tuple[Any, ...]
    directions: tuple[str, ...]


def suggested_again(
    event: ParamsSuggested,
    space: SearchSpace,
    started: StudyState,
    before: StudyState,
    joint: FrozenTrial | None,
    sampler: Sampler,
) -> tuple[Any, ...]:
    """Return the values that are computed for `event` now, or the error for each of them."""
    trial = started.running[event.number]
    try:
        if event.lone:
            answer: Suggest | Exhausted = suggest_lone(started, sampler, joint or trial, next(iter(space)), space)
        else:
            answer = suggest_joint(started, sampler, trial, space)
            if isinstance(answer, Exhausted) and isinstance(event.note, dict) and event.note.get("rule") == AGAIN:
                answer = suggest_again(started, sampler, trial, space)
        if isinstance(answer, Exhausted):
            return (SearchSpaceExhausted(answer.reason, answer.for_now),) * len(event.values)
        again = decide(before, answer)
    except Exception as error:  # noqa: BLE001 - whatever a sampler raises is the result
        return (error,) * len(event.values)
    return again[-1].values if again and isinstance(again[-1], ParamsSuggested) else ()


def with_results(difference: Difference, events: Sequence[AnyEvent], case: Unexplained) -> Difference:
    """Return `difference` with the results that may have been changed, as far as other results change the suggestion."""
    seen = events[: case.started]
    told = [(i, event) for i, event in enumerate(seen) if isinstance(event, TrialFinished) and event.values]
    if not told:
        return difference
    known = [event.values or () for _, event in told]
    columns = [[value for value in column if isinstance(value, int | float)] for column in zip(*known, strict=True)]
    lows, highs = ([bound(column, default=0.0) for column in columns] for bound in (min, max))
    minimized = [direction == "minimize" for direction in case.directions]
    best = tuple(low - 1.0 if less else high + 1.0 for low, high, less in zip(lows, highs, minimized, strict=True))
    worst = tuple(high + 1.0 if less else low - 1.0 for low, high, less in zip(lows, highs, minimized, strict=True))
    possible, explained = [event.number for _, event in told[:-_MOST_TRIED]], []
    state, done = StudyState(), 0
    for i, event in told[-_MOST_TRIED:]:
        state, done = replay(seen[done:i], state), i
        answers = []
        for values in (best, worst):
            started = replay([replace(event, values=values), *seen[i + 1 :]], state)
            answers.append(suggested_again(case.event, case.space, started, started, case.joint, case.sampler))
        if any(answer != case.computed for answer in answers):
            possible.append(event.number)
        if case.event.values in answers:
            explained.append(event.number)
    if not possible:
        return difference
    first, last = min(possible), max(possible)
    cause = f"{difference.cause}, or a result of the trials {first} to {last} was changed"
    if explained:
        numbers = ", ".join(map(str, explained[-5:]))
        cause = f"a result of the trials {first} to {last} was changed, probably that of trial {numbers}"
    return attrs.evolve(difference, cause=cause, results=(first, last), explained_by=tuple(explained))
