"""URLs of servers lead to them."""

import subprocess

import pytest
from hpo_adapters.redis import RedisStorage
from hpo_adapters.sql import SqlStorage

import hpo
from hpo.errors import InvalidArgument
from hpo.journal import open_journal


@pytest.mark.parametrize(
    ("url", "kind", "location"),
    [
        ("postgresql://me:secret@host/db", SqlStorage, "postgresql+psycopg://me:***@host/db"),
        ("postgres://me:secret@host/db", SqlStorage, "postgresql+psycopg://me:***@host/db"),
        ("postgresql+psycopg://me:secret@host/db", SqlStorage, "postgresql+psycopg://me:***@host/db"),
        ("mysql://me:secret@host/db", SqlStorage, "mysql+pymysql://me:***@host/db"),
        ("mysql+pymysql://me:secret@host/db", SqlStorage, "mysql+pymysql://me:***@host/db"),
        ("mariadb://me:secret@host/db", SqlStorage, "mariadb+pymysql://me:***@host/db"),
        ("redis://:secret@host:6379/0", RedisStorage, "redis://host:6379/0"),
        ("rediss://:secret@host", RedisStorage, "rediss://host"),
    ],
)
def test_urls_lead_to_servers_and_connect_to_none(url, kind, location):
    storage = open_journal(url)
    assert type(storage) is kind
    assert storage.location == location


def test_options_are_handed_on():
    storage = open_journal("postgresql://host/db", lock_timeout=2.5, pool_size=3)
    assert storage._database.lock_timeout == 2.5
    assert storage._database.options == {"pool_size": 3}
    storage = open_journal("redis://host", lock_timeout=2.5, namespace="mine", client_name="me")
    assert storage._server.lock_timeout == 2.5
    assert storage._server.options == {"client_name": "me"}
    assert storage._names == "{mine}:studies"


@pytest.mark.parametrize("url", ["postgresql://host/db", "redis://host"])
def test_options_are_checked(url):
    for options in ({"durability": "none"}, {"lock_timeout": -1}, {"unheard_of": 1}):
        with pytest.raises(InvalidArgument, match=next(iter(options))):
            open_journal(url, **options)


@pytest.mark.parametrize("location", ["s.jsonl", "runs/", "sqlite:///s.db", None])
def test_other_places_take_no_options_of_servers(location):
    with pytest.raises(InvalidArgument, match="pool_size"):
        open_journal(location, pool_size=3)


def test_studies_are_made_and_found_by_url(server):
    url = server.new_url()
    study = hpo.create_study(storage=url, study_name="s", direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)
    again = hpo.load_study(storage=url, study_name="s")
    assert [trial.value for trial in again.trials] == [trial.value for trial in study.trials]
    hpo.delete_study(storage=url, study_name="s")
    assert open_journal(url).names() == []


@pytest.mark.parametrize(
    ("hidden", "url", "extra"),
    [
        ("sqlalchemy", "postgresql://me:secret@host/db", "sql"),
        ("psycopg", "postgresql://me:secret@host/db", "sql"),
        ("pymysql", "mysql://me:secret@host/db", "sql"),
        ("redis", "redis://:secret@host", "redis"),
    ],
)
def test_who_lacks_an_extra_is_told_how_to_install_it(script, hidden, url, extra):
    program = f"import sys; sys.modules[{hidden!r}] = None; import hpo; hpo.open_journal({url!r})"
    done = subprocess.run(script(program), capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("hpo.errors.MissingExtra: ")
    assert last.endswith(f"pip install 'purehpo[{extra}]'")
    assert "secret" not in last
