"""What mattered, and how sure is it? PED-ANOVA for who gets among the best, fANOVA for what moves the result."""

import hpo
from hpo.importance import FanovaImportanceEvaluator, importances

hpo.logging.set_verbosity(hpo.logging.WARNING)


def objective(trial):
    lr = trial.suggest_float("lr", 1e-5, 1.0, log=True)
    optimizer = trial.suggest_categorical("optimizer", ["adam", "sgd"])
    trial.suggest_int("seed", 0, 9)
    return abs(lr - 0.003) + (0.1 if optimizer == "sgd" else 0.0)


study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
study.optimize(objective, n_trials=200)

best = importances(study)
print(best)
moves = importances(study, evaluator=FanovaImportanceEvaluator())
print(moves)

assert best["lr"].is_clear
assert best["optimizer"].where == "adam"
assert not best["seed"].is_clear
assert not moves["seed"].is_clear
assert moves.r2 > 0.5
