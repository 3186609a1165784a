"""hpo run: programs that are really started, told their parameters, listened to, and ended."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hpo
from hpo.cli.programs.objective import ProgramObjective, Template

PYTHON = [sys.executable, "-S"]
SPACE = ["--space", "x=float(0,1)"]


@pytest.fixture
def run(cli, folder):
    """Runs ``hpo -q run runs/`` with more options, and a program after the dashes."""

    def start(line, *words):
        return cli(f"-q run runs/ --study-name s --seed 1 --sampler RandomSampler {line} --", *words)

    return start


def script(folder, text):
    (folder / "program.py").write_text(text)
    return [*PYTHON, "program.py"]


def trials():
    return hpo.load_study(storage="runs/", study_name="s").trials


def states():
    return [trial.state.name for trial in trials()]


def _heed_interrupts():
    """Shells let jobs in the background ignore them, and what such a job starts ignores them too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def alive(pid):
    """Whether a process is there that is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_program_gets_its_parameters_and_its_last_line_of_json_is_the_result(run, folder):
    program = script(
        folder,
        "import sys, json\n"
        "print('0.125'); print('epoch 1 of 1')\n"
        "print(json.dumps({'value': float(sys.argv[1]) + int(sys.argv[2])})); print('bye')",
    )
    ran = run("--space 'x=float(0,1) n=int(1,8)' -n 3", *program, "{x}", "{n}")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert [trial.value for trial in trials()] == [trial.params["x"] + trial.params["n"] for trial in trials()]


def test_parameters_are_in_the_environment_and_in_a_file_too(run, folder):
    program = script(
        folder,
        "import json, os, sys\n"
        "e = os.environ\n"
        "in_file = json.load(open(e['HPO_PARAMS_FILE']))\n"
        "assert in_file == json.loads(e['HPO_PARAMS']) == json.load(open(sys.argv[1])), in_file\n"
        "assert float(e['HPO_PARAM_net_lr']) == in_file['net.lr'] and e['HPO_PARAM_on'] == json.dumps(in_file['on'])\n"
        "assert e['HPO_PARAM_opt'] == in_file['opt'] and e['HPO_STUDY_NAME'] == 's'\n"
        "assert e['HPO_TRIAL_NUMBER'] == sys.argv[2] and os.path.isdir(e['HPO_TRIAL_FOLDER'])\n"
        "print(1)",
    )
    space = "--space 'net.lr=float(1e-5,1e-1,log); on=bool(); opt=choice(adam, \"two words\")'"
    ran = run(f"{space} -n 2", *program, "{params}", "{number}")
    assert (ran.code, states()) == (0, ["COMPLETE"] * 2), trials()[0].reason


def test_braces_that_are_no_names_stay_as_they_are(run, folder):
    program = script(
        folder,
        "import sys, json\nassert json.loads(sys.argv[1]) == {'a': {'b': 1}} and sys.argv[2] == '{x}', sys.argv\nprint(1)",
    )
    assert run("--space x=float(0,1) -n 1", *program, '{"a": {"b": 1}}', "{{x}}").code == 0
    assert states() == ["COMPLETE"]


def test_a_misspelt_placeholder_is_an_error_before_anything_is_created(run, folder):
    ran = run("--space lr=float(0,1) -n 1", "echo", "{learning_rate}")
    assert ran.code == 1
    assert "no value for {learning_rate}: there are {lr}, {number}" in ran.err
    assert list(folder.iterdir()) == []


def test_the_result_may_be_in_a_file(run, folder):
    program = script(folder, "import os\nopen(os.environ['HPO_RESULT_FILE'], 'w').write('{\"value\": 0.5}')\nprint(9)")
    assert run("--space x=float(0,1) -n 1", *program).code == 0
    program = script(folder, "import sys\nopen(sys.argv[1], 'w').write('a,b\\n0.75\\n')\nprint(9)")
    assert run("--result-file out-{number}.csv -n 1", *program, "out-{number}.csv").code == 0
    assert [trial.value for trial in trials()] == [0.5, 0.75]


def test_an_old_result_file_is_not_the_result_of_a_program_that_wrote_none(run, folder):
    (folder / "old.json").write_text("0.5")
    run("--space x=float(0,1) -n 1 --result-file old.json", "true")
    run("-n 1 --result-file none.json", "true")
    assert [trial.reason.split(":")[0] for trial in trials()] == [
        "the program has not written old.json",
        "the result can't be read",
    ]


def test_parallel_programs_need_a_result_file_each(run):
    ran = run("--space x=float(0,1) -n 1 --n-jobs 2 --result-file out.json", "true")
    assert ran.code == 1
    assert "put {number} into the name" in ran.err


def test_several_objectives_by_name_with_constraints_and_attributes(cli, folder):
    answer = {"accuracy": 0.5, "cost": 3, "constraints": {"memory": -1.0}, "user_attrs": {"epochs": 7}, "time": 1}
    program = script(folder, f"import json\nprint(json.dumps({{'step': 0, 'value': 1}}))\nprint(json.dumps({answer}))")
    names = "--metric-name accuracy --metric-name cost --directions maximize --directions minimize"
    assert cli(f"-q run runs/ --study-name s {names} --space x=float(0,1) -n 1 --", *program).code == 0
    (trial,) = trials()
    assert trial.values == (0.5, 3.0)
    assert trial.constraints == {"memory": -1.0}
    assert trial.user_attrs["epochs"] == 7
    assert trial.intermediate_values == {0: 1.0}


def test_reports_come_as_they_are_printed_and_pruning_ends_all_processes(run, folder):
    program = script(
        folder,
        "import json, subprocess, sys, time, os, signal\n"
        "number = int(os.environ['HPO_TRIAL_NUMBER'])\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "def stop(*_):\n"
        "    open('cleaned', 'w').close(); sys.exit(3)\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "print(json.dumps({'step': 1, 'value': number}))\n"
        "if number: time.sleep(60)\n"
        "print(number)",
    )
    assert run("--space x=float(0,1) -n 1", *program).code == 0
    assert not any(alive(pid) for pid in (folder / "pids").read_text().split())  # what it left behind is ended
    pruner = ["--pruner", "ThresholdPruner", "--pruner-kwargs", '{"upper": 0.5}']
    line = f"-n 1 {pruner[0]} {pruner[1]} {pruner[2]} '{pruner[3]}'"
    assert run(line, *program).code == 0
    assert states() == ["COMPLETE", "PRUNED"]
    assert trials()[1].value == 1.0
    assert (folder / "cleaned").exists()
    assert not any(alive(pid) for pid in (folder / "pids").read_text().split())


def test_a_program_that_does_not_heed_sigterm_is_killed_after_the_grace(run, folder):
    program = script(
        folder,
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'print(\'{"step": 0, "value": 1}\')\ntime.sleep(60)',
    )
    line = "--space x=float(0,1) -n 1 --grace 0.1 --pruner ThresholdPruner --pruner-kwargs '{\"upper\": 0.5}'"
    assert run(line, *program).code == 0
    assert states() == ["PRUNED"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import sys\nprint(1)\nprint('bad lr', file=sys.stderr)\nsys.exit(3)", "exit code 3: bad lr"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
        ("raise MemoryError", "out of memory: exit code 1: MemoryError"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "ended by SIGKILL"),
        ("print('nothing here')", 'the program printed no result: print for example {"value": 0.5}; its last line is'),
        ("", "the program printed no result"),
        ('print(\'{"step": -1, "value": 1}\')\nprint(1)', 'the program printed {"step": -1, "value": 1}: a step is'),
        ('print(\'{"value": "good"}\')', "the objective returned 'good'"),
        ("print('{\"values\": [1, 2]}')", "the objective returned [1, 2]"),
        ("print('nan')", "the objective value is NaN"),
    ],
)
def test_a_failed_trial_says_why_and_the_run_goes_on(run, folder, text, reason):
    ran = run("--space x=float(0,1) -n 2", *script(folder, text))
    assert ran.code == 0
    assert states() == ["FAIL", "FAIL"]
    assert reason in trials()[0].reason


def test_failures_in_a_row_end_the_run(run, folder):
    ran = run("--space x=float(0,1) -n 9 --max-failures 2", *script(folder, "raise SystemExit('no data')"))
    assert ran.code == 1
    assert "2 trials in a row failed, which ends the run (--max-failures): exit code 1: no data" in ran.err
    assert states() == ["FAIL", "FAIL"]


def test_a_program_that_is_not_there_is_an_error_before_anything_is_created(run, folder):
    ran = run("--space x=float(0,1) -n 1", "no-such-program-at-all")
    assert (ran.code, ran.err) == (1, "hpo: error: there is no program 'no-such-program-at-all'\n")
    ran = run("--space x=float(0,1) -n 1", "python train.py --lr {x}")
    assert "write it as several words" in ran.err
    assert run("-n 1").code == 2
    assert run("--space 'a.b=float(0,1) a_b=float(0,1)' -n 1", "true").code == 1
    assert list(folder.iterdir()) == []


def test_a_program_that_runs_for_too_long_fails_with_what_it_has_reported(run, folder):
    program = script(folder, 'import time\nprint(\'{"step": 0, "value": 1}\')\ntime.sleep(60)')
    assert run("--space x=float(0,1) -n 1 --timeout-per-trial 0.5", *program).code == 0
    (trial,) = trials()
    assert (trial.state.name, trial.intermediate_values) == ("FAIL", {0: 1.0})
    assert trial.reason == "timeout: the program ran for more than 0.5 seconds"


def test_one_log_file_per_trial_has_output_and_errors_in_order(run, folder):
    text = "import sys, os\nfor i in range(3): print(i); print('e', i, file=sys.stderr, flush=True)\nprint(0.5)"
    assert run("--space x=float(0,1) -n 2", *script(folder, text)).code == 0
    logs = [folder / trial.user_attrs["log"] for trial in trials()]
    assert [log.parent.relative_to(folder).as_posix() for log in logs] == ["hpo-run/s/0", "hpo-run/s/1"]
    assert sorted(logs[1].read_text().split("\n")) == sorted(["0", "e 0", "1", "e 1", "2", "e 2", "0.5", ""])
    hpo.delete_study(study_name="s", storage="runs/")
    run("--space x=float(0,1) -n 1", *script(folder, "print(1)"))
    assert trials()[0].user_attrs["log"] == str(Path("hpo-run", "s", "0-2", "output.log"))


def test_parallel_programs_have_places_and_numbers_of_their_own(run, folder):
    text = (
        "import os, time\nplace = f\"at-{os.environ['HPO_JOB']}\"\n"
        "os.mkdir(place)\ntime.sleep(0.1)\nos.rmdir(place)\nprint(int(os.environ['HPO_JOB']))"
    )
    assert run("--space x=float(0,1) -n 6 --n-jobs 3", *script(folder, text)).code == 0
    assert states() == ["COMPLETE"] * 6
    assert {trial.value for trial in trials()} <= {0.0, 1.0, 2.0}


def test_large_output_without_an_end_of_line_does_not_stop_a_program(run, folder):
    text = "import sys\nsys.stdout.write('x' * 3_000_000)\nsys.stdout.write('\\n0.5')"
    assert run("--space x=float(0,1) -n 1", *script(folder, text)).code == 0
    assert trials()[0].value == 0.5
    assert (folder / "hpo-run/s/0/output.log").stat().st_size == 3_000_004


def test_a_run_goes_on_with_an_existing_study_and_needs_no_space_then(run, folder):
    program = script(folder, "import sys\nprint(sys.argv[1])")
    assert run("--space x=float(0,1) -n 2", *program, "{x}").code == 0
    assert run("-n 2", *program, "{x}").code == 0
    assert run("--space x=float(0,1) --total-trials 5", *program, "{x}").code == 0
    assert [trial.value for trial in trials()] == [trial.params["x"] for trial in trials()]
    assert len(trials()) == 5
    ran = run("--space x=float(0,2) -n 1", *program, "{x}")
    assert ran.code == 1
    assert "has space" in ran.err


def test_a_study_that_was_created_without_a_space_takes_the_one_that_is_given(cli, folder):
    cli("create-study --storage runs/ --study-name s --seed 3")
    program = script(folder, "import sys\nprint(sys.argv[1])")
    assert cli("-q run runs/ --space x=float(0,1) -n 2 --", *program, "{x}").code == 0
    assert [trial.value for trial in trials()] == [trial.params["x"] for trial in trials()]
    assert cli("-q run runs/ -n 1 --", *program, "{x}").code == 0


def test_a_study_that_does_not_exist_needs_a_space(run):
    ran = run("-n 1", "true")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "give --space to create it" in ran.err


def test_the_suggestions_are_those_of_the_same_study_in_python(run, folder):
    assert run("--space x=float(0,1) -n 3", *script(folder, "import sys\nprint(sys.argv[1])"), "{x}").code == 0
    space = {"x": hpo.FloatDistribution(0, 1)}
    study = hpo.create_study(seed=1, space=space, sampler=hpo.samplers.RandomSampler())
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    assert [trial.params for trial in trials()] == [trial.params for trial in study.trials]


@pytest.mark.parametrize(("number", "jobs"), [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGTERM, 2)])
def test_ctrl_c_and_sigterm_end_the_programs_too(folder, number, jobs):
    text = (
        "import os, subprocess, sys, time\nchild = subprocess.Popen(['sleep', '60'])\n"
        "name = 'pids' + os.environ['HPO_TRIAL_NUMBER']\n"
        "open(name + '-', 'w').write(f'{os.getpid()} {child.pid}')\nos.rename(name + '-', name)\ntime.sleep(60)"
    )
    line = ["-q", "run", "runs/", "--study-name", "s", *SPACE, "--n-jobs", str(jobs), "--sampler", "RandomSampler"]
    command = [sys.executable, "-m", "hpo", *line, "--", *script(folder, text)]
    options = {"cwd": folder, "stderr": subprocess.PIPE, "text": True, "preexec_fn": _heed_interrupts}
    with subprocess.Popen(command, **options) as running:
        until(lambda: len(list(folder.glob("pids?"))) == jobs)
        running.send_signal(number)
        _, err = running.communicate()
    assert running.returncode == 130
    assert err.splitlines()[-1].startswith("hpo: interrupted")
    assert "Traceback" not in err
    pids = [pid for file in folder.glob("pids?") for pid in file.read_text().split()]
    assert len(pids) == 2 * jobs
    until(lambda: not any(alive(pid) for pid in pids))
    assert {(trial.state.name, trial.reason) for trial in trials()} == {("FAIL", "interrupted")}


def test_a_program_that_cannot_be_executed_says_so(run, folder):
    (folder / "broken").write_bytes(b"\x00\x01")
    (folder / "broken").chmod(stat.S_IRWXU)
    assert run("--space x=float(0,1) -n 1", "./broken").code == 0
    assert trials()[0].reason.startswith("the program can't be started: ")


def test_params_files_hold_what_the_trial_was_given(run, folder):
    assert run("--space x=float(0,1) -n 1", *script(folder, "print(1)")).code == 0
    assert json.loads((folder / "hpo-run/s/0/params.json").read_text()) == trials()[0].params


def test_no_program_starts_after_all_were_ended(folder):
    objective = ProgramObjective(Template(["touch", "started"], []), hpo.SearchSpace(), "s", (), folder / "runs")
    objective.end_all()
    study = hpo.create_study(sampler=hpo.samplers.RandomSampler())
    study.optimize(objective, n_trials=1)
    assert study.trials[0].reason == "interrupted"
    assert not (folder / "started").exists()


def test_a_system_without_process_groups_is_told_so(run, folder, monkeypatch):
    monkeypatch.delattr(os, "killpg")
    ran = run("--space x=float(0,1) -n 1", "true")
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert "needs process groups" in ran.err
    assert list(folder.iterdir()) == []
