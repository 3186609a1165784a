"""What lists show: chosen rows and columns, in order, in tables that fit."""

import json

import pytest

import hpo
from hpo.cli.tables import Look, look_of_output, table


@pytest.fixture
def listed(cli):
    study = hpo.create_study(
        storage="runs/", study_name="s", sampler=hpo.samplers.RandomSampler(), metric_names=["loss"]
    )
    for number, value in enumerate([3.0, 1 / 3, None, 2.0]):
        trial = study.ask({"x": hpo.FloatDistribution(0, 1), "opt": hpo.CategoricalDistribution(["a", "b"])})
        state = None if value is not None else "fail"
        study.tell(trial, value, state, reason="a long story " * 20 if state else None)
        assert trial.number == number

    def run(line):
        ran = cli(f"trials --storage runs/ {line}")
        assert ran.code == 0, ran.err
        return ran.out

    return run


def numbers(text):
    return [record["number"] for record in json.loads(text)]


def test_state_sort_and_limit_choose_rows_in_order(listed):
    assert numbers(listed("-f json --sort value")) == [1, 3, 0, 2]
    assert numbers(listed("-f json --sort -value")) == [0, 3, 1, 2]
    assert numbers(listed("-f json --state complete --state pruned")) == [0, 1, 3]
    assert numbers(listed("-f json --state FAIL")) == [2]
    assert numbers(listed("-f json --limit 2")) == [0, 1]
    assert numbers(listed("-f json --limit -1")) == [3]
    assert numbers(listed("-f json --limit 0")) == []
    assert numbers(listed("-f json --sort state --sort -value")) == [0, 3, 1, 2]


def test_columns_are_those_that_were_chosen_in_that_order(listed):
    assert listed("-c value,number -f csv --limit 2") == "value,number\n3.0,0\n0.3333333333333333,1\n"
    assert listed("--columns params --column state -f csv --limit 1").splitlines()[0] == "params_x,params_opt,state"
    (record,) = json.loads(listed("-c number -c value -f json --limit 1"))
    assert record == {"number": 0, "value": 3.0}
    assert listed("-c constraints -f csv --limit 1") == '""\n""\n'


def test_an_unknown_column_is_an_error_with_the_names_that_there_are(cli, listed):
    ran = cli("trials --storage runs/ -c lr")
    assert (ran.code, ran.out) == (1, "")
    assert "there is no column 'lr': there are number, state, value, params_x, params_opt, reason" in ran.err


def test_an_unknown_column_to_sort_by_changes_nothing_and_says_so(cli, listed):
    ran = cli("trials --storage runs/ --sort lr -f json")
    assert (ran.code, numbers(ran.out)) == (0, [0, 1, 2, 3])
    assert ran.err == "hpo: warning: there is no column 'lr' to sort by\n"


def test_json_may_be_flat_and_in_one_line_and_csv_quoted(listed):
    text = listed("-f json --noindent --flatten")
    assert text.count("\n") == 1
    assert "params_x" in json.loads(text)[0]
    assert listed("-c number,state -f csv --quote nonnumeric --limit 1") == '"number","state"\n0,"COMPLETE"\n'
    assert listed("-c number,state -f csv --quote none --limit 1") == "number,state\n0,COMPLETE\n"


def test_a_table_fits_its_width(listed):
    natural = listed("")
    assert max(map(len, natural.splitlines())) > 200
    for width in (160, 120, 90, 60, 40, 25):
        lines = listed(f"--max-width {width}").splitlines()
        assert max(map(len, [line for line in lines if not line.startswith("(no room")])) <= width
        assert lines[0].split()[:2] == ["number", "state"]
    assert "(no room for params_opt, reason" in listed("--max-width 50")
    assert "a long st" in listed("--max-width 120")
    assert listed("--max-width 0") == natural


def test_the_width_of_the_terminal_is_fitted_if_asked_for(listed, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, listed("").splitlines())) > 60
    assert max(map(len, listed("--fit-width").splitlines()[:3])) <= 60
    monkeypatch.setenv("CLIFF_MAX_TERM_WIDTH", "40")
    assert max(map(len, listed("").splitlines()[:3])) <= 40


def test_colours_are_for_terminals_unless_no_color_is_set(monkeypatch):
    class Terminal:
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "70")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert look_of_output() == Look(70, colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert look_of_output() == Look(70, colour=False)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert look_of_output() == Look(70, colour=False)


def test_coloured_states_keep_the_columns_straight():
    rows = [["COMPLETE", "x"], ["FAIL", "y"]]
    plain = table(["state", "name"], rows, look=Look(), as_text=str)
    coloured = table(["state", "name"], rows, look=Look(colour=True), as_text=str)
    assert "\x1b[32mCOMPLETE\x1b[0m" in coloured
    assert coloured.replace("\x1b[32m", "").replace("\x1b[31m", "").replace("\x1b[0m", "") == plain


def test_a_path_that_is_not_there_is_an_error(cli, folder):
    for line in ("studies", "study-names", "trials", "best-trial --study-name s", "trials --study-name s"):
        for storage in ("typo/", "typo.jsonl", "sqlite:///typo.db"):
            ran = cli(f"{line} --storage {storage}")
            assert (ran.code, ran.out) == (1, ""), line
            assert f"there is nothing at {folder / 'typo'}" in ran.err.replace("sqlite:///", ""), line
    (folder / "empty").mkdir()
    assert cli("study-names --storage empty/").code == 0


def test_load_study_says_that_a_path_is_not_there(folder):
    with pytest.raises(KeyError, match=r"there is nothing at .*typo.jsonl, so no study either: check the path"):
        hpo.load_study(storage="typo.jsonl", study_name="s")
