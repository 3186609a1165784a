"""Population-based training against random search with the same epochs, on trainings that need a schedule.

    python tests/benchmarks/population.py [SEEDS [FIRST]]

Two problems: a noisy quadratic, where a large learning rate is fast and a small one is exact, and a linear classifier of
handwritten digits, trained by stochastic gradient descent. Both methods get POPULATION whole trainings. Printed are the medians of the
best final losses over seeds, and the share of seeds in which the population is better, with 95 % intervals.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import hpo
from hpo.pruners import NopPruner, PopulationTraining
from hpo.samplers import RandomSampler
from hpo.stopping import MaxTrials

POPULATION = 8
EPOCHS = 40
INTERVAL = 4


class NoisyQuadratic:
    """Descends 0.5 * sum(h * x**2) with noisy gradients; the curvatures h span four orders of magnitude.

    Source: Zhang et al., "Which Algorithmic Choices Matter at Which Batch Sizes?", NeurIPS 2019, sec. 3 (the noisy quadratic model).
    """

    curvatures = np.logspace(-2, 0, 50)
    steps = 25  # of one epoch

    def suggest(self, trial: hpo.Trial) -> dict[str, float]:
        """Return the learning rate."""
        return {"rate": trial.suggest_float("rate", 1e-3, 1.9, log=True)}

    def start(self, seed: int) -> Any:
        """Return the state of a training that has not begun."""
        return np.ones_like(self.curvatures)

    def epoch(self, state: Any, params: dict[str, float], rng: np.random.Generator) -> tuple[Any, float]:
        """Train for one epoch, and return the next state and its loss."""
        x, h = state, self.curvatures
        for _ in range(self.steps):
            x = x - params["rate"] * (h * x + np.sqrt(h) * rng.standard_normal(len(h)))
        return x, float(0.5 * np.sum(h * x * x))


class Digits:
    """Trains a linear classifier of digits by stochastic gradient descent; the loss is the cross-entropy on held-out digits."""

    def __init__(self) -> None:
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(x))
        self.x, self.y = np.hstack([x[order] / 16.0, np.ones((len(x), 1))]), y[order]

    def suggest(self, trial: hpo.Trial) -> dict[str, float]:
        """Return the learning rate and the weight decay."""
        return {
            "rate": trial.suggest_float("rate", 1e-4, 10.0, log=True),
            "decay": trial.suggest_float("decay", 1e-7, 1e-2, log=True),
        }

    def start(self, seed: int) -> Any:
        """Return the state of a training that has not begun."""
        return np.zeros((65, 10))

    def epoch(self, state: Any, params: dict[str, float], rng: np.random.Generator) -> tuple[Any, float]:
        """Train for one epoch in batches of 50, and return the next state and its loss."""
        w, x, y = state, self.x, self.y
        train, held_out = np.arange(1200), np.arange(1200, len(x))
        one_hot = np.eye(10)
        for batch in np.array_split(rng.permutation(train), 24):
            w = w - params["rate"] * (x[batch].T @ (_softmax(x[batch] @ w) - one_hot[y[batch]]) / len(batch))
            w = w * (1.0 - min(params["rate"] * params["decay"], 1.0))
        likely = _softmax(x[held_out] @ w)[np.arange(len(held_out)), y[held_out]]
        return w, float(-np.mean(np.log(np.maximum(likely, 1e-300))))


def _softmax(scores: np.ndarray) -> np.ndarray:
    exp = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


def run(problem: Any, seed: int, *, population: bool, **options: Any) -> tuple[float, int]:
    """Return the best final loss of a method, and the epochs that it took."""
    checkpoints: dict[str, tuple[int, Any, float]] = {}
    epochs = 0

    def objective(trial: hpo.Trial) -> float | None:
        nonlocal epochs
        params = problem.suggest(trial)
        first, state, loss = checkpoints[trial.checkpoint] if trial.checkpoint else (0, problem.start(seed), np.nan)
        for epoch in range(first, EPOCHS):
            rng = np.random.default_rng([seed, trial.number, epoch])
            state, loss = problem.epoch(state, params, rng)
            epochs += 1
            trial.report(loss, epoch + 1)

            def saved(epoch: int = epoch, state: Any = state, loss: float = loss) -> str:
                name = f"{trial.number}-{epoch + 1}"
                checkpoints[name] = epoch + 1, state, loss
                return name

            if trial.pause_point(checkpoint=saved):
                return None
        return loss

    hpo.logging.set_verbosity(hpo.logging.ERROR)
    sampler = RandomSampler(seed=seed)
    if population:
        training = PopulationTraining(population_size=POPULATION, interval=INTERVAL, max_resource=EPOCHS, **options)
        study = hpo.create_study(sampler=sampler, pruner=training.pruner, promoter=training, seed=seed)
        study.optimize(objective, stop=MaxTrials(POPULATION))
    else:
        study = hpo.create_study(sampler=sampler, pruner=NopPruner(), seed=seed)
        study.optimize(objective, n_trials=POPULATION)
    return study.best_value, epochs


def interval(values: np.ndarray, statistic: Callable[..., np.ndarray]) -> tuple[float, float]:
    """Return a 95 % interval of a statistic by the bootstrap, with 10,000 resamples."""
    rows = np.random.default_rng(0).integers(0, len(values), (10_000, len(values)))
    low, high = np.quantile(statistic(values[rows], axis=1), [0.025, 0.975])
    return float(low), float(high)


def main(seeds: int, first: int = 0, **options: Any) -> None:
    """Run both methods on both problems, and print what came out."""
    for name, problem in (("noisy quadratic", NoisyQuadratic()), ("digits", Digits())):
        began = time.process_time()
        ours, theirs = (
            np.array(
                [
                    run(problem, seed, population=population, **(options if population else {}))
                    for seed in range(first, first + seeds)
                ]
            )
            for population in (True, False)
        )
        for label, results in (("population", ours), ("random search", theirs)):
            low, high = interval(results[:, 0], np.median)
            print(
                f"{name}: {label}: median loss {np.median(results[:, 0]):.4g} [{low:.4g}, {high:.4g}], "
                f"{results[:, 1].mean():.0f} epochs"
            )
        ratio = np.log(ours[:, 0] / theirs[:, 0])
        low, high = np.exp(interval(ratio, np.mean))
        print(
            f"{name}: population / random search {np.exp(ratio.mean()):.3f} [{low:.3f}, {high:.3f}] (geometric mean), "
            f"better in {np.sum(ratio < 0)} of {seeds} seeds; {time.process_time() - began:.0f} s of CPU"
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(*(map(int, sys.argv[1:]) if len(sys.argv) > 1 else (30,)))
