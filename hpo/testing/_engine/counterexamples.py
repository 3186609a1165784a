"""The report of a broken law: the study as Python code, and as a journal that the command ``hpo`` opens."""

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
    ArtifactAdded,
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
    TrialPaused,
    TrialStarted,
    TrialState,
    ValueReported,
    to_json_tree,
    to_number,
)
from hpo.errors import HpoError
from hpo.journal.file.storage import FileStorage
from hpo.testing._engine.cases import Question, as_program, why_invalid

_KINDS: tuple[Literal["sampler", "pruner", "promoter"], ...] = ("sampler", "pruner", "promoter")


class Counterexample(AssertionError):  # noqa: N818 - the name says what it is
    """A question whose answer breaks a law.

    Args:
        wrong: What is wrong with the answer.
        question: The question.
        other: A second question that should have got the same answer, if the two differ.
        grown: Whether the fault shows only if the history has grown trial by trial, with a fork beside it.
    """

    def __init__(self, wrong: str, question: Question, other: Question | None = None, *, grown: bool = False) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.question = question
        self.other = other
        self.grown = grown


def check_answer(answer: object, question: Question, *, before: str = "") -> None:
    """Check that `answer` is a valid answer.

    Args:
        answer: What a sampler says.
        question: The question.
        before: What the message begins with.

    Raises:
        Counterexample: it is not a valid answer; an error that was raised in its place is the cause.

    Example:
        >>> check_answer(None, Question(StudyState(), 0, SearchSpace()))
    """
    wrong = why_invalid(answer)
    if wrong is not None:
        raise Counterexample(f"{before}{wrong}", question) from getattr(answer, "error", None)


def explained(found: Counterexample, name: str, *, asks: str = "", seed: int | None = None) -> str:
    """Return what is wrong, the question as Python code, and where its study was saved.

    Args:
        found: The counterexample.
        name: The name of the file.
        asks: How the question is asked, as Python code.
        seed: The sampler's own seed, if it has one.
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
    """Return how the question is asked, as Python code with a word or two."""
    if found.grown:
        return f"[{asks} for state in studies] against each study from bytes"
    if found.other is None:
        return asks
    other = re.sub("(state|trial|space|key)", r"other_\1", asks)
    return f"{asks} against {other}"


def where_saved(events: Sequence[AnyEvent], name: str, place: Path | None = None) -> str:
    """Save a study as a journal, and return a comment in Python that says where.

    Args:
        events: The study.
        name: The name of the file, without its ending.
        place: The directory; a file of the same name is replaced. A new temporary directory if not given.

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
    """Return events that lead to the same study; only the number of events and of spaces may differ.

    Trials start in the order of their numbers, get everything that they have, and then end in the order told.

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
        *(
            ArtifactAdded(artifact, None if owner == -1 else owner)
            for owner, artifacts in state.artifacts.items()
            for artifact in artifacts.values()
        ),
    ]


def _life(trial: FrozenTrial, numbers: dict[SearchSpace, int], spaces: dict[SearchSpace, None]) -> Iterator[AnyEvent]:
    """Yield all events of a trial except its end."""
    if trial.state is TrialState.WAITING:
        attrs = to_json_tree(trial.user_attrs) or None
        yield TrialEnqueued(trial.number, to_json_tree(trial.fixed_params), attrs, trial.parent)
        return
    if trial.fixed_params or trial.parent is not None:
        yield TrialEnqueued(trial.number, to_json_tree(trial.fixed_params), parent=trial.parent)
    yield TrialStarted(trial.number, trial.started_at, trial.worker)
    if trial.distributions or trial.note:
        number = numbers[trial.distributions]
        space = [*spaces][number]  # an equal one may have another order
        values = tuple(dist.to_internal(trial.params[name]) for name, dist in space.items())
        yield ParamsSuggested(trial.number, number, values, to_json_tree(trial.note) or None)
    for step, value in trial.intermediate_values.items():
        yield ValueReported(trial.number, step, to_number(value))
    for step, metrics in trial.metrics.items():
        yield ValueReported(trial.number, step, {name: to_number(value) for name, value in metrics.items()})
    for name, value in trial.constraints.items():
        yield ConstraintSet(trial.number, name, to_number(value))
    for key, attribute in trial.user_attrs.items():
        yield TrialAttributeSet(trial.number, key, to_json_tree(attribute))
    if trial.state is TrialState.PAUSED:
        yield TrialPaused(trial.number, checkpoint=trial.checkpoint, reason=trial.reason)


def _end(trial: FrozenTrial) -> TrialFinished:
    values = None if trial.values is None else tuple(map(to_number, trial.values))
    sem = None if trial.sem is None else tuple(map(to_number, trial.sem))
    cost = None if trial.cost is None else to_number(trial.cost)
    return TrialFinished(trial.number, trial.state, values, trial.finished_at, trial.reason, (), sem, cost)
