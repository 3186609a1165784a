"""The visible output of a run: log messages, the reasons of failed trials, and the progress bar."""

from __future__ import annotations

import contextlib
import os
import sysconfig
import time
import traceback
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from hpo.core import Decision, FrozenTrial, StudyState, TrialState, Verdict, best_or_none, rounded
from hpo.errors import SearchSpaceExhausted
from hpo.logging import INFO, WARNING, get_logger


def log_study_created(name: str, location: str) -> None:
    """Log that a study was created."""
    get_logger().info("A new study created in %s with name: %s", location, name)


def log_study_continued(name: str, location: str, n_trials: int) -> None:
    """Log that a study existed already and is continued."""
    trials = "1 trial" if n_trials == 1 else f"{n_trials} trials"
    get_logger().info("Using an existing study in %s with name: %s (%s)", location, name, trials)


def log_trial_end(state: StudyState, trial: FrozenTrial, traceback: str | None = None) -> None:
    """Log how `trial` ended, or that it was paused. `state` is the study with the trial.

    The `traceback` of an error that does not end the run is logged at the level DEBUG.
    """
    logger = get_logger()
    if traceback is not None:
        logger.debug("Trial %d raised:\n%s", trial.number, traceback)
    if not trial.state.is_finished():
        checkpoint = _checkpoint_of(trial)
        logger.info("Trial %d is %s.%s%s", trial.number, trial.state.value, _sentence(trial.reason), checkpoint)
        return
    if trial.state is TrialState.FAIL:
        if logger.isEnabledFor(WARNING):
            logger.warning(
                "Trial %d failed with parameters: %s because of the following error: %s",
                trial.number,
                rounded(trial.params),
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
        logger.info(
            "Trial %d finished with values: %s and parameters: %s.", trial.number, rounded(named), rounded(trial.params)
        )
        return
    message = f"Trial {trial.number} finished with value: {rounded(values[0])} and parameters: {rounded(trial.params)}."
    best = best_or_none(state)
    if best is not None:
        message += f" Best is trial {best.number} with value: {rounded(best.value)}."
    logger.info("%s", message)


def log_promotion(trial: FrozenTrial, reason: Any, *, forked: bool) -> None:
    """Log that a promoter has resumed `trial`, or has just forked it from another one, and why."""
    how = f"is a fork of trial {trial.parent}" if forked else "is resumed"
    get_logger().info("Trial %d %s.%s%s", trial.number, how, _sentence(reason_in_words(reason)), _checkpoint_of(trial))


def log_stop(reason: Any) -> None:
    """Log that a stopping rule ends a run, and why."""
    get_logger().info("The study stops: %s", reason_in_words(reason))


def reason_of(verdict: Verdict | None, decision: Decision) -> str | None:
    """Return the reason of a pruner's verdict in words if that is `decision`; None if it is not, or has no reason.

    Example:
        >>> reason_of(Verdict(Decision.STOP, {"rule": "median", "step": 3, "value": 0.9, "median": 0.4}), Decision.STOP)
        'median: step 3, value 0.9, median 0.4'
    """
    return None if verdict is None or verdict.decision is not decision else reason_in_words(verdict.reason)


def reason_in_words(reason: Any) -> str | None:
    """Return the reason of a decision, which is a JSON value, as one line for people; None for None.

    Example:
        >>> reason_in_words({"rule": "all", "reasons": [{"rule": "max trials", "trials": 5, "limit": 5}, "enough"]})
        'all: reasons (max trials: trials 5, limit 5; enough)'
    """
    if reason is None or isinstance(reason, str):
        return reason
    if not isinstance(reason, Mapping):
        return _in_words(reason)
    facts = ", ".join(f"{_in_words(name)} {_in_words(value)}" for name, value in reason.items() if name != "rule")
    if "rule" not in reason:
        return facts
    return f"{_in_words(reason['rule'])}: {facts}" if facts else _in_words(reason["rule"])


def _in_words(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return value.replace("_", " ")
    if isinstance(value, Mapping):
        return f"({reason_in_words(value)})"
    if isinstance(value, list | tuple):
        items = (reason_in_words(item) if isinstance(item, Mapping) else _in_words(item) for item in value)
        return f"({'; '.join(map(str, items))})"
    return str(value)


def _sentence(text: str | None) -> str:
    """Return `text` as the next sentence of a log line."""
    return "" if not text else f" {text[0].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def _checkpoint_of(trial: FrozenTrial) -> str:
    return "" if trial.checkpoint is None else f" Checkpoint: {trial.checkpoint}"


def log_late_result(trial: FrozenTrial) -> None:
    """Log that the result of `trial` arrived after others had failed the trial as lost, or resumed it."""
    get_logger().warning(
        "The result of trial %d comes too late and is refused: this worker was silent for longer than its grace "
        "period, and others failed the trial or have resumed it.",
        trial.number,
    )


def log_exhausted(exhausted: SearchSpaceExhausted, n_trials: int | None, left: int | None) -> None:
    """Log that a run ends because nothing is left to suggest: a warning with advice if `left` of `n_trials` are missing."""
    if n_trials is None or left is None:
        get_logger().info("The study stops: %s", exhausted)
        return
    ways = ["enqueue a point with study.enqueue_trial(...)"]
    if exhausted.inferred:
        ways.append("declare the space with create_study(space=...) if it is larger than the trials so far show")
    if exhausted.of_space:
        ways.append('let the sampler repeat configurations, where it can, with duplicates="allow"')
    get_logger().warning(
        "The run stops after %d of %d trials: %s. To go on, %s.",
        n_trials - left,
        n_trials,
        exhausted,
        "; or ".join([", ".join(ways[:-1]), ways[-1]] if len(ways) > 2 else ways),
    )


_MOST_LINES = 4  # of a message that a reason keeps
_LONGEST_MESSAGE = 500  # characters


def failure_reason(error: BaseException) -> str:
    """Return the class of an error, the first lines of its message in one, and where the user's code raised it."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    lines = [line.strip() for line in "".join(traceback.format_exception_only(error)).splitlines()]
    if isinstance(error, SyntaxError):  # the lines before show the code
        lines = lines[-1:]
    said = " ".join([line for line in lines if line][:_MOST_LINES])
    said = said if len(said) <= _LONGEST_MESSAGE else f"{said[:_LONGEST_MESSAGE]}..."
    place = _place(error.__traceback__)
    return said if place is None else f"{said} ({place[0]}, line {place[1]}, in {place[2]})"


def _place(raised: TracebackType | None) -> tuple[str, int, str] | None:
    """Return file, line and function of the innermost frame of the user's code, or else of any other library's."""
    frames = [(frame.f_code.co_filename, line or 0, frame.f_code.co_name) for frame, line in traceback.walk_tb(raised)]
    libraries, hpo = _library_folders()
    users = [place for place in frames if not place[0].startswith((*libraries, hpo, "<frozen"))]
    others = [place for place in frames if not place[0].startswith(hpo)]
    return next((places[-1] for places in (users, others, frames) if places), None)


def _library_folders() -> tuple[tuple[str, ...], str]:
    """Return the folders of the standard library and of installed packages, and the one of hpo."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    folders = {sysconfig.get_path(name) for name in names}
    return tuple(f"{folder}{os.sep}" for folder in folders), f"{Path(__file__).parents[2]}{os.sep}"


class ProgressBar:
    """A tqdm bar that counts trials, or seconds if only a timeout limits the run.

    Without tqdm (``pip install 'purehpo[progress]'``) there is a warning and no bar.
    """

    def __init__(self, *, show: bool, n_trials: int | None, timeout: float | None) -> None:
        self._bar: Any = None
        self._log_above_bar = contextlib.ExitStack()
        self._by_time = n_trials is None and timeout is not None
        self._started = time.monotonic()
        if not show:
            return
        try:
            from tqdm.auto import tqdm
            from tqdm.contrib.logging import logging_redirect_tqdm
        except ImportError:
            warnings.warn("show_progress_bar needs tqdm: pip install 'purehpo[progress]'", stacklevel=4)
            return
        self._log_above_bar.enter_context(logging_redirect_tqdm(loggers=[get_logger()]))
        self._bar = tqdm(total=timeout if self._by_time else n_trials, unit="s" if self._by_time else "trial")

    def update(self, state: StudyState) -> None:
        """Count one more finished trial, and show the best value of `state`."""
        if self._bar is None:
            return
        if self._by_time:
            elapsed = min(time.monotonic() - self._started, self._bar.total)
            self._bar.update(round(elapsed - self._bar.n, 1))
        else:
            self._bar.update(1)
        if len(state.directions) == 1 and (best := best_or_none(state)) is not None:
            self._bar.set_description(f"best is trial {best.number}: {best.value:.6g}", refresh=False)

    def close(self) -> None:
        """Leave the bar on the terminal as it is, and let log messages go where they went before."""
        if self._bar is not None:
            self._bar.close()
        self._log_above_bar.close()
