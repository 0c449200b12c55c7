# SPDX-License-Identifier: GPL-2.0-or-later
"""Whom Sentinels watch by ocf:redis-ha:sentinel, against real Redis servers: the primary that these name,
and the next one."""

import re

import pytest

import ocf
from sentinel_kit import Sentinel, ask, follow, note


def test_begins_with_the_primary_that_the_servers_name(sentinel, redis_port, redis_id):
    local, primary, third = redis_port(), redis_port(), redis_port()
    follow(local, primary), follow(third, primary)
    note(redis_id, local, primary, third)
    sentinel.agent.must("start")
    assert sentinel.names() == primary


def test_begins_with_this_nodes_redis_where_there_is_no_primary_and_is_put_right(sentinel, redis_port, redis_id):
    local, other = redis_port(), redis_port()
    follow(local, 1), follow(other, 1)
    note(redis_id, local, other)
    sentinel.agent.must("start")
    assert sentinel.names() == local
    ask(other, "REPLICAOF", "NO", "ONE")
    follow(local, other)
    sentinel.agent.must("monitor")
    assert sentinel.names() == other and sentinel.master()["quorum"] == "2"


def test_of_two_primaries_none_is_believed(sentinel, redis_port, redis_id):
    local, other = redis_port(), redis_port()
    note(redis_id, local, other)
    sentinel.agent.must("start")
    assert sentinel.names() == local
    follow(local, other)
    third = redis_port()
    note(redis_id, local, other, third)
    sentinel.agent.must("monitor")
    assert sentinel.names() == local


def test_is_not_told_with_authority_sentinel(sentinel, redis_port, redis_id):
    local, other = redis_port(), redis_port()
    follow(other, local)
    note(redis_id, local, other)
    sentinel.agent.must("start")
    ask(other, "REPLICAOF", "NO", "ONE")
    follow(local, other)
    note(redis_id, local, other, authority="sentinel")
    sentinel.agent.must("monitor")
    assert sentinel.names() == local


@pytest.fixture
def three(request, agent, port, redis_port, redis_id, until):
    """Three servers, the first one primary, and three Sentinels that know one another."""
    servers = [redis_port(*getattr(request, "param", ())) for _ in range(3)]
    for replica in servers[1:]:
        follow(replica, servers[0])
    note(redis_id, *servers)
    sentinels = [Sentinel(agent, port, redis=redis_id, down_after=60000) for _ in range(3)]
    for one in sentinels:
        one.agent.must("start")
    until(lambda: all(one.master()["num-other-sentinels"] == "2" and one.master()["num-slaves"] == "2"
                      for one in sentinels), "the Sentinels know one another")
    return servers, sentinels


def promote(servers, new):
    ask(new, "REPLICAOF", "NO", "ONE")
    for other in servers:
        if other != new:
            follow(other, new)


def test_one_that_is_told_tells_the_others_and_keeps_them(three, until):
    servers, sentinels = three
    sentinels[0].agent.must("monitor", level=10)
    for new in (servers[1], servers[2], servers[0]):
        promote(servers, new)
        sentinels[0].agent.must("monitor")
        assert sentinels[0].names() == new
        until(lambda: [one.names() for one in sentinels] == [new] * 3, "every Sentinel names the new primary")
        assert [one.master()["num-other-sentinels"] for one in sentinels] == ["2"] * 3
    assert not any(re.search(r"\+(convert-to-slave|fix-slave-config)", one.log.read_text()) for one in sentinels)


@pytest.mark.parametrize("three", [("--replica-priority", "100")], indirect=True)
def test_a_failover_goes_on_with_the_values_that_it_began_with(three):
    """It lasts five seconds, for those that it could promote do nothing before."""
    servers, sentinels = three
    one = sentinels[0]
    for server in servers[1:]:
        ask(server, "CLIENT", "PAUSE", "5000")
    ask(one.port, "SENTINEL", "FAILOVER", "mymaster")
    reload = one.agent.begin("reload-agent", failover_timeout=30000)
    while "failover_in_progress" in (said := one.master())["flags"]:
        assert said["failover-timeout"] == "60000"
    result = one.agent.finish(reload)
    assert result.code == ocf.SUCCESS and "in a failover" in result.log
    assert one.master()["failover-timeout"] == "30000"


def is_primary(server):
    try:
        return "role:master" in ask(server, "INFO", "replication")
    except OSError:  # Sentinel ends all connections of a server that it gives another role (CLIENT KILL TYPE normal)
        return False


@pytest.mark.parametrize("three", [("--replica-priority", "100")], indirect=True)
def test_a_switch_after_sentinels_own_failover(three, redis_id, until):
    """Sentinel has raised its epoch by then; what it is told must be above that."""
    servers, sentinels = three
    (ocf.RUN_DIR / "redis" / redis_id / "authority").unlink()
    ask(sentinels[1].port, "SENTINEL", "FAILOVER", "mymaster")
    new = until(lambda: next((server for server in servers[1:] if is_primary(server)), None), "Sentinel promotes")
    until(lambda: [one.names() for one in sentinels] == [new] * 3, "every Sentinel names it")
    until(lambda: "no-failover" if "failover_in_progress" not in sentinels[1].master()["flags"] else "", "it is over")
    promote(servers, servers[0])
    sentinels[0].agent.must("monitor")
    until(lambda: [one.names() for one in sentinels] == [servers[0]] * 3, "every Sentinel names the new primary")
