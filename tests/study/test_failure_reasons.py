"""What is kept of an objective that raised: the reason, the traceback, and as little memory as possible."""

import concurrent.futures
import gc
import json
import logging
import threading
import weakref

import pytest

import hpo
from hpo.errors import InvalidDistribution, InvalidType
from hpo.samplers import RandomSampler
from hpo.study.running.messages import failure_reason


class Weights:
    """Stands for the memory that an objective holds when it fails."""


def raised(function, *args):
    try:
        function(*args)
    except BaseException as error:  # noqa: BLE001 - this is what the test is about
        return error
    raise AssertionError("nothing was raised")


def fails(error):
    raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("one"), "ValueError: one"),
        (
            ValueError("\nAll the 5 fits failed.\n\nIt is the model."),
            "ValueError: All the 5 fits failed. It is the model.",
        ),
        (
            RuntimeError("CUDA error: out of memory\nSee below.\na\nb\nc\nd"),
            "RuntimeError: CUDA error: out of memory See below. a b",
        ),
        (KeyError("column"), "KeyError: 'column'"),
        (ValueError(), "ValueError"),
        (ValueError("x" * 10_000), f"ValueError: {'x' * 488}..."),
    ],
)
def test_reason_has_the_class_the_first_lines_and_the_place(error, said):
    reason = failure_reason(raised(fails, error))
    place = reason.removeprefix(said)
    assert place.startswith(f" ({__file__}, line "), reason
    assert place.endswith(", in fails)"), reason


def test_place_is_the_innermost_frame_of_the_users_code():
    assert failure_reason(raised(json.loads, "{")).endswith(", in raised)")
    assert ", in raised)" in failure_reason(raised(hpo.FloatDistribution, 1, 0))


def test_a_syntax_error_is_said_in_one_line():
    assert failure_reason(raised(compile, "a b", "f.py", "exec")).startswith("SyntaxError: invalid syntax (")


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda trial: trial.suggest_float("rate", 1, 0), InvalidDistribution),
        (lambda trial: trial.suggest_float("rate", "low", 0), InvalidType),
        (lambda trial: trial.suggest_int("rate", 1, 2, step=0), InvalidDistribution),
        (lambda trial: trial.suggest_categorical("rate", []), InvalidDistribution),
        (lambda trial: trial.suggest_categorical("rate", [object()]), InvalidType),
    ],
)
@pytest.mark.parametrize("kind", ["running", "fixed", "frozen"])
def test_errors_of_suggestions_name_the_parameter(ask, error, kind):
    study = hpo.create_study(sampler=RandomSampler())
    study.optimize(lambda trial: 1.0, n_trials=1)
    trial = {"running": study.ask, "fixed": lambda: hpo.FixedTrial({"rate": 1}), "frozen": lambda: study.trials[0]}[
        kind
    ]()
    with pytest.raises(error, match=r"^parameter 'rate': "):
        ask(trial)


@pytest.mark.parametrize("options", [{}, {"n_jobs": 2}, {"executor": True}])
def test_traceback_of_a_caught_error_is_logged_for_debugging(options, caplog):
    caplog.set_level(logging.DEBUG, logger="hpo")
    study = hpo.create_study(sampler=RandomSampler())
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        study.optimize(
            lambda trial: fails(ZeroDivisionError("mine")),
            n_trials=1,
            catch=ZeroDivisionError,
            **({"executor": threads} if options.get("executor") else options),
        )
    (debug,) = {record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG}
    assert debug.startswith("Trial 0 raised:\nTraceback (most recent call last):")
    assert "in fails" in debug
    assert debug.endswith("ZeroDivisionError: mine")


@pytest.mark.parametrize("options", [{}, {"n_jobs": 2}, {"n_jobs": 2, "order": "deterministic"}, {"executor": True}])
@pytest.mark.parametrize("catch", [(), LookupError])
def test_at_most_one_failed_objective_stays_in_memory(options, catch):
    alive: weakref.WeakSet[Weights] = weakref.WeakSet()
    failed_alive, lock, both = [], threading.Lock(), threading.Barrier(2)

    def objective(trial):
        if options and trial.number < 2:
            both.wait(timeout=60)
        weights = Weights()
        with lock:
            alive.add(weights)
        chained(weights)

    def chained(weights):
        try:
            fails(KeyError("first"))
        except KeyError as error:
            raise LookupError("second") from error

    def look(study, trial):
        if trial.number >= 4 or not catch:
            failed_alive.append(len(alive) - len(study.state.running))

    study = hpo.create_study(sampler=RandomSampler())
    gc.collect()
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        given = {"executor": threads} if options.get("executor") else options
        try:
            study.optimize(objective, n_trials=12, catch=catch, callbacks=[look], **given)
        except LookupError:
            assert not catch
    assert max(failed_alive) <= 1


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_objective_that_raises_trial_failed_gives_the_reason_and_the_run_goes_on(n_jobs):
    def objective(trial):
        if trial.number == 0:
            raise hpo.TrialFailed("the loss diverged")
        if trial.number == 1:
            raise hpo.TrialFailed
        return 0.5

    study = hpo.create_study(sampler=RandomSampler())
    study.optimize(objective, n_trials=3, n_jobs=n_jobs)
    reasons = {trial.number: trial.reason for trial in study.trials}
    assert reasons == {0: "the loss diverged", 1: "the objective raised TrialFailed", 2: None}


def test_a_paused_trial_stays_paused_if_its_objective_then_raises_trial_failed():
    def objective(trial):
        trial.pause("here")
        raise hpo.TrialFailed("too late")

    study = hpo.create_study(sampler=RandomSampler())
    study.optimize(objective, n_trials=1)
    assert [trial.state.name for trial in study.trials] == ["PAUSED"]
