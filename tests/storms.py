"""Storms: workers that ask and tell are killed with ``kill -9`` at random, and what they were told has to be there."""

import os
import random
import subprocess
import sys
import textwrap
import time

from patience import PATIENCE

import hpo
from hpo.core import replay

_WARM = 200  # bytes that a worker has printed before it may be killed

_ASK_AND_TELL = """
    import os, sys
    import hpo
    from hpo.errors import TrialNotRunning
    hpo.logging.set_verbosity(hpo.logging.ERROR)
    storage, parent = sys.argv[1:]
    place = storage if "://" in storage else hpo.open_journal(storage, durability="process")
    study = hpo.load_study(study_name="s", storage=place, sampler=hpo.samplers.RandomSampler())
    space = {"x": hpo.FloatDistribution(0.0, 1.0)}
    while os.getppid() == int(parent):
        trial = study.ask(space)
        os.write(1, b"A %d %.17g\\n" % (trial.number, trial.params["x"]))
        study.tell(trial, trial.params["x"])
        os.write(1, b"T %d\\n" % trial.number)
"""


def storm(folder, storage, *, seconds, n_writers, seed):
    """Kill workers of the study "s" in `storage` at random and start others; what they printed has to be there."""
    chance, kills = random.Random(seed), 0
    outputs, workers = [], {}

    def start():
        output = folder / f"out-{len(outputs)}"
        outputs.append(output)
        with output.open("wb") as file:
            command = [sys.executable, "-c", textwrap.dedent(_ASK_AND_TELL), storage, str(os.getpid())]
            workers[output] = subprocess.Popen(command, stdout=file)

    try:
        for _ in range(n_writers):
            start()
        until = time.monotonic() + seconds
        while time.monotonic() < until or sum(output.read_bytes().count(b"T") for output in outputs) <= 50:
            time.sleep(chance.uniform(0.1, 0.4))
            at_work = [output for output in workers if output.stat().st_size > _WARM]
            if not at_work:
                assert all(worker.poll() is None for worker in workers.values())
                assert time.monotonic() < until + PATIENCE
                continue  # on a busy machine it takes a while
            victim = workers.pop(chance.choice(at_work))
            victim.kill()
            victim.wait()
            kills += 1
            start()
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()

    asked, told = {}, set()
    for output in outputs:
        for line in output.read_text().splitlines(keepends=True):
            words = line.split()
            if not line.endswith("\n"):
                continue  # the kill cut it short
            if words[0] == "T":
                told.add(int(words[1]))
            else:
                assert int(words[1]) not in asked, "a number was handed out twice"
                asked[int(words[1])] = words[2]
    state = replay(hpo.open_journal(storage).open("s").read(0))
    trials = state.trials
    assert [trial.number for trial in trials] == [*range(state.n_trials)]
    finished = {trial.number: trial.value for trial in state.finished}
    assert len(finished) == len(state.finished)
    assert told <= finished.keys(), "lost"
    assert asked.keys() <= {trial.number for trial in trials}
    for number, x in asked.items():
        assert f"{trials[number].params['x']:.17g}" == x
    assert len(trials) - len(asked) <= len(outputs)
    assert len(finished) - len(told) <= len(outputs)
    print(
        f"{storage.partition('://')[0]}: seed {seed}, {kills} kills, {len(asked)} asked, {len(told)} told, 0 lost, 0 twice"
    )
    assert len(told) > 50
