"""``hpo pareto`` and ``hpo best-trials --sort``."""

import json

import pytest

import hpo


@pytest.fixture
def models(folder):
    study = hpo.create_study(
        storage=str(folder / "s.jsonl"),
        study_name="s",
        directions=["minimize", "maximize"],
        metric_names=["seconds", "accuracy"],
    )
    for values in [[9.0, 0.95], [1.0, 0.5], [2.0, 0.9], [3.0, 0.6]]:
        study.add_trial(hpo.create_trial(values=values))
    return study


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [("", "0 1 2"), ("--sort values_seconds", "1 2 0"), ("--sort=-values_accuracy", "0 2 1")],
)
def test_best_trials_are_sorted_by_an_objective(cli, models, asked, numbers):
    ran = cli(f"best-trials --storage s.jsonl {asked} -f json")
    assert [trial["number"] for trial in json.loads(ran.out)] == [*map(int, numbers.split())]


def test_an_unknown_objective_is_an_error_that_lists_them(cli, models):
    ran = cli("pareto s.jsonl --bound speed=1")
    assert ran.code == 2
    assert "'seconds', 'accuracy'; got 'speed'" in ran.err


def test_the_front_comes_with_its_hypervolume_and_the_knee(cli, models):
    lines = cli("pareto s.jsonl --reference seconds=10 --reference accuracy=0").out.splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["number", "--------", "0", "1", "2"]
    assert "true" in lines[4]
    assert lines[5] == f"Hypervolume {models.hypervolume([10.0, 0.0]).value:.6g}, up to seconds 10, accuracy 0."
    assert lines[6] == models.knee().reason
    assert len(lines) == 7


def test_wishes_change_the_choice(cli, models):
    found = json.loads(cli("pareto s.jsonl --bound accuracy=0.92 -f json").out)
    assert (found["choice"], [trial["chosen"] for trial in found["front"]]) == (0, [True, False, False])
    found = json.loads(cli("pareto s.jsonl --weight 0=9 --weight accuracy=1 -f json").out)
    assert (found["choice"], found["weights"]) == (1, {"seconds": 0.9, "accuracy": 0.1})
    assert found["hypervolume"] == models.hypervolume().value
    assert found["reason"] == models.choose(weights=[9, 1]).reason


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("--bound accuracy=0.99", 1, "the most accuracy is 0.95, of trial 0"),
        ("--weight accuracy=1", 1, "for all of the objectives"),
        ("--bound accuracy", 2, "is not NAME=VALUE"),
        ("--bound accuracy=much", 2, "'much' is not a number"),
        ("--bound accuracy=1 --bound 1=1", 2, "'accuracy' was given before"),
    ],
)
def test_what_can_not_be_met_or_read_is_an_error(cli, models, asked, code, said):
    ran = cli(f"pareto s.jsonl {asked}")
    assert ran.code == code
    assert said in ran.err


def test_a_front_may_be_empty(cli, folder):
    hpo.create_study(storage=str(folder / "s.jsonl"), study_name="s", directions=["minimize", "minimize"])
    assert cli("pareto s.jsonl").out.splitlines()[-1] == "No trial is complete and feasible."
    found = json.loads(cli("pareto s.jsonl -f json").out)
    assert (found["choice"], found["front"], found["hypervolume"]) == (None, [], 0.0)


def test_many_objectives_have_an_interval(cli, folder):
    study = hpo.create_study(storage=str(folder / "s.jsonl"), study_name="s", directions=["minimize"] * 7)
    study.add_trials([hpo.create_trial(values=[place == each for each in range(7)]) for place in range(7)])
    out = cli("pareto s.jsonl").out
    assert "(95 %: " in out
    assert "up to objective 0 1.1" in out
