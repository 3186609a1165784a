"""What the page on coming from Optuna says about hpo is true."""

import re
from pathlib import Path

import pytest

import hpo
from hpo.errors import SeveralObjectives
from hpo.samplers import TPESampler

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "coming-from-optuna.md").read_text(encoding="utf-8")


def test_every_linked_page_exists():
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links
    for link in links:
        assert (Path(__file__).parents[2] / "docs" / "how-to" / link).is_file()


def test_absent_names_are_absent():
    assert not hasattr(hpo, "artifacts")


def test_a_parameter_may_change_its_kind_and_choices():
    study = hpo.create_study(sampler=TPESampler(n_startup_trials=2), seed=1)
    asked = [
        lambda trial: trial.suggest_float("x", 0, 1),
        lambda trial: trial.suggest_int("x", 0, 2),
        lambda trial: len(trial.suggest_categorical("x", ["a", "bb"])),
        lambda trial: len(trial.suggest_categorical("x", ["a", "bb", "ccc"])),
    ]
    for objective in asked * 2:
        study.optimize(objective, n_trials=2)
    assert {trial.state for trial in study.trials} == {hpo.TrialState.COMPLETE}
    assert {type(trial.params["x"]) for trial in study.trials} == {float, int, str}


def test_reports_of_several_objectives_are_kept_but_do_not_prune():
    study = hpo.create_study(directions=["minimize", "minimize"])
    trial = study.ask()
    trial.report(0.5, 0)
    assert study.trials[0].intermediate_values == {0: 0.5}
    with pytest.raises(SeveralObjectives, match="MedianPruner"):
        trial.should_prune()
    study.pruner = hpo.pruners.NopPruner()
    assert not study.ask().should_prune()


def test_every_distribution_has_the_same_methods():
    for distribution in (
        hpo.FloatDistribution(0, 1),
        hpo.IntDistribution(0, 1),
        hpo.CategoricalDistribution(["a"]),
    ):
        assert isinstance(distribution, hpo.Distribution)
        value = distribution.from_unit(0.3)
        assert distribution.contains(value)
        assert distribution.to_external(distribution.to_internal(value)) == value


@pytest.mark.parametrize("name", ["TPESampler", "CmaEsSampler", "QMCSampler"])
def test_options_of_models_are_given_by_name(name):
    with pytest.raises(TypeError, match="positional argument"):
        getattr(hpo.samplers, name)(10)


def test_the_reason_of_a_failure_has_the_error_and_its_line():
    def objective(trial):
        raise ValueError("too large")

    study = hpo.create_study()
    study.optimize(objective, n_trials=1, catch=ValueError)
    assert re.fullmatch(
        r"ValueError: too large \(.*test_coming_from_optuna\.py, line \d+, in objective\)", study.trials[0].reason
    )


def test_system_attributes_are_read_only():
    study = hpo.create_study()
    study.enqueue_trial({"x": 0.5})
    assert study.trials[0].system_attrs == {"fixed_params": {"x": 0.5}}
    with pytest.raises(TypeError, match="system_attrs"):
        hpo.create_trial(value=1.0, system_attrs={})
