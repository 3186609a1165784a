"""verify and fork."""

import json

import pytest

import hpo
from hpo.samplers import RandomSampler


@pytest.fixture
def study(place):
    """A study of five trials in ``runs/``."""
    study = hpo.create_study(storage="runs/", study_name="s", seed=3, sampler=RandomSampler())
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=5)
    return study


def verdict(ran):
    return ran.code, [(one["computed_again"], one["equal"]) for one in json.loads(ran.out)]


@pytest.mark.parametrize(
    "line",
    ["verify runs/ --study-name s", "verify --study-name s runs/", "verify --storage runs/", "--storage runs/ verify"],
)
def test_the_storage_to_verify_is_an_argument_or_an_option(cli, study, line):
    assert verdict(cli(f"{line} -f json")) == (0, [(5, 5), (0, 0)])


def test_the_storage_as_an_argument_goes_before_the_one_of_the_environment(cli, study, monkeypatch):
    monkeypatch.setenv("HPO_STORAGE", "nowhere/")
    assert cli("verify --study-name s").code == 1
    assert verdict(cli("verify runs/ -f json")) == (0, [(5, 5), (0, 0)])


def test_two_storages_or_none_are_wrong_usage(cli, study):
    ran = cli("verify runs/ --storage other/ --study-name s")
    assert (ran.code, "two storages were given, runs/ and other/" in ran.err) == (2, True)
    assert cli("verify").code == 2


def test_another_sampler_is_told_with_the_first_difference(cli, study):
    ran = cli("verify runs/ --sampler RandomSampler --sampler-kwargs", '{"seed": 9}', "-f", "json")
    assert verdict(ran) == (1, [(5, 0), (0, 0)])
    assert "the first difference is in trial 0, parameter 'x'" in ran.err


@pytest.mark.parametrize("words", ["--before-trial 3", "--at VERSION"])
def test_a_fork_begins_before_a_trial_or_with_a_version(cli, study, words):
    given = words.replace("VERSION", str(study.version_before(3)))
    assert cli(f"fork --storage runs/ --study-name s --to again {given}").out == "again\n"
    fork = hpo.load_study(storage="runs/", study_name="again")
    assert [trial.params for trial in fork.trials] == [trial.params for trial in study.trials[:3]]


def test_a_fork_has_one_beginning_that_is_there(cli, study):
    assert cli("fork --storage runs/ --study-name s --to again --at 3 --before-trial 1").code == 2
    ran = cli("fork --storage runs/ --study-name s --to again --before-trial 9")
    assert (ran.code, "no trial 9" in ran.err) == (1, True)
    assert hpo.get_all_study_names("runs/") == ["s"]


def test_a_fork_may_go_to_another_storage(cli, study):
    assert cli("fork --storage runs/ --to s --to-storage apart.jsonl --before-trial 2").out == "s\n"
    fork = hpo.load_study(storage="apart.jsonl")
    assert [trial.params for trial in fork.trials] == [trial.params for trial in study.trials[:2]]
    assert cli("fork --storage apart.jsonl --to one --to-storage sqlite:///more.db").out == "one\n"
    assert hpo.get_all_study_names("sqlite:///more.db") == ["one"]


def test_a_name_that_is_taken_is_told_with_the_option_that_gives_another(cli, study):
    ran = cli("fork --storage runs/ --to s")
    assert (ran.code, "a study named 's' exists" in ran.err) == (1, True)
    assert ran.err.endswith("choose another name with --to\n")
