"""Flaws on purpose: for each promise, ways to break it, and the tests that have to notice.

A mutant is a line of the library replaced by another one. It lives in a copy of the package in a directory of its own,
where the tests run against it; the real one is never touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
from patience import PATIENCE

ROOT = Path(__file__).parents[3]
_COPIED = (
    "hpo",
    "adapters",
    "tests/journal",
    "tests/slow/reliability",
    "tests/golden",
    "tests/conftest.py",
    "tests/patience.py",
    "tests/storms.py",
    "pyproject.toml",
)

_CHAIN = "tests/journal/test_chain.py"
_CLAIMS = "tests/journal/test_claims_in_turn.py"
_CRASHES = "tests/slow/reliability/test_crashes.py"
_DAMAGE = "tests/journal/test_damage.py"
_DATA = "tests/slow/reliability/test_hostile_data.py"
_ERRORS = "tests/slow/reliability/test_system_errors.py"
_FAULTS = "tests/journal/test_faults.py"
_FILE = "tests/journal/test_file.py"
_FORKS = "tests/slow/reliability/test_forks.py"
_FORMATS = "tests/slow/reliability/test_formats.py"
_POWER = "tests/slow/reliability/test_power.py"
_RECORD = "tests/journal/test_record.py"
_SCALE = "tests/slow/reliability/test_scale.py"
_ROLLBACKS = "tests/journal/test_rollbacks.py"
_SQLITE = "tests/journal/test_sqlite_damage.py"
_STATES = "tests/slow/reliability/test_crash_states.py"
_WRITERS = "tests/slow/reliability/test_writers.py"
_WORKERS = "tests/journal/test_workers_of_files.py"


@attrs.frozen
class Mutant:
    """One flaw.

    Args:
        promise: The promise that it breaks, ``"P1"`` to ``"P11"``; see docs/explanation/reliability.md.
        flaw: What is wrong with it, in a few words.
        file: The source, from the root.
        right: A text that the source holds once.
        wrong: What the mutant has in its place.
        tests: Who must notice: a file, and a choice of its tests as in ``pytest -k``.
        needs_root: Whether these tests are skipped without root.
    """

    promise: str
    flaw: str
    file: str
    right: str
    wrong: str
    tests: tuple[str, str]
    needs_root: bool = False


_CREATE = "hpo/journal/file/create_delete.py"
_DISK = "hpo/journal/disk.py"
_LOCKED = "hpo/journal/file/appending.py"
_OPEN = "hpo/journal/file/journal.py"
_RECORDS = "hpo/journal/records.py"
_SCAN = "hpo/journal/file/lines.py"
_WAITING = "hpo/journal/locks.py"

MUTANTS = [
    Mutant("P1", "no fdatasync", _DISK, 'getattr(os, "fdatasync", os.fsync)(fd)', "int(fd)", (_ERRORS, "r18")),
    Mutant("P1", "no fdatasync, on a disk", _DISK, 'getattr(os, "fdatasync", os.fsync)(fd)', "int(fd)", (_POWER, "r11_power"), True),
    Mutant(
        "P1",
        "no fsync of the directory",
        _DISK,
        "        os.fsync(fd)\n    finally:",
        "        fd = int(fd)\n    finally:",
        (_POWER, "r12_a_study"),
        True,
    ),
    Mutant(
        "P1",
        "no fsync of a new journal",
        _CREATE,
        "            if durable:\n                os.fsync(fd)",
        "            if False:\n                os.fsync(fd)",
        (_POWER, "r12_a_study"),
        True,
    ),
    Mutant(
        "P1",
        "a tell is not among what is made durable",
        "hpo/core/records/events.py",
        "= frozenset((StudyCreated, TrialEnqueued, TrialPaused, TrialFinished, TrialAdded, ArtifactAdded))",
        "= frozenset((StudyCreated, TrialEnqueued, TrialPaused, TrialAdded, ArtifactAdded))",
        (_STATES, "r13"),
    ),
    Mutant(
        "P1",
        "a sync counts for what was written after it began",
        _OPEN,
        "self._synced = reach",
        "self._synced = 1 << 62",
        (_ERRORS, "r18"),
    ),
    Mutant(
        "P2",
        "a part that was written stays",
        _LOCKED,
        "                os.ftruncate(self._fd, offset)  #",
        "                os.fstat(self._fd)  #",
        (_ERRORS, "r15 or r16"),
        True,
    ),
    Mutant("P2", "the torn end is not cut off", _LOCKED, "os.ftruncate(self._fd, offset)\n        except OSError as error:\n            raise not_added", "os.fstat(self._fd)\n        except OSError as error:\n            raise not_added", (_CRASHES, "r09")),
    Mutant("P2", "a short write is taken for a whole one", _LOCKED, "            while rest:", "            if rest:", (_ERRORS, "r16_a_short")),
    Mutant("P3", "no check of the order of records", _RECORDS, "if record.sequence <= after:", "if False:", (_DAMAGE, "swapped or twice or two_journals")),
    Mutant("P3", "no check for missing records", _RECORDS, "if record.sequence != after + n_events:", "if False:", (_DAMAGE, "dropped")),
    Mutant("P3", "nobody looks whether the journal went back", _SCAN, '(mark.sequence and pread(fd, 8, mark.start) != b"%08x" % mark.checksum)', "False", (_ROLLBACKS, "grew_again")),
    Mutant("P3", "readers skip an event", "hpo/journal/file/journal.py", "events[after - start.sequence :]", "events[after - start.sequence + 1 :]", (_FILE, "every_start")),
    Mutant("P4", "no check of the expected length", _LOCKED, "if end.sequence != expected:", "if False:", (_FILE, "stale or any_other")),
    Mutant("P4", "no lock", _LOCKED, "fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)", "self._fd", (_WRITERS, "r21_64")),
    Mutant("P4", "no mutex between threads", _OPEN, "        with self._mutex:\n            self._refuse", "        if True:\n            self._refuse", (_FAULTS, "a_thread_does_not")),
    Mutant("P4", "no care for forks", "hpo/journal/file/journal.py", "file = self._open_files.get(process)", "file = next(iter(self._open_files.values()), None)", (_FILE, "forked_child_waits")),
    Mutant("P4", "a claim that comes too late counts", "hpo/journal/file/claims.py", "if pread(fd, len(line), end.offset) != line:", "if False:", (_CLAIMS, "too_late")),
    Mutant("P5", "a finished trial can be told again", "hpo/core/decide/running.py", "        if trial.state is not TrialState.RUNNING:\n            raise", "        if False:\n            raise", (_CRASHES, "r14_a_worker_that_dies")),
    Mutant("P6", "a failed sync is forgotten", _OPEN, "                self._sync_failure = reason(error)\n", "                self._sync_failure = None\n", (_ERRORS, "r18")),
    Mutant("P6", "no look whether the file is still there", _DISK, "if (status.st_dev, status.st_ino) != identity:", "if False:", (_FAULTS, "no_longer_there or another_file")),
    Mutant("P6", "without locks it goes on", _LOCKED, 'raise JournalUnwritable(self._path, f"it can\'t be locked: {reason(error)}") from error', "return", (_ERRORS, "r20_without_locks")),
    Mutant("P6", "an error of reading has no name", _SCAN, "        return read_records(fd, path, start)\n    except OSError", "        return read_records(fd, path, start)\n    except ZeroDivisionError", (_ERRORS, "r17 and pread64")),
    Mutant("P7", "no checksums", "hpo/journal/file/lines.py", 'if line[:9] != b"%08x " % checksum:', "if len(line) < 9:", (_DAMAGE, "flipped")),
    Mutant("P7", "checksums are read leniently", "hpo/journal/file/lines.py", 'if line[:9] != b"%08x " % checksum:', 'if not line[:8].strip() or int(line[:8].decode("latin-1"), 16) != checksum:', (_RECORD, "one_way")),
    Mutant("P7", "a lost line end is taken for a torn end", _SCAN, 'problem = "" if last and not hides_record(line)', 'problem = "" if last', (_DAMAGE, "lost_line_end")),
    Mutant("P7", "what is torn off is thrown away", _LOCKED, "keep_torn(self._path, offset, pread(self._fd, size - offset, offset))", "pread(self._fd, size - offset, offset)", (_DAMAGE, "cut_anywhere")),
    Mutant("P7", "damage is a torn end wherever it is", _SCAN, "last = not pread(fd, 1, offset + len(line) + 1)", "last = True", (_DAMAGE, "flipped or two_damaged")),
    Mutant("P7", "no check of the chain", _RECORDS, "if record.previous != previous:", "if False:", (_CHAIN, "another_history or without_its_first")),
    Mutant("P7", "a writer breaks the chain", _SCAN, "previous = end.checksum if chained else None", "previous = 0 if chained else None", (_CHAIN, "each_record")),
    Mutant("P7", "a row without its key is taken for the end of a study", "hpo/journal/sqlite/journal.py", "if not start and self._is_cut(connection, end):", "if False:", (_SQLITE, "without_its_key")),
    Mutant("P7", "a study is created beside one that can't be read", "hpo/journal/file/storage.py", "if said is None or said == name:", "if said == name:", ("tests/journal/test_damaged_headers.py", "beside")),
    Mutant("P8", "a forked child keeps the locks of threads that it does not have", "hpo/study/recorder.py", "if in_child and self._other_threads:", "if False:", (_FORKS, "r23_a_child_waits")),
    Mutant("P8", "a writer never unlocks", _LOCKED, "            try:  # not in a function of its own: an interrupt could come between the call and the unlocking\n                if HAS_FLOCK:\n                    fcntl.flock(self._fd, fcntl.LOCK_UN)", "            try:\n                self._fd = int(self._fd)", (_WRITERS, "r22")),
    Mutant("P8", "a wait for the lock has no end", _WAITING, "if (waited := time.monotonic() - self._started) > self.lock_timeout:", "if (waited := time.monotonic() - self._started) > 80.0 + self.lock_timeout:", (_WRITERS, "r22")),
    Mutant(
        "P8",
        "a dead worker counts as alive",
        "hpo/journal/worker_locks.py",
        "    return kind != fcntl.F_UNLCK",
        "    return True",
        (_CRASHES, "r14_a_worker_that_dies"),
    ),
    Mutant("P8", "a forked child keeps the worker of its parent", "hpo/journal/worker_locks.py", "            os.close(fd)  # not unlocked", "            pass  # not unlocked", (_WORKERS, "forked_child_that_lives_on")),
    Mutant("P8", "nobody finishes what a dead writer claimed", "hpo/journal/file/claims.py", "if end.sequence == sequence:", "if False:", (_CLAIMS, "killed and anywhere")),
    Mutant("P8", "writers wait ever longer", _WAITING, "_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.005", "_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 2.0", (_WRITERS, "r21_none")),
    Mutant("P9", "a state asks the clock", "hpo/core/evolve/transitions.py", "trial = FrozenTrial(number, TrialState.RUNNING, started_at=event.at,", 'trial = FrozenTrial(number, TrialState.RUNNING, started_at=__import__("time").time(),', (_FORMATS, "r07")),
    Mutant("P9", "random numbers of the process", "hpo/samplers/random.py", "units = key.uniforms(space)", 'units = [__import__("random").random() for _ in space]', (_SCALE, "r30 and random")),
    Mutant("P10", "NaN is written as JSON would", "hpo/core/values/json_tree.py", 'return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"', "return value", (_FORMATS, "r01 or r31")),
    Mutant("P10", "the sign of zero is lost", "hpo/core/values/json_tree.py", "return float(value) if math.isfinite(value)", "return float(value) + 0.0 if math.isfinite(value)", (_FORMATS, "r31")),
    Mutant("P11", "a text is evaluated", "hpo/core/values/json_tree.py", "    if not isinstance(tree, dict):\n        return tree", "    if not isinstance(tree, dict):\n        return eval(repr(tree))", (_DATA, "r36")),
    Mutant("P11", "a module of the data's choice is imported", "hpo/core/values/json_tree.py", "    if not isinstance(tree, dict):\n        return tree", '    if tree == "os.system":\n        __import__("this")\n    if not isinstance(tree, dict):\n        return tree', (_DATA, "r36_reading")),
    Mutant("P11", "a line may have any length", _SCAN, "if len(rest) > LONGEST:", "if False:", (_DAMAGE, "given_up")),
    Mutant("P11", "nesting without end ends the program", "hpo/core/records/events.py", "except (msgspec.MsgspecError, ValueError, RecursionError, HpoError) as error:", "except (msgspec.MsgspecError, ValueError, HpoError) as error:", (_DATA, "r35 and nested")),
]  # fmt: skip


def mutated(mutant: Mutant, source: str) -> str:
    """`source` with the flaw.

    Raises:
        LookupError: it does not hold the text to replace exactly once: the mutant has to be brought up to date.
    """
    if source.count(mutant.right) != 1:
        raise LookupError(f"{mutant.file} has {source.count(mutant.right)} times {mutant.right!r}: {mutant.flaw}")
    return source.replace(mutant.right, mutant.wrong)


def copy_of_the_project(target: Path) -> None:
    """What the tests of the catalogue need, in the directory `target`."""
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / name)


def run_tests(root: Path, tests: tuple[str, str]) -> tuple[str, str]:
    """What the chosen tests say of the copy in `root`: green, red, skipped, hangs or broken; and their output."""
    file, choice = tests
    own = f"--basetemp={root / 'tmp'}"  # not where other runs of pytest tidy up
    options = ["-q", "-x", "-p", "no:cacheprovider", own, "-m", "long or not long", "-k", choice]
    path = os.pathsep.join([str(root), str(root / "adapters")])
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *options, file],
        cwd=root,
        env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=2 * PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)  # with the processes that the tests started
        output, _ = process.communicate()
        return "hangs", output
    if process.returncode == 0 and " passed" not in output:
        return "skipped", output
    if "available fixtures:" in output:  # no flaw was noticed: a file is missing in the copy
        return "broken", output
    return {0: "green", 1: "red"}.get(process.returncode, "broken"), output
