"""Questions for pruners and stopping rules besides the generated ones: about long studies and leading trials."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from msgspec.structs import replace

from hpo.core import FrozenTrial, InsertOnlyDict, SearchSpace, StudyState, report, tell
from hpo.testing._engine import Question, with_trials
from hpo.testing.scenarios import STEPS, scenarios, started

NO_SPACE = SearchSpace()
OFTEN: Sequence[float] = (5.0, 4.0, 3.0, 2.0, 1.0)
"""The reports of a trial, one for each of `STEPS`."""

_REPORTS: Sequence[Sequence[float]] = (
    (),
    (1.0,),
    (math.nan,),
    (math.nan, 100.0),
    (100.0, math.nan),
    (math.inf, 0.0),
    (-math.inf, math.nan),
    OFTEN,
)
_NAN_STEP = 10  # after all steps of generated studies and of scenarios


def named_questions(reports: Iterable[Sequence[float]] = _REPORTS) -> Iterator[tuple[str, Question]]:
    """Yield the studies of `hpo.testing.scenarios` as questions, each with several series of reports.

    Args:
        reports: The series; the newest trial reports the values of one at the first of `STEPS`.

    Example:
        >>> name, question = next(named_questions())
        >>> name, dict(question.trial.intermediate_values)
        ('all failed', {})
    """
    yield from _named(tuple(map(tuple, reports)))


@lru_cache(maxsize=4)
def _named(reports: tuple[tuple[float, ...], ...]) -> tuple[tuple[str, Question], ...]:
    """Return these questions, which are the same for all laws and so made once; dropping them costs time alone."""
    found, studies = list[tuple[str, Question]](), scenarios()
    for values in reports:
        for name, state in studies.items():
            number = max(state.running)
            found.append((name, Question(with_reports(state, number, values), number, NO_SPACE)))
    return tuple(found)


def with_reports(state: StudyState, number: int, values: Sequence[float]) -> StudyState:
    """Return the study after a trial has reported `values` at the first of `STEPS`.

    Example:
        >>> dict(with_reports(started(StudyState.create()), 0, OFTEN).running[0].intermediate_values)
        {0: 5.0, 1: 4.0, 2: 3.0, 4: 2.0, 8: 1.0}
    """
    for step, value in zip(STEPS, values, strict=False):
        state = report(state, number, value, step)
    return state


def reporting_nan(state: StudyState) -> StudyState:
    """Return the study with NaN added to every trial as its last report.

    Example:
        >>> dict(reporting_nan(started(StudyState.create())).running[0].intermediate_values)
        {10: nan}
    """

    def retold(trial: FrozenTrial) -> FrozenTrial:
        reports = (*trial.intermediate_values.items(), (_NAN_STEP, math.nan))
        return replace(trial, intermediate_values=InsertOnlyDict(reports))

    return with_trials(state, retold)


def with_a_leader(question: Question) -> tuple[float, Question]:
    """Return a value better than all others, and the question after its trial has reported that value at each step.

    The trial also leads at one later step, at which no other trial has reported.

    Example:
        >>> with_a_leader(Question(with_reports(started(StudyState.create()), 0, OFTEN), 0, NO_SPACE))[0]
        -1.0
    """
    known = [0.0]
    for trial in question.state:
        known += [*(trial.values or ()), *trial.intermediate_values.values()]
    numbers = [value for value in known if not math.isnan(value)]
    best = max(numbers) + 1.0 if question.state.directions[0] == "maximize" else min(numbers) - 1.0
    steps = (*question.trial.intermediate_values, _NAN_STEP + 1)
    leader = replace(question.trial, intermediate_values=InsertOnlyDict((step, best) for step in steps))
    running = question.state.running.with_item(leader.number, leader)
    return best, replace(question, state=replace(question.state, running=running))


@lru_cache(maxsize=1)
def long_studies(*lengths: int) -> tuple[tuple[Question, Question], ...]:
    """Return questions about the best and about a poor trial at several points of a study whose trials reported often.

    Args:
        lengths: The numbers of trials that ended before the questions, in ascending order.

    Example:
        >>> [[len(question.state.finished) for question in pair] for pair in long_studies(2, 3)]
        [[2, 2], [3, 3]]
    """
    state, pairs = StudyState.create(seed=1), list[tuple[Question, Question]]()
    for number in range(lengths[-1] + 1):
        if number in lengths:
            best, poor = (with_reports(started(state), number, [value] * len(STEPS)) for value in (0.0, 1e4))
            pairs.append((Question(best, number, NO_SPACE), Question(poor, number, NO_SPACE)))
        value = float((number * 7919) % 1009)
        state = tell(with_reports(started(state), number, [value] * len(STEPS)), number, value)
    return tuple(pairs)
