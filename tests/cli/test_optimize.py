"""optimize, and how it finds objectives, samplers and pruners."""

import json

import pytest

import hpo

FILE = """
from neighbour import SHIFT

def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    return (x - SHIFT) ** 2

class Task:
    @staticmethod
    def run(trial):
        return trial.suggest_int("n", 1, 3)

def broken(trial):
    trial.suggest_float("x", 0, 1)
    if trial.number == 2:
        raise ValueError("two\\nlines")
    return 1.0

def leaving(trial):
    raise SystemExit(7)

def interrupted(trial):
    raise KeyboardInterrupt

def warning(trial):
    import warnings
    warnings.warn("look here")
    return 0.0

def misusing(trial):
    return trial.suggest_float("x", 1, 0)

def pruned(trial):
    for step in range(3):
        trial.report(trial.number, step)
        if trial.should_prune():
            raise __import__("hpo").TrialPruned
    return trial.number

def middle(state, trial, space, key):
    from hpo import Suggestion
    return Suggestion({name: dist.from_unit(0.5) for name, dist in space.items()})

def make_middle(u=0.5):
    from hpo import Suggestion
    return lambda state, trial, space, key: Suggestion({n: d.from_unit(u) for n, d in space.items()})

def impatient(state, trial):
    from hpo import Decision
    return Decision.STOP if trial.number % 2 else Decision.CONTINUE

number = 3
"""


@pytest.fixture
def run(cli, place, monkeypatch):
    (place / "code").mkdir()
    (place / "code" / "task_file.py").write_text(FILE)
    (place / "code" / "neighbour.py").write_text("SHIFT = 2\n")
    monkeypatch.setenv("HPO_STORAGE", "runs/")
    cli("create-study --study-name s --seed 1")
    return cli


def trials():
    return hpo.load_study(storage="runs/", study_name="s").trials


def test_the_objective_of_a_file_runs_and_its_neighbours_can_be_imported(run):
    ran = run("optimize code/task_file.py:objective --study-name s --n-trials 3")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.count("finished with value") == 3
    assert all(trial.value == (trial.params["x"] - 2) ** 2 for trial in trials())


def test_a_module_on_the_path_will_do_and_so_will_a_dotted_name(run, place, monkeypatch):
    monkeypatch.chdir(place / "code")
    line = "optimize task_file:Task.run --storage ../runs/ --n-trials 2"
    assert run(line).code == 0
    monkeypatch.chdir(place)
    assert [trial.value for trial in trials()] == [trial.params["n"] for trial in trials()]


def test_a_file_with_the_name_of_a_loaded_module_is_run_and_the_module_stays(run, place):
    (place / "json.py").write_text("def objective(trial):\n    return 5\n")
    assert run("optimize json.py:objective --n-trials 1").code == 0
    assert trials()[0].value == 5
    assert __import__("json") is json


def test_resuming_continues_the_study(run):
    for _ in range(2):
        run("optimize code/task_file.py:objective --n-trials 2")
    assert [trial.number for trial in trials()] == [0, 1, 2, 3]


def test_the_run_in_the_shell_is_the_run_in_python(run):
    run("optimize code/task_file.py:objective --n-trials 15")
    study = hpo.create_study(seed=1)
    study.optimize(lambda trial: (trial.suggest_float("x", -10, 10) - 2) ** 2, n_trials=15)
    assert [trial.params for trial in trials()] == [trial.params for trial in study.trials]


def test_several_jobs_share_the_work(run):
    assert run("optimize code/task_file.py:objective --n-trials 6 --n-jobs 2").code == 0
    assert len(trials()) == 6


def test_a_timeout_of_nothing_starts_nothing(run):
    assert run("optimize code/task_file.py:objective --timeout 0").code == 0
    assert trials() == []


@pytest.mark.parametrize("words", ["--n-trials -1", "--n-trials x", "--timeout -1", "--timeout soon"])
def test_limits_that_are_none_are_wrong_usage(run, words):
    assert run(f"optimize code/task_file.py:objective {words}").code == 2


def test_a_study_has_to_exist(run):
    ran = run("optimize code/task_file.py:objective --study-name other --n-trials 1")
    assert ran.code == 1
    assert "'other'" in ran.err


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("objective", "FILE.py:name"),
        ("code/task_file.py:", "FILE.py:name"),
        ("code/missing.py:objective", "no file 'code/missing.py'"),
        ("no_such_package.module:objective", "no module 'no_such_package.module'"),
        ("code/task_file.py:objectiv", "it has objective, Task, broken"),
        ("code/task_file.py:number", "can't be called"),
    ],
)
def test_an_objective_that_is_not_there_is_one_clear_line(run, location, problem):
    ran = run(f"optimize {location} --n-trials 1")
    assert ran.code == 1
    assert ran.err.startswith("hpo: error: ")
    assert ran.err.count("\n") == 1
    assert problem in ran.err


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import no_such_module_at_all", "No module named 'no_such_module_at_all'"),
        ("1 / 0", "ZeroDivisionError"),
        ("def objective(trial:", "SyntaxError"),
        ("raise SystemExit(0)", "SystemExit"),
    ],
)
def test_a_file_that_can_not_be_loaded_is_one_clear_line(run, place, source, problem):
    (place / "bad_file.py").write_text(source)
    ran = run("optimize bad_file.py:objective --n-trials 1")
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert "bad_file.py can't be loaded" in ran.err
    assert problem in ran.err


def test_an_error_of_the_objective_fails_its_trial_and_ends_the_run_with_the_reason(run):
    ran = run("-q optimize code/task_file.py:broken --n-trials 9")
    assert ran.code == 1
    last = ran.err.splitlines()[-1]
    assert last.startswith("hpo: error: trial 2 failed, which ends the run: ")
    assert "task_file.py, line " in last
    assert "Traceback" not in ran.err
    assert [trial.state.name for trial in trials()] == ["COMPLETE", "COMPLETE", "FAIL"]


def test_an_error_of_the_objective_comes_with_its_traceback_where_that_is_wanted(run):
    ran = run("--debug optimize code/task_file.py:broken --n-trials 9")
    assert ran.code == 1
    assert "Traceback" in ran.err
    assert 'raise ValueError("two' in ran.err


def test_an_objective_that_leaves_or_misuses_the_library_is_an_error_of_the_objective(run):
    for name in ("leaving", "misusing"):
        ran = run(f"optimize code/task_file.py:{name} --n-trials 1")
        assert ran.code == 1
        assert "which ends the run" in ran.err
    assert [trial.state.name for trial in trials()] == ["FAIL", "FAIL"]


def test_a_warning_of_the_objective_says_where_it_is(run):
    with pytest.warns(UserWarning, match="look here") as seen:
        ran = run("-q optimize code/task_file.py:warning --n-trials 1")
    assert (ran.code, ran.err) == (0, "")
    assert seen[0].filename.endswith("task_file.py")


def test_an_interrupt_fails_the_running_trial_and_leaves_the_study_usable(run):
    ran = run("-q optimize code/task_file.py:interrupted --n-trials 5")
    assert ran.code == 130
    assert ran.err.splitlines()[-1] == "hpo: interrupted"
    assert [(trial.state.name, trial.reason) for trial in trials()] == [("FAIL", "interrupted")]
    assert run("optimize code/task_file.py:objective --n-trials 1").code == 0


def test_samplers_come_by_name_as_a_function_and_from_a_factory(run):
    line = "optimize code/task_file.py:objective --n-trials 1 --sampler"
    assert run(f"{line} RandomSampler").code == 0
    assert run(f"{line} code/task_file.py:middle").code == 0
    assert run(f"{line} code/task_file.py:make_middle").code == 0
    assert run(f"{line} code/task_file.py:make_middle --sampler-kwargs", '{"u": 1.0}').code == 0
    assert run(f"{line} hpo.samplers:GridSampler --sampler-kwargs", '{"search_space": {"x": [7]}}').code == 0
    assert [trial.params["x"] for trial in trials()[1:]] == [0.0, 0.0, 10.0, 7.0]


def test_pruners_come_by_name_and_as_a_function(run):
    line = "optimize code/task_file.py:pruned --n-trials 2 --pruner"
    assert run(f"{line} code/task_file.py:impatient").code == 0
    assert run(f"{line} NopPruner").code == 0
    assert run(f"{line} MedianPruner --pruner-kwargs", '{"n_startup_trials": 1}').code == 0
    states = [trial.state.name for trial in trials()]
    assert states == ["COMPLETE", "PRUNED", "COMPLETE", "COMPLETE", "PRUNED", "PRUNED"]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--sampler", "Randm"], "RandomSampler"),
        (["--sampler", "GridSampler"], "search_space"),
        (["--sampler", "RandomSampler", "--sampler-kwargs", '{"sed": 1}'], "sed"),
        (["--sampler-kwargs", "{"], "--sampler-kwargs is no JSON"),
        (["--sampler-kwargs", "[1]"], "no JSON object"),
        (["--pruner", "MedianPruner", "--pruner-kwargs", '{"n_startup_trials": -1}'], "n_startup_trials"),
        (["--pruner", "Medianpruner"], "MedianPruner, NopPruner"),
    ],
)
def test_a_sampler_or_pruner_that_can_not_be_made_is_one_clear_line(run, words, problem):
    ran = run("optimize code/task_file.py:objective --n-trials 1", *words)
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert problem in ran.err
    assert trials() == []
