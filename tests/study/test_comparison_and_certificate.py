"""Where two studies part, certificates, and results that were changed."""

import pytest
from msgspec.structs import replace

import hpo
from hpo.core import StudyCreated, TrialFinished
from hpo.errors import InvalidArgument, InvalidType
from hpo.samplers import RandomSampler, TPESampler


def objective(trial):
    x = trial.suggest_float("x", -1, 1)
    n = trial.suggest_int("n", 1, 5)
    trial.report(x, 0)
    return x * x + n


def run(function=objective, n_trials=6, sampler=None, **options):
    study = hpo.create_study(sampler=sampler or RandomSampler(), **{"seed": 1, **options})
    study.optimize(function, n_trials=n_trials, catch=Exception)
    return study


def shifted(trial):
    return objective(trial) + (trial.number == 3)


def reported(trial):
    trial.report(float(trial.number == 2), 1)
    return objective(trial)


def wider(trial):
    return trial.suggest_float("x", -1, 1 + (trial.number == 2))


def failing(trial):
    if trial.number == 4:
        raise ValueError("no\nluck")
    return objective(trial)


def broken(trial):
    if trial.number == 4:
        raise ValueError("no wonder")
    return objective(trial)


def swapped(trial):
    return trial.suggest_int("n", 1, 5) + trial.suggest_float("x", -1, 1) ** 2


def test_two_runs_of_the_same_program_are_the_same():
    one, other = run(study_name="a"), run(study_name="b")
    assert hpo.diff(one, other) is None
    parting = hpo.diff(one, other, exact=True)
    assert (parting.version, parting.cause) == (0, "the studies were not created with the same name")


@pytest.mark.parametrize(
    ("one", "other", "trial", "parameter", "cause"),
    [
        (run, lambda: run(shifted), 3, None, "the objective returned another result"),
        (lambda: run(seed=1), lambda: run(seed=2), None, None, "not created with the same seed"),
        (run, lambda: run(sampler=TPESampler()), None, None, "the studies use another sampler"),
        (run, lambda: run(sampler=RandomSampler(seed=5)), None, None, "the sampler has other options"),
        (run, lambda: run(failing), 4, None, "one trial ended, by an error perhaps, where the other one went on"),
        (lambda: run(broken), lambda: run(failing), 4, None, "another reason was recorded"),
        (run, lambda: run(n_trials=9), 6, None, "the first study ends here: it is the beginning"),
        (lambda: run(n_trials=9), run, 6, None, "the second study ends here: it is the beginning"),
        (run, lambda: run(swapped), None, "x", "asked for another parameter or range"),
        (
            lambda: run(lambda trial: trial.suggest_float("x", -1, 1)),
            lambda: run(wider),
            2,
            "x",
            "another parameter or range",
        ),
    ],
)
def test_the_first_event_that_differs_is_named_with_its_cause(one, other, trial, parameter, cause):
    parting = hpo.diff(one(), other())
    assert (parting.trial, parting.parameter) == (trial, parameter), parting
    assert cause in parting.cause
    assert cause in str(parting)


def test_a_trial_that_ended_in_another_way_is_named_with_both_ends():
    def end(state, value):
        study = hpo.create_study(sampler=RandomSampler(), seed=1)
        study.tell(study.ask(), value, state)
        return study

    parting = hpo.diff(end("complete", 1.0), end("pruned", 1.0))
    assert (parting.values, parting.cause) == (("complete", "pruned"), "the trial ended in another way")


def test_a_report_that_differs_is_named():
    first, second = (
        run(lambda trial, shift=shift: (trial.report(shift, 0), 1.0)[1], n_trials=1) for shift in (0.0, 1.0)
    )
    parting = hpo.diff(first, second)
    assert (parting.trial, parting.values, parting.cause) == (
        0,
        (0.0, 1.0),
        "the objective reported another value for the same parameters",
    )


def test_a_parameter_that_was_suggested_otherwise_is_named_with_both_values():
    events = [*run().events()]
    place = next(i for i, event in enumerate(events) if type(event).__name__ == "ParamsSuggested" and event.number == 3)
    for factor, cause in (
        (1 + 1e-15, "rounded differently"),
        (0.5, "RandomSampler 1 is not the same function in both"),
    ):
        values = (events[place].values[0] * factor, *events[place].values[1:])
        other = [*events[:place], replace(events[place], values=values), *events[place + 1 :]]
        parting = hpo.diff(events, other)
        assert (parting.version, parting.trial, parting.parameter) == (place, 3, "x")
        assert parting.values == (events[place].values[0], values[0])
        assert cause in parting.cause


def test_another_order_of_workers_is_a_cause():
    def study(first, second):
        study = hpo.create_study(sampler=RandomSampler(), seed=1)
        trials = study.ask(n=2)
        study.tell(trials[first], 1.0)
        study.tell(trials[second], 1.0)
        return study

    parting = hpo.diff(study(0, 1), study(1, 0))
    assert "ended in another order" in parting.cause


def test_what_has_no_events_is_not_compared():
    with pytest.raises(InvalidType, match="order of events"):
        hpo.diff(run().state, run())


def test_a_certificate_is_checked_again():
    study = run(sampler=TPESampler(n_startup_trials=3), n_trials=8)
    line = str(hpo.certificate(study))
    assert line.startswith("hpo-certificate-1:")
    assert hpo.Certificate.parse(f" {line[:40]}\n{line[40:]}") == hpo.certificate(study)
    checked = hpo.check_certificate(study, line)
    assert (checked.problem, checked.other_versions, checked.n_later) == (None, (), 0)
    version = study.state.version
    study.optimize(objective, n_trials=2)
    assert hpo.check_certificate(study, line).n_later == study.state.version - version
    assert hpo.check_certificate(study, line).problem is None


def test_a_certificate_of_another_study_or_with_other_words_is_not_accepted():
    study, other = run(), run(shifted)
    given = hpo.certificate(study)
    assert "not those of the certificate" in hpo.check_certificate(other, given).problem
    for changed in (
        str(given).replace("numpy=", "numpy=9"),
        str(given).replace(f"{given.verified[0]}/", f"{given.verified[0] - 1}/"),
    ):
        assert hpo.check_certificate(study, changed).problem is not None
    assert "has 1 events" in hpo.check_certificate(study.events()[:1], given).problem


def test_other_versions_are_named():
    study = run()
    given = hpo.certificate(study)
    versions = tuple((name, "1.0" if name == "numpy" else version) for name, version in given.versions)
    from hpo.study.replaying.certificate import _digest

    elsewhere = hpo.Certificate(
        given.n_events, versions, given.verified, _digest(study.events(), versions, given.verified)
    )
    checked = hpo.check_certificate(study, elsewhere)
    assert checked.problem is None
    assert [(name, then) for name, then, _ in checked.other_versions] == [("numpy", "1.0")]


@pytest.mark.parametrize("text", ["", "hpo-certificate-1:1:a=1:1/1:zz", "hpo-certificate-2:1:a=1:1/1:" + "0" * 64])
def test_what_is_not_a_certificate_is_refused(text):
    with pytest.raises(InvalidArgument, match="begins with hpo-certificate-1:"):
        hpo.check_certificate(run(), text)


def test_a_study_that_does_not_verify_has_no_certificate():
    study = run()
    events = [event if i else replace(event, seed=9) for i, event in enumerate(study.events())]
    assert isinstance(events[0], StudyCreated)
    with pytest.raises(InvalidArgument, match="does not verify"):
        hpo.certificate(events)


def changed(study, number, value):
    return [
        replace(event, values=(value,)) if isinstance(event, TrialFinished) and event.number == number else event
        for event in study.events()
    ]


def test_a_changed_result_is_found_by_its_later_effect():
    study = run(sampler=TPESampler(n_startup_trials=5), n_trials=30)
    best = min(study.trials[:20], key=lambda trial: trial.value)
    difference = hpo.verify(changed(study, best.number, 1e6)).first_difference
    assert difference.trial > best.number
    first, last = difference.results
    assert first <= best.number <= last < difference.trial
    assert best.number in difference.explained_by
    assert f"a result of the trials {first} to {last} was changed, probably that of trial" in difference.cause


def test_results_do_not_explain_what_does_not_depend_on_them():
    study = run(n_trials=10)
    events = [
        replace(event, values=(0.5, *event.values[1:]))
        if type(event).__name__ == "ParamsSuggested" and event.number == 7
        else event
        for event in study.events()
    ]
    difference = hpo.verify(events).first_difference
    assert (difference.trial, difference.results, difference.explained_by) == (7, None, ())


def test_a_changed_result_of_a_study_of_many_objectives_is_found():
    study = hpo.create_study(directions=["minimize", "maximize"], sampler=TPESampler(n_startup_trials=5), seed=2)
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)), n_trials=20)
    events = [
        replace(event, values=(1e6, -1e6)) if isinstance(event, TrialFinished) and event.number == 4 else event
        for event in study.events()
    ]
    difference = hpo.verify(events).first_difference
    assert difference.results[0] <= 4 <= difference.results[1]
