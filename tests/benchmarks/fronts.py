"""What questions about a front cost: CPU of hpo, of Optuna and of moocore, in one run.

    OMP_NUM_THREADS=1 python tests/benchmarks/fronts.py

Hypervolumes and contributions are of points on a part of a sphere, of which none dominates another. `best_trials` is of 10,000
trials, of random values (a small front) and of values near a sphere (a large one). The least of some runs counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import moocore
import numpy as np
import optuna
from numpy.typing import NDArray
from optuna._hypervolume import compute_hypervolume

import hpo
from hpo.core import AddTrial, History, StudyState
from hpo.numerics.pareto.hypervolume import contributions, hypervolume

N_TRIALS = 10_000


def milliseconds(run: Callable[[], object], repeats: int) -> float:
    """Return the least CPU time of some runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return 1e3 * best


def sphere(n: int, m: int) -> NDArray[np.float64]:
    """Return points of which none dominates another."""
    directions = np.abs(np.random.default_rng(0).standard_normal((n, m)))
    return 1.0 - directions / np.linalg.norm(directions, axis=1, keepdims=True)


def hypervolumes(n: int, m: int) -> list[float]:
    """Return the milliseconds of a hypervolume here, in Optuna and in moocore, and of contributions here and in moocore."""
    losses, reference = sphere(n, m), np.full(m, 1.1)
    whole, expected = hypervolume(losses, reference), moocore.hypervolume(losses, ref=reference)
    assert abs(whole - expected) < 1e-12 * expected, "they must agree"
    return [
        milliseconds(lambda: hypervolume(losses, reference), 7),
        milliseconds(lambda: compute_hypervolume(losses, reference, assume_pareto=True), 2),
        milliseconds(lambda: moocore.hypervolume(losses, ref=reference), 7),
        milliseconds(lambda: contributions(losses, reference), 3),
        milliseconds(lambda: moocore.hv_contributions(losses, ref=reference), 3),
    ]


def best_trials(values: list[list[float]]) -> tuple[int, float, float, float]:
    """Return the size of the front, the milliseconds of the question here and in Optuna, and the microseconds after each trial.

    The last are the mean over the last 1,000 trials.
    """
    directions = ["minimize"] * len(values[0])
    theirs = optuna.create_study(directions=directions)
    theirs.add_trials([optuna.trial.create_trial(values=each) for each in values])
    ours = hpo.create_study(directions=directions)
    ours.add_trials([hpo.create_trial(values=each) for each in values])
    trials = ours.trials
    once = min(
        milliseconds(lambda state=state: hpo.best_trials(state), 1)  # type: ignore[misc]
        for state in [StudyState(directions=tuple(directions), finished=History(trials)) for _ in range(3)]
    )
    optunas = milliseconds(lambda: theirs.best_trials, 3)
    state = StudyState(directions=tuple(directions), finished=History(trials[:-1000]))
    hpo.best_trials(state)
    after_each = 0.0
    for each in values[-1000:]:
        state = hpo.replay(hpo.decide(state, AddTrial(hpo.create_trial(values=each))), state)
        start = time.process_time()
        front = hpo.best_trials(state)
        after_each += time.process_time() - start
    assert len(front) == len(theirs.best_trials), "they must agree"
    return len(front), once, optunas, 1e3 * after_each


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    print("| objectives | points | hypervolume | Optuna | moocore | contributions | moocore |")
    print("|---|---|---|---|---|---|---|")
    for m, n in ((2, 200), (3, 200), (4, 50), (4, 200), (5, 100), (6, 50)):
        print(f"| {m} | {n} | " + " | ".join(f"{float(f'{each:.2g}'):g} ms" for each in hypervolumes(n, m)) + " |")
    print("\n| objectives | front | once | Optuna | ratio | after each trial |")
    print("|---|---|---|---|---|---|")
    for m in (2, 3):
        random = np.random.default_rng(0)
        near = sphere(N_TRIALS, m) + 0.1 * random.random((N_TRIALS, 1)) * random.random((N_TRIALS, 1))
        for values in (random.standard_normal((N_TRIALS, m)), near):
            front, once, optunas, after = best_trials(values.tolist())
            print(f"| {m} | {front} | {once:.2g} ms | {optunas:.3g} ms | 1/{optunas / once:.0f} | {after:.0f} us |")
