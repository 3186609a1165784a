"""Exit codes, logging, and the command as a process of its own."""

import os
import signal
import subprocess
import sys
import time

import pytest

import hpo
from hpo.cli import command_line, main

SLOW = """
import time
def objective(trial):
    open(f"started{trial.number}", "w").close()
    time.sleep(60)
"""


def process(*words, cwd, **options):
    inherited = {k: v for k, v in os.environ.items() if k not in {"HPO_STORAGE", "PYTHONUNBUFFERED"}}
    env = {**inherited, **options.pop("env", {})}
    command = [sys.executable, "-m", "hpo", *words]
    return subprocess.Popen(
        command, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def _heed_interrupts():
    """Shells let jobs in the background ignore them, and what such a job starts ignores them too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_help_and_version_succeed(cli):
    assert cli("--version").out == f"hpo {hpo.__version__}\n"
    for words in ("--help", "-h", "trials --help", "study set-user-attr --help"):
        assert cli(words).code == 0


def test_wrong_usage_exits_with_2(cli):
    for words in ("", "nonsense", "trials --nonsense", "studies", "tell --storage runs/", "-v -q studies"):
        ran = cli(words)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err


def test_storage_from_option_before_or_after_the_command_or_from_the_environment(cli, monkeypatch):
    cli("--storage a/ create-study --study-name one")
    cli("create-study --storage b/ --study-name two")
    monkeypatch.setenv("HPO_STORAGE", "a/")
    assert cli("study-names").out == "one\n"
    assert cli("--storage b/ study-names").out == "two\n"
    assert cli("--storage a/ study-names --storage b/").out == "two\n"
    monkeypatch.setenv("HPO_STORAGE", "")
    assert cli("study-names").code == 2


def test_unreadable_storage_is_a_one_line_error(cli, folder):
    (folder / "file.jsonl").write_text("this is not a journal\nnor is this\n")
    ran = cli("trials --storage file.jsonl")
    assert ran.code == 1
    assert ran.err.startswith("hpo: error: ")
    assert ran.err.count("\n") == 1


def test_traceback_is_shown_only_with_debug(cli):
    line = "trials --storage runs/ --study-name none"
    cli("create-study --storage runs/ --study-name some")
    assert "Traceback" not in cli(line).err
    ran = cli(f"--debug {line}")
    assert ran.code == 1
    assert "Traceback" in ran.err
    assert "hpo: error: " in ran.err.splitlines()[-1]


def test_unexpected_error_is_one_line(cli, monkeypatch):
    monkeypatch.setattr("hpo.cli.listing.written", lambda *_, **__: 1 / 0)
    cli("-q create-study --storage runs/ --study-name s")
    ran = cli("studies --storage runs/")
    assert ran.code == 1
    assert ran.err == "hpo: error: ZeroDivisionError: division by zero (unexpected: --debug shows where)\n"


def test_quiet_and_verbose_set_the_log_level(cli):
    assert cli("-q create-study --storage runs/ --study-name s").err == ""
    space = '{"x": {"name": "IntDistribution", "attributes": {"low": 0, "high": 1}}}'
    assert cli("ask --storage runs/ --space", space).err == ""
    assert "[D " in cli("--verbose ask --storage runs/ --space", space).err
    assert cli("--quiet tell --storage runs/ --number 0 --value 1").err == ""
    assert "[W " in cli("--quiet tell --storage runs/ --number 1 --value nan").err


def test_log_file_gets_the_log_and_the_logger_is_restored(cli, folder):
    before = hpo.logging.get_verbosity(), list(hpo.logging.get_logger().handlers)
    assert cli("-q --log-file log.txt create-study --storage runs/ --study-name quiet").code == 0
    assert cli("--log-file log.txt create-study --storage runs/ --study-name loud").code == 0
    [line] = (folder / "log.txt").read_text().splitlines()
    assert line.startswith("[I ")
    assert line.endswith("name: loud")
    assert (hpo.logging.get_verbosity(), hpo.logging.get_logger().handlers) == before


def test_unwritable_log_file_is_a_one_line_error(cli):
    ran = cli("--log-file no/such/folder/log.txt study-names --storage runs/")
    assert (ran.code, ran.err.count("\n")) == (1, 1)


def test_process_exits_with_the_exit_code(folder):
    assert process("--version", cwd=folder).communicate() == (f"hpo {hpo.__version__}\n", "")
    created = process("create-study", "--study-name", "s", cwd=folder, env={"HPO_STORAGE": "runs/"})
    assert created.communicate()[0] == "s\n"
    assert created.returncode == 0
    failed = process("best-trial", "--storage", "runs/", cwd=folder)
    assert failed.communicate() == (
        "",
        "hpo: error: the study has no best trial yet, because it has no trials: run a trial, or tell the result of one, first\n",
    )
    assert failed.returncode == 1


def test_closed_pipe_ends_the_command_quietly(folder):
    study = hpo.create_study(storage="runs/", study_name="s", sampler=hpo.samplers.RandomSampler())
    study.set_user_attr("long", "x" * 1_000_000)  # more than a pipe holds
    with process("studies", "--storage", "runs/", "-f", "json", cwd=folder) as listing:
        listing.stdout.read(2)
        listing.stdout.close()
        assert listing.stderr.read() == ""
        assert listing.wait() == 141


def test_closed_standard_output_fails_only_commands_that_print(folder):
    study = hpo.create_study(storage="runs/", study_name="s", sampler=hpo.samplers.RandomSampler())
    study.ask()

    def ended(words):
        line = ["sh", "-c", f'exec "{sys.executable}" -m hpo --storage runs/ {words} >&-']
        ran = subprocess.run(line, check=False, cwd=folder, capture_output=True, text=True)
        return ran.returncode, ran.stderr

    assert ended("trials") == (1, "hpo: error: [Errno 9] standard output is closed\n")
    assert ended("-q tell --number 0 --value 1") == (0, "")
    assert study.best_value == 1.0


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_fails_running_trials_with_a_one_line_message(folder, jobs):
    (folder / "slow_file.py").write_text(SLOW)
    hpo.create_study(storage="runs/", study_name="s")
    line = ["-q", "optimize", "slow_file.py:objective", "--storage", "runs/", "--n-jobs", str(jobs)]
    with process(*line, cwd=folder, preexec_fn=_heed_interrupts) as running:
        while len(list(folder.glob("started*"))) < jobs:
            assert running.poll() is None
            time.sleep(0.01)
        time.sleep(0.2)  # now they sleep, and the command waits for them
        running.send_signal(signal.SIGINT)
        _, err = running.communicate()
    assert running.returncode == 130
    assert err.splitlines()[-1].startswith("hpo: interrupted")
    assert "Traceback" not in err
    trials = hpo.load_study(storage="runs/").trials
    assert {(trial.state.name, trial.reason) for trial in trials} == {("FAIL", "interrupted")}


def test_ctrl_c_during_imports_is_one_line(folder):
    code = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'click': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from hpo.__main__ import run\n"
        "sys.exit(run())"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False, cwd=folder, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "hpo: interrupted\n")


def test_terminal_without_utf_8_gets_escapes(folder):
    hpo.create_study(storage="runs/", study_name="深い")
    listing = process("study-names", "--storage", "runs/", cwd=folder, env={"PYTHONIOENCODING": "ascii"})
    assert listing.communicate() == ("\\u6df1\\u3044\n", "")


def test_listing_does_not_import_heavy_libraries(folder):
    hpo.create_study(storage="runs/", study_name="s")
    for words in (["--help"], ["studies"], ["study-names"], ["trials"], ["best-trials"], ["tell", "--help"]):
        code = (
            "import sys; from hpo.cli import main; "
            f"code = main(['--storage', 'runs/', *{words!r}]); "
            "heavy = {'numpy', 'scipy', 'pandas', 'tqdm', 'plotly'} & set(sys.modules); "
            "sys.exit(code or (f'loaded {heavy}' if heavy else 0))"
        )
        ran = subprocess.run([sys.executable, "-c", code], check=False, cwd=folder, capture_output=True, text=True)
        assert (ran.returncode, ran.stderr) == (0, ""), words


def test_importing_hpo_does_not_import_click():
    code = "import hpo, sys; hpo.create_study; sys.exit('click' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_main_uses_the_arguments_of_the_process_by_default(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["hpo", "--version"])
    assert main() == 0
    assert capsys.readouterr().out == f"hpo {hpo.__version__}\n"


def test_shell_completion(folder):
    env = {"_HPO_COMPLETE": "bash_complete", "COMP_WORDS": "hpo best-", "COMP_CWORD": "1"}
    completed = process(cwd=folder, env=env).communicate()[0]
    assert [line.split(",")[1] for line in completed.split()] == ["best-trial", "best-trials"]


def test_short_help_of_every_command_fits_on_a_line():
    commands = {**command_line.commands, **command_line.commands["study"].commands}
    for name, command in commands.items():
        assert command.get_short_help_str(limit=45)[-3:] != "...", name
