"""Trials in other processes: what is sent to a worker, and what it remembers for the next trial.

An executor takes a call and says nothing of who will carry it out. So a job leaves out what its worker is likely to
know: it carries the events since then, and not the study. A worker that lacks something says so at once, before it
calls the objective, and gets the job again with more. What a worker knows is learned from its replies.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import secrets
import threading
import traceback
import zlib
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import attrs
from msgspec.structs import replace

from hpo.core import StudyState, decode_events, encode_events, is_replayable, replay
from hpo.errors import InvalidType
from hpo.study.advisors import Advisors
from hpo.study.recorder import JournalRecorder, now
from hpo.study.running.evaluation import (
    NO_PROCESS,
    DetachedJob,
    Frames,
    Listener,
    Objective,
    TrialResult,
    refused,
    traceback_of,
)
from hpo.study.running.ledger import Known, Ledger

_COMPRESSED_FROM = 1024  # bytes
_SNAPSHOTS = 8  # of one study, in a worker: its threads may get jobs in another order than they were made
_STUDIES = 4
_PROGRAMS = 4

_ADVICE = (
    "Define it with def in a module that the workers can import, pip install 'purehpo[cloudpickle]' here and for the "
    "workers, which sends functions of a prompt, a notebook and other functions, or use threads: n_jobs=4 without an "
    "executor."
)


class Job:
    """A trial for an executor, which may run it in this process or send it to another one, as a `Parcel`.

    Jobs are told apart by identity, so that executors can keep them in sets and dicts.

    Args:
        here: Runs the trial in a thread of this process.
        detached: The trial, if it may leave this process.
        post: Makes the parcel of it.
        expected: Which worker is likely to run it, and what it knows; None if its worker has to be told everything.
    """

    def __init__(
        self,
        here: Callable[[], TrialResult],
        detached: DetachedJob | None = None,
        post: PostOffice | None = None,
        expected: tuple[str, Known] | None = None,
    ) -> None:
        self.here = here
        self.detached = detached
        self.post = post
        self.expected = expected
        self.refusals = 0
        self.by_value = False
        """Whether the objective was sent as a whole, and not by its name."""
        self.problem: Exception | None = None
        """Why it could not be sent, if it could not."""

    @property
    def earliest(self) -> float | None:
        """When the trial was started, if it had to wait for a worker after that; None for one that was resumed."""
        if self.detached is None:
            return None
        trial = self.detached.started.running[self.detached.number]
        resumed = trial.params or trial.intermediate_values or trial.metrics or trial.checkpoint is not None
        return None if resumed else trial.started_at

    def run(self) -> TrialResult:
        """Run the trial in a thread of this process. Nothing is raised."""
        if self.post is not None and self.post.seconds is not None and self.detached is not None:
            return refused(self.detached.number, NO_PROCESS)
        began = now()
        return _begun(self.here(), began)

    def __reduce__(self) -> tuple[type[Parcel], tuple[Any, ...]]:
        assert self.detached is not None, "hpo's own threads pickle nothing"
        assert self.post is not None, "hpo's own threads pickle nothing"
        self.by_value = self.post.by_value
        try:
            return Parcel, attrs.astuple(
                self.post.parcel(self.detached, None if self.expected is None else self.expected[1]), recurse=False
            )
        except Exception as error:
            self.problem = error  # executors hide it, each in another way
            raise

    def __repr__(self) -> str:
        return "<a trial>" if self.detached is None else f"<trial {self.detached.number}>"


def run_job(job: Job | Parcel) -> TrialResult | Reply:
    """Run the trial of `job`, in whatever process this is called. It is what executors are given to call."""
    return job.run()


class PostOffice:
    """Makes parcels of the trials of one run.

    Args:
        recorder: The study, whose newest events it remembers.
        token: A name of the study for the workers, which no other study has.
        ledger: What the workers know.
        catch: The exceptions that do not end the run.
        seconds: How long each objective may run, or None.
    """

    def __init__(
        self,
        recorder: JournalRecorder,
        token: bytes,
        ledger: Ledger,
        catch: tuple[type[BaseException], ...],
        seconds: float | None = None,
    ) -> None:
        self.seconds = seconds
        recorder.remember_events()
        self._recorder = recorder
        self._token = token + os.getpid().to_bytes(8, "big")  # a forked study goes its own way
        self._ledger = ledger
        self._catch = catch
        self.by_value = False
        """Whether objectives are sent as a whole, because a worker could not find one by its name."""

    def job(self, detached: DetachedJob, here: Callable[[], TrialResult]) -> Job:
        """Return the job for a trial."""
        return Job(here, detached, self, self._ledger.expected())

    def parcel(self, job: DetachedJob, known: Known | None) -> Parcel:
        """Return what a worker with this knowledge needs in order to run the trial."""
        started, version = job.started.version, job.state.version
        if self._recorder.log.end < version:
            _ = self._recorder.state  # reads what the log lacks
        log = self._recorder.log
        whole = known is None or not log.start <= known.version <= started
        first = started if whole or known is None else known.version
        program = self._program(job.advisors, job.objective)
        digest = blake2b(program, digest_size=16).digest()
        return Parcel(
            token=self._token,
            number=job.number,
            has_params=job.has_params,
            first=first,
            started=started,
            whole=_compressed(job.started.to_bytes()) if whole else b"",
            events=_compressed(encode_events(log.since(first)[: version - first])) if version > first else b"",
            digest=digest,
            program=b"" if known is not None and known.program == digest else _compressed(program),
            seconds=self.seconds,
        )

    def opened(self, job: Job, reply: Reply) -> TrialResult | None:
        """Return the result that a worker sent; None if it has to get the job again, which is changed for that.

        Raises:
            InvalidType: the worker cannot read the objective, and will not be able to.
        """
        known = Known(reply.version, reply.program)
        if reply.result is not None:
            if reply.worker:  # else its process has ended
                self._ledger.note(reply.worker, known, job.expected)
            return replace(reply.result, error=reply.raised())
        if reply.unreadable:
            # another trial, sent before it was known that names do not do, may have taught that meanwhile
            if job.by_value or importlib.util.find_spec("cloudpickle") is None:
                raise InvalidType(f"a worker of the executor cannot read the objective: {reply.unreadable}. {_ADVICE}")
            self.by_value = True
        self._ledger.note_refusal(reply.worker, job.expected)
        job.expected = None if job.refusals or known.version < 0 else (reply.worker, Known(reply.version, b""))
        job.refusals += 1
        return None

    def _program(self, advisors: Advisors, objective: Objective) -> bytes:
        """Return what the worker calls, as bytes. It is made for each job, because the objective may have changed."""
        program = objective, advisors, self._catch
        if not self.by_value:
            try:
                return pickle.dumps(program, protocol=pickle.HIGHEST_PROTOCOL)
            except Exception as error:
                if importlib.util.find_spec("cloudpickle") is None:
                    raise InvalidType(f"the objective cannot be sent to another process: {error}. {_ADVICE}") from error
        try:
            pickled: bytes = importlib.import_module("cloudpickle").dumps(program)  # it has no types
        except Exception as error:
            raise InvalidType(
                f"the objective cannot be sent to another process, not with cloudpickle either: {error}. Something that "
                "it refers to, such as an open file or a lock, cannot leave this process: open it in the objective."
            ) from error
        return pickled


@attrs.frozen(repr=False)
class Parcel:
    """A trial on its way to another process.

    Attributes:
        token: The study.
        number: The number of the trial.
        has_params: Whether the trial has its joint parameters.
        first: The version that the worker has to know, which `whole` or the worker's memory provides.
        started: The version in which the trial was started.
        whole: The state of that version; empty if the worker knows the study.
        events: The events from `first` on, up to the joint suggestion if the trial has one.
        digest: The digest of the program.
        program: The objective, the advisors and the exceptions to catch; empty if the worker knows them.
        seconds: How long the objective may run, or None.
    """

    token: bytes
    number: int
    has_params: bool
    first: int
    started: int
    whole: bytes
    events: bytes
    digest: bytes
    program: bytes
    seconds: float | None = None

    def run(self, heard: Listener | None = None) -> Reply:
        """Run the trial in this process, or beside it if it has a time limit, if everything for it is known. Nothing is raised."""
        if self.seconds is None:
            return _MEMORY.run(self, heard)
        from hpo.study.running.time_limits import run_in_time  # which is built on this module

        return run_in_time(self, self.seconds)

    def __repr__(self) -> str:
        return f"<trial {self.number}>"


@attrs.frozen
class Reply:
    """What a worker sends back.

    Attributes:
        worker: The process.
        version: The newest version of the study that it knows; -1 for none.
        program: The digest of the program that it knows; empty if it does not know the one that was asked for.
        result: The result, without its error; None if it lacks something.
        error: What the objective raised, as bytes, or a description of it.
        unreadable: Why the program cannot be read in the worker; or empty.
    """

    worker: str
    version: int
    program: bytes
    result: TrialResult | None = None
    error: bytes | str | None = None
    unreadable: str = ""

    def raised(self) -> BaseException | None:
        """Return what the objective raised, or a RuntimeError that describes it if it cannot be read here."""
        if self.error is None or self.result is None:
            return None
        error: BaseException
        try:
            error = pickle.loads(self.error) if isinstance(self.error, bytes) else RuntimeError(self.error)  # noqa: S301
        except Exception:  # noqa: BLE001 - exceptions of users may fail to be read in any way
            error = RuntimeError(self.result.tell.reason)
        error.__cause__ = RemoteTraceback(self.result.traceback)
        return error


class RemoteTraceback(Exception):  # noqa: N818 - it is the cause of an error and not one of its own
    """The traceback of an error in another process, as the error's cause."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}\n"""'


class _RemoteRun(threading.local):
    """The run that the current thread of a worker works for."""

    study: tuple[object, ...] | None = None
    stopped: bool = False


class WorkerMemory:
    """What this process knows of the studies whose trials it runs for other processes."""

    # Nothing needs a lock: states are immutable, and what two threads remember at a time is at worst forgotten.

    def __init__(self) -> None:
        self._born = secrets.token_hex(6)
        self._states: dict[bytes, tuple[StudyState, ...]] = {}
        self._programs: dict[bytes, bytes] = {}
        self.current = _RemoteRun()

    def run(self, parcel: Parcel, heard: Listener | None = None) -> Reply:
        """Run the trial of `parcel`, or say what is lacking. Nothing is raised."""
        began = now()
        worker = f"{self._born}-{os.getpid()}"  # forked workers were born together
        states = self._known_states(parcel)
        program = _expanded(parcel.program) or self._programs.get(parcel.digest, b"")
        if program:
            _remember(self._programs, parcel.digest, program, _PROGRAMS)
        newest = max((state.version for state in self._states.get(parcel.token, ())), default=-1)
        known = parcel.digest if program else b""
        if states is None or not program:
            return Reply(worker, newest, known)
        try:
            objective, advisors, catch = pickle.loads(program)  # noqa: S301 - the program that the user asked to run
        except BaseException as error:  # noqa: BLE001 - a module may do anything while it is imported
            return Reply(worker, newest, b"", unreadable="".join(traceback.format_exception_only(error)).strip())
        if not is_replayable(advisors.sampler) and hasattr(advisors.sampler, "reseed_rng"):
            advisors.sampler.reseed_rng()  # without new seeds, all copies of a stateful sampler suggest the same
        job = DetachedJob(*states, parcel.number, parcel.has_params, advisors, objective)
        result, raised = self._evaluated(job, catch, heard)
        return Reply(worker, newest, known, _begun(result, began), raised)

    def _evaluated(
        self, job: DetachedJob, catch: tuple[type[BaseException], ...], heard: Listener | None
    ) -> tuple[TrialResult, bytes | str | None]:
        self.current.study, self.current.stopped = _identity(job.started), False
        try:
            result = replace(Frames(catch).let_go(job(heard)), stopped=self.current.stopped)
        finally:
            self.current.study = None
        error = result.error
        if error is None:
            return result, None
        result = replace(result, error=None, traceback=traceback_of(error))
        try:
            sent = pickle.dumps(error)
            pickle.loads(sent)  # noqa: S301 - bytes that were made in the line above
        except Exception:  # noqa: BLE001 - exceptions of users may fail to pickle in any way
            return result, str(result.tell.reason)
        return result, sent

    def _known_states(self, parcel: Parcel) -> tuple[StudyState, StudyState] | None:
        """Return the study when the trial started, and with its joint suggestion; None if too little is known."""
        snapshots = self._states.get(parcel.token, ())
        if parcel.whole:
            before = StudyState.from_bytes(_expanded(parcel.whole))
        else:
            usable = [state for state in snapshots if parcel.first <= state.version <= parcel.started]
            if not usable:
                return None
            before = max(usable, key=lambda state: state.version)
        events = decode_events(_expanded(parcel.events)) if parcel.events else []
        split = parcel.started - parcel.first
        started = replay(events[before.version - parcel.first : split], before)
        _remember(self._states, parcel.token, (*snapshots[1 - _SNAPSHOTS :], started), _STUDIES)
        return started, replay(events[split:], started)


_MEMORY = WorkerMemory()


def stop_remotely(state: StudyState) -> bool:
    """Ask that no more trials start, if this thread runs one for a study of another process; return whether it does."""
    current = _MEMORY.current
    if current.study is None or current.study != _identity(state):
        return False
    current.stopped = True
    return True


def _identity(state: StudyState) -> tuple[object, ...]:
    return state.name, state.seed, state.created_at, state.directions


def _begun(result: TrialResult, began: float) -> TrialResult:
    return replace(result, tell=replace(result.tell, began=began))


def _remember(memory: dict[bytes, Any], key: bytes, value: Any, most: int) -> None:
    memory.pop(key, None)
    memory[key] = value  # as the newest
    for oldest in [*memory][:-most]:
        memory.pop(oldest, None)


def _compressed(data: bytes) -> bytes:
    return data if len(data) < _COMPRESSED_FROM else b"z" + zlib.compress(data, 1)


def _expanded(data: bytes) -> bytes:
    # JSON begins with a bracket or brace, and a pickle of protocol 2 or later with \x80
    return zlib.decompress(data[1:]) if data[:1] == b"z" else data
