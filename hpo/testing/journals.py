"""The laws that every storage keeps, ours and anybody's.

For a backend of one's own it takes a function that opens it in a given directory, again and again:

    from hpo.testing.journals import StorageLaws

    class TestMyStorage(StorageLaws):
        make_storage = staticmethod(lambda place: MyStorage(place / "studies"))

and pytest runs one test per law; `check_storage` runs them without pytest. A backend that lives elsewhere takes the
directory's name, which is never used twice, for a prefix of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeAlias
from unittest import SkipTest

from hpo.errors import MissingExtra
from hpo.journal.storage import Storage
from hpo.testing import journal_event_laws, journal_study_laws, journal_writer_laws
from hpo.testing.journal_study_laws import Opener

Law: TypeAlias = Callable[[Opener], None]
"""Raises AssertionError where the storage that it opens does not keep it."""

MakeStorage: TypeAlias = Callable[[Path], Storage]
"""Opens the storage in a directory; what was kept in it before is there again."""

LAWS: tuple[Law, ...] = (*journal_study_laws.LAWS, *journal_event_laws.LAWS, *journal_writer_laws.LAWS)
"""For every storage."""

LAWS_OF_MANY_STUDIES: tuple[Law, ...] = journal_study_laws.LAWS_OF_MANY_STUDIES
"""For those that hold more than one study."""

LAWS_ACROSS_PROCESSES: tuple[Law, ...] = journal_writer_laws.LAWS_ACROSS_PROCESSES
"""For those that outlive a process, and that others can use at the same time."""


def check_storage(make_storage: MakeStorage, *, many_studies: bool = True, across_processes: bool = True) -> None:
    """Make sure that a storage keeps the laws, those apart that need hypothesis (see `agreement_machine`).

    Args:
        make_storage: Opens the storage in a directory, which is empty at first and new for each law. Across processes,
            starts them anew: call this under ``if __name__ == "__main__":``.
        many_studies: Whether it can hold more than one study.
        across_processes: Whether several processes can use it, so that its handles can be pickled.

    Raises:
        AssertionError: it breaks a law; a note says which.

    Example:
        >>> from hpo.journal import FileStorage
        >>> check_storage(lambda place: FileStorage(place / "s.jsonl"), many_studies=False, across_processes=False)
    """
    for law in [
        *LAWS,
        *(LAWS_OF_MANY_STUDIES if many_studies else ()),
        *(LAWS_ACROSS_PROCESSES if across_processes else ()),
    ]:
        try:
            _try(law, make_storage)
        except Exception as error:
            error.add_note(f"the law: {law.__name__} ({law.__doc__})")
            raise


class StorageLaws:
    """A test class for pytest, one method per law, to be derived from under a name that begins with ``Test``.

    Attributes:
        make_storage: See `check_storage`; a static method.
        many_studies: See `check_storage`; the laws that need it are skipped without.
        across_processes: See `check_storage`; the laws that need it are skipped without.

    Example:
        >>> from hpo.journal import DirectoryStorage
        >>> class TestMine(StorageLaws):
        ...     make_storage = staticmethod(DirectoryStorage)
        >>> TestMine().test_a_study_is_created_once()
    """

    make_storage: ClassVar[Callable[..., Any]]
    many_studies: ClassVar[bool] = True
    across_processes: ClassVar[bool] = True


def _method(law: Law) -> Callable[[StorageLaws], None]:
    def test(self: StorageLaws) -> None:
        if law in LAWS_OF_MANY_STUDIES and not self.many_studies:
            raise SkipTest("it holds one study")
        if law in LAWS_ACROSS_PROCESSES and not self.across_processes:
            raise SkipTest("it lives in one process")
        _try(law, self.make_storage)

    test.__doc__ = law.__doc__
    return test


for _law in (*LAWS, *LAWS_OF_MANY_STUDIES, *LAWS_ACROSS_PROCESSES):
    setattr(StorageLaws, f"test_{_law.__name__}", _method(_law))


def agreement_machine(make_storages: Mapping[str, MakeStorage]) -> type[Any]:
    """A state machine of hypothesis that does the same to all given storages and to one in memory, and compares.

    Args:
        make_storages: How to open each (see `check_storage`), by names for messages. One study each is enough.

    Returns:
        A subclass of `hypothesis.stateful.RuleBasedStateMachine`; its ``TestCase`` is what pytest and unittest collect,
        and `hypothesis.stateful.run_state_machine_as_test` runs it without them.

    Raises:
        MissingExtra: hypothesis is not installed.

    Example:
        >>> from hpo.journal import DirectoryStorage
        >>> from hypothesis import settings
        >>> from hypothesis.stateful import run_state_machine_as_test
        >>> machine = agreement_machine({"mine": DirectoryStorage})
        >>> run_state_machine_as_test(machine, settings=settings(max_examples=2, deadline=None))
    """
    try:
        from hpo.testing.journal_machine import JournalMachine
    except ModuleNotFoundError as error:
        raise MissingExtra("the generated laws of journals", "testing") from error
    return type("AgreementMachine", (JournalMachine,), {"make_storages": dict(make_storages)})


def _try(law: Law, make_storage: MakeStorage) -> None:
    with tempfile.TemporaryDirectory() as place:
        law(lambda: make_storage(Path(place)))
