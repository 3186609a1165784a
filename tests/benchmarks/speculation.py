"""How long a run waits for a Gaussian process with and without `speculate=True`, and what it finds, in one run.

    python tests/benchmarks/speculation.py [SEEDS]

The objective, a Rosenbrock function of 5 parameters, sleeps for 0.15 seconds, as one that waits for a device does.
"""

from __future__ import annotations

import itertools
import sys
import time
from statistics import mean

import hpo

TRIALS, SECONDS = 40, 0.15


def objective(trial: hpo.Trial) -> float:
    """Return the value of Rosenbrock's function after a pause."""
    x = [trial.suggest_float(f"x{i}", -2.0, 2.0) for i in range(5)]
    time.sleep(SECONDS)
    return sum(100.0 * (b - a * a) ** 2 + (1.0 - a) ** 2 for a, b in itertools.pairwise(x))


def main(n_seeds: int = 2) -> None:
    """Run both and print the means over seeds."""
    hpo.logging.set_verbosity(hpo.logging.WARNING)
    for speculate in (False, True):
        waited, best = [], []
        for seed in range(n_seeds):
            study = hpo.create_study(sampler=hpo.samplers.GPSampler(), seed=seed)
            began = time.monotonic()
            study.optimize(objective, n_trials=TRIALS, speculate=speculate)
            waited.append((time.monotonic() - began) / TRIALS - SECONDS)
            best.append(study.best_value)
        print(
            f"speculate={speculate!s:5}: {mean(waited) * 1e3:6.1f} ms beside the objective, best value {mean(best):.2f}"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
