"""Compare the costs of single steps in two checkouts of hpo.

    python tests/benchmarks/versions.py OTHER_CHECKOUT [ROUNDS] [NAMES ...]

One process for each checkout is kept, and the two take turns every few milliseconds, so that a busy machine slows both.
The smallest CPU time of all rounds counts. A ratio above 1 means that this checkout is slower.
"""

from __future__ import annotations

import gc
import inspect
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import hpo

HERE = Path(__file__).resolve()
ROOT = HERE.parent.parent.parent
N = 50  # steps in a round: short, so that some rounds are not disturbed


def three_ints(trial: Any) -> float:
    """Return the sum of three whole numbers."""
    return sum(trial.suggest_int(f"x{i}", 0, 9) for i in range(3))


def ten_floats(trial: Any) -> float:
    """Return the sum of ten floats."""
    return sum(trial.suggest_float(f"x{i}", 0.0, 1.0) for i in range(10))


class Pure:
    """Rounds of pure functions, in a study with `N` finished trials or as many running ones."""

    def __init__(self) -> None:
        self.sampler = hpo.samplers.RandomSampler()
        self.space = {f"x{i}": hpo.FloatDistribution(0.0, 1.0) for i in range(10)}
        self.running = self.asks(hpo.StudyState.create(seed=0))
        self.finished = self.tells()
        self.one, self.trial = hpo.ask(self.finished, self.sampler, self.space)
        self.go_on = hpo.Decision.CONTINUE if hasattr(hpo, "Decision") else None
        older = "outcome" in inspect.signature(hpo.tell).parameters
        self.failed: dict[str, Any] = {"outcome" if older else "state": hpo.TrialState.FAIL, "reason": "out of memory"}

    def tells(self) -> Any:
        """Tell `N` trials."""
        state = self.running
        for number in range(N):
            state = hpo.tell(state, number, 0.5)
        return state

    def fails(self) -> Any:
        """Tell `N` trials as failed."""
        state = self.running
        for number in range(N):
            state = hpo.tell(state, number, **self.failed)
        return state

    def asks(self, state: Any = None) -> Any:
        """Ask for `N` trials."""
        state = self.finished if state is None else state
        for _ in range(N):
            state, _ = hpo.ask(state, self.sampler, self.space)
        return state

    def asks_and_tells(self) -> Any:
        """Ask for `N` trials, and tell each at once."""
        state = self.finished
        for _ in range(N):
            state, started = hpo.ask(state, self.sampler, self.space)
            state = hpo.tell(state, started.number, 0.5)
        return state

    def models(self, sampler: Any, n_trials: int) -> Callable[[], Any]:
        """Return what asks for `N` trials and tells each at once, after as many trials of random search."""
        state = self.told(hpo.StudyState.create(seed=0), self.sampler, n_trials)
        return partial(self.told, state, sampler, N)

    def told(self, state: Any, sampler: Any, n_trials: int) -> Any:
        """Ask for trials, and tell each the squared distance from a point."""
        for _ in range(n_trials):
            state, started = hpo.ask(state, sampler, self.space)
            state = hpo.tell(state, started.number, sum((x - 0.3) ** 2 for x in started.params.values()))
        return state

    def reports(self) -> Any:
        """Report `N` values of one trial."""
        state = self.one
        for step in range(N):
            state = hpo.report(state, self.trial.number, 0.5, step)
        return state

    def prunes(self) -> Any:
        """Ask a pruner `N` times."""
        for _ in range(N):
            hpo.should_prune(self.one, lambda state, trial: self.go_on, self.trial.number)


def study(sampler: Any, objective: Callable[[Any], float], **options: Any) -> Any:
    """Return a study with 20 trials."""
    created = hpo.create_study(sampler=sampler, pruner=hpo.pruners.NopPruner(), seed=0, **options)
    created.optimize(objective, n_trials=20)
    return created


def shell(sampler: Any, objective: Callable[[Any], float]) -> Callable[[], Callable[[], Any]]:
    """Return what prepares a round of `optimize`."""
    return lambda: partial(study(sampler, objective).optimize, objective, n_trials=N)


def in_storage(sampler: Any, folder: str, url: str) -> Callable[[], Callable[[], Any]]:
    """Return what prepares a round of `optimize` with a new journal in `folder`, without syncs of the disk."""
    numbers = itertools.count()

    def prepared() -> Callable[[], Any]:
        storage = hpo.open_journal(url.format(f"{folder}/{next(numbers)}"), durability="process")
        return partial(study(sampler, ten_floats, storage=storage).optimize, ten_floats, n_trials=N)

    return prepared


def steps(created: Any) -> None:
    """Ask for `N` trials, and tell each at once."""
    for _ in range(N):
        created.tell(created.ask(), 0.5)


def works(folder: str) -> dict[str, Callable[[], Callable[[], Any]]]:
    """Return for each name a function that prepares a round of `N` steps; journals are in `folder`."""
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    pure, grid = Pure(), {f"x{i}": list(range(10)) for i in range(3)}
    return {
        "tell": lambda: pure.tells,
        "tell a failure": lambda: pure.fails,
        "ask": lambda: pure.asks,
        "ask and tell": lambda: pure.asks_and_tells,
        "CMA-ES": lambda: pure.models(hpo.samplers.CmaEsSampler(), 20),
        "TPE at 1,000": lambda: pure.models(hpo.samplers.TPESampler(), 1_000),
        "report": lambda: pure.reports,
        "should_prune": lambda: pure.prunes,
        "Study.ask and tell": lambda: partial(steps, study(pure.sampler, ten_floats, space=pure.space)),
        "optimize, random": shell(pure.sampler, ten_floats),
        "optimize, grid": shell(hpo.samplers.GridSampler(grid), three_ints),
        "optimize, QMC": shell(hpo.samplers.QMCSampler(), ten_floats),
        "optimize, file": in_storage(pure.sampler, folder, "{}.jsonl"),
        "optimize, SQLite": in_storage(pure.sampler, folder, "sqlite:///{}.db"),
    }


def serve(folder: str) -> None:
    """Run one round of the work that each line of the input names, and print the seconds of a step."""
    known = works(folder)
    print("ready", flush=True)
    for line in sys.stdin:
        work = known[line.strip()]()
        gc.collect()
        gc.disable()
        start = time.process_time()
        work()
        seconds = (time.process_time() - start) / N
        gc.enable()
        print(seconds, flush=True)


class Server:
    """A process that measures one checkout, with journals in a folder of its own."""

    def __init__(self, checkout: Path, folder: str) -> None:
        environment = {**os.environ, "PYTHONPATH": f"{checkout}", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        self.process = subprocess.Popen(
            [sys.executable, HERE, "--serve", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=checkout,
        )
        self.answer()

    def answer(self) -> str:
        """Return the next line that it prints."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the process that measures a checkout has ended; its error is above")
        return line

    def measure(self, name: str) -> float:
        """Return the seconds of a step of the work with this name."""
        assert self.process.stdin is not None
        print(name, file=self.process.stdin, flush=True)
        return float(self.answer())


def compared(other: Path, rounds: int, names: list[str]) -> Iterator[str]:
    """Yield one line for each work."""
    with tempfile.TemporaryDirectory() as here, tempfile.TemporaryDirectory() as there:
        theirs, ours = Server(other, there), Server(ROOT, here)
        try:
            for name in names:
                pairs = [(theirs.measure(name), ours.measure(name)) for _ in range(rounds)]
                before, now = min(a for a, _ in pairs), min(b for _, b in pairs)
                yield f"{name:20} {before * 1e6:7.2f} us there, {now * 1e6:7.2f} us here: {now / before:.3f}"
        finally:
            for server in (theirs, ours):
                server.process.kill()
                server.process.wait()


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve(sys.argv[-1])
    else:
        number = next((int(word) for word in sys.argv[2:] if word.isdigit()), 200)
        chosen = [word for word in sys.argv[2:] if not word.isdigit()] or [*works("")]
        for text in compared(Path(sys.argv[1]).resolve(), number, chosen):
            print(text, flush=True)
