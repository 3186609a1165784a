"""`AutoSampler`: the table of rules, and that each suggestion is that of the sampler which was chosen."""

import attrs
import pytest
from msgspec.structs import replace

import hpo
from hpo.core import (
    CategoricalDistribution,
    FloatDistribution,
    History,
    IntDistribution,
    SearchSpace,
    StudyState,
    create_trial,
    identity_of,
)
from hpo.errors import InvalidArgument, InvalidType
from hpo.samplers import AutoSampler, CmaEsSampler, GPSampler, PartialFixedSampler, TPESampler, Warmup, Where
from hpo.samplers.auto import NO_SIGNAL, RULES, Facts
from hpo.study.replaying.explanation import explain

GP = GPSampler(n_startup_trials=3, n_candidates=32, n_local_searches=2)
AUTO = AutoSampler(gp=GP, tpe=TPESampler(n_startup_trials=3), evaluation_seconds=60)
UNIT = FloatDistribution(0.0, 1.0)
PLAIN = Facts(
    n_objectives=1,
    n_features=5,
    branches=False,
    n_finished=50,
    n_failed=0,
    n_pruned=0,
    n_running=1,
    noisy=False,
    seconds=60.0,
)


@pytest.mark.parametrize(
    ("changes", "sampler", "because"),
    [
        ({}, "gp", "few parameters"),
        ({"n_objectives": 5}, "tpe", "more than four objectives"),
        ({"n_objectives": 4}, "gp", "few parameters that all trials have, and results to be modelled"),
        ({"branches": True}, "tpe", "only some trials have"),
        ({"n_features": 41}, "tpe", "more than 40"),
        ({"n_finished": 501}, "tpe", "more than 500"),
        ({"n_failed": 6}, "tpe", "fail"),
        ({"n_failed": 5}, "gp", "few parameters"),
        ({"n_failed": 2, "n_finished": 3}, "gp", "few parameters"),
        ({"n_pruned": 26}, "tpe", "pruned"),
        ({"noisy": True}, "tpe", "standard errors"),
        ({"seconds": None}, "gp", "few parameters"),
        ({"seconds": 0.001}, "tpe", "hardly longer"),
        ({"seconds": 0.0599}, "tpe", "hardly longer"),
        ({"seconds": 0.0601}, "gp", "few parameters"),
        ({"seconds": 0.2, "n_running": 8}, "tpe", "hardly longer"),
    ],
)
def test_the_first_rule_that_applies_counts(changes, sampler, because):
    rule = next(rule for rule in RULES if rule.applies(attrs.evolve(PLAIN, **changes)))
    assert rule.sampler == sampler
    assert because in rule.because


def test_some_rule_always_applies():
    assert RULES[-1].applies(PLAIN)


def bowl(trial):
    return (trial.suggest_float("x", 0.0, 1.0) - 0.3) ** 2 + trial.suggest_int("n", 0, 3)


def alone(sampler, objective, n_trials, **options):
    study = hpo.create_study(sampler=sampler, seed=1, **options)
    study.optimize(objective, n_trials=n_trials)
    return study


def test_suggestions_are_those_of_the_chosen_sampler():
    both = [alone(sampler, bowl, 12) for sampler in (AUTO, GP)]
    assert [trial.params for trial in both[0].trials] == [trial.params for trial in both[1].trials]
    assert {trial.note["chosen"] for trial in both[0].trials[1:]} == {"GPSampler"}
    assert both[0].trials[-1].note["rule"] == both[1].trials[-1].note["rule"] == "model"
    assert hpo.verify(both[0]).clean
    assert "which asked GPSampler" in str(explain(both[0], 11))


def test_branches_are_left_to_tpe_as_soon_as_they_are_seen():
    def branching(trial):
        if trial.suggest_categorical("kind", ["a", "b"]) == "a":
            return trial.suggest_float("x", 0.0, 1.0)
        return 2.0

    study = alone(AUTO, branching, 12)
    assert study.trials[-1].note["chosen"] == "TPESampler"
    assert study.trials[-1].note["because"] == "parameters that only some trials have"
    assert hpo.verify(study).clean


def test_a_process_that_predicts_nothing_is_not_asked_for_values():
    scrambled = alone(AUTO, lambda trial: 0 * trial.suggest_float("x", 0.0, 1.0) + noise(trial), 40)
    notes = [trial.note for trial in scrambled.trials[20:]]
    assert sum(note["because"] == NO_SIGNAL for note in notes) > 10
    assert {note["chosen"] for note in notes if note["because"] == NO_SIGNAL} == {"TPESampler"}
    assert hpo.verify(scrambled).clean


def noise(trial):
    """A number that has nothing to do with the parameters."""
    return (trial.number * 7919 % 101) / 101


def test_fast_objectives_are_left_to_tpe():
    study = alone(AutoSampler(gp=GP, tpe=TPESampler(n_startup_trials=3)), bowl, 10)
    assert study.trials[-1].note["chosen"] == "TPESampler"


def test_durations_come_from_the_newest_complete_trials():
    trials = [
        timed(create_trial(value=0.0, params={"x": 0.5}, distributions={"x": UNIT}), at=float(i), seconds=s)
        for i, s in enumerate([1.0, 2.0, 30.0])
    ]
    state = StudyState(directions=("minimize",), finished=History(trials))
    assert Facts.of(state, SearchSpace({"x": UNIT})).seconds == 2.0
    assert Facts.of(state, SearchSpace({"x": UNIT}), 5.0).seconds == 5.0
    few = StudyState(directions=("minimize",), finished=History(trials[:2]))
    assert Facts.of(few, SearchSpace({"x": UNIT})).seconds is None


def timed(trial, at, seconds):
    return replace(trial, started_at=at, finished_at=at + seconds)


def test_features_are_numbers_and_choices():
    space = {
        "x": UNIT,
        "n": IntDistribution(0, 9),
        "c": CategoricalDistribution(["a", "b", "c"]),
        "one": IntDistribution(1, 1),
    }
    assert Facts.of(StudyState.create(), SearchSpace(space)).n_features == 5


def test_several_objectives_are_optimized():
    study = hpo.create_study(sampler=AUTO, directions=["minimize", "minimize"], seed=1)
    study.optimize(
        lambda trial: (trial.suggest_float("x", 0.0, 1.0), 1.0 - trial.suggest_float("x", 0.0, 1.0)), n_trials=6
    )
    assert study.trials[-1].note["chosen"] == "GPSampler"


@pytest.mark.parametrize(
    "sampler",
    [
        Warmup(3, hpo.samplers.QMCSampler(), AUTO),
        PartialFixedSampler({"n": 2}, AUTO),
        Where(lambda params: params["x"] >= 0.2, AUTO),
        AutoSampler(gp=GP, tpe=CmaEsSampler()),
    ],
    ids=["warm-up", "fixed", "where", "other samplers"],
)
def test_it_can_be_wrapped_and_filled(sampler):
    study = alone(sampler, bowl, 10)
    assert len(study.trials) == 10
    assert hpo.verify(study, sampler=sampler).clean


def test_workers_at_once_and_resumed_studies_get_the_same_as_one():
    state_by_state = alone(AUTO, bowl, 12)
    resumed = hpo.create_study(sampler=AUTO, seed=1)
    resumed.optimize(bowl, n_trials=5)
    resumed.optimize(bowl, n_trials=7)
    assert [trial.params for trial in resumed.trials] == [trial.params for trial in state_by_state.trials]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"gp": 3}, InvalidType),
        ({"evaluation_seconds": 0}, InvalidArgument),
        ({"evaluation_seconds": "1"}, InvalidArgument),
    ],
)
def test_bad_options_are_refused(options, error):
    with pytest.raises(error):
        AutoSampler(**options)


def test_options_are_recorded():
    assert identity_of(AutoSampler(seed=3)).options["seed"] == 3
