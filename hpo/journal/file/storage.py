"""A file that holds one study."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from hpo.core import AnyEvent
from hpo.errors import DuplicatedStudyError, StudyNotFound, UnsupportedJournal
from hpo.journal.file.create_delete import create_file, delete_file, study_in
from hpo.journal.file.journal import FileJournal
from hpo.journal.options import LocalStorage
from hpo.journal.storage import check_first_event


@attrs.frozen
class FileStorage(LocalStorage):
    """One study in one file, usually ``<something>.jsonl``. An empty file counts as no study.

    Args:
        path: The file, which is made with its study. Its directory must exist.
        durability: What acknowledged events survive; see `FileJournal`.
        lock_timeout: How long to wait for other writers, in seconds.

    Example:
        >>> import tempfile
        >>> from hpo.core.records.events import StudyCreated
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     storage = FileStorage(f"{directory}/digits.jsonl")
        ...     _ = storage.create("digits", [StudyCreated(1, "digits", ("maximize",), 7)])
        ...     storage.names()
        ['digits']
    """

    @property
    def location(self) -> str:
        """Return where the studies are, for messages."""
        return self.path

    def create(self, name: str, events: Sequence[AnyEvent]) -> FileJournal:
        """Create the study `name` with its first events, and return its journal; see `Storage.create`.

        Raises:
            UnsupportedJournal: the file holds another study or something else, or its directory does not exist.
            JournalFull, JournalUnwritable: the system refused it.
        """
        check_first_event(name, events)
        try:
            create_file(self.path, events, durable=self.is_durable, lock_timeout=self.lock_timeout)
        except FileExistsError:
            held = study_in(self.path)
            if held == name:
                raise DuplicatedStudyError(name, self.path) from None
            raise UnsupportedJournal(
                self.path,
                f"the file holds the study {held!r}, and holds only one: "
                f"keep {name!r} in another file, or both in a directory",
            ) from None
        return self._journal()

    def open(self, name: str | None) -> FileJournal:
        """Return the journal of the study `name`, or of the only study; see `Storage.open`."""
        held = study_in(self.path)
        if held is None or name not in {None, held}:
            raise StudyNotFound(name, self.path, [] if held is None else [held])
        return self._journal()

    def names(self) -> list[str]:
        """Return the names of all studies, sorted."""
        held = study_in(self.path)
        return [] if held is None else [held]

    def delete(self, name: str) -> None:
        """Remove the study `name` with all its events; see `Storage.delete`."""
        held = study_in(self.path)
        if held is None or held != name:
            raise StudyNotFound(name, self.path, [] if held is None else [held])
        delete_file(self.path, durable=self.is_durable, lock_timeout=self.lock_timeout)

    def _journal(self) -> FileJournal:
        return FileJournal(self.path, durability=self.durability, lock_timeout=self.lock_timeout)
