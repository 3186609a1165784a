"""Laws that a sampler may claim about whole runs: what it covers, how often, and when it ends."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any, NamedTuple, TypeAlias

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
from hpo.testing._engine import FAULTS, Counterexample, Question, answer_of, as_text, check_answer, shown, shown_error
from hpo.testing.samplers.case import SamplerCase, unsound
from hpo.testing.scenarios import MIXED, ORDINARY, SMALL, started

_BATCHES = (3, 8)
_LARGEST_GRID = 64
_N_STUDIES, _N_TRIALS, _MOST_PARTS = 30, 20, 12
_N_SWEEP = 100
_BELOW_ONE = math.nextafter(1.0, 0.0)
_HALF = {0: "low", 1: "high"}
_N_LONE_STUDIES, _TOLD_BEFORE_A_BATCH = 10, (10, 30)
_MOST_COUNTED, _N_SHARES = 16, 4096
_LEAST_SHARE, _MOST_SHARE, _DEVIATIONS = 0.8, 1.5, 4.9  # beyond 4.9 standard deviations: once in a million
_COUNTED = SearchSpace(
    {
        "few": IntDistribution(1, 3),
        "more": IntDistribution(0, 7),
        "log": IntDistribution(1, 4, log=True),
        "more log": IntDistribution(1, 12, log=True),
        "step": FloatDistribution(0.0, 0.5, step=0.1),
        "stride": IntDistribution(0, 98, step=14),
        "kind": CategoricalDistribution(["a", "b", "c", "d"]),
    }
)
Told: TypeAlias = Callable[[StudyState, FrozenTrial], StudyState]
"""Ends a running trial; it may report and set constraints before."""


def coverage(case: SamplerCase) -> None:
    """Without results, no part of a space is left out: 30 studies of 20 running trials reach all of it.

    Every value of a range of up to 12, and every twelfth of a wider range, is suggested to some trial; any two
    parameters take all four combinations of a high and a low value; and no two trials are equal if a parameter is
    continuous, be they of one study or of two studies whose seeds follow each other.
    """
    space = MIXED if case.space is None else case.space
    steps = _first_steps(case, space)
    if _is_continuous(space):
        _no_twins(steps, across_studies=True)
    _every_part_is_reached(space, [step.trial.params for step in steps if step.trial is not None])


def shares(case: SamplerCase) -> None:
    """Without results, each value of a small range is as frequent as the distribution says: log ints, both ends, choices.

    The values of 60 studies of 20 trials are counted. A count that is a fifth too small, or half too large, is wrong if
    chance would do that less than once in a million times.
    """
    space = _COUNTED if case.space is None else case.space
    points = [step.trial.params for step in _first_steps(case, space, 2 * _N_STUDIES) if step.trial is not None]
    for name, dist in space.items():
        expected = _shares_of(dist)
        if expected is not None:
            _check_counts(name, dist, expected, Counter(_index(dist, params[name]) for params in points))


def lone_independence(case: SamplerCase) -> None:
    """Parameters that are asked for alone reach all of their ranges too, and not all of them in the same places.

    Any two lone parameters of a trial take all four combinations of a high and a low value in 10 studies of 20 trials.
    """
    space = ORDINARY if case.space is None else case.space
    points: list[dict[str, Any]] = []
    for seed in range(_N_LONE_STUDIES):
        state = StudyState.create(seed=seed)
        for number in range(_N_TRIALS):
            state = started(state)
            params: dict[str, Any] = {}
            for name in space:
                question = Question(state, number, SearchSpace({name: space[name]}), joint=state)
                answer = answer_of(case.sampler, question)
                wrong = unsound(answer, question.space)
                if wrong is not None or not isinstance(answer, Suggestion):
                    raise Counterexample(f"asked for a lone parameter {wrong or 'it has nothing left'}", question)
                params.update(answer.params)
            points.append(params)
    _every_part_is_reached(space, points, what="asked for lone parameters, ")


def distinct_batches(case: SamplerCase) -> None:
    """After results, trials that are asked for together get different points, if a parameter is continuous."""
    space = ORDINARY if case.space is None else case.space
    if not _is_continuous(space):
        return
    for told, seed in product(_TOLD_BEFORE_A_BATCH, range(3)):
        state, most = StudyState.create(seed=seed), told + _BATCHES[-1]
        steps = [*run_of(case.sampler, space, state, most=most, batch=1, told_before=told)]
        _no_twins(step for step in steps[told:] if step.trial is not None)


def no_repeats(case: SamplerCase) -> None:
    """On a finite space no combination is suggested twice, in batches of three and of eight, up to the last one."""
    space, n_cells = _finite(case)
    for batch in _BATCHES:
        _no_twins(run_of(case.sampler, space, StudyState.create(seed=3, space=space), most=n_cells, batch=batch))


def exhaustion(case: SamplerCase) -> None:
    """On a finite space the answer is `Exhausted` once every combination was suggested, and not before."""
    space, n_cells = _finite(case)
    for batch in _BATCHES:
        state = StudyState.create(seed=3, space=space)
        *before, last = run_of(case.sampler, space, state, most=n_cells + 1, batch=batch)
        if last.trial is not None:
            raise Counterexample(f"it goes on after {n_cells} combinations of {space!r}", last.question)
        if len(before) < n_cells:
            raise Counterexample(f"it ends after {len(before)} of {n_cells} combinations of {space!r}", last.question)


class Step(NamedTuple):
    """A question of a run, and the trial with the answer; None if nothing was left."""

    question: Question
    trial: FrozenTrial | None


def run_of(
    sampler: Sampler,
    space: SearchSpace,
    state: StudyState,
    *,
    most: int,
    batch: int,
    told: Told | None = None,
    told_before: int | None = None,
) -> Iterator[Step]:
    """Yield up to `most` trials of a new study, which ends with the first `Exhausted`.

    The oldest trial is told as soon as `batch` of them run, or when nothing is left for now. Trials from `told_before` on
    are not told.

    Raises:
        Counterexample: an answer is invalid, or the core does not accept it.
    """
    for _ in range(most):
        question, answer = _next_answer(sampler, space, state)
        while isinstance(answer, Exhausted) and answer.for_now and state.running and batch <= most:
            state = _oldest_told(state, told)
            question, answer = _next_answer(sampler, space, state)
        if isinstance(answer, Exhausted):
            yield Step(question, None)
            return
        given = Suggest(question.number, space, answer.params, answer.note, answer.off_grid)
        try:
            state = replay(decide(question.state, given), question.state)
        except FAULTS as error:
            wrong = f"in a run of its own it gives what the core refuses: {shown_error(error)}"
            raise Counterexample(wrong, question) from error
        yield Step(question, state.running[question.number])
        if len(state.running) == batch and (told_before is None or question.number < told_before):
            state = _oldest_told(state, told)


def _next_answer(sampler: Sampler, space: SearchSpace, state: StudyState) -> tuple[Question, Suggestion | Exhausted]:
    question = Question(started(state), state.n_trials, space)
    answer = answer_of(sampler, question)
    check_answer(answer, question, before="in a run of its own ")
    assert isinstance(answer, Suggestion | Exhausted), "it is an answer"
    return question, answer


def _oldest_told(state: StudyState, told: Told | None) -> StudyState:
    oldest = state.running[min(state.running)]
    return tell(state, oldest.number, float(oldest.number % 5)) if told is None else told(state, oldest)


def _first_steps(case: SamplerCase, space: SearchSpace, n_studies: int = _N_STUDIES) -> list[Step]:
    """Return the trials of new studies without results."""
    return [
        step
        for seed in range(n_studies)
        for step in run_of(case.sampler, space, StudyState.create(seed=seed), most=_N_TRIALS, batch=_N_TRIALS + 1)
        if step.trial is not None
    ]


def _is_continuous(space: SearchSpace) -> bool:
    return any(dist.n_values() is None and len(_sweep(dist)) == _N_SWEEP for dist in space.values())


def _no_twins(steps: Iterable[Step], *, across_studies: bool = False) -> None:
    """Check that no two trials of a study, or of several, are equal.

    Raises:
        Counterexample: two are equal; it has the question of the second one.
    """
    seen: dict[str, tuple[int, int]] = {}
    for question, trial in steps:
        if question.number == 0 and not across_studies:
            seen.clear()  # another study
        point = as_text(None if trial is None else trial.params)
        if point in seen:
            number, seed = seen[point]
            of = "" if seed == question.state.seed else f" of the study with the seed {seed}"
            raise Counterexample(f"trial {question.number} is the same as trial {number}{of}: {point}", question)
        seen[point] = question.number, question.state.seed


def _shares_of(dist: Distribution) -> list[float] | None:
    """Return the probability of each value of a small range, or None if it is wide: its share of the unit interval."""
    n = dist.n_values()
    if n is None or not 2 <= n <= _MOST_COUNTED:
        return None
    counts = Counter(_index(dist, dist.from_unit((k + 0.5) / _N_SHARES)) for k in range(_N_SHARES))
    return [counts[i] / _N_SHARES for i in range(n)]


def _index(dist: Distribution, value: Any) -> int:
    """Return the place of a value among those of a small range."""
    if isinstance(dist, IntDistribution):
        return int(value - dist.low) // dist.step
    if isinstance(dist, CategoricalDistribution):
        return dist.member(value) or 0
    return 0 if dist.step is None else round((value - dist.low) / dist.step)


def _check_counts(name: str, dist: Distribution, expected: list[float], counts: Mapping[int, int]) -> None:
    """Check the counts of each value, and of both ends together.

    Raises:
        AssertionError: one is too far from what is expected.
    """
    total, last = sum(counts.values()), len(expected) - 1
    groups = {f"the value {shown(_values(dist)[i])}": [i] for i in range(last + 1)} | {"one of the ends": [0, last]}
    for what, indices in groups.items():
        share = sum(expected[i] for i in indices)
        count = sum(counts.get(i, 0) for i in indices)
        far = not _LEAST_SHARE * share < count / total < _MOST_SHARE * share
        if far and abs(count - share * total) > _DEVIATIONS * math.sqrt(total * share * (1.0 - share)):
            raise AssertionError(
                f"{name!r} is {what} in {count} of {total} trials, and should be so in {share * total:.0f}: {dist!r}"
            )


def _values(dist: Distribution) -> list[Any]:
    """Return the values of a small range in the order of their indices."""
    if isinstance(dist, CategoricalDistribution):
        return [*dist.choices]
    return [dist.low + i * (dist.step or 1) for i in range(dist.n_values() or 0)]


def _every_part_is_reached(space: SearchSpace, points: Sequence[Mapping[str, Any]], what: str = "") -> None:
    for name, dist in space.items():
        wanted = {_part(dist, value): value for value in _sweep(dist)}
        missing = wanted.keys() - {_part(dist, params[name]) for params in points}
        if missing:
            raise AssertionError(
                f"{what}for {name!r} it never suggests {wanted[min(missing)]!r} or a value near it in {dist!r}"
            )
    halves = [{name: int(dist.to_unit(params[name]) >= 0.5) for name, dist in space.items()} for params in points]
    for one, other in combinations([name for name, dist in space.items() if not dist.single()], 2):
        together = {(half[one], half[other]) for half in halves}
        for pair in product((0, 1), repeat=2):
            if pair not in together:
                raise AssertionError(f"{what}{one!r} is never {_HALF[pair[0]]} where {other!r} is {_HALF[pair[1]]}")


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
