"""Who holds the kernel's lock on a file, for messages: a lock itself knows, and tells no one but the kernel."""

from __future__ import annotations

import os
from pathlib import Path


def lock_holder(fd: int) -> str | None:
    """The process that holds a lock of `flock` on the file `fd`, in words; None where it can't be known.

    That is where the system has no ``/proc/locks``, or the holder is in another container, is gone and left the lock
    to a child, or let it go meanwhile.

    Example:
        >>> import fcntl, tempfile
        >>> with tempfile.TemporaryFile() as file:
        ...     lock_holder(file.fileno())
        ...     fcntl.flock(file, fcntl.LOCK_EX)
        ...     lock_holder(file.fileno()) in ("this process", None)
        True
    """
    try:
        status = os.fstat(fd)
        text = Path("/proc/locks").read_text("ascii", errors="replace")
    except OSError:
        return None
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in text.splitlines():
        fields = line.split()  # number, FLOCK, ADVISORY, WRITE, process, file; of who waits, "->" comes second
        if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == place:
            return _process(fields[4])
    return None


def _process(number: str) -> str | None:
    if number == str(os.getpid()):
        return "this process"
    try:
        name = Path("/proc", number, "comm").read_text(errors="replace").strip()
    except OSError:
        return None
    return f"process {number} ({name})"
