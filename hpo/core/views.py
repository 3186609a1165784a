"""Pure functions that answer questions about a state: the best trials, the spaces that its history shows.

Only this module applies directions: everything else compares *losses*, and less is always better.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from hpo.core.fronts import ParetoFront, violation
from hpo.core.records import TrialTable
from hpo.core.state import StudyState
from hpo.core.values import (
    FrozenTrial,
    SearchSpace,
    TrialState,
    as_html,
    checked_states,
    params_in_words,
    result_in_words,
)
from hpo.errors import NoCompletedTrial, SeveralObjectives

Rank: TypeAlias = tuple[float, tuple[float, ...]]
"""The total constraint violation (0 if feasible), then the losses: tuples compare in that order."""


def losses(directions: Sequence[str], values: Sequence[float]) -> tuple[float, ...]:
    """Return `values` with the maximized objectives negated, so that less is better in all of them."""
    return tuple([-v if d == "maximize" else v for d, v in zip(directions, values, strict=True)])


def best_trial(state: StudyState) -> FrozenTrial:
    """Return the complete trial with the best value; among equals, the one that was told first.

    Feasible trials come before infeasible ones. Those are ordered by their total violation first, and then by value.
    O(trials new since the last question).

    Raises:
        SeveralObjectives: the study has several objectives; ask for `best_trials`.
        NoCompletedTrial: there is no complete trial.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(direction="maximize")
        >>> study.add_trials([hpo.create_trial(value=value) for value in (1.0, 3.0, 2.0)])
        >>> best_trial(study.state).number
        1
    """
    if len(state.directions) != 1:
        raise SeveralObjectives("best_trial", "best_trials, the Pareto front")
    best = best_or_none(state)
    if best is None:
        raise NoCompletedTrial(state.n_trials)
    return best


def best_or_none(state: StudyState) -> FrozenTrial | None:
    """Return the `best_trial` of a study with one direction, or None while no trial is complete."""
    best = state.finished.fold(_Best(state.directions))
    return None if best is None else best[1]


def best_trials(state: StudyState) -> list[FrozenTrial]:
    """Return the Pareto front: the complete trials that no other one dominates, ordered by number.

    A trial dominates another one if it violates its constraints less, or if both are feasible and it is better in one
    objective and worse in none. Without a feasible trial the front is empty. O(front) for each trial that is new since the
    last question.

    Example:
        >>> import hpo
        >>> study = hpo.create_study(directions=["minimize", "maximize"])
        >>> study.add_trials([hpo.create_trial(values=values) for values in ([1.0, 1.0], [2.0, 2.0], [2.0, 0.0])])
        >>> [trial.number for trial in best_trials(study.state)]
        [0, 1]
    """
    front = state.finished.fold(ParetoFront(state.directions))
    # trials that violate a constraint are on the front only if no feasible trial is there to dominate them
    return [] if front is None or front.violation else [*front.trials]


def trials_in(state: StudyState, states: Iterable[TrialState | str] | None = None) -> list[FrozenTrial]:
    """Return all trials, or those in some states, ordered by number; O(trials).

    Args:
        state: The study.
        states: The states to keep, as members of `TrialState` or their names; None keeps all.

    Raises:
        InvalidType: `states` is not a collection of states.
        InvalidArgument: a name is not the name of a state.

    Example:
        >>> import hpo
        >>> study = hpo.create_study()
        >>> study.add_trials([hpo.create_trial(value=0.5), hpo.create_trial(state=TrialState.FAIL)])
        >>> [trial.number for trial in trials_in(study.state, [TrialState.FAIL])]
        [1]
    """
    wanted = checked_states(states)
    return [trial for trial in state.trials if wanted is None or trial.state in wanted]


def joint_space(state: StudyState) -> SearchSpace:
    """Return what a sampler should suggest together: the declared space, or the one that the history shows.

    The history shows the parameters that every complete or pruned trial has, each with its newest distribution, so that
    a parameter whose range changed stays in. O(trials new since the last question).
    """
    if state.space is not None:
        return state.space
    return state.finished.fold(_SharedParameters(newest=True, pruned=True)) or SearchSpace()


def intersection_space(state: StudyState, *, include_pruned: bool = False) -> SearchSpace:
    """Return the parameters that every complete trial has with the same distribution, sorted by name."""
    shared = state.finished.fold(_SharedParameters(newest=False, pruned=include_pruned)) or SearchSpace()
    return SearchSpace({name: shared[name] for name in sorted(shared)})


def running_by_worker(state: StudyState) -> dict[str, list[int]]:
    """Return the numbers of the running trials of each worker, ascending; trials without a worker are left out.

    A scheduler that knows that a worker is gone can end its trials: ``tell(state, number, state="fail")``. O(running).

    Example:
        >>> from hpo.core.ask_tell import ask
        >>> from hpo.samplers import RandomSampler
        >>> state = StudyState.create()
        >>> for worker in ["ann", "bob", "ann", None]:
        ...     state, _ = ask(state, RandomSampler(), worker=worker)
        >>> running_by_worker(state)
        {'ann': [0, 2], 'bob': [1]}
    """
    numbers: dict[str, list[int]] = {}
    for trial in state.running.values():
        if trial.worker is not None:
            numbers.setdefault(trial.worker, []).append(trial.number)
    return numbers


class _Best(Struct, frozen=True):
    """Fold: the best complete trial with its rank, or None."""

    directions: tuple[str, ...]

    def init(self) -> tuple[Rank, FrozenTrial] | None:
        return None

    def step(self, carry: tuple[Rank, FrozenTrial] | None, trial: FrozenTrial) -> tuple[Rank, FrozenTrial] | None:
        if trial.state is not TrialState.COMPLETE or trial.values is None:
            return carry
        rank = violation(trial), losses(self.directions, trial.values)
        # "<" and not "<=": among equals the first one stays the best, so the answer does not flicker
        return (rank, trial) if carry is None or rank < carry[0] else carry

    def relevant_rows(self, table: TrialTable, start: int, stop: int) -> list[int]:
        """Return the rows of a table that `step` has to see: those kept whole, and the best of the others."""
        whole = table.kept_whole(start, stop)
        complete = table.rows(start, stop, (TrialState.COMPLETE,))
        if not len(complete):
            return whole
        values = table.columns["values"][complete]  # one objective, so one for each row
        best = (-values if self.directions[0] == "maximize" else values).argmin()  # the first among equals
        return sorted([*whole, int(complete[best])])


class _SharedParameters(Struct, frozen=True):
    """Fold: the parameters that all trials have, or None before the first trial.

    With `newest`, each parameter has its newest distribution. Without it, only parameters whose distribution never changed
    are kept. With `pruned`, complete and pruned trials count, and without it only complete ones.
    """

    newest: bool
    pruned: bool

    def init(self) -> SearchSpace | None:
        return None

    def relevant_rows(self, table: TrialTable, start: int, stop: int) -> list[int]:
        """Return the rows of a table that `step` has to see: those kept whole, and each with another space than before."""
        counted = (TrialState.COMPLETE, TrialState.PRUNED) if self.pruned else (TrialState.COMPLETE,)
        rows = table.rows(start, stop, counted)
        spaces = table.columns["space"][rows]
        whole = table.kept_whole(start, stop)
        if not whole:  # between them, each row may have another space than the one before
            rows = rows[1:][spaces[1:] != spaces[:-1]].tolist() + rows[:1].tolist()
        return sorted([*whole, *map(int, rows)])

    def step(self, carry: SearchSpace | None, trial: FrozenTrial) -> SearchSpace | None:
        if trial.state is not TrialState.COMPLETE and not (self.pruned and trial.state is TrialState.PRUNED):
            return carry
        seen = trial.distributions
        if carry is None or carry is seen:  # the usual case: trials of one joint space share one object
            return seen
        kept = {
            name: seen[name]
            for name, distribution in carry.items()
            if name in seen and (self.newest or seen[name] == distribution)
        }
        if kept != carry:
            return SearchSpace(kept)
        # Nothing has changed. Of two equal objects take the trial's: the next trials will have it too, and take the
        # short way above. The order must be the same as well, because samplers draw in the order of the space.
        return seen if [*seen] == [*carry] and seen == carry else carry


_MOST_ROWS = 10  # trials in the HTML of a state


def in_words(state: StudyState) -> list[str]:
    """Return a study in a few lines for people: how many trials it has in which state, and the best result.

    Example:
        >>> in_words(StudyState.create(directions=["maximize"], seed=7))
        ['maximize, seed 7', 'no trials yet']
    """
    lines = [f"{', '.join(state.directions)}, seed {state.seed}"]
    counts: dict[str, int] = {}
    for trial in state:
        counts[trial.state.value] = counts.get(trial.state.value, 0) + 1
    if not counts:
        return [*lines, "no trials yet"]
    states = ", ".join(f"{n} {name}" for name, n in counts.items())
    lines.append(f"{state.n_trials} trial{'' if state.n_trials == 1 else 's'}: {states}")
    if len(state.directions) > 1:
        return [*lines, f"{len(best_trials(state))} on the Pareto front"]
    best = best_or_none(state)
    if best is not None:
        lines.append(f"best: trial {best.number} with {result_in_words(best.values)} ({params_in_words(best.params)})")
    return lines


def in_html(state: StudyState, title: str) -> str:
    """Return a study as a small piece of HTML: facts, the best trial, and the latest ones. O(trials)."""
    trials = state.trials
    best = best_or_none(state) if len(state.directions) == 1 else None
    shown = trials[-_MOST_ROWS:]
    if best is not None and best.number not in {trial.number for trial in shown}:
        shown = [best, *shown]
    rows = [{**_row(trial), "best": best is not None and trial.number == best.number} for trial in shown]
    left_out = len(trials) - len(shown)
    more = f"{left_out} earlier trial{'' if left_out == 1 else 's'} not shown" if left_out else ""
    return as_html(title, in_words(state), rows, more)


def _row(trial: FrozenTrial) -> dict[str, Any]:
    result = None if trial.values is None else trial.values[0] if len(trial.values) == 1 else trial.values
    return {"number": trial.number, "state": trial.state.value, "value": result, **trial.params, "reason": trial.reason}
