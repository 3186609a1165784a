"""`import hpo` is cheap, and says the same to people, programs and type checkers."""

import ast
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


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        _ = hpo.no_such_name


def test_type_checkers_see_the_same_names():
    stub = ast.parse((ROOT / "__init__.pyi").read_text())
    names = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert names | {"__version__"} == set(hpo.__all__)


def test_public_callables_and_classes_are_documented():
    for name in hpo.__all__:
        value = getattr(hpo, name)
        if callable(value):
            assert (value.__doc__ or "").strip(), name
