"""Eight workers share a study in a key-value store, one of them crashes, and nothing is lost or done twice.

The store can do two things, as etcd, Consul, DynamoDB, FoundationDB or a database table can: get a value, and set it if
it is still what the caller has seen (compare-and-set). The study is an append-only list in it: the value under
``digits/7`` has the events that follow the first seven. A worker keeps the state in memory, reads what is new, and writes
what it decided; the cost does not grow with the study.
"""

import multiprocessing
import os
import sqlite3
from pathlib import Path

import hpo
from hpo.extend import decode_events, encode_events

SPACE = {
    "lr": hpo.FloatDistribution(1e-5, 1e-1, log=True),
    "layers": hpo.IntDistribution(1, 8),
    "opt": hpo.CategoricalDistribution(["adam", "sgd"]),
}
SAMPLER = hpo.samplers.TPESampler()
N_WORKERS = 8
TRIALS_OF_EACH = 5


class Store:
    """A key-value store with compare-and-set, here a table of SQLite in a file."""

    def __init__(self, path):
        self._database = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._database.execute("CREATE TABLE IF NOT EXISTS store (key TEXT PRIMARY KEY, value BLOB)")

    def get(self, key):
        """Return the value of `key`, or None."""
        row = self._database.execute("SELECT value FROM store WHERE key = ?", [key]).fetchone()
        return row and row[0]

    def compare_and_set(self, key, expected, value):
        """Set `key` to `value` if its value is `expected`, None for no value. Return whether it was."""
        if expected is None:
            done = self._database.execute("INSERT OR IGNORE INTO store VALUES (?, ?)", [key, value])
        else:
            done = self._database.execute(
                "UPDATE store SET value = ? WHERE key = ? AND value = ?", [value, key, expected]
            )
        return done.rowcount == 1


class SharedStudy:
    """A study in a store: the newest state that this worker knows, and how it moves on."""

    def __init__(self, store, name):
        self.store, self.name = store, name
        self.state = hpo.replay([])  # before the first event

    def catch_up(self):
        """Read what others have written since."""
        while (new := self.store.get(f"{self.name}/{self.state.version}")) is not None:
            self.state = hpo.replay(decode_events(new), self.state)

    def update(self, step):
        """Carry out `step`, a function from the state to the next one, on the newest state, once."""
        while True:
            self.catch_up()
            after = step(self.state)
            new = hpo.events_since(after, self.state.version)
            if not new or self.store.compare_and_set(f"{self.name}/{self.state.version}", None, encode_events(new)):
                self.state = after
                return
            # another worker was faster: look at what it did, and decide again

    def ask(self, worker):
        """Start a trial for `worker`."""
        asked = []

        def step(state):
            state, trial = hpo.ask(state, SAMPLER, SPACE, worker=worker)
            asked.append(trial)
            return state

        self.update(step)
        return asked[-1]

    def tell(self, number, value):
        """Finish a trial."""
        self.update(lambda state: hpo.tell(state, number, value))

    def give_up(self, worker):
        """Fail the running trials of a worker that is known to be gone, and let their parameters be tried again."""

        def step(state):
            for trial in state.running.values():
                if trial.worker == worker:
                    state = hpo.tell(state, trial.number, state="fail", reason=f"lost: {worker} is gone")
                    state = hpo.enqueue(state, trial.params, user_attrs={"retried_from": trial.number})
            return state

        self.update(step)


def loss(params):
    """Stands for a training."""
    return abs(params["layers"] - 3) + abs(params["lr"] - 1e-3) * 10 + (0.0 if params["opt"] == "adam" else 0.2)


def work(path, worker):
    """Run a few trials."""
    study = SharedStudy(Store(path), "digits")
    for _ in range(TRIALS_OF_EACH):
        trial = study.ask(worker)
        if worker == "worker-3":
            os._exit(1)  # the machine is gone, in the middle of its first trial
        study.tell(trial.number, loss(trial.params))


if __name__ == "__main__":
    path = Path("store.db")
    path.unlink(missing_ok=True)
    store = Store(path)
    created = hpo.StudyState.create(name="digits", seed=7)
    store.compare_and_set("digits/0", None, encode_events(hpo.events_since(created, 0)))

    context = multiprocessing.get_context("spawn")
    names = [f"worker-{number}" for number in range(N_WORKERS)]
    processes = {name: context.Process(target=work, args=(path, name)) for name in names}
    for process in processes.values():
        process.start()
    for process in processes.values():
        process.join()

    study = SharedStudy(store, "digits")
    for name, process in processes.items():
        if process.exitcode != 0:  # the scheduler knows which of its workers are gone
            study.give_up(name)
    while study.state.waiting:
        trial = study.ask("scheduler")
        study.tell(trial.number, loss(trial.params))

    lost = [trial for trial in study.state.finished if trial.state is hpo.TrialState.FAIL]
    best = hpo.best_trial(study.state)
    print(f"{len(study.state.finished)} trials, lost: {[(trial.number, trial.reason) for trial in lost]}")
    print(f"best is trial {best.number} with {best.value:.3f}: {dict(best.params)}")

    numbers = sorted(trial.number for trial in study.state.finished)
    assert numbers == list(range(len(numbers)))  # no number twice, none left out
    again = SharedStudy(store, "digits")
    again.catch_up()
    assert again.state == study.state
