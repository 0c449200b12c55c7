# SPDX-License-Identifier: GPL-2.0-or-later
"""What a monitor of ocf:redis-ha:redis answers, for each state that a server can be in, and what it tells
the cluster of it."""

import os
import signal

import pytest

import ocf
from redis_kit import SLOW_LOADING, freeze, give, kill


def test_primary_and_linked_replica(pair):
    one, two = pair()
    assert one.monitor(ocf.RUNNING_PROMOTED).reason is None
    assert two.monitor().reason is None
    one.monitor(ocf.RUNNING_PROMOTED, level=10)
    two.monitor(level=10)
    assert (one.status, two.status) == ("primary", "replica")
    assert one.score == two.score == "-INFINITY", "nobody is promoted without a watch"


def test_attributes_are_written_when_they_change_only(pair):
    one, two = pair()
    for each, code in ((one, ocf.RUNNING_PROMOTED), (two, ocf.SUCCESS)):
        each.monitor(code)
        told = each.attributes_file.read_text()
        each.monitor(code)
        each.monitor(code, level=10)
        assert each.attributes_file.read_text() == told


def test_stopped_is_no_failure(node):
    one = node()
    result = one.probe(ocf.NOT_RUNNING)
    assert result.reason is None and one.score == "" and one.status == "down"


def test_crashed_replica(pair, until):
    _, two = pair()
    pid = two.pid
    kill(until, pid)
    assert str(pid) in two.monitor(ocf.NOT_RUNNING).reason
    assert two.score == "-INFINITY" and two.status == "down"


def test_crashed_primary_loses_its_score_before_it_is_told(node, spawn, until):
    one = node()
    one.hand_started(spawn)
    until(one.is_open, "the server answers")
    one.probe(ocf.RUNNING_PROMOTED)
    assert one.score == 1, "one that is found keeps its role until its watch knows the others"
    kill(until, one.pid)
    one.monitor(ocf.FAILED_PROMOTED)
    assert one.score == "-INFINITY" and one.status == "down"


@pytest.mark.parametrize("primary", [True, False])
def test_silent_server(redis, until, primary):
    one = redis(down_after=200)
    one.must("start")
    if primary:
        one.must("promote")
    pid = one.pid
    freeze(until, pid)
    result = one.monitor(ocf.FAILED_PROMOTED if primary else ocf.ERR_GENERIC)
    assert str(pid) in result.reason and "200 ms" in result.reason[:128]
    os.kill(pid, signal.SIGCONT)
    one.monitor(ocf.RUNNING_PROMOTED if primary else ocf.SUCCESS)


@pytest.mark.parametrize("primary", [True, False])
def test_server_that_is_not_at_its_port(redis, primary):
    """It is not silent, and a long wait would not help."""
    one = redis()
    one.must("start")
    if primary:
        one.must("promote")
    one.conf.append(f"port {one.port - 1 if one.port > 1025 else one.port + 1}")
    one.write()
    result = one.monitor(ocf.FAILED_PROMOTED if primary else ocf.ERR_GENERIC)
    assert "refused" in result.reason[:128] and str(one.pid) in result.reason


def test_refusing_server(pair):
    one, two = pair()
    for each, code in ((one, ocf.FAILED_PROMOTED), (two, ocf.ERR_GENERIC)):
        each.call("CONFIG", "SET", "requirepass", "changed")
        result = each.monitor(code)
        assert "NOAUTH" in result.reason[:128]
        assert each.score == "-INFINITY" and each.status == "down"


def test_user_who_may_not_ask(redis):
    one = redis()
    one.must("start")
    one.call("ACL", "SETUSER", "default", "-info")
    assert "NOPERM" in one.monitor(ocf.ERR_GENERIC).reason[:128]


def test_renamed_info(redis):
    one = redis("rename-command INFO hidden-info")
    result = one.must("start", ocf.ERR_GENERIC, timeout_ms=5000)
    assert "INFO" in result.reason[:128] and "unknown command" in result.reason[:128]
    assert not one.is_open()


def test_loading_server(node, slow_data):
    one = node(*SLOW_LOADING)
    give(slow_data(), one)
    one.must("start")
    assert one.monitor().reason is None
    assert one.status == "loading" and one.score == "-INFINITY"


def test_loading_primary_that_another_hand_started(redis, spawn, until, slow_data):
    """It leads already, though it takes no writes yet."""
    one = redis(*SLOW_LOADING)
    give(slow_data(), one)
    one.hand_started(spawn)
    until(one.is_open, "the server answers")
    one.probe(ocf.RUNNING_PROMOTED)
    assert one.must("demote", ocf.ERR_GENERIC).reason


def test_busy_server(pair, busy):
    one, two = pair()
    scores = one.score, two.score
    for each, code, status in ((one, ocf.RUNNING_PROMOTED, "primary"), (two, ocf.SUCCESS, "replica")):
        end_script = busy(each)
        assert each.monitor(code).reason is None
        assert each.status == status
        each.must("demote", ocf.ERR_GENERIC)
        end_script()
    assert (one.score, two.score) == scores


def test_server_without_a_free_connection(pair, full):
    """It answers, so it lives, with the role that it had; nothing more can be found out."""
    one, two = pair()
    scores, pids = (one.score, two.score), (one.pid, two.pid)
    for each, code, found, status in ((one, ocf.DEGRADED_PROMOTED, ocf.RUNNING_PROMOTED, "primary"),
                                      (two, ocf.DEGRADED, ocf.SUCCESS, "replica")):
        free_some = full(each)
        assert "maxclients" in each.monitor(code).reason[:128]
        each.monitor(code, level=10)
        assert each.probe(found).reason is None
        assert each.status == status
        each.must("promote", ocf.ERR_GENERIC)
        assert "maxclients" in each.must("demote", ocf.ERR_GENERIC).reason[:128]
        each.must("start")
        free_some()
    assert (one.score, two.score) == scores and (one.pid, two.pid) == pids
    one.monitor(ocf.RUNNING_PROMOTED)
    two.monitor()


def test_replica_of_nobody(node, until):
    one = node()
    one.must("start")
    one.monitor()
    result = until(lambda: (answer := one("monitor", interval=10000)).code and answer, "its first moments are over")
    assert result.code == ocf.DEGRADED and "follows nobody" in result.reason[:128]
    assert one.status == "sealed" and one.score == "-INFINITY"


def test_replica_whose_password_is_refused(pair, until):
    one, two = pair()
    with one.client() as client:
        client.call("CONFIG", "SET", "requirepass", "changed")
        client.call("CLIENT", "KILL", "TYPE", "replica")
    until(lambda: int(two.info().get("master_link_down_since_seconds", "-1")) >= 5,
          "the link has been down for longer than a change of primary takes")
    # Refused, Redis falls back to SYNC, and for the moment of that try it says that a sync is under way.
    result = until(lambda: (answer := two.monitor(ocf.DEGRADED)).reason.startswith("no link") and answer,
                   "a monitor falls between two tries")
    assert str(one.port) in result.reason[:128] and "masterauth" in result.reason[:128]
    assert two.status == "disconnected"


def test_link_to_a_frozen_primary_is_stale(pair, until):
    """Redis calls it up for a minute."""
    one, two = pair("repl-ping-replica-period 1")
    freeze(until, one.pid)
    until(lambda: int(two.info()["master_last_io_seconds_ago"]) > 4, "the link is silent")
    assert two.info()["master_link_status"] == "up"
    assert two.monitor(ocf.DEGRADED).reason
    two.monitor(ocf.DEGRADED, level=10)
    os.kill(one.pid, signal.SIGCONT)


@pytest.mark.parametrize("setting, word", [
    (("min-replicas-to-write", "3"), "NOREPLICAS"), (("maxmemory", "1"), "OOM")])
def test_primary_that_takes_no_writes(redis, setting, word):
    one = redis()
    one.must("start")
    one.must("promote")
    one.call("CONFIG", "SET", *setting)
    one.monitor(ocf.RUNNING_PROMOTED)
    assert word in one.monitor(ocf.DEGRADED_PROMOTED, level=10).reason[:128]


def test_primary_whose_disk_is_full(redis, until):
    one = redis("save 900 1")
    one.must("start")
    one.must("promote")
    one.call("SET", "a", "1")
    one.folder.chmod(0o555)
    os.chown(one.folder, 0, 0)
    one.call("BGSAVE")
    until(lambda: one.info()["rdb_last_bgsave_status"] == "err", "the save has failed")
    assert "MISCONF" in one.monitor(ocf.DEGRADED_PROMOTED, level=10).reason[:128]


def test_primary_whose_writes_are_paused(redis):
    one = redis(down_after=300)
    one.must("start")
    one.must("promote")
    one.call("CLIENT", "PAUSE", "60000", "WRITE")
    one.monitor(ocf.RUNNING_PROMOTED)
    assert "CLIENT PAUSE" in one.monitor(ocf.DEGRADED_PROMOTED, level=10).reason[:128]


def test_write_check_that_may_not_be_made_is_told_as_such(redis):
    one = redis()
    one.must("start")
    one.must("promote")
    one.call("ACL", "SETUSER", "default", "-setrange")
    result = one.monitor(ocf.DEGRADED_PROMOTED, level=10)
    assert "could not be checked" in result.reason[:128] and "NOPERM" in result.reason[:128]


def test_write_check_leaves_no_key(redis):
    one = redis()
    one.must("start")
    one.must("promote")
    one.monitor(ocf.RUNNING_PROMOTED, level=10)
    assert one.call("DBSIZE") == 0
