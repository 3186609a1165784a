"""What programs for Optuna give and expect, and what costs hpo nothing to take and to return."""

import enum
import logging
import warnings

import numpy as np
import pytest
from optuna_programs import same_with_optuna

import hpo
from hpo.errors import InvalidArgument, InvalidDistribution, InvalidType, StudyNotFound


class Optimizer(enum.StrEnum):
    ADAM = "adam"
    SGD = "sgd"


@same_with_optuna
def test_members_of_enumerations_come_back(library):
    study = library.create_study()
    trial = study.ask()
    first = trial.suggest_categorical("optimizer", [Optimizer.ADAM])
    study.tell(trial, 1.0)
    fixed = library.trial.FixedTrial({"optimizer": "adam"}).suggest_categorical("optimizer", list(Optimizer))
    again = study.best_trial.suggest_categorical("optimizer", [Optimizer.ADAM])
    return first is Optimizer.ADAM, again is Optimizer.ADAM, fixed == "adam", study.best_params == {"optimizer": "adam"}


@same_with_optuna
def test_studies_are_listed_in_the_order_of_their_creation(library):
    for name in ("b", "c", "a"):
        library.create_study(study_name=name, storage="sqlite:///studies.db")
    summaries = library.get_all_study_summaries("sqlite:///studies.db")
    return library.get_all_study_names("sqlite:///studies.db"), [summary.study_name for summary in summaries]


def test_studies_of_every_storage_are_listed_in_the_order_of_their_creation(tmp_path):
    for storage in (hpo.storages.InMemoryStorage(), f"{tmp_path}/runs/", f"sqlite:///{tmp_path}/a.db"):
        for name in ("b", "c", "a"):
            hpo.create_study(study_name=name, storage=storage)
        assert hpo.get_all_study_names(storage) == ["b", "c", "a"]


def test_a_study_that_cannot_be_read_is_listed_last(tmp_path):
    for name in ("a", "b"):
        study = hpo.create_study(study_name=name, storage=f"{tmp_path}/runs/", sampler=hpo.samplers.RandomSampler())
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    (path,) = (tmp_path / "runs").glob("a*.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"nonsense\n", *lines[3:]]))
    assert hpo.get_all_study_names(f"{tmp_path}/runs/") == ["b", "a"]


@same_with_optuna
def test_best_trials_without_a_feasible_trial_is_empty(library):
    study = library.create_study(directions=["minimize", "minimize"])
    for violation in (1.0, 0.5):
        trial = study.ask()
        trial.set_constraint("size", violation)
        study.tell(trial, [1.0, 2.0])
    none = len(study.best_trials)
    trial = study.ask()
    trial.set_constraint("size", 0.0)
    study.tell(trial, [9.0, 9.0])
    return none, [trial.number for trial in study.best_trials]


@same_with_optuna
def test_frames_with_an_index_of_two_levels_number_the_values(library):
    study = library.create_study(directions=["minimize", "maximize"])
    study.tell(study.ask(), [1.0, 2.0])
    frame = study.trials_dataframe(multi_index=True)
    flat = study.trials_dataframe()
    return [column for column in frame.columns if column[0] == "values"], [*flat.columns][:3]


@same_with_optuna
def test_made_trials_have_times(library):
    seen = []
    for state, value in (("COMPLETE", 1.0), ("PRUNED", None), ("FAIL", None), ("WAITING", None)):
        trial = library.create_trial(state=library.trial.TrialState[state], value=value)
        seen.append((trial.datetime_start is None, trial.datetime_complete == trial.datetime_start))
    return seen


@same_with_optuna
def test_load_study_without_a_name_needs_one_study(library):
    for name in ("a", "b"):
        library.create_study(study_name=name, storage="sqlite:///several.db")
    try:
        library.load_study(study_name=None, storage="sqlite:///several.db")
    except ValueError as error:
        return isinstance(error, ValueError)
    return None


def test_a_missing_study_is_a_key_error_and_a_value_error():
    with pytest.raises(StudyNotFound) as caught:
        hpo.load_study(study_name="none", storage=hpo.storages.InMemoryStorage())
    assert isinstance(caught.value, KeyError)


@pytest.mark.parametrize(
    "choices", [np.array([1, 2]), {1: "a", 2: "b"}.keys(), {"a": 1, "b": 2}.values(), range(1, 3), (1, 2)], ids=str
)
def test_choices_are_any_sequence(choices):
    assert hpo.CategoricalDistribution(choices).choices == (1, 2)
    trial = hpo.create_study().ask()
    assert trial.suggest_categorical("x", choices) in (1, 2)


@pytest.mark.parametrize(
    "choices",
    [{1, 2}, "ab", 3, np.zeros((2, 2)), (n for n in range(2))],
    ids=["set", "string", "number", "two dimensions", "generator"],
)
def test_choices_without_an_order_are_refused(choices):
    with pytest.raises(InvalidType, match="choice"):
        hpo.CategoricalDistribution(choices)


def test_arrays_in_attributes_become_lists():
    study = hpo.create_study()
    study.set_user_attr("weights", np.array([[1.0, 2.0], [3.0, np.inf]]))
    trial = study.ask()
    trial.set_user_attr("seeds", {"all": np.arange(3)})
    assert study.user_attrs["weights"] == [[1.0, 2.0], [3.0, np.inf]]
    assert study.trials[0].user_attrs == {"seeds": {"all": [0, 1, 2]}}


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ('{"type": "float", "low": 0, "high": 1}', hpo.FloatDistribution(0, 1)),
        ('{"type": "float", "low": 1, "high": 2, "log": true}', hpo.FloatDistribution(1, 2, log=True)),
        ('{"type": "int", "low": 0, "high": 8, "step": 2}', hpo.IntDistribution(0, 8, step=2)),
        ('{"type": "categorical", "choices": ["a", null]}', hpo.CategoricalDistribution(["a", None])),
        ('{"name": "UniformDistribution", "attributes": {"low": 0.0, "high": 1.0}}', hpo.FloatDistribution(0, 1)),
        (
            '{"name": "LogUniformDistribution", "attributes": {"low": 1.0, "high": 2.0}}',
            hpo.FloatDistribution(1, 2, log=True),
        ),
        (
            '{"name": "DiscreteUniformDistribution", "attributes": {"low": 0.0, "high": 1.0, "q": 0.5}}',
            hpo.FloatDistribution(0, 1, step=0.5),
        ),
        (
            '{"name": "IntUniformDistribution", "attributes": {"low": 1, "high": 7, "step": 2}}',
            hpo.IntDistribution(1, 7, step=2),
        ),
        (
            '{"name": "IntLogUniformDistribution", "attributes": {"low": 1, "high": 7, "step": 1}}',
            hpo.IntDistribution(1, 7, log=True),
        ),
    ],
)
def test_distributions_are_read_from_the_forms_that_optuna_reads(text, distribution):
    assert hpo.distributions.json_to_distribution(text) == distribution
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed", exc_type=ImportError)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = optuna.distributions.json_to_distribution(text)
    if "Uniform" not in text:
        ours = hpo.distributions.distribution_to_json(distribution)
        assert theirs == optuna.distributions.json_to_distribution(ours)


@pytest.mark.parametrize(
    "text",
    ['{"type": "float", "low": 0}', '{"type": "complex", "low": 0}', '{"type": "int", "low": 0, "high": 1, "q": 1}'],
)
def test_other_forms_of_distributions_are_refused(text):
    with pytest.raises(InvalidDistribution):
        hpo.distributions.json_to_distribution(text)


def test_urls_of_databases_may_be_those_of_other_libraries(tmp_path):
    assert hpo.create_study(storage="sqlite:///:memory:").storage.location == "memory"
    path = f"sqlite:///{tmp_path}/a.db"
    hpo.create_study(storage=f"{path}?timeout=5", study_name="a")
    assert hpo.get_all_study_names(path) == ["a"]
    with pytest.raises(InvalidArgument, match="only timeout=<seconds> is taken"):
        hpo.create_study(storage=f"{path}?mode=ro")


def test_a_seeded_sampler_in_a_second_study_is_noticed(caplog):
    sampler = hpo.samplers.RandomSampler(seed=3)
    hpo.logging.enable_propagation()
    try:
        with caplog.at_level(logging.WARNING, logger="hpo"):
            hpo.create_study(sampler=sampler, study_name="first")
            hpo.create_study(sampler=hpo.samplers.RandomSampler(seed=3))
            assert caplog.messages == []
            hpo.create_study(sampler=sampler, study_name="second")
    finally:
        hpo.logging.disable_propagation()
    (message,) = {*caplog.messages}
    assert "'second' gets the random numbers of study 'first'" in message


class Model:
    def __init__(self, size):
        self.size = size


def test_a_study_in_memory_keeps_any_object_with_a_warning():
    study = hpo.create_study()

    def objective(trial):
        with pytest.warns(UserWarning, match="'model' is a Model, which only a study in memory can keep"):
            trial.set_user_attr("model", Model(trial.number))
        trial.set_user_attr("size", 3)
        return trial.number

    study.optimize(objective, n_trials=2)
    with pytest.warns(UserWarning, match="'factory' is a type"):
        study.set_user_attr("factory", Model)
    assert study.user_attrs["factory"] is Model
    assert [trial.user_attrs["model"].size for trial in study.trials] == [0, 1]
    assert study.best_trial.user_attrs["size"] == 3
    assert study.trials[0].user_attrs["model"] is study.best_trial.user_attrs["model"]


def test_an_object_of_a_study_in_memory_cannot_be_written(tmp_path):
    storage = hpo.storages.InMemoryStorage()
    study = hpo.create_study(storage=storage, study_name="a")
    trial = study.ask()
    with pytest.warns(UserWarning, match="only a study in memory"):
        trial.set_user_attr("model", Model(1))
    study.tell(trial, 1.0)
    for write in (
        lambda: hpo.copy_study(from_study_name="a", from_storage=storage, to_storage=f"{tmp_path}/b.jsonl"),
        study.state.to_bytes,
        lambda: hpo.create_study().add_trial(study.trials[0]),
    ):
        with pytest.raises(InvalidType, match="Model"):
            write()


def test_a_journal_refuses_objects_and_says_what_to_do(tmp_path):
    study = hpo.create_study(storage=f"{tmp_path}/a.jsonl")
    trial = study.ask()
    for thing in (trial, study):
        with pytest.raises(
            InvalidType, match=r"attribute 'model': .*save it to a file, and set the attribute to its path"
        ):
            thing.set_user_attr("model", Model(1))
    with pytest.raises(InvalidType, match="key"):
        trial.set_user_attr(3, Model(1))
    assert study.trials[0].user_attrs == {}


@same_with_optuna
def test_distributions_may_be_subclassed_with_an_init_of_their_own(library):
    class Rate(library.distributions.FloatDistribution):
        def __init__(self, high=0.1):
            super().__init__(1e-5, high, log=True)
            self.shown = f"up to {self.high}"

    class Units(library.distributions.IntDistribution):
        def __init__(self, largest):
            super().__init__(low=8, high=largest, step=8)

    class Kind(library.distributions.CategoricalDistribution):
        def __init__(self):
            super().__init__(("a", "b"))

    study = library.create_study()
    trial = study.ask(fixed_distributions={"rate": Rate(), "units": Units(64), "kind": Kind()})
    study.tell(trial, 1.0)
    of_kind = isinstance(Rate(), library.distributions.FloatDistribution)
    return sorted(trial.params), trial.params["units"] % 8, Rate().high, Rate(0.5).high, of_kind
