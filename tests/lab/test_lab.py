# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's own tests: it must leave nothing behind, and its nodes must be what it says; test_network.py
is about what lies between them. Run as root: /usr/bin/python3 -m pytest tests/lab
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
from .lab_kit import PROGRAM, RUN, lab_program, needs_root, pings, start_redis

pytestmark = needs_root


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


def test_a_drop_in_counts_once_the_units_are_read_anew(bare):
    n1 = bare.node("n1")
    n1.run(["systemctl", "start", "redis-server"])
    n1.write("/etc/systemd/system/redis-server.service.d/own.conf",
             "[Service]\nRestart=no\nRuntimeDirectoryPreserve=yes\n")
    n1.run(["systemctl", "daemon-reload"])
    n1.run("kill -9 $(pidof redis-server)")
    bare.wait(lambda: n1.run(["systemctl", "is-active", "redis-server"], check=False).stdout == "failed\n", 10,
              "it is not started again")
    n1.run(["test", "-d", "/run/redis"])
    n1.run("rm -r /etc/systemd/system/redis-server.service.d")
    n1.run(["systemctl", "daemon-reload"])
    n1.run(["systemctl", "start", "redis-server"])
    n1.run(["systemctl", "stop", "redis-server"])
    assert n1.run(["test", "-d", "/run/redis"], check=False).returncode == 1, "its folder goes with it"


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
