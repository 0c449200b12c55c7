# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that hang or die: the server, its watch, corosync, Pacemaker's daemons. Two writers, one with
WAIT 1, and an observer; the promises hold in each.

     client: writers and pollers
        |
     floating address -> HAProxy -> the primary
        |                 |                 |
        n1 Redis, watch   n2 Redis, watch   n3 Redis, watch
        +-- corosync, Pacemaker, Sentinel, HAProxy on each --+-- fence_lab
"""

import re
import time

import pytest

from cluster.example import PRIORITIES


def goes_on(cluster, observed):
    """Writes pass again, the cluster heals by itself, and no promise was broken. Who leads then."""
    observed.wait_writes_after(time.monotonic(), 60)
    primary = cluster.wait_healthy()
    verdict = observed.finish()
    assert (verdict.lost_confirmed, verdict.two_at_once) == ([], [])
    return primary


def test_a_primary_that_hangs_is_replaced_and_never_wakes_as_one(cluster, observed):
    old = cluster.wait_healthy()
    hung = time.monotonic()
    cluster.kill_redis(old, "STOP")

    new = cluster.wait_promoted_elsewhere(old)

    assert goes_on(cluster, observed) == new
    assert "primary" not in observed.states(old, since=hung + 0.1)


def test_a_hang_that_ends_in_time_moves_nothing(cluster, observed):
    """down_after is 2 s."""
    old = cluster.wait_healthy()
    pid = cluster.pid(old)
    cluster.node(old).run(["sh", "-c", 'kill -STOP "$1"; sleep 1; kill -CONT "$1"', "sh", str(pid)])

    assert goes_on(cluster, observed) == old
    assert cluster.pid(old) == pid


def test_the_hung_primary_wakes_while_another_is_being_promoted(cluster, observed, rounds, instant):
    for _ in range(rounds):
        old = cluster.wait_healthy()
        pid = cluster.pid(old)
        # Its end comes between the trigger and the promotion, or just after.
        cluster.node(old).run(["sh", "-c", 'kill -STOP "$1"; sleep "$2"; kill -CONT "$1" 2>/dev/null || true',
                               "sh", str(pid), f"{instant(1.9, 2.6):.3f}"])
        observed.wait_writes_after(time.monotonic(), 60)
        cluster.wait_healthy()
        cluster.cleanup()  # the operator has seen it: Pacemaker is told of a third crash in ten minutes
    goes_on(cluster, observed)


def test_a_server_that_crashes_again_and_again_is_told_and_holds_up_nobody(cluster, observed):
    """Pacemaker would recover a failed demotion first: stop, start, and only then promote another."""
    flaky = cluster.wait_healthy()
    for _ in range(3):
        cluster.move_primary_to(flaky)
        cluster.kill_redis(flaky)
        cluster.wait_promoted_elsewhere(flaky)

    cluster.wait(lambda: re.search(r"crashed \d times", cluster.reason(flaky, "monitor") or ""), 30, "it is told")
    assert cluster.reason(flaky, "demote") is None
    assert goes_on(cluster, observed) != flaky


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_the_primary_crashes_beside_a_watch_that_is_dead_or_stopped(cluster, observed, signal):
    old = cluster.wait_healthy()
    cluster.signal(old, "redis-watch", signal)
    cluster.kill_redis(old)

    goes_on(cluster, observed)


@pytest.mark.parametrize("daemon", ["pacemaker-attrd", "pacemaker-controld", "corosync"])
def test_the_primary_crashes_while_a_daemon_of_its_node_is_killed(cluster, observed, daemon):
    old = cluster.wait_healthy()
    cluster.signal(old, daemon)
    cluster.kill_redis(old)

    goes_on(cluster, observed)


def test_attributes_outlive_the_controller(cluster):
    """With a controller that ends, Pacemaker deletes its node's attributes from the CIB; its attribute manager
    notices that from 3.0 on."""
    primary = cluster.wait_healthy()
    names = [node.name for node in cluster.lab.nodes]
    expected = {"redis-status": {**dict.fromkeys(names, "replica"), primary: "primary"},
                "sentinel-status": dict.fromkeys(names, "ok"), "haproxy-status": dict.fromkeys(names, "up")}
    for name, values in expected.items():
        cluster.wait_attributes(name, values)
    replica = cluster.replicas()[0]
    old = cluster.processes(replica, "pacemaker-controld")
    cluster.signal(replica, "pacemaker-controld")
    cluster.wait(lambda: cluster.processes(replica, "pacemaker-controld") not in ([], old), 30,
                 "the controller runs again")

    for name, values in expected.items():
        cluster.wait_attributes(name, values)
    assert cluster.wait_healthy() == primary


def test_a_watch_that_is_killed_comes_back_and_nothing_moves(cluster, observed):
    primary = cluster.wait_healthy()
    for name in ("n1", "n2", "n3"):
        cluster.signal(name, "redis-watch")
    cluster.wait(lambda: all(cluster.processes(name, "redis-watch") for name in ("n1", "n2", "n3")), 30,
                 "every watch runs again")

    assert goes_on(cluster, observed) == primary


def test_a_primary_that_was_killed_and_has_nothing_on_its_disk_empties_nobody(cluster, observed):
    old = cluster.wait_healthy()
    cluster.through_floating("SET", "kept", "by the replicas")
    cluster.node(old).run(["sh", "-c", "rm -f /var/lib/redis/dump.rdb"])
    cluster.kill_redis(old)

    goes_on(cluster, observed)
    assert cluster.through_floating("GET", "kept") == "by the replicas"


def give_priority(cluster, name, priority):
    """Read with the start of the server, as Redis reads it."""
    node = cluster.node(name)
    conf = re.sub(r"^replica-priority .*$", f"replica-priority {priority}", node.read("/etc/redis/redis.conf"),
                  flags=re.M)
    node.write("/etc/redis/redis.conf", conf, 0o640, "root:redis")
    cluster.pcs("resource", "restart", "redis-clone", name)
    cluster.wait_healthy()


def test_a_replica_of_priority_zero_is_never_promoted(cluster, observed):
    old = cluster.move_primary_to("n1")
    give_priority(cluster, "n3", 0)
    try:
        cluster.kill_redis(old)

        assert cluster.wait_promoted_elsewhere(old) == "n2"
        goes_on(cluster, observed)
        assert cluster.attributes("master-redis")["n3"] == "-INFINITY"
    finally:
        give_priority(cluster, "n3", PRIORITIES["n3"])
