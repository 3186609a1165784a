"""Programs that are written for Optuna run with hpo when one line is changed, and their results have the same form."""

import datetime
import enum
import logging
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import pytest

import hpo

optuna = pytest.importorskip("optuna", reason="Optuna is not installed", exc_type=ImportError)
PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
FIELDS = (
    "number",
    "state",
    "values",
    "params",
    "distributions",
    "user_attrs",
    "constraints",
    "intermediate_values",
    "last_step",
    "duration",
    "datetime_start",
    "datetime_complete",
)


def form(thing):
    """Return the types and fields of a result: what a program that goes on with it relies on."""
    if isinstance(thing, enum.Enum):
        return thing.name
    if isinstance(thing, Mapping):
        return {str(key): form(value) for key, value in thing.items()}
    if isinstance(thing, list | tuple):
        return [form(each) for each in thing]
    if isinstance(thing, optuna.trial.FrozenTrial | hpo.FrozenTrial):
        fields = {field: form(getattr(thing, field)) for field in FIELDS}
        fields["params"] = sorted(fields["params"]) and "params"  # which ones there are may depend on what was drawn
        fields["distributions"] = fields["distributions"] and "distributions"
        fields["number"] = fields["last_step"] = "int"  # the best trial is another one
        fields["intermediate_values"] = fields["intermediate_values"] and "reports"
        return fields
    if hasattr(thing, "dtypes"):
        return {str(column): str(kind) for column, kind in thing.dtypes.items()}
    if isinstance(thing, datetime.datetime | datetime.timedelta | int | float | str | bool | None):
        return thing if isinstance(thing, bool | int | str) else type(thing).__name__
    return type(thing).__name__


def ran(path, library, folder, monkeypatch):
    source = path.read_text(encoding="utf-8")
    imported = re.findall(r"^import optuna$", source, flags=re.MULTILINE)
    assert imported == ["import optuna"]
    names = {"__name__": "program"}
    folder.mkdir()
    monkeypatch.chdir(folder)
    if library is hpo:  # the one line that is changed
        source = source.replace("import optuna\n", "import hpo as optuna\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        warnings.filterwarnings("ignore", "unclosed database", ResourceWarning)
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        exec(compile(source, str(path), "exec"), names)
    return names["RESULT"]


def test_there_are_thirty_programs():
    assert len(PROGRAMS) >= 30
    assert all("RESULT" in path.read_text(encoding="utf-8") for path in PROGRAMS)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_gives_the_same_kind_of_result(path, tmp_path, monkeypatch):
    before = optuna.logging.get_verbosity()
    try:
        for library in (optuna, hpo):
            library.logging.set_verbosity(logging.ERROR)
        theirs = form(ran(path, optuna, tmp_path / "optuna", monkeypatch))
        ours = form(ran(path, hpo, tmp_path / "hpo", monkeypatch))
    finally:
        optuna.logging.set_verbosity(before)
    assert ours == theirs
