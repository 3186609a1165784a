"""Series of trials of one program, and when to doubt that the trials of a study show everything it asks for."""

from __future__ import annotations

import functools
import reprlib
import sys
import types
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from hpo.core import SearchSpace, StudyState, running_by_worker
from hpo.journal.storage import TracksWorkers
from hpo.stopping.rules import MaxTrials
from hpo.study.running.workers import Worker, is_working

if TYPE_CHECKING:
    from hpo.study.open_trials import OpenTrials
    from hpo.study.trial import Trial

Program: TypeAlias = tuple[Any, ...]
"""What can be seen of an objective without running it; equal if nothing of that has changed."""

_MOST_ITEMS = 1_000  # of a container that are looked at
_SHOWN = reprlib.Repr()
_SHOWN.maxlevel, _SHOWN.maxstring, _SHOWN.maxother, _SHOWN.maxlong = 4, 1000, 1000, 1000
_SHOWN.maxdict = _SHOWN.maxlist = _SHOWN.maxtuple = _SHOWN.maxset = _SHOWN.maxfrozenset = _MOST_ITEMS
_BUILTINS = (bool, int, float, str, bytes, list, tuple, dict, set, frozenset, type(None))


class Series:
    """Trials of one program: those of a run, or those that one `Study` object asks for.

    When everything is tried that the trials of a study have shown, that is a guess at what the program asks for, which
    may have changed since they ran. So one trial is started all the same and finds out. That is not needed if the same
    program has had a trial here already, or has one in another worker now: then what it asks for has been shown.

    Args:
        programs: What was seen of the objectives that had trials here; that of this one is added.
        objective: The objective, if it is known.
    """

    def __init__(self, programs: list[Program], objective: Any = None) -> None:
        self._programs = programs
        self._program = None if objective is None else program_of(objective)
        self._may_probe = self._program not in programs

    def start_trial(
        self,
        trials: OpenTrials,
        space: SearchSpace | None = None,
        worker: Worker | None = None,
        total: MaxTrials | None = None,
    ) -> tuple[Trial, StudyState, StudyState]:
        """Start the next trial by `trials`, as its `start_trial` does."""
        probe, recorder = None, trials.recorder
        if self._may_probe and not isinstance(recorder.journal, TracksWorkers):
            probe = sys.maxsize
        elif self._may_probe:
            known = recorder.state
            if not is_working(recorder, running_by_worker(known)):
                probe = len(known.finished)  # if one more finishes meanwhile, another worker is there
        begun = trials.start_trial(space, worker, probe=probe, total=total)
        if self._may_probe and self._program is not None:
            self._programs.append(self._program)
        self._may_probe = False
        return begun


def program_of(objective: Any) -> Program:
    """Return what can be seen of an objective: its code, and the values that it was made with or refers to.

    Example:
        >>> def objective(high):
        ...     return lambda trial: trial.suggest_int("x", 0, high)
        >>> program_of(objective(2)) == program_of(objective(2)), program_of(objective(2)) == program_of(objective(4))
        (True, False)
    """
    if isinstance(objective, functools.partial):
        return program_of(objective.func), _seen(objective.args), _seen(objective.keywords)
    if isinstance(objective, types.MethodType):
        return program_of(objective.__func__), *_attributes(objective.__self__)
    if not isinstance(objective, types.FunctionType):
        return _seen(type(objective).__call__), *_attributes(objective)
    code, known = objective.__code__, objective.__globals__
    return (
        code,
        _seen(objective.__defaults__),
        _seen(objective.__kwdefaults__),
        *(_seen(cell) for cell in objective.__closure__ or ()),
        *(_seen(known[name]) for name in code.co_names if name in known),
    )


def _attributes(thing: Any) -> Program:
    attributes = getattr(thing, "__dict__", {})
    return (type(thing).__qualname__, *((name, _seen(value)) for name, value in attributes.items()))


def _seen(value: Any) -> Any:
    """Return something that is equal for equal values, and that keeps no large value alive."""
    if isinstance(value, types.CellType):
        try:
            value = value.cell_contents
        except ValueError:  # not assigned yet
            return None
    if isinstance(value, types.FunctionType):
        return value.__code__
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return type(value).__qualname__, len(value), _SHOWN.repr(value) if len(value) <= _MOST_ITEMS else ""
    return (type(value).__qualname__, _SHOWN.repr(value)) if isinstance(value, _BUILTINS) else type(value).__qualname__
