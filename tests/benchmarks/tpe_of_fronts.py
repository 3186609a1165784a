"""Measure what a suggestion of TPE costs with two objectives, in hpo, Optuna and Rustuna.

    OMP_NUM_THREADS=1 python tests/benchmarks/tpe_of_fronts.py [ROUNDS]

Ten floats, CPU per trial through `optimize`. In the first problem the front stays small, in the second nearly every trial is on it.
Each measurement is a process of its own; libraries alternate, and the smallest of all rounds counts.
"""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import time, {library} as library
if hasattr(library, "logging"):
    library.logging.set_verbosity(library.logging.ERROR)
def small(trial):
    x = [trial.suggest_float(f"x{{i}}", 0.0, 1.0) for i in range(10)]
    g = 1.0 + sum(x[1:])
    return x[0], g * (1.0 - (x[0] / g) ** 0.5)
def large(trial):
    x = [trial.suggest_float(f"x{{i}}", 0.0, 1.0) for i in range(10)]
    along = sum(x[:5]) / 5.0
    return along, 1.0 - along + 1e-6 * x[9]
study = library.create_study(directions=["minimize"] * 2, sampler=library.samplers.TPESampler(seed=0))
study.optimize({problem}, n_trials={first})
start = time.process_time()
study.optimize({problem}, n_trials={last} - {first})
print(1e3 * (time.process_time() - start) / ({last} - {first}), len(study.best_trials))
"""
CASES = (("small", 100, 300), ("small", 900, 1000), ("large", 900, 1000))


def measured(library: str, problem: str, first: int, last: int) -> tuple[float, int]:
    """Return the milliseconds per trial, and the size of the front."""
    program = PROGRAM.format(library=library, problem=problem, first=first, last=last)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    cost, front = ran.stdout.split()[-2:]
    return float(cost), int(front)


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print("| front | trials | hpo | Rustuna | Optuna | sizes of the fronts |\n|---|---|---|---|---|---|")
    for problem, first, last in CASES:
        # Optuna takes minutes for 1,000 trials
        libraries = ["hpo", "rustuna", *(["optuna"] if last == 300 else [])]
        found = {library: [measured(library, problem, first, last)] for library in libraries}
        for _ in range(rounds - 1):
            for library in libraries[:2]:
                found[library].append(measured(library, problem, first, last))
        costs = [
            f"{min(found[library])[0]:.3g} ms" if library in found else "" for library in ("hpo", "rustuna", "optuna")
        ]
        sizes = ", ".join(str(found[library][0][1]) for library in libraries)
        print(f"| {problem} | {first} to {last} | " + " | ".join(costs) + f" | {sizes} |", flush=True)
