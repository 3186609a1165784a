"""What a lone parameter costs does not depend on how many others there are."""

import sys

import hpo
from hpo.core import FloatDistribution, History, create_trial
from hpo.samplers.parts import Fold

UNIT = FloatDistribution(0.0, 1.0)


def calls_of_a_trial(n_parameters):
    """Return how often a function is called or yields for a lone parameter of the first trial, on average."""
    study = hpo.create_study(sampler=hpo.samplers.TPESampler(seed=0), pruner=hpo.pruners.NopPruner())
    trial, n_calls = study.ask(), 0

    def count(frame, event, argument):
        nonlocal n_calls
        n_calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        for number in range(n_parameters):
            trial.suggest_float(f"x{number}", 0.0, 1.0)
    finally:
        sys.setprofile(before)
    return n_calls / n_parameters


def test_the_first_trial_may_ask_for_many_parameters():
    few, many = calls_of_a_trial(100), calls_of_a_trial(1000)
    assert many < 1.5 * few


def test_hundreds_of_lone_parameters_learn_from_each_trial_once(monkeypatch):
    steps = 0

    def counted(self, carry, trial, step=Fold.step):
        nonlocal steps
        steps += 1
        return step(self, carry, trial)

    monkeypatch.setattr(Fold, "step", counted)
    folds = [Fold(("minimize",), ((f"x{number}", "linear"),)) for number in range(200)]
    history = History()
    for _ in range(10):
        history = history.append(create_trial(value=0.0, params={"x0": 0.5}, distributions={"x0": UNIT}))
        for fold in folds:
            history.fold(fold)
    assert steps == 200 * 10
