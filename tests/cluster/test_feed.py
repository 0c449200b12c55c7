# SPDX-License-Identifier: GPL-2.0-or-later
"""What Sentinel says, as node attributes, compared with what it says when it is asked.

        n1                    n2                    n3
        Sentinel              Sentinel              Sentinel
           |  events, answers    |                     |
        sentinel-feed         sentinel-feed         sentinel-feed
           |                     |                     |
        sentinel-status, sentinel-master, sentinel-sentinels of each node
"""

import random

import pytest

from lab import LabError
from observer.sentinel_words import said

NODES = ("n1", "n2", "n3")
FEED_LOG = "/run/redis-ha/sentinel/sentinel/feed.log"
SENTINEL_LOG = "/var/lib/redis-ha/sentinel/sentinel/sentinel.log"


def said_by_sentinel(cluster, name):
    """What the three attributes of a node have to be; None where its Sentinel gives no answer."""
    try:
        return said(cluster.sentinel(name, "MASTER", "mymaster").splitlines(),
                    cluster.node(name).output(["redis-cli", "-p", "26379", "SENTINEL", "CKQUORUM", "mymaster"]),
                    cluster.node(name).output(["redis-cli", "-p", "26379", "INFO", "sentinel"]))
    except LabError:
        return None


def agreed(cluster):
    """Attributes are what Sentinel says, both before and after they were read; LabError: where they are not."""
    for node in cluster.lab.nodes_on():
        before = said_by_sentinel(cluster, node.name)
        shown = {what: cluster.attributes(f"sentinel-{what}").get(node.name)
                 for what in ("status", "master", "sentinels")}
        after = said_by_sentinel(cluster, node.name)
        if after is None or after != before or after != shown:
            raise LabError(f"{node.name}: Sentinel says {after}, the attributes {shown}")
    return True


def agree(cluster):
    cluster.wait(lambda: agreed(cluster), 60, "attributes are what Sentinels say")


def crash(cluster):
    cluster.kill_redis(cluster.promoted())


def hang(cluster):
    cluster.kill_redis(cluster.promoted(), "STOP")


def sentinel_killed(cluster):
    cluster.signal(random.choice(NODES), "redis-sentinel")


def sentinel_stopped(cluster):
    """Long enough to be told as unreachable; it finds itself in TILT when it goes on."""
    name = random.choice(NODES)
    cluster.signal(name, "redis-sentinel", "STOP")
    cluster.wait(lambda: cluster.attributes("sentinel-status").get(name) == "unreachable", 30,
                 f"the Sentinel of {name} is told as unreachable")
    cluster.signal(name, "redis-sentinel", "CONT")


def switchover(cluster):
    cluster.move_primary_to(random.choice(cluster.replicas()))


def replaced(cluster, signal):
    """The agent's next monitor launches another."""
    name = random.choice(NODES)
    old = cluster.processes(name, "sentinel-feed")
    cluster.signal(name, "sentinel-feed", signal)
    cluster.wait(lambda: cluster.processes(name, "sentinel-feed") not in ([], old), 30,
                 f"another sentinel-feed runs on {name}")


def feed_killed(cluster):
    replaced(cluster, "KILL")


def feed_stopped(cluster):
    replaced(cluster, "STOP")


EVENTS = [crash, hang, sentinel_killed, sentinel_stopped, switchover, feed_killed, feed_stopped]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_attributes_are_what_sentinel_says_after(cluster, event, rounds):
    for _ in range(rounds):
        cluster.wait_healthy()
        event(cluster)
        cluster.wait_healthy()
        agree(cluster)
        cluster.cleanup()


FOUGHT = ("+convert-to-slave", "+fix-slave-config", "+promoted-slave", "+selected-slave")


def of_sentinels(cluster, field):
    """That field of SENTINEL MASTER, of every Sentinel."""
    found = {}
    for node in cluster.lab.nodes_on():
        words = cluster.sentinel(node.name, "MASTER", "mymaster").splitlines()
        found[node.name] = dict(zip(words[::2], words[1::2]))[field]
    return found


def lines(cluster, path):
    return [line for node in cluster.lab.nodes_on() for line in cluster.node(node.name).output(["cat", path]).splitlines()]


def test_sentinels_are_told_of_each_promotion_by_one_epoch_and_fight_none(cluster, rounds):
    fought = [line for line in lines(cluster, SENTINEL_LOG) if any(word in line for word in FOUGHT)]
    for _ in range(max(3, rounds)):
        old = cluster.wait_healthy()
        cluster.kill_redis(old)
        new = cluster.wait_promoted_elsewhere(old)
        cluster.wait_sentinels_name(new)
        assert len(set(of_sentinels(cluster, "config-epoch").values())) == 1
        cluster.wait(lambda new=new: any(f"told of the primary {cluster.host_of(new)}:6379" in line
                                         for line in lines(cluster, FEED_LOG)), 10, "a feed has told its Sentinel")
        cluster.wait_healthy()
        cluster.cleanup()
    assert [line for line in lines(cluster, SENTINEL_LOG) if any(word in line for word in FOUGHT)] == fought


def test_a_sentinel_that_its_peers_do_not_reach_is_counted_out(cluster):
    lonely = cluster.replicas()[0]

    def counted(number):
        shown = cluster.attributes("sentinel-sentinels")
        return all(shown[name] == number for name in NODES if name != lonely)

    cluster.signal(lonely, "redis-sentinel", "STOP")
    cluster.wait(lambda: counted("2"), 30, "the others count on two")
    cluster.signal(lonely, "redis-sentinel", "CONT")
    cluster.wait(lambda: counted("3"), 30, "the others count on three")
    agree(cluster)
