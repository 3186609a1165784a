"""Every suggestion and every pruning decision can be computed again, however a study was run."""

import math
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import attrs
import msgspec
import pytest

import hpo
from hpo.core import AdvisorSet, ParamsSuggested
from hpo.samplers import GridSampler, RandomSampler, TPESampler


def objective(trial):
    x = trial.suggest_float("x", -5, 5)
    y = trial.suggest_int("k", 1, 9) if x < 0 else trial.suggest_float("y", 0, trial.suggest_float("z", 1, 2))
    for step in range(4):
        trial.report((x - 1) ** 2 + y / (step + 1), step)
        if trial.should_prune():
            raise hpo.TrialPruned
    return (x - 1) ** 2 + y


def ran(n_trials=30, sampler=None, **options):
    study = hpo.create_study(seed=3, sampler=sampler)
    study.enqueue_trial({"x": 1.0})
    study.optimize(objective, n_trials=n_trials, **options)
    return study


@pytest.mark.parametrize("options", [{}, {"n_jobs": 4}, {"n_jobs": 3, "order": "deterministic"}])
def test_a_study_run_here_verifies_completely(options):
    result = hpo.verify(ran(**options))
    assert result.clean
    assert result.n_suggestions == result.n_suggestions_equal > 30
    assert result.n_decisions == result.n_decisions_equal > 30


@pytest.mark.parametrize("order", ["any", "deterministic"])
def test_a_study_run_in_other_processes_verifies_completely(order):
    with ProcessPoolExecutor(2) as pool:
        study = ran(16, executor=pool, order=order)
    result = hpo.verify(study)
    assert result.clean
    assert result.n_decisions > 16


def test_a_grid_and_a_batch_verify():
    study = hpo.create_study(sampler=GridSampler({"a": [1, 2], "b": [True, 1]}, seed=4))
    study.optimize(lambda t: t.suggest_int("a", 1, 3) + t.suggest_categorical("b", [True, 1, 1.0]), n_trials=9)
    assert hpo.verify(study).clean
    asked = hpo.create_study(sampler=TPESampler(n_startup_trials=2), seed=1)
    for _ in range(4):
        for trial in asked.ask({"x": hpo.FloatDistribution(0, 1)}, n=3):
            asked.tell(trial, trial.params["x"])
    assert hpo.verify(asked).n_suggestions_equal == 12
    assert hpo.verify(asked).clean


WORKER = textwrap.dedent("""
    import sys, time
    sys.path.insert(0, {here!r})
    import hpo, test_verification
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    study = hpo.load_study(storage={path!r}, sampler=hpo.samplers.TPESampler(n_startup_trials=5))
    def slowly(trial):
        time.sleep(0.01)
        return test_verification.objective(trial)
    study.optimize(slowly, n_trials=int(sys.argv[1]))
""")


def test_study_of_four_processes_two_of_them_killed_verifies(tmp_path):
    path = str(tmp_path / "shared.jsonl")
    hpo.create_study(storage=path, study_name="shared", seed=5)
    program = WORKER.format(here=str(Path(__file__).parent), path=path)
    study = hpo.load_study(storage=path)
    deadline = time.monotonic() + 100.0
    workers = [subprocess.Popen([sys.executable, "-c", program, n]) for n in ("1000", "1000", "25", "25")]
    try:
        while len({trial.worker for trial in study.trials}) < 4 or len(study.trials) < 70:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for worker in workers[:2]:
            worker.send_signal(signal.SIGKILL)
        assert [worker.wait(100.0) for worker in workers] == [-signal.SIGKILL] * 2 + [0] * 2
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    result = hpo.verify(study)
    assert result.clean, result
    assert result.n_suggestions > 50
    assert isinstance(study.sampler, TPESampler)


def test_other_options_are_found_at_once_and_named():
    result = hpo.verify(ran(), TPESampler(seed=99))
    assert not result.clean
    assert result.n_suggestions_equal < result.n_suggestions
    difference = result.first_difference
    assert difference.trial == 0
    assert difference.recorded != difference.computed
    assert difference.cause == "other options: the journal has seed=None, this has seed=99"


def test_another_sampler_is_named():
    cause = hpo.verify(ran(), RandomSampler(seed=1)).first_difference.cause
    assert cause == "another sampler: the journal names TPESampler, this is RandomSampler"


def test_another_pruner_is_found_by_its_decisions():
    result = hpo.verify(ran(), pruner=hpo.pruners.NopPruner())
    assert result.n_suggestions_equal == result.n_suggestions
    assert result.n_decisions_equal < result.n_decisions
    assert result.first_difference.parameter is None
    assert (result.first_difference.recorded, result.first_difference.computed) == ("stop", "continue")


def test_a_value_that_somebody_made_up_is_found():
    study = ran(12, RandomSampler())
    events = study.events()
    place = [i for i, event in enumerate(events) if isinstance(event, ParamsSuggested)][-1]
    forged = events[place]
    events[place] = ParamsSuggested(forged.number, forged.space, (0.123, *forged.values[1:]), forged.note, forged.lone)
    difference = hpo.verify(events).first_difference
    assert difference.trial == forged.number
    assert difference.recorded == 0.123
    assert "values were made up" in difference.cause


@attrs.frozen
class Versioned:
    algorithm_version = 2

    def __call__(self, state, trial, space, key):
        return RandomSampler()(state, trial, space, key)


def test_verify_names_another_algorithm_version():
    study = ran(5, Versioned())

    @attrs.frozen
    class Next:
        algorithm_version = 3

        def __call__(self, state, trial, space, key):
            return RandomSampler()(state, trial, space, key.child("anew"))

    Next.__name__ = "Versioned"
    cause = hpo.verify(study, Next()).first_difference.cause
    assert cause == "another version of Versioned: the journal names 2, this is 3"


def test_a_sampler_with_a_memory_is_skipped_and_said_so():
    class Upwards(hpo.samplers.BaseSampler):
        def infer_relative_search_space(self, study, trial):
            return {}

        def sample_relative(self, study, trial, search_space):
            return {}

        def sample_independent(self, study, trial, param_name, param_distribution):
            return param_distribution.from_unit(0.5)

    study = hpo.create_study(sampler=Upwards())
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    result = hpo.verify(study)
    assert result.n_skipped == 3
    assert not result.clean
    assert result.first_difference is None
    [reason] = result.skipped_because
    assert reason.startswith("the sampler ")
    assert "Upwards, version 1, is not registered" in reason
    again = hpo.verify(study, Upwards())
    assert again.n_skipped == 3
    [reason] = again.skipped_because
    assert "Upwards is stateful" in reason


def test_sampler_of_another_version_is_named():
    events = ran().events()
    used = next(event for event in events if isinstance(event, AdvisorSet) and event.kind == "sampler")
    older = msgspec.structs.replace(used, identity=msgspec.structs.replace(used.identity, version=0))
    result = hpo.verify([older if event is used else event for event in events])
    assert result.n_skipped > 30
    assert result.skipped_because == (
        "the sampler TPESampler, version 0, is not registered, or has other options here: pass it",
    )
    given = hpo.verify([older if event is used else event for event in events], hpo.samplers.TPESampler())
    assert given.clean
    assert hpo.verify([event for event in events if event is not used]).skipped_because == (
        "the journal does not name the sampler: pass it",
    )


def test_load_study_uses_the_recorded_sampler_and_pruner(tmp_path):
    path = tmp_path / "s.jsonl"
    study = hpo.create_study(
        storage=path,
        study_name="s",
        sampler=TPESampler(n_startup_trials=3, gamma=hpo.samplers.tpe.hyperopt_gamma),
        pruner=hpo.pruners.MedianPruner(n_startup_trials=2),
    )
    study.optimize(objective, n_trials=4)
    loaded = hpo.load_study(storage=path)
    assert loaded.sampler == study.sampler
    assert loaded.pruner == study.pruner


def half(state, trial, space, key):
    return hpo.Suggestion({name: dist.from_unit(0.5) for name, dist in space.items()})


def test_load_study_warns_if_the_recorded_sampler_is_unknown(tmp_path, caplog):
    path = tmp_path / "s.jsonl"
    hpo.create_study(storage=path, study_name="s", sampler=half).optimize(objective, n_trials=1)
    hpo.logging.enable_propagation()
    try:
        loaded = hpo.load_study(storage=path)
    finally:
        hpo.logging.disable_propagation()
    assert isinstance(loaded.sampler, TPESampler)
    assert "half" in caplog.text
    assert "sampler=..." in caplog.text
    assert hpo.verify(loaded, half).clean


def test_a_name_in_the_journal_never_leads_to_code(tmp_path):
    from hpo.core import Identity
    from hpo.study.replaying.rebuild import rebuild_advisor

    for name in ("os.system", "hpo.samplers.TPESampler", "Study", ""):
        assert rebuild_advisor(Identity(name, 1, {"seed": 1})) is None
    assert rebuild_advisor(Identity("RandomSampler", 1, {"seed": "x"})) is None
    assert rebuild_advisor(Identity("RandomSampler", 2, {"seed": 1})) is None
    assert rebuild_advisor(Identity("RandomSampler", 1, {"seed": 1})) == RandomSampler(seed=1)


def test_what_a_sampler_or_pruner_raises_is_what_came_out():
    study = ran()
    broken = hpo.verify(study, lambda state, trial, space, key: 1 / 0, lambda state, trial: {}["rung"])
    assert broken.n_suggestions_equal <= 1  # the enqueued one needs no sampler
    assert broken.n_decisions_equal == 0 < broken.n_decisions
    assert isinstance(broken.first_difference.computed, ZeroDivisionError)
    judged = hpo.verify(study, pruner=lambda state, trial: {}["rung"])
    assert isinstance(judged.first_difference.computed, KeyError)


def test_what_has_no_events_is_refused_by_name():
    study = ran()
    with pytest.raises(
        TypeError, match=r"StudyState does not have the order of events: .* pass the Study, .* or its journal"
    ):
        hpo.verify(study.state)
    for other in ("study.jsonl", None, 5):
        with pytest.raises(TypeError, match="events come from a Study, a journal, or a sequence of events"):
            hpo.verify(other)


# --- rounding

ROUNDING = "floats were rounded differently, as by another version of numpy or scipy, or another processor"


@pytest.mark.parametrize(
    ("computed", "cause"),
    [
        (math.nextafter(0.3, 1.0), ROUNDING),
        (0.3 * (1 + 1e-12), ROUNDING),
        (0.3001, "the sampler is not the same function as then, or the recorded values were made up"),
    ],
)
def test_difference_in_the_last_digits_is_called_rounding(computed, cause):
    answers = [0.3]

    def sampler(state, trial, space, key):
        return hpo.Suggestion(dict.fromkeys(space, answers[-1]))

    study = hpo.create_study(sampler=sampler, space={"x": hpo.FloatDistribution(0, 1)})
    study.tell(study.ask(), 1.0)
    assert hpo.verify(study, sampler).clean
    answers.append(computed)
    difference = hpo.verify(study, sampler).first_difference
    assert (difference.recorded, difference.computed, difference.cause) == (0.3, computed, cause)


def test_another_choice_or_whole_number_is_no_rounding():
    answers = [10**12]

    def sampler(state, trial, space, key):
        return hpo.Suggestion(dict.fromkeys(space, answers[-1]))

    study = hpo.create_study(sampler=sampler, space={"n": hpo.IntDistribution(0, 10**13)})
    study.tell(study.ask(), 1.0)
    answers.append(10**12 + 1)
    assert "values were made up" in hpo.verify(study, sampler).first_difference.cause
