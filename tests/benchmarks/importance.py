"""What importance costs and how right it is, next to Optuna's, in one run: prints the tables of docs/measured/importance.md.

    python tests/benchmarks/importance.py [--right-answers-only]

Seconds are of CPU time in this process, the smallest of three (once for Optuna's fANOVA), imports done.
"""

import sys
import time
import warnings
from functools import partial

import numpy as np
import optuna

import hpo
from hpo.importance import (
    FanovaImportanceEvaluator,
    MeanDecreaseImpurityImportanceEvaluator,
    PedAnovaImportanceEvaluator,
    PermutationImportanceEvaluator,
    ShapleyImportanceEvaluator,
    importances,
)

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
hpo.logging.set_verbosity(hpo.logging.ERROR)
THEIRS = optuna.importance


def values(params):
    return params["x"] + params["y"] + {"a": 0.0, "b": 0.607, "c": 1.214}[params["c"]]


def log_and_linear(params):
    return np.log10(params["lr"]) + 5.0 * params["x"]


def distributions(module):
    of = module.distributions
    return {
        "x": of.FloatDistribution(0.0, 1.0),
        "y": of.FloatDistribution(0.0, 1.0),
        "lr": of.FloatDistribution(1e-5, 1.0, log=True),
        "k": of.IntDistribution(1, 32),
        "c": of.CategoricalDistribution(["a", "b", "c"]),
    }


def studies(n, objective, seed=0):
    """The same random trials in both libraries."""
    random = np.random.default_rng(seed)
    params = [
        {
            "x": float(random.random()),
            "y": float(random.random()),
            "lr": float(10 ** random.uniform(-5, 0)),
            "k": int(random.integers(1, 33)),
            "c": "abc"[random.integers(3)],
        }
        for _ in range(n)
    ]
    found = []
    for module in (hpo, optuna):
        study, space = module.create_study(), distributions(module)
        study.add_trials(
            [module.create_trial(value=float(objective(p)), params=p, distributions=space) for p in params]
        )
        found.append(study)
    return found


def seconds(function, times=3):
    taken = []
    for _ in range(times):
        began = time.process_time()
        result = function()
        taken.append(time.process_time() - began)
    return min(taken), result


def costs():
    print("| what | trials | ours | Optuna 5.0 | ratio |\n|---|---|---|---|---|")
    for name, evaluator, other, sizes in (
        ("PED-ANOVA", PedAnovaImportanceEvaluator(), THEIRS.PedAnovaImportanceEvaluator(), (1000, 10_000)),
        (
            "mean decrease of impurity",
            MeanDecreaseImpurityImportanceEvaluator(),
            THEIRS.MeanDecreaseImpurityImportanceEvaluator(seed=0),
            (1000,),
        ),
        ("fANOVA", FanovaImportanceEvaluator(), THEIRS.FanovaImportanceEvaluator(seed=0), (1000,)),
        ("Shapley effects", ShapleyImportanceEvaluator(), None, (1000,)),
        ("permutation", PermutationImportanceEvaluator(), None, (1000,)),
        ("fANOVA", FanovaImportanceEvaluator(), None, (10_000,)),
    ):
        for n in sizes:
            ours, theirs = studies(n, values)
            mine, _ = seconds(
                partial(importances, ours.state, evaluator=evaluator), 3 if n < 5000 or "PED" in name else 1
            )
            row = f"| {name} | {n:,} | {mine:.3f} s |"
            if other is None:
                print(row, " | |", flush=True)
                continue
            its, _ = seconds(partial(other.evaluate, theirs), 1 if name == "fANOVA" else 3)
            print(row, f"{its:.2f} s | {its / mine:.1f} |", flush=True)


def shares(found):
    total = sum(found.values())
    return {name: value / total for name, value in found.items()}


def decisive_choice():
    print("\n| choices, one of which decides | exact | ours | Optuna 5.0 |\n|---|---|---|---|")
    for k in (2, 3, 5, 10):
        random = np.random.default_rng(k)
        labels = [f"c{i}" for i in range(k)]
        rows = [(float(random.random()), labels[random.integers(k)], float(random.random())) for _ in range(2000)]
        row = []
        for module in (hpo, optuna):
            study = module.create_study()
            space = {
                "x": module.distributions.FloatDistribution(0, 1),
                "c": module.distributions.CategoricalDistribution(labels),
            }
            study.add_trials(
                [
                    module.create_trial(value=noise + (c != "c0"), params={"x": x, "c": c}, distributions=space)
                    for x, c, noise in rows
                ]
            )
            found = module.importance.PedAnovaImportanceEvaluator().evaluate(study)
            row.append(
                found["c"] if module is hpo else found["c"] / 0.1**2
            )  # Optuna multiplies by the square of the quantile
        print(f"| {k} | {k - 1} | {row[0]:.2f} | {row[1]:.2f} |", flush=True)


def exact_shares(n=1_000_000):
    """PED-ANOVA's shares for `values`, from counts of very many trials in 100 cells."""
    random = np.random.default_rng(1)
    x, y, c = random.random(n), random.random(n), random.integers(0, 3, n)
    loss = x + y + 0.607 * c
    best = loss <= np.quantile(loss, 0.1)
    found = {}
    for name, cell, k in (("x", (x * 100).astype(int), 100), ("y", (y * 100).astype(int), 100), ("c", c, 3)):
        found[name] = k * ((np.bincount(cell[best], minlength=k) / best.sum()) ** 2).sum() - 1.0
    return shares(found)


def right_answers():
    print("\n| study of 1,000 trials | share | exact | ours | Optuna 5.0 |\n|---|---|---|---|---|")
    ours, theirs = studies(1000, log_and_linear)
    mine = shares(FanovaImportanceEvaluator().evaluate(ours))
    its = shares(THEIRS.FanovaImportanceEvaluator(seed=0, n_trees=16).evaluate(theirs, params=["x", "lr"]))
    print(
        f"| log10(lr) + 5 x, fANOVA (Optuna: 16 trees) | lr | 0.50 | {mine['lr']:.2f} | {its['lr']:.2f} |", flush=True
    )
    ours, theirs = studies(1000, values)
    mine, its = (
        shares(PedAnovaImportanceEvaluator().evaluate(ours)),
        shares(THEIRS.PedAnovaImportanceEvaluator().evaluate(theirs)),
    )
    exact = exact_shares()
    for name in ("c", "x", "y"):
        print(
            f"| x + y + choice, PED-ANOVA | {name} | {exact[name]:.2f} | {mine[name]:.2f} | {its[name]:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    if "--right-answers-only" not in sys.argv:
        costs()
    decisive_choice()
    right_answers()
