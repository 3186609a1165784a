"""Other libraries on the same curves: Optuna's pruners, and the multi-fidelity schedulers of Syne Tune.

Each is driven by the loop of `run`, which does what `hpo.testing.simulate` does with steps of equal length: the worker that
has waited longest runs one epoch of its trial, reports it, and starts another trial if this one is over.
"""

from __future__ import annotations

import datetime
import logging
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from curve_problems import Problem

from hpo.distributions import CategoricalDistribution, IntDistribution


class Rival(Protocol):
    """A library that suggests configurations and stops trials."""

    def start(self) -> tuple[Any, dict[str, Any]]:
        """Return a handle of a new trial, and its configuration."""

    def report(self, handle: Any, step: int, loss: float) -> bool:
        """Tell a loss, and return whether the trial is to be stopped."""

    def end(self, handle: Any, step: int, loss: float, *, stopped: bool) -> None:
        """Tell that a trial is over: stopped, diverged (the loss is NaN) or complete."""


def run(method: str, problem: Problem, seed: int, n_workers: int, max_steps: int) -> dict[str, Any]:
    """Return the improvements of a study as pairs of steps and losses, and what its pruning lost."""
    np.random.seed(seed)  # noqa: NPY002 - Syne Tune draws brackets from it
    rival = RIVALS[method](problem, seed)
    trace: list[tuple[int, float]] = []
    ended, stopped_ends, n_trials = float("inf"), [], 0
    running: deque[tuple[Any, Any, int]] = deque()

    def start() -> None:
        nonlocal n_trials
        n_trials += 1
        handle, params = rival.start()
        running.append((handle, problem.curve(params), 1))

    for _ in range(n_workers):
        start()
    for n_steps in range(1, max_steps + 1):
        handle, curve, step = running.popleft()
        loss = curve[step - 1]
        if loss < (trace[-1][1] if trace else float("inf")):
            trace.append((n_steps, loss))
        stop = rival.report(handle, step, loss)
        if step < len(curve) and not stop:
            running.append((handle, curve, step + 1))
            continue
        stopped = step < len(curve)
        if stopped:
            stopped_ends.append(curve[-1])
        elif loss == loss:
            ended = min(ended, loss)
        rival.end(handle, step, loss, stopped=stopped)
        start()
    return {"trace": trace, "trials": n_trials, "lost": sum(end < ended for end in stopped_ends)}


class Optuna:
    """A study of Optuna."""

    def __init__(self, sampler: str, pruner: str, problem: Problem, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.filterwarnings("ignore", module="optuna")
        samplers = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
        pruners: Mapping[str, Callable[[], Any]] = {
            "none": optuna.pruners.NopPruner,
            "median": optuna.pruners.MedianPruner,
            "percentile": lambda: optuna.pruners.PercentilePruner(25.0),
            "wilcoxon": optuna.pruners.WilcoxonPruner,
            "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(1, 3),
            "hyperband": lambda: optuna.pruners.HyperbandPruner(1, problem.n_epochs, 3),
        }
        # Hyperband's brackets depend on the name of the study
        self.study = optuna.create_study(
            study_name=str(seed), sampler=samplers[sampler](seed=seed), pruner=pruners[pruner]()
        )
        self.states = optuna.trial.TrialState
        self.space = {name: _optunas(each, optuna.distributions) for name, each in problem.space.items()}

    def start(self) -> tuple[Any, dict[str, Any]]:
        trial = self.study.ask(self.space)
        return trial, trial.params

    def report(self, handle: Any, step: int, loss: float) -> bool:
        handle.report(loss, step)
        return bool(handle.should_prune())

    def end(self, handle: Any, step: int, loss: float, *, stopped: bool) -> None:
        if stopped:
            self.study.tell(handle, state=self.states.PRUNED)
        elif loss != loss:
            self.study.tell(handle, state=self.states.FAIL)
        else:
            self.study.tell(handle, loss)


def _optunas(each: Any, distributions: Any) -> Any:
    if isinstance(each, CategoricalDistribution):
        return distributions.CategoricalDistribution(each.choices)
    kind = distributions.IntDistribution if isinstance(each, IntDistribution) else distributions.FloatDistribution
    return kind(each.low, each.high, log=each.log)


class SyneTune:
    """A scheduler of Syne Tune."""

    WORST = 1e6

    def __init__(self, name: str, problem: Problem, seed: int) -> None:
        from syne_tune import config_space
        from syne_tune.optimizer import baselines

        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        warnings.filterwarnings("ignore")

        def theirs(each: Any) -> Any:
            if isinstance(each, CategoricalDistribution):
                return config_space.choice([*each.choices])
            if isinstance(each, IntDistribution):
                return (config_space.lograndint if each.log else config_space.randint)(each.low, each.high)
            return (config_space.loguniform if each.log else config_space.uniform)(each.low, each.high)

        self.scheduler = getattr(baselines, name)(
            {name: theirs(each) for name, each in problem.space.items()},
            metric="loss",
            time_attr="epoch",
            max_t=problem.n_epochs,
            do_minimize=True,
            random_seed=seed,
        )
        self.n_started, self.n_epochs = 0, problem.n_epochs

    def start(self) -> tuple[Any, dict[str, Any]]:
        from syne_tune.backend.trial_status import Trial

        config = self.scheduler.suggest().config
        now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        trial = Trial(trial_id=self.n_started, config=config, creation_time=now)
        self.n_started += 1
        self.scheduler.on_trial_add(trial)
        return trial, config

    def report(self, handle: Any, step: int, loss: float) -> bool:
        if loss != loss:
            return False
        decision = self.scheduler.on_trial_result(handle, {"loss": loss, "epoch": step})
        return step < self.n_epochs and decision != "CONTINUE"

    def end(self, handle: Any, step: int, loss: float, *, stopped: bool) -> None:
        if stopped:
            self.scheduler.on_trial_remove(handle)
        else:
            # NaN would leave the order of its rungs undefined
            self.scheduler.on_trial_complete(handle, {"loss": self.WORST if loss != loss else loss, "epoch": step})


def _optuna(sampler: str, pruner: str) -> Callable[[Problem, int], Rival]:
    return lambda problem, seed: Optuna(sampler, pruner, problem, seed)


def _syne_tune(name: str) -> Callable[[Problem, int], Rival]:
    return lambda problem, seed: SyneTune(name, problem, seed)


RIVALS: Mapping[str, Callable[[Problem, int], Rival]] = {
    **{
        f"optuna-{sampler}-{pruner}": _optuna(sampler, pruner)
        for sampler in ("random", "tpe")
        for pruner in ("none", "median", "percentile", "wilcoxon", "halving", "hyperband")
    },
    "syne-asha": _syne_tune("ASHA"),
    "syne-bohb": _syne_tune("BOHB"),
    "syne-asha-cqr": _syne_tune("ASHACQR"),
}
