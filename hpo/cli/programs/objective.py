"""The objective that runs a program."""

from __future__ import annotations

import contextlib
import heapq
import json
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from hpo.cli.programs.answers import Report, Result, answer_in, result_in
from hpo.cli.programs.failures import kills_for_memory, shortened, why_it_failed
from hpo.cli.programs.placeholders import Template, environment
from hpo.cli.programs.processes import Program
from hpo.core import Distribution, FloatDistribution, IntDistribution, SearchSpace
from hpo.errors import HpoError, InvalidArgument, SeveralObjectives, TrialFailed, TrialPruned

if TYPE_CHECKING:
    from hpo.study.trial import Trial

__all__ = ["ProgramObjective", "Template", "check_program"]


@attrs.define(eq=False)
class _Places:
    """The places in which trials run at a time, numbered from 0: a trial takes the lowest one that is free."""

    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _free: list[int] = attrs.field(factory=list, init=False)
    _n: int = attrs.field(default=0, init=False)

    @contextlib.contextmanager
    def taken(self) -> Iterator[int]:
        with self._lock:
            if self._free:
                place = heapq.heappop(self._free)
            else:
                place, self._n = self._n, self._n + 1
        try:
            yield place
        finally:
            with self._lock:
                heapq.heappush(self._free, place)


@attrs.define(eq=False)
class ProgramObjective:
    """Runs a program for each trial; any number of threads may call it.

    Args:
        command: The program and its arguments, with placeholders.
        space: The parameters.
        study_name: What the program is told.
        metric_names: By which the study's results may be named.
        folder: Where each trial gets a folder, with its log, its parameters and its result.
        result_file: The file in which the program leaves its result, perhaps with placeholders, instead of printing it.
        timeout: Seconds that a program may run, or None.
        grace: Seconds between SIGTERM and SIGKILL for a program that is ended.
    """

    command: Template
    space: SearchSpace
    study_name: str
    metric_names: tuple[str, ...]
    folder: Path
    result_file: Template | None = None
    timeout: float | None = None
    grace: float = 10.0
    _running: set[Program] = attrs.field(factory=set, init=False)
    _starting: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _is_over: bool = attrs.field(default=False, init=False)
    _places: _Places = attrs.field(factory=_Places, init=False)

    def __call__(self, trial: Trial) -> Any:
        """Run the program with the parameters of `trial`, and return its result."""
        params = {name: _suggested(trial, name, distribution) for name, distribution in self.space.items()}
        with self._places.taken() as job:
            return self._run(trial, params, job)

    def end_all(self) -> None:
        """End all programs that run, with everything that they have started, and let no other one start."""
        with self._starting:
            self._is_over = True
        for program in [*self._running]:
            program.ask_to_end()
        deadline = time.monotonic() + self.grace
        for program in [*self._running]:
            program.end(max(deadline - time.monotonic(), 0.0))

    def _run(self, trial: Trial, params: dict[str, Any], job: int) -> Any:
        folder = _made_folder(self.folder, trial.number)
        log, own_result = folder / "output.log", folder / "result.json"
        facts = {
            "number": trial.number,
            "job": job,
            "study": self.study_name,
            "folder": str(folder),
            "params": str(folder / "params.json"),
            "result": str(own_result),
        }
        (folder / "params.json").write_text(json.dumps(params) + "\n", encoding="utf-8")
        trial.set_user_attr("log", str(log))
        values = facts | params
        named = None if self.result_file is None else Path(self.result_file.filled(values)[0])
        before = None if named is None else _version(named)
        variables = {"PYTHONUNBUFFERED": "1", **os.environ, **environment(params, facts)}
        kills = kills_for_memory()
        program = self._started(self.command.filled(values), variables, log)
        try:
            printed = self._follow(trial, program)
        except TimeoutError:
            raise TrialFailed(f"timeout: the program ran for more than {self.timeout:g} seconds") from None
        finally:
            program.end(self.grace)
            self._running.discard(program)
            program.close()
        if program.exit_code:
            raise TrialFailed(why_it_failed(program.exit_code, program.last_words, kills=kills_for_memory() - kills))
        result: Result | None
        if named is not None:
            result = self._result_from(named, before)
        else:
            result = self._result_from(own_result, None) if own_result.exists() else printed
        if result is None:
            raise TrialFailed(self._no_result(program.last_words))
        for name, value in result.constraints.items():
            trial.set_constraint(name, value)
        for name, value in result.user_attrs.items():
            trial.set_user_attr(name, value)
        return result.value

    def _started(self, words: Sequence[str], variables: Mapping[str, str], log: Path) -> Program:
        """Start the program, unless all programs are to end: nobody would end one that is started after that."""
        with self._starting:
            if self._is_over:
                raise TrialFailed("interrupted")
            try:
                program = Program(words, variables, log)
            except OSError as error:
                raise TrialFailed(f"the program can't be started: {error}") from error
            self._running.add(program)
            return program

    def _follow(self, trial: Trial, program: Program) -> Result | None:
        """Pass on what the program reports, and return the last result that it prints, or None.

        Raises:
            TrialPruned: the pruner stops the trial.
            TrialFailed: a report is not valid.
            TimeoutError: the program runs for too long.
        """
        result: Result | None = None
        deadline = None if self.timeout is None else time.monotonic() + self.timeout
        for line in program.lines(deadline):
            answer = answer_in(line, self.metric_names)
            if isinstance(answer, Result):
                result = answer
            elif isinstance(answer, Report):
                try:
                    trial.report(answer.value, answer.step)
                except HpoError as error:
                    raise TrialFailed(f"the program printed {shortened(line)}: {error}") from error
                with contextlib.suppress(SeveralObjectives):  # most pruners are for one
                    if trial.should_prune():
                        raise TrialPruned
        return result

    def _result_from(self, file: Path, before: tuple[int, ...] | None) -> Result:
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise TrialFailed(f"the result can't be read: {error}") from error
        if before is not None and _version(file) == before:
            raise TrialFailed(f"the program has not written {file}: it is as it was before")
        result = result_in(text, self.metric_names)
        if result is None:
            raise TrialFailed(f"there is no result in {file}: expected for example {self._example()}")
        return result

    def _no_result(self, last_words: Sequence[str]) -> str:
        said = f"its last line is {shortened(last_words[-1])!r}" if last_words else "it printed nothing"
        return f"the program printed no result: print for example {self._example()}; {said}"

    def _example(self) -> str:
        names = self.metric_names
        return json.dumps(dict.fromkeys(names, 0.5)) if len(names) > 1 else '{"value": 0.5}'


def check_program(words: Sequence[str], names: Iterable[str]) -> None:
    """Raise before anything is created what would otherwise fail every trial.

    Args:
        words: The program and its arguments, with placeholders.
        names: The names of the parameters.

    Raises:
        InvalidArgument: there is no such program, or two parameters have the same environment variable.
    """
    if not hasattr(os, "killpg"):
        raise InvalidArgument(
            "hpo run needs process groups, to end a program with all that it has started, and this system has none"
        )
    environment(dict.fromkeys(names), {})
    program = words[0]
    if shutil.which(program) is None and (" " in program or "{" not in program):
        hint = "" if " " not in program else ": write it as several words, or run a shell: sh -c '...'"
        raise InvalidArgument(f"there is no program {program!r}{hint}")


def _suggested(trial: Trial, name: str, distribution: Distribution) -> Any:
    match distribution:
        case FloatDistribution(low, high, log, step):
            return trial.suggest_float(name, low, high, log=log, step=step)
        case IntDistribution(low, high, log, step):
            return trial.suggest_int(name, low, high, log=log, step=step)
    return trial.suggest_categorical(name, distribution.choices)


def _made_folder(parent: Path, number: int) -> Path:
    """Return a new folder for a trial: ``12``, or ``12-2`` if another study has left a folder of this name."""
    parent.mkdir(parents=True, exist_ok=True)
    again = 1
    while True:
        folder = parent / (str(number) if again == 1 else f"{number}-{again}")
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
            return folder
        again += 1


def _version(file: Path) -> tuple[int, ...] | None:
    """Return what changes when a file is written; None if there is none."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size
