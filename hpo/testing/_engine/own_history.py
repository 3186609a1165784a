"""The same study as if the sampler had suggested its parameters, and studies that it runs from the first trial on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from hpo.core import (
    Command,
    Distribution,
    Exhausted,
    FrozenTrial,
    History,
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
)
from hpo.testing._engine.cases import FAULTS, Question
from hpo.testing.scenarios import started

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
        yield PauseTrial(trial.number, trial.checkpoint)
    if trial.state.is_finished():
        yield Tell(trial.number, trial.values, trial.state, reason=trial.reason, sem=trial.sem, cost=trial.cost)


def _after(state: StudyState, command: Command) -> StudyState:
    return replay(decide(state, command), state)
