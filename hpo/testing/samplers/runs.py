"""Laws that a sampler may claim about whole runs: what it covers, when it ends, and whether it learns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations, product
from typing import Any, NamedTuple

from hpo.core import (
    CategoricalDistribution,
    Distribution,
    Exhausted,
    FloatDistribution,
    FrozenTrial,
    IntDistribution,
    Sampler,
    SearchSpace,
    StudyState,
    Suggest,
    Suggestion,
    decide,
    replay,
    tell,
)
from hpo.samplers.random import RandomSampler
from hpo.testing._engine import FAULTS, Counterexample, Question, answer_of, as_text, check_answer, shown_error
from hpo.testing.samplers.case import SamplerCase
from hpo.testing.scenarios import MIXED, SMALL, started

_BATCHES = (3, 8)
_LARGEST_GRID = 64
_N_STUDIES, _N_TRIALS, _MOST_PARTS = 30, 20, 12
_N_SWEEP = 100
_BELOW_ONE = math.nextafter(1.0, 0.0)
_HALF = {0: "low", 1: "high"}
_BUDGET, _SEEDS, _MARGIN = 60, range(5), 0.25
_CLOSE = 1e-6
Objective = Callable[[Mapping[str, Any]], float]


def coverage(case: SamplerCase) -> None:
    """Without results, no part of a space is left out: 30 studies of 20 running trials reach all of it.

    Every value of a range of up to 12, and every twelfth of a wider range, is suggested to some trial; any two
    parameters take all four combinations of a high and a low value; and no two trials of a study are equal if a
    parameter is continuous.
    """
    space = MIXED if case.space is None else case.space
    steps = [
        step
        for seed in range(_N_STUDIES)
        for step in _run(case.sampler, space, StudyState.create(seed=seed), most=_N_TRIALS, batch=_N_TRIALS + 1)
        if step.trial is not None
    ]
    if any(dist.n_values() is None and len(_sweep(dist)) == _N_SWEEP for dist in space.values()):
        _no_twins(steps)
    _every_part_is_reached(space, [step.trial.params for step in steps if step.trial is not None])


def no_repeats(case: SamplerCase) -> None:
    """On a finite space no combination is suggested twice, in batches of three and of eight, up to the last one."""
    space, n_cells = _finite(case)
    for batch in _BATCHES:
        _no_twins(_run(case.sampler, space, StudyState.create(seed=3, space=space), most=n_cells, batch=batch))


def exhaustion(case: SamplerCase) -> None:
    """On a finite space the answer is `Exhausted` once every combination was suggested, and not before."""
    space, n_cells = _finite(case)
    for batch in _BATCHES:
        state = StudyState.create(seed=3, space=space)
        *before, last = _run(case.sampler, space, state, most=n_cells + 1, batch=batch)
        if last.trial is not None:
            raise Counterexample(f"it goes on after {n_cells} combinations of {space!r}", last.question)
        if len(before) < n_cells:
            raise Counterexample(f"it ends after {len(before)} of {n_cells} combinations of {space!r}", last.question)


def learning(case: SamplerCase) -> None:
    """On easy problems it comes closer to the optimum than random search, on average by a factor of 1.8 in 60 trials."""
    gains = {
        name: _mean_log_regret(RandomSampler(), space, objective) - _mean_log_regret(case.sampler, space, objective)
        for name, (space, objective) in PROBLEMS.items()
    }
    mean = sum(gains.values()) / len(gains)
    if not mean >= _MARGIN:
        each = ", ".join(f"{name} {10**gain:.2f}" for name, gain in gains.items())
        raise AssertionError(f"it comes {10**mean:.2f} times as close to the optimum as random search: {each}")


def _bowl(params: Mapping[str, Any]) -> float:
    return float((params["x"] - 3.0) ** 2 + (params["y"] + 1.0) ** 2)


def _rate(params: Mapping[str, Any]) -> float:
    return float((math.log10(params["lr"]) + 3.0) ** 2 + abs(params["layers"] - 4) / 4)


def _kinds(params: Mapping[str, Any]) -> float:
    return {"a": 2.0, "b": 1.0, "c": 0.0, "d": 3.0}[params["kind"]] + float(abs(params["x"] - 0.7))


PROBLEMS: dict[str, tuple[SearchSpace, Objective]] = {
    "bowl": (SearchSpace({"x": FloatDistribution(-10.0, 10.0), "y": FloatDistribution(-10.0, 10.0)}), _bowl),
    "rate": (SearchSpace({"lr": FloatDistribution(1e-7, 1.0, log=True), "layers": IntDistribution(1, 16)}), _rate),
    "kinds": (
        SearchSpace({"kind": CategoricalDistribution(("a", "b", "c", "d")), "x": FloatDistribution(0.0, 1.0)}),
        _kinds,
    ),
}
"""Easy problems to minimize; the optimum of each is 0."""


class _Step(NamedTuple):
    """A question of a run, and the trial with the answer; None if nothing was left."""

    question: Question
    trial: FrozenTrial | None


def _run(
    sampler: Sampler,
    space: SearchSpace,
    state: StudyState,
    *,
    most: int,
    batch: int,
    objective: Objective | None = None,
) -> Iterator[_Step]:
    """Yield up to `most` trials of a new study, which ends with the first `Exhausted`.

    The oldest trial is told as soon as `batch` of them run, or when nothing is left for now.

    Raises:
        Counterexample: an answer is invalid, or the core does not accept it.
    """
    for _ in range(most):
        question, answer = _next_answer(sampler, space, state)
        while isinstance(answer, Exhausted) and answer.for_now and state.running and batch <= most:
            state = _oldest_told(state, objective)
            question, answer = _next_answer(sampler, space, state)
        if isinstance(answer, Exhausted):
            yield _Step(question, None)
            return
        given = Suggest(question.number, space, answer.params, answer.note, answer.off_grid)
        try:
            state = replay(decide(question.state, given), question.state)
        except FAULTS as error:
            wrong = f"in a run of its own it gives what the core refuses: {shown_error(error)}"
            raise Counterexample(wrong, question) from error
        yield _Step(question, state.running[question.number])
        if len(state.running) == batch:
            state = _oldest_told(state, objective)


def _next_answer(sampler: Sampler, space: SearchSpace, state: StudyState) -> tuple[Question, Suggestion | Exhausted]:
    question = Question(started(state), state.n_trials, space)
    answer = answer_of(sampler, question)
    check_answer(answer, question, before="in a run of its own ")
    assert isinstance(answer, Suggestion | Exhausted), "it is an answer"
    return question, answer


def _oldest_told(state: StudyState, objective: Objective | None) -> StudyState:
    oldest = state.running[min(state.running)]
    return tell(state, oldest.number, float(oldest.number % 5) if objective is None else objective(oldest.params))


def _no_twins(steps: Iterator[_Step] | list[_Step]) -> None:
    """Check that no two trials of a study are equal.

    Raises:
        Counterexample: two are equal; it has the question of the second one.
    """
    seen: dict[str, int] = {}
    for question, trial in steps:
        if question.number == 0:
            seen.clear()  # another study
        point = as_text(None if trial is None else trial.params)
        if point in seen:
            raise Counterexample(f"trial {question.number} is the same as trial {seen[point]}: {point}", question)
        seen[point] = question.number


def _every_part_is_reached(space: SearchSpace, points: list[Mapping[str, Any]]) -> None:
    for name, dist in space.items():
        wanted = {_part(dist, value): value for value in _sweep(dist)}
        missing = wanted.keys() - {_part(dist, params[name]) for params in points}
        if missing:
            raise AssertionError(
                f"for {name!r} it never suggests {wanted[min(missing)]!r} or a value near it in {dist!r}"
            )
    halves = [{name: int(dist.to_unit(params[name]) >= 0.5) for name, dist in space.items()} for params in points]
    for one, other in combinations([name for name, dist in space.items() if not dist.single()], 2):
        together = {(half[one], half[other]) for half in halves}
        for pair in product((0, 1), repeat=2):
            if pair not in together:
                raise AssertionError(f"{one!r} is never {_HALF[pair[0]]} where {other!r} is {_HALF[pair[1]]}")


def _sweep(dist: Distribution) -> list[Any]:
    """Return distinct values from one end of a range to the other, at most 100."""
    values = (dist.from_unit((k + 0.5) / _N_SWEEP) for k in range(_N_SWEEP))
    return [*{repr(value): value for value in values}.values()]


def _part(dist: Distribution, value: Any) -> int:
    """Return the index of a value among few, or of the twelfth of the range that it is in."""
    n = dist.n_values()
    if isinstance(dist, IntDistribution) and n is not None and n <= _MOST_PARTS:
        return int(value - dist.low) // dist.step
    return int(min(dist.to_unit(value), _BELOW_ONE) * min(n or _MOST_PARTS, _MOST_PARTS))


def _finite(case: SamplerCase) -> tuple[SearchSpace, int]:
    """Return the case's space if it is small, else one of 12 combinations; and the number of combinations."""
    counts = [dist.n_values() for dist in (case.space or {}).values()]
    if counts and all(count is not None for count in counts):
        n_cells = math.prod(count for count in counts if count is not None)
        if case.space is not None and n_cells <= _LARGEST_GRID:
            return case.space, n_cells
    return SMALL, 12


def _mean_log_regret(sampler: Sampler, space: SearchSpace, objective: Objective) -> float:
    logs = []
    for seed in _SEEDS:
        state = StudyState.create(seed=seed)
        steps = _run(sampler, space, state, most=_BUDGET, batch=1, objective=objective)
        best = min((objective(trial.params) for _, trial in steps if trial is not None), default=math.inf)
        logs.append(math.log10(best + _CLOSE))
    return sum(logs) / len(logs)
