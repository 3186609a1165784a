"""What newcomers get wrong: each is refused at once, with a message that names what was given and what is allowed."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import hpo
from hpo.errors import InvalidArgument, InvalidType, TrialNotFound
from hpo.samplers import RandomSampler

UNIT = hpo.FloatDistribution(0, 1)


@pytest.fixture
def study():
    study = hpo.create_study(sampler=RandomSampler(), seed=1)
    study.add_trial(hpo.create_trial(value=1.0))
    study.tell(study.ask(), 2.0)
    return study


CALLS_OF_A_STUDY = [
    (lambda study: study.tell([1], 1.0), InvalidType, "a trial's number is an int, got [1] of type list"),
    (lambda study: study.tell({}, state=hpo.TrialState.FAIL), InvalidType, "a trial's number is an int, got {}"),
    (
        lambda study: study.tell(study.ask(), {"loss": 1.0}),
        InvalidArgument,
        (
            "values by name need metric names, and the study has none: set them, or give one value per direction; "
            "got {'loss': 1.0}"
        ),
    ),
    (lambda study: study.at("a"), InvalidArgument, "the study has the versions 1 to 5, got 'a'"),
    (lambda study: study.at(True), InvalidArgument, "the study has the versions 1 to 5, got True"),
    (lambda study: study.version_before("a"), InvalidType, "a trial's number is an int, got 'a' of type str"),
    (lambda study: study.version_before(9), TrialNotFound, "the study has no trial 9: its trials are 0 to 1"),
    (
        lambda study: study.version_before(0),
        InvalidArgument,
        "trial 0 was never started in this study: it is waiting, or was added as a whole",
    ),
    (
        lambda study: study.get_trials(states=[3]),
        InvalidType,
        "a trial's state is a TrialState or its name, got 3 of type int",
    ),
    (
        lambda study: study.get_trials(states=hpo.TrialState.FAIL),
        InvalidType,
        "states is None or a collection of members of TrialState, got <TrialState.FAIL: 'fail'>",
    ),
    (
        lambda study: study.get_trials(states="complete"),
        InvalidType,
        "states is None or a collection of members of TrialState, got 'complete'",
    ),
    (
        lambda study: study.optimize(abs, n_trials=1, callbacks=len),
        InvalidType,
        "callbacks is None or holds callables that take a study and a trial, got <built-in function len>",
    ),
    (
        lambda study: study.optimize(abs, n_trials=1, callbacks=[3]),
        InvalidType,
        "callbacks is None or holds callables that take a study and a trial, got 3",
    ),
    (
        lambda study: study.optimize(abs, n_trials=1, executor=3),
        InvalidType,
        "an executor is a concurrent.futures.Executor, or has its methods submit, map and shutdown; got 3",
    ),
    (
        lambda study: study.optimize(abs, n_trials=1, executor=ThreadPoolExecutor),
        InvalidType,
        "got the class ThreadPoolExecutor: pass an instance of it, ThreadPoolExecutor()",
    ),
    (
        lambda study: study.trials_dataframe(attrs="number"),
        InvalidType,
        "attrs is a sequence of fields, got 'number': use ['number']",
    ),
    (
        lambda study: study.set_metric_names(3),
        InvalidArgument,
        "metric_names needs one name per direction, 1 in all; got 3",
    ),
    (
        lambda study: study.ask(3),
        InvalidType,
        "a search space is a mapping from names to distributions, got 3",
    ),
    (
        lambda study: study.ask([("x", UNIT)]),
        InvalidType,
        "a search space is a mapping from names to distributions, got [('x', ",
    ),
    (
        lambda study: study.enqueue_trial([1], skip_if_exists=True),
        InvalidType,
        "params to enqueue are a dict by name, got [1]",
    ),
    (
        lambda study: setattr(study, "sampler", RandomSampler),
        InvalidType,
        (
            "a sampler is a function of (state, trial, space, key), or an object that can be called as one; "
            "got the class RandomSampler: pass an instance of it, RandomSampler()"
        ),
    ),
    (
        lambda study: setattr(study, "pruner", None),
        InvalidType,
        "a pruner is a function of (state, trial), or an object",
    ),
    (lambda study: study.add_trial(None), InvalidType, "a trial to add is a FrozenTrial (see create_trial), got None"),
]


@pytest.mark.parametrize(("call", "error", "message"), CALLS_OF_A_STUDY)
def test_error_names_what_was_given_and_what_is_allowed(study, call, error, message):
    before = study.state.n_trials
    with pytest.raises(error, match=re.escape(message)):
        call(study)
    assert [trial.number for trial in study.trials if trial.state.is_finished()] == [0, 1]
    assert study.state.n_trials - before <= 1  # the one that was asked for


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"directions": 3}, InvalidArgument, "a study needs a sequence of at least one direction, got 3"),
        (
            {"direction": ["minimize", "maximize"]},
            InvalidArgument,
            "a direction is 'minimize' or 'maximize', got ['minimize', 'maximize']: several are `directions`",
        ),
        ({"space": [1]}, InvalidType, "a search space is a mapping from names to distributions, got [1]"),
        ({"metric_names": 3}, InvalidArgument, "metric_names needs one name per direction, 1 in all; got 3"),
        ({"sampler": 3}, InvalidType, "a sampler is a function of (state, trial, space, key), or an object that"),
        (
            {"pruner": "median"},
            InvalidType,
            "a pruner is a function of (state, trial), or an object that can be called as",
        ),
    ],
)
def test_nothing_is_created_with_arguments_that_are_wrong(tmp_path, arguments, error, message):
    with pytest.raises(error, match=re.escape(message)):
        hpo.create_study(storage=str(tmp_path / "study.jsonl"), **arguments)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"params": [1]}, "params is a dict with names as keys, got [1]"),
        ({"distributions": [1]}, "a search space is a mapping from names to distributions, got [1]"),
        ({"user_attrs": [1]}, "user_attrs is a dict with names as keys, got [1]"),
        ({"constraints": "c"}, "constraints is a dict with names as keys, got 'c'"),
        ({"intermediate_values": [0.5]}, "intermediate_values is a dict with steps as keys, got [0.5]"),
    ],
)
def test_a_trial_made_by_hand_needs_mappings(fields, message):
    with pytest.raises(InvalidType, match=re.escape(message)):
        hpo.create_trial(value=1.0, **fields)


def test_a_fixed_trial_needs_a_mapping():
    with pytest.raises(InvalidType, match=re.escape("the params of a FixedTrial are a dict by name, got [1]")):
        hpo.FixedTrial([1])


def test_falsy_sampler_is_used():
    class Empty(list):
        def __call__(self, state, trial, space, key):
            return RandomSampler()(state, trial, space, key)

    sampler = Empty()
    assert hpo.create_study(sampler=sampler).sampler is sampler


def test_versions_may_be_whole_numbers_of_numpy(study):
    assert study.at(np.int64(3)) == study.at(3)


# what objectives return


class WithoutFloat:
    def __float__(self):
        raise ZeroDivisionError("deep inside")


class WithoutText(list):
    def __repr__(self):
        raise RuntimeError("no text")


class WithoutItems:
    ndim = 1

    def __iter__(self):
        raise KeyError("no items")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (WithoutFloat(), "WithoutFloat object at .*>: ZeroDivisionError: deep inside"),
        (WithoutText(["a"]), "a WithoutText without repr: an objective value is a number, got 'a' of type str"),
        (WithoutItems(), "WithoutItems object at .*>: KeyError: 'no items'"),
    ],
)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_result_with_a_broken_repr_fails_only_its_trial(study, result, reason, n_jobs):
    study.optimize(lambda trial: result if trial.number == 2 else 1.0, n_trials=2, n_jobs=n_jobs)
    failed, after = study.trials[2:]
    assert failed.state is hpo.TrialState.FAIL
    assert re.match(f"the objective returned .*{reason}", failed.reason)
    assert after.state is hpo.TrialState.COMPLETE


@pytest.mark.parametrize("masked", [np.ma.masked, np.ma.array(0.5, mask=True), np.ma.array([1.0], mask=True).mean()])
def test_a_masked_number_is_none(study, masked):
    study.optimize(lambda trial: masked, n_trials=1)
    assert study.trials[2].reason == "the objective value is NaN"
    trial = study.ask()
    trial.report(masked, 0)
    trial.set_user_attr("masked", masked)
    assert np.isnan(trial.user_attrs["masked"])
    assert np.isnan(study.trials[3].intermediate_values[0])
    assert hpo.create_trial(value=np.ma.array(0.5, mask=False)).value == 0.5
