"""The samplers and pruners of hpo that are compared, and how one of them runs on the simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from curve_problems import Problem

from hpo import TrialState, pruners, samplers
from hpo.testing import simulate

# what each pruner is for trainings of so many epochs; options are those of the libraries it is compared with
PRUNERS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "none": lambda n_epochs: {"pruner": pruners.NopPruner()},
    "median": lambda n_epochs: {"pruner": pruners.MedianPruner()},
    "percentile": lambda n_epochs: {"pruner": pruners.PercentilePruner(25.0)},
    "wilcoxon": lambda n_epochs: {"pruner": pruners.WilcoxonPruner()},
    "halving": lambda n_epochs: {"pruner": pruners.SuccessiveHalvingPruner(1, 3)},
    "halving-auto": lambda n_epochs: {"pruner": pruners.SuccessiveHalvingPruner()},
    "hyperband": lambda n_epochs: {"pruner": pruners.HyperbandPruner(1, n_epochs, 3)},
    "curve": lambda n_epochs: {"pruner": pruners.CurvePruner(final_step=n_epochs)},
    "promotion": lambda n_epochs: _promoted(pruners.PromotionHalving(1, 3, n_epochs)),
    "progressive": lambda n_epochs: _promoted(pruners.ProgressiveHalving(1, 3, n_epochs)),
}
SAMPLERS: Mapping[str, Callable[[], Any]] = {"random": samplers.RandomSampler, "tpe": samplers.TPESampler}
METHODS = tuple(f"hpo-{sampler}-{pruner}" for sampler in SAMPLERS for pruner in PRUNERS)


def _promoted(promoter: Any) -> dict[str, Any]:
    return {"pruner": promoter.pruner, "promoter": promoter}


def run(method: str, problem: Problem, seed: int, n_workers: int, max_steps: int) -> dict[str, Any]:
    """Return the improvements of a study as pairs of steps and losses, and what its pruning saved and lost."""
    _, sampler_name, pruner_name = method.split("-", 2)
    advisors = PRUNERS[pruner_name](problem.n_epochs)
    sampler = SAMPLERS[sampler_name]()
    if isinstance(advisors["pruner"], pruners.HyperbandPruner):
        sampler = pruners.BracketSampler(sampler, advisors["pruner"])
    found = simulate(
        problem.curve,
        problem.space,
        sampler=sampler,
        n_workers=n_workers,
        max_steps=max_steps,
        seed=seed,
        **advisors,
    )
    trace: list[tuple[int, float]] = []
    for step, report in enumerate(found.reports, 1):
        if report.value < (trace[-1][1] if trace else float("inf")):
            trace.append((step, report.value))
    return {"trace": trace, "trials": found.state.n_trials, "lost": _lost(found.state, problem)}


def _lost(state: Any, problem: Problem) -> int:
    """Return how many trials were stopped that would have ended better than the best complete one."""
    # a stopped trial has a value as well, its last report
    ended = min((trial.value for trial in state.finished if trial.state is TrialState.COMPLETE), default=float("inf"))
    stopped = (trial for trial in state.finished if trial.state is TrialState.PRUNED)
    return sum(problem.curve(trial.params)[-1] < ended for trial in stopped)
