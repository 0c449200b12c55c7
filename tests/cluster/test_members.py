# SPDX-License-Identifier: GPL-2.0-or-later
"""What Sentinel lists: servers that it must not promote, and nodes that are no more.

        n1                    n2                    n3, taken out of corosync's list
        Sentinel <----------> Sentinel              (off)
           |  SENTINEL RESET, one after the other
        sentinel-feed         sentinel-feed
"""

import re

from cluster.test_feed import FEED_LOG, SENTINEL_LOG, agree, of_sentinels

CONF = "/etc/corosync/corosync.conf"
NODE_3 = re.compile(r"    node \{\n        name: n3\n.*?\}\n", re.S)


def feed_says(cluster, name, words):
    return [line for line in cluster.node(name).read(FEED_LOG).splitlines() if words in line]


def sentinels_reason(cluster, name):
    """What crm_mon shows of the monitor of a node's Sentinel."""
    return next((reason for node, operation, _, reason in cluster.failures()
                 if node == name and operation.startswith("sentinel_monitor_")), None)


def test_a_server_that_sentinel_could_promote_is_told_until_its_priority_is_zero(cluster):
    """A value that another hand set, as in a server that was adopted: the next watch sets it to 0 again."""
    cluster.wait_healthy()
    replica = cluster.replicas()[0]
    cluster.redis(replica, "CONFIG", "SET", "replica-priority", "100")
    where = f"Sentinel still lists replica-priority 100 for {cluster.host_of(replica)}:6379"
    for node in cluster.lab.nodes:
        cluster.wait(lambda name=node.name: where in (sentinels_reason(cluster, name) or ""), 40,
                     f"the Sentinel of {node.name} is told as one that could promote {replica}")
        cluster.wait(lambda name=node.name: feed_says(cluster, name, "authority=pacemaker is not in force here"), 30,
                     f"the feed of {node.name} says so")

    cluster.signal(replica, "redis-watch")
    for node in cluster.lab.nodes:
        cluster.wait(lambda name=node.name: "is in force here" in feed_says(cluster, name, "authority=pacemaker")[-1],
                     30, f"the feed of {node.name} says so")
    cluster.cleanup()  # till then Pacemaker lists what a monitor once found
    cluster.settle()
    assert [sentinels_reason(cluster, node.name) for node in cluster.lab.nodes] == [None] * 3
    assert cluster.redis(replica, "CONFIG", "GET", "replica-priority").split() == ["replica-priority", "0"]


def test_sentinels_forget_a_node_that_was_taken_out_of_the_cluster(cluster):
    """With its vote the majority would be out of reach as soon as one more is down."""
    if cluster.wait_healthy() == "n3":
        cluster.move_primary_to("n1")
    before = [line for node in cluster.lab.nodes for line in feed_says(cluster, node.name, "Sentinel forgets")]
    n3, left = cluster.node("n3"), [cluster.node("n1"), cluster.node("n2")]
    address = n3.address
    n3.cluster_stop()
    whole = left[0].read(CONF)
    try:
        for node in left:
            node.write(CONF, NODE_3.sub("", whole))
        left[0].run(["corosync-cfgtool", "-R"])
        left[0].run(["crm_node", "--force", "--remove", "n3"])
        n3.power_off()
        cluster.wait(lambda: of_sentinels(cluster, "num-other-sentinels") == {"n1": "1", "n2": "1"}, 180,
                     "each Sentinel knows the other one only")
        cluster.wait(lambda: of_sentinels(cluster, "num-slaves") == {"n1": "1", "n2": "1"}, 60, "and one replica")
        told = [line for node in left for line in feed_says(cluster, node.name, "Sentinel forgets")]
        assert len(told) == len(before) + 2 and all(address in line for line in told[-2:])
        for node in left:
            assert cluster.sentinel(node.name, "CKQUORUM", "mymaster").startswith("OK 2 usable")
            log = node.read(SENTINEL_LOG)
            assert "+try-failover" not in log.rpartition("+reset-master")[2]
            since = node.read(FEED_LOG).rpartition("Sentinel forgets")[2]
            assert "sentinel-status=no-quorum" not in since, "it was told of the others in the same breath"
        agree(cluster)
    finally:
        for node in left:
            node.write(CONF, whole)
        left[0].run(["corosync-cfgtool", "-R"])
        n3.power_on()
    cluster.lab.wait_online()
    cluster.wait_healthy()
    cluster.wait(lambda: of_sentinels(cluster, "num-other-sentinels") == dict.fromkeys(("n1", "n2", "n3"), "2"), 60,
                 "all know one another again")
