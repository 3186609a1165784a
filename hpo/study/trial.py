"""A running trial, as objectives see it."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from hpo.core import (
    CategoricalDistribution,
    Choice,
    Distribution,
    FloatDistribution,
    FrozenTrial,
    IntDistribution,
    RecordPruning,
    Report,
    SearchSpace,
    SetConstraint,
    SetTrialAttribute,
    StudyState,
    checked_constraint,
    checked_report,
    decision_to_stop,
    running_trial,
    suggest_lone,
)
from hpo.errors import InvalidArgument
from hpo.study.advisors import Advisors
from hpo.study.recorder import Recorder

T = TypeVar("T", bound=Choice)


class Trial:
    """A trial while it runs: it suggests parameters, takes reports, and tells when to give up.

    `Study.optimize` and `Study.ask` make it.

    Args:
        recorder: Where it reads the study and writes what happens.
        advisors: Who suggests, and who judges the reports.
        started: The study at the moment when the trial started: what every suggestion is computed from.
        trial: The trial with its joint parameters, and no other ones.
        touched: Joint parameters that count as asked for already.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
        >>> trial = study.ask()
        >>> 1 <= trial.suggest_int("layers", 1, 4) <= 4
        True
        >>> trial.report(0.9, step=0)
        >>> trial.set_user_attr("host", "a")
        >>> study.tell(trial, 0.5).value
        0.5
    """

    def __init__(
        self,
        recorder: Recorder,
        advisors: Advisors,
        started: StudyState,
        trial: FrozenTrial,
        *,
        touched: Iterable[str] = (),
    ) -> None:
        self._recorder = recorder
        self._advisors = advisors
        self._started = started
        self._joint = trial
        self._params: Mapping[str, Any] = trial.params
        self._distributions = trial.distributions.mapping
        self._touched: dict[str, None] = dict.fromkeys(touched)

    @property
    def number(self) -> int:
        """Place in the study, from 0, without gaps."""
        return self._joint.number

    @property
    def params(self) -> dict[str, Any]:
        """The parameters suggested so far, in the order in which they were asked for."""
        return {name: self._params[name] for name in self._touched}

    @property
    def distributions(self) -> dict[str, Distribution]:
        """What each parameter suggested so far was drawn from."""
        return {name: self._distributions[name] for name in self._touched}

    @property
    def user_attrs(self) -> dict[str, Any]:
        """What was attached to the trial."""
        return dict(self._now().user_attrs)

    @property
    def constraints(self) -> dict[str, float]:
        """The constraint values that were set."""
        return dict(self._now().constraints)

    @property
    def datetime_start(self) -> datetime.datetime | None:
        """When it was started, in local time."""
        return self._joint.datetime_start

    @property
    def unused(self) -> tuple[str, ...]:
        """Joint parameters that the objective has not asked for; they are dropped when the trial is told."""
        return tuple(name for name in self._joint.params if name not in self._touched)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """A real number in ``[low, high]``.

        Args:
            name: The parameter; the same name gives the same value again in this trial.
            low: Smallest value.
            high: Largest value; with a `step` that does not divide the range it is lowered with a warning.
            step: Distance of the grid points from `low` on; not together with `log`.
            log: Whether to draw on the logarithmic axis; needs ``low > 0``.

        Raises:
            InvalidDistribution: the arguments describe no range; see `FloatDistribution`.
            InvalidArgument: the name stands for another kind of parameter in this trial.
        """
        known = self._distributions.get(name)
        if (
            type(known) is FloatDistribution
            and known.low == low
            and known.high == high
            and known.step == step
            and known.log is log
        ):  # the common case costs no new distribution
            self._touched[name] = None
            return self._params[name]  # type: ignore[no-any-return]
        return self._suggest(name, FloatDistribution(low, high, log=log, step=step))  # type: ignore[no-any-return]

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """A whole number in ``[low, high]``, both included.

        Args:
            name: The parameter; the same name gives the same value again in this trial.
            low: Smallest value.
            high: Largest value; lowered with a warning where `step` does not divide the range.
            step: Distance between values; only 1 together with `log`.
            log: Whether small values are favoured; needs ``low >= 1``.

        Raises:
            InvalidDistribution, InvalidType: the arguments describe no range; see `IntDistribution`.
            InvalidArgument: the name stands for another kind of parameter in this trial.
        """
        known = self._distributions.get(name)
        if (
            type(known) is IntDistribution
            and known.low == low
            and known.high == high
            and known.step == step
            and known.log is log
        ):
            self._touched[name] = None
            return self._params[name]  # type: ignore[no-any-return]
        return self._suggest(name, IntDistribution(low, high, log=log, step=step))  # type: ignore[no-any-return]

    def suggest_categorical(self, name: str, choices: Sequence[T]) -> T:
        """One of `choices`.

        Args:
            name: The parameter; the same name gives the same value again in this trial.
            choices: None, bools, ints, floats and texts; ``True``, ``1`` and ``1.0`` are different.

        Raises:
            InvalidDistribution, InvalidType: the choices are none, or not different, or of other types.
            InvalidArgument: the name stands for another kind of parameter, or other choices, in this trial.
        """
        return self._suggest(name, CategoricalDistribution(choices))  # type: ignore[no-any-return]

    def report(self, value: float, step: int) -> None:
        """Tell how the trial is doing; the first value of a step stands, a second one is ignored with a warning.

        Args:
            value: The intermediate value of the objective; a number of any type, NaN and infinities too.
            step: For example the epoch; a whole number from 0 on.

        Raises:
            InvalidType, InvalidArgument: the value is no number, or the step no whole number from 0 on.
            TrialNotRunning: the trial is finished.
        """
        number, whole = checked_report(value, step)
        if whole in running_trial(self._recorder.state, self.number).intermediate_values:
            warnings.warn(f"trial {self.number} has a value for step {whole} already: it stays", stacklevel=2)
            return
        self._recorder.record(Report(self.number, number, whole))

    def should_prune(self) -> bool:
        """Whether the study's pruner would end the trial now, judged by what was reported.

        Ending it is up to the objective: ``raise hpo.TrialPruned``.
        """
        recorder, advisors = self._recorder, self._advisors
        while True:
            state = recorder.state
            stop = decision_to_stop(state, advisors.pruner, running_trial(state, self.number))
            if recorder.record_if(state, advisors.pruner_use, RecordPruning(self.number, stop, recorder.detached)):
                return stop

    def set_user_attr(self, key: str, value: Any) -> None:
        """Attach a JSON value or a datetime to the trial.

        Raises:
            InvalidType: the value can't be kept; nothing changes.
            TrialNotRunning: the trial is finished.
        """
        self._recorder.record(SetTrialAttribute(self.number, key, value))

    def set_constraint(self, key: str, value: float) -> None:
        """Record the value of constraint `key`, feasible when <= 0; the first one stands, a second one warns.

        Raises:
            InvalidType, InvalidArgument: the value is no number, or NaN.
            TrialNotRunning: the trial is finished.
        """
        name, number = checked_constraint(key, value)
        if name in running_trial(self._recorder.state, self.number).constraints:
            warnings.warn(f"trial {self.number} has a value for constraint {name!r} already: it stays", stacklevel=2)
            return
        self._recorder.record(SetConstraint(self.number, name, number))

    def _now(self) -> FrozenTrial:
        return self._recorder.state.trial(self.number)

    def _suggest(self, name: str, distribution: Distribution) -> Any:
        known = self._distributions.get(name)
        if known == distribution:
            self._touched[name] = None
        elif name in self._touched:
            self._check_repetition(name, known, distribution)
        else:  # not among the joint parameters, or there with another range
            space = SearchSpace({name: distribution})
            command = suggest_lone(self._started, self._advisors.sampler, self._joint, name, space)
            state = self._recorder.record(self._advisors.sampler_use, command)
            self._params = state.running[self.number].params
            self._distributions = state.running[self.number].distributions.mapping
            self._touched[name] = None
        return self._params[name]

    def _check_repetition(self, name: str, first: Distribution | None, again: Distribution) -> None:
        if type(first) is not type(again) or isinstance(again, CategoricalDistribution):
            raise InvalidArgument(
                f"parameter {name!r} is {first!r} in this trial, and can't be {again!r} too: use another name"
            )
        warnings.warn(
            f"parameter {name!r} was suggested from {first!r} in this trial: its value stays, {again!r} is ignored",
            stacklevel=4,
        )

    def __repr__(self) -> str:
        return f"<Trial {self.number}: {self.params}>"
