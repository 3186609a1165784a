"""verify and fork."""

import json

import pytest

import hpo
from hpo.samplers import RandomSampler


@pytest.fixture
def study(folder):
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
def test_verify_takes_the_storage_as_argument_or_option(cli, study, line):
    assert verdict(cli(f"{line} -f json")) == (0, [(5, 5), (0, 0)])


def test_storage_argument_overrides_the_environment(cli, study, monkeypatch):
    monkeypatch.setenv("HPO_STORAGE", "nowhere/")
    assert cli("verify --study-name s").code == 1
    assert verdict(cli("verify runs/ -f json")) == (0, [(5, 5), (0, 0)])


def test_two_or_no_storages_are_wrong_usage(cli, study):
    ran = cli("verify runs/ --storage other/ --study-name s")
    assert (ran.code, "two storages were given, runs/ and other/" in ran.err) == (2, True)
    assert cli("verify").code == 2


def test_verify_with_another_sampler_reports_the_first_difference(cli, study):
    ran = cli("verify runs/ --sampler RandomSampler --sampler-kwargs", '{"seed": 9}', "-f", "json")
    assert verdict(ran) == (1, [(5, 0), (0, 0)])
    assert "the first difference is in trial 0, parameter 'x'" in ran.err


@pytest.mark.parametrize("words", ["--before-trial 3", "--at VERSION"])
def test_fork_before_a_trial_or_at_a_version(cli, study, words):
    given = words.replace("VERSION", str(study.version_before(3)))
    assert cli(f"fork --storage runs/ --study-name s --to again {given}").out == "again\n"
    fork = hpo.load_study(storage="runs/", study_name="again")
    assert [trial.params for trial in fork.trials] == [trial.params for trial in study.trials[:3]]


def test_fork_needs_one_existing_version(cli, study):
    assert cli("fork --storage runs/ --study-name s --to again --at 3 --before-trial 1").code == 2
    ran = cli("fork --storage runs/ --study-name s --to again --before-trial 9")
    assert (ran.code, "no trial 9" in ran.err) == (1, True)
    assert hpo.get_all_study_names("runs/") == ["s"]


def test_fork_to_another_storage(cli, study):
    assert cli("fork --storage runs/ --to s --to-storage apart.jsonl --before-trial 2").out == "s\n"
    fork = hpo.load_study(storage="apart.jsonl")
    assert [trial.params for trial in fork.trials] == [trial.params for trial in study.trials[:2]]
    assert cli("fork --storage apart.jsonl --to one --to-storage sqlite:///more.db").out == "one\n"
    assert hpo.get_all_study_names("sqlite:///more.db") == ["one"]


def test_duplicate_fork_name_error_names_the_option(cli, study):
    ran = cli("fork --storage runs/ --to s")
    assert (ran.code, "a study named 's' exists" in ran.err) == (1, True)
    assert ran.err.endswith("choose another name with --to\n")


def test_certificate_is_one_line_that_is_checked_again(cli, study):
    ran = cli("verify runs/ --certificate")
    assert (ran.code, ran.out.count("\n")) == (0, 1)
    line = ran.out.strip()
    checked = cli("verify runs/ --check", line)
    assert (checked.code, checked.err.splitlines()[-1]) == (0, "hpo: the certificate is about this study")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    assert "which has had 3 more events since" in cli("verify runs/ --check", line).err
    wrong = cli("verify runs/ --check", f"{line[:-1]}{'1' if line[-1] == '0' else '0'}")
    assert (wrong.code, "not those of the certificate" in wrong.err) == (1, True)
    assert cli("verify runs/ --check nonsense").code == 1


def test_a_study_that_differs_has_no_certificate(cli, study):
    ran = cli("verify runs/ --certificate --sampler RandomSampler --sampler-kwargs", '{"seed": 9}')
    assert (ran.code, ran.out) == (1, "")


def test_diff_names_the_first_event_that_differs(cli, study):
    other = hpo.create_study(storage="other.jsonl", study_name="t", seed=3, sampler=RandomSampler())
    other.optimize(lambda trial: trial.suggest_float("x", 0, 1) + (trial.number == 2), n_trials=5)
    ran = cli("diff runs/ other.jsonl --study-name s --other-study-name t")
    assert ran.code == 1
    assert "trial 2: " in ran.out
    assert "Likely cause: the objective returned another result for the same parameters" in ran.out
    same = cli("diff runs/ runs/")
    assert (same.code, same.out) == (0, f"the same {study.state.version} events\n")
    assert cli("diff runs/ runs/ --exact").code == 0
    assert cli("diff runs/").code == 2
