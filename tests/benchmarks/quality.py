"""Compare the samplers with Optuna's by the loss of the best configuration after 25, 50 and 100 trials.

    pip install -e '.[benchmark]'
    python tests/benchmarks/quality.py STORE [--seeds 20] [--samplers hpo-tpe,optuna-tpe] [--problems REGEX]

The script runs what is missing in STORE, a file of JSON lines, and then prints the comparison, so it can be stopped at
any time. Each library runs the same define-by-run objectives, which are in `quality_problems.py`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import re
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from quality_problems import Problem, problems

TRIALS = 100
AT = (25, 50, 100)
RESAMPLES = 2_000


def _options(library: Any, name: str, seed: int) -> dict[str, Any]:
    samplers: dict[str, Callable[[], Any]] = {
        "random": lambda: library.samplers.RandomSampler(seed=seed),
        "tpe": lambda: library.samplers.TPESampler(seed=seed),
        "cmaes": lambda: library.samplers.CmaEsSampler(seed=seed),
    }
    return {"sampler": samplers[name](), "pruner": library.pruners.NopPruner()}


def run(sampler: str, problem: Problem, seed: int, n_running: int = 1) -> list[float]:
    """Return the loss of the best configuration after each of `TRIALS` trials, `n_running` of them at a time."""
    library_name, _, name = sampler.removesuffix("-four").partition("-")
    library = importlib.import_module(library_name)
    library.logging.set_verbosity(library.logging.ERROR)
    study = library.create_study(**_options(library, name, seed))
    waiting: list[tuple[Any, float]] = []
    best, incumbents = math.inf, []
    for _ in range(TRIALS):
        trial = study.ask()
        loss = problem.objective(trial)
        waiting.append((trial, loss))
        if len(waiting) == n_running:
            study.tell(*waiting.pop(0))
        best = min(best, loss)
        incumbents.append(best)
    return incumbents


def stored(store: Path) -> dict[tuple[str, str, int], list[float]]:
    """Return the runs in `store` by problem, sampler and seed, without a last line that was cut short."""
    runs = {}
    for line in store.read_text().splitlines() if store.exists() else ():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        runs[record["problem"], record["sampler"], record["seed"]] = record["incumbents"]
    return runs


def complete(store: Path, samplers: list[str], names: list[str], seeds: int) -> None:
    """Do the runs that are missing in `store`, seed by seed, and append them."""
    done, known = stored(store), problems()
    with store.open("a") as out:
        for seed in range(seeds):
            for name in names:
                for sampler in samplers:
                    if (name, sampler, seed) in done:
                        continue
                    stream = zlib.crc32(f"{name} {seed}".encode())
                    incumbents = run(sampler, known[name](), stream, 4 if sampler.endswith("-four") else 1)
                    record = {"problem": name, "sampler": sampler, "seed": seed, "incumbents": incumbents}
                    out.write(json.dumps(record) + "\n")
                    out.flush()


def difference(ours: Iterable[NDArray[Any]], theirs: Iterable[NDArray[Any]]) -> tuple[float, float, float]:
    """Return the mean over problems of the difference of mean regrets, and the ends of its 95 % bootstrap interval.

    Seeds are resampled within each problem. A resample has one seed less than the original: with as many seeds as the
    original, the interval would be too narrow by the factor sqrt((n - 1) / n).
    """
    generator = np.random.default_rng(0)
    pairs = list(zip(ours, theirs, strict=True))
    samples = np.zeros(RESAMPLES)
    for a, b in pairs:
        for sign, regrets in ((1.0, a), (-1.0, b)):
            drawn = generator.integers(len(regrets), size=(RESAMPLES, max(len(regrets) - 1, 1)))
            samples += sign * regrets[drawn].mean(axis=1)
    mean = float(np.mean([a.mean() - b.mean() for a, b in pairs]))
    low, high = np.percentile(samples / len(pairs), [2.5, 97.5])
    return mean, float(low), float(high)


def report(store: Path, samplers: list[str], names: list[str]) -> Iterable[str]:
    """Yield a Markdown table of the mean regret of each sampler by kind of problem, compared with the last sampler."""
    runs, known = stored(store), problems()
    regrets = {}
    for name in names:
        problem = known[name]()
        for sampler in samplers:
            curves = [curve for (p, s, _), curve in sorted(runs.items()) if (p, s) == (name, sampler)]
            regrets[name, sampler] = problem.regret(np.array(curves))
    kinds = sorted({name.split()[0] for name in names})
    yield f"| sampler | trials | all | {' | '.join(kinds)} | difference to {samplers[-1]} [95 %] |"
    yield "|---" * (len(kinds) + 4) + "|"
    for sampler in samplers:
        for at in AT:
            means = {name: regrets[name, sampler][:, at - 1].mean() for name in names}
            by_kind = [np.mean([means[name] for name in names if name.split()[0] == kind]) for kind in kinds]
            line = f"| {sampler} | {at} | {np.mean(list(means.values())):.3f} | " + " | ".join(
                f"{m:.3f}" for m in by_kind
            )
            if sampler == samplers[-1]:
                yield line + " | |"
            else:
                ours = [regrets[name, sampler][:, at - 1] for name in names]
                theirs = [regrets[name, samplers[-1]][:, at - 1] for name in names]
                mean, low, high = difference(ours, theirs)
                yield f"{line} | {mean:+.4f} [{low:+.4f}, {high:+.4f}] |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--samplers", default="hpo-tpe,optuna-tpe", help="the others are compared with the last one")
    parser.add_argument("--problems", default="", help="a regular expression that the names of problems match")
    arguments = parser.parse_args()
    samplers = arguments.samplers.split(",")
    names = [name for name in problems() if re.search(arguments.problems, name)]
    complete(arguments.store, samplers, names, arguments.seeds)
    for line in report(arguments.store, samplers, names):
        print(line)


if __name__ == "__main__":
    main()
