"""Compare pruners on learning curves: how many epochs they need for what random search and TPE find in whole trainings.

    pip install -e '.[benchmark]'
    python tests/benchmarks/curves/compare_pruners.py run STORE [--methods REGEX] [--problems REGEX] [--seeds 30]
    python tests/benchmarks/curves/compare_pruners.py show [STORE ...] [--problems judging]

`run` does what is missing in STORE, a file of JSON lines, so that it can be stopped at any time. `show` prints the tables of
docs/measured/pruners.md. All results are kept in `measured.jsonl`, which is shown if no STORE is given, so that nobody needs to repeat
them.

Four simulated workers, steps of equal length. The targets are what random search and TPE without a pruner have reached, in
the median of all seeds, after 30 whole trainings. Everything else runs for as many epochs as 12 whole trainings have. A loss
counts at whatever epoch it was reported.
"""

from __future__ import annotations

import argparse
import json
import re
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import runs_of_hpo
import runs_of_rivals
from curve_problems import CHOOSING, JUDGING, problem, scale_of

MEASURED = Path(__file__).with_name("measured.jsonl")
N_WORKERS = 4
WHOLE = 30  # trainings of the searches that set the targets
SHORT = 12  # trainings of all others
AT = (3, 6, 12)  # where regrets are shown
RESAMPLES = 1_000
TARGETS = ("hpo-random-none", "hpo-tpe-none")
METHODS = (*runs_of_hpo.METHODS, *runs_of_rivals.RIVALS)
NAMESAKES = {
    **{name: name.replace("hpo", "optuna", 1) for name in runs_of_hpo.METHODS if not name.endswith("promotion")},
    "hpo-random-promotion": "syne-asha",
    "hpo-tpe-promotion": "syne-bohb",
}
GROUPS = {"choosing": CHOOSING, "judging": JUDGING, "all": (*CHOOSING, *JUDGING)}
Runs = Mapping[tuple[str, str, int], Mapping[str, Any]]


def stored(paths: Iterable[Path]) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Return the runs in some files by problem, method and seed, without a last line that was cut short."""
    runs = {}
    for path in paths:
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            runs[record["problem"], record["method"], record["seed"]] = record
    return runs


def record(method: str, name: str, seed: int, n_trainings: int | None = None) -> dict[str, Any]:
    """Run a method on a problem, and return its record."""
    found = problem(name)
    n_trainings = n_trainings or (WHOLE if method.endswith("-none") else SHORT)
    run = runs_of_hpo.run if method.startswith("hpo-") else runs_of_rivals.run
    began = time.process_time()
    done = run(method, found, zlib.crc32(f"{name} {seed}".encode()), N_WORKERS, n_trainings * found.n_epochs)
    trace = [[step, float(f"{loss:.6g}")] for step, loss in done.pop("trace")]
    seconds = round(time.process_time() - began, 2)
    return {"problem": name, "method": method, "seed": seed, **done, "seconds": seconds, "trace": trace}


def complete(store: Path, methods: Sequence[str], names: Sequence[str], seeds: int, limit: float) -> None:
    """Do the runs that are missing in `store`, seed by seed, and append them; start none after `limit` seconds."""
    done, began = stored([store]), time.monotonic()
    with store.open("a") as out:
        for seed in range(seeds):
            for name in names:
                for method in methods:
                    if (name, method, seed) in done:
                        continue
                    if time.monotonic() - began > limit:
                        return
                    out.write(json.dumps(record(method, name, seed), separators=(",", ":")) + "\n")
                    out.flush()


def loss_after(trace: Sequence[Sequence[float]], steps: float) -> float:
    """Return the best loss after so many steps; infinity if none was reported."""
    return next((loss for step, loss in reversed(trace) if step <= steps), float("inf"))


def steps_to(trace: Sequence[Sequence[float]], target: float) -> float:
    """Return after how many steps a loss is at most the target; infinity if never."""
    return next((step for step, loss in trace if loss <= target), float("inf"))


def traces(runs: Runs, name: str, method: str) -> list[Any]:
    """Return the traces of a method on a problem, in the order of seeds."""
    return [
        run["trace"] for (p, m, _), run in sorted(runs.items(), key=lambda item: item[0]) if (p, m) == (name, method)
    ]


class Figures:
    """What one method needs and reaches, over the problems of a group.

    Attributes:
        shares: For each target, the share of the epochs of 30 whole trainings that is needed for it: the geometric mean over
            problems of the median over seeds. A target that is not reached counts as the whole share.
        regrets: The mean regret after 3, 6 and 12 trainings' worth of epochs.
        lost: The share of runs in which a stopped trial would have ended better than the best complete one.
    """

    def __init__(self, runs: Runs, method: str, names: Sequence[str], targets: Mapping[str, Sequence[float]]) -> None:
        rng = np.random.default_rng(0)
        self.by_problem: dict[str, list[float]] = {}
        logs, regrets, lost = [], [], []
        for name in names:
            scale, of_all = scale_of(name), traces(runs, name, method)
            whole = WHOLE * scale.n_epochs
            needed = np.array([[min(steps_to(trace, t), whole) / whole for trace in of_all] for t in targets[name]])
            draws = rng.integers(len(of_all), size=(RESAMPLES, max(len(of_all) - 1, 1)))
            medians = np.concatenate([np.median(needed, 1)[None], np.median(needed[:, draws], 2).T])
            self.by_problem[name] = [float(each) for each in medians[0]]
            logs.append(np.log(medians))
            lasts = [[loss_after(trace, n * scale.n_epochs) for trace in of_all] for n in AT]
            regret = scale.regret(np.array(lasts))
            regrets.append(np.concatenate([regret.mean(1)[None], regret[:, draws].mean(2).T]))
            lost.append(np.mean([run["lost"] > 0 for (p, m, _), run in runs.items() if (p, m) == (name, method)]))
        self.samples = np.mean(logs, 0), np.mean(regrets, 0)  # the figures, and what they are of resampled seeds
        self.shares = _with_interval(np.exp(self.samples[0]))
        self.regrets = _with_interval(self.samples[1])
        self.lost = float(np.mean(lost))


def _with_interval(samples: np.ndarray) -> list[tuple[float, float, float]]:
    low, high = np.percentile(samples[1:], [2.5, 97.5], axis=0)
    return [(float(a), float(b), float(c)) for a, b, c in zip(samples[0], low, high, strict=True)]


def targets_of(runs: Runs, names: Sequence[str]) -> dict[str, list[float]]:
    """Return what random search and TPE reach in the median, by problem."""
    return {
        name: [float(np.median([trace[-1][1] for trace in traces(runs, name, of)])) for of in TARGETS] for name in names
    }


def of_common_seeds(runs: Runs, names: Sequence[str], methods: Sequence[str]) -> Runs:
    """Return the runs of those seeds with which all of the methods have run on all of the problems."""
    seeds = {seed for _, _, seed in runs}
    kept = {seed for seed in seeds if all((name, method, seed) in runs for name in names for method in methods)}
    return {key: run for key, run in runs.items() if key[2] in kept}


def tables(runs: Runs, names: Sequence[str], methods: Sequence[str] = METHODS) -> Iterator[str]:
    """Yield a Markdown table of all methods, one of those with namesakes, and one by problem."""
    targets = targets_of(runs, names)
    have = [method for method in methods if all(traces(runs, name, method) for name in names)]
    runs = of_common_seeds(runs, names, have)
    n_seeds = len({seed for _, _, seed in runs})
    figures = {method: Figures(runs, method, names, targets) for method in have} if n_seeds else {}
    yield f"| {n_seeds} seeds | epochs to random search | to TPE | regret at 3 | at 6 | at 12 | lost a winner |"
    yield "|---|---|---|---|---|---|---|"
    for method, each in sorted(figures.items(), key=lambda item: item[1].regrets[-1][0]):
        cells = [f"{a:.2f} [{b:.2f}, {c:.2f}]" for a, b, c in (*each.shares, *each.regrets)]
        yield f"| {method} | {' | '.join(cells)} | {each.lost:.0%} |"
    yield ""
    yield "| | epochs, as a multiple, to random search | to TPE | difference of regret at 12 |"
    yield "|---|---|---|---|"
    for ours, theirs in NAMESAKES.items():
        if ours in figures and theirs in figures:
            logs, regrets = (a - b for a, b in zip(figures[ours].samples, figures[theirs].samples, strict=True))
            cells = [f"{a:.2f} [{b:.2f}, {c:.2f}]" for a, b, c in _with_interval(np.exp(logs))]
            a, b, c = _with_interval(regrets)[-1]
            yield f"| {ours} : {theirs} | {' | '.join(cells)} | {a:+.3f} [{b:+.3f}, {c:+.3f}] |"


def by_problem(runs: Runs, names: Sequence[str], methods: Sequence[str] = METHODS) -> Iterator[str]:
    """Yield a Markdown table of the shares of epochs that each method needs, by problem, over all of its seeds."""
    targets = targets_of(runs, names)
    yield f"| epochs to random search, to TPE | {' | '.join(names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for method in methods:
        if all(traces(runs, name, method) for name in names):
            found = Figures(runs, method, names, targets).by_problem
            yield f"| {method} | {' | '.join(f'{found[name][0]:.2f}, {found[name][1]:.2f}' for name in names)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=["run", "show"])
    parser.add_argument("stores", type=Path, nargs="*", default=[MEASURED], metavar="STORE")
    parser.add_argument("--methods", default="", help="a regular expression that names of methods match")
    parser.add_argument("--problems", default="all", help="choosing, judging, all, or a regular expression")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--limit", type=float, default=float("inf"), help="start no run after so many seconds")
    given = parser.parse_args()
    methods = [method for method in METHODS if re.search(given.methods, method)]
    names = GROUPS.get(given.problems) or [name for name in GROUPS["all"] if re.search(given.problems, name)]
    if given.do == "run":
        complete(given.stores[0], methods, names, given.seeds, given.limit)
    else:
        runs = stored(given.stores)
        print("\n".join([*tables(runs, names, methods), "", *by_problem(runs, names, methods)]))


if __name__ == "__main__":
    main()
