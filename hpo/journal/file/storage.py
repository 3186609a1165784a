"""A file that holds one study, and a directory that holds many, one file each."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from hashlib import blake2b

import attrs

from hpo.core import AnyEvent
from hpo.errors import (
    DuplicatedStudyError,
    HpoError,
    JournalCorrupted,
    StudyNotFound,
    UnreadableEvents,
    UnsupportedJournal,
)
from hpo.journal.disk import make_directories
from hpo.journal.file.create_delete import create_file, delete_file, study_in
from hpo.journal.file.journal import FileJournal
from hpo.journal.file.lines import damaged_name
from hpo.journal.storage import LocalStorage, check_first_event


@attrs.frozen
class FileStorage(LocalStorage):
    """One study in one file, usually ``<something>.jsonl``. An empty file counts as no study.

    Args:
        path: The file, which is made with its study. Its directory must exist.
        durability: What acknowledged events survive; see `FileJournal`.
        lock_timeout: How long to wait for other writers, in seconds.
        snapshots: Whether to keep a snapshot beside a long journal; see `FileJournal`.

    Example:
        >>> import tempfile
        >>> from hpo.core.records.events import StudyCreated
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     storage = FileStorage(f"{directory}/digits.jsonl")
        ...     _ = storage.create("digits", [StudyCreated(1, "digits", ("maximize",), 7)])
        ...     storage.names()
        ['digits']
    """

    snapshots: bool = attrs.field(default=True, kw_only=True)

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
            raise StudyNotFound(name, self.path, [] if held is None else [held], not os.path.lexists(self.path))
        return self._journal()

    def names(self) -> list[str]:
        """Return the names of all studies, sorted."""
        held = study_in(self.path)
        return [] if held is None else [held]

    def delete(self, name: str) -> None:
        """Remove the study `name` with all its events; see `Storage.delete`."""
        held = study_in(self.path)
        if held is None or held != name:
            raise StudyNotFound(name, self.path, [] if held is None else [held], not os.path.lexists(self.path))
        delete_file(self.path, durable=self.is_durable, lock_timeout=self.lock_timeout)

    def _journal(self) -> FileJournal:
        return FileJournal(
            self.path, durability=self.durability, lock_timeout=self.lock_timeout, snapshots=self.snapshots
        )


_SUFFIX = ".jsonl"
_SAFE = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,99}")
_FEW = 2  # letters of a name by which one that is damaged may differ
_UNSAFE_LETTER = re.compile(r"[^A-Za-z0-9_-]")


def file_name(study_name: str) -> str:
    """Return the name of the file for a study: its own name, or what can be shown of it and a digest.

    Names of up to 100 lower-case letters, digits and ``_.-`` that begin with a letter, digit or ``_`` are kept. All
    others, in any script and of any length, become letters, digits, ``_`` and ``-``, then ``~`` and a digest. The
    digests differ even on file systems that do not distinguish ``A`` from ``a``, or two spellings of ``é``.

    Example:
        >>> file_name("digits-2")
        'digits-2.jsonl'
        >>> file_name("../Über alles")
        '____ber_alles~05ed1b76d3a6e3395e530e0ca09ac5a8.jsonl'
    """
    if _SAFE.fullmatch(study_name):
        return study_name + _SUFFIX
    digest = blake2b(study_name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{_UNSAFE_LETTER.sub('_', study_name[:60])}~{digest}{_SUFFIX}"


@attrs.frozen
class DirectoryStorage(LocalStorage):
    """Any number of studies in a directory, one ``.jsonl`` file each (see `file_name`).

    The name of a study is in the first record of its file, so files that were put here under other names are found too.
    While the first record of a file is damaged, no other study is taken for the only one, and none is created that may be
    the one in this file: any study, if no name can be read in it. Repair it, or put it somewhere else. All else in the
    directory is ignored: symbolic links, and text that does not begin as a journal does, with a hexadecimal digit.

    Args:
        path: The directory, which is made with the first study.
        durability: What acknowledged events survive; see `FileJournal`.
        lock_timeout: How long to wait for other writers, in seconds.
        snapshots: Whether to keep snapshots beside long journals; see `FileJournal`.

    Example:
        >>> import tempfile
        >>> from hpo.core.records.events import StudyCreated
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     storage = DirectoryStorage(directory)
        ...     for name in ["b", "a/../c"]:
        ...         _ = storage.create(name, [StudyCreated(1, name, ("minimize",), 7)])
        ...     storage.names()
        ['a/../c', 'b']
    """

    snapshots: bool = attrs.field(default=True, kw_only=True)

    @property
    def location(self) -> str:
        """Return where the studies are, for messages."""
        return self.path

    def create(self, name: str, events: Sequence[AnyEvent]) -> FileJournal:
        """Create the study `name` with its first events, and return its journal; see `Storage.create`.

        Raises:
            UnsupportedJournal: something else is in the place of the directory or file.
            JournalFull, JournalUnwritable: the system refused it.
        """
        check_first_event(name, events)
        make_directories(self.path)
        self._refuse_second(name)
        path = self._path_for(name)
        try:
            create_file(path, events, durable=self.is_durable, lock_timeout=self.lock_timeout)
        except FileExistsError:
            held = study_in(path)
            if held == name:
                raise DuplicatedStudyError(name, self.path) from None
            raise UnsupportedJournal(path, f"the file for study {name!r} holds the study {held!r}") from None
        return self._journal(path)

    def open(self, name: str | None) -> FileJournal:
        """Return the journal of the study `name`, or of the only study; see `Storage.open`."""
        return self._journal(self._find(name))

    def names(self) -> list[str]:
        """Return the names of all studies, sorted. A warning is logged for each journal that can't be read."""
        studies, broken = self._look()
        if broken:
            import logging  # it is slow to import, and rarely needed

            for one in broken:
                logging.getLogger("hpo.journal").warning("A study is left out: %s", one.error)
        return sorted({name for name, _ in studies})

    def delete(self, name: str) -> None:
        """Remove the study `name` with all its events; see `Storage.delete`."""
        path = self._find(name)
        delete_file(path, durable=self.is_durable, lock_timeout=self.lock_timeout)

    def _find(self, name: str | None) -> str:
        """Return the file of the study `name`: the one that is named after it, or the only other one that holds it."""
        if name is not None and study_in(path := self._path_for(name)) == name:
            return path
        studies, broken = self._look()
        found = [path for held, path in studies if name in {None, held}]
        for one in broken:
            if name is None or (not found and one.may_hold(name)):
                raise one.error
        if name is not None and len(found) > 1:
            raise UnsupportedJournal(self.path, f"the study {name!r} is in several files: {', '.join(sorted(found))}")
        if len(found) != 1:
            raise StudyNotFound(name, self.path, sorted({held for held, _ in studies}), not os.path.lexists(self.path))
        return found[0]

    def _refuse_second(self, name: str) -> None:
        """Refuse to create a study that there is, or that a journal which can't be read may hold."""
        studies, broken = self._look()
        if any(held == name for held, _ in studies):
            raise DuplicatedStudyError(name, self.path)
        for one in broken:
            if one.may_hold(name):
                raise one.error

    def _look(self) -> tuple[list[tuple[str, str]], list[_Broken]]:
        """Return the name and the file of each study, and the journals that can't be read."""
        try:
            with os.scandir(self.path) as entries:
                files = sorted(entry.path for entry in entries if _is_journal(entry))
        except FileNotFoundError:
            return [], []
        except OSError as error:
            raise UnsupportedJournal(self.path, f"this directory can't be listed: {error.strerror}") from error
        studies, broken = [], []
        for path in files:
            try:
                name = study_in(path)
            except (JournalCorrupted, UnreadableEvents) as error:
                broken.append(_Broken(path, _damaged_name(path), error))
            except UnsupportedJournal as error:
                if not _is_other_text(path):
                    broken.append(_Broken(path, None, error))
            else:
                if name is not None:
                    studies.append((name, path))
        return studies, broken

    def _path_for(self, name: str) -> str:
        return os.path.join(self.path, file_name(name))

    def _journal(self, path: str) -> FileJournal:
        return FileJournal(path, durability=self.durability, lock_timeout=self.lock_timeout, snapshots=self.snapshots)


@attrs.frozen
class _Broken:
    """A journal that can't be read.

    Attributes:
        path: Its file.
        study: The study that it says to hold, if even that can be read.
        error: Why it can't be read.
    """

    path: str
    study: str | None
    error: HpoError

    def may_hold(self, name: str) -> bool:
        """Return whether it may be the study `name`, given that what it says may be damaged itself."""
        said = self.study
        if said is None or said == name:
            return True
        if file_name(said) == os.path.basename(self.path):  # what the file is called agrees with what it says
            return False
        alike = _n_alike(said, name) + _n_alike(said[::-1], name[::-1])
        return name.startswith(said) or len(name) - alike <= _FEW  # a damaged byte changes one letter, or cuts it off


def _n_alike(one: str, other: str) -> int:
    """Return how many letters two names have in common at their beginning."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _is_other_text(path: str) -> bool:
    """Return whether a file that is not a journal has other text; else it may be what was left of a journal."""
    try:
        with open(path, "rb") as file:
            begins = file.read(64).decode(errors="replace").strip()
    except OSError:
        return False
    return begins.replace("\n", " ").isprintable() and begins[:1] not in {*"0123456789abcdef", ""}


def _damaged_name(path: str) -> str | None:
    try:
        return damaged_name(path)
    except OSError:
        return None


def _is_journal(entry: os.DirEntry[str]) -> bool:
    if not entry.name.endswith(_SUFFIX) or entry.name.startswith("."):
        return False
    try:
        return stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False
