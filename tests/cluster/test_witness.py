# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentinel's quorum as the second witness of a hang; and what is no hang, whatever Sentinel says.

        n1                    n2                    n3
        Redis, watch          Redis, watch          Redis, watch
           |  "down, says the quorum"
        sentinel-feed <- Sentinel ------ Sentinel ------ Sentinel
"""

import time

import pytest

WATCH_LOG = "/run/redis-ha/redis/redis/watch.log"
NO_ANSWER = "Sentinel's quorum has no answer from the server here"
NOTHING = "Sentinel's quorum says nothing of the server here any more"
FILL = "for i = 1, 10000 do redis.call('SET', 'load:' .. i, i) end"
SLOW_LOAD = "\nkey-load-delay 1000\nloading-process-events-interval-bytes 1024\n"
WRITE_AND_RUN = "redis.call('SET', KEYS[1], 1) for i = 1, ARGV[1] do end return 'ran'"


def said(cluster, name, words):
    """How often the watch of a node has said that."""
    return cluster.node(name).read(WATCH_LOG).count(words)


def wait_said(cluster, name, words, before):
    cluster.wait(lambda: said(cluster, name, words) > before, 30, f"the watch of {name} says: {words}")


def script(cluster, name, *words):
    """EVAL on the Redis of a node, however long it takes."""
    return cluster.lab.client.output(["redis-cli", "-h", cluster.node(name).address, "EVAL", *words],
                                     env={"REDISCLI_AUTH": cluster.example.password}, timeout=60)


@pytest.fixture
def unmoved(cluster):
    """The primary, which is the same process afterwards, and no action has failed."""
    primary = cluster.wait_healthy()
    process = cluster.run_id(primary)
    yield primary
    assert cluster.wait_healthy() == primary
    assert cluster.run_id(primary) == process
    cluster.settle()
    assert [failure for failure in cluster.failures()
            if failure[1].startswith("redis_") and "DEGRADED" not in failure[2]] == []


@pytest.fixture
def alone(cluster):
    """The primary is the only server, so no other watch can be asked; every Sentinel runs."""
    primary = cluster.wait_healthy()
    for name in cluster.replicas():
        cluster.pcs("resource", "ban", "redis-clone", name)
    cluster.wait(lambda: sorted(cluster.roles()) == [primary], 60, f"the only server is that of {primary}")
    cluster.settle()
    yield primary
    cluster.pcs("resource", "clear", "redis-clone")


def test_where_no_other_watch_runs_sentinels_word_ends_a_hang(cluster, alone):
    process, before = cluster.run_id(alone), said(cluster, alone, NO_ANSWER)
    cluster.kill_redis(alone, "STOP")

    cluster.wait(lambda: cluster.run_id(alone) != process, 60, "another process answers")
    assert said(cluster, alone, NO_ANSWER) == before + 1


@pytest.fixture
def patient(cluster, unmoved):
    """A watch that believes in no hang for ten seconds, so that there is time to look at what it is told."""
    for value, shown in (("10000", "10000"), ("", "2000")):
        before = said(cluster, unmoved, f"from now on down_after is {shown} ms")
        cluster.pcs("resource", "update", "redis", f"down_after={value}")
        wait_said(cluster, unmoved, f"from now on down_after is {shown} ms", before)
        if value:
            yield unmoved


@pytest.mark.parametrize("signal", ["STOP", "KILL"])
def test_a_feed_that_is_dead_or_stopped_leaves_no_verdict_behind(cluster, patient, signal):
    """In maintenance no monitor runs, so nobody launches another feed."""
    cluster.pcs("property", "set", "maintenance-mode=true")
    cluster.settle()
    told, forgotten = said(cluster, patient, NO_ANSWER), said(cluster, patient, NOTHING)
    cluster.kill_redis(patient, "STOP")
    try:
        wait_said(cluster, patient, NO_ANSWER, told)
        cluster.signal(patient, "sentinel-feed", signal)
        wait_said(cluster, patient, NOTHING, forgotten)
    finally:
        cluster.signal(patient, "redis-server", "CONT")
        cluster.pcs("property", "set", "maintenance-mode=false")


def test_a_feed_that_is_stopped_moves_nothing(cluster, unmoved):
    old = cluster.processes(unmoved, "sentinel-feed")
    cluster.signal(unmoved, "sentinel-feed", "STOP")
    cluster.wait(lambda: cluster.processes(unmoved, "sentinel-feed") not in ([], old), 30, "another one runs")


def test_a_sentinel_that_is_stopped_moves_nothing(cluster, unmoved):
    cluster.signal(unmoved, "redis-sentinel", "STOP")
    cluster.wait(lambda: cluster.attributes("sentinel-status").get(unmoved) == "unreachable", 30, "it is told")
    cluster.signal(unmoved, "redis-sentinel", "CONT")
    cluster.wait_attributes("sentinel-status", dict.fromkeys(("n1", "n2", "n3"), "ok"), 60)


def test_a_long_script_on_the_primary_moves_nothing(cluster, unmoved):
    """Four times down_after, and longer than Redis waits by itself until it answers BUSY (5 s). It has
    written, so that Sentinel, to which BUSY is no answer, cannot end it."""
    def run(count):
        began = time.monotonic()
        assert script(cluster, unmoved, WRITE_AND_RUN, "1", "witness:script", int(count)) == "ran"
        return time.monotonic() - began

    a_while = run(2e7)
    assert run(2e7 * 12 / a_while) > 6


def test_a_replica_that_loads_for_ten_seconds_moves_nothing(cluster, unmoved):
    script(cluster, unmoved, FILL, "0")
    replica = cluster.replicas()[0]
    node = cluster.node(replica)
    cluster.wait(lambda: cluster.redis(replica, "DBSIZE") == cluster.redis(unmoved, "DBSIZE"), 30, "it has all")
    cluster.redis(replica, "SAVE")
    node.write("/etc/redis/redis.conf", node.read("/etc/redis/redis.conf") + SLOW_LOAD, 0o640, "root:redis")
    cluster.kill_redis(replica)

    cluster.wait(lambda: cluster.info(replica, "persistence")["loading"] == "1", 60, "it loads")
    cluster.wait(lambda: cluster.info(replica, "persistence")["loading"] == "0", 60, "it has loaded")
    cluster.example.install(node)
    cluster.wait_healthy()
    cluster.cleanup()  # that the replica crashed is told
