"""The checked arguments of `Study.optimize`, and the executors that run its objectives: daemon threads, or the user's own."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeAlias, TypeVar

import attrs

from hpo.core import FrozenTrial, StoppingRule, as_float, as_int, checked_stopping_rule, shown_with_advice
from hpo.errors import InvalidArgument, InvalidType
from hpo.stopping.rules import MaxTrials
from hpo.study.running.evaluation import NO_PROCESS, Objective

Callback: TypeAlias = Callable[[Any, FrozenTrial], None]
"""Called with the `Study`, which this module cannot name because studies import it, and a finished trial."""


@attrs.frozen
class RunOptions:
    """The checked arguments of `Study.optimize`, which describes them.

    Attributes:
        ordered: Whether trials are told in the order of their numbers: ``order="deterministic"``.
        stop: The stopping rule, or None.
        timeout_per_trial: Seconds that each objective may run, or None.
        speculate: Whether the next trial is started while the objective runs.
        total: How many trials the study may have, over all workers, and which of them count; or None.
    """

    objective: Objective
    n_trials: int | None
    timeout: float | None
    n_jobs: int
    catch: tuple[type[BaseException], ...]
    callbacks: tuple[Callback, ...]
    gc_after_trial: bool
    show_progress_bar: bool
    executor: Executor | None
    ordered: bool
    stop: StoppingRule | None
    total: MaxTrials | None
    timeout_per_trial: float | None
    speculate: bool

    @classmethod
    def checked(
        cls,
        objective: Objective,
        *,
        n_trials: int | None,
        timeout: float | None,
        n_jobs: int | None,
        catch: type[BaseException] | Iterable[type[BaseException]],
        callbacks: Iterable[Callback] | None,
        gc_after_trial: bool,
        show_progress_bar: bool,
        executor: Executor | None,
        order: str,
        stop: StoppingRule | None,
        total_trials: int | MaxTrials | None,
        timeout_per_trial: float | None,
        speculate: bool,
    ) -> RunOptions:
        """Return the options, or raise an error that names the argument that is not valid."""
        if not callable(objective):
            raise InvalidType(f"an objective is a callable that takes a trial, got {objective!r}")
        if n_trials is not None and ((count := as_int(n_trials)) is None or count < 0):
            raise InvalidArgument(f"n_trials is None or a whole number of at least 0, got {n_trials!r}")
        seconds = None if timeout is None else as_float(timeout)
        if timeout is not None and (seconds is None or not seconds >= 0.0):
            raise InvalidArgument(f"timeout is None or a number of seconds, at least 0, got {timeout!r}")
        if order not in ("any", "deterministic"):
            raise InvalidArgument(f"order is 'any' or 'deterministic', got {order!r}")
        if not isinstance(speculate, bool):
            raise InvalidType(f"speculate is True or False, got {speculate!r}")
        if speculate and (executor is not None or order != "any" or n_jobs not in (None, 1)):
            raise InvalidArgument(
                "speculate=True is for one trial at a time: leave out n_jobs, executor and order, with which the next "
                "suggestion is computed while other trials run anyway"
            )
        return cls(
            objective=objective,
            n_trials=n_trials,
            timeout=seconds,
            n_jobs=job_count(n_jobs, checked_executor(executor)),
            catch=_checked_catch(catch),
            callbacks=_checked_callbacks(callbacks),
            gc_after_trial=gc_after_trial,
            show_progress_bar=show_progress_bar,
            executor=executor,
            ordered=order == "deterministic",
            stop=None if stop is None else checked_stopping_rule(stop),
            total=_checked_total(total_trials),
            timeout_per_trial=_checked_limit(timeout_per_trial, executor),
            speculate=speculate,
        )


def _checked_total(given: object) -> MaxTrials | None:
    if given is None or isinstance(given, MaxTrials):
        return given
    count = as_int(given)
    if count is None or count < 0:
        raise InvalidArgument(
            "total_trials is None, a whole number of at least 0, or hpo.stopping.MaxTrials(number, states=...); "
            f"got {given!r}"
        )
    return MaxTrials(count)


def _checked_limit(given: object, executor: Executor | None) -> float | None:
    if given is None:
        return None
    seconds = as_float(given)
    if seconds is None or not 0.0 < seconds < math.inf:
        raise InvalidArgument(f"timeout_per_trial is None or a finite number of seconds above 0, got {given!r}")
    if executor is None or isinstance(executor, ThreadPoolExecutor):
        got = "no executor" if executor is None else f"a {type(executor).__qualname__}"
        raise InvalidArgument(f"{NO_PROCESS}; got {got}")
    return seconds


def _checked_callbacks(given: object) -> tuple[Callback, ...]:
    if given is None:
        return ()
    callbacks = tuple(given) if isinstance(given, Iterable) else ()
    classes = [callback for callback in callbacks if isinstance(callback, type)]
    if classes:
        name = classes[0].__name__
        raise InvalidType(f"callbacks has the class {name} itself: create a callback with it, {name}(...)")
    wrong = [callback for callback in callbacks if not callable(callback)] if isinstance(given, Iterable) else [given]
    if wrong:
        raise InvalidType(f"callbacks is None or holds callables that take a study and a trial, got {wrong[0]!r}")
    return callbacks


def _checked_catch(catch: object) -> tuple[type[BaseException], ...]:
    types = (catch,) if isinstance(catch, type) else tuple(catch) if isinstance(catch, Iterable) else (catch,)
    for kind in types:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise InvalidType(f"catch is an exception class or a collection of them, got {catch!r}")
    return types


P = ParamSpec("P")
T = TypeVar("T")

_SIZES = ("_max_workers", "num_workers", "max_workers")
"""Attributes by which executors tell how many workers they have."""
_FRONTS = {"get_executor": ".get_executor()", "executor": ".executor"}
"""Attributes of clients that have `submit` and make an executor, with what follows the client."""


class DaemonThreads(Executor):
    """An executor that runs every call in a daemon thread of its own.

    The threads of a `ThreadPoolExecutor` are joined when the interpreter exits. These are not, so an interrupted
    program never waits for objectives whose results nobody needs any more.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start `fn` at once in a new thread, and return the future of its result."""
        future: Future[T] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                _finish(future, fn, args, kwargs)

        threading.Thread(target=run, name="hpo-trial", daemon=True).start()
        return future


def _finish(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        result = fn(*args, **kwargs)
    except BaseException as error:  # noqa: BLE001 - raised by whoever asks the future for its result
        future.set_exception(error)
    else:
        future.set_result(result)


def checked_executor(given: Executor | None) -> Executor | None:
    """Return `given`.

    Raises:
        InvalidType: it does not have the methods of `concurrent.futures.Executor`, or has another meaning for them.
    """
    if given is None or isinstance(given, Executor):
        return given
    kind = type(given)
    for name, front in _FRONTS.items():
        if not isinstance(given, type) and hasattr(given, "submit") and hasattr(given, name):
            raise InvalidType(
                f"a {kind.__module__.partition('.')[0]} {kind.__qualname__} is not an executor, because its submit does "
                f"not return a concurrent.futures.Future: pass the executor that it makes, executor=it{front}"
            )
    methods = (getattr(given, name, None) for name in ("submit", "map", "shutdown"))
    if isinstance(given, type) or not all(map(callable, methods)):
        raise InvalidType(
            "an executor is a concurrent.futures.Executor, or has its methods submit, map and shutdown; "
            f"got {shown_with_advice(given)}"
        )
    return given


def checked_future(executor: Executor, given: Future[T]) -> Future[T]:
    """Return what `submit` of `executor` has returned.

    Raises:
        InvalidType: it is not a future of concurrent.futures.
    """
    if not isinstance(given, Future):
        raise InvalidType(
            f"submit of an executor returns a concurrent.futures.Future; that of a {type(executor).__qualname__} "
            f"returned a {type(given).__qualname__}"
        )
    return given


def size_of(executor: Executor) -> int | None:
    """Return how many workers `executor` has, or None if it does not tell."""
    for name in _SIZES:
        size = as_int(getattr(executor, name, None))
        if size is not None and size >= 1:
            return int(size)
    return None


def job_count(n_jobs: int | None, executor: Executor | None) -> int:
    """Return how many trials run at a time.

    Raises:
        InvalidArgument: `n_jobs` is not -1 or at least 1, or leaves the number to an executor that does not tell it.
    """
    count = 1 if n_jobs is None else as_int(n_jobs)
    if count is None or count == 0 or count < -1:
        raise InvalidArgument(
            f"n_jobs is the number of parallel trials, at least 1, or -1 for all CPUs; got {n_jobs!r}"
        )
    if executor is None:
        return (os.cpu_count() or 1) if count == -1 else count
    if n_jobs is not None and count >= 1:
        return count
    size = size_of(executor)
    if size is None:
        raise InvalidArgument(
            f"a {type(executor).__qualname__} does not tell how many workers it has: pass n_jobs, the number of trials "
            "that can run there at a time (with Dask, n_jobs=sum(client.nthreads().values()))"
        )
    return size
