"""Writers to every kind of server: racing, forked, stopped and killed; and servers that go away and come back."""

import concurrent.futures
import contextlib
import os
import random
import signal
import subprocess
import threading
import time

import pytest
from patience import PATIENCE

from hpo.core import StudyAttributeSet, TrialStarted
from hpo.errors import Conflict, JournalUnwritable, OutcomeUnknown, UnsupportedJournal


def _append_all(journal, name, n):
    """Append `n` events, in turn with others; their places."""
    places, length = [], 0
    while len(places) < n:
        length += len(journal.read(length))
        with contextlib.suppress(Conflict):
            places.append(journal.append([StudyAttributeSet(name, len(places))], expected=length))
            length = places[-1]
    return places


def test_threads_that_share_a_journal_lose_nothing(storage, make_events):
    journal = storage.create("s", make_events(0))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        places = [*pool.map(lambda i: _append_all(journal, f"{i}", 10), range(8))]
    assert sorted(place for some in places for place in some) == [*range(2, 82)]
    events = journal.read(0)
    for i, some in enumerate(places):
        assert [events[place - 1] for place in some] == [StudyAttributeSet(f"{i}", k) for k in range(10)]


_WRITER = """
    import importlib, sys
    from hpo.core import StudyAttributeSet
    from hpo.errors import Conflict

    url, name, n = sys.argv[1:]
    module = "hpo_adapters.redis" if url.startswith("redis") else "hpo_adapters.sql"
    journal = importlib.import_module(module).open_storage(url).open("s")
    length = mine = 0
    while mine < int(n):
        length += len(journal.read(length))
        try:
            length = journal.append([StudyAttributeSet(name, mine)], expected=length)
        except Conflict:
            continue
        print(length, mine, flush=True)
        mine += 1
"""


def _acknowledged(outputs):
    """Place and event of each whole line that writers printed."""
    for name, text in outputs.items():
        for line in text.splitlines(keepends=True):
            if line.endswith("\n"):
                place, k = map(int, line.split())
                yield place, StudyAttributeSet(name, k)


def test_two_processes_lose_nothing_and_give_each_place_once(storage, url, script, make_events):
    storage.create("s", make_events(0))
    writers = {
        name: subprocess.Popen(script(_WRITER, url, name, 100), stdout=subprocess.PIPE, text=True) for name in "ab"
    }
    outputs = {name: writer.communicate()[0] for name, writer in writers.items()}
    assert [writer.returncode for writer in writers.values()] == [0, 0]
    events = storage.open("s").read(1)
    assert dict(_acknowledged(outputs)) == dict(enumerate(events, 2))
    assert len(events) == 200


class Victim:
    """A writer that is killed after some of its acknowledgements."""

    def __init__(self, name, command, n_lines):
        self.name, self.lines, self._n_lines = name, [], n_lines
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self.lines.append(line)
            if len(self.lines) == self._n_lines:
                self._process.kill()

    def wait(self):
        self._reader.join()
        self._process.wait()
        self._process.stdout.close()


def test_killed_writers_lose_nothing_that_they_acknowledged_and_block_nobody(storage, url, script, make_events):
    storage.create("s", make_events(0))
    chance, victims = random.Random(1), []

    def start():
        name = f"w{len(victims)}"
        victims.append(Victim(name, script(_WRITER, url, name, 10**6), chance.randrange(5, 100)))
        return victims[-1]

    running, until = [start(), start()], time.monotonic() + 3
    while time.monotonic() < until:
        running.pop(0).wait()
        running.append(start())
    for victim in running:
        victim.wait()
    journal = storage.open("s")
    events = journal.read(0)
    acknowledged = [*_acknowledged({victim.name: "".join(victim.lines) for victim in victims})]
    for place, event in acknowledged:
        assert events[place - 1] == event
    assert len(acknowledged) >= 5 * len(victims)
    assert 0 <= len(events) - 1 - len(acknowledged) <= len(victims)  # each death may cost one acknowledgement
    assert journal.append([TrialStarted(0)], expected=len(events)) == len(events) + 1


def test_a_server_that_crashes_and_comes_back_has_lost_nothing(server, storage, make_events):
    journal = storage.create("s", make_events(0))
    written = [*make_events(0)]
    ended = threading.Event()
    errors = []

    def write():
        while not ended.is_set():
            event = StudyAttributeSet("k", len(written))
            try:
                length = len(written)
                journal.append([event], expected=length)
            except OutcomeUnknown as error:
                errors.append(error)
                if len(_read_patiently(journal)) == length:
                    continue
            except JournalUnwritable as error:
                errors.append(error)
                time.sleep(0.01)
                continue
            written.append(event)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(2):
            _wait_for(written, len(written) + 10)
            n_errors = len(errors)
            server.crash()
            _wait_for(errors, n_errors + 1)
            server.start()
        _wait_for(written, len(written) + 10)
    finally:
        ended.set()
        writer.join()
    assert [*journal.read(0)] == written


def _wait_for(growing, length):
    """Wait until a list that a thread writes to is so long."""
    deadline = time.monotonic() + 2 * PATIENCE
    while len(growing) < length:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _read_patiently(journal):
    """What is in a journal as soon as its server is there."""
    deadline = time.monotonic() + 2 * PATIENCE
    while True:
        try:
            return journal.read(0)
        except UnsupportedJournal:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_server_that_is_away_is_told_without_its_password(server, url, make_events, password, opened):
    storage = opened(url)
    journal = storage.create("s", make_events(0))
    journal.read(0)
    server.stop()
    try:
        for act in (storage.names, lambda: storage.open("s"), lambda: journal.read(0)):
            with pytest.raises(UnsupportedJournal, match=r"127\.0\.0\.1:.*it can't be read: ") as caught:
                act()
            assert password not in str(caught.value)
        for act in (
            lambda: storage.create("t", make_events(0, name="t")),
            lambda: journal.append([TrialStarted(0)], expected=1),
        ):
            with pytest.raises(JournalUnwritable, match="nothing was added") as caught:
                act()
            assert password not in str(caught.value)
    finally:
        server.start()
    assert [*journal.read(0)] == make_events(0)
    assert journal.append([TrialStarted(0)], expected=1) == 2


def test_a_server_that_ends_every_connection_is_connected_again(server, storage, make_events):
    journal = storage.create("s", make_events(0))
    server.disconnect_others()
    assert journal.append([TrialStarted(0)], expected=1) == 2
    server.disconnect_others()
    assert len(journal.read(0)) == 2


def test_a_write_whose_answer_is_lost_is_told_as_unknown_and_never_done_twice(
    server, storage, url, proxy, make_events, opened
):
    storage.create("s", make_events(0))
    through_proxy = opened(url.replace(f":{server.port}/", f":{proxy.port}/"))
    journal = through_proxy.open("s")
    kind = url.partition(":")[0]
    appends = {"redis": b"EVAL", "mysql": b"; COMMIT", "postgresql": b"UPDATE hpo_studies"}
    proxy.lose_answers_to = appends[kind]
    with pytest.raises(OutcomeUnknown, match="study 's': the last write may or may not be durable"):
        journal.append([TrialStarted(0)], expected=1)
    proxy.lose_answers_to = None
    assert through_proxy.names() == ["s"]  # connected again
    creations = {"redis": b"EVAL", "mysql": b"\x03COMMIT", "postgresql": b"COMMIT\0"}
    proxy.lose_answers_to = creations[kind]
    with pytest.raises(OutcomeUnknown):
        through_proxy.create("t", make_events(0, name="t"))
    proxy.lose_answers_to = None
    done = len(journal.read(1))
    assert [*journal.read(1)] == [TrialStarted(0)] * done
    assert done == 1 or kind == "mysql"  # which may stop between two statements of a message
    assert storage.names() == ["s", "t"]
    assert journal.append([TrialStarted(1)], expected=1 + done) == 2 + done


def test_a_forked_child_connects_for_itself(url, script, make_events, opened):
    text = """
        import importlib, os, sys
        from hpo.core import StudyAttributeSet
        from hpo.errors import Conflict

        url = sys.argv[1]
        module = "hpo_adapters.redis" if url.startswith("redis") else "hpo_adapters.sql"
        journal = importlib.import_module(module).open_storage(url).open("s")
        journal.read(0)
        children = []
        for child in range(3):
            if not (pid := os.fork()):
                length = mine = 0
                while mine < 20:
                    length += len(journal.read(length))
                    try:
                        length = journal.append([StudyAttributeSet(f"{child}", mine)], expected=length)
                    except Conflict:
                        continue
                    mine += 1
                sys.exit(0)
            children.append(pid)
        while children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            journal.read(0)
            if pid:
                assert status == 0
                children.remove(pid)
        events = journal.read(1)
        assert sorted((e.key, e.value) for e in events) == [(f"{c}", k) for c in range(3) for k in range(20)]
    """
    opened(url).create("s", make_events(0))
    done = subprocess.run(script(text, url), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_stopped_process_keeps_nobody_from_reading(storage, url, script, make_events):
    storage.create("s", make_events(0))
    writer = subprocess.Popen(script(_WRITER, url, "w", 10**6), stdout=subprocess.PIPE, text=True)
    try:
        writer.stdout.readline()
        writer.send_signal(signal.SIGSTOP)
        os.waitpid(writer.pid, os.WUNTRACED)
        assert len(storage.open("s").read(0)) > 1
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
