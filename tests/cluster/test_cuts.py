# SPDX-License-Identifier: GPL-2.0-or-later
"""The primary's node is cut off from its peers while clients still reach every node. With fencing off what
keeps two servers from taking writes is the lease, and what keeps confirmed writes is the seal.

     client: reaches all three
        |           |           |
        n1   -/-    n2 -------- n3       -/-: cut
"""

import subprocess
import time

import pytest

SCRIPT = "local t = redis.call('TIME')[1] while redis.call('TIME')[1] - t < 8 do end"


def goes_on(cluster, observed):
    observed.wait_writes_after(time.monotonic(), 60)
    cluster.wait_healthy()
    verdict = observed.finish()
    assert (verdict.lost_confirmed, verdict.two_at_once) == ([], [])


def heal(cluster, observed):
    """The other side took over, and both become one again. Pacemaker deletes attributes while it merges, so
    the role may move once more."""
    observed.wait_writes_after(time.monotonic(), 30)
    cluster.lab.heal()
    observed.wait_writes_after(time.monotonic(), 60)
    cluster.wait_healthy()


def test_a_cut_off_primary_stops_taking_writes_before_another_takes_them(unfenced, observed, rounds):
    for _ in range(rounds):
        old = unfenced.wait_healthy()
        unfenced.node(old).cut()
        unfenced.wait_promoted_elsewhere(old)
        heal(unfenced, observed)
    goes_on(unfenced, observed)


def test_a_cut_off_primary_is_fenced(cluster, observed, rounds):
    for _ in range(rounds):
        old = cluster.wait_healthy()
        cluster.node(old).cut()
        cluster.wait_promoted_elsewhere(old)
        observed.wait_writes_after(time.monotonic(), 30)
        cluster.wait(lambda old=old: cluster.was_fenced(old), 60, f"{old} is fenced")
        cluster.lab.heal()
        cluster.lab.wait_online()
        cluster.wait_healthy()
        cluster.cleanup()
    goes_on(cluster, observed)


def test_a_cut_that_heals_around_the_promotion(unfenced, observed, rounds, instant):
    """Pacemaker 2.1 itself may stand still for a minute after such a merge: its controller waits for answers of
    the CIB that were lost with the other half."""
    for _ in range(rounds):
        unfenced.node(unfenced.wait_healthy()).cut()
        ends = time.monotonic() + instant(3.0, 6.0)
        unfenced.wait(lambda: time.monotonic() >= ends, 10, "the cut has lasted long enough", every=0.01)
        unfenced.lab.heal()
        observed.wait_writes_after(time.monotonic(), 240)
        unfenced.wait_healthy(deadline=240)
    goes_on(unfenced, observed)


def test_configuration_that_is_changed_on_the_cut_off_side(unfenced, observed, rounds):
    """After the heal the side with more writes of the configuration wins whole."""
    for number in range(rounds):
        old = unfenced.wait_healthy()
        unfenced.node(old).cut()
        for change in range(20):
            unfenced.node(old).run(["crm_attribute", "--lifetime", "forever", "--node", old, "--name", "cut-off",
                                    "--update", f"{number}-{change}"], timeout=30)
        unfenced.wait_promoted_elsewhere(old)
        heal(unfenced, observed)
    goes_on(unfenced, observed)


def test_a_long_script_runs_on_the_primary_when_its_node_is_cut_off(unfenced, observed, rounds):
    for _ in range(rounds):
        old = unfenced.wait_healthy()
        script = unfenced.lab.client.popen(
            ["redis-cli", "-h", unfenced.node(old).address, "EVAL", SCRIPT, "0"],
            env={"REDISCLI_AUTH": unfenced.example.password})
        unfenced.node(old).cut()
        unfenced.wait_promoted_elsewhere(old)
        script.wait(30)
        heal(unfenced, observed)
        unfenced.cleanup()  # the server that could not pause was killed
    goes_on(unfenced, observed)


@pytest.fixture
def outsider(unfenced):
    """outsider(NODE): a replica of that node's server, outside the cluster; what it confirms keeps no write."""
    started = []
    conf = unfenced.example.folder / "outsider.conf"

    def follow(node):
        conf.touch(mode=0o600)
        conf.write_text(f"port 7000\ndir {conf.parent}\nsave \"\"\nprotected-mode no\nmasterauth {unfenced.example.password}\n"
                        f"replicaof {unfenced.node(node).address} {unfenced.redis_port}\n")
        started.append(unfenced.lab.client.popen(["redis-server", str(conf)], stdout=subprocess.DEVNULL))
        unfenced.wait(lambda: int(unfenced.info(node)["connected_slaves"]) == 3, 30, "it is linked")
    yield follow
    for process in started:
        process.terminate()
        process.wait(10)


def test_a_replica_outside_the_cluster_keeps_no_cut_off_primary_writing(unfenced, observed, outsider):
    """Clients that count it with WAIT may lose what it alone confirmed, so that is not looked at here."""
    old = unfenced.wait_healthy()
    outsider(old)
    unfenced.node(old).cut()
    unfenced.wait_promoted_elsewhere(old)
    heal(unfenced, observed)
    assert observed.finish().two_at_once == []


def test_corosync_on_the_primarys_node_stands_still_for_six_seconds(unfenced, observed, rounds):
    for _ in range(rounds):
        old = unfenced.wait_healthy()
        [corosync] = unfenced.processes(old, "corosync")
        unfenced.node(old).run(["sh", "-c", 'kill -STOP "$1"; sleep 6; kill -CONT "$1"', "sh", str(corosync)],
                               timeout=30)
        observed.wait_writes_after(time.monotonic(), 60)
        unfenced.lab.wait_online()
        unfenced.wait_healthy()
    goes_on(unfenced, observed)
