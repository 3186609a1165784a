"""Laws that a sampler may claim beyond the basic ones: what its answers depend on, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import attrs
from msgspec.structs import replace

from hpo.core import CategoricalDistribution, FrozenTrial, Key, Sampler, SearchSpace, StudyState, tell
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
from hpo.testing.samplers.outcomes import (
    failures_do_not_attract,
    later_objectives_count,
    learning,
    pruned_is_not_best,
    violations_repel,
)
from hpo.testing.samplers.runs import coverage, distinct_batches, exhaustion, lone_independence, no_repeats, shares
from hpo.testing.scenarios import MIXED, started, suggested

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
