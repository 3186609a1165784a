"""Measure what journals cost in hpo and in Optuna: CPU and bytes per trial, loading, and eight processes at once.

    pip install -e '.[benchmark]'
    python tests/benchmarks/journals.py [ROUNDS]

Each measurement is the CPU time of a process of its own with one thread. Measurements that are compared alternate, and
the median of their ratios is printed, because the speed of a machine varies over time. Both libraries have the same
durability: Optuna's journal file and its SQLite storage sync the disk, and so does `durability="power"`; for the comparison
with `durability="process"`, Optuna's syncs are switched off. A lower bound is measured besides: trials in memory, without
a journal, that write and sync once each. Files that are only loaded are created in memory if the system has a file system
there, because Optuna syncs the disk for each trial that it adds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

OPTIMIZE = """
import sys, time, warnings
warnings.simplefilter("ignore")
import {library}
library = {library}
library.logging.set_verbosity(library.logging.ERROR)
place, n = sys.argv[1], int(sys.argv[2])
{storage}
study = library.create_study(
    storage=storage, sampler=library.samplers.RandomSampler(seed=0), pruner=library.pruners.NopPruner()
)
objective = lambda trial: {objective}
study.optimize(objective, n_trials=10)
start, wall = time.process_time(), time.perf_counter()
study.optimize(objective, n_trials=n)
print((time.process_time() - start) / n, (time.perf_counter() - wall) / n)
"""
OPTUNA_FILE = "storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(place))"
OPTUNA_SQLITE = "storage = f'sqlite:///{place}'"
WITHOUT_SYNC = {
    "file": "import os\nos.fsync = lambda fd: None",
    "SQLite": """
from sqlalchemy import Engine, event
event.listen(Engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
""",
}
FLOOR = "import os; storage, file = None, os.open(place, os.O_CREAT | os.O_APPEND | os.O_WRONLY)"
SUM = 'sum(trial.suggest_float(f"x{i}", 0.0, 1.0) for i in range(10))'
SYNCED_SUM = f"({SUM}, os.write(file, bytes(350)), os.fdatasync(file))[0]"
HPO = "storage = library.open_journal({url}, durability={durability!r})"

WRITE = """
import sys
from hpo import FloatDistribution, open_journal
from hpo.extend import Key, ParamsSuggested, SearchSpace, SpaceDefined, StudyCreated, TrialFinished, TrialStarted
names = [f"x{i}" for i in range(10)]
events = [StudyCreated(1, "big", ("minimize",), 0, None, None, 0.0)]
events.append(SpaceDefined(SearchSpace({name: FloatDistribution(0.0, 1.0) for name in names})))
journal = open_journal(sys.argv[1], durability="process").create("big", events)
length, number = 2, 0
while length < int(sys.argv[2]):
    values = tuple(Key(0).child(number).uniforms(names))
    at = 1732190185.123 + number
    start = [TrialStarted(number, at), ParamsSuggested(number, 0, values)]
    length = journal.append(start, expected=length)
    length = journal.append([TrialFinished(number, "complete", (sum(values),), at)], expected=length)
    number += 1
"""
READ = """
import resource, sys, time
from hpo import open_journal
from hpo.extend import replay
start = time.process_time()
events = open_journal(sys.argv[1]).open("big").read(0)
read = time.process_time() - start
state = replay(events)
print(read, time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
OPTUNA_WRITE = """
import sys, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
place = sys.argv[1]
{storage}
study = optuna.create_study(storage=storage, study_name="big")
space = {{f"x{{i}}": optuna.distributions.FloatDistribution(0.0, 1.0) for i in range(10)}}
study.add_trials(
    optuna.trial.create_trial(params=dict.fromkeys(space, i / 10**6), distributions=space, value=float(i))
    for i in range(int(sys.argv[2]))
)
"""
OPTUNA_READ = """
import sys, time, optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
place = sys.argv[1]
for _ in range(2):  # the first time, modules are loaded
    start = time.process_time()
    {storage}
    n = len(optuna.load_study(storage=storage, study_name="big").trials)
print((time.process_time() - start) / n)
"""
HPO_READ = """
import sys, time, hpo
for _ in range(2):
    start = time.process_time()
    n = len(hpo.load_study(storage=sys.argv[1], study_name="big").trials)
print((time.process_time() - start) / n)
"""
TELL = """
import sys, time
from hpo import open_journal
from hpo.extend import TrialEnqueued
from hpo.errors import Conflict
journal = open_journal(sys.argv[1], durability=sys.argv[2]).open("s")
length, mine, stale = 0, 0, 0
print("ready", flush=True)
sys.stdin.readline()
until = time.monotonic() + float(sys.argv[3])
while time.monotonic() < until:
    length += len(journal.read(length))
    try:
        length = journal.append([TrialEnqueued(mine, None)], expected=length)
        mine += 1
    except Conflict:
        stale += 1
print(mine, stale)
"""


def numbers(script: str, *arguments: object) -> list[float]:
    """Return the numbers that `script` prints in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    return [float(word) for word in ran.stdout.split()]


def size(place: Path) -> int:
    """Return the total size of the files below the directory `place`, in bytes."""
    return sum(file.stat().st_size for file in place.rglob("*") if file.is_file())


def per_trial(script: str, file: str, n: int) -> tuple[float, float, float]:
    """Return the CPU seconds, the seconds and the bytes per trial, of `n` trials in a new directory."""
    with tempfile.TemporaryDirectory() as place:
        cpu, wall = numbers(script, f"{place}/{file}", n)
        return cpu, wall, size(Path(place)) / (n + 10)


def trials(rounds: int) -> Iterator[str]:
    """Measure trials of 10 floats with a random sampler, in both libraries, and the cost of the sync alone."""
    floor = OPTIMIZE.format(library="hpo", storage=FLOOR, objective=SYNCED_SUM)
    for what, file, url, theirs, n_theirs, wanted in (
        ("file", "s.jsonl", "place", OPTUNA_FILE, 300, 20),
        ("SQLite", "s.db", "f'sqlite:///{place}'", OPTUNA_SQLITE, 100, 10),
    ):
        for durability, storage in (("power", theirs), ("process", f"{WITHOUT_SYNC[what]}\n{theirs}")):
            optuna = OPTIMIZE.format(library="optuna", storage=storage, objective=SUM)
            ours = OPTIMIZE.format(library="hpo", storage=HPO.format(url=url, durability=durability), objective=SUM)
            rows = [
                (per_trial(ours, file, 2000), per_trial(optuna, "optuna", n_theirs), per_trial(floor, "floor", 2000))
                for _ in range(rounds)
            ]
            (cpu, wall, n_bytes), (cpu_o, wall_o, n_bytes_o), (cpu_f, _, _) = (
                [statistics.median(values) for values in zip(*column, strict=True)]
                for column in zip(*rows, strict=True)
            )
            ratio = statistics.median(b[0] / a[0] for a, b, _ in rows)
            least = statistics.median(b[0] / c[0] for _, b, c in rows)
            yield (
                f"{what}, {durability}: {cpu * 1e6:.0f} us CPU, {wall * 1e6:.0f} us, {n_bytes:.0f} bytes a trial; Optuna "
                f"{cpu_o * 1e6:.0f} us, {wall_o * 1e6:.0f} us, {n_bytes_o:.0f} bytes: 1/{ratio:.1f} of its CPU "
                f"(wanted: 1/{wanted})"
                + (f"; without a journal, synced: {cpu_f * 1e6:.0f} us, 1/{least:.1f}" if durability == "power" else "")
            )


def loads(rounds: int) -> Iterator[str]:
    """Measure the loading of a million events, of a million trials, and of a number that Optuna can load, too."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        urls = {"file": f"{folder}/big.jsonl", "SQLite": f"sqlite:///{folder}/big.db"}
        for what, url in urls.items():
            for n_events, events in ((1_000_000, "1,000,000 events"), (3_000_000, "1,000,000 trials")):
                place = Path(url.removeprefix("sqlite:///"))
                place.unlink(missing_ok=True)
                numbers(WRITE, url, n_events)
                runs = [numbers(READ, url) for _ in range(min(rounds, 3))]
                read, replayed, used = (statistics.median(values) for values in zip(*runs, strict=True))
                yield (
                    f"{what}, {events} ({place.stat().st_size / 1e6:.0f} MB): read in {read:.2f} s CPU, with the state "
                    f"in {replayed:.2f} s, {used:.0f} MB of memory"
                )
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        for what, url, theirs, n in (
            ("file", f"{folder}/s.jsonl", OPTUNA_FILE, 100_000),
            ("SQLite", f"sqlite:///{folder}/s.db", OPTUNA_SQLITE, 1_000),  # writing more takes Optuna many minutes
        ):
            numbers(WRITE, url, 3 * n)
            numbers(OPTUNA_WRITE.format(storage=theirs), f"{folder}/optuna-{what}", n)
            pairs = [
                (
                    numbers(HPO_READ, url)[0],
                    numbers(OPTUNA_READ.format(storage=theirs), f"{folder}/optuna-{what}")[0],
                )
                for _ in range(min(rounds, 3))
            ]
            ratio = statistics.median(b / a for a, b in pairs)
            ours, optuna = (statistics.median(column) for column in zip(*pairs, strict=True))
            yield (
                f"{what}, opening {n:,} trials: {ours * 1e6:.1f} us a trial; Optuna {optuna * 1e6:.1f} us: "
                f"1/{ratio:.1f} (wanted: 1/5)"
            )


def crowds(seconds: float = 5.0, n: int = 8) -> Iterator[str]:
    """Measure how often eight processes can append at once, and how evenly the appends are shared."""
    for what, url in (("file", "{}/s.jsonl"), ("SQLite", "sqlite:///{}/s.db")):
        for durability in ("power", "process"):
            with tempfile.TemporaryDirectory() as folder:
                place = url.format(folder)
                created = (
                    "import sys; from hpo import open_journal; from hpo.extend import StudyCreated; "
                    "open_journal(sys.argv[1]).create('s', [StudyCreated(1, 's', ('minimize',), 0)])"
                )
                numbers(created, place)
                command = [sys.executable, "-c", TELL, place, durability, str(seconds)]
                workers = [
                    subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                    for _ in range(n)
                ]
                for worker in workers:
                    assert worker.stdout
                    worker.stdout.readline()  # it is ready
                for worker in workers:
                    assert worker.stdin
                    worker.stdin.write("\n")
                    worker.stdin.flush()
                outputs = [[int(word) for word in worker.communicate()[0].split()] for worker in workers]
            made = sorted(mine for mine, _ in outputs)
            stale = sum(conflicts for _, conflicts in outputs)
            yield (
                f"{what}, {durability}, {n} processes: {sum(made) / seconds:.0f} appends/s, each "
                f"{made[0]} to {made[-1]} (median {statistics.median(made):.0f}), {stale / sum(made):.2f} conflicts an append"
            )


DAMAGED = """
import sys, time
from hpo import open_journal
from hpo.extend import StudyCreated
place, n, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
open_journal(place).create("s", [StudyCreated(2, "s", ("minimize",), 0)])
fake = b"deadbeef cafecafe 14 ["
with open(place, "ab") as file:
    file.write((fake + b"x" * (size // n - len(fake))) * n + b"]\\n")
start = time.process_time()
assert len(open_journal(place).open("s").read(0)) == 1
print(time.process_time() - start)
"""


def damaged(rounds: int) -> Iterator[str]:
    """Measure how long it takes to judge a damaged last line that is made to look like many records."""
    for n, size in ((1, 2_000_000), (999, 2_000_000), (999, 4_000_000), (50_000, 2_000_000)):
        took = []
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                took.append(numbers(DAMAGED, Path(folder, "s.jsonl"), n, size)[0])
        yield f"a damaged last line of {size / 1e6:.0f} MB with {n} beginnings: {statistics.median(took):.3f} s of CPU"


if __name__ == "__main__":
    ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for lines in (trials(ROUNDS), crowds(), loads(ROUNDS), damaged(ROUNDS)):
        for line in lines:
            print(line, flush=True)
