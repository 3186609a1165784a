"""Population-based training: trials that fall behind end, and copies of good ones with other parameters take their places."""

from __future__ import annotations

import math
from typing import Any

import attrs

from hpo.core import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    ForkTrial,
    FrozenTrial,
    IntDistribution,
    Key,
    Resume,
    StudyState,
    TrialState,
    option_check,
    to_float_if_number,
)
from hpo.errors import InvalidArgument
from hpo.pruners.reports import loss_of, only_direction
from hpo.pruners.rungs import PauseInPopulation, share, whole


@attrs.frozen
class PopulationTraining:
    """Population-based training; a promoter, to be used together with its `pruner`.

    The first `population_size` trials are started as usual. They pause every `interval` steps, and of those that wait the one with
    the fewest steps goes on first. The `pruner` stops a trial that falls behind. Its place is taken by a fork (exploit): a new
    trial continues from the checkpoint of one of the best that wait, chosen at random, with perturbed parameters (explore).
    A number is multiplied or divided by `factor` within its range, or drawn anew with probability `resample_probability`; a category
    stays, or is drawn anew with that probability. A number that the factor does not move, such as 0 or a small one on a grid, goes
    to a neighbour. When the whole population is complete, new trials start: give a stopping rule,
    ``hpo.stopping.MaxTrials(population_size)``, to end there.

    Forks continue from a checkpoint that belongs to the very report by which the donor was chosen, and are judged first at the
    next milestone, not at once. The reason of a fork names the donor and what became of each parameter. O(trials) per start.

    Source: Jaderberg et al., "Population Based Training of Neural Networks", 2017 (arXiv 1711.09846), alg. 1, with truncation
    selection.

    Args:
        population_size: The number of trials that are alive or complete at a time, at least 2.
        interval: The number of steps from one milestone to the next, at least 1.
        quantile: The share of trials that is stopped, and of those that is copied, above 0 and at most 0.5.
        resample_probability: The probability that a parameter is drawn anew, from 0 to 1.
        factor: By how much a number is multiplied or divided, above 1.
        max_resource: The number of steps of a whole trial; None means that it is not known.

    Raises:
        InvalidArgument: an option is outside of its range.
        InvalidType: an option is not a number.

    Example:
        >>> import hpo
        >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
        >>> population = PopulationTraining(population_size=4, interval=2, max_resource=8)
        >>> def objective(trial):
        ...     rate = trial.suggest_float("rate", 0.01, 0.5)
        ...     done, error = (0, 1.0) if trial.checkpoint is None else map(float, trial.checkpoint.split())
        ...     for step in range(int(done) + 1, 9):
        ...         error *= 1.0 - rate
        ...         trial.report(error, step)
        ...         if trial.pause_point(checkpoint=f"{step} {error}"):
        ...             return None
        ...     return error
        >>> study = hpo.create_study(pruner=population.pruner, promoter=population, seed=1)
        >>> study.optimize(objective, n_trials=200, stop=hpo.stopping.MaxTrials(4))
        >>> sum(trial.state is hpo.TrialState.COMPLETE for trial in study.trials)
        4
        >>> any(trial.parent is not None for trial in study.trials)
        True
    """

    population_size: int = whole(2, 4)
    interval: int = whole(1, 1)
    quantile: float = share(0.25, 0.5)
    # the paper has 0.25, and factors of 0.8 and 1.2; docs/measured/pruners.md compares them
    resample_probability: float = share(0.1, 1.0)
    max_resource: int | None = whole(1, None, optional=True)
    factor: float = attrs.field(
        default=1.5,
        converter=to_float_if_number,
        validator=option_check(
            "a finite number above 1",
            attrs.validators.instance_of(float),
            attrs.validators.gt(1.0),
            attrs.validators.lt(math.inf),
        ),
    )

    def __attrs_post_init__(self) -> None:
        if not self.quantile > 0.0:
            raise InvalidArgument("quantile is above 0, got 0: bad trials have to be replaced by copies of good ones")

    @property
    def pruner(self) -> PauseInPopulation:
        """The pruner that pauses trials at the milestones of this promoter, and stops those that fall behind."""
        return PauseInPopulation(self.interval, self.quantile, self.max_resource)

    def __call__(self, state: StudyState, key: Key) -> Resume | ForkTrial | None:
        """Return the trial to resume, the fork to start, or None to start a new trial.

        Raises:
            SeveralObjectives: the study has several objectives.
        """
        direction = only_direction(state, self)
        waiting = [trial for trial in state.paused.values() if trial.intermediate_values]
        if not waiting or state.n_trials < self.population_size:
            return None
        complete = sum(trial.state is TrialState.COMPLETE for trial in state.finished)
        members = len(state.running) + len(state.paused) + complete
        if members < self.population_size:
            donors = [trial for trial in waiting if trial.checkpoint is not None]
            if donors:
                return self._fork(donors, direction, key)
        following = min(waiting, key=lambda trial: (trial.last_step, trial.number))
        return Resume(following.number, {"rule": "population", "step": following.last_step})

    def _fork(self, donors: list[FrozenTrial], direction: str, key: Key) -> ForkTrial:
        ranked = sorted(donors, key=lambda trial: (_newest_loss(direction, trial), trial.number))
        best = ranked[: math.ceil(self.quantile * len(ranked))]
        donor = best[int(key.child("donor").uniforms(["donor"])[0] * len(best))]
        params, how = {}, {}
        for name, distribution in donor.distributions.items():
            params[name], how[name] = self._perturbed(distribution, donor.params[name], key.child("explore", name))
        step = donor.last_step
        assert step is not None, "donors have reported"
        reason = {
            "rule": "population",
            "donor": donor.number,
            "step": step,
            "value": donor.intermediate_values[step],
            "explored": how,
        }
        return ForkTrial(donor.number, params, reason)

    def _perturbed(self, distribution: Distribution, value: Any, key: Key) -> tuple[Any, str]:
        resample, position, up = key.uniforms(["resample", "position", "up"])
        if resample < self.resample_probability:
            return distribution.from_unit(position), "drawn anew"
        if isinstance(distribution, CategoricalDistribution):
            return value, "kept"
        grows = up < 0.5
        factor = self.factor if grows else 1.0 / self.factor
        moved = self._on_grid(distribution, value * factor)
        rises = grows == (value >= 0)
        if moved != value or value == (distribution.high if rises else distribution.low):
            return moved, f"times {factor:g}"
        by = (distribution.high - distribution.low) * 0.1 if distribution.step is None else distribution.step
        return self._on_grid(distribution, value + by if rises else value - by), "up" if rises else "down"

    @staticmethod
    def _on_grid(distribution: FloatDistribution | IntDistribution, value: float) -> Any:
        within = min(max(value, distribution.low), distribution.high)
        return distribution.from_unit(distribution.to_unit(within))  # which is on the grid of a step


def _newest_loss(direction: str, trial: FrozenTrial) -> float:
    return loss_of(direction, trial.intermediate_values[max(trial.intermediate_values)])
