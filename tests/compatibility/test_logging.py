"""Log messages, and where they go."""

import io
import logging

import pytest
from optuna_programs import quadratic

import hpo


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    logger, root = hpo.logging.get_logger(), logging.getLogger()
    before = logger.level, logger.propagate, [*logger.handlers], root.level, [*root.handlers]
    hpo.logging.set_verbosity(hpo.logging.INFO)
    yield
    for handler in {*root.handlers} - {*before[4]}:
        handler.close()
    logger.setLevel(before[0])
    logger.propagate, logger.handlers[:] = before[1:3]
    root.setLevel(before[3])
    root.handlers[:] = before[4]


def test_the_default_handler_is_switched_off_and_on(capsys):
    study = hpo.create_study()

    hpo.logging.disable_default_handler()
    capsys.readouterr()
    study.optimize(quadratic, n_trials=10)
    assert capsys.readouterr() == ("", "")

    hpo.logging.enable_default_handler()
    study.optimize(quadratic, n_trials=10)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 10
    assert lines[0].startswith("[I ")
    assert "] Trial 10 finished with value: " in lines[0]
    assert "] Trial 11 finished with value: " in lines[1]


def test_a_handler_can_be_added_to_a_logger_by_name(capsys):
    heard = io.StringIO()
    hpo.logging.get_logger("hpo").addHandler(logging.StreamHandler(heard))
    study = hpo.create_study(study_name="digits")
    study.optimize(quadratic, n_trials=1)
    assert heard.getvalue().splitlines()[0] == "A new study created in memory with name: digits"

    hpo.logging.get_logger("hpo.mine").info("said below it")
    assert heard.getvalue().splitlines()[-1] == "said below it"
    assert hpo.logging.get_logger("elsewhere") is logging.getLogger("elsewhere")


def test_messages_propagate_to_the_root_logger(tmp_path, capsys):
    log_file = tmp_path / "foo.log"
    logger = logging.getLogger()
    logger.setLevel(logging.INFO)  # Setup the root logger.
    logger.addHandler(logging.FileHandler(log_file, mode="w"))

    hpo.logging.enable_propagation()  # Propagate logs to the root logger.
    hpo.logging.disable_default_handler()  # Stop showing logs in sys.stderr.

    study = hpo.create_study()

    logger.info("Start optimization.")
    study.optimize(quadratic, n_trials=10)

    with log_file.open() as f:
        assert f.readline().startswith("A new study created")
        assert f.readline() == "Start optimization.\n"
        assert len(f.readlines()) == 10
    assert capsys.readouterr().err == ""


def test_trials_are_not_logged_at_warning_level(capsys):
    hpo.logging.set_verbosity(hpo.logging.WARNING)
    study = hpo.create_study()
    study.optimize(quadratic, n_trials=3)
    assert capsys.readouterr() == ("", "")


def test_a_study_and_each_trial_are_logged(agreed):
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
