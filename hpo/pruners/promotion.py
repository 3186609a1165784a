"""Promoters: successive halving that resumes the best of the trials that wait, up to the last rung or as far as it is needed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from hpo.core import FrozenTrial, Key, Resume, StudyState, option_check, to_float_if_number
from hpo.pruners.reports import NO_NUMBERS, loss_of, only_direction
from hpo.pruners.rungs import LossesByRung, PauseAtRungs, Rungs, check_resources, whole


@attrs.frozen
class PromotionHalving:
    """Resumes the best of the trials that wait at a rung, once enough trials have reached it; a promoter.

    Before a trial starts, the rungs are looked through from the top. At a rung that n trials have reached, whatever became of
    them, the best n // `reduction_factor` may go on. If the best one of them that still waits is among these, it is resumed;
    otherwise a new trial starts. Compared with `SuccessiveHalvingPruner`, which must decide at once and therefore lets the first
    trials pass, a trial goes on only after enough others have been seen, and a paused trial keeps its chance.

    Use it together with its `pruner`, and an objective that pauses (see `Trial.pause_point`). The reason names the rung, the
    value and how many of how many trials were better. O(log(finished trials) + reports of running and paused trials).

    Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020 (arXiv 1810.05934), alg. 2.

    Args:
        min_resource: The milestone of the first rung, at least 1, in steps.
        reduction_factor: The ratio between rungs, at least 2: one of so many trials goes on.
        max_resource: The number of steps of a whole trial; None means that it is not known.

    Raises:
        InvalidArgument: an option is below its lowest value, or `max_resource` is below `min_resource`.
        InvalidType: an option is not a whole number.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> halving = PromotionHalving(min_resource=1, reduction_factor=3, max_resource=9)
        >>> def objective(trial):
        ...     x = trial.suggest_float("x", 0, 1)
        ...     for step in range(int(trial.checkpoint or 0) + 1, 10):
        ...         trial.report(x + 1 / step, step)
        ...         if trial.pause_point(checkpoint=str(step)):
        ...             return None
        ...     return x + 1 / 9
        >>> study = hpo.create_study(pruner=halving.pruner, promoter=halving, seed=1)
        >>> study.optimize(objective, n_trials=60)
        >>> sorted({trial.last_step for trial in study.trials})
        [1, 3, 9]
    """

    min_resource: int = whole(1, 1)
    reduction_factor: int = whole(2, 3)
    max_resource: int | None = whole(1, None, optional=True)

    def __attrs_post_init__(self) -> None:
        check_resources(self.min_resource, self.max_resource)

    @property
    def pruner(self) -> PauseAtRungs:
        """The pruner that pauses trials at the rungs of this promoter."""
        return PauseAtRungs(self.min_resource, self.reduction_factor, self.max_resource)

    def __call__(self, state: StudyState, key: Key) -> Resume | None:
        """Return the trial to resume, or None to start a new one.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        rungs = Rungs(self.min_resource, self.reduction_factor)
        return _best_that_waits(state, only_direction(state, self), rungs, {"rule": "promotion"})


def _best_that_waits(
    state: StudyState, direction: str, rungs: Rungs, reason: Mapping[str, Any], ceiling: int | None = None
) -> Resume | None:
    """Return the promotion of the best trial that waits at the highest rung with a free place, below rung `ceiling` if given."""
    if not state.paused:
        return None
    ran: dict[int, list[float]] = {}  # losses of trials that have left a rung or run on from it, by rung
    waiting: dict[int, list[tuple[float, int]]] = {}  # losses and numbers of trials that wait at a rung
    for trial in state.running.values():
        for rung, loss in rungs.losses(direction, trial.intermediate_values):
            ran.setdefault(rung, []).append(loss)
    for trial in state.paused.values():
        *left, last = rungs.losses(direction, trial.intermediate_values) or [(-1, math.inf)]
        waiting.setdefault(last[0], []).append((last[1], trial.number))
        for rung, loss in left:
            ran.setdefault(rung, []).append(loss)
    waiting.pop(-1, None)  # paused by somebody else, below the first rung
    finished = state.finished.fold(LossesByRung(rungs, direction))
    for rung in sorted(waiting, reverse=True):
        if ceiling is not None and rung >= ceiling:
            continue
        loss, number = min(waiting[rung])
        done, beside = finished.get(rung, NO_NUMBERS), ran.get(rung, ())
        total = len(done) + len(beside) + len(waiting[rung])
        kept = total // rungs.factor
        # of equals, those that ran on already have taken their places
        before = done.rank(math.nextafter(loss, math.inf)) + sum(other <= loss for other in beside)
        if loss < math.inf and before < kept:
            reports = state.paused[number].intermediate_values
            step = max(reports)
            reason = {
                **reason,
                "step": step,
                "rung": rung,
                "value": reports[step],
                "better": before,
                "trials": total,
                "kept": kept,
            }
            return Resume(number, reason)
    return None


@attrs.frozen
class ProgressiveHalving:
    """PASHA: `PromotionHalving` that trains longer only while more training changes the ranking of the best; a promoter.

    At first trials are resumed up to rung 1, and no further. As long as the trials that have reached the two highest of these
    rungs are ranked differently by them, the ceiling is one rung higher, up to `max_resource`. Rankings are compared softly: the trial at
    a place of the upper ranking may be any whose value at the lower rung is within the noise of the value of the one at this place there.
    The noise is estimated from pairs of trials whose curves cross back and forth: a quantile of their distances at the upper rung.

    So where a few epochs tell good configurations from bad ones, no trial is trained to the end. Resume the best trial when the search
    is over: ``study.resume(number)``. Use it together with its `pruner`, and an objective that pauses (see `Trial.pause_point`). The
    reason is that of `PromotionHalving` with the ceiling and the noise. O(log(finished trials) + reports of running and paused
    trials, and of trials that ended above rung 0).

    Unlike the authors' implementation it does not need a report at every step, costs no more for long curves with many trials (the noise is
    estimated from the first 40 trials at the upper rung), and depends on the reports alone: not on the order in which they came.

    Source: Bohdal, Balles, Wistuba, Ermis, Archambeau and Zappella, "PASHA: Efficient HPO and NAS with Progressive Resource Allocation",
    ICLR 2023 (arXiv 2207.06940), alg. 1 and section 4.2.

    Args:
        min_resource: The milestone of the first rung, at least 1, in steps.
        reduction_factor: The ratio between rungs, at least 2: one of so many trials goes on.
        max_resource: The number of steps of a whole trial; None means that it is not known.
        noise_quantile: The quantile of the distances of pairs that cross, from 0 to 1.

    Raises:
        InvalidArgument: an option is outside of its range, or `max_resource` is below `min_resource`.
        InvalidType: an option is not a number.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> halving = ProgressiveHalving(min_resource=1, reduction_factor=3, max_resource=81)
        >>> def objective(trial):
        ...     x = trial.suggest_float("x", 0, 1)
        ...     for step in range(int(trial.checkpoint or 0) + 1, 82):
        ...         trial.report(x + 1 / step, step)  # the first epoch already tells which is best
        ...         if trial.pause_point(checkpoint=str(step)):
        ...             return None
        ...     return x + 1 / 81
        >>> study = hpo.create_study(pruner=halving.pruner, promoter=halving, seed=1)
        >>> study.optimize(objective, n_trials=60)
        >>> sorted({trial.last_step for trial in study.trials})
        [1, 3]
    """

    min_resource: int = whole(1, 1)
    reduction_factor: int = whole(2, 3)
    max_resource: int | None = whole(1, None, optional=True)
    noise_quantile: float = attrs.field(
        default=0.9,
        kw_only=True,
        converter=to_float_if_number,
        validator=option_check(
            "a number from 0 to 1", attrs.validators.instance_of(float), attrs.validators.ge(0), attrs.validators.le(1)
        ),
    )

    def __attrs_post_init__(self) -> None:
        check_resources(self.min_resource, self.max_resource)

    @property
    def pruner(self) -> PauseAtRungs:
        """The pruner that pauses trials at the rungs of this promoter."""
        return PauseAtRungs(self.min_resource, self.reduction_factor, self.max_resource)

    def __call__(self, state: StudyState, key: Key) -> Resume | None:
        """Return the trial to resume, or None to start a new one.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        direction, rungs = only_direction(state, self), Rungs(self.min_resource, self.reduction_factor)
        if not state.paused:
            return None
        ceiling, noise = self.ceiling(state)
        reason = {"rule": "progressive promotion", "ceiling": ceiling, "noise": noise}
        # above the last rung there is no other ceiling than the end of a trial
        return _best_that_waits(state, direction, rungs, reason, None if ceiling == self._last(rungs) else ceiling)

    def _last(self, rungs: Rungs) -> int | None:
        return None if self.max_resource is None else rungs.of(self.max_resource)

    def ceiling(self, state: StudyState) -> tuple[int, float]:
        """Return the rung up to which trials are resumed, and the noise with which the last rankings were compared.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        direction, rungs = only_direction(state, self), Rungs(self.min_resource, self.reduction_factor)
        ended = state.finished.fold(_AboveTheFirstRung(rungs))
        climbers = [
            trial for trial in (*ended, *state.running.values(), *state.paused.values()) if _climbs(rungs, trial)
        ]
        climbers.sort(key=lambda trial: trial.number)
        at = {trial.number: dict(rungs.losses(direction, trial.intermediate_values)) for trial in climbers}
        top = self._last(rungs)
        upper, noise = 1, 0.0
        while top is None or upper < top:
            both = [trial for trial in climbers if {upper - 1, upper} <= at[trial.number].keys()]
            if len(both) < 2:
                break
            noise = _noise(direction, both[:_MOST_CROSSING], rungs.milestone(upper), self.noise_quantile)
            lower_losses = np.array([at[trial.number][upper - 1] for trial in both])
            upper_losses = np.array([at[trial.number][upper] for trial in both])
            if _is_consistent(lower_losses, upper_losses, noise):
                break
            upper += 1
        return upper, noise


_MOST_CROSSING = 40  # trials from whose curves the noise is estimated: 780 pairs


def _climbs(rungs: Rungs, trial: FrozenTrial) -> bool:
    last = trial.last_step
    return last is not None and last >= rungs.milestone(1)


@attrs.frozen
class _AboveTheFirstRung:
    """Fold: the finished trials that have come beyond rung 0, of which there are few."""

    rungs: Rungs

    def init(self) -> tuple[FrozenTrial, ...]:
        return ()

    def step(self, carry: tuple[FrozenTrial, ...], trial: FrozenTrial) -> tuple[FrozenTrial, ...]:
        return (*carry, trial) if _climbs(self.rungs, trial) else carry


def _is_consistent(lower: Any, upper: Any, noise: float) -> bool:
    """Return whether two rungs rank the same trials alike, by their losses there, up to differences within the noise."""
    ranked, by_upper = np.sort(lower), lower[np.lexsort((lower, upper))]
    with np.errstate(invalid="ignore"):  # two infinite losses are equal
        apart = np.where(ranked == by_upper, 0.0, np.abs(ranked - by_upper))
    return bool((apart <= noise).all())


def _noise(direction: str, trials: list[FrozenTrial], last: int, quantile: float) -> float:
    """Return a quantile of the distances, at their last common step, of pairs whose order was reversed and restored.

    Args:
        direction: The direction of the study.
        trials: Trials with reports at the same rung.
        last: The milestone of that rung: later reports do not count.
        quantile: From 0 to 1.
    """
    steps = sorted({step for trial in trials for step in trial.intermediate_values if step <= last})
    table = np.full((len(trials), len(steps)), np.nan)
    for row, trial in zip(table, trials, strict=True):
        for column, step in enumerate(steps):
            if step in trial.intermediate_values:
                row[column] = loss_of(direction, trial.intermediate_values[step])
    one, other = np.triu_indices(len(trials), 1)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = table[one] - table[other]
    apart[~np.isfinite(apart)] = np.nan
    order = np.sign(apart)
    distances = []
    for signs, gaps in zip(order, apart, strict=True):
        seen = signs[(signs == signs) & (signs != 0.0)]
        # reversed once and restored: the order changes at least twice
        if len(seen) > 2 and np.count_nonzero(seen[1:] != seen[:-1]) >= 2:
            distances.append(abs(gaps[gaps == gaps][-1]))
    return float(np.quantile(distances, quantile)) if distances else 0.0
