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

def pausing(trial):
    x = trial.suggest_float("x", 0, 1)
    for step in range(int(trial.checkpoint or 0) + 1, 10):
        trial.report(x + 1 / step, step)
        if trial.pause_point(checkpoint=str(step)):
            return None
    return x

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
def run(cli, folder, monkeypatch):
    (folder / "code").mkdir()
    (folder / "code" / "task_file.py").write_text(FILE)
    (folder / "code" / "neighbour.py").write_text("SHIFT = 2\n")
    monkeypatch.setenv("HPO_STORAGE", "runs/")
    cli("create-study --study-name s --seed 1")
    return cli


def trials():
    return hpo.load_study(storage="runs/", study_name="s").trials


def test_objective_in_a_file_can_import_its_neighbours(run):
    ran = run("optimize code/task_file.py:objective --study-name s --n-trials 3")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err.count("finished with value") == 3
    assert all(trial.value == (trial.params["x"] - 2) ** 2 for trial in trials())


def test_objective_in_a_module_or_under_a_dotted_name(run, folder, monkeypatch):
    monkeypatch.chdir(folder / "code")
    line = "optimize task_file:Task.run --storage ../runs/ --n-trials 2"
    assert run(line).code == 0
    monkeypatch.chdir(folder)
    assert [trial.value for trial in trials()] == [trial.params["n"] for trial in trials()]


def test_file_named_like_a_loaded_module_does_not_replace_it(run, folder):
    (folder / "json.py").write_text("def objective(trial):\n    return 5\n")
    assert run("optimize json.py:objective --n-trials 1").code == 0
    assert trials()[0].value == 5
    assert __import__("json") is json


def test_second_run_continues_the_study(run):
    for _ in range(2):
        run("optimize code/task_file.py:objective --n-trials 2")
    assert [trial.number for trial in trials()] == [0, 1, 2, 3]


def test_command_line_run_equals_the_run_in_python(run):
    run("optimize code/task_file.py:objective --n-trials 15")
    study = hpo.create_study(seed=1)
    study.optimize(lambda trial: (trial.suggest_float("x", -10, 10) - 2) ** 2, n_trials=15)
    assert [trial.params for trial in trials()] == [trial.params for trial in study.trials]


def test_n_jobs_runs_trials_in_parallel(run):
    assert run("optimize code/task_file.py:objective --n-trials 6 --n-jobs 2").code == 0
    assert len(trials()) == 6


def test_timeout_of_zero_starts_no_trial(run):
    assert run("optimize code/task_file.py:objective --timeout 0").code == 0
    assert trials() == []


@pytest.mark.parametrize("words", ["--n-trials -1", "--n-trials x", "--timeout -1", "--timeout soon"])
def test_invalid_limits_are_wrong_usage(run, words):
    assert run(f"optimize code/task_file.py:objective {words}").code == 2


def test_optimize_needs_an_existing_study(run):
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
def test_missing_objective_is_a_one_line_error(run, location, problem):
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
def test_broken_objective_file_is_a_one_line_error(run, folder, source, problem):
    (folder / "bad_file.py").write_text(source)
    ran = run("optimize bad_file.py:objective --n-trials 1")
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert "bad_file.py can't be loaded" in ran.err
    assert problem in ran.err


def test_objective_error_fails_the_trial_and_ends_the_run(run):
    ran = run("-q optimize code/task_file.py:broken --n-trials 9")
    assert ran.code == 1
    last = ran.err.splitlines()[-1]
    assert last.startswith("hpo: error: trial 2 failed, which ends the run: ")
    assert "task_file.py, line " in last
    assert "Traceback" not in ran.err
    assert [trial.state.name for trial in trials()] == ["COMPLETE", "COMPLETE", "FAIL"]


def test_objective_error_has_a_traceback_with_debug(run):
    ran = run("--debug optimize code/task_file.py:broken --n-trials 9")
    assert ran.code == 1
    assert "Traceback" in ran.err
    assert 'raise ValueError("two' in ran.err


def test_exit_or_misuse_in_the_objective_is_an_objective_error(run):
    for name in ("leaving", "misusing"):
        ran = run(f"optimize code/task_file.py:{name} --n-trials 1")
        assert ran.code == 1
        assert "which ends the run" in ran.err
    assert [trial.state.name for trial in trials()] == ["FAIL", "FAIL"]


def test_objective_warning_names_its_file_and_line(run):
    with pytest.warns(UserWarning, match="look here") as seen:
        ran = run("-q optimize code/task_file.py:warning --n-trials 1")
    assert (ran.code, ran.err) == (0, "")
    assert seen[0].filename.endswith("task_file.py")


def test_interrupt_fails_the_running_trial_and_keeps_the_study_usable(run):
    ran = run("-q optimize code/task_file.py:interrupted --n-trials 5")
    assert ran.code == 130
    assert ran.err.splitlines()[-1] == (
        "hpo: interrupted after 0 complete trials: the same command goes on with study 's'"
    )
    assert [(trial.state.name, trial.reason) for trial in trials()] == [("FAIL", "interrupted")]
    assert run("optimize code/task_file.py:objective --n-trials 1").code == 0


def test_sampler_by_name_as_a_function_or_from_a_factory(run):
    line = "optimize code/task_file.py:objective --n-trials 1 --sampler"
    assert run(f"{line} RandomSampler").code == 0
    assert run(f"{line} code/task_file.py:middle").code == 0
    assert run(f"{line} code/task_file.py:make_middle").code == 0
    assert run(f"{line} code/task_file.py:make_middle --sampler-kwargs", '{"u": 1.0}').code == 0
    assert run(f"{line} hpo.samplers:GridSampler --sampler-kwargs", '{"search_space": {"x": [7]}}').code == 0
    assert [trial.params["x"] for trial in trials()[1:]] == [0.0, 0.0, 10.0, 7.0]


def test_promoter_by_name_brings_its_pruner_and_is_verified(run):
    line = "optimize code/task_file.py:pausing --n-trials 30 --promoter PromotionHalving"
    assert run(line, "--promoter-kwargs", '{"max_resource": 9}').code == 0
    assert {trial.last_step for trial in trials()} == {1, 3, 9}
    assert run("optimize code/task_file.py:pausing --n-trials 5").code == 0  # as the journal recorded them
    ran = run("verify -f json")
    assert (ran.code, ran.err) == (0, "")
    counts = {row["what"]: (row["computed_again"], row["equal"]) for row in json.loads(ran.out)}
    assert counts["promotions"][0] == counts["promotions"][1] > 5


def test_pruner_by_name_or_as_a_function(run):
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
        (["--sampler-kwargs", "{"], "--sampler-kwargs is not valid JSON"),
        (["--sampler-kwargs", "[1]"], "not a JSON object"),
        (["--pruner", "MedianPruner", "--pruner-kwargs", '{"n_startup_trials": -1}'], "n_startup_trials"),
        (["--pruner", "Medianpruner"], "MedianPruner, NopPruner"),
    ],
)
def test_invalid_sampler_or_pruner_is_a_one_line_error(run, words, problem):
    ran = run("optimize code/task_file.py:objective --n-trials 1", *words)
    assert ran.code == 1
    assert ran.err.count("\n") == 1
    assert problem in ran.err
    assert trials() == []
