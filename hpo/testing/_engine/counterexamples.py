"""What shows that a law is broken, for people to look at: the study as Python, and as a journal that ``hpo`` opens."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from hpo.core import (
    FORMAT,
    AdvisorSet,
    AnyEvent,
    ConstraintSet,
    FrozenTrial,
    ParamsSuggested,
    SearchSpace,
    SpaceDefined,
    StudyAttributeSet,
    StudyCreated,
    StudyState,
    TrialAttributeSet,
    TrialEnqueued,
    TrialFinished,
    TrialStarted,
    TrialState,
    ValueReported,
    to_json_tree,
    to_number,
)
from hpo.errors import HpoError
from hpo.journal.file.storage import FileStorage
from hpo.testing._engine.cases import Question, as_program, instead_of_an_answer

_KINDS: tuple[Literal["sampler", "pruner"], ...] = ("sampler", "pruner")


class Counterexample(AssertionError):  # noqa: N818 - the name says what it is
    """A law is broken.

    Args:
        wrong: What is wrong.
        question: The question that shows it.
        other: The one that should have got the same answer, where that is what is wrong.
        grown: Whether it shows only where the history has grown trial by trial, with a fork beside it.
    """

    def __init__(self, wrong: str, question: Question, other: Question | None = None, *, grown: bool = False) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.question = question
        self.other = other
        self.grown = grown


def make_sure_it_answers(answer: object, question: Question, *, before: str = "") -> None:
    """Make sure that an answer is one.

    Args:
        answer: What a sampler says.
        question: The question.
        before: What the message begins with.

    Raises:
        Counterexample: it is none; an error that came in its place is the cause.

    Example:
        >>> make_sure_it_answers(None, Question(StudyState(), 0, SearchSpace()))
    """
    wrong = instead_of_an_answer(answer)
    if wrong is not None:
        raise Counterexample(f"{before}{wrong}", question) from getattr(answer, "error", None)


def explained(found: Counterexample, name: str, *, asks: str = "", seed: int | None = None) -> str:
    """What is wrong, the question as Python, and where its study was saved.

    Args:
        found: What was found.
        name: What the file is called.
        asks: How the question is asked, as Python.
        seed: A seed that the sampler has of its own.
    """
    program = as_program(found.question, other=found.other, seed=seed)
    if found.grown:
        program += (
            "\nfrom hpo.testing._engine.cases import Question"
            "\nfrom hpo.testing._engine.transformations import prefixes"
            "\ngrowing = prefixes(Question(state, trial.number, space))"
            "\nstudies = (each.state for one, fork in growing for each in (one, fork, one))"
        )
    asked = f"# and then: {_in_words(asks, found)}\n" if asks else ""
    return f"{found.wrong}\n\n{program}\n{asked}{where_saved(events_towards(found.question.state), name)}"


def _in_words(asks: str, found: Counterexample) -> str:
    """How the question is asked, as Python with a word or two."""
    if found.grown:
        return f"[{asks} for state in studies] against each study from bytes"
    if found.other is None:
        return asks
    other = re.sub("(state|trial|space|key)", r"other_\1", asks)
    return f"{asks} against {other}"


def where_saved(events: Sequence[AnyEvent], name: str, place: Path | None = None) -> str:
    """Save a study as a journal, and say where, as a comment in Python.

    Args:
        events: The study.
        name: What the file is called, without its ending.
        place: The directory, where the file takes the place of another one; a new one for temporary files if not given.

    Example:
        >>> text = where_saved(events_towards(StudyState.create()), "in_domain")
        >>> text.startswith("# its journal: hpo trials --storage "), text.endswith("in_domain.jsonl")
        (True, True)
    """
    created = events[0]
    assert isinstance(created, StudyCreated)
    try:
        path = (place or Path(tempfile.mkdtemp(prefix="hpo-"))) / f"{name}.jsonl"
        path.unlink(missing_ok=True)
        FileStorage(path, durability="process").create(created.name, events)
    except (OSError, HpoError) as error:
        return f"# its journal could not be saved: {error}"
    return f"# its journal: hpo trials --storage {shlex.quote(str(path))}"


def events_towards(state: StudyState) -> list[AnyEvent]:
    """A history that leads to the same study, but for the number of events and of spaces.

    Trials start in the order of their numbers, get all that they have, and then end in the order told.

    Example:
        >>> from hpo.core.evolve import replay
        >>> from hpo.testing.scenarios import scenarios
        >>> state = scenarios()["reports of nan"]
        >>> replay(events_towards(state)).trials == state.trials
        True
    """
    created = StudyCreated(
        format=FORMAT,
        name=state.name,
        directions=state.directions,
        seed=state.seed,
        space=state.space,
        metric_names=state.metric_names,
        at=state.created_at,
        parent=state.parent,
    )
    spaces = dict.fromkeys(trial.distributions for trial in state.trials)
    numbers = {space: number for number, space in enumerate(spaces)}
    return [
        created,
        *(AdvisorSet(kind, state.uses[kind]) for kind in _KINDS if kind in state.uses),
        *(StudyAttributeSet(key, to_json_tree(value)) for key, value in state.user_attrs.items()),
        *(SpaceDefined(space) for space in spaces),
        *(event for trial in state.trials for event in _life(trial, numbers, spaces)),
        *(_end(trial) for trial in state.finished),
    ]


def _life(trial: FrozenTrial, numbers: dict[SearchSpace, int], spaces: dict[SearchSpace, None]) -> Iterator[AnyEvent]:
    """All of a trial but its end."""
    if trial.state is TrialState.WAITING:
        yield TrialEnqueued(trial.number, to_json_tree(trial.fixed_params), to_json_tree(trial.user_attrs) or None)
        return
    if trial.fixed_params:
        yield TrialEnqueued(trial.number, to_json_tree(trial.fixed_params))
    yield TrialStarted(trial.number, trial.started_at, trial.worker)
    if trial.distributions or trial.note:
        number = numbers[trial.distributions]
        space = [*spaces][number]  # an equal one may have another order
        values = tuple(dist.to_internal(trial.params[name]) for name, dist in space.items())
        yield ParamsSuggested(trial.number, number, values, to_json_tree(trial.note) or None)
    for step, value in trial.intermediate_values.items():
        yield ValueReported(trial.number, step, to_number(value))
    for name, value in trial.constraints.items():
        yield ConstraintSet(trial.number, name, to_number(value))
    for key, attribute in trial.user_attrs.items():
        yield TrialAttributeSet(trial.number, key, to_json_tree(attribute))


def _end(trial: FrozenTrial) -> TrialFinished:
    values = None if trial.values is None else tuple(map(to_number, trial.values))
    return TrialFinished(trial.number, trial.state, values, trial.finished_at, trial.reason)
