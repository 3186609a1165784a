"""Use Optuna's samplers as samplers of hpo: each suggestion comes from a new study and a new sampler.

Only Optuna's public interface is used, and whatever its studies would not accept is left out of them. The study is built
in one of two ways: its trials are added as they are or, for samplers that record something with each trial, every trial is
enqueued, asked for and told, so that the sampler takes part from the start.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import warnings
from collections.abc import Mapping
from typing import Any

import attrs
import optuna
from msgspec.structs import replace
from optuna.distributions import BaseDistribution, check_distribution_compatibility

from hpo.core import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    FrozenDict,
    FrozenTrial,
    Key,
    SearchSpace,
    StudyState,
    Suggestion,
    TrialState,
)
from hpo.errors import SeveralObjectives

FAR = 1e15
_STATES = {
    state: optuna.trial.TrialState["RUNNING" if state is TrialState.PAUSED else state.name]  # neither has a result yet
    for state in TrialState
}
Spaces = dict[str, BaseDistribution]


@attrs.frozen
class OptunaRival:
    """One of Optuna's samplers, seeded by the key of each call.

    Args:
        name: The class in `optuna.samplers`.
        options: Its arguments besides the seed.
        there_from_the_start: Whether the sampler is asked for each trial of the history, as for enqueued trials. If
            not, the trials are added.
        one_objective: Whether studies with several objectives are refused.
        ordinary: Whether parameters with ranges beyond `FAR`, which are very rare, are left out of the history.
        same_constraints: Whether constraints are left out if complete trials do not all have the same ones.
    """

    name: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    there_from_the_start: bool = False
    one_objective: bool = False
    ordinary: bool = True
    same_constraints: bool = False

    def __call__(self, state: StudyState, trial: FrozenTrial, space: SearchSpace, key: Key) -> Suggestion:
        """Suggest values for the parameters in `space`."""
        if self.one_objective and len(state.directions) > 1:
            raise SeveralObjectives(self.name, "a sampler for several")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # being experimental, deprecated or slow breaks no law
            optuna.logging.set_verbosity(optuna.logging.CRITICAL)
            study = self._fresh_study(state, key)
            asked = _made({**trial.distributions, **space})
            known = dict(asked)
            for other in self._history(state, trial.number):
                admitted = _admitted(other, known, FAR if self.ordinary else math.inf)
                (_enqueue_ask_and_tell if self.there_from_the_start else _add)(study, other, admitted)
            if trial.params:  # a lone parameter comes after the others of its trial
                study.enqueue_trial(dict(trial.params))
            params = study.ask(asked).params
        return Suggestion(
            {name: params[name] if name in asked else dist.from_unit(0.5) for name, dist in space.items()}
        )

    def _history(self, state: StudyState, number: int) -> list[FrozenTrial]:
        """Return the trials to tell: all but the one that values are suggested for."""
        trials = [other for other in state.trials if other.number != number and other.state is not TrialState.WAITING]
        names = {tuple(sorted(other.constraints)) for other in trials if other.state is TrialState.COMPLETE}
        if self.same_constraints and len(names) > 1:
            return [replace(other, constraints=FrozenDict()) for other in trials]
        return trials

    def _fresh_study(self, state: StudyState, key: Key) -> optuna.Study:
        seed = int(key.child("rival").generator().integers(2**31 - 1))
        sampler = getattr(optuna.samplers, self.name)(seed=seed, **self.options)
        study = optuna.create_study(study_name=state.name or "study", directions=[*state.directions], sampler=sampler)
        for name, value in state.user_attrs.items():
            study.set_user_attr(name, value)
        return study


def theirs(distribution: Distribution) -> BaseDistribution:
    """Return the distribution of Optuna that has the same values."""
    if isinstance(distribution, CategoricalDistribution):
        return optuna.distributions.CategoricalDistribution(distribution.choices)
    if isinstance(distribution, FloatDistribution):
        return optuna.distributions.FloatDistribution(
            distribution.low, distribution.high, log=distribution.log, step=distribution.step
        )
    return optuna.distributions.IntDistribution(
        distribution.low, distribution.high, log=distribution.log, step=distribution.step
    )


def _made(space: Mapping[str, Distribution]) -> Spaces:
    """Return the distributions of `space` that Optuna accepts."""
    made: Spaces = {}
    for name, distribution in space.items():
        with contextlib.suppress(ValueError, TypeError):
            made[name] = theirs(distribution)
    return made


def _admitted(trial: FrozenTrial, known: Spaces, far: float) -> Spaces:
    """Return the parameters of a trial that a study of Optuna with the `known` ones would accept."""
    admitted: Spaces = {}
    for name, distribution in trial.distributions.items():
        if not isinstance(distribution, CategoricalDistribution) and (
            max(-distribution.low, distribution.high) > far or (distribution.log and distribution.low < 1 / far)
        ):
            continue
        try:
            other = theirs(distribution)
            check_distribution_compatibility(known.setdefault(name, other), other)
            optuna.trial.create_trial(value=0.0, params={name: trial.params[name]}, distributions={name: other})
        except (ValueError, OverflowError):
            continue
        admitted[name] = other
    return admitted


def _add(study: optuna.Study, trial: FrozenTrial, space: Spaces) -> None:
    added = optuna.trial.create_trial(
        state=_STATES[trial.state],
        values=trial.values,
        params={name: trial.params[name] for name in space},
        distributions=space,
        user_attrs=dict(trial.user_attrs),
        intermediate_values=dict(trial.intermediate_values),
        constraints=dict(trial.constraints),
    )
    added.datetime_start = _time(trial.started_at)
    if added.state.is_finished():
        added.datetime_complete = _time(trial.finished_at)
    study.add_trial(added)


def _enqueue_ask_and_tell(study: optuna.Study, trial: FrozenTrial, space: Spaces) -> None:
    study.enqueue_trial({name: trial.params[name] for name in space})
    asked = study.ask()
    _ = asked.relative_params  # makes the sampler see the trial, which it would not for enqueued values alone
    for name, distribution in space.items():
        if isinstance(distribution, optuna.distributions.CategoricalDistribution):
            asked.suggest_categorical(name, distribution.choices)
        else:
            suggest = asked.suggest_float if isinstance(distribution.low, float) else asked.suggest_int
            suggest(name, distribution.low, distribution.high, step=distribution.step, log=distribution.log)
    for name, value in trial.user_attrs.items():
        asked.set_user_attr(name, value)
    for name, value in trial.constraints.items():
        asked.set_constraint(name, value)
    for step, value in trial.intermediate_values.items():
        asked.report(value, step)
    if trial.state is TrialState.COMPLETE:
        study.tell(asked, trial.values)
    elif trial.state.is_finished():
        study.tell(asked, state=_STATES[trial.state])


def _time(seconds: float | None) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds or 0.0)  # noqa: DTZ006 - as Optuna has it
