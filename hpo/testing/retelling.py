"""The same study told in another way: other units, mirrored, other labels, shorter, grown trial by trial."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from hpo.core.history import History
from hpo.core.persistent import FrozenDict, InsertOnlyDict, NumberMap
from hpo.core.state import StudyState
from hpo.core.trial import FrozenTrial
from hpo.testing.questions import Question

Change = Callable[[int, float], float]
"""A function of an objective's index and a value."""


def with_trials(state: StudyState, change: Callable[[FrozenTrial], FrozenTrial]) -> StudyState:
    """The study with `change` made to every finished and running trial.

    Example:
        >>> with_trials(StudyState.create(), lambda trial: trial).n_trials
        0
    """
    finished = History()
    for trial in state.finished:
        finished = finished.append(change(trial))
    running: NumberMap[FrozenTrial] = NumberMap()
    for number, trial in state.running.items():
        running = running.with_item(number, change(trial))
    return replace(state, finished=finished, running=running)


def with_values(state: StudyState, change: Change) -> StudyState:
    """The study with other objective values and reports; a report belongs to the first objective, and NaN stays.

    Example:
        >>> with_values(StudyState.create(), lambda _, value: 2.0 * value).n_trials
        0
    """

    def changed(index: int, value: float) -> float:
        return value if math.isnan(value) else change(index, value)

    def retold(trial: FrozenTrial) -> FrozenTrial:
        values = None if trial.values is None else tuple(changed(i, value) for i, value in enumerate(trial.values))
        reports = InsertOnlyDict((step, changed(0, value)) for step, value in trial.intermediate_values.items())
        return replace(trial, values=values, intermediate_values=reports)

    return with_trials(state, retold)


def monotone(state: StudyState) -> Change:
    """A strictly increasing function for each objective, far from linear, that is fixed at the infinities.

    Example:
        >>> monotone(StudyState.create())(0, math.inf)
        inf
    """
    seen: dict[int, set[float]] = {i: set() for i in range(len(state.directions))}
    for trial in (*state.finished, *state.running.values()):
        for i, value in enumerate(trial.values or ()):
            seen[i].add(value)
        seen[0].update(trial.intermediate_values.values())
    images: dict[int, dict[float, float]] = {}
    for i, values in seen.items():
        finite = sorted(value for value in values if math.isfinite(value))
        images[i] = {value: (rank - len(finite) / 3) ** 3 + rank for rank, value in enumerate(finite)}
    return lambda i, value: images[i].get(value, value)


def mirrored(state: StudyState) -> StudyState:
    """Maximize where the study minimized, and the other way round, with all values negated.

    Example:
        >>> mirrored(StudyState.create()).directions
        ('maximize',)
    """
    directions = tuple("minimize" if direction == "maximize" else "maximize" for direction in state.directions)
    return replace(with_values(state, lambda _, value: -value), directions=directions)


def relabelled(state: StudyState) -> StudyState:
    """Another study name, other metric names, attributes, workers, clocks and reasons of failures.

    Example:
        >>> relabelled(StudyState.create(name="a")).name
        'another name'
    """

    def retold(trial: FrozenTrial) -> FrozenTrial:
        return replace(
            trial,
            user_attrs=FrozenDict({"another": "attribute"}),
            worker="another worker",
            started_at=1e9 + trial.number,
            finished_at=2e9 - trial.number,
            reason=None if trial.reason is None else "another reason",
        )

    return replace(
        with_trials(state, retold),
        name="another name",
        metric_names=tuple(f"metric {i}" for i in range(len(state.directions))),
        user_attrs=FrozenDict({"another": ["attribute", 1]}),
        created_at=1e9,
    )


def prefixes(question: Question) -> Iterator[tuple[Question, Question]]:
    """The question with its history grown trial by trial, so that folds go on; each with a fork beside it.

    Example:
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> len([*prefixes(Question(scenarios()["constant"], 12, MIXED))])
        13
    """
    history = History()
    for trial in (None, *question.state.finished):
        other = history
        if trial is not None:
            history = history.append(trial)
            values = None if trial.values is None else tuple(1.0 - value for value in trial.values)
            other = other.append(replace(trial, values=values))
        yield _with_history(question, history), _with_history(question, other)


def _with_history(question: Question, history: History) -> Question:
    return replace(question, state=replace(question.state, finished=history))
