"""Two jobs of a cluster that share one study: start this script as often as you like, on any machine that sees the folder.

Under Slurm the script is the same: sbatch --array=0-7 --wrap "python cluster.py work /shared/runs"

    python examples/cluster.py                  # starts two workers on this machine, and waits for them
    python examples/cluster.py work runs/       # is one worker
"""

import subprocess
import sys

import hpo

TRIALS = 20  # of all workers together


def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    for step in range(5):
        trial.report((x - 2) ** 2 + 5 - step, step)
        if trial.should_prune():
            raise hpo.TrialPruned
    return (x - 2) ** 2


def work(storage):
    """Run trials until the study has enough of them. A worker that dies loses one trial, which others run again."""
    study = hpo.create_study(storage=storage, study_name="shared", load_if_exists=True)
    study.optimize(objective, total_trials=TRIALS, callbacks=[hpo.RetryFailedTrials(max_retry=2)])


if __name__ == "__main__":
    if sys.argv[1:2] == ["work"]:
        work(sys.argv[2])
    else:
        workers = [subprocess.Popen([sys.executable, __file__, "work", "runs/"]) for _ in range(2)]
        assert [worker.wait() for worker in workers] == [0, 0]
        study = hpo.load_study(storage="runs/", study_name="shared")
        print(study)
        print("workers:", len({trial.worker for trial in study.trials}), "- replayable:", hpo.verify(study).clean)
