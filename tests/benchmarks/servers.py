"""How many asks and tells a second a server takes from several writers, and how many messages each of them costs.

    python tests/benchmarks/servers.py URL [--writers 1 8 32] [--trials 500] [--optuna PYTHON URL]

URL is a storage of hpo. ``--optuna`` measures Optuna in the same run, turn by turn with hpo: PYTHON is an interpreter that has
it, URL a database for its `RDBStorage`, or ``redis://...`` for its `JournalRedisBackend`. Each writer is a process that asks for
a trial of two parameters, drawn at random, and tells its result, as often as ``--trials`` says; both are appends.

Printed for each number of writers: appends per second over all writers; the median and the 99th percentile of the time of an
append; the appends of the slowest writer until the first one was done, as a share of the mean; CPU of the writers per append.
Messages are counted by a proxy between one writer and the server: how often the writer began to send after it had received.
"""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

PEER_IDS = itertools.count()


def _hpo_study(url: str, name: str, *, create: bool) -> tuple[Any, Any]:
    import hpo
    from hpo.distributions import FloatDistribution

    hpo.logging.set_verbosity(hpo.logging.ERROR)
    sampler = hpo.samplers.RandomSampler()
    if create:
        return hpo.create_study(storage=url, study_name=name, sampler=sampler), None
    space = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}
    return hpo.load_study(storage=url, study_name=name, sampler=sampler), space


def _optuna_study(url: str, name: str, *, create: bool) -> tuple[Any, Any]:
    import optuna
    from optuna.distributions import FloatDistribution

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if url.startswith("redis"):
        from optuna.storages.journal import JournalRedisBackend

        storage: Any = optuna.storages.JournalStorage(JournalRedisBackend(url))
    else:
        storage = optuna.storages.RDBStorage(url)
    sampler = optuna.samplers.RandomSampler()
    if create:
        return optuna.create_study(storage=storage, study_name=name, sampler=sampler), None
    space = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}
    return optuna.load_study(storage=storage, study_name=name, sampler=sampler), space


STUDIES = {"hpo": _hpo_study, "optuna": _optuna_study}


def write(library: str, url: str, name: str, n_trials: int) -> None:
    """Be one writer: say that it is ready, wait for a line, ask and tell, and print when each append began and ended."""
    study, space = STUDIES[library](url, name, create=False)
    for _ in range(2):  # connections, and what is imported late
        study.tell(study.ask(space), 1.0)
    print("ready", flush=True)
    sys.stdin.readline()
    times, cpu = [], time.process_time()
    for _ in range(n_trials):
        times.append(time.time())
        trial = study.ask(space)
        times.append(time.time())
        study.tell(trial, trial.params["x"])
    times.append(time.time())
    json.dump({"times": times, "cpu": time.process_time() - cpu}, sys.stdout)


def _run(python: str, library: str, url: str, n_writers: int, n_trials: int) -> str:
    name = f"benchmark-{time.time_ns()}-{next(PEER_IDS)}"
    me = [python, __file__, "--as-writer", library, url, name]
    subprocess.run([*me, "-1"], check=True)
    writers = [
        subprocess.Popen([*me, str(n_trials)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(n_writers)
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    results = [json.loads(writer.communicate()[0]) for writer in writers]
    begun = min(one["times"][0] for one in results)
    first_done = min(one["times"][-1] for one in results)
    last_done = max(one["times"][-1] for one in results)
    done = [sum(at <= first_done for at in one["times"][1:]) for one in results]
    took = sorted(b - a for one in results for a, b in itertools.pairwise(one["times"]))
    median, p99 = statistics.median(took), took[int(0.99 * len(took))]
    cpu = sum(one["cpu"] for one in results) / len(took)
    return (
        f"{library:7} {n_writers:3} writers: {len(took) / (last_done - begun):7.0f} appends/s, "
        f"median {1e3 * median:7.2f} ms, p99 {1e3 * p99:8.2f} ms ({p99 / median:5.1f} x), "
        f"slowest writer {min(done) / statistics.mean(done):4.2f} of the mean, {1e3 * cpu:5.2f} ms CPU"
    )


class CountingProxy:
    """A way to a server that counts messages: how often a client begins to send after it has received."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.messages = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection(self._to)
            state = {"answered": True}
            threading.Thread(target=self._pass, args=(near, far, state, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(far, near, state, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, state: dict[str, bool], asks: bool) -> None:
        while data := source.recv(1 << 16):
            if asks and state["answered"]:
                self.messages += 1
            state["answered"] = not asks
            target.sendall(data)
        target.close()


@contextmanager
def _counted(url: str) -> Iterator[tuple[str, CountingProxy]]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    proxy = CountingProxy(parts.hostname, parts.port)
    yield url.replace(f":{parts.port}", f":{proxy.port}", 1), proxy


def count(library: str, url: str) -> None:
    """Print how many messages an ask and a tell cost, alone and after somebody else has written."""
    name = f"messages-{time.time_ns()}"
    STUDIES[library](url, name, create=True)
    with _counted(url) as (counted_url, proxy):
        study, space = STUDIES[library](counted_url, name, create=False)
        other, _ = STUDIES[library](url, name, create=False)
        for others in (False, True):
            asks, tells = [], []
            for _ in range(12):
                for counts in (asks, tells):
                    if others:
                        other.tell(other.ask(space), 1.0)
                    before = proxy.messages
                    if counts is asks:
                        trial = study.ask(space)
                    else:
                        study.tell(trial, 1.0)
                    counts.append(proxy.messages - before)
            who = "between others" if others else "alone"
            print(f"{library:7} messages {who}: {max(asks[4:])} for an ask, {max(tells[4:])} for a tell", flush=True)


def main() -> None:
    """Read the arguments, and measure."""
    if sys.argv[1] == "--as-writer":
        library, url, name, n_trials = sys.argv[2:]
        if n_trials == "-1":
            STUDIES[library](url, name, create=True)
        elif n_trials == "-2":
            count(library, url)
        else:
            write(library, url, name, int(n_trials))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--writers", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--optuna", nargs=2, metavar=("PYTHON", "URL"))
    options = parser.parse_args()
    libraries = [(sys.executable, "hpo", options.url)]
    if options.optuna:
        libraries.append((options.optuna[0], "optuna", options.optuna[1]))
    for python, library, url in libraries:
        subprocess.run([python, __file__, "--as-writer", library, url, "", "-2"], check=True)
    for n_writers in options.writers:
        for python, library, url in libraries:
            print(_run(python, library, url, n_writers, options.trials), flush=True)


if __name__ == "__main__":
    main()
