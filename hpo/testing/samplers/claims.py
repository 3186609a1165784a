"""Laws that a sampler may claim beyond the basic ones: what counts for its answers, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from hpo.core import CategoricalDistribution, FrozenTrial, Key, Sampler, SearchSpace, StudyState, tell
from hpo.testing._engine.cases import NoAnswer, Question, Raised, as_text, asked
from hpo.testing._engine.counterexamples import Counterexample
from hpo.testing._engine.formatting import shown
from hpo.testing._engine.own_history import lived
from hpo.testing._engine.runner import Verdict, count_steps
from hpo.testing._engine.transformations import (
    constrained,
    mirrored,
    monotone,
    recorded_backwards,
    reordered,
    rescaled,
    with_values,
)
from hpo.testing.samplers.case import SamplerCase
from hpo.testing.samplers.runs import coverage, exhaustion, learning, no_repeats
from hpo.testing.scenarios import MIXED, started, suggested

_FEW, _MANY = 1000, 4000
_CLOSE = 1e-6


def rank_based(case: SamplerCase) -> None:
    """Only the order of objective values and reports counts: a strictly increasing function of them changes nothing."""

    def check(question: Question) -> Verdict:
        other = replace(question, state=with_values(question.state, monotone(question.state)))
        return _differs(case.sampler, question, other, "other values in the same order")

    case.every_question_and_scenario(check)


def affine(case: SamplerCase) -> None:
    """Units don't count: values in another unit (``4 y - 32``) change nothing but the last digits."""

    def check(question: Question) -> Verdict:
        other = replace(question, state=with_values(question.state, lambda _, value: 4.0 * value - 32.0))
        one, two = asked(case.sampler, question), asked(case.sampler, other)
        if _same_places(question.space, one, question.space, two):
            return None
        return _differs(case.sampler, question, other, "the values in another unit")

    case.every_question_and_scenario(check, whole_values=True)


def mirror(case: SamplerCase) -> None:
    """To maximize f is to minimize -f; also where many values are equal."""

    def check(question: Question) -> Verdict:
        for state in (question.state, with_values(question.state, _sign)):
            one, other = replace(question, state=state), replace(question, state=mirrored(state))
            _differs(case.sampler, one, other, "directions and values turned round")
        return None

    case.every_question_and_scenario(check)


def scale(case: SamplerCase) -> None:
    """Ranges in other units (``4 x + b``, and with ``log`` squared) get the same suggestions, in other units."""

    def check(question: Question) -> Verdict:
        other = replace(question, space=rescaled(question.space))
        if other.space == question.space or isinstance(asked(case.sampler, question), Raised | NoAnswer):
            return None
        one, two = (lived(each, case.sampler, whole=True) for each in (question, other))
        places = [
            (f"trial {n} gets", *each) for n, each in enumerate(zip(one.state.trials, two.state.trials, strict=True))
        ]
        for what, first, second in (*places, ("it answers", asked(case.sampler, one), asked(case.sampler, two))):
            if not _same_places(one.space, first, two.space, second):
                answers = f"{shown(_params(first))}, and in other units {shown(_params(second))}"
                raise Counterexample(f"{what} {answers} from {two.space!r}", one, two)
        return None

    case.every_question_and_scenario(check)


def permutation(case: SamplerCase) -> None:
    """The order in which the finished trials were told changes nothing."""

    def check(question: Question) -> Verdict:
        for order in (reversed, _interleaved):
            other = replace(question, state=reordered(question.state, order))
            wrong = _differs(case.sampler, question, other, "the finished trials told in another order")
            if wrong:
                return wrong
        return None

    case.every_question_and_scenario(check)


def recording_order(case: SamplerCase) -> None:
    """The order in which a trial got its parameters, reports, constraints and attributes changes nothing."""

    def check(question: Question) -> Verdict:
        for state in (question.state, constrained(question.state)):
            one, other = replace(question, state=state), replace(question, state=recorded_backwards(state))
            _differs(case.sampler, one, other, "every other trial recorded backwards")
        return None

    case.every_question_and_scenario(check)


def bounded_work(case: SamplerCase) -> None:
    """A suggestion after 4000 trials takes about as many steps of Python as one after 1000; counted, not timed.

    A step is an instruction of the interpreter, so each round of a loop and each call of a function is several. What
    goes on inside one call of numpy is not seen.
    """
    space = MIXED if case.space is None else case.space
    few, many = (_steps_per_question(case.sampler, space, n) for n in (_FEW, _MANY))
    if many > 1.1 * few + 500:
        raise AssertionError(
            f"it takes {few} steps after {_FEW} trials, and {many} after {_MANY}: what is learnt from all of them "
            "belongs in a fold (state.finished.fold)"
        )


CLAIMS = (
    rank_based,
    affine,
    mirror,
    scale,
    permutation,
    recording_order,
    coverage,
    no_repeats,
    exhaustion,
    bounded_work,
    learning,
)
"""What a sampler may say that it keeps."""


def _steps_per_question(sampler: Sampler, space: SearchSpace, n: int) -> int:
    state = StudyState.create(seed=1)
    for number in range(n):
        if number == n - 1:
            asked(
                sampler, Question(started(state), number, space)
            )  # what it remembers is up to date, but for one trial
        state = suggested(state, space, Key(2, ("work", number)).uniforms(space))
        state = tell(state, number, float((number * 7919) % 1009))
    question = Question(started(state), n, space)
    return count_steps(lambda: asked(sampler, question))


def _sign(_: int, value: float) -> float:
    return float((value > 0.0) - (value < 0.0))


def _differs(sampler: Sampler, one: Question, other: Question, what: str) -> Verdict:
    first, second = as_text(asked(sampler, one)), as_text(asked(sampler, other))
    if first != second:
        raise Counterexample(f"it answers {first}, and with {what} {second}", one, other)
    return None


def _same_places(space: SearchSpace, one: object, other_space: SearchSpace, other: object) -> bool:
    """Whether answers in two spaces, or trials, are at the same point of the unit cube, but for the last digits."""
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
