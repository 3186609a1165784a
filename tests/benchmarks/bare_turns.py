"""How many turns and appends a second a server takes from writers that do nothing else: what `servers.py` could reach at most.

    python tests/benchmarks/bare_turns.py URL [--writers 1 8 32] [--appends 200]

URL is a PostgreSQL or Redis server. Each writer is a process that sends what a study sends to `hpo_adapters` for an ask or a
tell while others write: a message that waits for a turn and reads what is new, and one that adds two events. It decodes,
folds, decides and suggests nothing. The tables and keys are its own, and are emptied at the start.
"""

from __future__ import annotations

import argparse
import itertools
import json
import secrets
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

ROW = '176deb0e 380e8ea5 ["started",2,1796126388.598,null,null]'
TABLES = (
    "CREATE TABLE IF NOT EXISTS bare_studies (id bigint PRIMARY KEY, length bigint)",
    "CREATE TABLE IF NOT EXISTS bare_events (id bigint, sequence bigint, payload text, PRIMARY KEY (id, sequence))",
    "TRUNCATE bare_studies, bare_events",
    "INSERT INTO bare_studies VALUES (1, 0)",
)
TURN = (
    "BEGIN; SELECT pg_advisory_xact_lock(1); SELECT sequence, payload FROM bare_events "
    "WHERE id = 1 AND sequence >= %d ORDER BY sequence LIMIT 20000"
)
APPEND = (
    "WITH moved AS (UPDATE bare_studies SET length = {after} WHERE id = 1 AND length = {before} "
    "AND (SELECT count(*) FROM (SELECT pg_advisory_xact_lock(1)) AS turn) = 1 RETURNING id), "
    "added AS (INSERT INTO bare_events SELECT id, {before} + n - 1, payload FROM moved, "
    "unnest(CAST(ARRAY['{row}', '{row}'] AS text[])) WITH ORDINALITY AS r (payload, n)) SELECT count(*) FROM moved; COMMIT"
)
KEYS = "bare-events", "bare-workers", "bare-turns", "bare-turn"


def _postgresql(url: str, *, create: bool) -> Callable[[], None]:
    import psycopg
    from hpo_adapters.sql.messages import _results
    from sqlalchemy.engine import make_url

    to = make_url(url)
    raw: Any = psycopg.connect(
        host=to.host, port=to.port, user=to.username, password=to.password, dbname=to.database, autocommit=True
    )
    seen = 0

    def send(text: str) -> Any:
        results = _results(psycopg, raw, text.encode())
        assert results[-1].status != psycopg.pq.ExecStatus.FATAL_ERROR, results[-1].error_message
        return results

    def append() -> None:
        nonlocal seen
        news = send(TURN % max(seen - 1, 0))[-1]
        seen = int(news.get_value(news.ntuples - 1, 0)) + 1 if news.ntuples else 0
        assert send(APPEND.format(before=seen, after=seen + 2, row=ROW))[0].get_value(0, 0) == b"1"
        seen += 2

    if create:
        send("; ".join(TABLES))
    return append


def _redis(url: str, *, create: bool) -> Callable[[], None]:
    from hpo_adapters.redis.scripts import APPEND as ADD, BEGIN_TURN, QUEUE_UP
    from hpo_adapters.redis.server import RedisServer

    server = RedisServer(url, lock_timeout=30.0, options={})
    stream, _, queue, turn = KEYS
    seen = 0

    def append() -> None:
        nonlocal seen
        name, is_mine, lines = secrets.token_hex(8), 0, [b""]
        while not is_mine:
            *_, (is_mine, *lines) = server.wait(
                ("EVAL", QUEUE_UP, 2, queue, turn),
                ("BLPOP", queue, 1),
                ("EVAL", BEGIN_TURN, 2, turn, stream, name, 1000, f"{max(seen, 1)}-0", 20_000),
                where="here",
            )
        if lines[0]:
            seen = int(lines[0].rsplit(b"\n", 1)[-1].partition(b"-")[0])
        answer, *_ = server.write(ADD, KEYS, [seen, "", name, 1000, 0, 0, seen, ROW, ROW], where="here")
        assert answer == -1
        seen += 2

    if create:
        server.read("DEL", *KEYS)
    return append


def _append_to(url: str, *, create: bool = False) -> Callable[[], None]:
    return (_redis if url.startswith("redis") else _postgresql)(url, create=create)


def _write(url: str, n_appends: int) -> None:
    append = _append_to(url)
    append()
    print("ready", flush=True)
    sys.stdin.readline()
    times, cpu = [], time.process_time()
    for _ in range(n_appends):
        times.append(time.time())
        append()
    times.append(time.time())
    json.dump({"times": times, "cpu": time.process_time() - cpu}, sys.stdout)


def main() -> None:
    """Read the arguments, and measure."""
    if sys.argv[1] == "--as-writer":
        _write(sys.argv[2], int(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--writers", nargs="+", type=int, default=[1, 8, 32])
    parser.add_argument("--appends", type=int, default=200)
    options = parser.parse_args()
    for n_writers in options.writers:
        _append_to(options.url, create=True)
        me = [sys.executable, __file__, "--as-writer", options.url, str(options.appends)]
        writers = [
            subprocess.Popen(me, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(n_writers)
        ]
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        results = [json.loads(text) for text in _outputs(writers)]
        took = [b - a for one in results for a, b in itertools.pairwise(one["times"])]
        lasted = max(one["times"][-1] for one in results) - min(one["times"][0] for one in results)
        cpu = sum(one["cpu"] for one in results) / len(took)
        print(
            f"{n_writers:3} writers: {len(took) / lasted:7.0f} appends/s, median {1e3 * statistics.median(took):7.2f} ms, "
            f"{1e3 * cpu:5.2f} ms CPU",
            flush=True,
        )


def _outputs(writers: list[subprocess.Popen[str]]) -> list[str]:
    """Let all writers begin, and return what they print."""
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    return [writer.communicate()[0] for writer in writers]


if __name__ == "__main__":
    main()
