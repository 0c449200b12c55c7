# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's own tests: it must do to nodes what it says, and leave nothing behind.

One lab of three real cluster nodes serves most of them; what needs no cluster
uses bare labs.  Run as root: /usr/bin/python3 -m pytest tests/lab
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from documents import commands

from . import kernel, state
from .api import Lab
from .errors import LabError, LabTimeout

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a lab needs root")
PROGRAM = Path(__file__).with_name("lab")
RUN = f"selftest-{os.getpid()}"


def lab_program(*arguments, **options):
    return subprocess.run([sys.executable, "-B", str(PROGRAM), *arguments],
                          capture_output=True, text=True, timeout=90, **options)


def network(pid):
    return os.stat(f"/proc/{pid}/ns/net").st_ino


def networks_in_use():
    found = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.add(network(entry))
        except OSError:
            continue
    return found


def assert_nothing_left(name, networks):
    """No process in its networks or with its name, no mount, no link, no folder."""
    assert not networks & networks_in_use()
    assert not [line for line in Path("/proc/self/mountinfo").read_text().splitlines()
                if f"/redis-ha-lab/{name}/" in line]
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True)
    assert not {line.split("@")[0].split()[0] for line in links.stdout.splitlines()} & {"lab0", "n1", "n2"}
    assert not (state.ROOT / name).exists()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        assert name.encode() not in words, f"process {entry} is left: {words}"


def connects(member, address, port):
    return member.run(["timeout", "1", "bash", "-c", f"</dev/tcp/{address}/{port}"],
                      check=False).returncode == 0


def pings(member, address):
    return member.run(["ping", "-c1", "-W1", address], check=False).returncode == 0


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


@pytest.fixture
def bare():
    with Lab(nodes=2, name=f"{RUN}-bare", bare=True) as nodes:
        yield nodes


# Coming and going


def test_down_leaves_nothing():
    name = f"{RUN}-gone"
    with Lab(nodes=2, name=name, bare=True) as lab:
        networks = {network(n.pid) for n in lab.nodes} | {network(lab.folder.state()["client"])}
        assert len(networks) == 3
        in_client = lab.client.popen(["sleep", "600"])
        in_node = lab.node("n1").popen("sleep 600 & sleep 601")
        assert networks & networks_in_use() == networks
    assert in_client.wait(5) != 0
    assert in_node.wait(5) != 0
    assert_nothing_left(name, networks)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_up_that_is_killed_leaves_nothing(number):
    name = f"{RUN}-killed"
    folder = state.Folder(name)
    up = subprocess.Popen([sys.executable, "-B", str(PROGRAM), "up", "--nodes", "2", "--name", name],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          # a shell's background job, which these tests may be, has SIGINT ignored
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    until(lambda: folder.state(), 20, "the nodes have booted")
    running = folder.state()
    networks = {network(pid) for pid in running["nodes"].values()}
    up.send_signal(number)
    up.wait(20)
    until(lambda: not kernel.is_running(running["pid"], running["started"]), 10,
          "the lab ends with its `up`")
    if number == signal.SIGKILL:
        assert lab_program("status").stdout.count(f"lab {name}: not running") == 1
        assert lab_program("down", "--name", name).returncode == 0
    assert_nothing_left(name, networks)


def until(condition, deadline, why):
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"not within {deadline} s: {why}"
        time.sleep(0.05)


def test_program_up_status_on_down():
    name = f"{RUN}-cli"
    assert lab_program("up", "--bare", "--nodes", "1", "--name", name).returncode == 0
    try:
        second = lab_program("up", "--bare", "--name", name)
        assert second.returncode == 1 and "is up already" in second.stderr
        assert "n1" in lab_program("status", "--name", name).stdout
        done = lab_program("on", "--name", name, "n1", "sh", "-c", "cat; hostname; exit 7", input="in ")
        assert (done.returncode, done.stdout) == (7, "in n1\n")
        assert lab_program("client", "--name", name, "ping", "-c1", "n1").returncode == 0
        wrong = lab_program("power", "--name", name, "off", "n9")
        assert wrong.returncode == 1 and wrong.stderr.count("\n") == 1 and "n9" in wrong.stderr
    finally:
        assert lab_program("down", "--name", name).returncode == 0
    gone = lab_program("on", "--name", name, "n1", "true")
    assert gone.returncode == 1 and "is not up" in gone.stderr


def test_the_commands_of_the_readme(tmp_path):
    name = f"{RUN}-readme"
    (tmp_path / "tests").symlink_to(PROGRAM.parents[1])
    seen = {  # what must hold after each verb
        "up": lambda lab, said: "all nodes online" in said and start_redis(lab.node("n1")),
        "on": lambda lab, said: "Online: [ n1 n2 n3 ]" in said,
        "client": lambda lab, said: said == "PONG\n",
        "cut": lambda lab, said: lab.online("n2") == ["n2", "n3"],
        "heal": lambda lab, said: lab.online("n2") == ["n1", "n2", "n3"],
        "power": lambda lab, said: lab.nodes_on() == [lab.node("n1"), lab.node("n3")],
        "dump": lambda lab, said: "n1" in (tmp_path / "evidence/n1/crm_mon").read_text(),
    }
    try:
        for command in commands("tests/lab/README.md", "By hand (as root)"):
            done = subprocess.run(command, shell=True, cwd=tmp_path, env=dict(os.environ, LAB=name),
                                  input="PING\n", capture_output=True, text=True, timeout=90)
            assert done.returncode == 0, f"{command}: {done.stderr}"
            if command.split()[1] != "down":
                lab = Lab.attach(name)
                lab.wait(lambda: seen[command.split()[1]](lab, done.stdout), 30, f"what {command} should do")
        assert state.Folder(name).state() is None
    finally:
        lab_program("down", "--name", name)


def start_redis(node, port=6379):
    return node.run(["redis-server", "--port", port, "--bind", "0.0.0.0", "--protected-mode", "no",
                     "--daemonize", "yes"])


def test_two_labs_side_by_side(bare):
    with Lab(nodes=1, name=f"{RUN}-other", bare=True) as other:
        here, there = bare.node("n1"), other.node("n1")
        assert here.address != there.address
        assert pings(bare.client, here.address) and pings(other.client, there.address)
        assert not pings(bare.client, there.address)


# Nodes


def test_folders_of_run_are_as_packages_want_them(bare):
    assert bare.node("n1").output("stat -c '%a %U %G' /run/haproxy") == "2775 haproxy haproxy"


def test_disk_survives_power_cycle_and_run_does_not(bare):
    node = bare.node("n1")
    for path in ("/var/lib/kept", "/etc/kept", "/usr/lib/kept", "/run/lost", "/tmp/lost"):
        node.write(path, "text\n", mode=0o640, owner="redis:redis")
    node.power_off()
    with pytest.raises(LabError, match="switched off"):
        node.run(["true"])
    assert not pings(bare.client, node.address)
    node.power_on()
    for path in ("/var/lib/kept", "/etc/kept", "/usr/lib/kept"):
        assert node.read(path) == "text\n"
        assert not Path(path).exists() and not Path("/var/lib/kept").exists()
    assert node.output("stat -c '%a %U' /var/lib/kept") == "640 redis"
    assert node.run("ls /run/lost /tmp/lost", check=False).returncode != 0


def test_services_run_as_their_units_say(bare):
    n1 = bare.node("n1")

    def pid():
        return n1.run(["pidof", "redis-server"], check=False).stdout.strip()

    n1.run(["systemctl", "enable", "--now", "redis-server"])
    assert n1.output(["ps", "-o", "user=", "-p", pid()]) == "redis"
    killed = pid()
    n1.run(["kill", "-9", killed])
    bare.wait(lambda: pid() not in ("", killed), 10, "Restart=always starts it again")
    n1.power_cycle()
    bare.wait(pid, 10, "what is enabled starts at boot")
    n1.run(["systemctl", "disable", "--now", "redis-server"])
    assert pid() == ""
    n1.power_cycle()
    assert n1.run(["systemctl", "is-enabled", "redis-server"], check=False).stdout == "disabled\n"
    with pytest.raises(LabError, match="nonsense.service: not found"):
        n1.run(["systemctl", "start", "nonsense"])
    n1.run(["systemctl", "start", "pcsd"])
    assert n1.output(["systemctl", "is-active", "pcsd", "pcsd-ruby"]) == "active\nactive"
    n1.run(["systemctl", "stop", "pcsd"])
    bare.wait(lambda: n1.run(["systemctl", "is-active", "pcsd-ruby"], check=False).stdout == "inactive\n",
              10, "what is part of it is stopped with it")
    n1.write("/etc/redis/redis.conf", "nonsense\n")
    with pytest.raises(LabError, match="start of redis-server.service: it is failed"):
        n1.run(["systemctl", "start", "redis-server"])


def test_install_dir_is_shown_in_the_nodes_only(tmp_path):
    agents = tmp_path / "with:colon" / "usr/lib/ocf/resource.d/redis-ha"
    agents.mkdir(parents=True)
    (agents / "selftest").write_text("#!/bin/sh\necho agent\n")
    (agents / "selftest").chmod(0o755)
    with Lab(nodes=1, name=f"{RUN}-tree", bare=True, install_dir=tmp_path / "with:colon") as lab:
        node = lab.node("n1")
        assert node.output("/usr/lib/ocf/resource.d/redis-ha/selftest") == "agent"
        assert node.run("ls /usr/lib/ocf/resource.d/heartbeat/Dummy").returncode == 0
    assert not Path("/usr/lib/ocf/resource.d/redis-ha/selftest").exists()


def test_syslog_of_a_node_is_written(bare):
    bare.node("n1").run(["logger", "-t", "selftest", "one line"])
    log = bare.node("n1").log_dir / "syslog"
    bare.wait(lambda: "selftest: one line" in log.read_text(), 5, "the line is in the node's syslog")


def test_timeout_names_the_wait_and_writes_evidence(bare, tmp_path):
    bare.dump_dir = tmp_path
    bare.node("n2").power_off()
    with pytest.raises(LabTimeout, match="not within 0.2 s: water boils") as caught:
        bare.wait(lambda: False, 0.2, "water boils")
    assert caught.value.dump.parent == tmp_path
    assert (caught.value.dump / "n2" / "switched-off").exists()
    assert bare.node("n1").address in (caught.value.dump / "n1" / "network").read_text()


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
