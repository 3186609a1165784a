"""The page about export and import: its Python and its SQL run as they stand there."""

import contextlib
import re
import sqlite3
from pathlib import Path

from hpo.core import FrozenTrial
from hpo.transfer.sqlite_file import _TABLES

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "export-and-import.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    operations = [
        '{"op_code": 0, "study_name": "digits", "directions": [1]}\n',
        '{"op_code": 4, "study_id": 0, "datetime_start": null}\n',
    ]
    for name in ["optuna.db", "optuna-journal.log"]:  # what a file is, its content says
        Path(name).write_text("".join(operations), encoding="utf-8")
    names = {}
    for block in blocks("python"):
        exec(block, names)
    assert len(names["study"].trials) == 1
    (query,) = blocks("sql")
    with contextlib.closing(sqlite3.connect("study.db")) as db:
        rows = db.execute(query).fetchall()
    assert len(rows) == 5
    assert all(x == loss for x, loss in rows)


def test_the_page_names_every_table_column_and_field():
    for table, design in _TABLES.items():
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{table}` |"))
        columns = [column for column in design["columns"] if column not in ("value", "type", "json")]
        assert re.findall(r"`(\w+)`", row)[1:] == columns
        assert row.count(" value") - row.count("value of") - row.count("reported value") <= 1
    for field in FrozenTrial.__struct_fields__:
        assert f"`{field}`" in PAGE, field
