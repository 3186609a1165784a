"""A run that is killed in the middle of a trial, and goes on as if nothing had happened.

    python examples/resume_after_a_kill.py

The trial that was running is failed with the reason that its worker is gone, and tried again.
"""

import os
import signal
import subprocess
import sys

import hpo


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    if trial.number == 7 and sys.argv[1:] == ["die"]:
        os.kill(os.getpid(), signal.SIGKILL)  # as the system does when memory runs out
    return (x - 2) ** 2


def run():
    study = hpo.create_study(storage="killed.jsonl", study_name="killed", load_if_exists=True, seed=1)
    study.optimize(objective, total_trials=20, callbacks=[hpo.RetryFailedTrials()])
    return study


if __name__ == "__main__":
    if sys.argv[1:] == ["die"]:
        run()
        sys.exit(0)
    ended = subprocess.run([sys.executable, __file__, "die"], check=False)
    print(f"the first run was ended by signal {-ended.returncode}")
    study = run()
    print(study)
    lost = [trial for trial in study.trials if trial.state is hpo.TrialState.FAIL]
    print(*lost, sep="\n")
    assert len(lost) == 1
    assert hpo.verify(study).clean
