"""Data made to harm: nothing of it is run, and none of it costs more than its size."""

import ast
import json
import os
import re
import stat
import zlib
from pathlib import Path

import pytest

from hpo.core import StudyCreated
from hpo.journal import DirectoryStorage, FileJournal, FileStorage
from hpo.journal.file.lines import pack

ROOT = Path(__file__).parents[3]
SOURCES = sorted([*(ROOT / "hpo").rglob("*.py"), *(ROOT / "adapters").rglob("*.py")])

_MEMORY = 1 << 30  # bytes of address space: of which the interpreter with numpy maps a good part

_BOMBS = {
    "nested lists": lambda: b'["study_attribute","k",' + b"[" * 200_000 + b"]" * 200_000 + b"]",
    "nested objects": lambda: b'["study_attribute","k",' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]",
    "an int of ten million digits": lambda: b'["study_attribute","k",' + b"9" * 10_000_000 + b"]",
    "an exponent": lambda: b'["study_attribute","k",1e999999999]',
    "a name twice": lambda: b'["study_attribute","k",' + b'{"a":1,"a":2}]',
    "a trial number": lambda: b'["started",' + b"9" * 300 + b"]",
    "an unknown event": lambda: b'["__reduce__","os.system","true"]',
    "no event": lambda: b'"x"',
    "lone surrogates": lambda: b'["study_attribute","\\ud800",1]',
    "bad UTF-8": lambda: b'["study_attribute","\xff\xfe",1]',
}
_HARMLESS = {"a name twice", "a trial number"}  # a value like any other


@pytest.mark.parametrize("bomb", _BOMBS)
def test_r35_a_record_made_to_harm_is_refused_or_read_within_bounds(new_study, run_script, bomb):
    body = b"2 [" + _BOMBS[bomb]() + b"]"
    with new_study.open("ab") as file:
        file.write(b"%08x %s\n" % (zlib.crc32(body), body))
    text = """
        import resource, sys, time
        from hpo.core import replay
        from hpo.errors import HpoError
        from hpo.journal import FileJournal
        resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
        try:
            print("read", len(FileJournal(sys.argv[1]).read(0)))
        except HpoError as error:
            print("refused", len(str(error)))
    """
    done = run_script(text, new_study, _MEMORY)
    assert done.returncode == 0, done.stderr[-500:]
    outcome, n = done.stdout.split()
    assert (outcome, n) == ("read", "2") if bomb in _HARMLESS else outcome == "refused"
    assert int(n) < 2000  # the message does not repeat it all


@pytest.mark.long
def test_r35_a_file_without_line_ends_is_given_up_within_bounds(tmp_path, run_script):
    path = tmp_path / "s.jsonl"
    FileStorage(path).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    with path.open("r+b") as file:
        file.truncate(4 << 30)  # a hole: four gigabytes of zeros that take no room on the disk
    text = """
        import resource, sys
        from hpo.errors import JournalCorrupted
        from hpo.journal import FileJournal
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30,) * 2)
        try:
            FileJournal(sys.argv[1]).read(0)
        except JournalCorrupted as error:
            assert "longer than" in str(error), error
        else:
            raise AssertionError
    """
    done = run_script(text, path)
    assert done.returncode == 0, done.stderr[-500:]


def test_r36_reading_runs_nothing_that_was_read(new_study, run_script):
    values = [
        "cos\nsystem\n(S'true'\ntR.",
        "!!python/object/apply:os.system ['true']",
        "__import__('os').system('true')",
        "os.system",
        {"py/object": "subprocess.Popen", "$class": "os.system"},
    ]
    text = """
        import json, sys
        from hpo.core.commands import SetStudyAttribute
        from hpo.core.decide import decide
        from hpo.core import StudyState, replay
        from hpo.journal import FileJournal, FileStorage, open_journal

        path, value = sys.argv[1], json.loads(sys.argv[2])
        journal = FileJournal(path)
        journal.append(decide(StudyState(), SetStudyAttribute("harmless", ["x", {"y": 1}])), expected=1)
        StudyState.from_bytes(replay(FileJournal(path).read(0)).to_bytes())
        FileStorage(path).names()  # everything that is imported when needed has been
        seen = []
        watched = ("pickle.", "marshal.", "exec", "compile", "import", "subprocess.", "os.system", "os.exec", "ctypes.")
        sys.addaudithook(lambda event, _: event.startswith(watched) and seen.append(event))
        events = [event for v in value for event in decide(StudyState(), SetStudyAttribute(str(v), v))]
        journal.append(events, expected=2)
        state = replay(FileJournal(path).read(0))
        assert StudyState.from_bytes(state.to_bytes()) == state
        assert FileStorage(path).names() == open_journal(path).names() == ["s"]
        assert len(state.user_attrs) == len(value) + 1
        assert seen == [], seen
        eval("1")
        assert seen, "the hook sees nothing"
    """
    done = run_script(text, new_study, json.dumps(values))
    assert done.returncode == 0, done.stderr


_BANNED_CALLS = {"eval", "exec", "compile", "__import__"}
_BANNED_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "code", "runpy"}
_EXCEPTIONS = {
    "hpo/study/running/remote.py": {"pickle"},  # between this process and its own workers, never from a journal
    "hpo/study/running/time_limits.py": {"pickle"},  # the error of a job, for this process and from its own worker
    "hpo/testing/": {"pickle"},  # sends handles to processes that it starts: its own bytes
}


def _banned(tree):
    """What in a module could run data: (line, name)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _BANNED_CALLS:
            yield node.lineno, node.func.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
            if (owner, node.func.attr) in {("yaml", "load"), ("os", "system"), ("os", "popen"), ("np", "load")}:
                yield node.lineno, f"{owner}.{node.func.attr}"
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names if a.name.split(".")[0] in _BANNED_MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _BANNED_MODULES:
            yield node.lineno, node.module


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_r36_no_source_can_run_data(path):
    place = str(path.relative_to(ROOT))
    allowed = {name for prefix, names in _EXCEPTIONS.items() if place.startswith(prefix) for name in names}
    assert [(line, name) for line, name in _banned(ast.parse(path.read_text())) if name not in allowed] == []


def test_r36_the_check_of_sources_sees_what_it_should():
    text = "import pickle\nfrom marshal import loads\neval('1')\nimport yaml\nyaml.load('x')\nast.literal_eval('1')\n"
    assert sorted(name for _, name in _banned(ast.parse(text))) == ["eval", "marshal", "pickle", "yaml.load"]


def test_r36_each_exception_is_needed():
    for prefix, names in _EXCEPTIONS.items():
        sources = [path for path in SOURCES if str(path.relative_to(ROOT)).startswith(prefix)]
        assert {name for path in sources for _, name in _banned(ast.parse(path.read_text()))} == names


def test_r33_names_lead_to_files_inside_the_directory_and_nowhere_else(tmp_path):
    storage = DirectoryStorage(tmp_path / "runs")
    names = ["../../x", "/etc/x", "a/b", ".", "..", "CON", "a\0b", "n" * 300, "%2e%2e", "dot.", "x\n", "-rf", "~root"]
    for name in names:
        journal = storage.create(name, [StudyCreated(1, name, ("minimize",), 7)])
        assert Path(journal.path).resolve().parent == tmp_path / "runs"
        assert re.fullmatch(r"[A-Za-z0-9_~.-]+\.jsonl", Path(journal.path).name)
    assert storage.names() == sorted(names)
    assert {file for file in tmp_path.rglob("*") if not file.is_dir()} == {*(tmp_path / "runs").iterdir()}


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077, 0o002])
def test_r43_files_have_the_modes_that_the_mask_leaves(tmp_path, run_script, mask):
    text = """
        import os, sys
        from hpo.core import StudyCreated, TrialStarted
        from hpo.journal import DirectoryStorage
        os.umask(int(sys.argv[2]))
        journal = DirectoryStorage(sys.argv[1]).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
        with open(journal.path, "ab") as file:
            file.write(b"torn")
        journal.append([TrialStarted(0)], expected=1)
    """
    done = run_script(text, tmp_path / "runs", mask)
    assert done.returncode == 0, done.stderr
    files = [*(tmp_path / "runs").iterdir()]
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o666 & ~mask}


def test_r43_drafts_are_made_beside_the_journal_where_no_file_was_before(tmp_path, monkeypatch):
    opened, real = [], os.open

    def recorded(path, flags, *mode):
        opened.append((str(path), flags))
        return real(path, flags, *mode)

    monkeypatch.setattr("os.open", recorded)
    storage = FileStorage(tmp_path / "s.jsonl")
    journal = storage.create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    with (tmp_path / "s.jsonl").open("ab") as file:
        file.write(b"torn")
    journal.append([StudyCreated(1, "s", ("minimize",), 7)], expected=1)
    made = [(path, flags) for path, flags in opened if flags & os.O_CREAT]
    assert len(made) == 2
    for path, flags in made:
        assert Path(path).parent == tmp_path
        assert flags & os.O_EXCL
        assert path != str(tmp_path / "s.jsonl")


def test_r43_a_link_laid_in_the_place_of_what_was_torn_off_is_not_followed(tmp_path):
    path, target = tmp_path / "s.jsonl", tmp_path / "target"
    journal = FileStorage(path).create("s", [StudyCreated(1, "s", ("minimize",), 7)])
    size = path.stat().st_size
    (tmp_path / f"s.jsonl.torn-{size}").symlink_to(target)
    path.write_bytes(path.read_bytes() + b"torn")
    journal.append([StudyCreated(1, "s", ("minimize",), 7)], expected=1)
    assert not target.exists()
    assert (tmp_path / f"s.jsonl.torn-{size}.2").read_bytes() == b"torn"
    assert [*FileJournal(path).read(1)] == [StudyCreated(1, "s", ("minimize",), 7)]
    assert pack([StudyCreated(1, "s", ("minimize",), 7)], 2) == path.read_bytes().splitlines(keepends=True)[1]
