"""What one ask and one tell cost a scheduler that keeps a study as bytes, or as a list of events.

    python tests/benchmarks/embedding.py [--trials 300 3000 30000]

Two workers share a study of 10 float parameters and take turns, so that each has to read what the other wrote. With
*bytes*, a worker reads the whole state, asks, and writes the whole state; then the same for tell. With *events*, it keeps
its state in memory, reads the events that are new, asks, and writes the new events; then the same for tell. The store is a
dict: what a network adds is not measured. Each figure is the median of the steps, in milliseconds of CPU time, and the bytes
that one ask and one tell write.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time

import hpo
from hpo.extend import decode_events, encode_events

SPACE = {f"x{number}": hpo.FloatDistribution(0.0, 1.0) for number in range(10)}
STEPS = {300: 60, 3_000: 30, 30_000: 5}  # of the slow way, at most so many
SAMPLERS = {"RandomSampler": hpo.samplers.RandomSampler(), "TPESampler": hpo.samplers.TPESampler()}


def loss(params):
    """A parabola."""
    return sum((value - 0.3) ** 2 for value in params.values())


def study_with(n_trials):
    """Return a state with `n_trials` finished trials, and the events that led to it."""
    state = hpo.StudyState.create(seed=1)
    events = hpo.events_since(state, 0)
    for _ in range(n_trials):
        before = state.version
        state, trial = hpo.ask(state, SAMPLERS["RandomSampler"], SPACE)
        state = hpo.tell(state, trial.number, loss(trial.params))
        events += hpo.events_since(state, before)
    return state, events


def through_bytes(state, sampler, steps):
    """Return the milliseconds of each step and the bytes that one step writes."""
    blob = state.to_bytes()
    times = []
    for _ in range(steps):
        start = time.process_time()
        after, trial = hpo.ask(hpo.StudyState.from_bytes(blob), sampler, SPACE)
        asked = after.to_bytes()
        told = hpo.tell(hpo.StudyState.from_bytes(asked), trial.number, loss(trial.params))
        blob = told.to_bytes()
        times.append(1000 * (time.process_time() - start))
    return times, len(asked) + len(blob)


def through_events(events, sampler, steps):
    """Return the milliseconds of each step and the bytes that one step writes."""
    store = {0: encode_events(events)}
    workers = [hpo.replay([]), hpo.replay([])]
    times, written = [], []

    def catch_up(state):
        while (new := store.get(state.version)) is not None:
            state = hpo.replay(decode_events(new), state)
        return state

    workers = [catch_up(state) for state in workers]
    for turn in itertools.islice(itertools.cycle(range(len(workers))), steps + 4):
        start = time.process_time()
        state = catch_up(workers[turn])
        asked, trial = hpo.ask(state, sampler, SPACE)
        store[state.version] = encode_events(hpo.events_since(asked, state.version))
        told = hpo.tell(asked, trial.number, loss(trial.params))
        store[asked.version] = encode_events(hpo.events_since(told, asked.version))
        times.append(1000 * (time.process_time() - start))
        written.append(len(store[state.version]) + len(store[asked.version]))
        workers[turn] = told
    return times[4:], round(statistics.mean(written[4:]))  # the first steps of each worker build the sampler's memory


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[300, 3_000, 30_000])
    trials = parser.parse_args().trials
    print("| sampler | trials | through bytes | bytes written | through events | bytes written |")
    print("|---|---|---|---|---|---|")
    for n_trials in trials:
        state, events = study_with(n_trials)
        for name, sampler in SAMPLERS.items():
            slow, whole = through_bytes(state, sampler, STEPS.get(n_trials, 10))
            fast, new = through_events(events, sampler, 200)
            print(
                f"| `{name}` | {n_trials:,} | {statistics.median(slow):,.1f} ms | {whole:,} "
                f"| {statistics.median(fast):.2f} ms | {new:,} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
