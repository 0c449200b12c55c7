# SPDX-License-Identifier: GPL-2.0-or-later
"""crm-examples/rules, deployed beside the example by either tool, and the attributes changed under them.

        n1 Sentinel                n2 Sentinel            n3 Sentinel
           no-quorum                  ok                     ok
        primary ---- the role moves to one of these, the address for reads to the other
"""

import re
import time

import pytest

from cluster.example import REDIS, SENTINEL
from documents import TOP, commands, written

FOLDER = TOP / "crm-examples" / "rules"
GUIDE = "crm-examples/rules/README.md"
FILES = ("rules.pcs.sh", "rules.crm")
COPY = "/tmp/rules"
LONGEST = 300.0
SHIPPED = "192.0.2.20"
RULED = {"pcs": "location-redis-clone", "crmsh": "promoted-where-sentinel-is-well"}


def deploy(cluster, tool, address):
    first = cluster.node("n1")
    for name in FILES:
        text = (FOLDER / name).read_text()
        assert text.count(SHIPPED) == 1
        first.write(f"{COPY}/{name}", text.replace(SHIPPED, address))
    by = {"pcs": commands(GUIDE, "Deploying"),
          "crmsh": [written(GUIDE, "crm configure load update rules.crm")]}
    for command in by[tool]:
        first.run(f"cd {COPY} && {command}", timeout=LONGEST)


@pytest.fixture(params=["pcs", "crmsh"])
def ruled(cluster, request):
    """The cluster with the rules, by one tool and the other; and the address for reads."""
    cluster.wait_healthy()
    cluster.cleanup()
    cluster.settle()
    cluster.read_ip = re.sub(r"\d+$", "101", cluster.example.floating)
    try:
        deploy(cluster, request.param, cluster.read_ip)
        reads_stand_on_a_replica(cluster)
        yield cluster
    finally:
        cluster.lab.clear()
        for words in (["resource", "clear", "redis-clone"], ["resource", "delete", "read-ip", "--force"],
                      ["constraint", "delete", RULED[request.param]]):
            cluster.node("n1").run(["pcs", *words], check=False, timeout=LONGEST)  # what a failure left undone
        cluster.wait_healthy()


def where_reads(cluster):
    node = cluster.view().find("resources/resource[@id='read-ip'][@active='true']/node")
    return None if node is None else node.get("name")


def reads_stand_on_a_replica(cluster):
    """Returns where, once a client that reads there reaches that node's replica."""
    def stand():
        name = where_reads(cluster)
        if name is None or not cluster.is_linked(name, cluster.promoted()):
            return None
        said = cluster._cli(cluster.read_ip, REDIS, ("INFO", "server"))
        return name if cluster.run_id(name) in said else None
    return cluster.wait(stand, 60, "the address for reads stands on a linked replica")


def refused(cluster):
    """Promotions and demotions that failed, as one would that is against redis-watch's choice."""
    return [failure for failure in cluster.failures() if "mote_" in failure[1]]


def without_sentinels(cluster, *names):
    """The Sentinels of these nodes neither hear nor are heard."""
    for name in names:
        cluster.node(name).drop(SENTINEL)


def test_the_role_leaves_a_sentinel_without_quorum_and_stays_where_none_has_one(ruled):
    old = ruled.wait_healthy()
    with ruled.observer() as observer:
        observer.wait_writes_after(0, 30)
        without_sentinels(ruled, old)
        new = ruled.wait_promoted_elsewhere(old, 60)
        assert ruled.attributes("sentinel-status")[old] == "no-quorum"
        ruled.lab.clear()
        ruled.wait_attributes("sentinel-status", dict.fromkeys(ruled.roles(), "ok"), 60)
        ruled.settle()
        assert ruled.wait_healthy() == new, "the role does not go back"

        without_sentinels(ruled, *ruled.roles())
        ruled.wait_attributes("sentinel-status", dict.fromkeys(ruled.roles(), "no-quorum"), 60)
        ruled.settle()
        ruled.wait_healthy()
        observer.wait_writes_after(time.monotonic(), 30)
        verdict = observer.finish()
    assert (verdict.lost_acknowledged, verdict.two_at_once) == ([], [])
    assert refused(ruled) == []


def test_the_address_for_reads_follows_the_replicas(ruled):
    primary = ruled.wait_healthy()
    first = reads_stand_on_a_replica(ruled)
    (second,) = {*ruled.roles()} - {primary, first}

    ruled.pcs("resource", "ban", "redis-clone", first)
    ruled.wait(lambda: where_reads(ruled) == second, 60, f"the address has moved to {second}")
    reads_stand_on_a_replica(ruled)

    ruled.pcs("resource", "ban", "redis-clone", second)
    ruled.wait(lambda: where_reads(ruled) is None, 60, "without a replica the address stands nowhere")
    ruled.wait(lambda: ruled.through_floating("SET", "probe:alone", "1") == "OK", 30, "the primary takes writes")

    ruled.pcs("resource", "clear", "redis-clone")
    ruled.wait_healthy()
    standing = reads_stand_on_a_replica(ruled)
    ruled.move_primary_to(standing)
    assert reads_stand_on_a_replica(ruled) != standing


@pytest.mark.parametrize("ruled", ["pcs"], indirect=True)
def test_a_crash_under_the_rules_is_as_quick_and_leaves_nothing_behind(ruled):
    """Points make replicas promotable that have the data; which of them is chosen is still redis-watch's to say."""
    for _ in range(3):
        old = ruled.wait_healthy()
        with ruled.observer() as observer:
            observer.wait_writes_after(0, 30)
            ruled.kill_redis(old)
            ruled.wait_promoted_elsewhere(old)
            observer.wait_writes_after(time.monotonic(), 30)
            ruled.wait_healthy()
            verdict = observer.finish()
        print(f"{verdict.longest_gap('plain'):.2f} s")
        assert (verdict.lost_confirmed, verdict.two_at_once) == ([], [])
        assert refused(ruled) == []
