# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything was off. The nodes fall one after another, with writes in between, and come back in another
order: only the newest data is promoted, and where it is missing nobody is, and the reason says for whom
everybody waits. With an RDB file, with an AOF, and with neither (then nothing is left, but service is).

        n1 --- n2 --- n3      off one by one, on one by one, fencing off
"""

import itertools

import pytest

PERSISTENCE = {"RDB": ("no", "3600 1"), "AOF": ("yes", ""), "neither": ("no", "")}
ORDERS = [("n1", "n2", "n3"), ("n3", "n1", "n2")]


def keep(cluster, kind):
    """Every server keeps its data so, now and at its next start."""
    appendonly, save = PERSISTENCE[kind]
    for node in cluster.lab.nodes:
        cluster.redis(node.name, "CONFIG", "SET", "appendonly", appendonly)
        cluster.redis(node.name, "CONFIG", "SET", "save", save)
        node.run(["rm", "-f", "/var/lib/redis/dump.rdb"])
        text = cluster.example.redis_conf(node.name)
        node.write("/etc/redis/redis.conf", f'{text}\nappendonly {appendonly}\nsave "{save}"\n', 0o640,
                   "root:redis")
        if kind != "AOF":
            node.run(["rm", "-rf", "/var/lib/redis/appendonlydir"])


@pytest.fixture
def persistence(unfenced):
    yield lambda kind: keep(unfenced, kind)
    unfenced.wait_healthy()
    keep(unfenced, "RDB")


def fall(cluster, nodes, save=True):
    """Off they go, each with what it held on its disk; returns what the last two have."""
    for number, name in enumerate(nodes):
        if number < 2:  # after that there is no quorum
            cluster.wait(lambda: cluster.through_floating("SET", "newest", f"write {number}") == "OK", 60,
                         "a write passes")
            cluster.wait(lambda: cluster.through_floating("WAIT", str(2 - number), "1000") == str(2 - number), 30,
                         "the replicas confirm")
        for node in cluster.lab.nodes_on() if save else ():
            cluster.wait(lambda name=node.name: cluster.redis(name, "SAVE") == "OK", 30, "it is on the disk")
        cluster.node(name).power_off()
    return "write 1"


@pytest.fixture
def orders(rounds):
    return ORDERS if rounds == 1 else list(itertools.permutations(("n1", "n2", "n3")))


def test_the_newest_data_is_promoted_in_whatever_order_the_nodes_come_back(unfenced, orders):
    for order in orders:
        unfenced.wait_healthy()
        newest = fall(unfenced, ("n2", "n3", "n1"))
        for name in order:
            unfenced.node(name).power_on()
        unfenced.lab.wait_online()
        unfenced.wait_healthy()
        assert unfenced.through_floating("GET", "newest") == newest, f"back in the order {order}"


@pytest.mark.parametrize("kind, kept", [("AOF", True), ("neither", False)])
def test_other_ways_to_keep_data(unfenced, persistence, rounds, kind, kept):
    for order in [ORDERS[1]] if rounds == 1 else itertools.permutations(("n1", "n2", "n3")):
        unfenced.wait_healthy()
        persistence(kind)
        newest = fall(unfenced, ("n2", "n3", "n1"), save=False)
        for name in order:
            unfenced.node(name).power_on()
        unfenced.lab.wait_online()
        unfenced.wait_healthy()
        assert unfenced.through_floating("GET", "newest") == (newest if kept else ""), f"back in the order {order}"


def test_nobody_is_promoted_while_the_newest_data_is_missing(unfenced):
    unfenced.wait_healthy()
    newest = fall(unfenced, ("n2", "n3", "n1"))
    for name in ("n2", "n3"):
        unfenced.node(name).power_on()
    unfenced.lab.wait_online(["n2", "n3"])

    reason = unfenced.wait(lambda: unfenced.reason("n3", "monitor"), 60, "crm_mon tells for whom they wait")
    assert "n1" in reason
    assert unfenced.promoted() is None

    unfenced.node("n1").power_on()
    unfenced.wait_healthy()
    assert unfenced.through_floating("GET", "newest") == newest
