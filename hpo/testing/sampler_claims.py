"""Laws that a sampler may claim beyond the basic ones: what it learns from, what it costs, and when it ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from hpo.core.ask_tell import ask, tell
from hpo.core.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from hpo.core.key import Key
from hpo.core.sampling import Sampler
from hpo.core.space import SearchSpace
from hpo.core.state import StudyState
from hpo.core.trial import FrozenTrial
from hpo.errors import SearchSpaceExhausted
from hpo.samplers.random import RandomSampler
from hpo.testing.counterexamples import Counterexample
from hpo.testing.lived import lived
from hpo.testing.proving import Verdict, count_calls
from hpo.testing.questions import Question, Raised, as_text, asked
from hpo.testing.retelling import mirrored, monotone, reordered, rescaled, with_values
from hpo.testing.sampler_case import SamplerCase
from hpo.testing.scenarios import MIXED, SMALL, started, suggested

_FEW, _MANY = 1000, 4000
_BATCH = 3
_LARGEST_GRID = 64
_CLOSE = 1e-6
_BUDGET, _SEEDS, _MARGIN = 60, range(5), 0.25
Objective = Callable[[Mapping[str, Any]], float]


def rank_based(case: SamplerCase) -> None:
    """Only the order of objective values and reports counts: a strictly increasing function of them changes nothing."""

    def check(question: Question) -> Verdict:
        other = replace(question, state=with_values(question.state, monotone(question.state)))
        return _differs(case.sampler, question, other, "other values in the same order")

    case.every_question(check)


def affine(case: SamplerCase) -> None:
    """Units don't count: values in another unit (``4 y - 32``) change nothing but the last digits."""

    def check(question: Question) -> Verdict:
        other = replace(question, state=with_values(question.state, lambda _, value: 4.0 * value - 32.0))
        one, two = asked(case.sampler, question), asked(case.sampler, other)
        if _same_places(question.space, one, question.space, two):
            return None
        return _differs(case.sampler, question, other, "the values in another unit")

    case.every_question(check, whole_values=True)


def mirror(case: SamplerCase) -> None:
    """To maximize f is to minimize -f."""

    def check(question: Question) -> Verdict:
        other = replace(question, state=mirrored(question.state))
        return _differs(case.sampler, question, other, "directions and values turned round")

    case.every_question(check)


def scale(case: SamplerCase) -> None:
    """Ranges in other units (``4 x + b``, and with ``log`` squared) get the same suggestions, in other units."""

    def check(question: Question) -> Verdict:
        other = replace(question, space=rescaled(question.space))
        if other.space == question.space or isinstance(asked(case.sampler, question), Raised):
            return None
        one, two = (lived(each, case.sampler, whole=True) for each in (question, other))
        places = [
            (f"trial {n} gets", *each) for n, each in enumerate(zip(one.state.trials, two.state.trials, strict=True))
        ]
        for what, first, second in (*places, ("it answers", asked(case.sampler, one), asked(case.sampler, two))):
            if not _same_places(one.space, first, two.space, second):
                return f"{what} {_params(first)}, and in other units {_params(second)} from {two.space!r}"
        return None

    case.every_question(check)


def permutation(case: SamplerCase) -> None:
    """The order in which the finished trials were told changes nothing."""

    def check(question: Question) -> Verdict:
        for order in (reversed, _interleaved):
            other = replace(question, state=reordered(question.state, order))
            wrong = _differs(case.sampler, question, other, "the finished trials told in another order")
            if wrong:
                return wrong
        return None

    case.every_question(check)


def no_repeats(case: SamplerCase) -> None:
    """On a finite space nothing is suggested twice, in batches of three and up to the last combination."""
    space, n_cells = _finite(case)
    state, trials = _until_exhausted(case.sampler, space, n_cells)
    seen: dict[str, int] = {}
    for trial in trials:
        point = as_text(trial.params)
        if point in seen:
            wrong = f"trials {seen[point]} and {trial.number} of {n_cells} possible ones are both {point}"
            raise Counterexample(wrong, Question(started(state), state.n_trials, space))
        seen[point] = trial.number


def exhaustion(case: SamplerCase) -> None:
    """On a finite space it answers `Exhausted` when every combination was suggested, and not before."""
    space, n_cells = _finite(case)
    state, trials = _until_exhausted(case.sampler, space, n_cells + 1)
    if len(trials) != n_cells:
        told = "goes on after" if len(trials) > n_cells else f"ends after {len(trials)} of"
        wrong = f"it {told} {n_cells} combinations of {space!r}"
        raise Counterexample(wrong, Question(started(state), state.n_trials, space))


def bounded_work(case: SamplerCase) -> None:
    """A suggestion after 4000 trials makes about as many calls of functions as one after 1000; counted, not timed."""
    space = MIXED if case.space is None else case.space
    few, many = (_calls_per_question(case.sampler, space, n) for n in (_FEW, _MANY))
    if many > 1.1 * few + 50:
        raise AssertionError(f"it makes {few} calls after {_FEW} trials, and {many} after {_MANY}")


def learning(case: SamplerCase) -> None:
    """On easy problems it comes closer to the best than random search: by a factor of 1.8 in 60 trials, on average."""
    gains = {
        name: _mean_log_regret(RandomSampler(), space, objective) - _mean_log_regret(case.sampler, space, objective)
        for name, (space, objective) in PROBLEMS.items()
    }
    mean = sum(gains.values()) / len(gains)
    if not mean >= _MARGIN:
        each = ", ".join(f"{name} {10**gain:.2f}" for name, gain in gains.items())
        raise AssertionError(f"it is {10**mean:.2f} times as close to the best as random search: {each}")


CLAIMS = (rank_based, affine, mirror, scale, permutation, no_repeats, exhaustion, bounded_work, learning)
"""What a sampler may say that it keeps."""


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
"""Easy problems, minimized, whose best value is 0."""


def _mean_log_regret(sampler: Sampler, space: SearchSpace, objective: Objective) -> float:
    logs = []
    for seed in _SEEDS:
        state, best = StudyState.create(seed=seed), math.inf
        for _ in range(_BUDGET):
            state, trial = ask(state, sampler, space)
            value = objective(trial.params)
            state, best = tell(state, trial.number, value), min(best, value)
        logs.append(math.log10(best + _CLOSE))
    return sum(logs) / len(logs)


def _finite(case: SamplerCase) -> tuple[SearchSpace, int]:
    """The case's space if it is small, else one of 12 combinations; and how many there are."""
    counts = [dist.n_values() for dist in (case.space or {}).values()]
    if counts and all(count is not None for count in counts):
        n_cells = math.prod(count for count in counts if count is not None)
        if case.space is not None and n_cells <= _LARGEST_GRID:
            return case.space, n_cells
    return SMALL, 12


def _until_exhausted(sampler: Sampler, space: SearchSpace, most: int) -> tuple[StudyState, list[FrozenTrial]]:
    """A study and its up to `most` trials, of which the last two are still running when the next is asked for."""
    state, trials = StudyState.create(seed=3, space=space), list[FrozenTrial]()
    for _ in range(most):
        try:
            state, trial = ask(state, sampler)
        except SearchSpaceExhausted:
            break
        trials.append(trial)
        if len(state.running) == _BATCH:
            oldest = min(state.running)
            state = tell(state, oldest, float(oldest % 5))
    return state, trials


def _calls_per_question(sampler: Sampler, space: SearchSpace, n: int) -> int:
    state = StudyState.create(seed=1)
    for number in range(n):
        if number == n - 1:
            asked(
                sampler, Question(started(state), number, space)
            )  # what it remembers is up to date, but for one trial
        state = suggested(state, space, Key(2, ("work", number)).uniforms(space))
        state = tell(state, number, float((number * 7919) % 1009))
    question = Question(started(state), n, space)
    return count_calls(lambda: asked(sampler, question))


def _differs(sampler: Sampler, one: Question, other: Question, what: str) -> Verdict:
    first, second = as_text(asked(sampler, one)), as_text(asked(sampler, other))
    return None if first == second else f"it answers {first}, and with {what} {second}"


def _same_places(space: SearchSpace, one: object, other_space: SearchSpace, other: object) -> bool:
    """Whether answers in two spaces, or trials, are at the same point of the unit cube, but for the last digits."""
    first, second = _params(one), _params(other)
    if not isinstance(first, Mapping) or not isinstance(second, Mapping) or {*first} != {*second}:
        return as_text(first) == as_text(second)
    for name in first:
        dist, other_dist = space.get(name), other_space.get(name)
        if dist is None or isinstance(dist, CategoricalDistribution):
            if repr(first[name]) != repr(second[name]):
                return False
        elif abs(dist.to_unit(first[name]) - other_dist.to_unit(second[name])) > _CLOSE:
            return False
    return True


def _params(answer: object) -> object:
    return getattr(answer, "params", answer)


def _interleaved(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return [*trials[1::2], *trials[::2]]
