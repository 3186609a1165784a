"""How many trials repeat a configuration in a small space with branches, for hpo and Optuna, in one run.

    python tests/benchmarks/repeats.py [SEEDS]

The objective has four kinds of models with two or three parameters of a few values each, 148 configurations in all, whose
losses are random but alike for neighbours. Both run the same number of trials with default options.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna

import hpo

TRIALS = 100
SIZES = {"a": (4, 4, 4), "b": (4, 4), "c": (3, 4, 5), "d": (8,)}


def problem(seed: int) -> Callable[[Any], float]:
    """Return an objective with random losses."""
    generator = np.random.default_rng(seed)
    slopes = {kind: [np.cumsum(generator.normal(size=n)) for n in sizes] for kind, sizes in SIZES.items()}
    noise = {kind: 0.5 * generator.normal(size=sizes) for kind, sizes in SIZES.items()}

    def objective(trial: Any) -> float:
        kind = trial.suggest_categorical("kind", list(SIZES))
        places = tuple(trial.suggest_int(f"{kind}{i}", 0, n - 1) for i, n in enumerate(SIZES[kind]))
        return float(sum(slope[i] for slope, i in zip(slopes[kind], places, strict=True)) + noise[kind][places])

    return objective


def best_possible(objective: Callable[[Any], float]) -> float:
    """Return the least loss."""
    study = hpo.create_study(sampler=hpo.samplers.BruteForceSampler())
    study.optimize(objective)
    return float(study.best_value)


def main(n_seeds: int = 10) -> None:
    """Run both and print the means over seeds."""
    hpo.logging.set_verbosity(hpo.logging.WARNING)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print(f"{'sampler':>12} {'repeats':>8} {'regret at 50':>13} {'at 100':>7} {'ms of CPU per trial':>20}")
    for name, module in (("hpo", hpo), ("Optuna", optuna)):
        repeats, half, whole, cost = [], [], [], []
        for seed in range(n_seeds):
            objective = problem(seed)
            least = best_possible(objective)
            study: Any = module.create_study(sampler=module.samplers.TPESampler(seed=seed))  # type: ignore[attr-defined]
            began = time.process_time()
            study.optimize(objective, n_trials=TRIALS)
            cost.append((time.process_time() - began) / len(study.trials) * 1e3)
            values = [trial.value for trial in study.trials]
            half.append(min(values[:50]) - least)
            whole.append(min(values) - least)
            repeats.append(len(values) - len({tuple(sorted(trial.params.items())) for trial in study.trials}))
        row = f"{np.mean(repeats):8.1f} {np.mean(half):13.3f} {np.mean(whole):7.3f} {np.mean(cost):20.2f}"
        print(f"{name:>12} {row}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
