"""Small habits of users of Optuna, each tried with either library: what they lead to is the same."""

import gc
import logging
import time

import pytest

import hpo

optuna = pytest.importorskip(
    "optuna", reason="Optuna, with which it is compared, is not installed", exc_type=ImportError
)
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed database:ResourceWarning",  # of Optuna's, which newer Pythons tell when they are collected
    "ignore:All-NaN slice:RuntimeWarning",  # in its median pruner
)


@pytest.fixture
def agreed(tmp_path, monkeypatch):
    """Runs a program with either library, each in a folder of its own, and gives what both of them say."""
    before = optuna.logging.get_verbosity(), hpo.logging.get_verbosity()

    def run(program):
        said = []
        for library in (optuna, hpo):
            library.logging.set_verbosity(logging.ERROR)
            place = tmp_path / library.__name__
            place.mkdir()
            monkeypatch.chdir(place)
            said.append(program(library))
        assert said[0] == said[1]
        return said[1]

    yield run
    gc.collect()  # while that filter holds
    optuna.logging.set_verbosity(before[0])
    hpo.logging.set_verbosity(before[1])


def unit(trial):
    return trial.suggest_float("x", 0, 1)


def states(study):
    return [trial.state.name for trial in study.trials]


def test_the_best_of_no_trials_is_a_value_error(agreed):
    def program(lib):
        study = lib.create_study()
        for ask in ("best_trial", "best_value", "best_params"):
            with pytest.raises(ValueError, match=r"(?i)no trial"):
                getattr(study, ask)
        return study.best_trials, study.trials

    assert agreed(program) == ([], [])


def test_a_run_ends_after_its_timeout(agreed):
    def program(lib):
        study = lib.create_study()
        study.optimize(lambda trial: time.sleep(0.2) or unit(trial), timeout=1.5)
        return set(states(study))

    assert agreed(program) == {"COMPLETE"}


@pytest.mark.parametrize("catch", [(), (KeyboardInterrupt,)])
def test_an_interrupt_fails_its_trial_and_ends_the_run_unless_it_is_caught(agreed, catch):
    def objective(trial):
        if trial.number == 2:
            raise KeyboardInterrupt
        return unit(trial)

    def program(lib):
        study = lib.create_study()
        try:
            study.optimize(objective, n_trials=4, catch=catch)
        except KeyboardInterrupt:
            return "interrupted", states(study)
        return "finished", states(study)

    said = agreed(program)
    assert said[0] == ("finished" if catch else "interrupted")


def test_steps_and_logarithms_give_values_of_their_kind(agreed):
    def objective(trial):
        trial.suggest_float("third", 0.0, 1.0, step=0.25)
        trial.suggest_int("odd", 2, 11, step=3)
        trial.suggest_int("many", 1, 100, log=True)
        return 0.0

    def program(lib):
        study = lib.create_study(sampler=lib.samplers.RandomSampler(seed=0))
        study.optimize(objective, n_trials=60)
        seen = {name: sorted({trial.params[name] for trial in study.trials}) for name in ("third", "odd")}
        kinds = {name: type(value).__name__ for name, value in study.trials[0].params.items()}
        return seen, kinds, study.trials[0].distributions["odd"].high

    assert agreed(program)[0] == {"third": [0.0, 0.25, 0.5, 0.75, 1.0], "odd": [2, 5, 8, 11]}


def test_callbacks_see_the_study_with_the_finished_trial(agreed):
    def program(lib):
        seen = []

        def look(study, trial):
            seen.append((trial.number, trial.state.name, len(study.trials), study.trials[-1] == trial))
            study.set_user_attr("last", trial.number)

        study = lib.create_study()
        study.optimize(unit, n_trials=2, callbacks=[look, lambda study, trial: seen.append(study.user_attrs["last"])])
        return seen

    assert agreed(program) == [(0, "COMPLETE", 1, True), 0, (1, "COMPLETE", 2, True), 1]


def test_what_a_running_trial_gives_away_is_not_its_own(agreed):
    def program(lib):
        seen = []

        def objective(trial):
            trial.suggest_categorical("c", [None, "a"])
            trial.set_user_attr("k", {"a": [1, 2]})
            trial.user_attrs["z"] = trial.params["z"] = 1
            seen.append((sorted(trial.params), dict(trial.user_attrs), trial.number, trial.datetime_start is not None))
            return unit(trial)

        study = lib.create_study()
        study.optimize(objective, n_trials=1)
        return seen, study.trials[0].user_attrs, study.trials[0].last_step

    agreed(program)


def test_a_study_within_a_study_can_be_stopped_by_itself(agreed):
    def program(lib):
        def objective(trial):
            x = unit(trial)
            inner = lib.create_study()

            def within(other):
                if other.number == 1:
                    inner.stop()
                return (unit(other) - x) ** 2

            inner.optimize(within, n_trials=10)
            return len(inner.trials)

        study = lib.create_study()
        study.optimize(objective, n_trials=2)
        return [trial.value for trial in study.trials]

    assert agreed(program) == [2.0, 2.0]


def test_a_trial_that_reports_nothing_but_nan_is_pruned_once_others_are_complete(agreed):
    def program(lib):
        asked = []

        def objective(trial):
            asked.append(trial.should_prune())
            trial.report(float("nan"), 0)
            asked.append(trial.should_prune())
            return 1.0

        study = lib.create_study()
        study.optimize(objective, n_trials=6)
        return asked

    assert agreed(program) == [False] * 11 + [True]


def test_columns_of_a_table_have_the_same_names_and_types(agreed):
    pytest.importorskip("pandas")

    def program(lib):
        study = lib.create_study(sampler=lib.samplers.RandomSampler(seed=1))
        study.optimize(lambda trial: trial.report(1, 0) or unit(trial), n_trials=2)
        frame = study.trials_dataframe()
        chosen = study.trials_dataframe(attrs=("number", "value", "params", "intermediate_values"))
        pairs = study.trials_dataframe(multi_index=True)
        return (
            {name: str(frame[name].dtype) for name in frame.columns if not name.startswith("system")},
            list(chosen.columns),
            [pair for pair in pairs.columns if pair[0] != "system_attrs"],
            lib.create_study().trials_dataframe().shape,
        )

    agreed(program)


def test_the_log_tells_of_a_study_and_of_each_trial(agreed):
    def objective(lib, trial):
        if trial.number == 1:
            raise lib.TrialPruned
        return 1.0

    def program(lib):
        heard = []
        ear = logging.Handler()
        ear.emit = lambda record: heard.append(record.getMessage())
        lib.logging.set_verbosity(lib.logging.INFO)
        lib.logging.disable_default_handler()
        logger = lib.logging.get_logger(lib.__name__)
        logger.addHandler(ear)
        try:
            lib.create_study(study_name="s").optimize(lambda trial: objective(lib, trial), n_trials=2)
        finally:
            logger.removeHandler(ear)
            lib.logging.enable_default_handler()
        return heard

    assert agreed(program)[0] == "A new study created in memory with name: s"


def test_two_objects_of_one_study_see_each_others_trials(agreed):
    def program(lib):
        one = lib.create_study(study_name="r", storage="sqlite:///r.db", sampler=lib.samplers.TPESampler(seed=1))
        one.optimize(unit, n_trials=3)
        other = lib.load_study(study_name="r", storage="sqlite:///r.db")
        other.optimize(unit, n_trials=2)
        (summary,) = lib.get_all_study_summaries(storage="sqlite:///r.db")
        return len(one.trials), summary.n_trials, summary.best_trial.number == one.best_trial.number

    assert agreed(program) == (5, 5, True)


def test_the_same_seed_makes_the_same_study(agreed):
    def program(lib):
        def run():
            study = lib.create_study(sampler=lib.samplers.TPESampler(seed=42))
            study.optimize(lambda trial: unit(trial) ** 2, n_trials=15)
            return [trial.params for trial in study.trials]

        return run() == run()

    assert agreed(program)
