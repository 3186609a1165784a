"""Programs as users of Optuna write them: the same one, with either library, does the same."""

import gc
import json
import logging
import pickle

import numpy as np
import pytest

import hpo

optuna = pytest.importorskip(
    "optuna", reason="Optuna, with which it is compared, is not installed", exc_type=ImportError
)
pytestmark = pytest.mark.filterwarnings(
    "ignore::optuna.exceptions.ExperimentalWarning",
    "ignore:unclosed database:ResourceWarning",  # of Optuna's, which newer Pythons tell when they are collected
)

PROGRAMS = []


def program(function):
    PROGRAMS.append(pytest.param(function, id=function.__name__))
    return function


@pytest.fixture(autouse=True)
def _quiet_and_at_home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = optuna.logging.get_verbosity(), hpo.logging.get_verbosity()
    for library in (optuna, hpo):
        library.logging.set_verbosity(logging.ERROR)
    yield
    gc.collect()  # while that filter holds
    optuna.logging.set_verbosity(before[0])
    hpo.logging.set_verbosity(before[1])


@pytest.mark.parametrize("run", PROGRAMS)
def test_a_program_does_the_same_with_either_library(run, tmp_path, monkeypatch):
    said = []
    for library in (optuna, hpo):
        place = tmp_path / library.__name__
        place.mkdir()
        monkeypatch.chdir(place)  # databases of one name
        said.append(run(library))
    assert said[0] == said[1]


def unit(trial):
    return trial.suggest_float("x", 0, 1)


def states(study):
    return [trial.state.name for trial in study.trials]


@program
def branches_and_loops(lib):
    def objective(trial):
        if trial.suggest_categorical("kind", ["linear", "deep"]) == "linear":
            return trial.suggest_float("c", 1e-10, 1e10, log=True) ** 0.01
        layers = trial.suggest_int("layers", 1, 3)
        return sum(trial.suggest_int(f"units_{i}", 4, 128, log=True) for i in range(layers)) + trial.suggest_float(
            "drop", 0.0, 1.0, step=0.1
        )

    study = lib.create_study(direction="maximize", sampler=lib.samplers.TPESampler(seed=3))
    study.optimize(objective, n_trials=30)
    best = study.best_trial
    kinds = {type(value).__name__ for trial in study.trials for value in trial.params.values()}
    assert best.value == study.best_value == max(trial.value for trial in study.trials)
    assert best.params == study.best_params
    return kinds, len(study.trials), {next(iter(trial.params)) for trial in study.trials}, study.direction.name


@program
def pruning(lib):
    def objective(trial):
        x = trial.suggest_float("x", 0, 1)
        for step in range(10):
            trial.report([0.1, 0.2, 0.3, 0.9, 0.0][trial.number], step)
            if trial.should_prune():
                raise lib.TrialPruned
        return x

    study = lib.create_study(pruner=lib.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=4))
    study.optimize(objective, n_trials=5)
    pruned = study.get_trials(deepcopy=False, states=(lib.trial.TrialState.PRUNED,))
    return states(study), [(trial.number, trial.last_step, trial.value) for trial in pruned]


@program
def a_pruner_of_ones_own(lib):
    class LastPlace(lib.pruners.BasePruner):
        def prune(self, study: "lib.study.Study", trial: "lib.trial.FrozenTrial") -> bool:
            others = [t.value for t in study.get_trials(deepcopy=False, states=(lib.trial.TrialState.COMPLETE,))]
            return len(others) > 1 and trial.intermediate_values[trial.last_step] > max(others)

    def objective(trial):
        value = [0.5, 0.2, 0.9, 0.1][trial.number]
        trial.report(value, 0)
        if trial.should_prune():
            raise lib.exceptions.TrialPruned
        return value

    study = lib.create_study(pruner=LastPlace())
    study.optimize(objective, n_trials=4)
    return states(study)


@program
def callbacks_that_stop(lib):
    class StopWhenPrunedKeepsOccurring:
        count = 0

        def __call__(self, study: lib.study.Study, trial: lib.trial.FrozenTrial) -> None:
            self.count = self.count + 1 if trial.state == lib.trial.TrialState.PRUNED else 0
            if self.count == 2:
                study.stop()

    def objective(trial):
        if trial.number > 4:
            raise lib.TrialPruned
        return unit(trial)

    study = lib.create_study()
    study.optimize(objective, n_trials=100, callbacks=[StopWhenPrunedKeepsOccurring()])
    return states(study)


@program
def a_limit_for_the_whole_study(lib):
    def objective(trial):
        if trial.number % 2:
            raise lib.TrialPruned
        return unit(trial)

    study = lib.create_study()
    limit = lib.study.MaxTrialsCallback(5, states=(lib.trial.TrialState.COMPLETE,))
    study.optimize(objective, callbacks=[limit])
    first = states(study)
    study.optimize(objective, callbacks=[lib.study.MaxTrialsCallback(20, states=None)])
    return first, states(study)


@program
def enqueued_trials(lib):
    study = lib.create_study()
    study.enqueue_trial({"x": 0.5, "n": 1})
    study.enqueue_trial({"x": 0.25}, user_attrs={"memo": "good"})
    study.enqueue_trial({"x": 0.25}, skip_if_exists=True)
    waiting = states(study), study.trials[1].user_attrs, study.trials[0].params
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 0, 7), n_trials=3)
    return (
        waiting,
        [trial.params["x"] for trial in study.trials[:2]],
        study.trials[0].params,
        study.trials[1].user_attrs,
    )


@program
def attributes_and_summaries_of_a_database(lib):
    study = lib.create_study(storage="sqlite:///s.db", study_name="a")
    study.set_user_attr("contributors", ["Ann", "Bob"])
    study.set_user_attr("dataset", {"name": "digits", "n": 10})
    study.optimize(lambda trial: trial.set_user_attr("accuracy", 0.75) or 1.5, n_trials=2)
    (summary,) = lib.study.get_all_study_summaries("sqlite:///s.db", True)
    again = lib.load_study(study_name="a", storage="sqlite:///s.db")
    return (
        (summary.study_name, summary.user_attrs, summary.n_trials, summary.best_trial.value, summary.direction.name),
        (again.user_attrs, again.trials[1].user_attrs, again.best_value),
    )


@program
def studies_come_and_go(lib):
    place = "sqlite:///s.db"
    lib.create_study(study_name="s", storage=place).optimize(unit, n_trials=2)
    lib.create_study(study_name="s", storage=place, load_if_exists=True).optimize(unit, n_trials=1)
    errors = []
    for call, error in (
        (lambda: lib.create_study(study_name="s", storage=place), lib.exceptions.DuplicatedStudyError),
        (lambda: lib.load_study(study_name="t", storage=place), KeyError),
    ):
        with pytest.raises(error):
            call()
        errors.append(error.__name__)
    lib.copy_study(from_study_name="s", from_storage=place, to_storage=place, to_study_name="u")
    lib.delete_study(study_name="s", storage=place)
    return errors, lib.study.get_all_study_names(place), len(lib.load_study(study_name="u", storage=place).trials)


@program
def several_objectives(lib):
    study = lib.create_study(directions=["minimize", "maximize"])
    study.set_metric_names(["loss", "accuracy"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 5), float(trial.number % 3)), n_trials=12)
    for ask in ("best_trial", "best_value", "best_params", "direction"):
        with pytest.raises(RuntimeError):
            getattr(study, ask)
    with pytest.raises(RuntimeError):
        _ = study.best_trials[0].value
    frame = study.trials_dataframe(attrs=("number", "values", "params", "state"))
    return (
        [direction.name for direction in study.directions],
        study.metric_names,
        max(study.best_trials, key=lambda trial: trial.values[1]).values[1],
        list(frame.columns),
        frame.shape,
    )


@program
def constraints(lib):
    def objective(trial):
        x = [3.0, 1.0, 2.0][trial.number]
        trial.set_constraint(key="memory", value=2.0 - x)
        return x

    study = lib.create_study()
    study.optimize(objective, n_trials=3)
    return study.best_trial.number, dict(study.best_trial.constraints)


@program
def ask_and_tell(lib):
    study = lib.create_study(direction="maximize")
    for value in (1.0, 3.0):
        trial = study.ask()
        trial.suggest_float("c", 1e-7, 10.0, log=True)
        trial.suggest_categorical("solver", ("a", "b"))
        told = study.tell(trial, value)
    space = {
        "c": lib.distributions.FloatDistribution(1e-7, 10.0, log=True),
        "n": lib.distributions.IntDistribution(1, 9),
    }
    defined = study.ask(space)
    study.tell(defined.number, state=lib.trial.TrialState.FAIL)
    study.tell(study.ask(), state=lib.trial.TrialState.PRUNED)
    again = study.tell(trial, 99.0, skip_if_finished=True)
    return type(told).__name__, told.value, again.value, sorted(defined.params), states(study), study.best_value


@program
def fixed_and_frozen_trials(lib):
    def objective(trial):
        trial.report(1.0, 1)
        trial.set_user_attr("k", 1)
        return trial.suggest_float("x", -100, 100) ** 2 + trial.suggest_categorical("y", [-1, 0, 1])

    fixed = lib.trial.FixedTrial({"x": 2.0, "y": 1}, number=3)
    value = objective(fixed)
    with pytest.raises(ValueError, match="y"):
        objective(lib.trial.FixedTrial({"x": 1.0}))
    study = lib.create_study()
    study.optimize(objective, n_trials=3)
    assert objective(study.best_trial) == study.best_value
    return value, fixed.params, fixed.user_attrs, fixed.number, sorted(fixed.distributions)


@program
def a_table_of_trials(lib):
    def objective(trial):
        trial.set_user_attr("a", 1)
        if trial.number == 1:
            raise lib.TrialPruned
        if trial.number == 2:
            raise ValueError
        return unit(trial)

    study = lib.create_study(sampler=lib.samplers.RandomSampler(seed=1))
    study.optimize(objective, n_trials=4, catch=(ValueError,))
    frame = study.trials_dataframe()
    columns = [name for name in frame.columns if not name.startswith("system_attrs")]
    return columns, list(frame.state), list(frame.value.isna()), list(frame.user_attrs_a)


@program
def what_an_objective_may_return(lib):
    ends = {}
    for result in (1, True, "x", None, (1.0, 2.0), float("nan"), float("inf"), np.float32(0.5)):
        study = lib.create_study()
        study.optimize(lambda _, result=result: result, n_trials=1)
        ends[repr(result)] = states(study), study.trials[0].values and list(study.trials[0].values)
    return ends


@program
def exceptions_end_a_run_unless_they_are_caught(lib):
    def objective(trial):
        if trial.number == 1:
            raise RuntimeError("no")
        return unit(trial)

    study = lib.create_study()
    with pytest.raises(RuntimeError, match="no"):
        study.optimize(objective, n_trials=5)
    other = lib.create_study()
    other.optimize(objective, n_trials=5, catch=(RuntimeError,), n_jobs=2, gc_after_trial=True)
    return states(study), states(other)


@program
def every_point_of_a_grid_or_a_tree(lib):
    def objective(trial):
        return trial.suggest_float("x", -100, 100) + trial.suggest_int("y", -100, 100)

    grid = lib.create_study(sampler=lib.samplers.GridSampler({"x": [-50, 0, 50], "y": [-99, 0, 99]}))
    grid.optimize(objective)

    def branching(trial):
        low = trial.suggest_int("low", 1, 3)
        return low + trial.suggest_int("high", low, 3) + (trial.suggest_categorical("c", ["a", "b"]) == "a")

    tree = lib.create_study(sampler=lib.samplers.BruteForceSampler())
    tree.optimize(branching)
    return len(grid.trials), grid.best_params, len(tree.trials), tree.best_value


@program
def samplers_are_changed_on_the_way(lib):
    study = lib.create_study(sampler=lib.samplers.RandomSampler(seed=0))
    objective = lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_int("n", 1, 3)  # noqa: E731
    study.optimize(objective, n_trials=3)
    study.sampler = lib.samplers.PartialFixedSampler({"n": 2}, study.sampler)
    study.optimize(objective, n_trials=3)
    study.sampler = lib.samplers.TPESampler(n_startup_trials=2, multivariate=True, seed=1)
    study.pruner = lib.pruners.NopPruner()
    study.optimize(objective, n_trials=3)
    names = type(study.sampler).__name__, type(study.pruner).__name__
    return [trial.params["n"] for trial in study.trials[3:6]], names, len(study.trials)


@program
def trials_made_by_hand(lib):
    space = {"x": lib.distributions.FloatDistribution(0, 10)}
    study = lib.create_study()
    study.add_trial(lib.trial.create_trial(params={"x": 2.0}, distributions=space, value=4.0))
    study.add_trial(lib.create_trial(state=lib.trial.TrialState.FAIL))
    other = lib.create_study()
    other.add_trials(study.trials)
    other.add_trials(study.get_trials(deepcopy=False))
    for wrong in ({"params": {"x": 2.0}, "distributions": {}, "value": 4.0}, {"values": [1.0, 2.0]}):
        with pytest.raises(ValueError):  # noqa: PT011 - each library has its own words
            study.add_trial(lib.trial.create_trial(**wrong))
    trials = other.trials
    return (
        states(other),
        other.best_trial.number,
        trials[0] == study.trials[0],
        trials[0] < trials[1],
        other.best_params,
    )


@program
def studies_are_nested_and_pickled(lib):
    def objective(trial):
        x = unit(trial)
        inner = lib.create_study()
        inner.optimize(lambda inside: (inside.suggest_float("y", 0, 1) - x) ** 2, n_trials=2)
        return inner.best_value

    study = lib.create_study(study_name="outer")
    study.optimize(objective, n_trials=3)
    again = pickle.loads(pickle.dumps(study))
    again.optimize(objective, n_trials=2)
    for call in (study.stop, lambda: study.optimize(lambda _: study.optimize(objective, n_trials=1), n_trials=1)):
        with pytest.raises(RuntimeError):
            call()
    return states(study), states(again), again.study_name, pickle.loads(pickle.dumps(study.sampler)) is not None


@program
def reports_and_ranges_that_are_wrong(lib):
    errors = []

    def objective(trial):
        for call in (
            lambda: trial.report("a", 2),
            lambda: trial.report(1.0, -1),
            lambda: trial.report(None, 3),
            lambda: trial.suggest_int("x", 3, 1),
            lambda: trial.suggest_categorical("q", []),
            lambda: trial.suggest_float("r", 0, 1, log=True),
            lambda: trial.suggest_float("r", 0.1, 1, log=True, step=0.1),
            lambda: trial.suggest_float("r", 0.1, 1, 0.1),
        ):
            with pytest.raises((TypeError, ValueError)) as caught:
                call()
            errors.append(isinstance(caught.value, TypeError))
        trial.report(np.float32(0.5), 0)
        trial.report(1, 5)
        return unit(trial)

    study = lib.create_study()
    study.optimize(objective, n_trials=1)
    trial = study.trials[0]
    return (
        errors,
        dict(trial.intermediate_values),
        trial.last_step,
        json.dumps(trial.params) == json.dumps(study.best_params),
    )
