"""hpo explain."""

import json

import pytest
import yaml

import hpo

X = hpo.distributions.FloatDistribution(0, 1)


@pytest.fixture
def study(cli, folder, monkeypatch):
    monkeypatch.setenv("HPO_STORAGE", "runs/")
    made = hpo.create_study(
        storage="runs/", study_name="s", seed=1, sampler=hpo.samplers.QMCSampler(), space={"x": X, "a\x1b\nb": X}
    )
    made.enqueue_trial({"x": 0.5})
    for value in (1.0, 2.0):
        made.tell(made.ask(made.state.space), value)
    return cli


def test_explain_prints_the_text_of_hpo_explain(study):
    shown = study("explain --number 1")
    assert shown.code == 0
    expected = str(hpo.explain(hpo.load_study(storage="runs/"), 1))
    assert shown.out == f"{expected}\n"
    assert "rule 'sobol'" in shown.out
    assert "\x1b" not in shown.out
    assert len(shown.out.splitlines()) == 2


@pytest.mark.parametrize(("style", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_explain_as_json_and_yaml_has_every_field(study, style, read):
    record = read(study(f"explain --number 0 -f {style}").out)
    assert (record["number"], record["state"], record["values"]) == (0, "COMPLETE", [1.0])
    assert record["enqueued"] == {"x": 0.5}
    assert record["added"] is False
    (suggestion,) = record["suggestions"]
    assert suggestion["sampler"] == "QMCSampler"
    assert (suggestion["rule"], suggestion["acquisition"], suggestion["alone"]) == ("sobol", None, False)
    assert list(suggestion["params"]) == ["a\x1b\nb"]
    assert suggestion["note"] == {"rule": "sobol"}


def test_explain_of_a_missing_trial_is_an_error(study):
    missing = study("explain --number 7")
    assert missing.code == 1
    assert "the study has no trial 7" in missing.err
