"""Creating, loading, copying, deleting and summing up studies."""

import datetime
import operator

import pytest

import hpo
from hpo.core import StudyView
from hpo.errors import DuplicatedStudyError, InvalidArgument, InvalidType, SeveralObjectives, StudyNotFound
from hpo.samplers import RandomSampler, TPESampler
from hpo.trial import TrialState

unit = operator.methodcaller("suggest_float", "x", 0, 1)


@pytest.fixture
def runs(tmp_path):
    return f"{tmp_path}/runs/"


def a_study(storage, name="digits", **options):
    return hpo.create_study(storage=storage, study_name=name, sampler=RandomSampler(), **options)


def test_defaults_of_create_study():
    study = hpo.create_study()
    assert study.direction is hpo.StudyDirection.MINIMIZE
    assert study.directions == [hpo.StudyDirection.MINIMIZE]
    assert study.trials == []
    assert isinstance(study.sampler, TPESampler)
    assert isinstance(study.pruner, hpo.pruners.MedianPruner)
    assert (study.user_attrs, study.metric_names) == ({}, None)


def test_unnamed_studies_have_unique_names_and_seeds():
    one, other = hpo.create_study(), hpo.create_study()
    assert one.study_name != other.study_name
    assert one.state.seed != other.state.seed
    assert one.state.name == one.study_name


@pytest.mark.parametrize("direction", ["maximize", hpo.StudyDirection.MAXIMIZE])
def test_a_direction_is_a_text_or_its_constant(direction):
    study = hpo.create_study(direction=direction, sampler=RandomSampler())
    study.optimize(lambda trial: float(trial.number), n_trials=3)
    assert study.direction is hpo.StudyDirection.MAXIMIZE
    assert study.best_value == 2.0


def test_a_name_is_taken_once(runs):
    a_study(runs).optimize(unit, n_trials=2)
    with pytest.raises(DuplicatedStudyError, match=r"'digits' already exists in .*load_if_exists=True"):
        a_study(runs)
    assert len(a_study(runs, load_if_exists=True).trials) == 2


def test_two_studies_of_one_storage_object_share_it():
    storage = hpo.open_journal(None)
    one = a_study(storage)
    other = hpo.load_study(study_name="digits", storage=storage)
    one.optimize(unit, n_trials=2)
    assert other.trials == one.trials
    with pytest.raises(DuplicatedStudyError):
        a_study(storage)


@pytest.mark.parametrize(
    "other",
    [
        {"direction": "maximize"},
        {"directions": ["minimize", "minimize"]},
        {"seed": 2},
        {"space": {"x": hpo.FloatDistribution(0, 2)}},
        {"metric_names": ["loss"]},
    ],
)
def test_a_study_cannot_be_continued_as_another_one(runs, other):
    a_study(runs, seed=1, space={"x": hpo.FloatDistribution(0, 1)})
    with pytest.raises(InvalidArgument, match="and can't be continued with"):
        a_study(runs, load_if_exists=True, **other)


def test_continued_study_accepts_its_own_facts(runs):
    facts = {
        "seed": 1,
        "space": {"x": hpo.FloatDistribution(0, 1)},
        "directions": ["minimize", "maximize"],
        "metric_names": ["loss", "accuracy"],
    }
    study = a_study(runs, **facts)
    again = a_study(runs, load_if_exists=True, **facts)
    assert again.state == study.state


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"study_name": 3}, InvalidType),
        ({"seed": "7"}, InvalidType),
        ({"seed": True}, InvalidType),
        ({"metric_names": ["a", "b"]}, InvalidArgument),
        ({"directions": ["minimize"] * 2, "metric_names": ["a", "a"]}, InvalidArgument),
        ({"space": {"x": (0, 1)}}, InvalidType),
    ],
)
def test_facts_that_cannot_be_are_refused(options, error):
    with pytest.raises(error):
        hpo.create_study(**options)


def test_study_resumed_from_its_file_equals_the_uninterrupted_run(tmp_path):
    whole = hpo.create_study(seed=3)
    whole.optimize(unit, n_trials=24)
    hpo.create_study(storage=tmp_path / "s.jsonl", study_name="s", seed=3)
    for n_trials in (3, 12, 9):
        hpo.load_study(storage=tmp_path / "s.jsonl").optimize(unit, n_trials=n_trials)
    resumed = hpo.load_study(storage=tmp_path / "s.jsonl")
    assert [trial.params for trial in resumed.trials] == [trial.params for trial in whole.trials]


def test_loaded_study_has_everything(runs):
    study = a_study(runs, directions=["minimize", "maximize"], metric_names=["loss", "accuracy"], seed=9)
    study.set_user_attr("when", datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC))

    def objective(trial):
        trial.set_user_attr("a", {"b": [None, True, 1.5]})
        trial.set_constraint("c", 0.5)
        trial.report(float("nan"), 0)
        return unit(trial), float("inf")

    study.enqueue_trial({"x": 0.5, "y": None}, user_attrs={"from": "me"})
    study.optimize(objective, n_trials=2)
    study.ask()
    study.enqueue_trial({"x": 0.75})

    loaded = hpo.load_study(study_name="digits", storage=runs)
    assert loaded.state == study.state
    assert loaded.trials == study.trials
    assert loaded.user_attrs == study.user_attrs
    assert loaded.metric_names == ["loss", "accuracy"]
    assert [trial.state.name for trial in loaded.trials] == ["COMPLETE", "COMPLETE", "RUNNING", "WAITING"]


def test_load_study_without_a_name(runs):
    a_study(runs, "one")
    assert hpo.load_study(storage=runs).study_name == "one"
    a_study(runs, "two")
    with pytest.raises(StudyNotFound, match=r"has 2 studies \('one', 'two'\): pass study_name"):
        hpo.load_study(storage=runs)


def test_a_deleted_name_is_free_again(runs):
    a_study(runs).optimize(unit, n_trials=1)
    hpo.delete_study(study_name="digits", storage=runs)
    with pytest.raises(StudyNotFound):
        hpo.delete_study(study_name="digits", storage=runs)
    assert a_study(runs).trials == []


def test_names_are_in_the_order_of_creation(runs):
    for name in ("b", "a", "c/d é"):
        a_study(runs, name)
    assert hpo.get_all_study_names(runs) == ["b", "a", "c/d é"]


def test_copy_has_trials_and_attributes_and_is_independent(runs):
    study = a_study(runs, seed=4)
    study.set_user_attr("a", 1)
    study.optimize(unit, n_trials=3)
    hpo.copy_study(from_study_name="digits", from_storage=runs, to_storage=runs, to_study_name="copy")
    copy = hpo.load_study(study_name="copy", storage=runs, sampler=RandomSampler())
    assert (copy.trials, copy.user_attrs, copy.state.seed) == (study.trials, {"a": 1}, 4)
    assert copy.state.name == "copy"

    copy.optimize(unit, n_trials=1)
    study.optimize(unit, n_trials=1)
    assert copy.trials[3].params == study.trials[3].params
    assert len(study.trials) == 4


def test_a_copy_goes_to_another_storage_under_its_own_name(runs, tmp_path):
    a_study(runs).optimize(unit, n_trials=2)
    hpo.copy_study(from_study_name="digits", from_storage=runs, to_storage=tmp_path / "copy.jsonl")
    assert hpo.load_study(storage=tmp_path / "copy.jsonl").study_name == "digits"
    with pytest.raises(DuplicatedStudyError):
        hpo.copy_study(from_study_name="digits", from_storage=runs, to_storage=runs)
    with pytest.raises(StudyNotFound):
        hpo.copy_study(from_study_name="none", from_storage=runs, to_storage=runs, to_study_name="x")


def test_running_trials_fail_in_a_copy_and_waiting_ones_wait(runs):
    study = a_study(runs)
    study.ask()
    study.enqueue_trial({"x": 0.5})
    hpo.copy_study(from_study_name="digits", from_storage=runs, to_storage=runs, to_study_name="copy")
    copy = hpo.load_study(study_name="copy", storage=runs)
    assert [trial.state for trial in copy.trials] == [TrialState.FAIL, TrialState.WAITING]
    assert copy.trials[0].reason == "it still ran when the study was copied"
    assert study.trials[0].state is TrialState.RUNNING


def test_a_summary_says_what_there_is_to_say(runs):
    study = a_study(runs, direction="maximize")
    study.set_user_attr("a", 1)
    a_study(runs, "empty")
    a_study(runs, "two", directions=["minimize", "maximize"])
    study.optimize(unit, n_trials=3)
    study.ask()

    digits, empty, two = hpo.get_all_study_summaries(storage=runs)
    assert (digits.study_name, empty.study_name, two.study_name) == ("digits", "empty", "two")
    assert digits.direction is hpo.StudyDirection.MAXIMIZE
    assert digits.best_trial == study.best_trial
    assert (digits.user_attrs, digits.n_trials) == ({"a": 1}, 4)
    assert digits.datetime_start == study.trials[0].datetime_start
    assert (empty.best_trial, empty.n_trials, empty.datetime_start) == (None, 0, None)
    assert two.best_trial is None
    with pytest.raises(SeveralObjectives, match="the direction of study 'two' requires a single objective"):
        _ = two.direction


def test_summaries_can_do_without_the_best_trials(runs):
    a_study(runs).optimize(unit, n_trials=1)
    (summary,) = hpo.get_all_study_summaries(storage=runs, include_best_trial=False)
    assert (summary.best_trial, summary.n_trials) == (None, 1)


def test_single_objective_properties_point_to_the_plural_ones():
    study = hpo.create_study(directions=["minimize", "maximize"], sampler=RandomSampler())
    study.optimize(lambda trial: (float(trial.number), float(trial.number)), n_trials=3)
    for shown in (study, StudyView(study.state)):
        for ask in ("best_trial", "best_value", "best_params"):
            with pytest.raises(
                SeveralObjectives, match=f"{ask} requires a single objective: for several, use best_trials"
            ):
                getattr(shown, ask)
        with pytest.raises(SeveralObjectives, match="use directions"):
            _ = shown.direction
        assert [trial.number for trial in shown.best_trials] == [0, 1, 2]
