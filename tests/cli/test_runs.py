"""What a run says at its beginning and its end, the spellings of Optuna, and completion in shells."""

import json
import os
import subprocess
import sys

import pytest

import hpo

FILE = """
def objective(trial):
    return trial.suggest_float("x", 0, 1)

def pair(trial):
    x = trial.suggest_float("x", 0, 1)
    return x, 1 - x

def failing(trial):
    trial.suggest_float("x", 0, 1)
    raise __import__("hpo").TrialFailed("no luck")
"""


@pytest.fixture
def run(cli, folder, monkeypatch):
    (folder / "tasks.py").write_text(FILE)
    monkeypatch.setenv("HPO_STORAGE", "runs/")
    cli("create-study --study-name s --seed 1")
    return cli


def said(ran):
    return [line for line in ran.err.splitlines() if not line.startswith("[")]


def test_a_run_ends_with_a_summary(run):
    first, best, advice = said(run("optimize tasks.py:objective -n 3 --sampler RandomSampler"))
    assert first.startswith("3 trials in ")
    assert first.endswith("s: 3 complete.")
    assert best == "Best is trial 1 with value 0.102188: x=0.102188"
    assert advice == "Look at them with: hpo trials --storage runs/ --study-name s"
    assert run("trials --storage runs/ --study-name s").code == 0


def test_the_summary_counts_the_trials_of_this_run_and_says_what_failed(run):
    run("optimize tasks.py:failing -n 2 --sampler RandomSampler")
    first, advice = said(run("optimize tasks.py:failing -n 1"))
    assert first.endswith("s: 1 failed.")
    assert advice.endswith("--study-name s --state fail")


def test_the_summary_of_several_objectives_counts_the_front(run):
    run("create-study --study-name two --directions minimize minimize")
    ran = run("optimize tasks.py:pair --study-name two -n 3 --sampler RandomSampler")
    assert said(ran)[1] == "3 trials on the Pareto front: hpo best-trials --storage runs/ --study-name two"


def test_a_quiet_run_says_nothing(run):
    assert run("-q optimize tasks.py:objective -n 1").err == ""


def test_a_run_without_a_limit_says_that_it_goes_on(run, folder):
    (folder / "stopping.py").write_text("def objective(trial):\n    raise KeyboardInterrupt\n")
    ran = run("optimize stopping.py:objective")
    assert ran.code == 130
    assert said(ran)[0] == "Runs until Ctrl-C, because neither --n-trials nor --timeout is given."
    assert said(ran)[-1] == "hpo: interrupted after 0 complete trials: the same command goes on with study 's'"


def test_a_progress_bar_is_shown_if_asked_for(run):
    assert "trial" in run("-q optimize tasks.py:objective -n 2 --progress").err
    assert "trial/s" not in run("optimize tasks.py:objective -n 2 --no-progress").err


def test_spellings_of_optuna(run):
    assert run("study optimize tasks.py objective --study s --n-trials 2").code == 0
    assert len(hpo.load_study(storage="runs/", study_name="s").trials) == 2
    assert run("create-study --study-name two --directions minimize maximize").out == "two\n"
    assert hpo.load_study(storage="runs/", study_name="two").state.directions == ("minimize", "maximize")
    space = '{"x": {"name": "FloatDistribution", "attributes": {"low": 0, "high": 1}}}'
    assert run("ask --study-name two --flatten --search-space", space).out.startswith('{"number": 0, "params_x": 0.')
    assert run("tell --study-name two --trial-number 0 --values 0.5 -1e3").code == 0
    assert hpo.load_study(storage="runs/", study_name="two").trials[0].values == (0.5, -1000.0)
    assert run("storage upgrade").out.startswith("nothing to upgrade in ")
    refused = run("--storage-class RDBStorage studies")
    assert refused.code == 2
    assert "hpo has no --storage-class" in refused.err


def test_ask_without_any_space_starts_a_trial_without_parameters(run):
    run("create-study --study-name bare")
    assert json.loads(run("ask --study-name bare").out) == {"number": 0, "params": {}}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("list", "hpo studies"), ("trails", "hpo trials"), ("optimise", "hpo optimize"), ("qqq", "hpo --help")],
)
def test_a_command_that_does_not_exist_suggests_one(run, typed, meant):
    ran = run(typed)
    assert ran.code == 2
    assert meant in ran.err


def completed(folder, words, **more):
    given = {"_HPO_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    env = {name: value for name, value in os.environ.items() if name != "HPO_STORAGE"} | given | more
    ran = subprocess.run(
        [sys.executable, "-m", "hpo"], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert ran.stderr == ""
    return [line.partition(",")[2] or line for line in ran.stdout.splitlines() if line]


def test_completion_of_studies_samplers_and_files(run, folder):
    run("create-study --study-name second")
    assert completed(folder, "hpo trials --storage runs/ --study-name ") == ["s", "second"]
    assert completed(folder, "hpo trials --study-name se", HPO_STORAGE="runs/") == ["second"]
    assert completed(folder, "hpo trials --study-name ") == []
    assert completed(folder, "hpo optimize x --sampler Ra") == ["RandomSampler"]
    assert completed(folder, "hpo optimize x --pruner Med") == ["MedianPruner"]
    assert completed(folder, "hpo optimize tas") == ["tas"]
    assert completed(folder, "hpo trials --state pru") == ["pruned"]
    assert "upgrade" in completed(folder, "hpo storage ")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_what_sets_it_up(cli, shell):
    ran = cli(f"completion {shell}")
    assert ran.code == 0
    assert f"_HPO_COMPLETE={shell}_complete" in ran.out
