"""Journals that know workers and are broken on purpose, each with the law that names its fault.

Those that processes share are files. Processes that laws start find this module by its name, so it has to be imported
under that, with its directory on the path.
"""

import collections
import contextlib
import fcntl
import os
import threading
import time
from pathlib import Path

from hpo.core import TrialStarted
from hpo.errors import JournalUnwritable, WorkerLost
from hpo.journal import FileJournal, FileStorage, MemoryStorage
from hpo.journal.memory import MemoryJournal
from hpo.journal.storage import check_worker_name, is_worker_name


class LetsNobodyLive(MemoryJournal):
    @contextlib.contextmanager
    def hold(self, worker):
        check_worker_name(worker)
        yield


class LetsNobodyDie(MemoryJournal):
    @contextlib.contextmanager
    def hold(self, worker):
        check_worker_name(worker)
        self._workers.add(worker)
        yield


class ForgetsTheDead(MemoryJournal):
    """It can't tell who was there from who never was."""

    def is_alive(self, worker):
        return super().is_alive(worker) or None


class Counts(MemoryJournal):
    """It says 1 and 0, as some servers do."""

    def is_alive(self, worker):
        alive = super().is_alive(worker)
        return None if alive is None else int(alive)


class TakesStrangersForAlive(MemoryJournal):
    """Whoever it has not seen leave is there."""

    @contextlib.contextmanager
    def hold(self, worker):
        with super().hold(worker):
            yield
        self.dead = {worker, *getattr(self, "dead", ())}

    def is_alive(self, worker):
        return worker not in getattr(self, "dead", ()) if is_worker_name(worker) else None


class LooksAtBeginnings(MemoryJournal):
    def is_alive(self, worker):
        return any(held.startswith(worker[:7]) for held in self._workers) if is_worker_name(worker) else None


class TakesAnyName(MemoryJournal):
    @contextlib.contextmanager
    def hold(self, worker):
        self._workers.add(worker)
        try:
            yield
        finally:
            self._workers.discard(worker)


class CallsTheNamelessDead(MemoryJournal):
    def is_alive(self, worker):
        return worker in self._workers


class GivesNamesTwice(MemoryJournal):
    @contextlib.contextmanager
    def hold(self, worker):
        check_worker_name(worker)
        self._workers.add(worker)
        try:
            yield
        finally:
            self._workers.discard(worker)


class HasOneChair(MemoryJournal):
    """Who comes takes the place of who was there."""

    @contextlib.contextmanager
    def hold(self, worker):
        with super().hold(worker):
            self.sitting = worker
            yield

    def is_alive(self, worker):
        return super().is_alive(worker) and worker == self.sitting


class SendsAllHome(MemoryJournal):
    """Who leaves takes all along."""

    @contextlib.contextmanager
    def hold(self, worker):
        with super().hold(worker):
            try:
                yield
            finally:
                self.gone = {*self._workers, *getattr(self, "gone", ())}

    def is_alive(self, worker):
        return super().is_alive(worker) and worker not in getattr(self, "gone", ())


class SendsTheLastHome(MemoryJournal):
    """A stack where a set should be."""

    @contextlib.contextmanager
    def hold(self, worker):
        stack = vars(self).setdefault("stack", [])
        check_worker_name(worker)
        if worker in stack:
            raise JournalUnwritable("memory", f"there is a worker {worker!r} already")
        stack.append(worker)
        try:
            yield
        finally:
            stack.pop()

    def is_alive(self, worker):
        return worker in vars(self).get("stack", ()) if is_worker_name(worker) else None


class OverlooksErrors(MemoryJournal):
    @contextlib.contextmanager
    def hold(self, worker):
        check_worker_name(worker)
        with self._lock:
            if worker in self._workers:
                raise JournalUnwritable("memory", f"there is a worker {worker!r} already")
            self._workers.add(worker)
        yield
        self._workers.remove(worker)


class SwallowsErrors(MemoryJournal):
    @contextlib.contextmanager
    def hold(self, worker):
        with super().hold(worker), contextlib.suppress(ValueError):
            yield


class WrapsErrors(MemoryJournal):
    @contextlib.contextmanager
    def hold(self, worker):
        with super().hold(worker):
            try:
                yield
            except ValueError as error:
                raise ValueError(f"worker {worker}: {error}") from error


class RemembersFewDead(MemoryJournal):
    """Who died long ago may have been here, and may be again."""

    def is_alive(self, worker):
        alive = super().is_alive(worker)
        return None if alive is False and len(self._events) > 10 else alive


class StartsNothingForWorkers(MemoryJournal):
    def append(self, events, *, expected):
        for event in events:
            if isinstance(event, TrialStarted) and event.worker in self._workers:
                raise WorkerLost(event.worker)
        return super().append(events, expected=expected)


class StartsNothingForStrangers(MemoryJournal):
    def append(self, events, *, expected):
        for event in events:
            if isinstance(event, TrialStarted) and is_worker_name(event.worker) and not self.is_alive(event.worker):
                raise WorkerLost(event.worker)
        return super().append(events, expected=expected)


class MemoryMutant(MemoryStorage):
    """Its journals are of a broken kind."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def create(self, name, events):
        journal = super().create(name, events)
        journal.__class__ = self.kind
        return journal


class KnowsOnlyItsOwn(FileJournal):
    """Each handle knows those that it holds itself."""

    @contextlib.contextmanager
    def hold(self, worker):
        mine = vars(self).setdefault("mine", set())
        with super().hold(worker):
            mine.add(worker)
            try:
                yield
            finally:
                mine.remove(worker)

    def is_alive(self, worker):
        return worker in vars(self).get("mine", ()) if is_worker_name(worker) else None

    def __getstate__(self):
        return {**super().__getstate__(), "mine": set()}

    def __setstate__(self, state):
        super().__setstate__(state)
        self.mine = state["mine"]


_HELD_HERE = set()


class KnowsOnlyItsProcess(FileJournal):
    """All handles of a process share what they know, and no other process does."""

    @contextlib.contextmanager
    def hold(self, worker):
        with super().hold(worker):
            _HELD_HERE.add(worker)
            try:
                yield
            finally:
                _HELD_HERE.remove(worker)

    def is_alive(self, worker):
        return worker in _HELD_HERE if is_worker_name(worker) else None


class LeavesAFile(FileJournal):
    """A worker is alive while its file is there, which a killed one can't remove."""

    def _file(self, worker):
        return Path(f"{self.path}-{worker}")

    @contextlib.contextmanager
    def hold(self, worker):
        check_worker_name(worker)
        try:
            self._file(worker).touch(exist_ok=False)
        except FileExistsError:
            raise JournalUnwritable(str(self._file(worker)), "there is a worker of this name") from None
        process = os.getpid()
        try:
            yield
        finally:
            if os.getpid() == process:
                self._file(worker).unlink()

    def is_alive(self, worker):
        return self._file(worker).exists() if is_worker_name(worker) else None


class SharesLocksWithChildren(LeavesAFile):
    """The lock on a worker's file is held by its children, too."""

    @contextlib.contextmanager
    def hold(self, worker):
        with super().hold(worker), self._file(worker).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def is_alive(self, worker):
        if not is_worker_name(worker):
            return None
        try:
            with self._file(worker).open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False


class IsEndedByChildren(FileJournal):
    """A child that leaves the block writes that the worker is gone."""

    def _grave(self, worker):
        return Path(f"{self.path}-{worker}-is-gone")

    @contextlib.contextmanager
    def hold(self, worker):
        with super().hold(worker):
            try:
                yield
            finally:
                self._grave(worker).touch()

    def is_alive(self, worker):
        alive = super().is_alive(worker)
        return alive and not self._grave(worker).exists()


class Beats(LeavesAFile):
    """A lease: a worker touches its file, and is dead while that is old; whoever looks gives it time to say otherwise."""

    grace_period = 2.0
    second_look = 0.3  # seconds; after a machine has stood still, all ages are those of the dead for a moment

    @contextlib.contextmanager
    def hold(self, worker):
        with super().hold(worker):
            ended = threading.Event()
            thread = threading.Thread(target=self._beat, args=(worker, ended), daemon=True)
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()

    def _beat(self, worker, ended):
        while not ended.wait(self.grace_period / 10):
            os.utime(self._file(worker))

    def is_alive(self, worker):
        if not is_worker_name(worker):
            return None
        if not self._is_young(worker) and self._file(worker).exists():
            time.sleep(self.second_look)
        return self._is_young(worker)

    def _is_young(self, worker):
        try:
            return time.time() - self._file(worker).stat().st_mtime < self.grace_period
        except FileNotFoundError:
            return False


_LOOKS = collections.Counter()


class BeatsOnce(Beats):
    """A lease that nobody has renewed, as its third look finds: before that, another process may be long in coming."""

    def _beat(self, worker, ended):
        file = self._file(worker)
        begin = file.stat().st_mtime
        while _LOOKS[file] < 3 and not ended.wait(self.grace_period / 10):
            os.utime(file)
        os.utime(file, (begin, begin))
        ended.wait()

    def is_alive(self, worker):
        _LOOKS[self._file(worker)] += 1
        return super().is_alive(worker)


class BeatsAndIsStopped(Beats):
    """A lease that ran out is ended for ever, and trials start under it all the same."""

    def _beat(self, worker, ended):
        with contextlib.suppress(FileNotFoundError):
            super()._beat(worker, ended)

    @contextlib.contextmanager
    def hold(self, worker):
        with contextlib.suppress(FileNotFoundError), super().hold(worker):
            yield

    def is_alive(self, worker):
        alive = super().is_alive(worker)
        if alive is False:
            self._file(worker).unlink(missing_ok=True)
        return alive


class FileMutant:
    """A storage of one file, whose journals are of a broken kind."""

    def __init__(self, path, kind):
        self.files, self.kind = FileStorage(path, durability="process"), kind
        self.location = self.files.location

    def create(self, name, events):
        self.files.create(name, events)
        return self.open(name)

    def open(self, name):
        return self.kind(self.files.open(name).path, durability="process")

    def names(self):
        return self.files.names()

    def delete(self, name):
        self.files.delete(name)


IN_MEMORY = [
    (LetsNobodyLive, "a_worker_is_alive_in_its_block"),
    (LetsNobodyDie, "a_worker_is_alive_in_its_block"),
    (ForgetsTheDead, "a_worker_is_alive_in_its_block"),
    (Counts, "a_worker_is_alive_in_its_block"),
    (TakesStrangersForAlive, "nobody_else_is_alive"),
    (LooksAtBeginnings, "nobody_else_is_alive"),
    (TakesAnyName, "a_worker_needs_a_name"),
    (CallsTheNamelessDead, "a_worker_needs_a_name"),
    (GivesNamesTwice, "a_name_is_held_once"),
    (HasOneChair, "workers_do_not_disturb_each_other"),
    (SendsAllHome, "workers_do_not_disturb_each_other"),
    (SendsTheLastHome, "workers_do_not_disturb_each_other"),
    (OverlooksErrors, "an_error_ends_the_block"),
    (SwallowsErrors, "an_error_ends_the_block"),
    (WrapsErrors, "an_error_ends_the_block"),
    (RemembersFewDead, "a_dead_worker_stays_dead"),
    (StartsNothingForWorkers, "a_living_worker_starts_trials"),
    (StartsNothingForStrangers, "a_living_worker_starts_trials"),
]
"""Journals of one process, and the law that names what is wrong with each."""

IN_FILES = [
    (KnowsOnlyItsOwn, "a_worker_is_alive_in_its_block"),
    (KnowsOnlyItsProcess, "a_worker_is_alive_for_other_processes"),
    (LeavesAFile, "the_death_of_a_process_ends_its_workers"),
    (SharesLocksWithChildren, "a_forked_child_neither_ends_nor_keeps_a_worker"),
    (IsEndedByChildren, "a_forked_child_neither_ends_nor_keeps_a_worker"),
    (BeatsOnce, "a_worker_that_is_busy_stays_alive"),
    (Beats, "who_is_given_up_starts_no_trial"),
    (BeatsAndIsStopped, "who_is_given_up_starts_no_trial"),
]
"""Journals that processes share, and the law that names what is wrong with each."""
