"""What the log says about trials."""

from __future__ import annotations

import traceback

from hpo.core import FrozenTrial, StudyState, TrialState, best_or_none
from hpo.errors import SearchSpaceExhausted
from hpo.logging import INFO, WARNING, get_logger


def narrate_creation(name: str, location: str) -> None:
    """Say that a study begins."""
    get_logger().info("A new study created in %s with name: %s", location, name)


def narrate_continuation(name: str, location: str, n_trials: int) -> None:
    """Say that a study goes on that was there already."""
    trials = "1 trial" if n_trials == 1 else f"{n_trials} trials"
    get_logger().info("Using an existing study in %s with name: %s (%s)", location, name, trials)


def narrate_end(state: StudyState, trial: FrozenTrial) -> None:
    """Say how `trial` ended; `state` is the study with it."""
    logger = get_logger()
    if trial.state is TrialState.FAIL:
        if logger.isEnabledFor(WARNING):
            logger.warning(
                "Trial %d failed with parameters: %s because of the following error: %s",
                trial.number,
                dict(trial.params),
                trial.reason,
            )
        return
    if not logger.isEnabledFor(INFO):
        return
    if trial.state is TrialState.PRUNED:
        logger.info("Trial %d pruned. %s", trial.number, trial.reason or "")
        return
    values = trial.values or ()
    if len(values) > 1:
        named = dict(zip(state.metric_names, values, strict=True)) if state.metric_names else list(values)
        logger.info("Trial %d finished with values: %s and parameters: %s.", trial.number, named, dict(trial.params))
        return
    message = f"Trial {trial.number} finished with value: {values[0]} and parameters: {dict(trial.params)}."
    best = best_or_none(state)
    if best is not None:
        message += f" Best is trial {best.number} with value: {best.value}."
    logger.info("%s", message)


def narrate_lateness(trial: FrozenTrial) -> None:
    """Say that the result of `trial` comes after it was given up."""
    get_logger().warning(
        "The result of trial %d comes too late and is refused: this worker was silent for longer than its grace "
        "period, and others failed the trial.",
        trial.number,
    )


def narrate_exhaustion(exhausted: SearchSpaceExhausted) -> None:
    """Say that a run ends because the sampler has nothing left."""
    get_logger().info("The study stops: %s", exhausted)


def failure_reason(error: BaseException) -> str:
    """The last line of the traceback, and where it happened."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    last_line = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return last_line
    where = frames[-1]
    return f"{last_line} ({where.filename}, line {where.lineno}, in {where.name})"
