"""Compare samplers for several objectives by the hypervolume that they miss, with Optuna's and pymoo's.

    pip install -e '.[benchmark]'
    python tests/benchmarks/several_objectives/compare_fronts.py STORE [--seeds 10] [--trials 300] [--samplers ...] [--problems REGEX]

The script runs what is missing in STORE, a file of JSON lines, and then prints the comparison, so it can be stopped at any time.

The regret of a run is the share of the hypervolume of the best known front that the feasible trials so far miss. The reference point is the 90 %
quantile of each loss of 1,000 random configurations, whether feasible or not, so that it depends on the problem alone; the best known front is that of
all runs in the store and of long runs, which `references.json` keeps (written by ``--references``).
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import re
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from problems import PROBLEMS, Problem

from hpo.numerics.pareto.hypervolume import hypervolume

AT = (50, 100, 200, 300, 1_000)
RESAMPLES = 2_000
_EIGHT = "-eight"
REFERENCES = Path(__file__).with_name("references.json")
SAMPLERS = {
    "hpo-nsgaii": "NSGAIISampler",
    "hpo-nsgaiii": "NSGAIIISampler",
    "hpo-smsemoa": "SMSEMOASampler",
    "hpo-tpe": "TPESampler",
    "hpo-random": "RandomSampler",
    "optuna-nsgaii": "NSGAIISampler",
    "optuna-nsgaiii": "NSGAIIISampler",
    "optuna-tpe": "TPESampler",
    "pymoo-nsgaii": "NSGA2",
}


def run(sampler: str, problem: Problem, seed: int, trials: int, **options: Any) -> list[list[float]]:
    """Return the losses of each trial, and infinities for those that are not feasible.

    With the suffix "-eight", eight trials run at a time: each result is told after seven more trials have been started.
    """
    n_running, sampler = (8 if sampler.endswith(_EIGHT) else 1), sampler.removesuffix(_EIGHT)
    library_name = sampler.partition("-")[0]
    if library_name == "pymoo":
        return _run_pymoo(problem, seed, trials)
    library: Any = importlib.import_module(library_name)
    library.logging.set_verbosity(library.logging.ERROR)
    made = getattr(library.samplers, SAMPLERS[sampler])(seed=seed, **options)
    study = library.create_study(directions=["minimize"] * problem.n_losses, sampler=made)
    waiting, losses = [], {}
    for _ in range(trials):
        trial = study.ask()
        waiting.append((trial, problem.objective(trial)))
        if len(waiting) == n_running:
            study.tell(*waiting.pop(0))
    for trial, values in waiting:
        study.tell(trial, values)
    for trial in study.trials:
        feasible = all(value <= 0.0 for value in trial.constraints.values())
        losses[trial.number] = [*trial.values] if feasible else [math.inf] * problem.n_losses
    return [losses[number] for number in range(trials)]


class NumbersInOrder:
    """A trial whose numbers are given, in the order in which an objective asks for them."""

    def __init__(self, numbers: Iterable[float]) -> None:
        self._numbers = iter(numbers)
        self.constraints: dict[str, float] = {}

    def suggest_float(self, name: str, low: float, high: float) -> float:
        return low + (high - low) * float(next(self._numbers))

    def set_constraint(self, name: str, value: float) -> None:
        self.constraints[name] = value


def _run_pymoo(problem: Problem, seed: int, trials: int) -> list[list[float]]:
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import ElementwiseProblem
    from pymoo.optimize import minimize

    seen: list[list[float]] = []

    class Presented(ElementwiseProblem):
        def __init__(self) -> None:
            super().__init__(
                n_var=problem.floats, n_obj=problem.n_losses, n_ieq_constr=problem.n_constraints, xl=0.0, xu=1.0
            )

        def _evaluate(self, x: Any, out: dict[str, Any], *_: Any, **__: Any) -> None:
            trial = NumbersInOrder(x)
            out["F"] = [*problem.objective(trial)]
            if trial.constraints:
                out["G"] = [*trial.constraints.values()]
            feasible = all(value <= 0.0 for value in trial.constraints.values())
            seen.append(out["F"] if feasible else [math.inf] * problem.n_losses)

    minimize(Presented(), NSGA2(pop_size=50), ("n_eval", trials), seed=seed, verbose=False)
    return seen[:trials]


def reference_point(problem: Problem) -> list[float]:
    """Return the 90 % quantile of each loss of random configurations."""
    import hpo

    hpo.logging.set_verbosity(hpo.logging.ERROR)
    study = hpo.create_study(
        directions=["minimize"] * problem.n_losses, sampler=hpo.samplers.RandomSampler(), seed=zlib.crc32(b"reference")
    )
    for _ in range(1_000):
        trial = study.ask()
        study.tell(trial, problem.objective(trial))
    losses = np.array([trial.values for trial in study.trials])
    return [float(value) for value in np.quantile(losses, 0.9, axis=0)]


def reached(losses: list[list[float]], reference: list[float], at: int) -> float:
    return hypervolume(np.array(losses[:at]), np.array(reference))


def write_references(names: list[str]) -> None:
    """Run problems for long, and keep the reference points and the largest hypervolumes."""
    found = json.loads(REFERENCES.read_text()) if REFERENCES.exists() else {}
    for name in names:
        problem = PROBLEMS[name]
        point = reference_point(problem)
        runs = [
            run(sampler, problem, seed, 3_000, population_size=100)
            for sampler in ("hpo-smsemoa", "hpo-nsgaii")
            for seed in (101, 102)
        ]
        if problem.floats:
            runs.append(run("pymoo-nsgaii", problem, 101, 5_000))
        together = [losses for one in runs for losses in one if all(map(math.isfinite, losses))]
        found[name] = {"point": point, "volume": reached(together, point, len(together))}
        REFERENCES.write_text(json.dumps(found, indent=1) + "\n")
        print(name, found[name], flush=True)


def stored(store: Path) -> dict[tuple[str, str, int], list[list[float]]]:
    """Return the runs in `store` by problem, sampler and seed, without a last line that was cut short."""
    runs = {}
    for line in store.read_text().splitlines() if store.exists() else ():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        runs[record["problem"], record["sampler"], record["seed"]] = record["losses"]
    return runs


def complete(store: Path, samplers: list[str], names: list[str], seeds: int, trials: int) -> None:
    """Do the runs that are missing in `store`, seed by seed, and append them."""
    done = stored(store)
    with store.open("a") as out:
        for seed in range(seeds):
            for name in names:
                for sampler in samplers:
                    if (name, sampler, seed) in done or (sampler.startswith("pymoo") and not PROBLEMS[name].floats):
                        continue
                    stream = zlib.crc32(f"{name} {seed}".encode())
                    losses = run(sampler, PROBLEMS[name], stream, trials)
                    record = {"problem": name, "sampler": sampler, "seed": seed, "losses": losses}
                    out.write(json.dumps(record) + "\n")
                    out.flush()


def report(store: Path, samplers: list[str], names: list[str], trials: int) -> Iterable[str]:
    """Yield a Markdown table of the mean regret of each sampler, and the first one's difference to it with an interval."""
    runs, known = stored(store), json.loads(REFERENCES.read_text())
    regrets: dict[tuple[str, str, int], list[float]] = {}
    at = [number for number in AT if number <= trials]
    volumes = {
        name: max(
            known[name]["volume"],
            *[reached(losses, known[name]["point"], trials) for (n, _, _), losses in runs.items() if n == name],
        )
        for name in names
    }
    for (name, sampler, _), losses in sorted(runs.items()):
        if name in names and sampler in samplers:
            for number in at:
                share = reached(losses, known[name]["point"], number) / volumes[name]
                regrets.setdefault((name, sampler, number), []).append(1.0 - share)
    yield "| sampler | problems | " + " | ".join(f"{number} trials | {samplers[0]} less [95 %]" for number in at) + " |"
    yield "|---" * (2 + 2 * len(at)) + "|"
    generator = np.random.default_rng(0)
    for sampler in samplers:
        shared = [name for name in names if (name, sampler, at[0]) in regrets]
        cells = []
        for number in at:
            pairs = [
                (np.array(regrets[name, samplers[0], number]), np.array(regrets[name, sampler, number]))
                for name in shared
            ]
            cells.append(f"{np.mean([theirs.mean() for _, theirs in pairs]):.3f}")
            samples = np.zeros(RESAMPLES)
            for ours, theirs in pairs:
                for sign, values in ((1.0, ours), (-1.0, theirs)):
                    drawn = generator.integers(len(values), size=(RESAMPLES, max(len(values) - 1, 1)))
                    samples += sign * values[drawn].mean(axis=1) / len(pairs)
            low, high = np.percentile(samples, [2.5, 97.5])
            mean = np.mean([ours.mean() - theirs.mean() for ours, theirs in pairs])
            cells.append("" if sampler == samplers[0] else f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]")
        yield f"| {sampler} | {len(shared)} | " + " | ".join(cells) + " |"
    yield ""
    yield f"| regret after {at[-1]} trials | " + " | ".join(samplers) + " |"
    yield "|---" * (1 + len(samplers)) + "|"
    for name in names:
        means = [np.mean(regrets.get((name, sampler, at[-1]), [math.nan])) for sampler in samplers]
        yield f"| {name} | " + " | ".join("" if math.isnan(mean) else f"{mean:.3f}" for mean in means) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--samplers", default=",".join(SAMPLERS), help="the first one is compared with the others")
    parser.add_argument("--problems", default="", help="a regular expression that the names of problems match")
    parser.add_argument("--references", action="store_true", help="write references.json first, which takes minutes")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # some names are experimental in Optuna
    samplers = arguments.samplers.split(",")
    names = [name for name in PROBLEMS if re.search(arguments.problems, name)]
    if arguments.references:
        write_references(names)
    if arguments.store is None:
        return
    complete(arguments.store, samplers, names, arguments.seeds, arguments.trials)
    for line in report(arguments.store, samplers, names, arguments.trials):
        print(line)


if __name__ == "__main__":
    main()
