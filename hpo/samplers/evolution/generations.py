"""The base class for genetic samplers in Optuna's style: which trials are a generation, and who its parents are."""

from __future__ import annotations

from abc import abstractmethod

from hpo.core import BaseSampler, FrozenTrial, HasState, TrialState, to_int_if_whole
from hpo.errors import InvalidArgument


class BaseGASampler(BaseSampler):
    """A base class for genetic samplers in Optuna's style: subclasses choose the parents of each generation in `select_parent`.

    The complete trials, in the order in which they were told, are divided into generations of `population_size`. So generations follow from the study
    alone: no worker waits, a result that comes late belongs to the generation of its time, and nothing has to be stored with a trial.

    Args:
        population_size: How many trials a generation has, at least 1; None means that a subclass sets it before the first trial.

    Raises:
        InvalidArgument: `population_size` is not such a number.

    Example:
        >>> import hpo
        >>> class Copies(BaseGASampler):
        ...     def select_parent(self, study, generation):
        ...         return sorted(self.get_population(study, generation - 1), key=lambda trial: trial.value)[:1]
        ...     def infer_relative_search_space(self, study, trial):
        ...         return hpo.samplers.intersection_search_space(study)
        ...     def sample_relative(self, study, trial, search_space):
        ...         parents = self.get_parent_population(study, self.get_trial_generation(study, trial))
        ...         return {name: parents[0].params[name] for name in search_space} if parents else {}
        ...     def sample_independent(self, study, trial, param_name, param_distribution):
        ...         return hpo.samplers.RandomSampler(seed=1).sample_independent(study, trial, param_name, param_distribution)
        >>> study = hpo.create_study(sampler=Copies(3))
        >>> study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=6)
        >>> [trial.value == min(each.value for each in study.trials[:3]) for trial in study.trials[3:]]
        [True, True, True]
    """

    def __init__(self, population_size: int | None) -> None:
        self.population_size = population_size
        self._parents: dict[tuple[str, int, int], list[FrozenTrial]] = {}

    @property
    def population_size(self) -> int | None:
        """How many trials a generation has."""
        return self._population_size

    @population_size.setter
    def population_size(self, value: int | None) -> None:
        size = to_int_if_whole(value)
        if size is not None and (type(size) is not int or size < 1):
            raise InvalidArgument(f"population_size is a whole number from 1 on or None, got {value!r}")
        self._population_size = size

    @abstractmethod
    def select_parent(self, study: HasState, generation: int) -> list[FrozenTrial]:
        """Return the parents of a generation, from 1 on; it is asked once for each generation of a study."""

    def get_trial_generation(self, study: HasState, trial: FrozenTrial) -> int:
        """Return the generation of a complete trial, or the one that a trial which starts now belongs to.

        O(trials).
        """
        complete = [each.number for each in _complete(study)]
        place = complete.index(trial.number) if trial.number in complete else len(complete)
        return place // self._size()

    def get_population(self, study: HasState, generation: int) -> list[FrozenTrial]:
        """Return the complete trials of a generation, in the order in which they were told; O(trials)."""
        start = generation * self._size()
        return _complete(study)[start : start + self._size()]

    def get_parent_population(self, study: HasState, generation: int) -> list[FrozenTrial]:
        """Return the parents of a generation, as `select_parent` chose them; none for the first one, whose number is 0."""
        if generation < 1:
            return []
        key = study.state.name, study.state.seed, generation
        if key not in self._parents:  # kept to save time: the generations before do not change any more
            self._parents[key] = [*self.select_parent(study, generation)]
        return self._parents[key]

    def _size(self) -> int:
        if self._population_size is None:
            raise InvalidArgument("population_size is None: set it before the first trial")
        return self._population_size


def _complete(study: HasState) -> list[FrozenTrial]:
    return [trial for trial in study.state.finished if trial.state is TrialState.COMPLETE]
