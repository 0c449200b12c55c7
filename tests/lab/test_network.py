# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's own tests: what it does to the network between nodes, and the cluster that runs on it. One lab of
three real cluster nodes serves most of them.
"""

import sys
import time

import pytest

from .api import Lab
from .lab_kit import RUN, lab_program, needs_root, pings, start_redis

pytestmark = needs_root


def connects(member, address, port):
    return member.run(["timeout", "1", "bash", "-c", f"</dev/tcp/{address}/{port}"],
                      check=False).returncode == 0


def packets_lost(member, address):
    """Of 300 large packets sent in quick succession, in percent."""
    said = member.run(["ping", "-q", "-c300", "-i0.002", "-W1", "-s1400", address], check=False).stdout
    return float(said.partition("% packet loss")[0].rpartition(" ")[2])


def seconds_for_half_a_megabyte(source, target):
    """One second at 4000 kbit/s."""
    sender = source.popen([sys.executable, "-c", "import socket; s = socket.create_server(('', 7003));"
                           " s.accept()[0].sendall(bytes(500000))"])
    source.lab.wait(lambda: "7003" in source.output("ss -Hltn"), 5, "the sender listens")
    began = time.monotonic()
    target.run(["timeout", "20", "bash", "-c", f"cat </dev/tcp/{source.address}/7003 >/dev/null"])
    took = time.monotonic() - began
    sender.wait(5)
    return took


@pytest.fixture(scope="module")
def lab():
    with Lab(nodes=3, name=RUN) as cluster:
        cluster.node("n1").run("pcs stonith create fence fence_lab pcmk_host_list='n1 n2 n3'")
        yield cluster


@pytest.fixture
def healthy(lab):
    """The cluster, whole again after each test."""
    yield lab
    lab.heal()
    lab.clear()
    for node in lab.nodes:
        node.power_on()
    lab.wait_online(deadline=60)


# Network


def test_cut_one_way_and_to_one_peer(lab, healthy):
    n1, n2, n3 = lab.nodes
    n1.cut("n2")
    assert not pings(n1, n2.address) and pings(n1, n3.address) and pings(n3, n2.address)
    lab.heal("n2")
    assert pings(n1, n2.address)
    heard = n2.popen(["timeout", "5", "ping", "-c1", "-W4", n1.address])
    heard.wait(10)
    assert heard.returncode == 0
    n1.cut("n2", way="out")
    received = received_packets(n1)
    assert not pings(n2, n1.address)
    assert received_packets(n1) > received, "what n2 sends must still reach n1"
    assert pings(lab.client, n1.address)
    n1.cut("client")
    assert not pings(lab.client, n1.address)


def received_packets(node):
    return int(node.output("grep -h ^Icmp: /proc/net/snmp | tail -1").split()[1])


def test_drop_holds_back_one_port_only(bare):
    n1, n2 = bare.nodes
    for port in (7001, 7002):
        start_redis(n1, port)
    n1.drop(7001)
    assert not connects(n2, n1.address, 7001)
    assert connects(n2, n1.address, 7002)
    assert connects(bare.client, n1.address, 7001)
    n1.drop(7002, "client")
    assert not connects(bare.client, n1.address, 7002)
    bare.clear()
    assert connects(n2, n1.address, 7001) and connects(bare.client, n1.address, 7002)


def test_loss_and_rate(bare):
    n1, n2 = bare.nodes
    assert packets_lost(n1, n2.address) == 0
    n1.loss(30)  # both ways, so a ping and its answer pass with 0.7 x 0.7
    assert 35 < packets_lost(n1, n2.address) < 67
    bare.clear("n1")
    n1.rate(200)
    assert packets_lost(n1, n2.address) > 60
    bare.clear()
    n1.rate(4000)
    assert 0.7 < seconds_for_half_a_megabyte(n1, n2) < 5
    bare.clear()
    assert seconds_for_half_a_megabyte(n1, n2) < 0.5
    assert packets_lost(n1, n2.address) == 0


def test_frozen_node_is_silent_and_resumes(bare):
    n1, n2 = bare.nodes
    ticking = n1.popen("while :; do date +%s%N >/run/tick; done")
    bare.wait(lambda: n1.read("/run/tick"), 5, "n1 ticks")
    n1.freeze()
    assert not pings(n2, n1.address) and not pings(bare.client, n1.address)
    tick = n1.run("cat /run/tick").stdout
    assert "freeze" in lab_program("status", "--name", bare.name).stdout
    assert n1.run("cat /run/tick").stdout == tick
    n1.thaw()
    bare.wait(lambda: pings(n2, n1.address), 5, "n2 finds n1 again")
    bare.wait(lambda: n1.read("/run/tick") not in ("", tick), 5, "n1 ticks again")
    n1.freeze()
    n1.power_cycle()
    assert ticking.wait(5) != 0
    bare.wait(lambda: pings(bare.client, n1.address), 5, "the client finds n1 again")


# Cluster


def test_pcs_and_crmsh_work_in_a_node(lab, healthy):
    n1 = lab.node("n1")
    assert "n1 n2 n3" in n1.output("pcs status")
    n1.run("pcs resource create with-pcs ocf:pacemaker:Dummy")
    n1.write("/tmp/with.crm", "primitive with-crm ocf:pacemaker:Dummy op monitor interval=10s\n")
    n1.run("crm configure load update /tmp/with.crm")
    n1.run("crm_resource --wait")
    assert lab.node("n2").output("crm_mon -1").count("Started") == 3
    n1.run("pcs resource delete with-pcs && pcs resource delete with-crm")


def test_cut_off_node_is_fenced_and_cannot_fence(lab, healthy):
    n1 = lab.node("n1")
    before = n1.pid
    n1.cut()
    refused = n1.run(["fence_lab", "-o", "off", "-n", "n2"], check=False)
    assert refused.returncode == 1 and "cut off from the management network" in refused.stderr
    assert n1.run(["fence_lab", "-o", "status", "-n", "n1"], check=False).returncode == 1
    lab.wait(lambda: n1.pid != before, 30, "the others fence n1")
    lab.wait(lambda: lab.online("n2") == ["n2", "n3"], 30, "n2 and n3 go on alone")
    lab.heal()
    lab.wait_online(["n1", "n2", "n3"], 60)


def test_fence_by_hand(lab, healthy):
    n3, before = lab.node("n3"), lab.node("n3").pid
    began = time.monotonic()
    lab.node("n1").run(["fence_lab", "-o", "off", "-n", "n3"])
    assert time.monotonic() - began < 1 and not n3.is_on
    assert lab.node("n1").run(["fence_lab", "-o", "status", "-n", "n3"], check=False).returncode == 2
    n3.power_on()
    lab.wait_online(deadline=60)
    lab.node("n1").run(["stonith_admin", "--reboot", "n3", "--tolerance", "0s"])
    lab.wait(lambda: n3.is_on and n3.pid != before, 30, "n3 boots after fencing")
    lab.wait_online(["n1", "n2", "n3"], 60)


def test_cluster_stop_is_in_good_order(lab, healthy):
    n2, before = lab.node("n2"), lab.node("n2").pid
    n2.cluster_stop()
    lab.wait(lambda: lab.online("n1") == ["n1", "n3"], 20, "n2 has left")
    n2.cluster_start()
    lab.wait_online(["n1", "n2", "n3"], 60)
    assert n2.pid == before, "a node that left in good order is not fenced"


def test_failed_pacemakerd_comes_back(lab, healthy):
    n2 = lab.node("n2")
    old = n2.output("pidof pacemakerd")
    n2.run(["kill", "-9", old])
    lab.wait(lambda: n2.output("pidof pacemakerd") != old, 10, "pacemakerd is started again")
    lab.wait_online(["n1", "n2", "n3"], 30)
