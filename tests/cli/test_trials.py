"""ask, tell, trials, best-trial, best-trials."""

import csv
import io
import json
import math

import pytest
import yaml

import hpo

SPACE = {
    "x": {"name": "FloatDistribution", "attributes": {"low": 0, "high": 1}},
    "opt": {"name": "CategoricalDistribution", "attributes": {"choices": ["adam", None, True, 1]}},
}


@pytest.fixture
def study(cli, folder, monkeypatch):
    (folder / "space.json").write_text(json.dumps(SPACE))
    monkeypatch.setenv("HPO_STORAGE", "runs/")
    cli("create-study --study-name s --seed 7")
    return cli


@pytest.fixture
def pair(study):
    """A study with two named objectives and a trial that runs."""
    study("delete-study --study-name s")
    study("create-study --study-name p --directions minimize --directions maximize --metric-name a --metric-name b=c")
    study("ask --space {}")
    return study


def state():
    return hpo.load_study(storage="runs/", sampler=hpo.samplers.RandomSampler()).state


def test_ask_then_tell(study):
    for i in range(3):
        asked = json.loads(study("ask --space space.json").out)
        assert asked["number"] == i
        assert 0 <= asked["params"]["x"] <= 1
        assert asked["params"]["opt"] in SPACE["opt"]["attributes"]["choices"]
        told = study(f"tell --number {i} --value {asked['params']['x']}")
        assert (told.code, told.out) == (0, "")
        assert f"Trial {i} finished with value" in told.err
    assert [trial.value for trial in state().trials] == [trial.params["x"] for trial in state().trials]


def test_space_from_standard_input_or_as_json(study, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(SPACE)))
    assert set(json.loads(study("ask --space -").out)["params"]) == {"x", "opt"}
    assert set(json.loads(study("ask --space", json.dumps(SPACE)).out)["params"]) == {"x", "opt"}


def test_ask_without_a_space_uses_the_declared_one(study):
    study("delete-study --study-name s")
    study("create-study --study-name d --space space.json")
    assert set(json.loads(study("ask").out)["params"]) == {"x", "opt"}


def test_ask_without_a_declared_space_infers_it_from_trials(study):
    unknown = study("ask")
    assert (unknown.code, unknown.out) == (0, '{"number": 0, "params": {}}\n')
    assert "give --space" in unknown.err
    study("tell --number 0 --state fail")
    study("ask --space space.json")
    study("tell --number 1 --value 1")
    assert set(json.loads(study("ask").out)["params"]) == {"x", "opt"}


def test_ask_returns_enqueued_trials_first(study):
    hpo.load_study(storage="runs/", sampler=hpo.samplers.RandomSampler()).enqueue_trial({"x": 0.25})
    assert json.loads(study("ask --space space.json").out)["params"]["x"] == 0.25


@pytest.mark.parametrize(
    ("space", "problem"),
    [
        ("missing.json", "missing.json"),
        ("{", "not valid JSON"),
        ("[]", "No such file"),
        ('{"x": 1}', "parameter 'x'"),
        ('{"x": {"name": "UniformDistribution", "attributes": {}}}', "FloatDistribution"),
        ('{"x": {"name": "FloatDistribution", "attributes": {"low": 2, "high": 1}}}', "low <= high"),
        ('{"x": {"name": "IntDistribution", "attributes": {"low": 0.5, "high": 1}}}', "0.5"),
        ('{"x": {}, "x": {}}', "twice"),
    ],
)
def test_invalid_space_is_a_one_line_error_and_starts_no_trial(study, space, problem):
    ran = study("ask --space", space)
    assert ran.code == 1
    assert ran.err.startswith("hpo: error: ")
    assert ran.err.count("\n") == 1
    assert problem in ran.err
    assert state().n_trials == 0


@pytest.mark.filterwarnings("default")
def test_enqueued_value_outside_the_space_is_kept_with_a_one_line_warning(study):
    hpo.load_study(storage="runs/", sampler=hpo.samplers.RandomSampler()).enqueue_trial({"x": 2.5})
    ran = study("-q ask --space space.json")
    assert json.loads(ran.out)["params"]["x"] == 2.5
    assert ran.err.startswith("hpo: warning: parameter 'x' keeps the given value 2.5")
    assert ran.err.count("\n") == 1


@pytest.mark.filterwarnings("default")
def test_adjusted_space_is_a_one_line_warning(study):
    space = '{"n": {"name": "IntDistribution", "attributes": {"low": 1, "high": 8, "step": 3}}}'
    ran = study("-q ask --space", space)
    assert ran.code == 0
    assert ran.err.startswith("hpo: warning: ")
    assert ran.err.count("\n") == 1


def test_ask_with_a_sampler_and_options(study):
    first = json.loads(study("ask --space space.json --sampler RandomSampler --sampler-kwargs", '{"seed": 5}').out)
    study("delete-study --study-name s")
    study("create-study --study-name t --seed 8")
    again = json.loads(study("ask --space space.json --sampler RandomSampler --sampler-kwargs", '{"seed": 5}').out)
    assert again == first


def test_ask_in_every_format(study):
    outs = [study(f"ask --space space.json -f {style}").out for style in ("yaml", "value", "csv", "table")]
    assert set(yaml.safe_load(outs[0])) == {"number", "params"}
    assert outs[1].split("\t")[0] == "1"
    assert outs[2].splitlines()[0] == "number,params_x,params_opt"
    assert outs[3].split()[:3] == ["number", "params_x", "params_opt"]


def test_telling_twice_is_an_error_unless_skipped(study):
    study("ask --space space.json")
    study("tell --number 0 --value 1")
    again = study("tell --number 0 --value 2")
    assert again.code == 1
    assert "trial 0 is complete, not running" in again.err
    skipped = study("tell --number 0 --value 2 --skip-if-finished")
    assert skipped.code == 0
    assert "nothing has changed" in skipped.err
    assert state().trial(0).value == 1.0


def test_tell_of_a_missing_trial_is_an_error(study):
    ran = study("tell --number 3 --value 1")
    assert ran.code == 1
    assert "no trial 3" in ran.err


def test_tell_failed_with_a_reason_or_pruned_without_a_value(study):
    study("ask --space space.json")
    study("ask --space space.json")
    assert study("tell --number 0 --state fail --reason", "out of memory").code == 0
    assert study("tell --number 1 --state PRUNED").code == 0
    failed, pruned = state().trials
    assert (failed.state.name, failed.reason) == ("FAIL", "out of memory")
    assert (pruned.state.name, pruned.values) == ("PRUNED", None)


def test_nan_fails_the_trial_and_infinity_does_not(study):
    study("ask --space space.json")
    study("ask --space space.json")
    assert study("tell --number 0 --value nan").code == 0
    assert study("tell --number 1 --value -inf").code == 0
    assert [trial.state.name for trial in state().trials] == ["FAIL", "COMPLETE"]
    assert json.loads(study("best-trial -f json").out)["value"] == "-inf"
    assert yaml.safe_load(study("best-trial -f yaml").out)["value"] == -math.inf


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--value x",
        "--value 1 --values-by-name v=1",
        "--values-by-name v",
        "--values-by-name v=x",
        "--state running",
    ],
)
def test_invalid_result_is_wrong_usage(study, words):
    study("ask --space space.json")
    assert study(f"tell --number 0 {words}").code == 2
    assert 0 in state().running


def test_tell_several_objectives_in_order_or_by_name(pair):
    pair("ask --space {}")
    assert pair("tell --number 0 --value 1 --value 2").code == 0
    assert pair("tell --number 1 --values-by-name b=c=4 --values-by-name a=3").code == 0
    assert [trial.values for trial in state().trials] == [(1.0, 2.0), (3.0, 4.0)]


@pytest.mark.parametrize("words", ["--value 1", "--values-by-name a=1", "--values-by-name a=1 --values-by-name z=1"])
def test_tell_with_wrong_objectives_is_refused(pair, words):
    assert pair(f"tell --number 0 {words}").code == 1
    assert 0 in state().running


def test_trials_in_every_format(study):
    study("ask --space space.json")
    study("ask --space space.json")
    study("tell --number 1 --value 0.25")
    listed = json.loads(study("trials -f json").out)
    assert [trial["state"] for trial in listed] == ["RUNNING", "COMPLETE"]
    assert listed[0]["value"] is None
    assert listed[1]["params"] == dict(state().trial(1).params)
    assert yaml.safe_load(study("trials -f yaml").out) == listed
    rows = [*csv.DictReader(io.StringIO(study("trials -f csv").out))]
    assert [row["value"] for row in rows] == ["", "0.25"]
    assert float(rows[1]["params_x"]) == listed[1]["params"]["x"]
    assert [line.split("\t")[:2] for line in study("trials -f value").out.splitlines()] == [
        ["0", "RUNNING"],
        ["1", "COMPLETE"],
    ]
    assert study("trials").out.splitlines()[0].split()[:4] == ["number", "state", "value", "params_x"]


def test_intermediate_values_are_in_json_and_not_in_tables(study):
    running = hpo.load_study(storage="runs/", sampler=hpo.samplers.RandomSampler())
    trial = running.ask()
    trial.report(0.5, 3)
    trial.set_constraint("memory", -1.0)
    trial.set_user_attr("host", "n1")
    [listed] = json.loads(study("trials -f json").out)
    assert listed["intermediate_values"] == {"3": 0.5}
    header = study("trials").out.splitlines()[0].split()
    assert header == ["number", "state", "constraints_memory", "user_attrs_host", "datetime_start"]


def test_columns_of_several_objectives_have_metric_names(pair):
    pair("tell --number 0 --value 1 --value 2")
    assert pair("trials -f csv").out.startswith("number,state,values_a,values_b=c,reason,")
    assert json.loads(pair("best-trials -f json").out)[0]["values"] == {"a": 1.0, "b=c": 2.0}


def test_empty_list_of_trials(study):
    assert json.loads(study("trials -f json").out) == []
    assert yaml.safe_load(study("trials -f yaml").out) == []
    assert study("trials -f csv").out.startswith("number,state,value,reason,")
    assert study("trials -f value").out == ""
    assert study("trials").out.splitlines()[0].split()[:3] == ["number", "state", "value"]


def test_best_trial_is_one_record(study):
    for number, value in enumerate([3, 1, 2]):
        study("ask --space space.json")
        study(f"tell --number {number} --value {value}")
    assert json.loads(study("best-trial -f json").out)["number"] == 1
    assert study("best-trial -f value").out.split("\t")[:3] == ["1", "COMPLETE", "1.0"]
    assert len(study("best-trial").out.splitlines()) == 3


def test_missing_best_trial_is_an_error_and_an_empty_front_is_not(study):
    ran = study("best-trial")
    assert (ran.code, ran.out) == (1, "")
    assert "the study has no best trial yet" in ran.err
    assert json.loads(study("best-trials -f json").out) == []


def test_best_trial_of_several_objectives_points_to_best_trials(pair):
    ran = pair("best-trial")
    assert ran.code == 1
    assert "best-trials" in ran.err


def test_paused_trials_are_listed_and_can_be_told(study):
    study("ask --space space.json")
    hpo.load_study(storage="runs/").pause(0, "epoch-3.pt")
    listed = json.loads(study("trials -f json").out)
    assert [(trial["state"], trial["checkpoint"], trial["parent"]) for trial in listed] == [
        ("PAUSED", "epoch-3.pt", None)
    ]
    assert "PAUSED" in study("trials").out
    (summary,) = json.loads(study("studies -f json").out)
    assert summary["n_trials_by_state"] == {"PAUSED": 1}
    told = study("tell --number 0 --value 0.5")
    assert told.code == 0
    assert "Trial 0 finished with value: 0.5" in told.err


def test_a_trial_is_paused_resumed_and_told_with_its_error_and_cost(cli, folder):
    cli("create-study --storage s.jsonl --study-name s --direction minimize")
    space = json.dumps({"x": {"name": "IntDistribution", "attributes": {"low": 2, "high": 2}}})
    assert cli("ask --storage s.jsonl --space", space).code == 0
    assert cli("pause --storage s.jsonl --number 0 --checkpoint here.pt").code == 0
    assert "not running" in cli("pause --storage s.jsonl --number 0").err
    ran = cli("resume --storage s.jsonl --number 0")
    assert json.loads(ran.out) == {"number": 0, "params": {"x": 2}, "checkpoint": "here.pt"}
    assert "not paused" in cli("resume --storage s.jsonl --number 0").err
    assert cli("tell --storage s.jsonl --number 0 --value 1.5 --sem 0.5 --cost 3").code == 0
    (trial,) = json.loads(cli("trials --storage s.jsonl -f json").out)
    assert (trial["value"], trial["sem"], trial["cost"], trial["checkpoint"]) == (1.5, [0.5], 3.0, "here.pt")
