"""The same study in another form: other units, mirrored, other labels, another order, grown trial by trial."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from hpo.core import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    FrozenDict,
    FrozenTrial,
    History,
    InsertOnlyDict,
    IntDistribution,
    NumberMap,
    SearchSpace,
    StudyState,
)
from hpo.testing._engine.cases import Question

K = TypeVar("K")
V = TypeVar("V")
_NARROW = 1e-6  # relative to its ends: a narrower range has too few digits to be shifted
_SMALL = 1e-140  # its square and that of its inverse are normal numbers
Change = Callable[[int, float], float]
"""A function of an objective's index and a value."""


def with_trials(state: StudyState, change: Callable[[FrozenTrial], FrozenTrial]) -> StudyState:
    """Return the study with `change` made to every finished, running and paused trial.

    Example:
        >>> with_trials(StudyState.create(), lambda trial: trial).n_trials
        0
    """
    finished: History[FrozenTrial] = History()
    for trial in state.finished:
        finished = finished.append(change(trial))
    unfinished: list[NumberMap[FrozenTrial]] = []
    for trials in (state.running, state.paused):
        for number, trial in trials.items():
            trials = trials.with_item(number, change(trial))  # noqa: PLW2901 - a new version of the map
        unfinished.append(trials)
    return replace(state, finished=finished, running=unfinished[0], paused=unfinished[1])


def with_values(state: StudyState, change: Change) -> StudyState:
    """Return the study with other objective values and reports; reports are of the first objective, and NaN stays.

    Example:
        >>> with_values(StudyState.create(), lambda _, value: 2.0 * value).n_trials
        0
    """

    def changed(index: int, value: float) -> float:
        return value if math.isnan(value) else change(index, value)

    def changed_trial(trial: FrozenTrial) -> FrozenTrial:
        values = None if trial.values is None else tuple(changed(i, value) for i, value in enumerate(trial.values))
        reports = InsertOnlyDict((step, changed(0, value)) for step, value in trial.intermediate_values.items())
        # Metrics by name may be anything, such as a latency: they are not in the unit of the objective.
        return replace(trial, values=values, intermediate_values=reports)

    return with_trials(state, changed_trial)


def monotone(state: StudyState) -> Change:
    """Return a strictly increasing function for each objective, far from linear, that keeps the infinities.

    Example:
        >>> monotone(StudyState.create())(0, math.inf)
        inf
    """
    seen: dict[int, set[float]] = {i: set() for i in range(len(state.directions))}
    for trial in (*state.finished, *state.running.values(), *state.paused.values()):
        for i, value in enumerate(trial.values or ()):
            seen[i].add(value)
        seen[0].update(trial.intermediate_values.values())
    images: dict[int, dict[float, float]] = {}
    for i, values in seen.items():
        finite = sorted(value for value in values if math.isfinite(value))
        images[i] = {value: (rank - len(finite) / 3) ** 3 + rank for rank, value in enumerate(finite)}
    return lambda i, value: images[i].get(value, value)


def mirrored(state: StudyState, objective: int | None = None) -> StudyState:
    """Return the study with directions reversed and values negated.

    Args:
        state: The study.
        objective: The index of the only objective that is mirrored; None for all of them.

    Example:
        >>> mirrored(StudyState.create()).directions
        ('maximize',)
        >>> mirrored(StudyState.create(directions=["minimize", "maximize"]), 1).directions
        ('minimize', 'minimize')
    """

    def reversed_direction(i: int, direction: str) -> str:
        if objective not in (None, i):
            return direction
        return "minimize" if direction == "maximize" else "maximize"

    changed = with_values(state, lambda i, value: -value if objective in (None, i) else value)
    return replace(changed, directions=tuple(reversed_direction(*each) for each in enumerate(state.directions)))


def mirror_images(state: StudyState) -> Iterator[tuple[StudyState, StudyState]]:
    """Yield pairs of studies of which one is the mirror image of the other: in all objectives, and in one at a time.

    If there are several objectives, the first one is also constant in some, so that the others decide.

    Example:
        >>> [len(pair[1].directions) for pair in mirror_images(StudyState.create(directions=["minimize", "maximize"]))]
        [2, 2, 2, 2, 2, 2]
    """
    n = len(state.directions)
    studies = (state, with_values(state, lambda i, value: value if i else 1.0)) if n > 1 else (state,)
    for each in studies:
        yield each, mirrored(each)
        if n > 1:
            yield from ((each, mirrored(each, i)) for i in range(n))


def relabelled(state: StudyState) -> StudyState:
    """Return the study with another name, and other metric names, attributes, workers, clocks and reasons of failures.

    Its log is empty: which of the newest events a state has at hand is not a part of its value.

    Example:
        >>> relabelled(StudyState.create(name="a")).name
        'another name'
    """

    def changed_trial(trial: FrozenTrial) -> FrozenTrial:
        return replace(
            trial,
            user_attrs=FrozenDict({"another": "attribute"}),
            worker="another worker",
            started_at=1e9 + trial.number,
            finished_at=2e9 - trial.number,
            reason=None if trial.reason is None else "another reason",
        )

    return replace(
        with_trials(state, changed_trial),
        name="another name",
        metric_names=tuple(f"metric {i}" for i in range(len(state.directions))),
        user_attrs=FrozenDict({"another": ["attribute", 1]}),
        created_at=1e9,
        log=type(state.log)(),
    )


def constrained(state: StudyState) -> StudyState:
    """Return the study with three more constraints on every trial, violated by the same total except in every fourth.

    Example:
        >>> from hpo.testing.scenarios import scenarios
        >>> trials = constrained(scenarios()["constant"]).finished
        >>> dict(trials[1].constraints), trials[3].feasible
        ({'limit 1': 0.2, 'limit 2': 0.3, 'limit 0': 0.1}, True)
    """

    def changed_trial(trial: FrozenTrial) -> FrozenTrial:
        sign = -1.0 if trial.number % 4 == 3 else 1.0
        limits = {f"limit {i % 3}": sign * (i % 3 + 1) / 10 for i in range(trial.number, trial.number + 3)}
        return replace(trial, constraints=FrozenDict({**trial.constraints, **limits}))

    return with_trials(state, changed_trial)


def recorded_backwards(state: StudyState) -> StudyState:
    """Return the study with the parameters, reports, constraints and attributes of every other trial in reverse order.

    Example:
        >>> from hpo.testing.scenarios import scenarios
        >>> [*recorded_backwards(scenarios()["constant"]).finished[0].params]
        ['kind', 'units', 'layers', 'momentum', 'lr']
    """

    def changed_trial(trial: FrozenTrial) -> FrozenTrial:
        if trial.number % 2:
            return trial
        return replace(
            trial,
            params=FrozenDict(_backwards(trial.params)),
            distributions=SearchSpace(_backwards(trial.distributions)),
            user_attrs=FrozenDict(_backwards(trial.user_attrs)),
            constraints=FrozenDict(_backwards(trial.constraints)),
            intermediate_values=InsertOnlyDict(_backwards(trial.intermediate_values).items()),
        )

    return with_trials(state, changed_trial)


def _backwards(mapping: Mapping[K, V]) -> dict[K, V]:
    return {name: mapping[name] for name in reversed([*mapping])}


def reordered(state: StudyState, order: Callable[[Sequence[FrozenTrial]], Iterable[FrozenTrial]]) -> StudyState:
    """Return the study as if its finished trials had been told in another order.

    Example:
        >>> from hpo.testing.scenarios import scenarios
        >>> reordered(scenarios()["constant"], reversed).finished[0].number
        11
    """
    history: History[FrozenTrial] = History()
    for trial in order(state.finished):
        history = history.append(trial)
    return replace(state, finished=history)


def rescaled(space: SearchSpace) -> SearchSpace:
    """Return the space in other units: four times as large and shifted, or squared with ``log``, unless digits get lost.

    The same points of the unit cube stand for the same values in the other units.

    Example:
        >>> rescaled(SearchSpace({"x": FloatDistribution(1.0, 2.0), "n": IntDistribution(0, 9)}))
        SearchSpace({'x': FloatDistribution(low=7.0, high=11.0), 'n': IntDistribution(low=0, high=36, step=4)})
    """
    return SearchSpace({name: _rescaled(dist) for name, dist in space.items()})


def _rescaled(dist: Distribution) -> Distribution:
    if isinstance(dist, CategoricalDistribution) or (isinstance(dist, IntDistribution) and dist.log):
        return dist
    if isinstance(dist, IntDistribution):
        return IntDistribution(4 * dist.low, 4 * dist.high, step=4 * dist.step)
    low, high, step = dist.low, dist.high, dist.step
    narrow = high - low <= _NARROW * max(abs(low), abs(high))
    if narrow or any(0.0 < abs(end) < _SMALL or abs(end) > 1.0 / _SMALL for end in (low, high)):
        return dist
    if dist.log:
        return FloatDistribution(low**2, high**2, log=True)
    if step is None:
        shift = 3.0 * (high - low)
        return FloatDistribution(4.0 * low + shift, 4.0 * high + shift)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # high is lowered
        larger = FloatDistribution(4.0 * low, 4.0 * high, step=4.0 * step)
    # the last value of a grid is rounded to the digits that a float shows, which may be other ones in other units; such a
    # range has another unit for each of its points, so a sampler may well answer otherwise
    return larger if larger.n_values() == dist.n_values() and larger.high == 4.0 * high else dist


def prefixes(question: Question) -> Iterator[tuple[Question, Question]]:
    """Yield the question with its history grown trial by trial, so that folds move forward, each with a fork beside it.

    Example:
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> len([*prefixes(Question(scenarios()["constant"], 12, MIXED))])
        13
    """
    history: History[FrozenTrial] = History()
    for trial in (None, *question.state.finished):
        other = history
        if trial is not None:
            history = history.append(trial)
            values = None if trial.values is None else tuple(1.0 - value for value in trial.values)
            other = other.append(replace(trial, values=values))
        yield _with_history(question, history), _with_history(question, other)


def _with_history(question: Question, history: History[FrozenTrial]) -> Question:
    return replace(question, state=replace(question.state, finished=history))
