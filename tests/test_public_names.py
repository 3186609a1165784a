"""`import hpo` is cheap, and its names are the same for users, programs and type checkers."""

import ast
import inspect
import re
import subprocess
import sys
import tomllib
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
def test_every_public_name_exists(name):
    assert getattr(hpo, name) is not None
    assert name in dir(hpo)


@pytest.mark.parametrize("room", [hpo, hpo.study])
def test_an_unknown_name_raises_attribute_error(room):
    with pytest.raises(AttributeError, match=f"module '{room.__name__}' has no attribute 'no_such_name'"):
        _ = room.no_such_name


@pytest.mark.parametrize("name", hpo.study.__all__)
def test_names_of_studies_are_in_hpo_study_too(name):
    assert getattr(hpo.study, name) is getattr(hpo, name, hpo.study.MaxTrialsCallback)
    assert name in dir(hpo.study)


def test_type_checkers_see_the_names_of_studies():
    tree = ast.parse((ROOT / "study" / "__init__.py").read_text())
    (shown,) = [node for node in tree.body if isinstance(node, ast.If)]
    names = {alias.asname for node in shown.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names == set(hpo.study.__all__)


@pytest.mark.parametrize("name", sorted({*hpo.exceptions.__all__} & {*vars(hpo.errors)}))
def test_hpo_exceptions_has_the_names_that_optuna_uses(name):
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


def test_installation_advice_names_the_distribution_and_its_extras():
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text())["project"]
    folders = [ROOT, ROOT.parent / "adapters", ROOT.parent / "docs", ROOT.parent / "examples"]
    files = [ROOT.parent / "README.md", *(file for folder in folders for file in folder.rglob("*.*"))]
    texts = [file.read_text(encoding="utf-8") for file in files if file.suffix in {".py", ".md"}]
    advised = {pair for text in texts for pair in re.findall(r"\b(\w*hpo)\[([a-z]+)\]", text)}
    assert {name for name, _ in advised} == {project["name"]}
    assert {extra for _, extra in advised} <= {*project["optional-dependencies"]}
