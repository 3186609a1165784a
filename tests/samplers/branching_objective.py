"""An objective with branches, all that it can ask for, and studies that ask for all of it."""

import collections

from hpo.samplers import BruteForceSampler
from hpo.study.studies import create_study


def objective(trial):
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    if kind == "a":
        x = trial.suggest_int("x", 0, 3)
        if x == 2:
            return trial.suggest_float("z", 0, 1, step=0.5)
        return x
    if kind == "b":
        return trial.suggest_int("y", 0, 2) + trial.suggest_int("w", 0, 1)
    return 0


LEAVES = {
    *(((("kind", "a"), ("x", x)),) for x in (0, 1, 3)),
    *(((("kind", "a"), ("x", 2), ("z", z)),) for z in (0.0, 0.5, 1.0)),
    *(((("kind", "b"), ("w", w), ("y", y)),) for w in (0, 1) for y in (0, 1, 2)),
    ((("kind", "c"),),),
}


def counted(study):
    return collections.Counter((tuple(sorted(trial.params.items())),) for trial in study.trials)


def quiet_study(**options):
    return create_study(sampler=options.pop("sampler", BruteForceSampler()), **options)
