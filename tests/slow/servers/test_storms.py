"""Workers that ask and tell at every kind of server, and are killed while they do."""

import time

import pytest
from storms import storm


def test_killed_workers_lose_no_result_and_no_number_is_handed_out_twice(storage, url, make_events, tmp_path):
    storage.create("s", make_events(0))
    storm(tmp_path, url, seconds=5, n_writers=3, seed=1)


@pytest.mark.long
def test_four_minutes_of_killed_workers(storage, url, make_events, tmp_path):
    storage.create("s", make_events(0))
    storm(tmp_path, url, seconds=240, n_writers=6, seed=int(time.time()))
