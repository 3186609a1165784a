"""A program while it runs: its lines as they come, and its end, with everything that it has started."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_LONGEST_LINE = 1_000_000  # bytes; of a longer one only the end is looked at
_LONGEST_WAIT = 0.2  # seconds between two looks at whether the program is still there
_SHORTEST_WAIT = 0.001
_TAIL = 8_192  # bytes of what it wrote last that are kept
_MOST_LAST_LINES = 10
_AFTERLIFE = 1.0
"""Seconds that processes which a program has left behind get to end."""


class Program:
    """A running program, which leads a process group of its own, so that it can be ended with all that it starts.

    Its output and its errors go to one log file, in the order in which they arrive. Ctrl-C of the terminal does not
    reach it: whoever started it ends it.

    Args:
        words: The program and its arguments.
        environment: Its environment variables.
        log: The log file, to which is appended.

    Raises:
        OSError: it can't be started.
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log.open("ab", buffering=0)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - to start the user's program is what this is for
                words,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except BaseException:
            self._log.close()
            raise
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._output, self._errors = self._process.stdout, self._process.stderr
        self._tails = {self._output: b"", self._errors: b""}

    def lines(self, deadline: float | None = None) -> Iterator[str]:
        """Yield the lines of its output as they come, until it has ended.

        Args:
            deadline: When to give up, on the clock of `time.monotonic`; None for never.

        Raises:
            TimeoutError: it still runs at the `deadline`.
        """
        pending = b""
        with selectors.DefaultSelector() as selector:
            for stream in self._tails:
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                has_ended = (
                    self.exit_code is not None
                )  # what it has written is read although others may hold its output
                ready = selector.select(0 if has_ended else _within(deadline, _LONGEST_WAIT))
                if has_ended and not ready:
                    break
                for key, _ in ready:
                    chunk = os.read(key.fd, 65_536)
                    if not chunk:
                        selector.unregister(key.fileobj)
                        continue
                    self._log.write(chunk)
                    self._tails[key.fileobj] = (self._tails[key.fileobj] + chunk)[-_TAIL:]  # type: ignore[index]
                    if key.fileobj is self._output:
                        *whole, pending = (pending + chunk).split(b"\n")
                        pending = pending[-_LONGEST_LINE:]
                        yield from map(_line, whole)
        if pending:
            yield _line(pending)
        self._wait(deadline)

    @property
    def last_words(self) -> list[str]:
        """The last lines that it wrote to its errors, or else to its output; blank lines do not count."""
        for stream in (self._errors, self._output):
            lines = [_line(line) for line in self._tails[stream].split(b"\n")]
            if found := [line for line in lines if line]:
                return found[-_MOST_LAST_LINES:]
        return []

    @property
    def exit_code(self) -> int | None:
        """The exit code, or minus the number of the signal that ended it; None while it runs."""
        return self._process.poll()

    def ask_to_end(self) -> None:
        """Send SIGTERM to the program and all that it has started, and do not wait."""
        self._send(signal.SIGTERM)

    def end(self, grace: float) -> None:
        """End the program with all that it has started, if any of it still runs.

        Args:
            grace: Seconds between SIGTERM, which allows it to clean up, and SIGKILL. If the program itself has ended already,
                what it has left behind gets one second at most.
        """
        deadline = time.monotonic() + (grace if self.exit_code is None else min(grace, _AFTERLIFE))
        try:
            self._send(signal.SIGTERM)
            pause = _SHORTEST_WAIT
            while self._is_there() and time.monotonic() < deadline:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_WAIT)
        finally:
            self._send(signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """Close its log file and what it was read from, after its end."""
        for stream in (*self._tails, self._log):
            stream.close()

    def _wait(self, deadline: float | None) -> None:
        pause = _SHORTEST_WAIT
        while self.exit_code is None:
            time.sleep(_within(deadline, pause))
            pause = min(2 * pause, _LONGEST_WAIT)

    def _is_there(self) -> bool:
        """Return whether any process of the group is there."""
        return self.exit_code is None or self._send(0)

    def _send(self, number: int) -> bool:
        """Send a signal to the whole group; False if nothing of it is left."""
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:  # something in it runs as another user; a zombie, on macOS
            return False
        return True


def _within(deadline: float | None, seconds: float) -> float:
    """Return the time to wait: `seconds`, or less if the `deadline` is nearer.

    Raises:
        TimeoutError: it has passed.
    """
    if deadline is None:
        return seconds
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(seconds, left)


def _line(line: bytes) -> str:
    r"""Return a line as text; of one that was written over, as progress bars are, what stands there at the end.

    Example:
        >>> _line(b"50%\r100%\r\n")
        '100%'
    """
    return line.decode("utf-8", "replace").strip().rpartition("\r")[2]
