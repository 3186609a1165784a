"""Which commands `decide` allows and refuses."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from decided_studies import done, refused, study

from hpo.core import (
    AddTrial,
    Ask,
    CategoricalDistribution,
    ConstraintSet,
    CreateStudy,
    Enqueue,
    FloatDistribution,
    FrozenTrial,
    IntDistribution,
    MetricNamesSet,
    ParamsSuggested,
    Report,
    SearchSpace,
    SetConstraint,
    SetMetricNames,
    SetStudyAttribute,
    SetTrialAttribute,
    SpaceDefined,
    StudyAttributeSet,
    StudyCreated,
    StudyDirection,
    StudyState,
    Suggest,
    Tell,
    TrialAdded,
    TrialAttributeSet,
    TrialEnqueued,
    TrialStarted,
    TrialState,
    ValueReported,
    create_trial,
    decide,
    replay,
)
from hpo.errors import (
    HpoError,
    InvalidArgument,
    InvalidSuggestion,
    InvalidType,
    TrialNotFound,
    TrialNotRunning,
    ValueOutsideDistribution,
    WrongNumberOfValues,
)

X = FloatDistribution(0.0, 1.0)
GRID = FloatDistribution(0.0, 1.0, step=0.25)
CHOICE = CategoricalDistribution(["a", "b"])


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"directions": ()}, InvalidArgument, "a study needs a sequence of at least one direction, got ()"),
        (
            {"directions": ("minimize", "up")},
            InvalidArgument,
            "a direction is 'minimize' or 'maximize', got 'up'",
        ),
        ({"directions": (None,)}, InvalidArgument, "a direction is 'minimize' or 'maximize', got None"),
        ({"seed": 1.5}, InvalidType, "a seed is an int, got 1.5 of type float"),
        ({"seed": True}, InvalidType, "a seed is an int, got True of type bool"),
        ({"seed": None}, InvalidType, "a seed is an int, got None of type NoneType"),
        ({"name": 3}, InvalidType, "a study's name is a str, got 3 of type int"),
        (
            {"metric_names": ("a", "b")},
            InvalidArgument,
            "metric_names needs one name per direction, 1 in all; got ('a', 'b')",
        ),
        ({"at": "now"}, InvalidType, "a time is a number of seconds since 1970 or None, got 'now' of type str"),
    ],
)
def test_invalid_studies_are_not_created(fields, error, message) -> None:
    valid = {"name": "s", "directions": ("minimize",), "seed": 7}
    refused(StudyState(), CreateStudy(**{**valid, **fields}), error, message)


@pytest.mark.parametrize("given", ["ask", None, Ask, {"number": 0}])
def test_what_is_not_a_command_is_refused(given) -> None:
    with pytest.raises(InvalidType, match=r"a command is one of those in hpo\.extend, such as Ask\(\)"):
        decide(StudyState.create(), given)


def test_a_study_is_created_once() -> None:
    command = CreateStudy("s", (StudyDirection.MAXIMIZE,), np.int64(7), {"x": X}, ("accuracy",), 5)
    (event,) = decide(StudyState(), command)
    assert event == StudyCreated(2, "s", ("maximize",), 7, SearchSpace({"x": X}), ("accuracy",), 5.0)
    assert (type(event.seed), type(event.directions[0]), type(event.at)) == (int, str, float)
    refused(replay([event]), command, InvalidArgument, "the study 's' exists already: it is created once")


def test_attributes_of_a_study() -> None:
    assert decide(study(), SetStudyAttribute("k", (1, math.inf))) == [StudyAttributeSet("k", [1, {"$float": "inf"}])]
    assert study(SetStudyAttribute("k", 1), SetStudyAttribute("k", 2)).user_attrs == {"k": 2}
    refused(study(), SetStudyAttribute(1, 1), InvalidType, "an attribute's key is a str, got 1 of type int")  # type: ignore[arg-type]
    with pytest.raises(InvalidType, match="an attribute is made of"):
        decide(study(), SetStudyAttribute("k", {"a": object()}))


def test_names_of_metrics() -> None:
    state = study(directions=["minimize", "maximize"])
    assert decide(state, SetMetricNames(["loss", "speed"])) == [MetricNamesSet(("loss", "speed"))]
    assert done(state, SetMetricNames(["loss", "speed"])).metric_names == ("loss", "speed")
    for names in (["loss"], "ab", ["a", "b", "c"]):
        refused(
            state,
            SetMetricNames(names),
            InvalidArgument,
            f"metric_names needs one name per direction, 2 in all; got {names!r}",
        )
    refused(state, SetMetricNames(["a", "a"]), InvalidArgument, "metric_names needs different names, got ['a', 'a']")
    refused(state, SetMetricNames(["a", 1]), InvalidType, "a metric's name is a str, got 1 of type int")  # type: ignore[list-item]


def test_ask_starts_the_first_enqueued_trial_or_a_new_one() -> None:
    assert decide(study(), Ask(5, "w")) == [TrialStarted(0, 5.0, "w")]
    state = study(Ask(), Enqueue({"x": 1}), Enqueue({"x": 2}))
    assert decide(state, Ask()) == [TrialStarted(1)]
    state = done(state, Ask(), Ask())
    assert [trial.fixed_params for trial in state.running.values()] == [{}, {"x": 1}, {"x": 2}]
    assert decide(state, Ask()) == [TrialStarted(3)]
    refused(state, Ask("now"), InvalidType, "a time is a number of seconds since 1970 or None, got 'now' of type str")  # type: ignore[arg-type]
    refused(state, Ask(None, 3), InvalidType, "a worker's name is a str, got 3 of type int")  # type: ignore[arg-type]


def test_params_that_can_be_enqueued() -> None:
    params = {"x": np.float32(0.5), "n": 3, "c": None, "b": True, "t": "text", "i": math.inf}
    state = study(Ask(), Enqueue(params, {"why": "because"}))
    assert state.waiting[1].fixed_params == {"x": 0.5, "n": 3, "c": None, "b": True, "t": "text", "i": math.inf}
    assert state.waiting[1].user_attrs == {"why": "because"}
    assert decide(study(), Enqueue({})) == [TrialEnqueued(0, {})]


@pytest.mark.parametrize("name", ["$float", "$datetime", "$dict"])
@pytest.mark.parametrize("value", ["inf", 1.5, "2024-01-01T00:00:00"])
def test_a_parameter_may_have_any_name(name, value) -> None:
    assert study(Enqueue({name: value})).waiting[0].fixed_params == {name: value}


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ([("x", 1)], InvalidType, "params to enqueue are a dict by name, got [('x', 1)]"),
        ({1: 1}, InvalidType, "a parameter's name is a str, got 1 of type int"),
        (
            {"x": [1]},
            InvalidArgument,
            "parameter 'x' can be fixed to None, a bool, a number or a string; got [1]",
        ),
        (
            {"x": {"a": 1}},
            InvalidArgument,
            "parameter 'x' can be fixed to None, a bool, a number or a string; got {'a': 1}",
        ),
    ],
)
def test_params_that_can_not_be_enqueued(params, error, message) -> None:
    refused(study(), Enqueue(params), error, message)


def test_attributes_of_an_enqueued_trial_are_a_dict() -> None:
    refused(study(), Enqueue({}, [1]), InvalidType, "the user_attrs of a trial are a dict by name, got [1]")  # type: ignore[arg-type]


def test_enqueued_values_are_checked_against_a_declared_space() -> None:
    state = study(space={"x": X, "c": CHOICE})
    refused(
        state,
        Enqueue({"c": "z"}),
        ValueOutsideDistribution,
        "'z' is not a valid value for parameter 'c'; expected a member of CategoricalDistribution(choices=('a', 'b'))",
    )
    with pytest.warns(UserWarning, match="parameter 'x' keeps the given value 7"):
        decide(state, Enqueue({"x": 7}))
    assert done(state, Enqueue({"unknown": "z"})).waiting[0].fixed_params == {"unknown": "z"}


def test_a_suggestion_defines_its_space_once() -> None:
    state = study(Ask(), Ask())
    first = decide(state, Suggest(0, {"x": X, "c": CHOICE}, {"c": "b", "x": 0.5}, {"rule": "a"}))
    assert first == [SpaceDefined(SearchSpace({"x": X, "c": CHOICE})), ParamsSuggested(0, 0, (0.5, 1), {"rule": "a"})]
    state = replay(first, state)
    assert state.running[0].params == {"x": 0.5, "c": "b"}
    assert state.running[0].note == {"rule": "a"}
    reordered = decide(state, Suggest(1, {"c": CHOICE, "x": X}, {"c": "a", "x": 0.0}))
    assert reordered == [ParamsSuggested(1, 0, (0.0, 0))]
    assert replay(reordered, state).running[1].params == {"x": 0.0, "c": "a"}


def test_suggestions_are_merged() -> None:
    state = study(Ask(), Suggest(0, {"x": X}, {"x": 0.5}, {"a": 1}), Suggest(0, {"c": CHOICE}, {"c": "a"}, {"b": 2}))
    assert state.running[0].params == {"x": 0.5, "c": "a"}
    assert list(state.running[0].distributions.items()) == [("x", X), ("c", CHOICE)]
    assert state.running[0].note == {"a": 1, "b": 2}


def test_a_parameter_with_another_range_is_suggested_again() -> None:
    wider = FloatDistribution(0.0, 2.0)
    state = study(Ask(), Suggest(0, {"x": X}, {"x": 0.5}))
    refused(state, Suggest(0, {"x": X}, {"x": 0.1}), InvalidSuggestion, "trial 0 has a value for parameter 'x' already")
    state = done(state, Suggest(0, {"x": wider}, {"x": 1.5}))
    assert state.running[0].params == {"x": 1.5}
    assert state.running[0].distributions == {"x": wider}


@pytest.mark.parametrize(
    ("space", "params", "message"),
    [
        ({"x": X}, {}, "parameter 'x' was asked for and is missing from the suggestion"),
        (
            {"x": X},
            {"x": 1.5},
            "parameter 'x' can't be 1.5: it is outside FloatDistribution(low=0.0, high=1.0)",
        ),
        (
            {"x": X},
            {"x": math.nan},
            "parameter 'x' can't be nan: it is outside FloatDistribution(low=0.0, high=1.0)",
        ),
        (
            {"x": GRID},
            {"x": 0.3},
            "parameter 'x' can't be 0.3: it is outside FloatDistribution(low=0.0, high=1.0, step=0.25)",
        ),
        (
            {"c": CHOICE},
            {"c": "z"},
            "parameter 'c' can't be 'z': it is outside CategoricalDistribution(choices=('a', 'b'))",
        ),
        ({"x": X}, None, "the params of a suggestion are a dict by name, got None"),
    ],
)
def test_invalid_suggestions_are_refused(space, params, message) -> None:
    refused(study(Ask()), Suggest(0, space, params), InvalidSuggestion, message)


def test_the_note_of_a_suggestion_is_a_dict() -> None:
    refused(
        study(Ask()),
        Suggest(0, {"x": X}, {"x": 0.5}, [1]),  # type: ignore[arg-type]
        InvalidSuggestion,
        "the note of a suggestion is a dict, got [1]",
    )


def test_an_off_grid_suggestion_must_stay_in_the_range() -> None:
    state = study(Ask(), Suggest(0, {"x": GRID}, {"x": 0.3}, off_grid=True))
    assert state.running[0].params == {"x": 0.3}
    assert StudyState.from_bytes(state.to_bytes()) == state
    for value in (1.1, -0.1):
        with pytest.raises(InvalidSuggestion, match="it is outside"):
            decide(study(Ask()), Suggest(0, {"x": GRID}, {"x": value}, off_grid=True))
    with pytest.raises(HpoError, match="'z'"):
        decide(study(Ask()), Suggest(0, {"c": CHOICE}, {"c": "z"}, off_grid=True))


def test_an_enqueued_value_may_be_outside_of_a_numeric_range() -> None:
    state = study(Enqueue({"x": 7}), Ask(), Suggest(0, {"x": X}, {"x": 7}))
    assert state.running[0].params == {"x": 7.0}
    with pytest.raises(HpoError, match="'z'"):
        decide(study(Enqueue({"c": "z"}), Ask()), Suggest(0, {"c": CHOICE}, {"c": "z"}))


def test_members_are_kept_as_builtins() -> None:
    space = {"x": X, "n": IntDistribution(0, 9), "c": CategoricalDistribution([True, 1])}
    state = study(Ask(), Suggest(0, space, {"x": np.float32(0.5), "n": np.float64(3), "c": np.int64(1)}))
    assert [type(value) for value in state.running[0].params.values()] == [float, int, int]


def test_the_first_report_of_a_step_stands() -> None:
    state = study(Ask())
    assert decide(state, Report(0, np.float32(0.5), np.int64(3))) == [ValueReported(0, 3, 0.5)]
    state = done(state, Report(0, 0.5, 3), Report(0, math.nan, 1))
    assert decide(state, Report(0, 9.0, 3)) == []
    assert repr(state.running[0].intermediate_values) == "{3: 0.5, 1: nan}"
    refused(state, Report(0, "a", 1), InvalidType, "a reported value is a number, got 'a' of type str")
    refused(state, Report(0, None, 1), InvalidType, "a reported value is a number, got None of type NoneType")
    refused(state, Report(0, 1, 1.5), InvalidType, "a step is a whole number from 0 on, got 1.5 of type float")
    refused(state, Report(0, 1, True), InvalidType, "a step is a whole number from 0 on, got True of type bool")
    refused(state, Report(0, 1, -1), InvalidArgument, "a step is a whole number from 0 on, got -1")


def test_attributes_of_a_trial() -> None:
    state = study(Ask(), SetTrialAttribute(0, "k", {"a": [1]}))
    assert state.running[0].user_attrs == {"k": {"a": [1]}}
    assert done(state, SetTrialAttribute(0, "k", None)).running[0].user_attrs == {"k": None}
    assert decide(state, SetTrialAttribute(0, "k", 1)) == [TrialAttributeSet(0, "k", 1)]
    refused(state, SetTrialAttribute(0, 1, 1), InvalidType, "an attribute's key is a str, got 1 of type int")  # type: ignore[arg-type]


def test_the_first_value_of_a_constraint_stands() -> None:
    state = study(Ask())
    assert decide(state, SetConstraint(0, "m", math.inf)) == [ConstraintSet(0, "m", "inf")]
    state = done(state, SetConstraint(0, "m", -1))
    assert decide(state, SetConstraint(0, "m", 5)) == []
    assert state.running[0].constraints == {"m": -1.0}
    refused(
        state,
        SetConstraint(0, "t", math.nan),
        InvalidArgument,
        "constraint 't' needs a number, got NaN, which is neither feasible nor infeasible",
    )
    refused(state, SetConstraint(0, 1, 1), InvalidType, "a constraint's name is a str, got 1 of type int")  # type: ignore[arg-type]


def test_unused_parameters_are_dropped() -> None:
    space = {"x": X, "c": CHOICE}
    state = study(Ask(), Suggest(0, space, {"x": 0.5, "c": "a"}), Tell(0, 1.0, unused=("c",)))
    assert state.finished[0].params == {"x": 0.5}
    assert state.finished[0].distributions == {"x": X}
    assert StudyState.from_bytes(state.to_bytes()) == state


def test_only_running_trials_can_be_changed() -> None:
    state = study(Ask(), Tell(0, 1.0), Enqueue({}))
    for make in (
        lambda n: Tell(n, 1.0),
        lambda n: Report(n, 1.0, 0),
        lambda n: SetConstraint(n, "m", 1.0),
        lambda n: SetTrialAttribute(n, "k", 1),
        lambda n: Suggest(n, {"x": X}, {"x": 0.5}),
    ):
        refused(state, make(0), TrialNotRunning, "trial 0 is complete, not running: a finished trial cannot be changed")
        refused(state, make(1), TrialNotRunning, "trial 1 is waiting, not running: ask for it first")
        refused(state, make(2), TrialNotFound, "the study has no trial 2: its trials are 0 to 1")
        refused(state, make(-1), TrialNotFound, "the study has no trial -1: its trials are 0 to 1")
        refused(study(), make(0), TrialNotFound, "the study has no trial 0: it has no trials")
        refused(state, make("0"), InvalidType, "a trial's number is an int, got '0' of type str")
        refused(state, make(True), InvalidType, "a trial's number is an int, got True of type bool")
    assert done(study(Ask()), Tell(np.int64(0), 1.0)).finished[0].number == 0


def test_a_trial_from_elsewhere_gets_the_next_number() -> None:
    trial = create_trial(value=1.0, params={"x": 0.5}, distributions={"x": X}, intermediate_values={0: math.nan})
    events = decide(study(Ask()), AddTrial(trial))
    assert [type(event) for event in events] == [SpaceDefined, TrialAdded]
    state = study(Ask(), AddTrial(trial), AddTrial(trial))
    assert [t.number for t in state.finished] == [1, 2]
    assert state.finished[1].params == {"x": 0.5}
    assert len(state.spaces) == 1
    assert state.n_trials == 3


def test_a_waiting_trial_from_elsewhere_is_enqueued() -> None:
    waiting = create_trial(state=TrialState.WAITING, params={"x": 0.5}, distributions={"x": X}, user_attrs={"a": 1})
    assert decide(study(), AddTrial(waiting)) == [TrialEnqueued(0, {"x": 0.5}, {"a": 1})]


def test_trials_that_can_not_be_added() -> None:
    refused(
        study(),
        AddTrial({"value": 1}),  # type: ignore[arg-type]
        InvalidType,
        "a trial to add is a FrozenTrial (see create_trial), got {'value': 1}",
    )
    refused(
        study(),
        AddTrial(FrozenTrial(0, TrialState.RUNNING)),
        InvalidArgument,
        "a running trial can't be added, because no worker here runs it: tell its result first",
    )
    with pytest.raises(WrongNumberOfValues, match="but got 2"):
        decide(study(), AddTrial(create_trial(values=[1.0, 2.0])))
    for fields in (
        {"intermediate_values": {-1: 1.0}},
        {"intermediate_values": {0: "a"}},
        {"constraints": {"m": math.nan}},
        {"started_at": "now"},
        {"reason": 5},
        {"worker": "\ud800"},
        {"note": {"a": object()}},
        {"values": "a"},
    ):
        trial = FrozenTrial(**{"number": 0, "state": TrialState.COMPLETE, "values": (1.0,), **fields})
        with pytest.raises(HpoError):
            decide(study(), AddTrial(trial))


def test_decide_is_pure_and_gives_no_warning() -> None:
    state = study(Ask(), Suggest(0, {"x": X}, {"x": 0.5}))
    before = state.to_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for command in (Ask(), Tell(0, 1.0), Report(0, 1.0, 0), Enqueue({"x": 5}), SetStudyAttribute("a", 1)):
            assert decide(state, command) == decide(state, command)
    assert state.to_bytes() == before
