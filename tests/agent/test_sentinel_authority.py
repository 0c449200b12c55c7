# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether Sentinel could promote a server, as a monitor of ocf:redis-ha:sentinel tells it, with real servers."""

import pytest

import ocf
from sentinel_kit import ask, follow, note

WAITS = "Sentinel still lists replica-priority 100 for 127.0.0.1:{}: it could promote it; " \
        "waiting for its next INFO (up to 10 s)"


@pytest.fixture
def replica(sentinel, redis_port, redis_id, until):
    """A replica of priority 100 of this node's Redis, and known to Sentinel as that."""
    local, other = redis_port(), redis_port("--replica-priority", "100")
    follow(other, local)
    note(redis_id, local, other)
    sentinel.agent.must("start")
    until(lambda: listed(sentinel) == "100", "Sentinel lists it")
    return other


def listed(sentinel):
    """The priority of the one replica that Sentinel has had an INFO of."""
    for fields in ask(sentinel.port, "SENTINEL", "REPLICAS", "mymaster"):
        said = dict(zip(fields[::2], fields[1::2]))
        return said["slave-priority"] if said["master-host"] != "?" else None


def test_authority_pacemaker_is_in_force_once_sentinel_lists_priority_zero(sentinel, replica, until):
    waits = sentinel.agent.must("monitor", ocf.DEGRADED, interval=5000)
    assert waits.reason == WAITS.format(replica)
    ask(replica, "CONFIG", "SET", "replica-priority", "0")
    until(lambda: listed(sentinel) == "0", "Sentinel has asked again")
    sentinel.agent.must("monitor", interval=5000)


@pytest.mark.parametrize("authority", ["sentinel", None])
def test_elsewhere_a_priority_is_nobodys_business(sentinel, replica, redis_id, authority):
    if authority:
        note(redis_id, replica, authority=authority)
    else:
        (ocf.RUN_DIR / "redis" / redis_id / "authority").unlink()
    sentinel.agent.must("monitor", interval=5000)
