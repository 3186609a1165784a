"""The laws that every storage keeps, ours and anybody's.

For a backend of one's own it takes a function that opens it in a given directory, again and again:

    from hpo.testing.journals.laws import StorageLaws

    class TestMyStorage(StorageLaws):
        make_storage = staticmethod(lambda place: MyStorage(place / "studies"))

and pytest runs one test per law; `check_storage` runs them without pytest. A backend that lives elsewhere takes the
directory's name, which is never used twice, for a prefix of its own.
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
from hpo.testing._engine.runner import given_to
from hpo.testing.journals import event_laws, study_laws, worker_laws, writer_laws
from hpo.testing.journals.study_laws import Opener
from hpo.testing.journals.worker_laws import PatientLaw, why_workers_are_unknown

T = TypeVar("T")

Law: TypeAlias = Callable[[Opener], None]
"""Raises AssertionError where the storage that it opens does not keep it."""

AnyLaw: TypeAlias = Law | PatientLaw

MakeStorage: TypeAlias = Callable[[Path], Storage]
"""Opens the storage in a directory; what was kept in it before is there again."""

LAWS: tuple[Law, ...] = (*study_laws.LAWS, *event_laws.LAWS, *writer_laws.LAWS)
"""For every storage."""

LAWS_OF_MANY_STUDIES: tuple[Law, ...] = study_laws.LAWS_OF_MANY_STUDIES
"""For those that hold more than one study."""

LAWS_ACROSS_PROCESSES: tuple[Law, ...] = writer_laws.LAWS_ACROSS_PROCESSES
"""For those that outlive a process, and that others can use at the same time."""

LAWS_OF_WORKERS: tuple[Law, ...] = worker_laws.LAWS_OF_WORKERS
"""For those whose journals know workers."""

LAWS_OF_WORKERS_ACROSS_PROCESSES: tuple[Law, ...] = worker_laws.LAWS_OF_WORKERS_ACROSS_PROCESSES
"""For those whose journals know workers, and that several processes can use."""

LAWS_OF_SILENT_WORKERS: tuple[PatientLaw, ...] = worker_laws.LAWS_OF_SILENT_WORKERS
"""The same; these also take the number of seconds for which a worker may be silent."""


def check_storage(
    make_storage: MakeStorage,
    *,
    many_studies: bool = True,
    across_processes: bool = True,
    grace_period: float = 0.0,
) -> None:
    """Make sure that a storage keeps the laws, those apart that need hypothesis (see `agreement_machine`).

    Those of workers are left out where its journals do not know them (see `hpo.journal.TracksWorkers`); the log says so.

    Args:
        make_storage: Opens the storage in a directory, which is empty at first and new for each law. Across processes,
            starts them anew: call this under ``if __name__ == "__main__":``.
        many_studies: Whether it can hold more than one study.
        across_processes: Whether several processes can use it, so that its handles can be pickled.
        grace_period: Where a clock tells that a worker is dead: for how many seconds one may be silent. Four laws wait
            for so long, so make it short, and long enough for a process that has to wait for its turn; 3 seconds will
            do. 0 where the system tells it.

    Raises:
        AssertionError: it breaks a law; a note says which.
        InvalidArgument: the grace period is no number of seconds from 0 on.
        InvalidType: `make_storage` can't be called, or gives no storage.

    Example:
        >>> from hpo.journal import FileStorage
        >>> check_storage(lambda place: FileStorage(place / "s.jsonl"), many_studies=False, across_processes=False)
    """
    subject = _Subject(make_storage, many_studies, across_processes, grace_period)
    unknown = subject.in_a_new_place(why_workers_are_unknown)
    if unknown is not None:
        get_logger().info("The laws of workers are left out: %s", unknown)
    for law in _ALL_LAWS:
        if subject.why_not(law) is None and (unknown is None or law not in _ABOUT_WORKERS):
            try:
                subject.is_tried_by(law)
            except Exception as error:
                error.add_note(f"the law: {law.__name__} ({law.__doc__})")
                raise


class StorageLaws:
    """A test class for pytest, one method per law, to be derived from under a name that begins with ``Test``.

    Attributes:
        make_storage: See `check_storage`.
        many_studies: See `check_storage`; the laws that need it are skipped without.
        across_processes: See `check_storage`; the laws that need it are skipped without.
        grace_period: See `check_storage`. Where journals do not know workers, the laws about them are skipped.

    Example:
        >>> from hpo.journal import DirectoryStorage
        >>> class TestMine(StorageLaws):
        ...     make_storage = staticmethod(DirectoryStorage)
        >>> TestMine().test_a_study_is_created_once()
    """

    make_storage: ClassVar[Callable[..., Any]]
    many_studies: ClassVar[bool] = True
    across_processes: ClassVar[bool] = True
    grace_period: ClassVar[float] = 0.0


def _method(law: AnyLaw) -> Callable[[StorageLaws], None]:
    def test(self: StorageLaws) -> None:
        own = vars(self).get("make_storage")  # a fixture may give it to the object
        make_storage = given_to(type(self), "make_storage") if own is None else own
        subject = _Subject(make_storage, self.many_studies, self.across_processes, self.grace_period)
        why_not = subject.why_not(law)
        if why_not is None and law in _ABOUT_WORKERS:
            why_not = subject.in_a_new_place(why_workers_are_unknown)
        if why_not is not None:
            raise SkipTest(why_not)
        subject.is_tried_by(law)

    test.__doc__ = law.__doc__
    return test


def _check_opener(given: object) -> None:
    if not callable(given):
        raise InvalidType(
            f"make_storage opens a storage in a directory that it is given, as hpo.journal.DirectoryStorage does; got {given!r}"
        )


@attrs.frozen
class _Subject:
    """A storage, and what is said of it; see `check_storage`."""

    make_storage: MakeStorage = attrs.field()
    many_studies: bool
    across_processes: bool
    grace_period: float = attrs.field()

    @make_storage.validator
    def _check_make_storage(self, _: object, given: object) -> None:
        _check_opener(given)

    @grace_period.validator
    def _check_grace_period(self, _: object, given: object) -> None:
        seconds = None if isinstance(given, bool) else as_float(given)
        if seconds is None or not 0 <= seconds < float("inf"):
            raise InvalidArgument(f"grace_period is a number of seconds from 0 on, got {given!r}")

    def why_not(self, law: AnyLaw) -> str | None:
        """Why the law is not for it, by what is said of it; None where it may be."""
        if law in LAWS_OF_MANY_STUDIES and not self.many_studies:
            return "it holds one study"
        if law in _ABOUT_PROCESSES and not self.across_processes:
            return "it lives in one process"
        return None

    def is_tried_by(self, law: AnyLaw) -> None:
        """Raises AssertionError where it does not keep the law."""
        patient = {"grace_period": self.grace_period} if law in LAWS_OF_SILENT_WORKERS else {}
        self.in_a_new_place(partial(law, **patient))

    def in_a_new_place(self, act: Callable[[Opener], T]) -> T:
        """What `act` gives, which gets what opens the storage in a place of its own."""
        with tempfile.TemporaryDirectory() as place:
            return act(partial(_opened, self.make_storage, Path(place)))


def _opened(make_storage: MakeStorage, place: Path) -> Storage:
    storage = make_storage(place)
    if not isinstance(storage, Storage):
        raise InvalidType(f"make_storage gives a storage (see hpo.journal.Storage), and gave {storage!r}")
    return storage


_ABOUT_WORKERS: tuple[AnyLaw, ...] = (*LAWS_OF_WORKERS, *LAWS_OF_WORKERS_ACROSS_PROCESSES, *LAWS_OF_SILENT_WORKERS)
_ABOUT_PROCESSES: tuple[AnyLaw, ...] = (
    *LAWS_ACROSS_PROCESSES,
    *LAWS_OF_WORKERS_ACROSS_PROCESSES,
    *LAWS_OF_SILENT_WORKERS,
)
_ALL_LAWS: tuple[AnyLaw, ...] = (*LAWS, *LAWS_OF_MANY_STUDIES, *LAWS_ACROSS_PROCESSES, *_ABOUT_WORKERS)

for _law in _ALL_LAWS:
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
        InvalidType: something else than functions by name is given.

    Example:
        >>> from hpo.journal import DirectoryStorage
        >>> from hypothesis import settings
        >>> from hypothesis.stateful import run_state_machine_as_test
        >>> machine = agreement_machine({"mine": DirectoryStorage})
        >>> run_state_machine_as_test(machine, settings=settings(max_examples=2, deadline=None))
    """
    if not isinstance(make_storages, Mapping):
        raise InvalidType(f"make_storages says by name how to open each storage, got {make_storages!r}")
    for make_storage in make_storages.values():
        _check_opener(make_storage)
    try:
        from hpo.testing.journals.machine import JournalMachine
    except ModuleNotFoundError as error:
        raise MissingExtra("the generated laws of journals", "testing") from error
    return type("AgreementMachine", (JournalMachine,), {"make_storages": dict(make_storages)})
