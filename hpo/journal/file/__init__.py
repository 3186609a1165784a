"""Journals in files, one study each.

- `storage`: one file; `directory`: many files; `journal`: the journal in a file; `create_delete`: files as wholes
- `open_file`: a file held open by one process; `appending`: the ways to append to it, `locked` and `claims`
- `scan`: reading records, and telling torn ends from damage; `record`: one line
"""
