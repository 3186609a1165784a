"""A simulator of studies on a virtual clock: any sampler, pruner and promoter on learning curves, with several workers.

Everything that decides is a pure function of the state, so a study of thousands of trials, which would take days of training,
takes seconds and gives the same result every time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from hpo.core import (
    Decision,
    Distribution,
    FrozenTrial,
    IntDistribution,
    Promoter,
    Pruner,
    Sampler,
    SearchSpace,
    StoppingRule,
    StudyState,
    as_float,
    as_int,
    ask,
    ask_pruner,
    checked_promoter,
    checked_pruner,
    checked_sampler,
    checked_stopping_rule,
    pause,
    report,
    tell,
)
from hpo.errors import InvalidArgument, InvalidType, SearchSpaceExhausted
from hpo.pruners import NopPruner

Curve: TypeAlias = Callable[[Mapping[str, Any]], Sequence[float]]
"""Returns the values that a trial with these parameters reports at the steps 1, 2, ...; the last one is its result."""

Cost: TypeAlias = Callable[[Mapping[str, Any], int], float]
"""Returns how long a step of a trial with these parameters takes, in seconds of the virtual clock."""


@attrs.frozen
class SimulatedReport:
    """A report of a simulated trial.

    Attributes:
        time: When it was made, in seconds of the virtual clock.
        number: The trial.
        step: The step, counted from 1.
        value: The value.
    """

    time: float
    number: int
    step: int
    value: float


@attrs.frozen
class Simulation:
    """A simulated study.

    Attributes:
        state: The study at its end, with the times of the virtual clock.
        reports: All reports in the order of time: as many as steps were run.
        reasons: Why trials were stopped or paused, by number; the newest reason of each trial.
        seconds: The time of the virtual clock at the end.
    """

    state: StudyState
    reports: tuple[SimulatedReport, ...]
    reasons: Mapping[int, Any]
    seconds: float

    @property
    def n_steps(self) -> int:
        """The number of steps that all trials have run together."""
        return len(self.reports)

    def best_by_step(self) -> NDArray[np.float64]:
        """Return the best value reported so far, after each step of any trial; NaN before the first number.

        Example:
            >>> space = {"x": IntDistribution(0, 9)}
            >>> run = simulate(lambda params: [params["x"] + 1.0, params["x"]], space, n_trials=3, seed=1)
            >>> bool(run.best_by_step()[-1] == run.state.finished[0].value or run.best_by_step()[-1] >= 0)
            True
        """
        values = np.array([each.value for each in self.reports], dtype=np.float64)
        if self.state.directions[0] == "maximize":
            return np.fmax.accumulate(values) if values.size else values
        return np.fmin.accumulate(values) if values.size else values

    def steps_to(self, target: float) -> int | None:
        """Return how many steps all trials ran until one reported a value at least as good as `target`, or None.

        Example:
            >>> simulate(lambda params: [3.0, 2.0, 1.0], {"x": IntDistribution(0, 9)}, n_workers=1, n_trials=2).steps_to(2.0)
            2
        """
        best = self.best_by_step()
        reached = best >= target if self.state.directions[0] == "maximize" else best <= target
        return int(np.argmax(reached)) + 1 if reached.any() else None


def _array(given: Any) -> NDArray[np.float64]:
    return np.asarray(given, dtype=np.float64)


@attrs.frozen(eq=False)
class CurveTable:
    """Learning curves in a table, as a curve for `simulate`: one configuration per row, one step per column.

    Args:
        curves: The values, ``(configurations, steps)``; NaN from some step on is a training that diverged.
        seconds: How long the steps of each configuration take, ``(configurations,)`` or ``(configurations, steps)``;
            one second each if not given.

    Raises:
        InvalidArgument: the shapes do not fit, or a time is negative or not finite.

    Example:
        >>> table = CurveTable([[3.0, 2.0], [5.0, 1.0]])
        >>> run = simulate(table, table.space, cost=table.cost, n_trials=2, n_workers=1, seed=0)
        >>> run.n_steps, run.seconds
        (4, 4.0)
    """

    curves: NDArray[np.float64] = attrs.field(converter=_array)
    seconds: NDArray[np.float64] = attrs.field(default=1.0, converter=_array)

    def __attrs_post_init__(self) -> None:
        if self.curves.ndim != 2 or not self.curves.size:
            raise InvalidArgument(f"curves is a table of configurations and steps, got the shape {self.curves.shape}")
        allowed = ((), self.curves.shape[:1], self.curves.shape)
        if self.seconds.shape not in allowed:
            raise InvalidArgument(f"seconds has one of the shapes {allowed}, got {self.seconds.shape}")
        if not (np.isfinite(self.seconds).all() and (self.seconds >= 0.0).all()):
            raise InvalidArgument("seconds are finite and at least 0")

    @property
    def space(self) -> dict[str, Distribution]:
        """The space of one parameter, ``configuration``: the number of a row."""
        return {"configuration": IntDistribution(0, len(self.curves) - 1)}

    def __call__(self, params: Mapping[str, Any]) -> list[float]:
        """Return the curve of a configuration."""
        curve: list[float] = self.curves[params["configuration"]].tolist()
        return curve

    def cost(self, params: Mapping[str, Any], step: int) -> float:
        """Return the seconds that a step of a configuration takes."""
        times = self.seconds
        if times.ndim:
            times = times[params["configuration"]]
        return float(times[step - 1] if times.ndim else times)


def simulate(
    curve: Curve,
    space: Mapping[str, Distribution],
    *,
    sampler: Sampler | None = None,
    pruner: Pruner | None = None,
    promoter: Promoter | None = None,
    stop: StoppingRule | None = None,
    direction: str = "minimize",
    n_workers: int = 4,
    n_trials: int | None = None,
    max_steps: int | None = None,
    max_seconds: float | None = None,
    cost: Cost | float = 1.0,
    seed: int = 0,
) -> Simulation:
    """Run a study on a virtual clock and return what happened.

    Each worker runs one trial at a time: it takes `cost` for each step, reports, asks the pruner, and goes on, stops or
    pauses. A free worker asks the promoter and then the sampler for its next trial at once. The same arguments give the same
    simulation.

    Args:
        curve: The values that a trial reports, as a function of its parameters. At least one; the last one is the result.
        space: The search space.
        sampler: Suggests parameters; `RandomSampler` by default.
        pruner: Decides after each report; `NopPruner` by default.
        promoter: Asked before each start; None by default. A resumed trial goes on after its last step.
        stop: A stopping rule, asked before each start.
        direction: ``"minimize"`` or ``"maximize"``.
        n_workers: How many trials run at a time, at least 1.
        n_trials: How many trials to start or resume; None means no limit.
        max_steps: How many steps all trials may run together; None means no limit. One limit, or `stop`, must be given.
        max_seconds: Where the virtual clock ends; trials that run then stay unfinished. None means no limit.
        cost: How long a step takes, in seconds: a number of at least 0, or a function of the parameters and the step.
        seed: The seed of the study.

    Raises:
        InvalidArgument: an argument is outside of its range, there is no limit, or a curve is empty.
        InvalidType: an argument has the wrong type.

    Example:
        >>> from hpo import FloatDistribution
        >>> from hpo.pruners import SuccessiveHalvingPruner
        >>> def curve(params):
        ...     return [params["x"] + 1.0 / step for step in range(1, 28)]
        >>> halving = SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
        >>> run = simulate(curve, {"x": FloatDistribution(0, 1)}, pruner=halving, n_trials=100, seed=1)
        >>> run.n_steps < 27 * 100 / 3, run.seconds < run.n_steps
        (True, True)
    """
    limits = _Limits.checked(n_trials, max_steps, max_seconds, stop)
    workers = as_int(n_workers)
    if workers is None or workers < 1:
        raise InvalidArgument(f"n_workers is a whole number from 1 on, got {n_workers!r}")
    run = _Run(
        curve,
        SearchSpace.of(space),
        _random_sampler() if sampler is None else checked_sampler(sampler),
        NopPruner() if pruner is None else checked_pruner(pruner),
        checked_promoter(promoter),
        _checked_cost(cost),
        limits,
        StudyState.create(direction=direction, seed=seed, space=space),
    )
    return run.simulated(workers)


def _random_sampler() -> Sampler:
    from hpo.samplers import RandomSampler

    return RandomSampler()


def _checked_cost(cost: Cost | float) -> Cost:
    if callable(cost):
        return cost
    seconds = as_float(cost)
    if seconds is None:
        raise InvalidType(f"cost is a number of seconds or a function of parameters and a step, got {cost!r}")
    if not 0.0 <= seconds < math.inf:
        raise InvalidArgument(f"cost is a finite number of at least 0, got {cost!r}")
    return _Constant(seconds)


@attrs.frozen
class _Constant:
    seconds: float

    def __call__(self, params: Mapping[str, Any], step: int) -> float:
        return self.seconds


@attrs.frozen
class _Limits:
    n_trials: float
    max_steps: float
    max_seconds: float
    stop: StoppingRule | None

    @classmethod
    def checked(
        cls, n_trials: int | None, max_steps: int | None, max_seconds: float | None, stop: StoppingRule | None
    ) -> _Limits:
        given = {"n_trials": n_trials, "max_steps": max_steps, "max_seconds": max_seconds}
        if stop is None and all(limit is None for limit in given.values()):
            raise InvalidArgument("a simulation needs a limit: give n_trials, max_steps, max_seconds or stop")
        limits = {}
        for name, limit in given.items():
            number = math.inf if limit is None else as_float(limit)
            if number is None or not number >= 0.0:
                raise InvalidArgument(f"{name} is None or a number of at least 0, got {limit!r}")
            limits[name] = number
        return cls(stop=None if stop is None else checked_stopping_rule(stop), **limits)


class _Run:
    """One call of `simulate` while it runs."""

    def __init__(
        self,
        curve: Curve,
        space: SearchSpace,
        sampler: Sampler,
        pruner: Pruner,
        promoter: Promoter | None,
        cost: Cost,
        limits: _Limits,
        state: StudyState,
    ) -> None:
        self._curve, self._space, self._cost = curve, space, cost
        self._sampler, self._pruner, self._promoter = sampler, pruner, promoter
        self._limits, self._state = limits, state
        self._clock, self._n_started = 0.0, 0
        self._curves: dict[int, Sequence[float]] = {}  # of trials that have not finished
        # what happens next: time, order of scheduling among equal times, trial, step
        self._agenda: list[tuple[float, int, int, int]] = []
        self._order = count()
        self._reports: list[SimulatedReport] = []
        self._reasons: dict[int, Any] = {}

    def simulated(self, n_workers: int) -> Simulation:
        idle = n_workers
        while True:
            while idle and self._start():
                idle -= 1
            if not self._agenda or len(self._reports) >= self._limits.max_steps:
                break
            if self._agenda[0][0] > self._limits.max_seconds:
                self._clock = self._limits.max_seconds
                break
            self._clock, _, number, step = heapq.heappop(self._agenda)
            idle += not self._went_on(number, step)
        return Simulation(self._state, tuple(self._reports), self._reasons, self._clock)

    def _start(self) -> bool:
        """Start or resume a trial, if the limits allow it."""
        limits = self._limits
        if self._n_started >= limits.n_trials or (limits.stop is not None and limits.stop(self._state) is not None):
            return False
        try:
            self._state, trial = ask(self._state, self._sampler, self._space, at=self._clock, promoter=self._promoter)
        except SearchSpaceExhausted:
            return False
        self._n_started += 1
        number = trial.number
        if number not in self._curves:
            self._curves[number] = self._curve(trial.params)
            if not len(self._curves[number]):
                raise InvalidArgument(f"the curve of {dict(trial.params)} is empty: a trial has at least one step")
        self._schedule(trial, (trial.last_step or 0) + 1)
        return True

    def _schedule(self, trial: FrozenTrial, step: int) -> None:
        seconds = self._cost(trial.params, step)
        heapq.heappush(self._agenda, (self._clock + seconds, next(self._order), trial.number, step))

    def _went_on(self, number: int, step: int) -> bool:
        """Make the report of a step, and return whether the trial goes on to its next one."""
        curve = self._curves[number]
        value = float(curve[step - 1])
        self._state = report(self._state, number, value, step)
        self._reports.append(SimulatedReport(self._clock, number, step, value))
        trial = self._state.running[number]
        if step == len(curve):
            # a NaN makes it a failed trial, as it would in a study
            self._state = tell(self._state, number, value, at=self._clock)
            del self._curves[number]
            return False
        verdict = ask_pruner(self._state, self._pruner, trial)
        if verdict.decision is Decision.CONTINUE:
            self._schedule(trial, step + 1)
            return True
        self._reasons[number] = verdict.reason
        if verdict.decision is Decision.PAUSE:
            self._state = pause(self._state, number, checkpoint=str(step), at=self._clock)
        else:
            self._state = tell(self._state, number, state="pruned", at=self._clock)
            del self._curves[number]
        return False


def curves_of(state: StudyState) -> Iterator[tuple[int, list[float]]]:
    """Yield the reports of each complete trial in the order of steps, with its number: curves to simulate with.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> study.add_trial(hpo.create_trial(value=1.0, intermediate_values={2: 1.0, 1: 3.0}))
        >>> [*curves_of(study.state)]
        [(0, [3.0, 1.0])]
    """
    for trial in state.finished:
        if trial.values is not None and trial.intermediate_values:
            yield trial.number, [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)]
