# SPDX-License-Identifier: GPL-2.0-or-later
"""authority=sentinel: Sentinel chooses the primary, the promoted role and all that is bound to it follow.

     client: writers and pollers; what Sentinel's way loses is counted and printed, not asserted
        |
     floating address -> HAProxy -> the primary
        |                 |                 |
        n1 Redis 100      n2 Redis 150      n3 Redis 200     (replica-priority: Sentinel's, too, here)
        +-- corosync, Pacemaker, Sentinel, HAProxy on each --+
"""

import time

import pytest

from lab import LabError

NODES = ("n1", "n2", "n3")
PRIORITY = {"n1": "100", "n2": "150", "n3": "200"}
IN_FORCE = "/run/redis-ha/redis/redis/authority"
SENTINEL_LOG = "/var/lib/redis-ha/sentinel/sentinel/sentinel.log"
WATCH_LOG = "/run/redis-ha/redis/redis/watch.log"


# As docs/authority.md has them.
COMMANDS = {"sentinel": "pcs resource update redis authority=sentinel",
            "pacemaker": "pcs resource update redis authority=pacemaker"}


def set_authority(cluster, authority):
    """Sets the parameter, and waits until it is in force on every node."""
    cluster.lab.nodes_on()[0].output(COMMANDS[authority].split(), timeout=90)
    cluster.wait(lambda: all(cluster.node(name).read(IN_FORCE).strip() == authority for name in NODES), 60,
                 f"authority={authority} is in force on every node")


def setting(cluster, name, key):
    return cluster.redis(name, "CONFIG", "GET", key).splitlines()[1]


def listed_priorities(cluster, name):
    """Of each replica, as the Sentinel of a node lists it: host -> priority."""
    lines = cluster.sentinel(name, "REPLICAS", "mymaster").splitlines()
    found, host = {}, None
    for key, value in zip(lines[::2], lines[1::2]):
        host = value if key == "ip" else host
        if key == "slave-priority":
            found[host] = value
    return found


def sentinels_know_priorities(cluster):
    """Sentinel asks each server every ten seconds; before, it takes nobody for fit."""
    primary = cluster.promoted()
    wanted = {cluster.host_of(name): PRIORITY[name] for name in NODES if name != primary}
    return all(listed_priorities(cluster, name) == wanted for name in NODES)


@pytest.fixture(scope="module")
def _sentinel_decides(_by_pcs):
    """authority=sentinel for all scenarios but the first; Pacemaker's again afterwards."""
    _by_pcs.restore()
    set_authority(_by_pcs, "sentinel")
    yield
    _by_pcs.restore()
    set_authority(_by_pcs, "pacemaker")
    _by_pcs.wait_healthy()


@pytest.fixture
def by_sentinel(_sentinel_decides, cluster):
    cluster.wait_healthy()
    cluster.wait(lambda: sentinels_know_priorities(cluster), 40, "every Sentinel lists the user's priorities")
    return cluster


def named_by(cluster, name):
    """Name of the node whose server the Sentinel of a node names; None: none of ours, or no answer."""
    try:
        host = cluster.sentinel(name, "GET-MASTER-ADDR-BY-NAME", "mymaster").splitlines()[0]
    except (LabError, IndexError):
        return None
    return next((node for node in NODES if cluster.host_of(node) == host), None)


def elections(cluster):
    """How often a Sentinel has carried a failover out, by all their logs."""
    return sum(cluster.node(name).read(SENTINEL_LOG).count("+promoted-slave") for name in NODES)


def promotions_without_sentinel(cluster):
    return sum(cluster.node(name).read(WATCH_LOG).count("taking the role of the primary") for name in NODES)


def wait_role_follows(cluster, old, lags):
    """Until Sentinels name another node, then until it is promoted; notes the time between both."""
    cluster.wait(lambda: named_by(cluster, old) not in (None, old), 60, f"Sentinel names another than {old}", every=0.02)
    named = time.monotonic()
    new = named_by(cluster, old)
    cluster.wait(lambda: cluster.promoted() == new, 30, f"the promoted role has followed to {new}", every=0.02)
    lags.append(time.monotonic() - named)
    return new


def report(what, lags, verdict):
    lags = sorted(lags)
    print(f"authority=sentinel, {what}: the role followed in {lags[len(lags) // 2]:.2f} s median, {lags[-1]:.2f} s worst "
          f"of {len(lags)}; lost {len(verdict.lost_acknowledged)} of {verdict.acknowledged} acknowledged writes, "
          f"{len(verdict.lost_confirmed)} of {verdict.confirmed} confirmed")


def test_the_authority_changes_both_ways_under_writers_without_a_restart(cluster, observed):
    primary = cluster.wait_healthy()
    before = cluster.server_processes()

    set_authority(cluster, "sentinel")
    cluster.wait(lambda: {name: setting(cluster, name, "replica-priority") for name in NODES} == PRIORITY, 30,
                 "the user's replica-priority is back")
    assert {setting(cluster, name, "min-replicas-to-write") for name in NODES} == {"0"}
    observed.wait_writes_after(time.monotonic(), 30)
    cluster.settle()
    assert (cluster.wait_healthy(), cluster.failures()) == (primary, [])

    set_authority(cluster, "pacemaker")
    cluster.wait(lambda: {setting(cluster, name, "replica-priority") for name in NODES} == {"0"}, 30,
                 "no Sentinel may promote a server")
    observed.wait_writes_after(time.monotonic(), 30)
    cluster.settle()

    assert (cluster.wait_healthy(), cluster.failures()) == (primary, [])
    assert cluster.server_processes() == before
    verdict = observed.finish()
    assert (verdict.lost_acknowledged, verdict.two_at_once) == ([], [])


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_the_role_follows_where_sentinel_leads(by_sentinel, rounds, signal):
    cluster, lags = by_sentinel, []
    elected, taken = elections(cluster), promotions_without_sentinel(cluster)
    with cluster.observer() as observed:
        for _ in range(rounds):
            old = cluster.wait_healthy()
            cluster.wait_sentinels_name(old)
            cluster.wait(lambda: sentinels_know_priorities(cluster), 40, "Sentinel knows every replica")
            cluster.kill_redis(old, signal)

            new = wait_role_follows(cluster, old, lags)
            observed.wait_writes_after(time.monotonic(), 30)
            assert cluster.wait_healthy() == new
            cluster.settle()
            assert cluster.failures() == []
        report({"KILL": "crash", "STOP": "hang"}[signal], lags, observed.finish())
    assert elections(cluster) - elected == rounds
    assert promotions_without_sentinel(cluster) == taken, "Pacemaker promoted nobody on its own"


def test_an_operators_move_is_carried_out_by_sentinel(by_sentinel):
    cluster = by_sentinel
    first = cluster.wait_healthy()
    target = "n3" if first != "n3" else "n2"  # not the one that Sentinel would choose
    elected = elections(cluster)
    with cluster.observer() as observed:
        observed.wait_writes_after(0, 30)
        assert cluster.move_primary_to(target) == target
        observed.wait_writes_after(time.monotonic(), 30)
        verdict = observed.finish()

    assert {named_by(cluster, name) for name in NODES} == {target}
    assert (elections(cluster) - elected, cluster.failures()) == (1, [])
    report("pcs resource move", [0], verdict)


def test_a_failover_that_an_operator_asks_sentinel_for_moves_the_role(by_sentinel):
    cluster, lags = by_sentinel, []
    old = cluster.wait_healthy()
    with cluster.observer() as observed:
        observed.wait_writes_after(0, 30)
        cluster.sentinel("n2", "FAILOVER", "mymaster")
        new = wait_role_follows(cluster, old, lags)
        observed.wait_writes_after(time.monotonic(), 30)
        assert cluster.wait_healthy() == new
        report("SENTINEL FAILOVER", lags, observed.finish())
    cluster.settle()
    assert cluster.failures() == []


def test_standby_hands_the_role_over_through_sentinel(by_sentinel):
    cluster = by_sentinel
    old = cluster.wait_healthy()
    elected = elections(cluster)
    with cluster.observer() as observed:
        observed.wait_writes_after(0, 30)
        cluster.pcs("node", "standby", old)
        new = cluster.wait_promoted_elsewhere(old)
        observed.wait_writes_after(time.monotonic(), 30)
        cluster.pcs("node", "unstandby", old)
        assert cluster.wait_healthy() == new
        report("standby", [0], observed.finish())
    assert elections(cluster) - elected == 1
    assert cluster.failures() == []


def test_after_everything_was_off_the_server_that_sentinels_name_leads(by_sentinel):
    cluster = by_sentinel
    cluster.wait_healthy()
    cluster.through_floating("SET", "kept", "over a full stop")

    cluster.pcs("resource", "disable", "redis-clone")
    cluster.wait(lambda: cluster.roles() == {}, 60, "Redis is stopped everywhere")
    cluster.pcs("resource", "enable", "redis-clone")

    primary = cluster.wait_healthy()  # the one of before, or one that Sentinel has chosen since
    cluster.wait_sentinels_name(primary)
    assert cluster.through_floating("GET", "kept") == "over a full stop"
    assert cluster.failures() == []
