# SPDX-License-Identifier: GPL-2.0-or-later
"""What an operator does on an ordinary day, and what crm_mon tells him.

     client: writers and pollers where something must not be lost
        |
     floating address -> HAProxy -> the primary
        |                 |                 |
        n1 Redis 100      n2 Redis 150      n3 Redis 200     (replica-priority)
        +-- corosync, Pacemaker, Sentinel, HAProxy on each --+-- fence_lab
"""

import time

NODES = ("n1", "n2", "n3")


def test_a_planned_move_loses_nothing_at_all(cluster, observed):
    first = cluster.wait_healthy()
    second = cluster.move_primary_to("n3" if first != "n3" else "n2")
    observed.wait_writes_after(time.monotonic(), 30)

    # The other way of asking: not here. Then the ban goes, and nothing moves back.
    cluster.pcs("resource", "ban", "redis-clone", second, "--promoted")
    third = cluster.wait_promoted_elsewhere(second)
    cluster.pcs("resource", "clear", "redis-clone")
    observed.wait_writes_after(time.monotonic(), 30)

    assert cluster.wait_healthy() == third
    verdict = observed.finish()
    assert (verdict.lost_acknowledged, verdict.two_at_once) == ([], [])


def test_standby_moves_the_primary_and_unstandby_moves_nothing_back(cluster, observed):
    old = cluster.wait_healthy()
    cluster.pcs("node", "standby", old)
    new = cluster.wait_promoted_elsewhere(old)
    observed.wait_writes_after(time.monotonic(), 30)
    cluster.wait(lambda: old not in cluster.roles(), 30, f"Redis on {old} is stopped")

    cluster.pcs("node", "unstandby", old)

    assert cluster.wait_healthy() == new
    verdict = observed.finish()
    assert (verdict.lost_acknowledged, verdict.two_at_once) == ([], [])


def test_disable_stops_every_server_and_enable_brings_the_data_back(cluster):
    cluster.wait_healthy()
    cluster.through_floating("SET", "kept", "over a full stop")

    cluster.pcs("resource", "disable", "redis-clone")
    cluster.wait(lambda: cluster.roles() == {}, 60, "Redis is stopped everywhere")
    assert [name for name in NODES if cluster.processes(name, "redis-server")] == []

    cluster.pcs("resource", "enable", "redis-clone")
    cluster.wait_healthy()
    assert cluster.through_floating("GET", "kept") == "over a full stop"


def test_a_changed_down_after_reaches_every_watch_and_restarts_nothing(cluster):
    cluster.wait_healthy()
    before = cluster.server_processes(), [cluster.processes(name, "redis-watch") for name in NODES]

    def told(value):
        return all(f"down_after is {value} ms" in cluster.node(name).read("/run/redis-ha/redis/redis/watch.log")
                   for name in NODES)
    cluster.pcs("resource", "update", "redis", "down_after=1234")
    cluster.wait(lambda: told(1234), 30, "every watch has the new value")
    cluster.pcs("resource", "update", "redis", "down_after=")
    cluster.wait(lambda: told(2000), 30, "every watch has the default again")

    cluster.settle()
    assert (cluster.server_processes(), [cluster.processes(name, "redis-watch") for name in NODES]) == before
    assert cluster.failures() == []


def test_maintenance_mode_touches_no_server(cluster):
    primary = cluster.wait_healthy()
    before = cluster.server_processes()

    cluster.pcs("property", "set", "maintenance-mode=true")
    cluster.wait(lambda: cluster.managed() == set(), 30, "nothing is managed")
    cluster.through_floating("SET", "written", "under maintenance")
    cluster.pcs("property", "set", "maintenance-mode=false")
    cluster.wait(lambda: {"redis", "sentinel", "haproxy"} <= cluster.managed(), 30, "all is managed")

    assert cluster.wait_healthy() == primary
    cluster.settle()
    assert cluster.server_processes() == before


def test_crm_mon_never_says_green_while_a_replica_is_not_linked(cluster):
    primary = cluster.wait_healthy()
    lost, linked = [name for name in NODES if name != primary]
    cluster.node(lost).drop(cluster.redis_port)

    cluster.wait_attributes("redis-status", {lost: "disconnected", linked: "replica", primary: "primary"})
    reason = cluster.wait(lambda: cluster.reason(lost, "monitor"), 30, f"crm_mon tells of {lost}")
    assert f"{cluster.node(primary).address}:6379" in reason
    assert cluster.example.password not in reason

    cluster.lab.clear()
    cluster.wait_attributes("redis-status", {lost: "replica", linked: "replica", primary: "primary"})
    cluster.cleanup()  # Pacemaker keeps the result that told of it until then
    cluster.settle()
    assert cluster.failures() == []


def test_a_redis_conf_that_binds_to_loopback_alone_is_refused(cluster):
    primary = cluster.wait_healthy()
    victim = cluster.node(next(name for name in NODES if name != primary))
    cluster.pcs("node", "standby", victim.name)
    cluster.wait(lambda: victim.name not in cluster.roles(), 30, f"Redis on {victim.name} is stopped")
    good = victim.read("/etc/redis/redis.conf")
    victim.write("/etc/redis/redis.conf", good.replace("bind * -::*", "bind 127.0.0.1 -::1"), 0o640,
                 "root:redis")

    cluster.pcs("node", "unstandby", victim.name)
    reason = cluster.wait(lambda: cluster.reason(victim.name, "start"), 30, "the start is refused")
    assert "bind 127.0.0.1 -::1" in reason and victim.address in reason
    assert cluster.promoted() == primary, "the others go on"
    assert cluster.processes(victim.name, "redis-server") == []

    victim.write("/etc/redis/redis.conf", good, 0o640, "root:redis")
    cluster.cleanup()
    assert cluster.wait_healthy() == primary
