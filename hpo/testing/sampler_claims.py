"""Laws that a sampler may claim beyond the basic ones: what it learns from, what it costs, and when it ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from hpo.core.ask_tell import ask, tell
from hpo.core.distributions import CategoricalDistribution, Distribution, FloatDistribution, IntDistribution
from hpo.core.key import Key
from hpo.core.sampling import Sampler, Suggestion
from hpo.core.space import SearchSpace
from hpo.core.state import StudyState
from hpo.core.trial import FrozenTrial
from hpo.errors import SearchSpaceExhausted
from hpo.samplers.random import RandomSampler
from hpo.testing.proving import Verdict, count_calls
from hpo.testing.questions import Question, as_text, asked
from hpo.testing.retelling import mirrored, monotone, with_values
from hpo.testing.sampler_case import SamplerCase
from hpo.testing.scenarios import MIXED, SMALL, started, suggested

_FEW, _MANY = 500, 2000
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
        if isinstance(one, Suggestion) and isinstance(two, Suggestion) and _close(question.space, one, two):
            return None
        return _differs(case.sampler, question, other, "the values in another unit")

    case.every_question(check, whole_values=True)


def mirror(case: SamplerCase) -> None:
    """To maximize f is to minimize -f."""

    def check(question: Question) -> Verdict:
        other = replace(question, state=mirrored(question.state))
        return _differs(case.sampler, question, other, "directions and values turned round")

    case.every_question(check)


def no_repeats(case: SamplerCase) -> None:
    """On a finite space nothing is suggested twice, in batches of three and up to the last combination."""
    space, n_cells = _finite(case)
    trials = _until_exhausted(case.sampler, space, n_cells)
    seen: dict[str, int] = {}
    for trial in trials:
        point = as_text(trial.params)
        if point in seen:
            raise AssertionError(f"trials {seen[point]} and {trial.number} of {n_cells} possible ones are both {point}")
        seen[point] = trial.number


def exhaustion(case: SamplerCase) -> None:
    """On a finite space it answers `Exhausted` when every combination was suggested, and not before."""
    space, n_cells = _finite(case)
    trials = _until_exhausted(case.sampler, space, n_cells + 1)
    if len(trials) != n_cells:
        told = "goes on after" if len(trials) > n_cells else f"ends after {len(trials)} of"
        raise AssertionError(f"it {told} {n_cells} combinations of {space!r}")


def bounded_work(case: SamplerCase) -> None:
    """A suggestion after 2000 trials makes about as many calls of functions as one after 500; counted, not timed."""
    space = MIXED if case.space is None else case.space
    few, many = (_calls_per_question(case.sampler, space, n) for n in (_FEW, _MANY))
    if many > 1.5 * few + 100:
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


CLAIMS = (rank_based, affine, mirror, no_repeats, exhaustion, bounded_work, learning)
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


def _until_exhausted(sampler: Sampler, space: SearchSpace, most: int) -> list[FrozenTrial]:
    """Up to `most` trials, of which the last two are still running when the next is asked for."""
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
    return trials


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


def _close(space: Mapping[str, Distribution], one: Suggestion, other: Suggestion) -> bool:
    """Whether two suggestions are the same but for the last digits."""
    for name, dist in space.items():
        first, second = one.params.get(name), other.params.get(name)
        if isinstance(dist, FloatDistribution) and isinstance(first, float) and isinstance(second, float):
            if abs(dist.to_unit(first) - dist.to_unit(second)) > _CLOSE:
                return False
        elif repr(first) != repr(second):
            return False
    return True
