"""Every public name of Optuna 5 is in hpo with the same parameters, or a row of the page on coming from Optuna says why not."""

import importlib.util
import re
import warnings
from pathlib import Path
from types import ModuleType

import pytest

import hpo
from hpo.errors import InvalidArgument, InvalidType, UnsupportedJournal

pytest.importorskip("optuna", reason="Optuna is not installed", exc_type=ImportError)
ROOT = Path(__file__).parents[2]


def loaded_gate():
    spec = importlib.util.spec_from_file_location("port_gate", ROOT / ".ci" / "port_gate.py")
    gate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gate)
    return gate


GATE = loaded_gate()
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    FOUND, N_COMPARED = GATE.differences()


def test_everything_that_differs_has_a_row_with_a_reason():
    rows = GATE.rows()
    assert all(rows.values()), "each row has a reason"
    uncovered = {name: problem for name, problem in FOUND.items() if not any(GATE.covers(row, name) for row in rows)}
    assert uncovered == {}, "add rows to the table of docs/how-to/coming-from-optuna.md"


def test_every_row_is_about_something_that_differs():
    stale = [row for row in GATE.rows() if not any(GATE.covers(row, name) for name in FOUND)]
    assert stale == [], "remove these rows from docs/how-to/coming-from-optuna.md"


def test_the_first_sentence_says_no_more_than_is_true():
    said = GATE.FIGURES.search(GATE.PAGE.read_text(encoding="utf-8"))
    assert said, "the page says how many names are there"
    there, of = map(int, re.findall(r"\d+", said[0]))
    assert of == N_COMPARED
    assert there <= N_COMPARED - len(FOUND), "run python .ci/port_gate.py --write"
    assert N_COMPARED > 300, "the introspection finds what Optuna has"


GROWING = ("importance.", "visualization.", "artifacts.")  # rooms that are being built


@pytest.mark.parametrize(
    "name", [name for name, problem in FOUND.items() if problem == "missing" and not name.startswith(GROWING)]
)
def test_a_missing_name_gives_advice(name):
    module = hpo
    for part in name.split("."):
        if not isinstance(module, ModuleType):
            return  # a member of a class
        try:
            module = getattr(module, part)
        except AttributeError as error:
            advice = str(error)
            break
    assert "coming-from-optuna" in advice


@pytest.mark.parametrize(
    ("module", "name", "advice"),
    [
        ("hpo", "TPESampler", "it is hpo.samplers.TPESampler"),
        ("hpo", "MedianPruner", "it is hpo.pruners.MedianPruner"),
        ("hpo", "crate_study", "did you mean create_study"),
        ("hpo.samplers", "CMAESSampler", "did you mean CmaEsSampler"),
        ("hpo.samplers", "TPESamler", "did you mean TPESampler"),
        ("hpo.pruners", "median_pruner", "did you mean MedianPruner"),
        ("hpo.study", "load_studdy", "did you mean load_study"),
        ("hpo.integration", "LightGBMTuner", "integrations are adapters, packages beside hpo"),
        ("hpo.samplers", "MOTPESampler", "takes several objectives; see docs/how-to/coming-from-optuna.md"),
    ],
)
def test_a_name_that_does_not_exist_gives_advice(module, name, advice):
    with pytest.raises(AttributeError, match=re.escape(advice)):
        getattr(importlib.import_module(module), name)


def test_storages_have_the_names_of_optuna(tmp_path):
    storages = hpo.storages
    assert storages.InMemoryStorage().location == "memory"
    database = storages.RDBStorage(
        f"sqlite:///{tmp_path}/a.db",
        engine_kwargs={"connect_args": {"timeout": 5}},
        heartbeat_interval=60,
        grace_period=120,
    )
    directory = storages.JournalStorage(storages.journal.JournalFileBackend(str(tmp_path / "journal.log")))
    file = storages.JournalStorage(
        storages.journal.JournalFileBackend(
            str(tmp_path / "a.jsonl"), lock_obj=storages.JournalFileOpenLock(str(tmp_path / "a.jsonl"))
        )
    )
    for storage in (database, directory, file):
        study = hpo.create_study(storage=storage, study_name="digits")
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
        assert isinstance(storage, storages.BaseStorage)
        assert len(hpo.load_study(study_name="digits", storage=storage).trials) == 1
        storages.fail_stale_trials(study)


def test_what_a_storage_cannot_do_is_refused(tmp_path):
    with pytest.raises(InvalidArgument, match=r"callbacks=\[hpo.RetryFailedTrials"):
        hpo.storages.RDBStorage(
            "sqlite:///a.db", failed_trial_callback=hpo.storages.RetryFailedTrialCallback(max_retry=3)
        )
    with pytest.raises(InvalidType, match="JournalFileBackend"):
        hpo.storages.JournalStorage("a.jsonl")
    (tmp_path / "journal.log").write_text("{}")
    with pytest.raises(UnsupportedJournal, match="import_optuna"):
        hpo.storages.journal.JournalFileBackend(str(tmp_path / "journal.log"))
    with pytest.raises(InvalidArgument, match="checkpoint"):
        hpo.storages.RetryFailedTrialCallback(inherit_intermediate_values=True)


def test_old_names_work_with_a_warning():
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), seed=1)
    trial = study.ask()
    old = {
        "suggest_uniform": (0, 1),
        "suggest_loguniform": (0.1, 1),
        "suggest_discrete_uniform": (0, 1, 0.25),
    }
    for name, arguments in old.items():
        with pytest.warns(FutureWarning, match=f"{name} is an old name: use suggest_float"):
            value = getattr(trial, name)(name, *arguments)
        for again in (hpo.trial.FixedTrial({name: value}), study.trials[0]):
            with pytest.warns(FutureWarning, match="old name"):
                assert getattr(again, name)(name, *arguments) == value
    assert study.trials[0].distributions["suggest_discrete_uniform"] == hpo.FloatDistribution(0, 1, step=0.25)
    distributions = hpo.distributions
    for make, made in (
        (lambda: distributions.UniformDistribution(0, 1), hpo.FloatDistribution(0, 1)),
        (lambda: distributions.LogUniformDistribution(1, 2), hpo.FloatDistribution(1, 2, log=True)),
        (lambda: distributions.DiscreteUniformDistribution(0, 1, 0.5), hpo.FloatDistribution(0, 1, step=0.5)),
        (lambda: distributions.IntUniformDistribution(1, 7, 3), hpo.IntDistribution(1, 7, step=3)),
        (lambda: distributions.IntLogUniformDistribution(1, 7), hpo.IntDistribution(1, 7, log=True)),
    ):
        with pytest.warns(FutureWarning, match="is an old name: use"):
            assert make() == made
    assert isinstance(hpo.FloatDistribution(0, 1), distributions.UniformDistribution)
    assert not isinstance(hpo.FloatDistribution(0, 1), distributions.IntUniformDistribution)


def test_base_classes_are_for_isinstance():
    study = hpo.create_study()
    for trial in (study.ask(), study.trials[0], hpo.trial.FixedTrial({})):
        assert isinstance(trial, hpo.trial.BaseTrial)
    for distribution in (hpo.FloatDistribution(0, 1), hpo.IntDistribution(0, 1), hpo.CategoricalDistribution(["a"])):
        assert isinstance(distribution, hpo.distributions.BaseDistribution)
        assert isinstance(distribution, hpo.distributions.DISTRIBUTION_CLASSES)
        value = distribution.from_unit(0.2)
        assert distribution.to_external_repr(distribution.to_internal_repr(value)) == value
        assert type(distribution.to_internal_repr(value)) is float


def test_errors_have_optunas_names(tmp_path):
    exceptions = hpo.exceptions
    assert exceptions.OptunaError is hpo.HpoError
    assert issubclass(exceptions.ExperimentalWarning, Warning)
    study = hpo.create_study()
    study.tell(study.ask(), 1.0)
    with pytest.raises(exceptions.UpdateFinishedTrialError):
        study.tell(0, 1.0)
    path = tmp_path / "a.jsonl"
    hpo.create_study(storage=str(path), study_name="a")
    path.write_text("nonsense\n" + path.read_text())
    with pytest.raises(exceptions.StorageInternalError):
        hpo.load_study(storage=str(path))


def test_a_running_trial_knows_its_study():
    study = hpo.create_study(seed=1)

    def objective(trial):
        trial.suggest_float("x", 0, 1)
        assert trial.study is study
        if trial.number == 3:
            trial.study.stop()
        return trial.suggest_float("y", 0, 1)

    study.optimize(objective, n_trials=9)
    assert len(study.trials) == 4
    trial = study.ask()
    assert set(trial.relative_params) == {"x", "y"}
    assert trial.params == {}


def test_positional_arguments_are_in_the_order_of_optuna(tmp_path):
    path = str(tmp_path / "a.jsonl")
    hpo.create_study(storage=path, study_name="a", sampler=hpo.samplers.RandomSampler(seed=4))
    study = hpo.Study("a", path)
    assert isinstance(study.pruner, hpo.pruners.MedianPruner)
    study.enqueue_trial({"x": 0.5}, {"from": "me"}, True)
    study.enqueue_trial({"x": 0.5}, {"from": "me"}, True)
    trial = study.ask(fixed_distributions={"x": hpo.FloatDistribution(0, 1)})
    assert (trial.params, len(study.trials)) == ({"x": 0.5}, 1)
    study.tell(trial, 1.0, None, False)
    assert study.tell(0, 2.0, None, True).value == 1.0
    with pytest.raises(InvalidArgument, match="two names for one argument"):
        study.ask({}, fixed_distributions={})


def test_options_of_samplers_that_change_nothing_are_accepted():
    samplers = hpo.samplers
    quiet = {"warn_independent_sampling": False}
    for sampler in (
        samplers.TPESampler(multivariate=None, **quiet),
        samplers.CmaEsSampler(**quiet),
        samplers.GPSampler(**quiet),
        samplers.QMCSampler(warn_asynchronous_seeding=False, **quiet),
    ):
        assert sampler == type(sampler)()
    study = hpo.create_study(sampler=samplers.QMCSampler(independent_sampler=lambda *_: hpo.Suggestion({"x": 0.25})))
    assert study.ask().suggest_float("x", 0, 1) == 0.25
    grid = samplers.GridSampler({"x": [1, 2]})
    study = hpo.create_study(sampler=grid)
    exhausted = []
    for _ in range(2):
        study.optimize(lambda trial: trial.suggest_int("x", 1, 2), n_trials=1)
        exhausted.append(grid.is_exhausted(study))
    assert exhausted == [False, True]
