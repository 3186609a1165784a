"""What a trial costs besides its objective, here and in Optuna.

    pip install -e '.[benchmark]'
    python tests/benchmarks/overhead.py [ROUNDS]

Every measurement is CPU time in a process of its own with one thread. Those that are compared are taken in turn, and of
each the least of all rounds counts: what else a machine does only ever adds to it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

TRIALS = 2_000

OPTIMIZE = """
import time, {library} as library
library.logging.set_verbosity(library.logging.WARNING)
study = library.create_study(sampler=library.samplers.RandomSampler(seed=0), pruner=library.pruners.NopPruner())
objective = lambda trial: sum(trial.suggest_float(f"x{{i}}", 0.0, 1.0) for i in range(10))
study.optimize(objective, n_trials=100)
start = time.process_time()
study.optimize(objective, n_trials={n})
print((time.process_time() - start) / {n})
"""

ASK_TELL = """
import time, hpo
sampler = hpo.samplers.RandomSampler()
space = {{f"x{{i}}": hpo.FloatDistribution(0.0, 1.0) for i in range(10)}}
state = hpo.StudyState.create(seed=0)
def run(state, n):
    for _ in range(n):
        state, trial = hpo.ask(state, sampler, space)
        state = hpo.tell(state, trial.number, sum(trial.params.values()))
    return state
state = run(state, 100)
start = time.process_time()
run(state, {n})
print((time.process_time() - start) / {n})
"""

ASKS = """
import time, hpo
sampler = hpo.samplers.RandomSampler()
space = {{f"x{{i}}": hpo.FloatDistribution(0.0, 1.0) for i in range(10)}}
state = hpo.StudyState.create(seed=0)
start = time.process_time()
for _ in range({n}):
    state, trial = hpo.ask(state, sampler, space)
print((time.process_time() - start) / {n})
"""

GROWTH = """
import time, hpo
hpo.logging.set_verbosity(hpo.logging.WARNING)
study = hpo.create_study(sampler=hpo.samplers.RandomSampler(seed=0), pruner=hpo.pruners.NopPruner())
objective = lambda trial: sum(trial.suggest_float(f"x{i}", 0.0, 1.0) for i in range(10))
study.optimize(objective, n_trials=1_000)
def cost():
    start = time.process_time()
    study.optimize(objective, n_trials=1_000)
    return (time.process_time() - start) / 1_000
early = min(cost() for _ in range(9))
study.optimize(objective, n_trials=80_000)
print(early, min(cost() for _ in range(9)))
"""

WRITE_JOURNAL = """
import sys
from hpo.core.ask_tell import ask, tell
from hpo.core.commands import Ask, Tell, decide
from hpo.core.events import StudyCreated
from hpo.core.sampling import suggest_joint
from hpo.core.state import replay, StudyState
from hpo.samplers import RandomSampler
from hpo import FloatDistribution, open_journal
space = {{f"x{{i}}": FloatDistribution(0.0, 1.0) for i in range(10)}}
state = StudyState()
created = [StudyCreated(1, "big", ("minimize",), 0, None, None, 0.0)]
journal = open_journal({path!r}, durability="process").create("big", created)
state = replay(created)
sampler = RandomSampler()
while state.version < {n}:
    before, batch = state.version, []
    while len(batch) < 3000:
        start = decide(state, Ask(float(state.version)))
        state = replay(start, state)
        trial = state.running[start[-1].number]
        suggested = decide(state, suggest_joint(state, sampler, trial, space))
        state = replay(suggested, state)
        told = decide(state, Tell(trial.number, sum(trial.params.values()), at=float(state.version)))
        state = replay(told, state)
        for record in ([*start, *suggested], told):
            journal.append(record, expected=before)
            before += len(record)
            batch += record
"""

LOAD_JOURNAL = """
import time, hpo
hpo.samplers.RandomSampler, hpo.pruners.NopPruner
start = time.process_time()
study = hpo.load_study(storage={path!r}, sampler=hpo.samplers.RandomSampler(), pruner=hpo.pruners.NopPruner())
state = study.state
print((time.process_time() - start) / state.version)
"""

IMPORT = "import time; start = time.process_time(); import {module}; print(time.process_time() - start)"


def numbers(script: str) -> list[float]:
    """What `script` prints, as numbers; it runs in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    return [float(word) for word in ran.stdout.split()]


def command_seconds(*arguments: str) -> float:
    """CPU seconds of a command of its own process, interpreter start included."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "hpo", *arguments], capture_output=True, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def compared(rounds: int, ours: str, theirs: str) -> tuple[float, float, float]:
    """The least seconds of two scripts taken in turn, and how many times longer theirs takes."""
    pairs = [(numbers(ours)[0], numbers(theirs)[0]) for _ in range(rounds)]
    least, least_of_theirs = min(a for a, _ in pairs), min(b for _, b in pairs)
    return least, least_of_theirs, least_of_theirs / least


def report(rounds: int) -> Iterator[str]:
    """One line for each measurement, as soon as it is taken."""
    optuna = OPTIMIZE.format(library="optuna", n=TRIALS)
    for what, script, wanted in (
        ("study.optimize, random search, 10 floats", OPTIMIZE.format(library="hpo", n=TRIALS), 6),
        ("pure ask and tell, random search, 10 floats", ASK_TELL.format(n=TRIALS), 8),
    ):
        ours, theirs, ratio = compared(rounds, script, optuna)
        yield f"{what}: {ours * 1e6:.0f} us a trial; Optuna {theirs * 1e6:.0f} us: 1/{ratio:.1f} (wanted: 1/{wanted})"
    early, late = numbers(GROWTH)
    yield f"trials 1,000 to 10,000: {early * 1e6:.0f} us; 91,000 to 100,000: {late * 1e6:.0f} us (wanted: no growth)"
    few, many = numbers(ASKS.format(n=1_000))[0], numbers(ASKS.format(n=10_000))[0]
    yield f"asks before the first tell: {few * 1e6:.0f} us each for 1,000, {many * 1e6:.0f} us for 10,000"

    numpy, ours = (min(numbers(IMPORT.format(module=module))[0] for _ in range(rounds)) for module in ("numpy", "hpo"))
    shell = min(
        numbers(IMPORT.format(module="hpo; hpo.create_study; hpo.samplers.RandomSampler"))[0] for _ in range(rounds)
    )
    yield f"import hpo: {ours * 1e3:.0f} ms; with create_study and a sampler {shell * 1e3:.0f} ms; numpy {numpy * 1e3:.0f} ms"
    with tempfile.TemporaryDirectory() as folder:
        runs = f"{folder}/runs/"
        command_seconds("create-study", "--storage", runs, "--study-name", "digits")
        for arguments in (("--help",), ("studies", "--storage", runs)):
            seconds = min(command_seconds(*arguments) for _ in range(rounds))
            yield f"hpo {arguments[0]}: {seconds * 1e3:.0f} ms (wanted: 300 ms)"
        path = f"{folder}/big.jsonl"
        numbers(WRITE_JOURNAL.format(path=path, n=1_000_000))
        n_bytes = Path(path).stat().st_size
        loads = min(numbers(LOAD_JOURNAL.format(path=path))[0] for _ in range(min(rounds, 3)))
        yield f"loading 1,000,000 events ({n_bytes / 1e6:.0f} MB): {loads * 1e6:.2f} us an event (wanted: 6 us)"


if __name__ == "__main__":
    for line in report(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        print(line, flush=True)
