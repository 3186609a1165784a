"""What models say of a study, and what a study learns from another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hpo.core import Enqueue, FrozenTrial, HasState, StudyState, as_int, state_of
from hpo.errors import InvalidArgument
from hpo.study.advisors import Advisors
from hpo.study.duplicates import is_duplicate
from hpo.study.open_trials import OpenTrials

if TYPE_CHECKING:
    from hpo.samplers.gp.prediction import Prediction


class ModelsAndRelatives:
    """The methods of `hpo.Study` that ask models of its trials, or learn from other studies."""

    _trials: OpenTrials

    def predict(self, params: Mapping[str, Any]) -> tuple[Prediction, ...]:
        """Return the expected result of a configuration: a mean and a standard deviation for each objective.

        They come from the model of `GPSampler`, whatever sampler the study has, and are in the unit of the objective.

        Args:
            params: Values by name. Parameters that are left out count as those that a trial does not have.

        Raises:
            NoCompletedTrial: no trial with parameters is complete yet.
            InvalidType: `params` is not a mapping.
            InvalidArgument: `params` is empty, or no trial has had one of them.
            ValueOutsideDistribution: a value is outside of the newest distribution of its parameter.
        """
        predictions: tuple[Prediction, ...] = _models().predict(self._trials.recorder.state, params)
        return predictions

    def predict_many(self, configurations: Sequence[Mapping[str, Any]]) -> list[tuple[Prediction, ...]]:
        """Return the expected results of several configurations, as `predict` does, for about the cost of one.

        Args:
            configurations: Values by name, for each configuration.

        Raises:
            NoCompletedTrial, InvalidType, InvalidArgument, ValueOutsideDistribution: as `predict` does.
        """
        many: list[tuple[Prediction, ...]] = _models().predict_many(self._trials.recorder.state, configurations)
        return many

    def recommend(self) -> FrozenTrial:
        """Return the complete, feasible trial with the best expected result, for noisy objectives.

        The best result of a noisy objective is a lucky one; the model of `predict` says what to expect of each trial. Where
        it can't predict anything, it is the best trial.

        Raises:
            SeveralObjectives: the study has several objectives.
            NoCompletedTrial: no trial is complete yet.
        """
        trial: FrozenTrial = _models().recommended(self._trials.recorder.state)
        return trial

    def warm_start(self, other: HasState | StudyState | Sequence[FrozenTrial], k: int = 5) -> None:
        """Begin with what a study of a related problem found: its best trials are tried, and the sampler learns from it.

        The `k` best complete, feasible configurations are enqueued, unless this study has them already. Values that a declared space
        does not allow are left out. And if the sampler, or one inside of it, has an option `prior`, as `TPESampler`, `GPSampler`
        and `AutoSampler` do, it is replaced by one that believes, of each parameter by itself, that the best values are where those of the other study were.
        That fades as results come in; what the sampler believed before counts more.

        Both are in the journal, so that `hpo.verify` recomputes all suggestions without the other study. The objectives may have other
        units: only the order of the other study's results matters.

        Args:
            other: The other study, its state, or a list of its trials, which are minimized then.
            k: How many configurations to enqueue, at least 0.

        Raises:
            InvalidType: `other` is something else.
            InvalidArgument: `k` is not a whole number of at least 0, or the other study has other directions.

        Example:
            >>> import hpo
            >>> hpo.logging.set_verbosity(hpo.logging.WARNING)
            >>> small, large = hpo.create_study(seed=1), hpo.create_study(seed=2)
            >>> small.optimize(lambda trial: abs(trial.suggest_float("x", -10, 10) - 2), n_trials=40)
            >>> large.warm_start(small, k=2)
            >>> large.optimize(lambda trial: abs(trial.suggest_float("x", -10, 10) - 2.5), n_trials=6)
            >>> large.trials[0].params == small.best_params, large.best_value < 1
            (True, True)
        """
        from hpo.samplers.parts.related import believing, best_complete, learned_beliefs

        known, n = state_of(other), as_int(k)
        state, sampler = self._trials.recorder.state, self._trials.advisors.sampler
        if n is None or n < 0:
            raise InvalidArgument(f"k is a whole number of at least 0, got {k!r}")
        directions = known.directions or ("minimize",)  # a list of trials has none
        if directions != state.directions:
            raise InvalidArgument(
                f"this study has the directions {[*state.directions]}, and the other one has {[*directions]}: its best trials "
                "would not be the best ones here"
            )
        known = known if known.directions else StudyState(directions=directions, finished=known.finished)
        for trial in best_complete(known, n):
            self._enqueue_new(trial.params)
        learned = believing(sampler, learned_beliefs(known))
        if learned is not sampler:
            now = self._trials.advisors
            self._trials.advisors = Advisors(learned, now.pruner, now.promoter)

    def _enqueue_new(self, params: Mapping[str, Any]) -> None:
        """Enqueue a configuration, as far as a declared space allows it, unless some trial has it."""
        recorder = self._trials.recorder
        while True:
            state = recorder.state
            space = state.space
            if space is not None:
                params = {
                    name: value for name, value in params.items() if name in space and space[name].contains(value)
                }
            if not params or is_duplicate(state, params) or recorder.record_if(state, Enqueue(params)) is not None:
                return


def _models() -> ModuleType:
    from hpo.samplers.gp import prediction  # scipy is loaded when it is needed

    return prediction
