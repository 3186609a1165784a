import subprocess
import sys
from pathlib import Path

import pytest

import hpo
from hpo.errors import BrokenPlugin, InvalidArgument, InvalidType, MissingExtra, UnsupportedJournal
from hpo.journal import DirectoryStorage, FileStorage, MemoryStorage, open_journal


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A working directory that is a home, too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "present.d").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "notes").write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    ("location", "kind", "leads_to"),
    [
        ("s.jsonl", FileStorage, "s.jsonl"),
        ("runs/s.jsonl", FileStorage, "runs/s.jsonl"),
        (Path("s.jsonl"), FileStorage, "s.jsonl"),
        ("~/s.jsonl", FileStorage, "home/s.jsonl"),
        ("a b/ü.jsonl", FileStorage, "a b/ü.jsonl"),
        ("runs", DirectoryStorage, "runs"),
        ("runs/", DirectoryStorage, "runs"),
        (Path("runs"), DirectoryStorage, "runs"),
        ("runs.v2/", DirectoryStorage, "runs.v2"),
        ("s.jsonl/", DirectoryStorage, "s.jsonl"),
        (".runs", DirectoryStorage, ".runs"),
        ("present.d", DirectoryStorage, "present.d"),
        (".", DirectoryStorage, "."),
        ("~", DirectoryStorage, "home"),
        ("~/runs", DirectoryStorage, "home/runs"),
    ],
)
def test_paths_lead_to_files_and_directories(here, location, kind, leads_to):
    storage = open_journal(location)
    assert type(storage) is kind
    assert storage.location == str((here / leads_to).resolve())
    assert not (here / "runs").exists()


def test_none_is_a_new_memory_and_a_storage_is_itself():
    assert isinstance(open_journal(), MemoryStorage)
    assert open_journal(None) is not open_journal(None)
    storage = MemoryStorage()
    assert open_journal(storage) is storage


@pytest.mark.parametrize("location", ["s.jsonl", "runs/"])
def test_options_are_handed_on(location):
    storage = open_journal(location, durability="process", lock_timeout=1.5)
    assert (storage.durability, storage.lock_timeout) == ("process", 1.5)
    with pytest.raises(InvalidArgument, match="durability"):
        open_journal(location, durability="none")


@pytest.mark.parametrize(
    "location",
    [
        "oracle://user:secret@host/db",
        "mongodb+srv://user:secret@host/db",
        "postgresqls://user:secret@host/db",
        "file:///s.jsonl",
        "s.db",
        "s.json",
        "s.JSONL",
        "runs.v2",
        "notes.txt",
        "notes",
    ],
)
def test_what_is_not_supported_is_told_with_what_is_and_no_secrets(here, location):
    with pytest.raises(UnsupportedJournal, match=r"'<name>\.jsonl'.*'<name>/'.*memory") as caught:
        open_journal(location)
    assert "secret" not in str(caught.value)
    assert location.split(":", maxsplit=1)[0] in str(caught.value)


@pytest.mark.parametrize("location", ["", "a\0b"])
def test_strings_that_are_not_paths_are_refused(location):
    with pytest.raises(InvalidArgument, match="not a path"):
        open_journal(location)


@pytest.mark.parametrize("location", [b"s.jsonl", 7, 0, ["s.jsonl"], object()])
def test_other_things_are_refused(location):
    with pytest.raises(InvalidType):
        open_journal(location)


def test_importing_journals_is_cheap():
    text = (
        "import sys, hpo.journal; print(*{'numpy', 'scipy', 'sqlite3', 'logging', 'pandas', 'click'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    "location",
    [
        "postgres//secret@host/db",
        "postgresql+psycopg//secret@host/db",
        "postgresql:/host/secret",
        "MySQL:host/secret",
        "redis:6379/secret",
        "rediss:/secret",
        "sqlite:secret.db",
        "sqlite//secret",
        Path("redis://secret/0"),
    ],
)
def test_a_url_that_lost_a_part_of_its_mark_is_not_taken_for_a_directory(here, location):
    with pytest.raises(UnsupportedJournal, match=r"looks like a URL with something else than '://' after") as caught:
        open_journal(location)
    assert "//s" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert {path.name for path in here.iterdir()} == {"present.d", "notes.txt", "notes"}


@pytest.mark.parametrize("location", ["postgres//x", "redis:x", "mysql:/x/"])
def test_a_directory_that_is_named_like_a_url_opens_where_it_is_there_or_is_clearly_meant(here, location):
    assert open_journal(f"./{location}").location == str((here / location).resolve())
    (here / location).mkdir(parents=True)
    assert open_journal(location).location == str((here / location).resolve())


@pytest.mark.parametrize("location", ["redis/", "mysql", "sqlite.runs/", "postgres_runs/2", "my:runs", "runs//today"])
def test_names_with_a_server_in_them_are_directories(here, location):
    assert open_journal(location).location == str((here / location).resolve())


@pytest.fixture
def register(tmp_path, monkeypatch):
    """A function that installs a package which registers a scheme."""

    def install(package, scheme, code, *, target="open_storage"):
        site = tmp_path / "site"
        metadata = site / f"{package}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[hpo.storages]\n{scheme} = {package}:{target}\n")
        (site / f"{package}.py").write_text(code)
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(str(site))
        hpo.registration._entry_points.cache_clear()

    yield install
    hpo.registration._entry_points.cache_clear()


def test_a_package_registers_a_scheme_of_its_own(register):
    register(
        "box_one",
        "box",
        "from hpo.journal import MemoryStorage\n"
        "def open_storage(url, *, lock_timeout, **options):\n"
        "    storage = MemoryStorage()\n"
        "    storage.location = f'{url} {lock_timeout} {options}'\n"
        "    return storage\n",
    )
    for url in ("box://a/b", "Box+driver://a/b"):
        storage = open_journal(url, lock_timeout=2.0, color="red")
        assert storage.location == f"{url} 2.0 {{'color': 'red'}}"
    with pytest.raises(InvalidArgument, match="lock_timeout"):
        open_journal("box://a/b", lock_timeout=-1)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("raise RuntimeError('half installed')", "can't be imported: RuntimeError: half installed"),
        ("import box_of_nobody", "can't be imported: ModuleNotFoundError"),
        ("", "can't be imported: AttributeError"),
        ("open_storage = 7", "is not a function"),
        ("def open_storage(url, **_): return url", "returned a str, which is not a hpo.journal.Storage"),
    ],
)
def test_a_package_that_can_not_be_used_is_named(register, code, problem):
    name = f"box_broken_{abs(hash(code))}"
    register(name, "broken", code)
    with pytest.raises(BrokenPlugin, match=problem) as caught:
        open_journal("broken://me:secret@host")
    assert name in str(caught.value)
    assert "secret" not in str(caught.value)


def test_two_packages_for_one_scheme_are_both_named(register):
    for name in ("box_left", "box_right"):
        register(name, "twice", "open_storage = None")
    with pytest.raises(BrokenPlugin, match=r"box_left 1.0, box_right 1.0 .*several packages register this scheme"):
        open_journal("twice://x")


def test_a_missing_extra_of_a_package_is_told_as_it_says(register):
    code = "from hpo.errors import MissingExtra\nraise MissingExtra('a box', 'box')"
    register("box_extra", "extra", code)
    with pytest.raises(MissingExtra, match="a box needs an optional dependency"):
        open_journal("extra://x")


def test_a_known_scheme_that_no_package_registers_advises_an_extra(monkeypatch):
    monkeypatch.setattr("hpo.journal.open.entry_points", lambda group: ())
    with pytest.raises(MissingExtra, match=r"a journal at postgresql\+psycopg://\.\.\. .*pip install 'purehpo\[sql\]'"):
        open_journal("postgresql+psycopg://me:secret@host/db")


def test_no_module_of_hpo_names_an_adapter():
    named = [str(file) for file in Path(hpo.__file__).parent.rglob("*.py") if "hpo_adapters" in file.read_text()]
    assert named == []
