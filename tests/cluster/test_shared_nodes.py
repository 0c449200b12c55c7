# SPDX-License-Identifier: GPL-2.0-or-later
"""Two promotable Redis on the same nodes, both led from one of them.

        n1 Redis 6379, Redis 6390   n2 ...   n3 ...
           redis-watch of each
        +-- corosync, Pacemaker on each --+
"""

import re
from collections import Counter

import pytest

PORT = 6390
CONF = "/etc/redis/second.conf"
WATCH_LOG = "/run/redis-ha/redis/{}/watch.log"


@pytest.fixture
def second(cluster):
    """Another clone, promoted where the first is; the node's name."""
    for node in cluster.lab.nodes:
        text = cluster.example.redis_conf(node.name)
        for old, new in (("port 6379", f"port {PORT}"), ("dump.rdb", "second.rdb"), ("redis-server.log", "second.log")):
            assert text.count(old) == 1
            text = text.replace(old, new)
        node.write(CONF, text, 0o640, "root:redis")
    primary = cluster.wait_healthy()
    cluster.pcs("resource", "create", "second", "ocf:redis-ha:redis", f"config={CONF}", f"port={PORT}",
                "promotable", "interleave=true")
    try:
        cluster.wait(lambda: sorted(cluster.attributes("second-status").values()) == ["primary", "replica", "replica"], 60,
                     "the second has a primary and linked replicas")
        if cluster.roles("second-clone")[primary] != "Promoted":
            cluster.pcs("resource", "move", "second-clone", primary, "--promoted")
        cluster.wait(lambda: cluster.roles("second-clone").get(primary) == "Promoted", 60, f"both lead on {primary}")
        yield primary
    finally:
        cluster.pcs("resource", "delete", "second-clone")
        cluster.wait(lambda: len(cluster.processes(primary, "redis-watch")) == 1, 60, "the second is gone")


def requests(cluster, node):
    """How many requests to its group service corosync has counted of each redis-watch of that node."""
    counted = Counter()
    for pid, number in re.findall(r"service2\.(\d+)\.\S+\.requests \(u64\) = (\d+)",
                                  cluster.node(node).output(["corosync-cmapctl", "-m", "stats"])):
        counted[int(pid)] += int(number)
    return {pid: counted[pid] for pid in cluster.processes(node, "redis-watch")}


def pauses(cluster, node, name):
    log = cluster.node(node).output(["cat", WATCH_LOG.format(name)])
    return len(re.findall(r"reasons to pause writes: .*no lease", log))


def busiest(cluster, node):
    """(a watch that has sent 30 messages since now, messages of the others meanwhile): 3 s of ticks."""
    before = requests(cluster, node)

    def sent():
        now = {pid: number - before.get(pid, number) for pid, number in requests(cluster, node).items()}
        ticker = max(now, key=now.get)
        return now[ticker] >= 30 and (ticker, sum(now.values()) - now[ticker])

    return cluster.wait(sent, 30, "somebody ticks")


def only_ticker(cluster, node):
    """The one watch that ticks, when what a change has everybody say is said."""
    def alone():
        ticker, others = busiest(cluster, node)
        return others < 10 and ticker

    return cluster.wait(alone, 60, "one watch ticks, and no other")


def test_one_of_a_nodes_watches_ticks_for_all(cluster, second):
    ticker = only_ticker(cluster, second)
    name = {pid: cluster.node(second).output(["cat", f"/proc/{pid}/cmdline"]).split("\0")[1]
            for pid in cluster.processes(second, "redis-watch")}
    [other] = set(name.values()) - {name[ticker]}
    before = pauses(cluster, second, other)

    cluster.node(second).run(["kill", "-KILL", str(ticker)])

    cluster.wait(lambda: len(cluster.processes(second, "redis-watch")) == 2, 30, "the killed watch is back")
    assert pauses(cluster, second, other) == before, "the other has a lease all the time"
    only_ticker(cluster, second)
    assert cluster.wait_healthy() == second
    assert cluster.roles("second-clone")[second] == "Promoted"
