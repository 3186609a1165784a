"""The arguments of `Study.optimize`, checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any, TypeAlias

import attrs

from hpo.core import FrozenTrial, as_float, as_int
from hpo.errors import InvalidArgument, InvalidType
from hpo.study.running.evaluation import Objective
from hpo.study.running.executors import checked_executor, job_count

Callback: TypeAlias = Callable[[Any, FrozenTrial], None]
"""Called with the `Study`, which this module cannot name because studies import it, and a finished trial."""


@attrs.frozen
class RunOptions:
    """The checked arguments of `Study.optimize`, which describes them.

    Attributes:
        ordered: Whether trials are told in the order of their numbers: ``order="deterministic"``.
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
        )


def _checked_callbacks(given: object) -> tuple[Callback, ...]:
    if given is None:
        return ()
    callbacks = tuple(given) if isinstance(given, Iterable) else ()
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
