"""Progress on the terminal."""

from __future__ import annotations

import contextlib
import time
import warnings
from typing import Any

from hpo.core import StudyState, best_or_none
from hpo.logging import get_logger


class ProgressBar:
    """A tqdm bar over trials, or over seconds where only a timeout limits the run.

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
        """Count one more finished trial of `state`, and show the best value."""
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
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()
        self._log_above_bar.close()
