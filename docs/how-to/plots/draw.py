"""Draw the pictures of the page "See what a study did": one for each kind of plot.

python docs/how-to/plots/draw.py [KIND ...]

The studies are made up and small, and have some of everything: conditional and logarithmic parameters, infeasible, pruned,
failed and running trials, workers, retries.
"""

import functools
import io
import math
import sys
from pathlib import Path

import hpo
from hpo.visualization import data, to_matplotlib

FOLDER = Path(__file__).parent
COLORS = 160  # of a picture, so that it is small


@functools.cache
def tuned(directions=("minimize",)):
    """Trials in every state, of one or more objectives."""
    study = hpo.create_study(directions=directions, sampler=hpo.samplers.RandomSampler(), seed=4)

    def objective(trial):
        rate = trial.suggest_float("rate", 1e-5, 1e-1, log=True)
        dropout = trial.suggest_float("dropout", 0.0, 0.6)
        if trial.suggest_categorical("optimizer", ["adam", "sgd", "lion"]) == "sgd":
            trial.suggest_float("momentum", 0.0, 0.99)
        loss = 0.2 + (math.log10(rate) + 3) ** 2 / 6 + (dropout - 0.2) ** 2
        if trial.number % 19 == 7:
            raise MemoryError
        if trial.number % 8 == 5:
            trial.set_constraint("memory", 1.0)
        for step in range(20) if len(directions) == 1 else ():
            trial.report(loss + math.exp(-step / 4), step)
            if step == 4 and loss > 0.75:
                raise hpo.TrialPruned
        return (loss, dropout * 9 + rate * 99)[: len(directions)] if len(directions) > 1 else loss

    study.optimize(objective, n_trials=90, catch=MemoryError)
    study.ask({"rate": hpo.FloatDistribution(1e-5, 1e-1, log=True)})
    return study.state


@functools.cache
def worked():
    """Three workers, a sampler that starts at random, and trials that fail."""
    state, free = hpo.StudyState.create(seed=1), dict.fromkeys(("ann", "bob", "carol"), 0.0)
    draw = hpo.Key(1).generator()
    space = {"x": hpo.FloatDistribution(0, 1), "y": hpo.FloatDistribution(0, 1)}
    for number in range(60):
        worker = min(free, key=free.__getitem__)
        start = free[worker] + 20 * draw.random()
        free[worker] = start + draw.gamma(2, 60)
        sampler = hpo.samplers.TPESampler(n_startup_trials=10)
        state, trial = hpo.ask(state, sampler, space, worker=worker, at=start)
        value = (trial.params["x"] - 0.3) ** 2 + trial.params["y"]
        failed = number % 11 == 5
        told = {"state": "fail"} if failed else {}
        state = hpo.tell(state, trial.number, None if failed else value, at=free[worker], **told)
    return state


def curve(params, n=20):
    """The learning curve of a configuration, whose order at the fourth step is not that at the end."""
    return [params["x"] + math.exp(-step / 5) * (1 + 0.3 * math.sin(9 * params["x"])) for step in range(n)]


@functools.cache
def pruned():
    """Learning curves under a median pruner."""
    pruner = hpo.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=3)
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), pruner=pruner, seed=3)

    def objective(trial):
        trial.suggest_float("x", 0, 1)
        for step, value in enumerate(curve(trial.params)):
            trial.report(value, step)
            if trial.should_prune():
                raise hpo.TrialPruned
        return value

    study.optimize(objective, n_trials=40)
    return study.state


@functools.cache
def retried():
    """Trials that fail and are tried again, twice at most."""
    study = hpo.create_study()
    failed = hpo.TrialState.FAIL
    for family in range(8):
        first = len(study.trials)
        for attempt in range(1 + family % 3):
            told = {"state": failed} if attempt < family % 3 else {"value": 9.0 - family + family**2 % 5}
            more = {"retried_from": first, "retry": attempt} if attempt else {}
            study.add_trial(hpo.create_trial(user_attrs=more, **told))
    return study.state


TWO = ("minimize", "minimize")
PICTURES = {
    "contour": lambda: data.contour(tuned(), ["rate", "dropout"]),
    "edf": lambda: data.edf({"tuned": tuned(), "curves": pruned()}),
    "hypervolume_history": lambda: data.hypervolume_history(tuned(TWO)),
    "intermediate_values": lambda: data.intermediate_values(tuned()),
    "lineage": lambda: data.lineage(retried()),
    "optimization_history": lambda: data.optimization_history(tuned()),
    "parallel_coordinate": lambda: data.parallel_coordinate(tuned()),
    "param_importances": lambda: data.param_importances(tuned()),
    "pareto_front": lambda: data.pareto_front(tuned(TWO)),
    "pruning_audit": lambda: data.pruning_audit(pruned(), curves=curve),
    "rank": lambda: data.rank(tuned(), ["rate", "dropout"]),
    "slice": lambda: data.slices(tuned()),
    "terminator_improvement": lambda: data.terminator_improvement(tuned()),
    "timeline": lambda: data.timeline(worked()),
    "utilisation": lambda: data.utilisation(worked()),
    "why": lambda: data.why(worked()),
}


def picture(kind):
    """Return the picture of a kind of plot, as a PNG with few colours."""
    from PIL import Image

    file, small = io.BytesIO(), io.BytesIO()
    to_matplotlib(PICTURES[kind](), "light").savefig(file, format="png", dpi=75)
    image = Image.open(file).convert("RGB").quantize(COLORS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image.save(small, format="PNG", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    for name in sys.argv[1:] or PICTURES:
        (FOLDER / f"{name}.png").write_bytes(picture(name))
        print(f"{name}.png {(FOLDER / f'{name}.png').stat().st_size:,} bytes")
