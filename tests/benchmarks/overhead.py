"""Measure what a trial costs besides its objective, in hpo, Optuna and Rustuna.

    pip install -e '.[benchmark]'
    python tests/benchmarks/overhead.py [ROUNDS] [samplers | study]

`samplers` measures the samplers, `study` everything else; without either, both are measured. Libraries that are not
installed are left out (Optuna's CMA-ES also needs the package cmaes). Each measurement is the CPU time of a process of its
own with one thread. Measurements that are compared alternate, and the smallest of all rounds counts, because whatever else
the machine does can only add to it.
"""

from __future__ import annotations

import importlib.util
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
from hpo import FloatDistribution, open_journal
from hpo.core import Ask, StudyCreated, StudyState, Tell, decide, replay, suggest_joint
from hpo.samplers import RandomSampler
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

REPLAY_MANY = """
import time, hpo
from hpo.core import ConstraintSet, ParamsSuggested, SearchSpace, SpaceDefined, StudyAttributeSet, TrialAttributeSet, TrialStarted, replay
n = {n}
start = replay([TrialStarted(0)], hpo.StudyState.create())
for events in (
    [StudyAttributeSet(f"a{{i}}", i) for i in range(n)],
    [TrialAttributeSet(0, f"a{{i}}", i) for i in range(n)],
    [ConstraintSet(0, f"c{{i}}", 1.0) for i in range(n)],
    [
        event
        for i in range(n)
        for event in (
            SpaceDefined(SearchSpace({{f"p{{i}}": hpo.FloatDistribution(0.0, 1.0)}})),
            ParamsSuggested(0, i, (0.5,), None, True),
        )
    ],
):
    began = time.process_time()
    replay(events, start)
    print((time.process_time() - began) / n)
"""

SAMPLER = """
import time, {library} as library
study = library.create_study(sampler=library.samplers.{sampler}, {options})
def objective(trial):
    return sum((trial.suggest_float(f"x{{i}}", 0.0, 1.0) - 0.3) ** 2 for i in range(10))
study.optimize(objective, n_trials={first})
start = time.process_time()
study.optimize(objective, n_trials={last} - {first})
print((time.process_time() - start) / ({last} - {first}))
"""

TWO_LOSSES = """
import time, {library} as library
study = library.create_study(directions=["minimize", "minimize"], sampler=library.samplers.{sampler}, {options})
def objective(trial):
    x = [trial.suggest_float(f"x{{i}}", 0.0, 1.0) for i in range(10)]
    g = 1.0 + sum(x[1:])
    return x[0], g * (1.0 - (x[0] / g) ** 0.5)
study.optimize(objective, n_trials={first})
start = time.process_time()
study.optimize(objective, n_trials={last} - {first})
print((time.process_time() - start) / ({last} - {first}))
"""

EXHAUSTIVE = """
import time, {library} as library
study = library.create_study(sampler=library.samplers.{sampler}, {options})
def objective(trial):
    return sum(trial.suggest_int(f"x{{i}}", 0, 9) for i in range(3))
start = time.process_time()
study.optimize(objective)
print((time.process_time() - start) / 1_000)
assert len(study.trials) == 1_000
"""

LIBRARIES = {  # arguments of `create_study` that leave only the sampler to be measured
    "hpo": "pruner=library.logging.set_verbosity(library.logging.WARNING) or library.pruners.NopPruner()",
    "optuna": "pruner=library.logging.set_verbosity(library.logging.WARNING) or library.pruners.NopPruner()",
    "rustuna": "",
}
GRID = "GridSampler({f'x{i}': list(range(10)) for i in range(3)})"
SAMPLERS = (  # name, script, sampler by library, range of trials, and the seconds per trial that hpo should stay below
    ("TPE, trials 900 to 1,000", SAMPLER, dict.fromkeys(LIBRARIES, "TPESampler(seed=0)"), (900, 1_000), 0.6e-3),
    (
        "TPE, trials 9,000 to 10,000",  # Optuna would need hours
        SAMPLER,
        dict.fromkeys(("hpo", "rustuna"), "TPESampler(seed=0)"),
        (9_000, 10_000),
        2.5e-3,
    ),
    ("CMA-ES, trials 100 to 1,000", SAMPLER, dict.fromkeys(LIBRARIES, "CmaEsSampler(seed=0)"), (100, 1_000), 0.09e-3),
    (
        "NSGA-II, 2 objectives, trials 100 to 1,000",
        TWO_LOSSES,
        dict.fromkeys(LIBRARIES, "NSGAIISampler(seed=0)"),
        (100, 1_000),
        0.07e-3,
    ),
    (
        "NSGA-II, 2 objectives, trials 9,000 to 10,000",
        TWO_LOSSES,
        dict.fromkeys(("hpo", "rustuna"), "NSGAIISampler(seed=0)"),
        (9_000, 10_000),
        0.09e-3,
    ),
    (
        "SMS-EMOA, 2 objectives, trials 100 to 1,000",
        TWO_LOSSES,
        {"hpo": "SMSEMOASampler(seed=0)"},
        (100, 1_000),
        0.09e-3,
    ),
    ("random", SAMPLER, dict.fromkeys(LIBRARIES, "RandomSampler(seed=0)"), (100, 2_000), 0.05e-3),
    ("grid of 1,000 points, whole", EXHAUSTIVE, dict.fromkeys(("hpo", "optuna"), GRID), (0, 0), 0.1e-3),
    (
        "brute force, 1,000 points, whole",
        EXHAUSTIVE,
        dict.fromkeys(("hpo", "optuna"), "BruteForceSampler(seed=0)"),
        (0, 0),
        0.1e-3,
    ),
)

IMPORT = "import time; start = time.process_time(); import {module}; print(time.process_time() - start)"


def numbers(script: str) -> list[float]:
    """Return the numbers that `script` prints in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    return [float(word) for word in ran.stdout.split()]


def command_seconds(*arguments: str) -> float:
    """Return the CPU seconds of a command in a process of its own, including the start of the interpreter."""
    before = os.times()
    subprocess.run([sys.executable, "-m", "hpo", *arguments], capture_output=True, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def compared(rounds: int, ours: str, theirs: str) -> tuple[float, float, float]:
    """Return the smallest times of two alternating scripts, in seconds, and the second divided by the first."""
    pairs = [(numbers(ours)[0], numbers(theirs)[0]) for _ in range(rounds)]
    least, least_of_theirs = min(a for a, _ in pairs), min(b for _, b in pairs)
    return least, least_of_theirs, least_of_theirs / least


def report_samplers(rounds: int) -> Iterator[str]:
    """Yield one line for each sampler, as soon as it is measured."""
    installed = [library for library in LIBRARIES if importlib.util.find_spec(library)]
    for what, script, samplers, (first, last), allowed in SAMPLERS:
        scripts = {
            library: script.format(
                library=library, sampler=samplers[library], options=LIBRARIES[library], first=first, last=last
            )
            for library in installed
            if library in samplers
        }
        taken = [{library: numbers(text)[0] for library, text in scripts.items()} for _ in range(rounds)]
        least = {library: min(each[library] for each in taken) for library in scripts}
        others = "".join(
            f"; {library.capitalize()} {seconds * 1e3:.3f} ms, {seconds / least['hpo']:.3g} times that"
            for library, seconds in least.items()
            if library != "hpo"
        )
        yield f"{what}: {least['hpo'] * 1e3:.3f} ms a trial (wanted: {allowed * 1e3:.2f} ms){others}"


def report_studies(rounds: int) -> Iterator[str]:
    """Yield one line for each measurement, as soon as it is taken."""
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

    names = ("attributes of a study", "attributes of a trial", "constraints of a trial", "lone parameters of a trial")
    for what, few, many in zip(
        names, numbers(REPLAY_MANY.format(n=2_000)), numbers(REPLAY_MANY.format(n=32_000)), strict=True
    ):
        yield f"replaying {what}: {few * 1e6:.1f} us each for 2,000, {many * 1e6:.1f} us for 32,000 (wanted: no growth)"

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
    rounds = next((int(word) for word in sys.argv[1:] if word.isdigit()), 5)
    for name, report in (("samplers", report_samplers), ("study", report_studies)):
        if name in sys.argv or not {"samplers", "study"} & {*sys.argv}:
            for line in report(rounds):
                print(line, flush=True)
