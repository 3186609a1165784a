"""Samplers of `hpo` as a plugin for evalkit, which compares optimizers by sample efficiency.

Pass this file to ``evalkit run ... --plugin``. Each name in `OPTIMIZERS` creates an optimizer with evalkit's `ask`, `tell`
and `report`. Objectives are define-by-run: a parameter is suggested when its condition holds, and the sampler is not given
the search space beforehand.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import hpo
from hpo.samplers import (
    AutoSampler,
    BORESampler,
    CmaEsSampler,
    CQRSampler,
    GPSampler,
    KDESampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    RegularizedEvolutionSampler,
    SMSEMOASampler,
    TPESampler,
)

hpo.logging.set_verbosity(hpo.logging.ERROR)


class StudyOptimizer:
    """A study as an optimizer of evalkit, which minimizes one or several losses.

    Args:
        sampler: Suggests configurations.
        pruner: Decides whether learning curves are stopped early.
        space: evalkit's search space.
        seed: The seed of the study.
        budget: The number of trials; not used, because no sampler needs it.
        n_obj: The number of losses.
        max_step: The last step of a learning curve; 0 if there are no curves.
    """

    def __init__(
        self, sampler: Any, pruner: Any, space: Any, seed: int, budget: int, n_obj: int = 1, max_step: int = 0
    ) -> None:
        self.space, self.max_step = space, max_step
        self.study = hpo.create_study(directions=["minimize"] * n_obj, sampler=sampler, pruner=pruner, seed=seed)
        self.pruned: set[int] = set()

    def ask(self) -> tuple[Any, dict[str, Any]]:
        trial = self.study.ask()
        config: dict[str, Any] = {}
        for parameter in self.space:
            if self.space.is_active(parameter, config):
                config[parameter.name] = _suggested(trial, parameter)
        return trial, config

    def tell(self, handle: Any, values: Sequence[float] | None) -> None:
        if values is None:
            self.study.tell(handle, state=hpo.TrialState.FAIL)
        elif handle.number in self.pruned:
            self.study.tell(handle, state=hpo.TrialState.PRUNED)
        else:
            self.study.tell(handle, list(values))

    def report(self, handle: Any, step: int, value: float) -> bool:
        handle.report(value, step)
        if step < self.max_step and handle.should_prune():
            self.pruned.add(handle.number)
            return True
        return False


class FourAtATime(StudyOptimizer):
    """A study with four trials running at a time: each result is told after three more trials have been started."""

    N_RUNNING = 4

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.waiting: list[tuple[Any, Sequence[float] | None]] = []

    def tell(self, handle: Any, values: Sequence[float] | None) -> None:
        self.waiting.append((handle, values))
        if len(self.waiting) == self.N_RUNNING:
            super().tell(*self.waiting.pop(0))


def _suggested(trial: Any, parameter: Any) -> Any:
    kind, name = type(parameter).__name__, parameter.name
    if kind == "Cat":
        return trial.suggest_categorical(name, parameter.choices)
    if kind == "Ordinal":
        return parameter.values[trial.suggest_int(name, 0, len(parameter.values) - 1)]
    if kind == "Float":
        return trial.suggest_float(name, parameter.low, parameter.high, log=parameter.log)
    return trial.suggest_int(name, parameter.low, parameter.high, log=parameter.log)


def optimizer(
    sampler: Callable[[], Any], pruner: Callable[[], Any] | None = None, *, parallel: bool = False, modes: str = "so mo"
) -> Callable[..., StudyOptimizer]:
    """Return a function with which evalkit creates a study with this sampler and pruner."""

    def make(*arguments: Any) -> StudyOptimizer:
        kind = FourAtATime if parallel else StudyOptimizer
        return kind(sampler(), pruner() if pruner else hpo.pruners.NopPruner(), *arguments)

    make.MODES = tuple(modes.split())  # type: ignore[attr-defined]
    return make


def _optuna_four_at_a_time(*arguments: Any) -> Any:
    """Create Optuna's default sampler with its constant liar, told like `FourAtATime`."""
    from evalkit.optimizers.optuna_ import Optuna, optuna

    class OptunaFourAtATime(Optuna):  # type: ignore[misc, valid-type]
        def __init__(self, *rest: Any) -> None:
            super().__init__(optuna.samplers.TPESampler(seed=rest[1], constant_liar=True), None, *rest)
            self.waiting: list[Any] = []

        def tell(self, handle: Any, values: Sequence[float] | None) -> None:
            self.waiting.append((handle, values))
            if len(self.waiting) == FourAtATime.N_RUNNING:
                super().tell(*self.waiting.pop(0))

    return OptunaFourAtATime(*arguments)


_optuna_four_at_a_time.MODES = ("so",)  # type: ignore[attr-defined]

OPTIMIZERS: Mapping[str, Callable[..., Any]] = {
    "hpo-random": optimizer(RandomSampler, modes="so mf mo"),
    "hpo-qmc": optimizer(QMCSampler),
    "hpo-tpe": optimizer(TPESampler, modes="so mf mo"),
    "hpo-tpe-univariate": optimizer(functools.partial(TPESampler, multivariate=False)),
    "hpo-tpe-group": optimizer(functools.partial(TPESampler, group=True)),
    "hpo-tpe-four": optimizer(TPESampler, parallel=True, modes="so"),
    "hpo-cmaes": optimizer(CmaEsSampler, modes="so"),
    "hpo-cqr": optimizer(CQRSampler),
    "hpo-bore": optimizer(BORESampler),
    "hpo-kde": optimizer(KDESampler),
    "hpo-rea": optimizer(RegularizedEvolutionSampler),
    "hpo-gp": optimizer(GPSampler),
    "hpo-nsgaii": optimizer(NSGAIISampler),
    "hpo-smsemoa": optimizer(SMSEMOASampler, modes="mo"),
    # as if evaluations, which are instant here, were worth a model
    "hpo-auto": optimizer(functools.partial(AutoSampler, evaluation_seconds=60.0), modes="so mf mo"),
    "hpo-gp-four": optimizer(GPSampler, parallel=True, modes="so"),
    "hpo-tpe-median": optimizer(TPESampler, hpo.pruners.MedianPruner, modes="mf"),
    "optuna-tpe-four": _optuna_four_at_a_time,
}
