"""Asks the same questions in another process, in which strings have other hashes."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from itertools import chain
from types import FunctionType
from typing import Any

from hpo.testing._engine.cases import Question, as_text
from hpo.testing._engine.formatting import shown, shown_error

_HASH_SEED = "12345"


def answers_elsewhere(ask: Callable[[Any, Question], Any], subject: Any, questions: Sequence[Question]) -> list[str]:
    """Return the answers of `subject` in a new process with another PYTHONHASHSEED, as strings.

    Args:
        ask: Asks the subject a question, such as `hpo.testing._engine.cases.answer_of`.
        subject: A sampler or a pruner. It must be possible to pickle it, so its class or function is at the top of a
            module; a script needs ``if __name__ == "__main__":`` before what it does.
        questions: The questions; all are asked in one process.

    Returns:
        One answer per question.

    Raises:
        AssertionError: the subject can't be pickled, or the process failed.

    Example:
        >>> from hpo.samplers import RandomSampler
        >>> from hpo.testing._engine.cases import answer_of
        >>> from hpo.testing.scenarios import MIXED, scenarios
        >>> question = Question(scenarios()["constant"], 12, MIXED)
        >>> answers_elsewhere(answer_of, RandomSampler(), [question]) == [as_text(answer_of(RandomSampler(), question))]
        True
    """
    load, homes = io.BytesIO(), dict[str, str]()
    try:
        _Packer(load, homes).dump((ask, subject, list(questions)))
    except Exception as error:
        raise AssertionError(
            f"{shown(subject)} can't be pickled, so no other process can be asked: define it at the top of a module "
            f"({shown_error(error)})"
        ) from error
    seed = _HASH_SEED if os.environ.get("PYTHONHASHSEED") != _HASH_SEED else "54321"
    done = subprocess.run(  # noqa: S603 - this very interpreter
        [sys.executable, "-c", "from hpo.testing._engine.other_process import serve; serve()", *chain(*homes.items())],
        input=load.getvalue(),
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        check=False,
    )
    said = done.stderr.decode(errors="replace")
    if done.returncode:
        raise AssertionError(f"the other process ended with {done.returncode}: {said}")
    if not done.stdout:
        raise AssertionError(f"the other process ended before it had answered: {said}")
    answers: list[str] = json.loads(done.stdout)
    return answers


def serve() -> None:
    """Answer the questions from standard input on standard output, in the process that `answers_elsewhere` starts.

    Everything that the subject prints goes to standard error.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for name, path in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        _load(name, path)
    ask, subject, questions = pickle.load(sys.stdin.buffer)  # noqa: S301 - written by the process that started this one
    answers.write(json.dumps([as_text(ask(subject, question)) for question in questions]))
    answers.close()


class _Packer(pickle.Pickler):
    """A pickler that notes the files of modules that another process would not find by their names."""

    def __init__(self, load: io.BytesIO, homes: dict[str, str]) -> None:
        super().__init__(load)
        self._homes = homes

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, type | FunctionType) and thing.__module__ not in self._homes:
            path = getattr(sys.modules.get(thing.__module__), "__file__", None)
            if path is not None and not _is_found(thing.__module__, path):
                self._homes[thing.__module__] = path
        return NotImplemented  # pickled as usual


def _is_found(name: str, path: str) -> bool:
    """Return whether an import of `name` leads to `path` in a process that has not imported anything yet."""
    package = sys.modules.get(name.rpartition(".")[0])
    spec = PathFinder.find_spec(name, getattr(package, "__path__", None))
    return spec is not None and spec.origin == path and name != "__main__"


def _load(name: str, path: str) -> None:
    spec = spec_from_file_location("__hpo_main__" if name == "__main__" else name, path)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules[name] = sys.modules[spec.name] = module
        spec.loader.exec_module(module)
