"""``hpo importance``."""

import json

import hpo


def study_with(folder, objective, n=60, **options):
    study = hpo.create_study(
        storage=str(folder / "s.jsonl"), study_name="s", sampler=hpo.samplers.RandomSampler(), seed=1, **options
    )
    study.optimize(objective, n_trials=n)


def test_what_mattered_is_listed_first(cli, folder):
    study_with(folder, lambda t: t.suggest_float("x", 0, 1) + 0 * t.suggest_float("y", 0, 1))
    ran = cli("importance s.jsonl -f csv")
    assert ran.code == 0
    head, first, second = ran.out.splitlines()
    assert head == "name,share,share_low,share_high,clear,direction,where"
    assert first.startswith("x,")
    assert second.startswith("y,")
    assert first.split(",")[4] == "true"


def test_a_word_is_said_if_the_trials_can_not_tell(cli, folder):
    study_with(folder, lambda t: 0 * t.suggest_float("x", 0, 1) + (t.number * 7919) % 101)
    ran = cli("importance s.jsonl -f json")
    assert "No evidence yet" in ran.err
    assert json.loads(ran.out)[0]["clear"] is False


def test_an_objective_is_chosen_by_name_or_number(cli, folder):
    def objective(trial):
        return trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)

    study_with(folder, objective, directions=["minimize", "maximize"], metric_names=["loss", "score"])
    assert json.loads(cli("importance s.jsonl --target loss -f json").out)[0]["name"] == "x"
    found = json.loads(cli("importance s.jsonl --target 1 --param y --near 0.5 -f json").out)
    assert [(each["name"], each["direction"] > 0.3) for each in found] == [("y", True)]
    wrong = cli("importance s.jsonl --target speed")
    assert wrong.code == 1
    assert "'loss', 'score'" in wrong.err


def test_an_unknown_parameter_is_an_error(cli, folder):
    study_with(folder, lambda t: t.suggest_float("x", 0, 1), n=3)
    ran = cli("importance s.jsonl --param z")
    assert ran.code == 1
    assert "'z'" in ran.err


def test_another_measure_is_chosen(cli, folder):
    study_with(folder, lambda t: t.suggest_float("x", 0, 1) + 0 * t.suggest_float("y", 0, 1), n=30)
    for measure in ("fanova", "impurity"):
        found = json.loads(cli(f"importance s.jsonl --measure {measure} -f json").out)
        assert [(each["name"], each["clear"]) for each in found] == [("x", True), ("y", False)]
    assert cli("importance s.jsonl --measure fanova --near 0.5").code == 2
