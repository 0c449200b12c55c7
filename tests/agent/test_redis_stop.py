# SPDX-License-Identifier: GPL-2.0-or-later
"""ocf:redis-ha:redis stops a server in each state that it can be in: it never says so before it is true,
and takes no more time, and no more of the data, than it must."""

import os
import time

import pytest

import ocf
from redis_kit import SLOW_LOADING, freeze, give, is_busy


def promoted(redis, *conf, **params):
    one = redis(*conf, **params)
    one.must("start")
    one.must("promote")
    return one


def test_data_is_saved_as_configured(redis):
    one = promoted(redis, "save 900 1")
    one.call("SET", "kept", "yes")
    one.must("stop")
    one.must("start")
    assert one.call("GET", "kept") == "yes"


def test_slow_save_is_waited_for_where_shutdown_may_not_be_said(redis):
    """TERM saves too, and takes as long."""
    one = promoted(redis, "save 900 1", "rdb-key-save-delay 30000", "rename-command SHUTDOWN ''")
    for number in range(100):
        one.call("SET", f"key{number}", "x")
    one.must("stop")
    one.conf.remove("rdb-key-save-delay 30000")
    one.write()
    one.must("start")
    assert one.call("DBSIZE") == 100


SCRIPT = """
redis.call('SET', 'first', 'yes')
local start = tonumber(redis.call('TIME')[1])
while redis.call('TIME')[1] - start < 4 do end
redis.call('SET', 'last', 'yes')
"""


def test_server_in_a_script_may_end_it(redis, spawn, until):
    """It has written already, so that it cannot be ended by SCRIPT KILL, and runs for 3 to 4 s."""
    one = promoted(redis, "save 900 1", "busy-reply-threshold 50")
    spawn("redis-cli", "-p", one.port, "EVAL", SCRIPT, 0)
    until(lambda: is_busy(one), "the server is in the script")
    pid = one.pid
    one.must("stop")
    assert not ocf.is_alive(pid)
    one.must("start")
    assert one.call("MGET", "first", "last") == ["yes", "yes"]


def test_server_that_cannot_save_is_stopped_all_the_same(redis):
    one = promoted(redis, "save 900 1")
    one.call("SET", "a", "1")
    one.folder.chmod(0o555)
    os.chown(one.folder, 0, 0)
    pid = one.pid
    started = time.monotonic()
    one.must("stop", timeout_ms=60000)
    assert not ocf.is_alive(pid)
    assert time.monotonic() - started < 20, "no time is lost on a save that failed"


def test_server_without_a_free_connection(redis, full):
    """It cannot be asked for anything; TERM saves too."""
    one = promoted(redis, "save 900 1")
    one.call("SET", "kept", "yes")
    full(one)
    pid = one.pid
    assert "TERM" in one.must("stop").log
    assert not ocf.is_alive(pid)
    one.must("start")
    assert one.call("GET", "kept") == "yes"


def test_loading_server(redis, slow_data):
    one = redis(*SLOW_LOADING)
    give(slow_data(), one)
    one.must("start")
    pid = one.pid
    before = (one.folder / "dump.rdb").read_bytes()
    one.must("stop")
    assert not ocf.is_alive(pid) and (one.folder / "dump.rdb").read_bytes() == before


@pytest.mark.parametrize("down_after", ["200", "600s"])
def test_frozen_server_is_killed_in_time(redis, until, down_after):
    one = promoted(redis)
    pid = one.pid
    freeze(until, pid)
    one.must("stop", timeout_ms=4000, down_after=down_after)
    assert not ocf.is_alive(pid)
    assert one.monitor(ocf.NOT_RUNNING).reason is None


def test_stop_of_a_stopped_server_clears_what_was_told(node):
    one = node()
    one.must("start")
    one.must("stop")
    assert one.score == "" and one.status == "down"
    one.must("stop")
