"""The first trials of an undeclared space, which are asked for their parameters one by one, and kept apart.

Trials that run at the same time before any has ended have no joint space, and do not see what the others get: each value
is computed from the study as it was when its trial started. But what the others get follows from that, too. So a trial
computes what the earlier ones get, and takes another value as long as there is one.

So trials are different as long as one of their parameters has a value for each of them. More trials at once may repeat a
configuration of several parameters: nobody knows yet which others there are, and a value must not depend on the order in which
an objective asks. No rule for the values could prevent it: two choices divide four trials into two and two, in three ways, so
of any four such parameters two divide them alike, and repeat. Where it matters, declare the space, or give it to `ask`.
"""

from __future__ import annotations

from collections import Counter

from hpo.core import (
    Answer,
    Exhausted,
    FrozenDict,
    FrozenTrial,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    Suggestion,
    TrialState,
    ask_sampler,
    index_of,
    rarest_index,
    value_of,
)
from hpo.samplers.parts.observations import is_learnable

_MOST = 64  # first trials that are kept apart; a study with more of them has a larger space, or fails all the time


def kept_apart(
    answer: Answer, start: Sampler, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key
) -> Answer:
    """Return the answer for a lone parameter of a first trial, with a value that no earlier first trial gets.

    If every value is taken, it is one that the fewest have. The note's ``rule`` is "untried" if the value was replaced.

    Args:
        answer: The answer of `start`, which is kept if its value is free, or has infinitely many others beside it.
        start: The sampler that is asked for the first trials.
        state: The study at the moment when `trial` started.
        trial: The trial, without lone parameters.
        space: The lone parameter.
        key: The random stream of the call.
    """
    if isinstance(answer, Exhausted) or not _is_first(state, trial):
        return answer
    ((name, distribution),) = space.items()
    n_values = distribution.n_values()
    own = None if n_values is None else index_of(distribution, answer.params[name])
    if n_values is None or own is None:
        return answer
    index = _apart(own, _taken(start, state, trial.number, space, key), n_values, key)
    return answer if index == own else Suggestion({name: value_of(distribution, index)}, {"rule": "untried"})


def expected(start: Sampler, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> list[FrozenTrial]:
    """Return the first trials that run and do not have all parameters yet, with those that they will get.

    Args:
        start: The sampler that is asked for the first trials.
        state: The study at the moment when `trial` started.
        trial: A later trial.
        space: The joint space by now, in which every parameter has finitely many values.
        key: The random stream of the call.
    """
    found = []
    for other in state.running.values():
        missing = [name for name in space if name not in other.params]
        if not missing or other.number >= min(trial.number, _MOST) or not _is_asking(other):
            continue
        params = dict(other.params)
        for name in missing:
            distribution = space[name]
            one = SearchSpace({name: distribution})
            index = _drawn(start, state, other, one, key, _taken(start, state, other.number, one, key))
            if index is not None:
                params[name] = value_of(distribution, index)
        found.append(FrozenTrial(other.number, TrialState.RUNNING, params=FrozenDict(params), distributions=space))
    return found


def _is_first(state: StudyState, trial: FrozenTrial) -> bool:
    if trial.params or trial.note or trial.number >= _MOST or len(state.running) < 2:
        return False
    return len(state.finished) < _MOST and not any(map(is_learnable, state.finished))


def _is_asking(trial: FrozenTrial) -> bool:
    """Return whether a trial runs and may be a first one: a joint suggestion would have noted its rule."""
    return trial.state is TrialState.RUNNING and "rule" not in trial.note and not trial.fixed_params


def _taken(start: Sampler, state: StudyState, number: int, space: SearchSpace, key: Key) -> Counter[int]:
    """Return how many of the trials before `number` have, or will get, the value with each index."""
    ((name, distribution),) = space.items()
    taken: Counter[int] = Counter()
    earlier = [other for other in state if other.number < number and other.state is not TrialState.WAITING]
    for other in sorted(earlier, key=lambda each: each.number):
        if name in other.params:
            index = index_of(distribution, other.params[name])
        elif _is_asking(other):
            index = _drawn(start, state, other, space, key, taken)
        else:
            continue
        if index is not None:
            taken[index] += 1
    return taken


def _drawn(
    start: Sampler, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key, taken: Counter[int]
) -> int | None:
    """Return the index of the value that a first trial gets, given those that are taken by then."""
    ((name, distribution),) = space.items()
    n_values = distribution.n_values()
    stream = Key(key.seed, ("trial", trial.number, name))  # that of the trial's own call
    answer = ask_sampler(start, state, trial, space, stream, lone=True)
    own = None if isinstance(answer, Exhausted) else index_of(distribution, answer.params[name])
    return None if own is None or n_values is None else _apart(own, taken, n_values, stream)


def _apart(own: int, taken: Counter[int], n_values: int, key: Key) -> int:
    fewest = min(taken.values()) if len(taken) == n_values else 0
    if taken[own] <= fewest:
        return own
    (unit,) = key.child("untried").uniforms(["value"])
    return rarest_index(taken, n_values, unit)
