"""Promoters: successive halving that resumes the best of the trials that wait."""

from __future__ import annotations

import math

import attrs

from hpo.core import Key, Resume, StudyState
from hpo.pruners.reports import NO_NUMBERS, only_direction
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
        direction = only_direction(state, self)
        if not state.paused:
            return None
        rungs = Rungs(self.min_resource, self.reduction_factor)
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
            loss, number = min(waiting[rung])
            done, beside = finished.get(rung, NO_NUMBERS), ran.get(rung, ())
            total = len(done) + len(beside) + len(waiting[rung])
            kept = total // self.reduction_factor
            # of equals, those that ran on already have taken their places
            before = done.rank(math.nextafter(loss, math.inf)) + sum(other <= loss for other in beside)
            if loss < math.inf and before < kept:
                reports = state.paused[number].intermediate_values
                step = max(reports)
                reason = {
                    "rule": "promotion",
                    "step": step,
                    "rung": rung,
                    "value": reports[step],
                    "better": before,
                    "trials": total,
                    "kept": kept,
                }
                return Resume(number, reason)
        return None
