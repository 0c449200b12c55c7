# SPDX-License-Identifier: GPL-2.0-or-later
"""What the cluster does when something dies, under two writers and an observer.

     client: writer with WAIT 1, writer without, a poller for each Redis
        |
     floating address -> HAProxy -> the primary
        |                 |                 |
        n1 Redis 100      n2 Redis 150      n3 Redis 200     (replica-priority)
        +-- corosync, Pacemaker, Sentinel, HAProxy on each --+-- fence_lab
"""

import time


def test_the_pcs_example_stands(cluster):
    primary = cluster.wait_healthy()

    roles = cluster.roles()
    assert roles.pop(primary) == "Promoted"
    assert set(roles.values()) == {"Unpromoted"} and len(roles) == 2
    assert cluster.failures() == []
    cluster.wait_attributes("redis-status", {primary: "primary", **dict.fromkeys(roles, "replica")})
    cluster.wait_attributes("haproxy-status", dict.fromkeys(["n1", "n2", "n3"], "up"))


def test_reads_go_to_replicas(cluster):
    primary = cluster.wait_healthy()
    cluster.through_floating("SET", "read-me", "here")

    # A new connection each time, so that every server HAProxy chooses from has its turn.
    asked = {cluster.run_id_behind(cluster.reads_port) for _ in range(12)}

    assert asked == {cluster.run_id(name) for name in ("n1", "n2", "n3") if name != primary}


def test_every_sentinel_names_the_primary_before_and_after_a_failover(cluster):
    old = cluster.wait_healthy()
    cluster.wait_sentinels_name(old)

    cluster.kill_redis(old)
    new = cluster.wait_promoted_elsewhere(old)

    cluster.wait_sentinels_name(new)


def test_ten_kills_in_a_row_lose_no_confirmed_write(cluster, observed):
    for _ in range(10):
        old = cluster.wait_healthy()
        killed = time.monotonic()
        cluster.kill_redis(old)

        cluster.wait_promoted_elsewhere(old)
        observed.wait_writes_after(time.monotonic(), 30)
        cluster.wait_healthy()

        # It is back, and was a replica from its first answer on.
        assert "primary" not in observed.states(old, since=killed + 0.1)
        cluster.cleanup()  # the operator has seen it: five failures would make Pacemaker leave the node alone

    verdict = observed.finish()
    assert verdict.confirmed > 100
    assert (verdict.lost_confirmed, verdict.two_at_once) == ([], [])


def test_a_replica_that_was_held_back_is_not_promoted_however_good_its_priority(cluster, observed, rounds):
    for _ in range(rounds):
        primary = cluster.move_primary_to("n3")
        behind, fresh = "n1", "n2"  # n1 has the better priority
        cluster.move_floating_to(fresh)
        cluster.node(behind).drop(cluster.redis_port)
        mark = int(cluster.info(behind)["slave_repl_offset"])
        observed.wait_writes_after(time.monotonic(), 30)
        assert int(cluster.info(fresh)["slave_repl_offset"]) > mark

        killed = time.monotonic()
        cluster.kill_redis(primary)

        assert cluster.wait_promoted_elsewhere(primary) == fresh
        observed.wait_writes_after(time.monotonic(), 30)
        cluster.lab.clear()
        cluster.wait_healthy()
        assert "primary" not in observed.states(behind, since=killed)
        cluster.cleanup()
    verdict = observed.finish()
    assert (verdict.lost_confirmed, verdict.two_at_once) == ([], [])


def test_the_floating_address_leaves_a_node_that_cannot_reach_the_primary(cluster, observed):
    primary = cluster.wait_healthy()
    blind, *_ = [name for name in ("n1", "n2", "n3") if name != primary]
    cluster.move_floating_to(blind)

    cluster.node(blind).drop(cluster.redis_port)

    cluster.wait(lambda: cluster.where_floating() not in (None, blind), 60, f"the address leaves {blind}")
    observed.wait_writes_after(time.monotonic(), 30)
    assert cluster.promoted() == primary
    verdict = observed.finish()
    assert (verdict.lost_confirmed, verdict.two_at_once) == ([], [])


def test_a_node_without_power_is_fenced_and_comes_back_as_a_replica(cluster, observed):
    old = cluster.wait_healthy()
    cluster.node(old).power_off()

    new = cluster.wait_promoted_elsewhere(old, deadline=60)
    observed.wait_writes_after(time.monotonic(), 30)
    assert cluster.was_fenced(old)

    # fence_lab switches the node on again, as a real device does.
    cluster.lab.wait_online(["n1", "n2", "n3"])
    assert cluster.wait_healthy() == new, "a node that comes back takes nothing over"
    verdict = observed.finish()
    assert (verdict.lost_confirmed, verdict.two_at_once) == ([], [])


FILL = "for i = 1, 4096 do redis.call('SET', 'big:' .. ARGV[1] .. ':' .. i, string.rep('x', 4096)) end"


def test_a_gigabyte_or_two_that_the_killed_server_loads_hold_up_nobody(cluster, observed, rounds):
    old = cluster.wait_healthy()
    for node in cluster.lab.nodes:
        cluster.redis(node.name, "CONFIG", "SET", "rdbcompression", "no")
    for part in range(64 if rounds == 1 else 128):  # of 16 MiB
        cluster.redis(old, "EVAL", FILL, "0", str(part))
        cluster.wait(lambda: cluster.redis(old, "WAIT", "2", "2000") == "2", 30, "both replicas have it")
    cluster.redis(old, "BGSAVE")
    cluster.wait(lambda: cluster.info(old, "persistence")["rdb_bgsave_in_progress"] == "0", 120, "it is on the disk")

    cluster.kill_redis(old)
    cluster.wait_promoted_elsewhere(old)
    observed.wait_writes_after(time.monotonic(), 30)

    cluster.wait(lambda: cluster.info(old, "persistence")["loading"] == "1", 10, "the killed server still loads")
    cluster.wait_healthy()
    verdict = observed.finish()
    assert (verdict.lost_confirmed, verdict.two_at_once) == ([], [])
    cluster.redis(cluster.promoted(), "FLUSHALL", "ASYNC")
    cluster.wait(lambda: cluster.redis(old, "DBSIZE") == "0", 30, "all is as it was")
    cluster.redis(old, "SAVE")
