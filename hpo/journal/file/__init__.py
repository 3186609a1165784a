"""Journals in files, one study each.

- `storage`: one file, and a directory of many; `journal`: the journal in a file; `create_delete`: files as wholes
- `appending`: the ways to append, under locks or by `claims`
- `lines`: writing and reading records, and telling torn ends from damage
"""
