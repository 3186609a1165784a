"""`import hpo` is cheap, and says the same to people, programs and type checkers."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import hpo

ROOT = Path(hpo.__file__).parent
HEAVY = ("numpy", "scipy", "pandas", "click", "plotly", "sqlite3", "sqlite_utils", "tqdm", "hypothesis")


def loaded_after(statement):
    script = f"import sys\n{statement}\nprint(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


def test_import_hpo_loads_nothing_heavy():
    assert not loaded_after("import hpo") & set(HEAVY)


def test_a_random_search_loads_neither_scipy_nor_a_command_line():
    statement = (
        "import hpo; hpo.logging.set_verbosity(hpo.logging.ERROR)\n"
        "study = hpo.create_study(sampler=hpo.samplers.RandomSampler(), pruner=hpo.pruners.NopPruner())\n"
        "study.optimize(lambda trial: trial.suggest_float('x', 0, 1), n_trials=2)"
    )
    assert not loaded_after(statement) & {"scipy", "pandas", "click", "plotly", "sqlite3"}


@pytest.mark.parametrize("name", hpo.__all__)
def test_every_public_name_is_there(name):
    assert getattr(hpo, name) is not None
    assert name in dir(hpo)


@pytest.mark.parametrize("room", [hpo, hpo.study])
def test_an_unknown_name_is_an_attribute_error(room):
    with pytest.raises(AttributeError, match=f"module '{room.__name__}' has no attribute 'no_such_name'"):
        _ = room.no_such_name


def test_what_optuna_has_and_hpo_does_otherwise_is_an_error_that_says_how():
    with pytest.raises(AttributeError, match="no attribute 'storages': a study is kept at a path or URL"):
        _ = hpo.storages.JournalStorage
    with pytest.raises(AttributeError, match=r"'search_space': hpo\.samplers has intersection_search_space"):
        _ = hpo.search_space.intersection_search_space


@pytest.mark.parametrize("name", hpo.study.__all__)
def test_names_of_studies_are_in_the_room_of_studies_too(name):
    assert getattr(hpo.study, name) is getattr(hpo, name, hpo.study.MaxTrialsCallback)
    assert name in dir(hpo.study)


def test_type_checkers_see_the_names_of_studies():
    tree = ast.parse((ROOT / "study" / "__init__.py").read_text())
    (shown,) = [node for node in tree.body if isinstance(node, ast.If)]
    names = {alias.asname for node in shown.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names == set(hpo.study.__all__)


@pytest.mark.parametrize("name", hpo.exceptions.__all__)
def test_exceptions_are_found_under_the_name_of_the_field(name):
    assert getattr(hpo.exceptions, name) is getattr(hpo.errors, name)


def test_type_checkers_see_the_same_names():
    stub = ast.parse((ROOT / "__init__.pyi").read_text())
    names = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names | {"__version__"} == set(hpo.__all__)


def has_example(thing):
    members = vars(thing).values() if inspect.isclass(thing) else ()
    return any(">>>" in (getattr(each, "__doc__", None) or "") for each in (thing, *members))


@pytest.mark.parametrize(
    "room", [hpo, hpo.study, hpo.samplers, hpo.pruners, hpo.distributions], ids=lambda room: room.__name__
)
def test_public_functions_and_classes_are_documented_with_an_example(room):
    public = {name: getattr(room, name) for name in room.__all__}
    documented = {
        name: value
        for name, value in public.items()
        if inspect.isfunction(value) or (inspect.isclass(value) and not issubclass(value, Exception))
    }
    assert documented
    assert [name for name, value in documented.items() if not has_example(value)] == []
