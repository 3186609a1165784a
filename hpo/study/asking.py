"""Asking a study for trials and telling their results, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import overload

from hpo.core import (
    Decision,
    Distribution,
    FrozenTrial,
    SearchSpace,
    Tell,
    TrialState,
    checked_batch_size,
    checked_state,
)
from hpo.errors import InvalidArgument, TrialNotRunning
from hpo.study.open_trials import OpenTrials
from hpo.study.recorder import now
from hpo.study.running.messages import reason_of
from hpo.study.trial import Trial


class AskAndTell:
    """The methods of `hpo.Study` for programs that have a loop of their own."""

    _trials: OpenTrials

    @overload
    def ask(
        self,
        space: Mapping[str, Distribution] | None = ...,
        n: None = ...,
        *,
        fixed_distributions: Mapping[str, Distribution] | None = ...,
    ) -> Trial: ...
    @overload
    def ask(
        self,
        space: Mapping[str, Distribution] | None = ...,
        n: int = ...,
        *,
        fixed_distributions: Mapping[str, Distribution] | None = ...,
    ) -> list[Trial]: ...
    def ask(
        self,
        space: Mapping[str, Distribution] | None = None,
        n: int | None = None,
        *,
        fixed_distributions: Mapping[str, Distribution] | None = None,
    ) -> Trial | list[Trial]:
        """Start a trial, and return it. Its result will be told with `tell`.

        If the study has a promoter, it may resume a paused trial instead, which has its parameters and a `checkpoint`,
        or fork a trial.

        Args:
            space: Parameters to suggest at once. Without a space they are suggested when the trial is asked for them.
            n: Start this many trials and return a list. Each sees the ones before it as running trials.
            fixed_distributions: Another name for `space`.

        Raises:
            SearchSpaceExhausted: the sampler has nothing left to suggest; no trial is started.
            InvalidArgument: `n` is less than 1.
        """
        if space is not None and fixed_distributions is not None:
            raise InvalidArgument("space and fixed_distributions are two names for one argument: give one of them")
        given = fixed_distributions if space is None else space
        joint = None if given is None else SearchSpace.of(given)
        if n is None:
            return self._trials.ask(joint)
        return [self._trials.ask(joint) for _ in range(checked_batch_size(n))]

    def as_worker(self) -> AbstractContextManager[None]:
        """Return a context manager in whose block the trials that `ask` starts belong to a worker.

        If the process dies in the block, others see that the worker is gone, and their `fail_lost_trials` fails these
        trials. It also fails trials that have not been told when the block ends. Without a worker, a trial that is never
        told stays running forever.

        Threads may have blocks of their own at the same time. A thread without one works for the newest block of the
        process. A child that is forked in a block works for a worker of its own, which is gone when the child ends.

        Example:
            >>> import hpo
            >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
            >>> with study.as_worker():
            ...     done, forgotten = study.ask(n=2)
            ...     _ = study.tell(done, 0.5)
            >>> [(trial.number, trial.reason) for trial in study.fail_lost_trials()]
            [(1, 'lost: its worker is gone')]
        """
        return self._trials.blocks.block()

    def tell(
        self,
        trial: Trial | FrozenTrial | int,
        values: float | Sequence[float] | Mapping[str, float] | None = None,
        state: TrialState | str | None = None,
        skip_if_finished: bool = False,
        *,
        reason: str | None = None,
        sem: float | Sequence[float] | None = None,
        cost: float | None = None,
    ) -> FrozenTrial:
        """Finish a running or paused trial, with the arguments of `hpo.tell`.

        Args:
            trial: The trial, or its number.
            values: A number, a sequence with one number per direction, or a mapping by metric name.
            state: How the trial ended, as a `TrialState` or its name: ``"complete"`` by default. ``"pruned"`` without
                values takes the last reported value; ``"fail"`` has no values.
            skip_if_finished: Whether to return a finished trial as it is instead of raising.
            reason: Why the trial failed or was pruned, for people. By default that of the pruner, if it stopped the trial.
            sem: The standard error of each value, at least 0: a number, or a sequence with one per direction.
            cost: What the evaluation cost, at least 0, in a unit of your choice.

        Returns:
            The finished trial. If a value is NaN, the trial has failed.

        Raises:
            TrialNotFound, TrialNotRunning: there is no such running trial.
            WrongNumberOfValues, InvalidType, InvalidArgument: the result is not valid; nothing is recorded.
        """
        number = _number(trial)
        opened = trial if isinstance(trial, Trial) else self._trials.opened(number)
        unused = () if opened is None else opened.unused
        if reason is None and opened is not None and state is not None and checked_state(state) is TrialState.PRUNED:
            reason = reason_of(opened.verdict, Decision.STOP)
        try:
            return self._trials.tell(Tell(number, values, state, now(), reason, unused, sem, cost))
        except TrialNotRunning:
            told = self._trials.recorder.state.trial(number)
            if skip_if_finished and told.state.is_finished():
                return told
            raise

    def pause(self, trial: Trial | FrozenTrial | int, checkpoint: str | None = None) -> None:
        """Pause a running trial: it waits until it is resumed, in this process or in any other.

        It keeps its parameters and intermediate values. If its objective is running, it should return, and what it
        returns is ignored.

        Args:
            trial: The trial, or its number.
            checkpoint: Where the objective can continue from, as a string of your own, for example a path. None keeps
                the one that the trial was paused with before.

        Raises:
            TrialNotFound, TrialNotRunning: there is no such running trial.
            InvalidType: the checkpoint is not a string.
        """
        if isinstance(trial, Trial):
            trial.pause(checkpoint)
        else:
            self._trials.pause_trial(_number(trial), checkpoint)

    def resume(self, trial: Trial | FrozenTrial | int) -> Trial:
        """Resume a paused trial, and return it. Any process may do so, whichever one paused it.

        The trial suggests the parameters that it had, and has the `checkpoint` that it was paused with. In a block of
        `as_worker` it belongs to its worker.

        Args:
            trial: The trial, or its number.

        Raises:
            TrialNotFound: there is no such trial.
            TrialNotPaused: it is in another state.

        Example:
            >>> import hpo
            >>> study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
            >>> trial = study.ask({"x": hpo.FloatDistribution(0, 1)})
            >>> study.pause(trial, "epoch-3.pt")
            >>> again = study.resume(trial.number)
            >>> again.params == trial.params, again.checkpoint
            (True, 'epoch-3.pt')
        """
        return self._trials.resume_trial(_number(trial))


def _number(trial: Trial | FrozenTrial | int) -> int:
    return trial.number if isinstance(trial, Trial | FrozenTrial) else trial
