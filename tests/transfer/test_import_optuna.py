"""Studies out of files that Optuna itself writes, compared with what Optuna itself reads."""

import contextlib
import datetime
import json
import math
import os
import sqlite3
import sys
import warnings

import pytest

import hpo
from hpo.errors import DuplicatedStudyError, InvalidArgument, StudyNotFound, UnsupportedJournal
from hpo.journal import FileStorage
from hpo.transfer import import_optuna

optuna = pytest.importorskip("optuna", reason="Optuna, which writes the files, is not installed", exc_type=ImportError)

DISTRIBUTIONS = {
    "f": optuna.distributions.FloatDistribution(-1.5, 2.5),
    "lg": optuna.distributions.FloatDistribution(1e-7, 1e3, log=True),
    "st": optuna.distributions.FloatDistribution(0.0, 1.0, step=0.1),
    "i": optuna.distributions.IntDistribution(-3, 9, step=3),
    "il": optuna.distributions.IntDistribution(1, 1024, log=True),
    "c": optuna.distributions.CategoricalDistribution(["a", None, True, 2, 0.5, math.inf]),
}


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.simplefilter("ignore", FutureWarning)  # what is deprecated is in old files
        yield


@pytest.fixture(params=["sqlite", "journal"])
def place(request, tmp_path):
    """A storage of Optuna, and the file that it writes."""
    if request.param == "sqlite":
        path = tmp_path / "optuna.db"
        storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
        yield storage, path
        storage.engine.dispose()
    else:
        path = tmp_path / "optuna.log"
        yield optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path))), path


def brought(path, tmp_path, study_name=None, to=None):
    """The study as it is here, and what the import said."""
    said = import_optuna(path, study_name, tmp_path / "hpo", to)
    return hpo.load_study(study_name=said.study_name, storage=tmp_path / "hpo"), said


def same(ours, theirs):
    """Make sure that two trials are one."""
    assert ours.number == theirs.number
    assert repr(ours.values and [*ours.values]) == repr(theirs.values)
    assert repr(dict(ours.params)) == repr(theirs.params)
    assert {n: json.loads(hpo.distributions.distribution_to_json(d)) for n, d in ours.distributions.items()} == {
        n: json.loads(optuna.distributions.distribution_to_json(d)) for n, d in theirs.distributions.items()
    }
    assert repr(dict(ours.user_attrs)) == repr(theirs.user_attrs)
    assert repr(sorted(ours.intermediate_values.items())) == repr(sorted(theirs.intermediate_values.items()))
    assert dict(ours.constraints) == theirs.constraints
    assert (ours.datetime_start, ours.datetime_complete) == (theirs.datetime_start, theirs.datetime_complete)
    assert dict(ours.fixed_params) == theirs.system_attrs.get("fixed_params", {})


def test_a_study_of_many_kinds_of_parameters_comes_whole(place, tmp_path):
    storage, path = place
    theirs = optuna.create_study(
        storage=storage, study_name="ü/../rich", direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1)
    )
    theirs.set_user_attr("tree", {"a": [1, 1.5, None, True, {"$float": "nan"}], "ü": "\n"})
    theirs.set_user_attr("n", math.inf)
    theirs.set_metric_names(["accuracy"])
    for i in range(12):
        trial = theirs.ask(DISTRIBUTIONS)
        trial.set_user_attr("tree", {"i": i, "x": [math.nan]})
        for step, value in [(5, math.nan), (2, math.inf), (7, -math.inf), (0, 0.1 * i)]:
            trial.report(value, step)
        trial.set_constraint("size", -1.0 + i)
        trial.set_constraint("b", math.inf)
        theirs.tell(trial, [0.1 * i, math.inf, -math.inf][i % 3])
    ours, said = brought(path, tmp_path)
    assert (ours.study_name, said.n_trials, said.n_waiting, said.n_interrupted) == ("ü/../rich", 12, 0, 0)
    assert ours.direction == "maximize"
    assert ours.state.metric_names == ("accuracy",)
    assert dict(ours.user_attrs) == theirs.user_attrs
    for trial, original in zip(ours.trials, theirs.trials, strict=True):
        assert trial.state is hpo.trial.TrialState.COMPLETE
        same(trial, original)
    assert [*ours.trials[0].intermediate_values] == [5, 2, 7, 0]
    ours.optimize(lambda trial: trial.suggest_float("f", -1.5, 2.5), n_trials=1)
    assert len(ours.trials) == 13


def test_every_state_comes_with_its_number(place, tmp_path):
    storage, path = place
    theirs = optuna.create_study(storage=storage, study_name="s")
    space = {"x": DISTRIBUTIONS["f"]}
    theirs.tell(theirs.ask(space), 1.0)
    pruned = theirs.ask(space)
    pruned.report(0.75, 3)
    theirs.tell(pruned, state=optuna.trial.TrialState.PRUNED)
    theirs.enqueue_trial({"x": 0.5, "k": "text", "b": True, "none": None}, user_attrs={"who": "me"})
    theirs.add_trial(optuna.create_trial(value=-0.0, params={"x": -1.5}, distributions=space))
    theirs.tell(theirs.ask(space), state=optuna.trial.TrialState.FAIL)  # takes the enqueued one
    running = theirs.ask(space)
    running.report(0.5, 1)
    running.set_user_attr("gpu", 3)
    theirs.enqueue_trial({"x": 0.25, "k": "text", "b": True, "none": None}, user_attrs={"who": "me"})
    ours, said = brought(path, tmp_path, "s", "renamed")
    assert (ours.study_name, said.n_trials, said.n_waiting, said.n_interrupted) == ("renamed", 6, 1, 1)
    assert [trial.state.name for trial in ours.trials] == ["COMPLETE", "PRUNED", "FAIL", "COMPLETE", "FAIL", "WAITING"]
    for trial, original in zip(ours.trials, theirs.trials, strict=True):
        if original.state is not optuna.trial.TrialState.WAITING:
            same(trial, original)
    assert ours.trials[4].reason == "it was still running when the study was imported from Optuna"
    assert ours.trials[4].finished_at is None
    assert ours.trials[2].reason is None
    started = ours.ask({"x": hpo.FloatDistribution(-1.5, 2.5)})
    assert (started.number, started.params) == (5, {"x": 0.25})
    assert dict(started.user_attrs) == {"who": "me"}


def test_import_of_several_objectives_and_constraints(place, tmp_path):
    storage, path = place
    sampler = optuna.samplers.NSGAIISampler(seed=1, constraints_func=lambda trial: (trial.params["f"], -1.0))
    theirs = optuna.create_study(
        storage=storage, study_name="mo", directions=["minimize", "maximize", "minimize"], sampler=sampler
    )
    theirs.set_metric_names(["a", "b", "c"])
    space = {name: DISTRIBUTIONS[name] for name in ["f", "i", "c"]}
    for _ in range(4):
        trial = theirs.ask(space)
        theirs.tell(trial, (trial.params["f"], trial.params["i"], 0.0))
    ours, _ = brought(path, tmp_path)
    assert [*ours.directions] == ["minimize", "maximize", "minimize"]
    for trial, original in zip(ours.trials, theirs.trials, strict=True):
        same(trial, original)
        assert trial.constraints["1"] == -1.0
        assert "nsga2:generation" not in trial.note
    assert [trial.number for trial in ours.best_trials] == [trial.number for trial in theirs.best_trials]


def test_values_outside_their_range_stay_what_they_are(place, tmp_path):
    storage, path = place
    theirs = optuna.create_study(storage=storage, study_name="s")
    theirs.enqueue_trial({"f": 99.0, "st": 0.55})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        trial = theirs.ask(DISTRIBUTIONS)
    trial.report(1.5, 0)
    theirs.tell(trial, 0.5)
    theirs.tell(theirs.ask(DISTRIBUTIONS), 0.25)
    ours, _ = brought(path, tmp_path)
    assert (ours.trials[0].params["f"], ours.trials[0].params["st"]) == (99.0, 0.55)
    for trial, original in zip(ours.trials, theirs.trials, strict=True):
        same(trial, original)
    ours.optimize(lambda trial: trial.suggest_float("f", -1.5, 2.5), n_trials=12)


def test_invalid_value_in_optuna_is_named_with_its_trial(place, tmp_path):
    storage, path = place
    theirs = optuna.create_study(storage=storage, study_name="s")
    theirs.tell(theirs.ask(DISTRIBUTIONS), 0.5)
    theirs.enqueue_trial({"i": 1e308})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        theirs.tell(theirs.ask(DISTRIBUTIONS), 0.25)
    with pytest.raises(
        InvalidArgument, match=r"trial 1 cannot be imported: 10+.* is not a valid value for the parameter"
    ):
        import_optuna(path, None, tmp_path / "hpo")
    assert not (tmp_path / "hpo").exists()


def test_deprecated_distributions_are_understood(place, tmp_path):
    storage, path = place
    d = optuna.distributions
    old = {
        "u": d.UniformDistribution(0.0, 1.0),
        "lu": d.LogUniformDistribution(0.001, 1.0),
        "du": d.DiscreteUniformDistribution(0.0, 1.0, 0.25),
        "iu": d.IntUniformDistribution(0, 9, 3),
        "ilu": d.IntLogUniformDistribution(1, 9),
    }
    theirs = optuna.create_study(storage=storage, study_name="s")
    study_id = storage.get_study_id_from_name("s")
    trial_id = storage.create_new_trial(study_id)
    for name, distribution in old.items():
        storage.set_trial_param(trial_id, name, 1.0 if name[0] != "i" else 3.0, distribution)
    storage.set_trial_state_values(trial_id, optuna.trial.TrialState.COMPLETE, [0.5])
    assert len(theirs.trials) == 1
    assert "UniformDistribution" in path.read_bytes().decode(errors="replace")
    ours, _ = brought(path, tmp_path)
    assert dict(ours.trials[0].distributions) == {
        "u": hpo.FloatDistribution(0.0, 1.0),
        "lu": hpo.FloatDistribution(0.001, 1.0, log=True),
        "du": hpo.FloatDistribution(0.0, 1.0, step=0.25),
        "iu": hpo.IntDistribution(0, 9, step=3),
        "ilu": hpo.IntDistribution(1, 9, log=True),
    }
    assert repr(dict(ours.trials[0].params)) == "{'u': 1.0, 'lu': 1.0, 'du': 1.0, 'iu': 3, 'ilu': 3}"


def test_abbreviated_distributions_are_understood():
    from hpo.transfer.optuna_translation import distribution_of

    for text, distribution in [
        ('{"type": "float", "low": 0, "high": 1, "log": false, "step": 0.5}', hpo.FloatDistribution(0, 1, step=0.5)),
        ('{"type": "int", "low": 1, "high": 9, "log": true}', hpo.IntDistribution(1, 9, log=True)),
        ('{"type": "categorical", "choices": [1, NaN]}', hpo.CategoricalDistribution([1, math.nan])),
    ]:
        assert distribution_of(text)[0] == distribution
        assert optuna.distributions.json_to_distribution(text)


def test_choices_that_are_lists_or_duplicates_are_converted(place, tmp_path):
    storage, path = place
    theirs = optuna.create_study(storage=storage, study_name="s", sampler=optuna.samplers.RandomSampler(seed=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for choice in [[1, 2], "b", "b", "c"]:
            theirs.enqueue_trial({"k": choice})
            trial = theirs.ask()
            trial.suggest_categorical("k", [[1, 2], "b", "b", "c"])
            theirs.tell(trial, 0.0)
    ours, _ = brought(path, tmp_path)
    assert [trial.params["k"] for trial in ours.trials] == ["[1, 2]", "b", "b", "c"]
    assert ours.trials[0].distributions["k"] == hpo.CategoricalDistribution(["[1, 2]", "b", "c"])
    assert ours.trials[0].fixed_params["k"] == "[1, 2]"


def test_a_retried_trial_waits_with_its_parameters(place, tmp_path):
    storage, path = place
    theirs = optuna.create_study(storage=storage, study_name="s")
    theirs.tell(theirs.ask(DISTRIBUTIONS), state=optuna.trial.TrialState.FAIL)
    optuna.storages.RetryFailedTrialCallback()(theirs, theirs.trials[0])
    ours, _ = brought(path, tmp_path)
    assert ours.trials[1].state.name == "WAITING"
    assert dict(ours.trials[1].fixed_params) == theirs.trials[0].params


def test_what_samplers_attached_is_noted_without_pickles(place, tmp_path):
    storage, path = place
    theirs = optuna.create_study(storage=storage, study_name="s")
    trial = theirs.ask(DISTRIBUTIONS)
    storage.set_trial_system_attr(trial._trial_id, "grid_id", 7)
    storage.set_trial_system_attr(trial._trial_id, "cma:optimizer:0", "80049500")
    theirs.tell(trial, 1.0)
    ours, _ = brought(path, tmp_path)
    assert dict(ours.trials[0].note) == {"optuna": {"grid_id": 7}}


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")
@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({"type": "float", "low": 1.0, "high": 2.0}, {"type": "float", "low": 1.0, "high": 2.0, "log": True}),
        ({"type": "int", "low": 1, "high": 2, "log": True}, {"type": "int", "low": 1, "high": 2}),
        ({"type": "categorical", "choices": ["b", "b"]}, {"type": "categorical", "choices": ["b", "b", "b"]}),
        ({"type": "categorical", "choices": ["b", [1]]}, {"type": "categorical", "choices": ["b", "[1]"]}),
    ],
)
def test_a_parameter_that_optuna_refused_is_not_there(place, tmp_path, first, again):
    storage, path = place
    theirs = optuna.create_study(storage=storage, study_name="s")
    kinds = [optuna.distributions.json_to_distribution(json.dumps(kind)) for kind in (first, again)]
    theirs.tell(theirs.ask({"x": kinds[0]}), 1.0)
    trial = theirs.ask()
    with pytest.raises(ValueError, match=r"same parameter name|dynamic value space"):
        trial._suggest("x", kinds[1])
    theirs.tell(trial, 2.0)
    assert "x" not in theirs.trials[1].params
    ours, _ = brought(path, tmp_path)
    assert [[*trial.params] for trial in ours.trials] == [["x"], []]


def test_choices_may_be_nan_and_change_types_as_in_optuna(place, tmp_path):
    storage, path = place
    theirs = optuna.create_study(storage=storage, study_name="s")
    choices = optuna.distributions.CategoricalDistribution
    theirs.tell(theirs.ask({"x": choices([math.nan, 1])}), 1.0)
    theirs.tell(theirs.ask({"x": choices([math.nan, True])}), 2.0)
    ours, _ = brought(path, tmp_path)
    assert repr([trial.params["x"] for trial in ours.trials]) == repr([trial.params["x"] for trial in theirs.trials])


def test_the_study_is_chosen_by_name(place, tmp_path):
    storage, path = place
    for name in ["a", "b", "gone"]:
        study = optuna.create_study(storage=storage, study_name=name)
        study.tell(study.ask({"x": DISTRIBUTIONS["f"]}), 1.0)
    optuna.delete_study(study_name="gone", storage=storage)
    optuna.create_study(storage=storage, study_name="gone", direction="maximize")
    study = optuna.load_study(storage=storage, study_name="b")
    study.tell(study.ask({"x": DISTRIBUTIONS["f"]}), 2.0)
    with pytest.raises(StudyNotFound, match="pass study_name"):
        import_optuna(path, None, tmp_path / "hpo")
    with pytest.raises(StudyNotFound, match="'a', 'b', 'gone'"):
        import_optuna(path, "c", tmp_path / "hpo")
    ours, _ = brought(path, tmp_path, "b")
    assert [trial.value for trial in ours.trials] == [1.0, 2.0]
    again, _ = brought(path, tmp_path, "gone")
    assert (again.direction, len(again.trials)) == ("maximize", 0)
    with pytest.raises(DuplicatedStudyError):
        import_optuna(path, "b", tmp_path / "hpo")


def test_the_source_is_only_read(place, tmp_path):
    storage, path = place
    study = optuna.create_study(storage=storage, study_name="s")
    study.tell(study.ask(DISTRIBUTIONS), 1.0)
    content = path.read_bytes()
    path.chmod(0o444)
    ours, _ = brought(path, tmp_path)
    assert len(ours.trials) == 1
    assert path.read_bytes() == content
    assert {file.name for file in tmp_path.iterdir()} == {path.name, "hpo"}


def test_an_import_is_whole_or_nothing(place, tmp_path):
    storage, path = place
    study = optuna.create_study(storage=storage, study_name="s")
    study.tell(study.ask(DISTRIBUTIONS), 1.0)
    trial = study.ask(DISTRIBUTIONS)
    storage.set_trial_user_attr(trial._trial_id, "deep", json.loads("[" * 150 + "]" * 150))
    with pytest.raises(InvalidArgument, match=r"trial 1 .*deeper"):
        import_optuna(path, None, tmp_path / "hpo")
    assert not (tmp_path / "hpo").exists()


@pytest.mark.parametrize("url", ["sqlite:///{0}", "sqlite+pysqlite:///{0}", "{0}"])
def test_a_url_of_sqlite_will_do(tmp_path, url):
    path = tmp_path / "odd name #%.db"
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    optuna.create_study(storage=storage, study_name="s")
    storage.engine.dispose()
    place = url.format(str(path).replace("%", "%25") if "://" in url else path)
    assert import_optuna(place, None, tmp_path / "hpo").study_name == "s"


def test_times_of_older_versions_were_local(tmp_path, monkeypatch):
    import time

    path = tmp_path / "optuna.db"
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study = optuna.create_study(storage=storage, study_name="s")
    study.tell(study.ask(), 1.0)
    storage.engine.dispose()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE trials SET datetime_start = '2026-07-01 12:00:00.000001'")
        db.execute("UPDATE version_info SET library_version = '4.5.0'")
        db.commit()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        ours, _ = brought(path, tmp_path)
        expected = datetime.datetime(2026, 7, 1, 12, 0, 0, 1)  # noqa: DTZ001 - local, like those of trials
        assert ours.trials[0].datetime_start == expected
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("UPDATE version_info SET library_version = '5.0.0'")
            db.commit()
        ours, _ = brought(path, tmp_path, None, "later")
        assert ours.trials[0].datetime_start == expected + datetime.timedelta(hours=9)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_number_without_a_trial_is_filled(tmp_path):
    path = tmp_path / "optuna.db"
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    study = optuna.create_study(storage=storage, study_name="s")
    for value in [0.0, 1.0, 2.0]:
        study.tell(study.ask(), value)
    storage.engine.dispose()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM trial_values WHERE trial_id = 2")
        db.execute("DELETE FROM trials WHERE number = 1")
        db.commit()
    ours, _ = brought(path, tmp_path)
    assert [trial.value for trial in ours.trials] == [0.0, None, 2.0]
    assert ours.trials[1].reason == "Optuna has no trial with this number"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: hpo.create_study(storage=f"sqlite:///{path}"), "a database of this library"),
        (lambda path: hpo.create_study(storage=FileStorage(path)), "a journal of this library"),
        (lambda path: path.mkdir(), "not a regular file"),
        (os.mkfifo, "not a regular file"),
    ],
)
def test_what_can_not_be_from_optuna_is_said_at_once(tmp_path, make, problem):
    path = tmp_path / "place"
    make(path)
    with pytest.raises(UnsupportedJournal, match=problem):
        import_optuna(path, None, tmp_path / "hpo")


def test_an_empty_path_is_refused(tmp_path):
    with pytest.raises(InvalidArgument, match="'' is not a path"):
        import_optuna("", None, tmp_path / "hpo")


def test_optuna_is_not_imported(tmp_path):
    import subprocess

    path = tmp_path / "optuna.db"
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}")
    optuna.create_study(storage=storage, study_name="s")
    storage.engine.dispose()
    script = (
        "import sys; sys.modules['optuna'] = sys.modules['pickle'] = None; from hpo.transfer import import_optuna; "
        f"print(import_optuna({str(path)!r}, None, {str(tmp_path / 'hpo')!r}).study_name)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("s\n", "")
