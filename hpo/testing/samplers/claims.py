"""Laws that a sampler may claim beyond the basic ones: what its answers depend on, what they cost and what it learns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

import attrs
from msgspec.structs import replace

from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    FrozenTrial,
    IntDistribution,
    Key,
    Sampler,
    SearchSpace,
    StudyState,
    TrialState,
    report,
    set_constraint,
    tell,
)
from hpo.errors import SeveralObjectives
from hpo.samplers.random import RandomSampler
from hpo.testing._engine import (
    FEW,
    MANY,
    MARKS,
    Counterexample,
    Finding,
    InvalidAnswer,
    Question,
    Raised,
    answer_of,
    as_text,
    check_bounded,
    count_steps,
    mirror_images,
    monotone,
    reordered,
    rescaled,
    same_after,
    same_for,
    same_in_any_recording_order,
    shown,
    with_own_history,
    with_values,
)
from hpo.testing.samplers.case import SamplerCase, unsound
from hpo.testing.samplers.runs import (
    Step,
    Told,
    coverage,
    distinct_batches,
    exhaustion,
    lone_independence,
    no_repeats,
    run_of,
    shares,
)
from hpo.testing.scenarios import MIXED, started, suggested

Objective: TypeAlias = Callable[[Mapping[str, Any]], float]

_BUDGET, _SEEDS, _MARGIN = 60, range(5), 0.25
_CLOSE_TO_THE_BEST = 1e-6
_LATE, _MANY_SEEDS = 20, range(8)  # trials before this one may be a random start
_BORDER = 0.6
_MORE = 0.08  # three standard deviations of the share of 320 random trials
_NEARER = 0.75
_SQUARE = SearchSpace({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)})


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


def failures_do_not_attract(case: SamplerCase) -> None:
    """Where trials fail it does not look more often than random search: ``y > 0.6`` fails, and values are best near it."""

    def told(state: StudyState, trial: FrozenTrial) -> StudyState:
        if trial.params["y"] > _BORDER:
            return tell(state, trial.number, state=TrialState.FAIL, reason="out of memory")
        return tell(state, trial.number, _distance(trial, 0.3, _BORDER))

    _check_share_beyond(case, told, "fails")


def violations_repel(case: SamplerCase) -> None:
    """Where a constraint is violated it does not look more often than random search, though values are better there."""

    def told(state: StudyState, trial: FrozenTrial) -> StudyState:
        state = set_constraint(state, trial.number, "limit", trial.params["y"] - _BORDER)
        return tell(state, trial.number, _distance(trial, 0.3, 0.9))

    _check_share_beyond(case, told, "violates the constraint")


def pruned_is_not_best(case: SamplerCase) -> None:
    """Pruned trials are not the best ones, whatever they have reported: a value lower than all others, or nothing."""

    def told(state: StudyState, trial: FrozenTrial, *, reports: bool) -> StudyState:
        if trial.params["y"] <= _BORDER:
            return tell(state, trial.number, _distance(trial, 0.3, 0.3))
        if reports:
            state = report(state, trial.number, -100.0, 0)
        return tell(state, trial.number, state=TrialState.PRUNED)

    for reports in (True, False):
        _check_share_beyond(case, partial(told, reports=reports), "is pruned")


def later_objectives_count(case: SamplerCase) -> None:
    """If all but one objective are constant it comes closer to the optimum of that one than random search, be it the last.

    `SeveralObjectives` is a valid answer.
    """
    for i in range(2):

        def told(state: StudyState, trial: FrozenTrial, i: int = i) -> StudyState:
            distance = _distance(trial, 0.3, 0.7)
            return tell(state, trial.number, [1.0, -distance] if i else [distance, 1.0])

        def mean_distance(sampler: Sampler, told: Told = told) -> float:
            steps = _late_steps(sampler, told, ["minimize", "maximize"], seeds=range(3))
            return sum(_distance(step.trial, 0.3, 0.7) for step in steps if step.trial is not None) / len(steps)

        try:
            mine = mean_distance(case.sampler)
        except Counterexample as found:
            if isinstance(found.__cause__, SeveralObjectives):
                return
            raise
        theirs = mean_distance(RandomSampler())
        if not mine < _NEARER * theirs:
            which = "first" if i else "second"
            raise AssertionError(
                f"if the {which} of two objectives is constant, it is {mine:.3f} away from the optimum of the other on "
                f"average, and random search {theirs:.3f}"
            )


def _check_share_beyond(case: SamplerCase, told: Told, does: str) -> None:
    """Check that the sampler suggests ``y > 0.6`` to no more of the later trials than random search."""
    steps = [step for step in _late_steps(case.sampler, told, ["minimize"]) if step.trial is not None]
    share = sum(step.trial.params["y"] > _BORDER for step in steps if step.trial is not None) / len(steps)
    if share > 1.0 - _BORDER + _MORE:
        raise AssertionError(
            f"{share:.0%} of trials {_LATE} to {_BUDGET - 1} are where {1.0 - _BORDER:.0%} of the space {does}"
        )


def _late_steps(sampler: Sampler, told: Told, directions: list[str], seeds: Iterable[int] = _MANY_SEEDS) -> list[Step]:
    """Return the later trials of several studies."""
    steps: list[Step] = []
    for seed in seeds:
        state = StudyState.create(seed=seed, directions=directions)
        steps += [*run_of(sampler, _SQUARE, state, most=_BUDGET, batch=1, told=told)][_LATE:]
    return steps


def _distance(trial: FrozenTrial, x: float, y: float) -> float:
    return math.hypot(trial.params["x"] - x, trial.params["y"] - y)


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


def _mean_log_regret(sampler: Sampler, space: SearchSpace, objective: Objective) -> float:
    logs = []
    for seed in _SEEDS:
        state = StudyState.create(seed=seed)
        steps = run_of(sampler, space, state, most=_BUDGET, batch=1, told=partial(_told, objective))
        best = min((objective(trial.params) for _, trial in steps if trial is not None), default=math.inf)
        logs.append(math.log10(best + _CLOSE_TO_THE_BEST))
    return sum(logs) / len(logs)


def _told(objective: Objective, state: StudyState, trial: FrozenTrial) -> StudyState:
    return tell(state, trial.number, objective(trial.params))


_CLOSE = 1e-6


def rank_based(case: SamplerCase) -> None:
    """Only the order of objective values and reports counts: a strictly increasing function of them changes nothing."""
    same_after(_values_alone(case), lambda state: with_values(state, monotone(state)), "other values in the same order")


def affine(case: SamplerCase) -> None:
    """The unit of values does not count: values in another unit (``4 y - 32``) change nothing but the last digits."""

    def check(question: Question) -> Finding:
        other = replace(question, state=with_values(question.state, lambda _, value: 4.0 * value - 32.0))
        one, two = case.first_answer(question), answer_of(case.sampler, other)
        if not _same_places(question.space, one, question.space, two):
            same_for(_values_alone(case), question, other, "the values in another unit")
        return None

    case.every_question_and_scenario(check, whole_values=True)


def mirror(case: SamplerCase) -> None:
    """Maximizing f is minimizing -f, in one objective at a time too, and even if many values are equal."""
    values_alone = _values_alone(case)

    def check(question: Question) -> Finding:
        for start in (question.state, with_values(question.state, _sign)):
            for state, image in mirror_images(start):
                one = question if state is question.state else replace(question, state=state)
                same_for(values_alone, one, replace(question, state=image), "directions and values reversed")
        return None

    case.every_question_and_scenario(check)


def scale(case: SamplerCase) -> None:
    """Ranges in other units (``4 x + b``, and squared with ``log``) get the same suggestions, in other units."""

    def check(question: Question) -> Finding:
        other = replace(question, space=rescaled(question.space))
        if other.space == question.space or isinstance(case.first_answer(question), Raised | InvalidAnswer):
            return None
        one, two = (with_own_history(each, case.sampler, whole=True) for each in (question, other))
        places = [
            (f"trial {n} gets", *each) for n, each in enumerate(zip(one.state.trials, two.state.trials, strict=True))
        ]
        for what, first, second in (
            *places,
            ("it answers", answer_of(case.sampler, one), answer_of(case.sampler, two)),
        ):
            if not _same_places(one.space, first, two.space, second):
                answers = f"{shown(_params(first))}, and in other units {shown(_params(second))}"
                raise Counterexample(f"{what} {answers} from {two.space!r}", one, two)
        return None

    case.every_question_and_scenario(check)


def permutation(case: SamplerCase) -> None:
    """The order in which the finished trials were told does not count."""
    values_alone = _values_alone(case)

    def check(question: Question) -> Finding:
        for order in (reversed, _interleaved):
            other = replace(question, state=reordered(question.state, order))
            same_for(values_alone, question, other, "the finished trials told in another order")
        return None

    case.every_question_and_scenario(check)


def recording_order(case: SamplerCase) -> None:
    """The order in which a trial got its parameters, reports, constraints and attributes does not count."""
    same_in_any_recording_order(_values_alone(case))


def bounded_work(case: SamplerCase) -> None:
    """A suggestion after 4000 trials is sound, and takes about as many steps of Python as one after 1000.

    Steps are counted, not timed. A step is an instruction of the interpreter, so each round of a loop and each call of
    a function is several. What happens inside one call of numpy is not counted.
    """
    space = MIXED if case.space is None else case.space
    steps = _steps_by_length(case.sampler, space)
    check_bounded(steps.__getitem__, tolerance=1.1)


CLAIMS = (
    rank_based,
    affine,
    mirror,
    scale,
    permutation,
    recording_order,
    coverage,
    shares,
    lone_independence,
    distinct_batches,
    no_repeats,
    exhaustion,
    bounded_work,
    learning,
    failures_do_not_attract,
    violations_repel,
    later_objectives_count,
    pruned_is_not_best,
)
"""The laws that a sampler may claim."""


def _steps_by_length(sampler: Sampler, space: SearchSpace) -> dict[int, int]:
    """Return the steps of an answer after `FEW` and after `MANY` trials.

    Raises:
        AssertionError: one of the answers, also after some smaller numbers of trials, is not sound.
    """
    state, steps = StudyState.create(seed=1), dict[int, int]()
    for number in range(MANY + 1):
        # also one trial earlier, so that its folds lack one trial only
        if number in {*MARKS, FEW - 1, FEW, MANY - 1, MANY}:
            question = Question(started(state), number, space)
            if number in {FEW, MANY}:
                steps[number] = count_steps(partial(answer_of, sampler, question))
            answer = answer_of(sampler, question)
            wrong = unsound(answer, space)
            if wrong is not None:
                raise AssertionError(f"after {number} trials {wrong}") from getattr(answer, "error", None)
        state = suggested(state, space, Key(2, ("work", number)).uniforms(space))
        state = tell(state, number, float((number * 7919) % 1009))
    return steps


def _values_alone(case: SamplerCase) -> SamplerCase:
    """Return the case with its joint space left out of the answers: its order may follow the order of the trials."""
    return attrs.evolve(case, ask=answer_of)


def _sign(_: int, value: float) -> float:
    return float((value > 0.0) - (value < 0.0))


def _same_places(space: SearchSpace, one: object, other_space: SearchSpace, other: object) -> bool:
    """Return whether two answers, or trials, in two spaces are at the same point of the unit cube up to rounding."""
    first, second = _params(one), _params(other)
    if not isinstance(first, Mapping) or not isinstance(second, Mapping) or {*first} != {*second}:
        return as_text(first) == as_text(second)
    for name in first:
        dist, other_dist = space.get(name), other_space.get(name)
        inside = dist is not None and dist.contains(first[name]) and other_dist.contains(second[name])
        if not inside or isinstance(dist, CategoricalDistribution):
            if shown(first[name], most=None) != shown(second[name], most=None):
                return False
        elif abs(dist.to_unit(first[name]) - other_dist.to_unit(second[name])) > _CLOSE:
            return False
    return True


def _params(answer: object) -> object:
    return getattr(answer, "params", answer)


def _interleaved(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return [*trials[1::2], *trials[::2]]
