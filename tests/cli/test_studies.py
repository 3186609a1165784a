"""create-study, studies, study-names, study set-user-attr, delete-study."""

import json

import pytest
import yaml

import hpo

SPACE = '{"x": {"name": "FloatDistribution", "attributes": {"low": 0, "high": 1}}}'


def test_create_study_prints_only_the_name_on_standard_output(cli):
    ran = cli("create-study --storage runs/ --study-name digits --direction maximize")
    assert (ran.code, ran.out) == (0, "digits\n")
    assert "A new study created" in ran.err
    assert hpo.load_study(storage="runs/", study_name="digits").direction == "maximize"


def test_create_study_without_a_name_makes_a_unique_one(cli):
    name = cli("create-study --storage runs/").out.strip()
    assert name
    assert cli("study-names --storage runs/").out == f"{name}\n"


def test_create_study_with_all_options(cli, folder):
    (folder / "space.json").write_text(SPACE)
    line = "create-study --storage runs/ --study-name s --directions minimize --directions maximize --seed 7"
    assert cli(f"{line} --space space.json --metric-name loss --metric-name accuracy").code == 0
    state = hpo.load_study(storage="runs/", study_name="s").state
    assert state.directions == ("minimize", "maximize")
    assert state.metric_names == ("loss", "accuracy")
    assert state.seed == 7
    assert state.space == {"x": hpo.FloatDistribution(0, 1)}


def test_duplicate_name_is_an_error_unless_skipped(cli):
    cli("create-study --storage runs/ --study-name s --direction maximize")
    again = cli("create-study --storage runs/ --study-name s")
    assert (again.code, again.out) == (1, "")
    assert again.err.startswith("hpo: error: a study named 's' exists")
    assert "--skip-if-exists" in again.err
    kept = cli("create-study --storage runs/ --study-name s --skip-if-exists")
    assert (kept.code, kept.out) == (0, "s\n")
    other = cli("create-study --storage runs/ --study-name s --skip-if-exists --direction minimize")
    assert other.code == 1
    assert "has directions" in other.err


def test_direction_and_directions_exclude_each_other(cli):
    assert cli("create-study --storage runs/ --direction minimize --directions minimize").code == 2


@pytest.fixture
def two(cli):
    cli("create-study --storage runs/ --study-name a --direction maximize")
    cli("create-study --storage runs/ --study-name b --directions minimize --directions minimize")
    study = hpo.load_study(storage="runs/", study_name="a", sampler=hpo.samplers.RandomSampler())
    study.tell(study.ask(), 0.5)
    return cli


def test_studies_lists_name_directions_trials_and_best_value(two):
    ran = two("studies --storage runs/")
    assert ran.code == 0
    header, _, first, second = ran.out.splitlines()
    assert header.split() == ["name", "directions", "n_trials", "best_value", "datetime_start"]
    assert first.split()[:4] == ["a", "maximize", "1", "0.5"]
    assert second.split() == ["b", "minimize,", "minimize", "0"]


def test_studies_in_json_and_yaml_are_the_same(two):
    listed = json.loads(two("studies --storage runs/ -f json").out)
    assert yaml.safe_load(two("studies --storage runs/ --format yaml").out) == listed
    assert [study["name"] for study in listed] == ["a", "b"]
    assert listed[1]["directions"] == ["minimize", "minimize"]
    assert listed[0]["best_value"] == 0.5
    assert listed[1]["datetime_start"] is None


def test_studies_as_csv_and_values(two):
    assert (
        two("studies --storage runs/ -f csv").out.splitlines()[0]
        == "name,directions,n_trials,best_value,datetime_start"
    )
    assert two("studies --storage runs/ -f value").out.splitlines()[1] == "b\tminimize, minimize\t0\t\t"


def test_study_names_lists_one_per_line(two):
    assert two("study-names --storage runs/").out == "a\nb\n"
    assert json.loads(two("study-names --storage runs/ -f json").out) == [{"name": "a"}, {"name": "b"}]


def test_attribute_is_stored_as_a_string(two):
    assert two("study set-user-attr --storage runs/ --study-name a --key best --value 1.50").code == 0
    assert two("study set-user-attr --storage runs/ --study-name a -k note -v", "a b\x1b[31m").code == 0
    assert hpo.load_study(storage="runs/", study_name="a").user_attrs == {"best": "1.50", "note": "a b\x1b[31m"}
    table = two("studies --storage runs/").out
    assert "\x1b" not in table
    assert r"a b\x1b[31m" in table


def test_attribute_needs_key_and_value(two):
    assert two("study set-user-attr --storage runs/ --study-name a --key k").code == 2
    assert two("study set-user-attr --storage runs/ --study-name a --value v").code == 2


def test_delete_study_needs_the_name_and_no_confirmation(two):
    assert two("delete-study --storage runs/").code == 2
    deleted = two("delete-study --storage runs/ --study-name a")
    assert (deleted.code, deleted.out) == (0, "")
    assert two("study-names --storage runs/").out == "b\n"
    again = two("delete-study --storage runs/ --study-name a")
    assert again.code == 1
    assert "'a'" in again.err


def test_name_is_optional_for_the_only_study(two):
    assert "--study-name" in two("trials --storage runs/").err
    two("delete-study --storage runs/ --study-name b")
    assert two("trials --storage runs/").code == 0


def test_names_with_control_characters_are_escaped_in_tables(cli):
    name = "a\x1b[2Jb\nc"
    cli("create-study --storage runs/ --study-name", name)
    assert r"a\x1b[2Jb\nc" in cli("studies --storage runs/").out
    assert json.loads(cli("studies --storage runs/ -f json").out)[0]["name"] == name
    assert cli("study-names --storage runs/ -f csv").out == f'name\n"{name}"\n'
