"""What a pruning decision costs after many trials, against Optuna if it is installed, and how fast the simulator is.

python tests/benchmarks/pruning.py [trials]

Times are those of the thread's own processor time, so that other programs disturb them little.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

from msgspec.structs import replace

from hpo.core import (
    Ask,
    FloatDistribution,
    FrozenTrial,
    History,
    InsertOnlyDict,
    StudyState,
    TrialState,
    decide,
    replay,
    report,
    tell,
)
from hpo.pruners import HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from hpo.testing import simulate

STEPS = 100


def finished(n_trials: int) -> StudyState:
    """Return a study with complete trials that reported random values at 100 steps."""
    rng = random.Random(0)
    trials = [
        FrozenTrial(
            number,
            TrialState.COMPLETE,
            values=(0.0,),
            intermediate_values=InsertOnlyDict({step: rng.random() for step in range(STEPS)}),
        )
        for number in range(n_trials)
    ]
    return replace(StudyState.create(), finished=History(trials), n_trials=n_trials)


def ours(state: StudyState, pruner: Callable[..., object]) -> float:
    """Return the microseconds per decision, over all reports of two trials, with what their ends add to folds."""
    rng, spent = random.Random(1), 0.0
    for trial in range(3):  # the first one pays for the folds over the whole history
        state = replay(decide(state, Ask()), state)
        number = state.n_trials - 1
        for step in range(STEPS):
            state = report(state, number, rng.random() * 0.4, step)
            began = time.thread_time()
            pruner(state, state.running[number])
            spent += (time.thread_time() - began) * (trial > 0)
        state = tell(state, number, 0.0)
    return spent / (2 * STEPS) * 1e6


def optunas(n_trials: int) -> dict[str, float]:
    """Return the microseconds per decision of Optuna's pruners of the same names, at ten steps."""
    try:
        import optuna
    except ImportError:
        return {}
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rng, study = random.Random(0), optuna.create_study()
    for _ in range(n_trials):
        values = {step: rng.random() for step in range(STEPS)}
        study.add_trial(optuna.trial.create_trial(value=0.0, intermediate_values=values))
    found = {}
    for pruner in (
        optuna.pruners.MedianPruner(),
        optuna.pruners.SuccessiveHalvingPruner(1),
        optuna.pruners.HyperbandPruner(1, STEPS),
    ):
        study.pruner, trial, spent = pruner, study.ask(), 0.0
        for step in range(10):
            trial.report(rng.random() * 0.4, step)
            frozen = study._storage.get_trial(trial._trial_id)
            began = time.thread_time()
            pruner.prune(study, frozen)
            spent += time.thread_time() - began
        study.tell(trial, 0.0)
        found[type(pruner).__name__] = spent / 10 * 1e6
    return found


def main() -> None:
    """Print the table."""
    n_trials = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    state, theirs = finished(n_trials), optunas(n_trials)
    print(f"microseconds per decision after {n_trials} trials of {STEPS} steps")
    for pruner in (NopPruner(), MedianPruner(), SuccessiveHalvingPruner(1), HyperbandPruner(1, STEPS)):
        name, mine = type(pruner).__name__, ours(state, pruner)
        other = theirs.get(name)
        print(
            f"  {name:24} {mine:8.1f}" + ("" if other is None else f"   Optuna {other:8.1f}, {other / mine:.0f} times")
        )
    space = {"x": FloatDistribution(0, 1), "y": FloatDistribution(1e-5, 1, log=True)}
    halving = SuccessiveHalvingPruner(1, 3)
    began = time.thread_time()
    run = simulate(
        lambda params: [params["x"] + 1 / step for step in range(1, 28)], space, pruner=halving, n_trials=2000
    )
    print(
        f"{2000 / (time.thread_time() - began):.0f} simulated trials of 27 steps per second, {run.n_steps} steps in all"
    )


if __name__ == "__main__":
    main()
