"""Questions beside the generated ones: histories that the sampler has suggested itself, and ranges with hard ends."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from hpo.core import (
    CategoricalDistribution,
    Command,
    Distribution,
    Exhausted,
    FloatDistribution,
    FrozenTrial,
    History,
    IntDistribution,
    NumberMap,
    PauseTrial,
    Report,
    Sampler,
    SearchSpace,
    SetConstraint,
    StudyState,
    Suggest,
    Tell,
    TrialState,
    decide,
    enqueue,
    replay,
    suggest_joint,
    tell,
)
from hpo.testing._engine.cases import FAULTS, Question
from hpo.testing.scenarios import started, suggested

_BESIDE = 2
_BEST = 0.3


def with_own_history(question: Question, sampler: Sampler, *, whole: bool = False) -> Question:
    """Return the question with what `sampler` suggests, trial by trial, in trials that had all of its parameters.

    Trials keep their results. Those that had other parameters keep them too, and so do those for which the core does not
    accept the sampler's answer: other laws are about that.

    Args:
        question: The question, whose study has the trials and their results.
        sampler: The sampler.
        whole: Whether trials that had other parameters get those of the question too; the middle of each range if the
            core does not accept the sampler's answer.

    Example:
        >>> from hpo.samplers import QMCSampler
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> question = with_own_history(Question(scenarios()["constant"], 12, MIXED), QMCSampler())
        >>> {trial.note["rule"] for trial in question.state.finished}
        {'sobol'}
    """
    old, nobody = question.state, NumberMap[FrozenTrial]()
    state = replace(old, finished=History(), running=nobody, waiting=nobody, paused=nobody, n_trials=0)
    for trial in old.trials:
        if trial.state is TrialState.WAITING:
            state = enqueue(state, trial.fixed_params)
        else:
            state = _with_suggestion(state, trial, sampler, question.space, whole=whole)
    return replace(question, state=state)


def own_run(sampler: Sampler, space: SearchSpace, *, most: int, seed: int) -> Iterator[Question]:
    """Yield the questions of a study in which `sampler` suggests everything from the first trial on, one per trial.

    Two trials run beside the one in question, and end out of order. Most are complete, and better the nearer they are to
    0.3 in the unit cube; some are pruned, and some failed. The study ends early if the core does not accept an answer.

    Args:
        sampler: The sampler.
        space: The space that it is asked for.
        most: The largest number of trials.
        seed: The study's seed.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> from hpo.testing.scenarios import ORDINARY
        >>> [len(each.state.finished) for each in own_run(RandomSampler(), ORDINARY, most=5, seed=0)]
        [0, 0, 0, 1, 2]
    """
    state = StudyState.create(seed=seed)
    for number in range(most):
        question = Question(started(state), number, space)
        yield question
        state = _suggested(question.state, Suggest(number, SearchSpace(), {}), sampler, space)
        if space and not state.running[number].params:
            return
        if len(state.running) > _BESIDE:
            state = _ended(state, sorted(state.running)[number % 2])


def _ended(state: StudyState, number: int) -> StudyState:
    trial = state.running[number]
    places = [dist.to_unit(trial.params[name]) for name, dist in trial.distributions.items()]
    value = sum(abs(place - _BEST) for place in places)
    outcome = {3: TrialState.PRUNED, 5: TrialState.FAIL}.get(number % 7, TrialState.COMPLETE)
    state = _after(state, Report(number, value, 0))
    return _after(state, Tell(number, None if outcome is TrialState.FAIL else (value,), outcome))


def _with_suggestion(
    state: StudyState, trial: FrozenTrial, sampler: Sampler, space: Mapping[str, Distribution], *, whole: bool
) -> StudyState:
    state = started(state)
    if trial.params:
        given = Suggest(trial.number, trial.distributions, trial.params)
        if whole:
            given = Suggest(trial.number, space, {name: dist.from_unit(0.5) for name, dist in space.items()})
        state = _suggested(state, given, sampler) if given.space == space else _after(state, given)
    for command in _later(trial):
        state = _after(state, command)
    return state


def _suggested(
    state: StudyState, given: Suggest, sampler: Sampler, space: Mapping[str, Distribution] | None = None
) -> StudyState:
    """Return the state after a suggestion of `sampler` or, if that is refused, after the given one.

    The sampler is asked for `space`, or for the space of the given suggestion if None.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            command = suggest_joint(
                state, sampler, state.running[given.number], given.space if space is None else space
            )
            if not isinstance(command, Exhausted):
                return _after(state, command)
        except FAULTS:  # the laws about single answers report them
            return _after(state, given)
    return _after(state, given)


def _later(trial: FrozenTrial) -> Iterator[Command]:
    for step, value in trial.intermediate_values.items():
        yield Report(trial.number, value, step)
    for step, metrics in trial.metrics.items():
        yield Report(trial.number, metrics, step)
    for name, value in trial.constraints.items():
        yield SetConstraint(trial.number, name, value)
    if trial.state is TrialState.PAUSED:
        yield PauseTrial(trial.number, trial.checkpoint, reason=trial.reason)
    if trial.state.is_finished():
        yield Tell(trial.number, trial.values, trial.state, reason=trial.reason, sem=trial.sem, cost=trial.cost)


def _after(state: StudyState, command: Command) -> StudyState:
    return replay(decide(state, command), state)


_TOLD = 3
_SEEDS = range(3)

EDGES: Mapping[str, Distribution] = {
    "one float": FloatDistribution(0.3, 0.3),
    "one float, log, 0.3": FloatDistribution(0.3, 0.3, log=True),
    "one float, log, 7": FloatDistribution(7.0, 7.0, log=True),
    "one float, log, 1e-5": FloatDistribution(1e-5, 1e-5, log=True),
    "one float, log, 1e5": FloatDistribution(1e5, 1e5, log=True),
    "two floats": FloatDistribution(1.0, math.nextafter(1.0, 2.0)),
    "two floats, log": FloatDistribution(0.1, math.nextafter(0.1, 1.0), log=True),
    "log up to a tenth": FloatDistribution(1e-5, 0.1, log=True),
    "log from three": FloatDistribution(3.0, 1e5, log=True),
    "log from 0.7 to 7": FloatDistribution(0.7, 7.0, log=True),
    "600 decades": FloatDistribution(5e-324, 1.7e308, log=True),
    "subnormal": FloatDistribution(0.0, 5e-324),
    "wider than a float": FloatDistribution(-1.7e308, 1.7e308),
    "zeros": FloatDistribution(-0.0, 0.0),
    "tenths": FloatDistribution(0.0, 1.0, step=0.1),
    "tenths, far away": FloatDistribution(1e6, 1e6 + 1.0, step=0.1),
    "sevenths": FloatDistribution(0.0, 1.0, step=1 / 7),
    "one int": IntDistribution(3, 3),
    "one int, log": IntDistribution(3, 3, log=True),
    "ints": IntDistribution(0, 9),
    "ints with a step": IntDistribution(1, 10, step=3),
    "ints, log": IntDistribution(1, 5, log=True),
    "ints with steps of 2**40": IntDistribution(0, 2**43, step=2**40),
    "ints beyond floats with steps of 2**40": IntDistribution(2**60, 2**60 + 2**43, step=2**40),
    "floats with steps of 2**40": FloatDistribution(0.0, 2.0**43, step=2.0**40),
    "ints beyond floats": IntDistribution(2**60, 2**60 + 3),
    "ints beyond 64 bits": IntDistribution(2**70, 2**70 + 3),
    "ints, log, beyond floats": IntDistribution(2**60, 2**60 + 3, log=True),
    "ints, log, beyond 64 bits": IntDistribution(2**70, 2**70 + 3, log=True),
    "texts": CategoricalDistribution(["a", "b", "c"]),
    "numbers as choices": CategoricalDistribution([16, 32, 64]),
    "floats as choices": CategoricalDistribution([0.1, 0.5]),
    "yes or no": CategoricalDistribution([False, True]),
    "equal choices": CategoricalDistribution([True, 1, 1.0, "1", None]),
    "one choice": CategoricalDistribution(["a"]),
}
"""Distributions by name."""


def edge_questions(space: Mapping[str, Distribution] | None = None) -> Iterator[tuple[str, Question]]:
    """Yield questions about studies without results, and with results at the low and at the high end, with names.

    Args:
        space: The space that is asked for; each of `EDGES` alone if not given.

    Example:
        >>> name, question = next(edge_questions())
        >>> name, [*question.space]
        ('one float, no result', ['value'])
    """
    spaces = {"the space": SearchSpace.of(space)} if space is not None else _EDGE_SPACES
    for name, each in spaces.items():
        for end, unit in (("no result", None), ("results at the low end", 0.0), ("results at the high end", 1.0)):
            for seed in _SEEDS:
                state = StudyState.create(seed=seed)
                for number in range(0 if unit is None else _TOLD):
                    state = tell(suggested(state, each, [unit or 0.0] * len(each)), number, float(number))
                yield f"{name}, {end}", Question(started(state), state.n_trials, each)


_EDGE_SPACES: Mapping[str, SearchSpace] = {name: SearchSpace({"value": dist}) for name, dist in EDGES.items()}
