"""The laws that every storage keeps, and the ways to check your own storage against them.

They need a function that opens the storage in a given directory, again and again:

    from hpo.testing.journals.laws import StorageLaws

    class TestMyStorage(StorageLaws):
        make_storage = staticmethod(lambda place: MyStorage(place / "studies"))

pytest runs one test per law; `check_storage` runs them without pytest. A storage that does not live in a directory, such
as one on a server, takes the directory's name, which is never used twice, as a prefix of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypeVar
from unittest import SkipTest

import attrs

from hpo.core import as_float
from hpo.errors import InvalidArgument, InvalidType, MissingExtra
from hpo.journal.storage import Storage
from hpo.logging import get_logger
from hpo.testing._engine import LawSuite, LawTests, given_to
from hpo.testing.journals import study_laws, worker_laws, writer_laws
from hpo.testing.journals.study_laws import Opener
from hpo.testing.journals.worker_laws import PatientLaw, why_workers_are_unknown
from hpo.testing.journals.writer_laws import PutBack, RollbackLaw

T = TypeVar("T")

Law: TypeAlias = Callable[[Opener], None]
"""Raises AssertionError if the storage that it opens does not keep it."""

AnyLaw: TypeAlias = Law | PatientLaw | RollbackLaw

MakeStorage: TypeAlias = Callable[[Path], Storage]
"""Opens the storage in a directory, with everything that was stored there before."""

MakeBackup: TypeAlias = Callable[[Path], PutBack]
"""Copies what the storage of a directory holds, and returns a function that puts the copy back under open handles."""

LAWS: tuple[Law, ...] = (*study_laws.LAWS, *study_laws.LAWS_OF_EVENTS, *writer_laws.LAWS)
"""The laws of all storages."""

LAWS_OF_MANY_STUDIES: tuple[Law, ...] = study_laws.LAWS_OF_MANY_STUDIES
"""The laws of storages that hold more than one study."""

LAWS_ACROSS_PROCESSES: tuple[Law, ...] = writer_laws.LAWS_ACROSS_PROCESSES
"""The laws of storages that several processes can use."""

LAWS_OF_WORKERS: tuple[Law, ...] = worker_laws.LAWS_OF_WORKERS
"""The laws of storages whose journals track workers."""

LAWS_OF_WORKERS_ACROSS_PROCESSES: tuple[Law, ...] = worker_laws.LAWS_OF_WORKERS_ACROSS_PROCESSES
"""The laws of storages whose journals track workers, and that several processes can use."""

LAWS_OF_ROLLBACKS: tuple[RollbackLaw, ...] = writer_laws.LAWS_OF_ROLLBACKS
"""The laws of storages whose content can be replaced by a backup of it. They also take a function that makes one."""

LAWS_OF_SILENT_WORKERS: tuple[PatientLaw, ...] = worker_laws.LAWS_OF_SILENT_WORKERS
"""Laws of the same storages that also take the number of seconds for which a worker may be silent."""


def check_storage(
    make_storage: MakeStorage,
    *,
    many_studies: bool = True,
    across_processes: bool = True,
    grace_period: float = 0.0,
    make_backup: MakeBackup | None = None,
) -> None:
    """Check that a storage keeps the laws, except those that need hypothesis (see `agreement_machine`).

    The laws of workers are left out if its journals do not track workers (see `hpo.journal.TracksWorkers`); the log
    says so.

    Args:
        make_storage: Opens the storage in a directory, which is empty at first and new for each law. Across processes,
            starts new ones: call this under ``if __name__ == "__main__":``.
        many_studies: Whether the storage can hold more than one study.
        across_processes: Whether several processes can use the storage, so that its handles can be pickled.
        grace_period: The number of seconds for which a worker may be silent before it counts as dead; 0 if the
            operating system knows which workers are alive. Four laws wait for that long, so make it short, but long
            enough for a process on a busy machine; 3 seconds will do.
        make_backup: Copies what the storage holds in a directory, and returns a function that puts the copy back while
            handles are open; `hpo.testing.backup_of_files` does that for storages of plain files. The laws of journals
            that went back are left out without it.

    Raises:
        AssertionError: the storage breaks a law; a note says which.
        InvalidArgument: `grace_period` is not a number of seconds of at least 0.
        InvalidType: `make_storage` or `make_backup` can't be called, or `make_storage` does not return a storage.

    Example:
        >>> from hpo.journal import FileStorage
        >>> check_storage(lambda place: FileStorage(place / "s.jsonl"), many_studies=False, across_processes=False)
    """
    subject = _Subject(make_storage, many_studies, across_processes, grace_period, make_backup)
    unknown = subject.in_a_new_place(why_workers_are_unknown)
    if unknown is not None:
        get_logger().info("The laws of workers are left out: %s", unknown)
    for law in _ALL_LAWS:
        if subject.why_not(law) is None and (unknown is None or law not in _ABOUT_WORKERS):
            try:
                subject.check(law)
            except Exception as error:
                error.add_note(f"the law: {law.__name__} ({law.__doc__})")
                raise


def _check_opener(given: object) -> None:
    if not callable(given):
        raise InvalidType(
            f"make_storage is a function that opens a storage in a directory, as hpo.journal.DirectoryStorage does; got {given!r}"
        )


@attrs.frozen
class _Subject:
    """A storage and its declared properties; the fields are arguments of `check_storage`."""

    make_storage: MakeStorage = attrs.field()
    many_studies: bool
    across_processes: bool
    grace_period: float = attrs.field()
    make_backup: MakeBackup | None = attrs.field()

    @make_storage.validator
    def _check_make_storage(self, _: object, given: object) -> None:
        _check_opener(given)

    @grace_period.validator
    def _check_grace_period(self, _: object, given: object) -> None:
        seconds = None if isinstance(given, bool) else as_float(given)
        if seconds is None or not 0 <= seconds < float("inf"):
            raise InvalidArgument(f"grace_period is a number of seconds of at least 0, got {given!r}")

    @make_backup.validator
    def _check_make_backup(self, _: object, given: object) -> None:
        if given is not None and not callable(given):
            raise InvalidType(
                f"make_backup is a function that copies what is in a directory, as hpo.testing.backup_of_files does; got {given!r}"
            )

    def why_not(self, law: AnyLaw) -> str | None:
        """Return why the law does not apply to a storage with these properties, or None if it may apply."""
        if law in LAWS_OF_MANY_STUDIES and not self.many_studies:
            return "the storage holds one study"
        if law in _ABOUT_PROCESSES and not self.across_processes:
            return "the storage lives in one process"
        if law in LAWS_OF_ROLLBACKS and self.make_backup is None:
            return "the tests can't put a backup in the storage's place: set make_backup if there is a way"
        return None

    def check(self, law: AnyLaw) -> None:
        """Check one law, in a new place."""
        more: dict[str, Any] = {"grace_period": self.grace_period} if law in LAWS_OF_SILENT_WORKERS else {}
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            if law in LAWS_OF_ROLLBACKS and self.make_backup is not None:
                more["backup"] = partial(self.make_backup, place)
            act: Callable[..., None] = law  # which takes the arguments of its kind
            act(partial(_opened, self.make_storage, place), **more)

    def in_a_new_place(self, act: Callable[[Opener], T]) -> T:
        """Return what `act` returns for an opener of the storage in a new directory."""
        with tempfile.TemporaryDirectory() as place:
            return act(partial(_opened, self.make_storage, Path(place)))


def _opened(make_storage: MakeStorage, place: Path) -> Storage:
    storage = make_storage(place)
    if not isinstance(storage, Storage):
        raise InvalidType(f"make_storage returns a storage (see hpo.journal.Storage), and returned {storage!r}")
    return storage


_ABOUT_WORKERS: tuple[AnyLaw, ...] = (*LAWS_OF_WORKERS, *LAWS_OF_WORKERS_ACROSS_PROCESSES, *LAWS_OF_SILENT_WORKERS)
_ABOUT_PROCESSES: tuple[AnyLaw, ...] = (
    *LAWS_ACROSS_PROCESSES,
    *LAWS_OF_WORKERS_ACROSS_PROCESSES,
    *LAWS_OF_SILENT_WORKERS,
)
_ALL_LAWS: tuple[AnyLaw, ...] = (
    *LAWS,
    *LAWS_OF_MANY_STUDIES,
    *LAWS_ACROSS_PROCESSES,
    *LAWS_OF_ROLLBACKS,
    *_ABOUT_WORKERS,
)


class StorageLaws(LawTests):
    """Base of test classes for pytest with one method per law; name yours ``Test...``.

    Attributes:
        make_storage: Opens the storage in a directory; see `check_storage`.
        many_studies: Whether it can hold more than one study; the laws that need it are skipped otherwise.
        across_processes: Whether several processes can use it; the laws that need it are skipped otherwise.
        grace_period: See `check_storage`. If its journals do not track workers, the laws about workers are skipped.
        make_backup: See `check_storage`; the laws of journals that went back are skipped if it is None.

    Example:
        >>> from hpo.journal import DirectoryStorage
        >>> from hpo.testing import backup_of_files
        >>> class TestMine(StorageLaws):
        ...     make_storage = staticmethod(DirectoryStorage)
        ...     make_backup = staticmethod(backup_of_files)
        >>> TestMine().test_a_study_is_created_once()
        >>> TestMine().test_rolled_back_and_regrown()
    """

    _suite = LawSuite(_ALL_LAWS)
    make_storage: ClassVar[Callable[..., Any]]
    many_studies: ClassVar[bool] = True
    across_processes: ClassVar[bool] = True
    grace_period: ClassVar[float] = 0.0
    make_backup: ClassVar[Callable[..., Any] | None] = None

    def _try(self, law: Any) -> None:
        make_storage, make_backup = (
            vars(self).get(name) or given_to(type(self), name)  # a fixture may give it to the object
            for name in ("make_storage", "make_backup")
        )
        subject = _Subject(make_storage, self.many_studies, self.across_processes, self.grace_period, make_backup)
        why_not = subject.why_not(law)
        if why_not is None and law in _ABOUT_WORKERS:
            why_not = subject.in_a_new_place(why_workers_are_unknown)
        if why_not is not None:
            raise SkipTest(why_not)
        subject.check(law)


def agreement_machine(make_storages: Mapping[str, MakeStorage]) -> type[Any]:
    """Return a state machine of hypothesis that compares the given storages with one in memory.

    Args:
        make_storages: Functions that open the storages, as for `check_storage`, by the names that messages use. Each
            has to hold only one study.

    Returns:
        A subclass of `hypothesis.stateful.RuleBasedStateMachine`; its ``TestCase`` is what pytest and unittest collect,
        and `hypothesis.stateful.run_state_machine_as_test` runs it without them.

    Raises:
        MissingExtra: hypothesis is not installed.
        InvalidType: `make_storages` is not a mapping of names to functions.

    Example:
        >>> from hpo.journal import DirectoryStorage
        >>> from hypothesis import settings
        >>> from hypothesis.stateful import run_state_machine_as_test
        >>> machine = agreement_machine({"mine": DirectoryStorage})
        >>> run_state_machine_as_test(machine, settings=settings(max_examples=2, deadline=None))
    """
    if not isinstance(make_storages, Mapping):
        raise InvalidType(f"make_storages maps names to functions that open storages, got {make_storages!r}")
    for make_storage in make_storages.values():
        _check_opener(make_storage)
    try:
        from hpo.testing.journals.machine import JournalMachine
    except ModuleNotFoundError as error:
        raise MissingExtra("the generated laws of journals", "testing") from error
    return type("AgreementMachine", (JournalMachine,), {"make_storages": dict(make_storages)})
