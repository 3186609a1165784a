"""Where the parameters of a trial came from, as it was recorded."""

import pytest

import hpo
from hpo.core import Key
from hpo.errors import TrialNotFound
from hpo.samplers import Fallback, GridSampler, PartialFixedSampler, QMCSampler, RandomSampler, TPESampler, Warmup

X = hpo.distributions.FloatDistribution(0.0, 1.0)


def study_of(sampler, **options):
    return hpo.create_study(sampler=sampler, study_name="s", seed=1, **options)


def one(trial):
    return trial.suggest_float("x", 0.0, 1.0)


def noting(**note):
    """A sampler that notes this, and gives the middle."""

    def sampler(state, trial, space, key):
        return hpo.Suggestion({name: dist.from_unit(0.5) for name, dist in space.items()}, note)

    return sampler


def test_explanation_of_a_model_based_suggestion():
    study = study_of(TPESampler(n_startup_trials=3), space={"x": X})
    study.optimize(one, n_trials=5)
    assert [hpo.explain(study, number).rule for number in range(5)] == ["startup"] * 3 + ["model"] * 2
    (suggestion,) = hpo.explain(study, 4).suggestions
    assert suggestion.params == study.trials[4].params
    assert suggestion.sampler.name == "TPESampler"
    assert suggestion.sampler.options["n_startup_trials"] == 3
    assert not suggestion.lone


def test_text_of_an_explanation():
    study = study_of(noting(rule="model", acquisition=1.25, generation=3), space={"x": X})
    study.optimize(one, n_trials=1)
    explanation = hpo.explain(study, 0)
    assert (explanation.rule, explanation.acquisition) == ("model", 1.25)
    first, second = str(explanation).split("\n")
    assert first == "trial 0: complete, 0.5"
    assert second.startswith("  x=0.5: suggested by ")
    assert second.endswith(
        "noting.<locals>.sampler; rule 'model' (the values that its model of the finished trials rates best); "
        'acquisition 1.25; noted {"generation": 3}'
    )


def test_a_sampler_that_notes_nothing_has_no_rule():
    study = study_of(RandomSampler(), space={"x": X})
    study.optimize(one, n_trials=1)
    explanation = hpo.explain(study, 0)
    assert (explanation.rule, explanation.acquisition) == (None, None)
    assert str(explanation).endswith(f"x={study.best_params['x']!r}: suggested by RandomSampler")


@pytest.mark.parametrize("note", [{"rule": 7}, {"acquisition": "high"}, {"rule": ["model"], "acquisition": None}])
def test_notes_of_other_forms_are_shown_as_they_are(note):
    study = study_of(noting(**note), space={"x": X})
    study.optimize(one, n_trials=1)
    explanation = hpo.explain(study, 0)
    assert (explanation.rule, explanation.acquisition) == (None, None)
    assert "noted {" in str(explanation)


def test_an_unknown_rule_is_named_without_words():
    study = study_of(noting(rule="by ear"), space={"x": X})
    study.optimize(one, n_trials=1)
    assert str(hpo.explain(study, 0)).endswith("; rule 'by ear'")


def test_enqueued_values_are_told_from_suggested_ones():
    study = study_of(RandomSampler(), space={"x": X, "y": X})
    study.enqueue_trial({"x": 0.25, "z": 2})
    study.optimize(lambda trial: one(trial) + trial.suggest_float("y", 0, 1) + trial.suggest_int("z", 0, 3), n_trials=1)
    explanation = hpo.explain(study, 0)
    assert explanation.enqueued == {"x": 0.25, "z": 2}
    assert [dict(each.params) for each in explanation.suggestions] == [{"y": study.trials[0].params["y"]}, {}]
    assert str(explanation).split("\n")[1:] == [
        "  x=0.25, z=2: enqueued",
        f"  y={study.trials[0].params['y']!r}: suggested by RandomSampler",
    ]


def test_lone_parameters_have_notes_of_their_own():
    study = study_of(noting(rule="startup", acquisition=2.0))
    study.optimize(one, n_trials=2)
    alone = hpo.explain(study, 0)
    assert [each.lone for each in alone.suggestions] == [False, True]
    assert alone.suggestions[1].rule == "startup"
    assert "x=0.5: asked for alone by" in str(alone)
    together = hpo.explain(study, 1)
    assert [each.lone for each in together.suggestions] == [False]


def test_explanation_names_dropped_parameters():
    study = study_of(RandomSampler(), space={"x": X, "y": X, "z": X})
    trial = study.ask()
    one(trial)
    assert "dropped" not in str(hpo.explain(study, 0)), "it may still ask for them"
    study.tell(trial, 1.0)
    assert str(hpo.explain(study, 0)).endswith("\n  y, z: never asked for by the objective, and dropped")


def test_explanation_of_an_added_trial():
    study = study_of(RandomSampler())
    study.add_trial(hpo.create_trial(value=1.0, params={"x": 0.5}, distributions={"x": X}))
    explanation = hpo.explain(study, 0)
    assert explanation.added
    assert explanation.suggestions == ()
    assert str(explanation) == "trial 0: complete, 1\n  x=0.5: added to the study with the whole trial"


def test_a_copied_trial_keeps_the_note_that_it_had():
    study = study_of(noting(rule="model"), space={"x": X})
    study.optimize(one, n_trials=1)
    copied = study_of(RandomSampler())
    copied.add_trial(study.trials[0])
    assert str(hpo.explain(copied, 0)).endswith('added to the study with the whole trial; noted {"rule": "model"}')


def test_each_suggestion_names_the_sampler_of_its_own_time():
    study = study_of(RandomSampler(seed=3), space={"x": X})
    study.optimize(one, n_trials=1)
    again = hpo.load_study(study_name="s", storage=study.storage, sampler=QMCSampler())
    again.optimize(one, n_trials=1)
    names = [hpo.explain(again, number).suggestions[0].sampler.name for number in range(2)]
    assert names == ["RandomSampler", "QMCSampler"]
    assert [hpo.explain(again.storage.open("s"), number).rule for number in range(2)] == [None, "sobol"]
    assert hpo.explain(again.events(), 1) == hpo.explain(again, 1)


def test_a_journal_that_names_no_sampler_leaves_it_open():
    study = study_of(RandomSampler(), space={"x": X})
    study.optimize(one, n_trials=1)
    events = [event for event in study.events() if type(event).__name__ != "AdvisorSet"]
    assert "suggested by a sampler that the journal does not name" in str(hpo.explain(events, 0))


def test_samplers_made_of_samplers_say_whom_they_asked():
    grid = GridSampler({"x": [0.5]})
    nested = Warmup(1, RandomSampler(), Fallback(grid, PartialFixedSampler({"x": 0.75}, TPESampler())))
    study = study_of(nested, space={"x": X})
    study.optimize(one, n_trials=3)
    assert [hpo.explain(study, number).suggestions[0].note["chosen"] for number in range(3)] == [
        "RandomSampler",
        "GridSampler",
        "PartialFixedSampler",
    ]
    assert "suggested by Warmup, which asked GridSampler; noted" in str(hpo.explain(study, 1))
    assert hpo.verify(study).clean


def test_wrappers_add_no_note_to_an_empty_suggestion():
    sampler = Warmup(5, RandomSampler(), TPESampler())
    trial = hpo.FrozenTrial(0, hpo.TrialState.RUNNING)
    answer = sampler(hpo.StudyState.create(), trial, hpo.SearchSpace(), Key(1, ("trial", 0)))
    assert answer == hpo.Suggestion({})


def test_explanation_escapes_control_characters():
    study = study_of(RandomSampler(), space={"a\x1b[2J\nb": X})
    study.ask(study.state.space)
    text = str(hpo.explain(study, 0))
    assert "'a\\x1b[2J\\nb'=" in text
    assert "\x1b" not in text


def test_a_number_that_no_trial_has_is_named():
    with pytest.raises(TrialNotFound, match="no trial 3"):
        hpo.explain(study_of(RandomSampler()), 3)
