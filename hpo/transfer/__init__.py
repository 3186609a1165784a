"""Export studies to other programs, and import them from Optuna.

- `export_csv`, `export_jsonl`, `export_sqlite`: files for spreadsheets, scripts and SQL
- `read_jsonl`: read the trials of a JSON Lines file again
- `import_optuna`: copy a study from a storage of Optuna, without Optuna

Modules: `destination` creates files whole or not at all; `csv_file`, `json_lines` and `sqlite_file` write them; `optuna_sqlite` and
`optuna_journal` read Optuna's files, `optuna_translation` turns what they say into trials, and `optuna_import`
into a study.
"""

from hpo.transfer.csv_file import export_csv
from hpo.transfer.json_lines import export_jsonl, read_jsonl
from hpo.transfer.optuna_import import ImportedStudy, import_optuna
from hpo.transfer.sqlite_file import export_sqlite

__all__ = ["ImportedStudy", "export_csv", "export_jsonl", "export_sqlite", "import_optuna", "read_jsonl"]
