"""Requests that are sent twice, reports by metric name, errors and costs of results, and files."""

import math

import pytest

import hpo
from hpo.core import (
    AddArtifact,
    RemoveArtifact,
    SetMetricNames,
    decide,
    replay,
)
from hpo.errors import HpoError, InvalidArgument, InvalidType
from hpo.samplers import RandomSampler

SPACE = {"x": hpo.FloatDistribution(0.0, 1.0)}


def sent(request):
    return hpo.Origin("ann", "laptop", request)


def carried(state, command):
    return replay(decide(state, command), state)


# requests


def test_an_ask_that_is_sent_twice_gives_the_same_trial():
    state = hpo.StudyState.create(seed=1)
    state, first = hpo.ask(state, RandomSampler(), SPACE, origin=sent("r1"))
    again, second = hpo.ask(state, RandomSampler(), SPACE, origin=sent("r1"))
    assert (again, second) == (state, first)
    _, other = hpo.ask(state, RandomSampler(), SPACE, origin=sent("r2"))
    assert other.number == 1


def test_the_answer_is_the_same_after_bytes_and_when_the_trial_has_ended():
    state, trial = hpo.ask(hpo.StudyState.create(), RandomSampler(), SPACE, origin=sent("r1"))
    state = hpo.StudyState.from_bytes(hpo.tell(state, trial, 0.5).to_bytes())
    again, ended = hpo.ask(state, RandomSampler(), SPACE, origin=sent("r1"))
    assert again == state
    assert (ended.number, ended.value) == (0, 0.5)


def test_a_tell_that_is_sent_twice_is_carried_out_once():
    state, trial = hpo.ask(hpo.StudyState.create(), RandomSampler(), SPACE)
    told = hpo.tell(state, trial, 0.5, origin=sent("t"))
    assert hpo.tell(told, trial, 0.5, origin=sent("t")) == told
    with pytest.raises(HpoError):
        hpo.tell(told, trial, 0.5, origin=sent("another"))


@pytest.mark.parametrize(
    "change",
    [
        lambda s, o: hpo.enqueue(s, {"x": 0.5}, origin=o),
        lambda s, o: hpo.set_user_attr(s, None, "k", 1, origin=o),
        lambda s, o: hpo.set_user_attr(s, 0, "k", 1, origin=o),
        lambda s, o: hpo.set_constraint(s, 0, "c", 1.0, origin=o),
        lambda s, o: hpo.report(s, 0, 1.0, 2, origin=o),
        lambda s, o: hpo.pause(s, 0, origin=o),
        lambda s, o: hpo.tell(s, 0, state="fail", origin=o),
    ],
)
def test_every_change_can_be_sent_twice(change):
    state, _ = hpo.ask(hpo.StudyState.create(), RandomSampler(), SPACE)
    once = change(state, sent("k"))
    assert "k" in once.requests
    assert change(once, sent("k")) == once
    (event,) = hpo.events_since(once, state.version)
    assert event.origin == hpo.Origin("ann", "laptop", "k")


def test_a_request_key_for_several_trials_is_refused():
    with pytest.raises(InvalidArgument, match="either n or a request key"):
        hpo.ask(hpo.StudyState.create(), RandomSampler(), SPACE, 2, origin=sent("r"))


def test_what_is_not_an_origin_is_refused_whatever_was_asked_before():
    fresh = hpo.StudyState.create()
    asked, _ = hpo.ask(fresh, RandomSampler(), SPACE, origin=sent("r"))
    for state in (fresh, asked):
        for change in (
            lambda s: hpo.ask(s, RandomSampler(), SPACE, origin="me"),
            lambda s: hpo.ask(s, RandomSampler(), SPACE, 2, origin="me"),
            lambda s: hpo.enqueue(s, {}, origin="me"),
            lambda s: hpo.enqueue(s, {}, origin=hpo.Origin(request=["r"])),
        ):
            with pytest.raises(InvalidType, match=r"an origin is|a request key is"):
                change(state)


def test_an_origin_is_an_origin_of_strings():
    with pytest.raises(InvalidType, match=r"an origin is an hpo\.Origin or None"):
        hpo.enqueue(hpo.StudyState.create(), {}, origin="ann")
    with pytest.raises(InvalidType, match="a request key is a str"):
        hpo.enqueue(hpo.StudyState.create(), {}, origin=hpo.Origin(request=3))
    assert "origin" not in str(
        hpo.events_since(hpo.enqueue(hpo.StudyState.create(), {}, origin=hpo.Origin()), 1)[0].origin
    )


# reports by metric name


def test_reports_by_name_are_kept_by_step_and_the_first_stands():
    state, _ = hpo.ask(hpo.StudyState.create(), RandomSampler(), SPACE)
    state = hpo.report(state, 0, {"loss": math.nan, "latency": 3}, 1)
    assert hpo.report(state, 0, {"loss": 1.0}, 1) == state == hpo.report(state, 0, 1.0, 1)
    assert repr(dict(state.trial(0).metrics)) == "{1: {'loss': nan, 'latency': 3.0}}"
    assert (state.trial(0).intermediate_values, state.trial(0).last_step) == ({}, 1)
    assert hpo.StudyState.from_bytes(state.to_bytes()) == state


def test_the_objectives_own_metric_counts_as_its_intermediate_value():
    state, _ = hpo.ask(hpo.StudyState.create(metric_names=["loss"]), RandomSampler(), SPACE)
    state = hpo.report(state, 0, {"loss": 0.5, "latency": 3}, 1)
    assert state.trial(0).intermediate_values == {1: 0.5}
    assert hpo.tell(state, 0, state="pruned").trial(0).value == 0.5
    several = carried(hpo.StudyState.create(directions=["minimize"] * 2), SetMetricNames(("loss", "latency")))
    several, _ = hpo.ask(several, RandomSampler(), SPACE)
    assert hpo.report(several, 0, {"loss": 0.5}, 1).trial(0).intermediate_values == {}


@pytest.mark.parametrize("report", [{}, {"loss": "x"}, {1: 2.0}])
def test_a_report_by_name_holds_numbers_under_strings(report):
    state, _ = hpo.ask(hpo.StudyState.create(), RandomSampler(), SPACE)
    with pytest.raises((InvalidType, InvalidArgument)):
        hpo.report(state, 0, report, 1)


# errors and costs


def test_a_result_may_have_a_standard_error_and_a_cost():
    state, trial = hpo.ask(hpo.StudyState.create(), RandomSampler(), SPACE)
    told = hpo.tell(state, trial, 0.5, sem=0.125, cost=7).trial(0)
    assert (told.sem, told.cost) == ((0.125,), 7.0)
    assert hpo.tell(state, trial, 0.5).trial(0).sem is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sem": -0.1}, "a standard error is at least 0"),
        ({"sem": math.nan}, "a standard error is at least 0"),
        ({"sem": [0.1, 0.2]}, "one standard error per objective value"),
        ({"sem": "x"}, "a standard error is a number"),
        ({"cost": -1}, "a cost is at least 0"),
        ({"cost": "x"}, "a cost is a number"),
    ],
)
def test_errors_and_costs_are_checked(given, message):
    state, trial = hpo.ask(hpo.StudyState.create(), RandomSampler(), SPACE)
    with pytest.raises((InvalidArgument, InvalidType), match=message):
        hpo.tell(state, trial, 0.5, **given)


# artifacts

MODEL = hpo.Artifact("3f", "model.pkl", size=3)


def test_artifacts_belong_to_trials_of_any_state_or_to_the_study():
    state, trial = hpo.ask(hpo.StudyState.create(), RandomSampler(), SPACE)
    state = hpo.tell(state, trial, 0.5)
    state = carried(state, AddArtifact(MODEL, 0))
    state = carried(state, AddArtifact(hpo.Artifact("9a", "all.json")))
    assert state.artifacts_of(0) == {"3f": MODEL}
    assert [*state.artifacts_of(None)] == ["9a"]
    assert hpo.StudyState.from_bytes(state.to_bytes()) == state
    renamed = hpo.Artifact("3f", "best.pkl")
    assert carried(state, AddArtifact(renamed, 0)).artifacts_of(0) == {"3f": renamed}
    state = carried(state, RemoveArtifact("3f", 0))
    assert state.artifacts_of(0) == {}
    with pytest.raises(InvalidArgument, match="trial 0 has no artifact with the id '3f'"):
        decide(state, RemoveArtifact("3f", 0))


@pytest.mark.parametrize("artifact", ["x", hpo.Artifact("", "n"), hpo.Artifact("i", "n", -1), hpo.Artifact("i", 3)])
def test_an_artifact_is_checked(artifact):
    with pytest.raises((InvalidType, InvalidArgument)):
        decide(hpo.StudyState.create(), AddArtifact(artifact))


# one word for both ways to tell


def test_the_pure_tell_takes_what_the_study_takes():
    state, trial = hpo.ask(hpo.StudyState.create(), RandomSampler(), SPACE)
    by_number, by_trial = (
        hpo.tell(state, 0, 0.5, state="complete"),
        hpo.tell(state, trial, 0.5, hpo.TrialState.COMPLETE),
    )
    assert by_number == by_trial
    assert hpo.tell(state, trial, state="fail", reason="broke").trial(0).reason == "broke"


def test_a_study_state_may_be_created_with_one_direction():
    assert hpo.StudyState.create(direction="maximize").directions == ("maximize",)
    with pytest.raises(InvalidArgument, match="either direction or directions"):
        hpo.StudyState.create(direction="maximize", directions=["maximize"])
