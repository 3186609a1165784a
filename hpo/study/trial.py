"""A running trial, as objectives see it."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from hpo.core import (
    BaseTrial,
    CategoricalDistribution,
    Choice,
    Command,
    Decision,
    Distribution,
    FloatDistribution,
    FrozenTrial,
    IntDistribution,
    PauseTrial,
    RecordPruning,
    Report,
    SearchSpace,
    SetConstraint,
    SetTrialAttribute,
    StudyState,
    Verdict,
    as_given,
    ask_pruner,
    checked_constraint,
    checked_report,
    distribution_of,
    replay,
    running_trial,
    settled,
    suggest_lone,
)
from hpo.errors import InvalidArgument, InvalidType, TrialPruned
from hpo.journal.storage import Storage
from hpo.study.advisors import Advisors
from hpo.study.recorder import JournalRecorder, Recorder, kept_in_memory, now
from hpo.study.running.messages import reason_of

if TYPE_CHECKING:
    from hpo.study.study import Study

T = TypeVar("T", bound=Choice)


class Trial(BaseTrial):
    """A trial while it runs: it suggests parameters, takes reports, and says when to stop early.

    `Study.optimize` and `Study.ask` create it. If the study is not in memory, a trial can be pickled: the copy writes to
    the study, too, and either of the two is told, the copy by preference, because it knows what it was asked for.

    Args:
        recorder: Where it reads the study and writes what happens.
        advisors: The sampler that suggests, and the pruner that decides on reports.
        started: The study as it was when the trial started, or was resumed. Every suggestion is computed from it.
        trial: The trial with its joint parameters, and no others.
        used: The joint parameters that count as asked for already.
        study: Returns the study that the trial belongs to, or None if that is gone.

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
        used: Iterable[str] = (),
        study: Callable[[], Any] | None = None,
    ) -> None:
        self._recorder = recorder
        self._advisors = advisors
        self._started = started
        self._joint = trial
        self._params: Mapping[str, Any] = trial.params
        self._distributions = trial.distributions.mapping
        earlier = started.running[trial.number].params  # of a trial that was paused: all of them count as used
        self._used: dict[str, None] = dict.fromkeys(earlier or used)
        self._study = study
        self._paused = False
        self._verdict: Verdict | None = None
        self._sent = False  # to another process, where its objective may ask for parameters

    @property
    def number(self) -> int:
        """The trial's number in the study. Numbers start at 0 and have no gaps."""
        return self._joint.number

    @property
    def study(self) -> Study:
        """The study that the trial belongs to.

        Raises:
            AttributeError: the objective runs in another process, which has no study to write to.
        """
        study: Study | None = None if self._study is None else self._study()
        if study is not None:
            return study
        origin = getattr(self._recorder, "origin", None)
        if origin is None:
            raise AttributeError(
                "a trial that runs in an executor has no study there: return what the study needs to know"
            )
        from hpo.study.study import Study  # it imports this module

        storage, name = origin
        return Study(name, storage, self._advisors.sampler, self._advisors.pruner, self._advisors.promoter)

    @property
    def relative_params(self) -> dict[str, Any]:
        """The parameters that were suggested together before the objective asked for one; it may ask for fewer."""
        return dict(self._joint.params)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters suggested so far, in the order in which they were asked for."""
        return {name: self._params[name] for name in self._used}

    @property
    def distributions(self) -> dict[str, Distribution]:
        """The distributions of the parameters suggested so far."""
        return {name: self._distributions[name] for name in self._used}

    @property
    def user_attrs(self) -> dict[str, Any]:
        """The user attributes of the trial; `set_user_attr` sets one."""
        return settled(self._now().user_attrs)

    @property
    def constraints(self) -> dict[str, float]:
        """The values of the constraints set so far."""
        return dict(self._now().constraints)

    @property
    def datetime_start(self) -> datetime.datetime | None:
        """When the trial was started, in local time."""
        return self._joint.datetime_start

    @property
    def checkpoint(self) -> str | None:
        """The checkpoint to continue from, with which the trial, or the one that it was forked from, was paused."""
        return self._joint.checkpoint

    @property
    def parent(self) -> int | None:
        """The number of the trial that this one was forked from, or None."""
        return self._joint.parent

    @property
    def is_paused(self) -> bool:
        """Whether the trial was paused through this object. What its objective returns is then ignored."""
        return self._paused

    @property
    def verdict(self) -> Verdict | None:
        """What the pruner decided when this object asked it last, with the reason; None before that."""
        return self._verdict

    @property
    def unused(self) -> tuple[str, ...]:
        """The joint parameters that the objective has not asked for. They are dropped when the trial is told.

        None of them is known to be unused if the trial was sent to another process: tell it with the copy from there,
        which knows.
        """
        joint = self._joint.params
        if self._sent or joint.keys() <= self._used.keys():
            return ()
        return tuple([name for name in joint if name not in self._used])

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Suggest a float in ``[low, high]``.

        Args:
            name: The parameter. The same name has the same value throughout the trial.
            low: Smallest value.
            high: Largest value. If `step` does not divide the range, it is lowered with a warning.
            step: Distance between the grid points, which start at `low`. Cannot be combined with `log`.
            log: Whether the parameter is on a logarithmic scale. Needs ``low > 0``.

        Raises:
            InvalidDistribution: the arguments are not a valid range.
            InvalidArgument: the name is a parameter of another type in this trial.
        """
        value = self._known_value(FloatDistribution, name, low, high, step, log)
        if value is None:
            value = self._suggest(name, distribution_of(name, FloatDistribution, low, high, log=log, step=step))
        return value  # type: ignore[no-any-return]

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Suggest an int in ``[low, high]``, both included.

        Args:
            name: The parameter. The same name has the same value throughout the trial.
            low: Smallest value.
            high: Largest value. If `step` does not divide the range, it is lowered with a warning.
            step: Distance between values. Must be 1 together with `log`.
            log: Whether the parameter is on a logarithmic scale, which favours small values. Needs ``low >= 1``.

        Raises:
            InvalidDistribution, InvalidType: the arguments are not a valid range.
            InvalidArgument: the name is a parameter of another type in this trial.
        """
        value = self._known_value(IntDistribution, name, low, high, step, log)
        if value is None:
            value = self._suggest(name, distribution_of(name, IntDistribution, low, high, log=log, step=step))
        return value  # type: ignore[no-any-return]

    def suggest_categorical(self, name: str, choices: Sequence[T]) -> T:
        """Suggest one of `choices`.

        Args:
            name: The parameter. The same name has the same value throughout the trial.
            choices: None, bools, ints, floats and strings; ``True``, ``1`` and ``1.0`` are different choices.

        Raises:
            InvalidDistribution, InvalidType: there are no choices, two are equal, or one has another type.
            InvalidArgument: the name is a parameter of another type, or has other choices, in this trial.
        """
        return as_given(self._suggest(name, distribution_of(name, CategoricalDistribution, choices)), choices)  # type: ignore[no-any-return]

    def report(self, value: float | Mapping[str, float], step: int) -> None:
        """Record an intermediate value. The first value of a step stays; a second one is ignored with a warning.

        Args:
            value: The objective's value at this step: any number, also NaN or an infinity. Or several by metric name.
            step: A whole number of at least 0, for example the epoch.

        Raises:
            InvalidType, InvalidArgument: the value is not a number, or the step is not a whole number of at least 0.
            TrialNotRunning: the trial is finished.
        """
        checked, whole = checked_report(value, step)

        def is_recorded(trial: FrozenTrial) -> bool:
            return whole in trial.intermediate_values or whole in trial.metrics

        if not self._record_new(Report(self.number, checked, whole), is_recorded):
            warnings.warn(f"trial {self.number} has a value for step {whole} already: it stays", stacklevel=2)

    def should_prune(self) -> bool:
        """Return whether the study's pruner would stop the trial now, given its intermediate values.

        The decision is recorded. Stopping is up to the objective: ``raise hpo.TrialPruned``. If the pruner would rather
        pause the trial, the answer is False; ask `ask_pruner` if the objective can pause.
        """
        return self.ask_pruner().decision is Decision.STOP

    def ask_pruner(self) -> Verdict:
        """Return what the study's pruner decides, given the trial's intermediate values, and record it.

        The decision is CONTINUE, PAUSE or STOP. An objective that can continue later saves a checkpoint and calls
        `pause` for PAUSE. Others may go on.
        """
        recorder, advisors = self._recorder, self._advisors
        while True:
            state = recorder.state
            verdict = ask_pruner(state, advisors.pruner, running_trial(state, self.number))
            command = RecordPruning(self.number, verdict.decision.value, verdict.reason, recorder.detached)
            if recorder.record_if(state, advisors.set_pruner, command) is not None:
                self._verdict = verdict
                return verdict

    def pause(self, checkpoint: str | None = None) -> None:
        """Pause the trial: it waits until it is resumed, in this process or in any other. The objective then returns.

        Whatever the objective returns after this is ignored, and its worker is free for another trial. If the pruner has
        just said that the trial should pause, its reason is kept with the pause.

        Args:
            checkpoint: Where the objective can continue from, as a string of your own, for example a path. None keeps
                the one that the trial was paused with before.

        Raises:
            TrialNotRunning: the trial is paused already, or finished.
            InvalidType: the checkpoint is not a string.

        Example:
            >>> import hpo
            >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
            >>> trial = study.ask()
            >>> trial.pause("epoch-3.pt")
            >>> study.trials[0].state.name, study.resume(0).checkpoint
            ('PAUSED', 'epoch-3.pt')
        """
        reason = reason_of(self._verdict, Decision.PAUSE)
        self._recorder.record(PauseTrial(self.number, checkpoint, now(), reason=reason))
        self._paused = True

    def pause_point(self, checkpoint: str | Callable[[], str] | None = None) -> bool:
        """Ask the pruner whether to go on, and pause the trial if it says so; call it after a report.

        Args:
            checkpoint: Where the objective can continue from, as a string; or a function that saves a checkpoint and returns
                the string, which is called only if the trial pauses.

        Returns:
            True if the trial is paused, so that the objective returns; False if it goes on. A trial that has reported nothing
            at a new step since it was resumed goes on: it was paused for those reports already.

        Raises:
            TrialPruned: the pruner stops the trial.
            TrialNotRunning: the trial is finished.
            InvalidType: the checkpoint is not a string.

        Example:
            >>> import hpo
            >>> study = hpo.create_study(pruner=hpo.pruners.PauseAtRungs(min_resource=1))
            >>> trial = study.ask()
            >>> trial.report(0.5, step=1)
            >>> trial.pause_point(checkpoint=lambda: "epoch-1.pt"), study.trials[0].checkpoint
            (True, 'epoch-1.pt')
        """
        # An objective that begins anew reports steps that it had before, which change nothing: without this it would pause
        # at the same rung forever.
        before = self._started.running[self.number].last_step
        if before is not None and self._now().last_step == before:
            return False
        decision = self.ask_pruner().decision
        if decision is Decision.STOP:
            raise TrialPruned
        if decision is not Decision.PAUSE:
            return False
        self.pause(checkpoint() if callable(checkpoint) else checkpoint)
        return True

    def set_user_attr(self, key: str, value: Any) -> None:
        """Attach a value to the trial. It replaces an earlier one under the same key.

        Args:
            key: The name of the attribute.
            value: Anything that JSON has a form for, a datetime, or an array of numpy, which is kept as a list. A study in
                memory keeps any other object too, with a warning.

        Raises:
            InvalidType: the value cannot be stored; nothing changes.
            TrialNotRunning: the trial is finished.
        """
        try:
            self._recorder.record(SetTrialAttribute(self.number, key, value))
        except InvalidType as error:
            kept = kept_in_memory(key, value, self._recorder, error)
            self._recorder.record(SetTrialAttribute(self.number, key, kept))

    def set_constraint(self, key: str, value: float) -> None:
        """Record the value of a constraint. The first value stays; a second one is ignored with a warning.

        Args:
            key: The name of the constraint.
            value: At most 0 if the constraint is satisfied. A trial is feasible if all of its constraints are.

        Raises:
            InvalidType, InvalidArgument: the value is not a number, or is NaN.
            TrialNotRunning: the trial is finished.
        """
        name, number = checked_constraint(key, value)
        if not self._record_new(SetConstraint(self.number, name, number), lambda trial: name in trial.constraints):
            warnings.warn(f"trial {self.number} has a value for constraint {name!r} already: it stays", stacklevel=2)

    def _record_new(self, command: Command, is_recorded: Callable[[FrozenTrial], bool]) -> bool:
        """Carry out `command` unless the trial has such a value already; return whether it was carried out.

        Each attempt reads the journal once, because on a server each read is a round trip.
        """
        while True:
            state = self._recorder.state
            if is_recorded(running_trial(state, self.number)):
                return False
            if self._recorder.record_if(state, command) is not None:
                return True

    def _now(self) -> FrozenTrial:
        return self._recorder.state.trial(self.number)

    def _known_value(
        self,
        kind: type[FloatDistribution | IntDistribution],
        name: str,
        low: float,
        high: float,
        step: float | None,
        log: bool,
    ) -> Any:
        """Return the parameter's value if it was suggested from just this range, or None.

        This is the common case, in which no distribution has to be built.
        """
        known = self._distributions.get(name)
        if type(known) is kind and known.low == low and known.high == high and known.step == step and known.log is log:
            self._used[name] = None
            return self._params[name]
        return None

    def _suggest(self, name: str, distribution: Distribution) -> Any:
        known = self._distributions.get(name)
        if known == distribution:
            self._used[name] = None
        elif name in self._used:
            self._check_repetition(name, known, distribution)
        else:  # not a joint parameter, or a joint one with another range
            space = SearchSpace({name: distribution})
            command = suggest_lone(self._started, self._advisors.sampler, self._joint, name, space)
            state = self._recorder.record(self._advisors.set_sampler, command)
            self._params = state.running[self.number].params
            self._distributions = state.running[self.number].distributions.mapping
            self._used[name] = None
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

    def __reduce__(self) -> tuple[Callable[..., Trial], tuple[Any, ...]]:
        origin = getattr(self._recorder, "origin", None)
        if origin is None or origin[0].location == "memory":
            where = "in an executor" if origin is None else "of a study in memory, which other processes cannot reach"
            raise InvalidType(
                f"trial {self.number} runs {where}, so that it cannot be sent to another process: send trial.params, "
                "which study.ask(space) has filled, and call study.tell(trial.number, value) here with what comes back; "
                "or keep the study in a file or database; or let study.optimize(objective, executor=...) send the trial"
            )
        self._sent = True
        used = tuple(self._used)
        return _reopened, (*origin, self._advisors, self._started.version, self._joint, used, self._paused)

    def __repr__(self) -> str:
        return f"<Trial {self.number}: {self.params}>"


def _reopened(
    storage: Storage,
    study_name: str,
    advisors: Advisors,
    version: int,
    joint: FrozenTrial,
    used: tuple[str, ...],
    paused: bool,
) -> Trial:
    """Return a trial that was sent here from another process, on the same study in its storage."""
    recorder = JournalRecorder(storage.open(study_name), (storage, study_name))
    trial = Trial(recorder, advisors, replay(recorder.events()[:version]), joint)
    latest = recorder.state.trial(joint.number)
    trial._params, trial._distributions = latest.params, latest.distributions.mapping  # noqa: SLF001
    trial._used, trial._paused = dict.fromkeys(used), paused  # noqa: SLF001
    return trial
