# SPDX-License-Identifier: GPL-2.0-or-later
"""README's "A real cluster in ten minutes", command by command, on three nodes as Debian leaves them:
a cluster of one and all servers running.

     n1                      n2                      n3
     pcsd --- host auth ---- pcsd ------------------ pcsd
     cluster setup --start --enable --wait on all of them, cluster.pcs.sh, standby, fencing
"""

import re
from concurrent.futures import ThreadPoolExecutor

from cluster.example import shipped_fencing
from documents import commands, written
from lab.corosync import first_cib
from lab.units import load

PASSWORD = "of-hacluster"
ANSWERS = {"passwd hacluster": 2 * f"{PASSWORD}\n", "pcs host auth -u hacluster n1 n2 n3": f"{PASSWORD}\n"}
INSTALLED = ("corosync", "pacemaker", "redis-server", "redis-sentinel", "haproxy")
CIB = "/var/lib/pacemaker/cib/cib.xml"
LONGEST = 120.0

# As the corosync package of Debian has it.
CLUSTER_OF_ONE = """totem {
    version: 2
    cluster_name: debian
    crypto_cipher: none
    crypto_hash: none
}
quorum {
    provider: corosync_votequorum
}
nodelist {
    node {
        name: node1
        nodeid: 1
        ring0_addr: 127.0.0.1
    }
}
"""


def everywhere(lab, work):
    """Does it on every node at the same time."""
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, lab.nodes))


def as_debian_leaves_it(node):
    """All of it enabled and started, and no network to install anything from.

    As everywhere in the lab a first CIB has a short dc-deadtime; here pacemaker.service puts it in place,
    as every `pcs cluster destroy` and `setup` removes it.
    """
    node.write("/etc/corosync/corosync.conf", CLUSTER_OF_ONE)
    node.write("/etc/apt/apt.conf.d/99lab", 'APT::Get::Upgrade "false";\n')
    node.run("echo PCSD_WORKER_COUNT=2 >>/etc/default/pcsd")  # of ten that it starts, for one user
    node.write("/etc/first-cib.xml", first_cib({"dc_deadtime": "2s"}))
    place = f"install -m 600 -o hacluster -g haclient /etc/first-cib.xml {CIB}"
    node.write("/etc/systemd/system/pacemaker.service",
               re.sub(r"^ExecStart=(.*)$", rf"ExecStart=/bin/sh -c '[ -e {CIB} ] || {place}; exec \1'",
                      load("pacemaker").path.read_text(), flags=re.M))
    node.run(["systemctl", "enable", "--now", *INSTALLED])
    assert node.run(["systemctl", "is-active", *INSTALLED]).stdout.split() == ["active"] * len(INSTALLED)


def type_in(node, command):
    """What a user types, and what he answers; it must succeed."""
    return node.run(command, input=ANSWERS.get(command), timeout=LONGEST)


def states(node, verb):
    return set(node.run(["systemctl", verb, *INSTALLED], check=False).stdout.split())


def step_1(node):
    for command in commands("README.md", "1. On each node, the cluster and the servers."):
        type_in(node, command)
    assert states(node, "is-enabled") == {"disabled"}
    assert states(node, "is-active") == {"inactive"}
    assert node.run(["test", "-e", "/etc/corosync/corosync.conf"], check=False).returncode == 1
    assert node.output(["systemctl", "is-active", "pcsd"]) == "active"


def step_2(node):
    """The packages; the build is tests/check's, and the lab shows in the nodes what it installed."""
    installs = [command for command in commands("README.md", "2. On each node, these agents")
                if command.startswith("apt-get ")]
    assert len(installs) == 1
    type_in(node, installs[0])
    assert "stop" in type_in(node, written("README.md", "man ocf_redis-ha_redis")).stdout


def step_3(lab):
    for command in commands("README.md", "3. On one node, the cluster."):
        type_in(lab.node("n1"), command)
    lab.wait_online()
    for node in lab.nodes:
        assert node.output(["systemctl", "is-enabled", "corosync", "pacemaker"]) == "enabled\nenabled"


def step_4(seed):
    """The example with the lab's fence device; and its own devices, as far as can be without them."""
    first = seed.node("n1")
    first.run(f"set -eu; cib=/tmp/shipped.xml; pcs cluster cib $cib\n{shipped_fencing('cluster.pcs.sh')}")
    first.write("/tmp/shipped.crm", shipped_fencing("cluster.crm"))
    first.run("crm configure load update /tmp/shipped.crm", env={"CIB_file": "/tmp/shipped.xml"})
    seed.example.deploy("pcs")
    seed.wait_healthy()


def step_5(seed):
    (look,) = commands("README.md", "5. Look.")
    seed.settle()
    said = type_in(seed.node("n2"), look).stdout
    assert said.count("Promoted: [ n") == 1 and said.count("Unpromoted: [ n") == 1
    found = sorted(line.split()[-1] for line in said.splitlines() if "redis-status" in line)
    assert found == ["primary", "replica", "replica"]


def step_6(seed):
    standby, unstandby, fence = commands("README.md", "6. Try it")
    assert standby.split()[-1] == unstandby.split()[-1]
    victim, fenced = standby.split()[-1], seed.node(fence.split()[-1])

    type_in(seed.node("n3"), standby)
    seed.wait(lambda: victim not in seed.roles(), 60, f"Redis on {victim} is stopped")
    type_in(seed.node("n3"), unstandby)
    seed.wait_healthy()

    before = fenced.pid
    type_in(seed.node("n3"), fence)
    seed.wait(lambda: fenced.is_on and fenced.pid != before, 60, f"{fenced.name} boots again")
    seed.wait_healthy()  # by itself, as the cluster is enabled there
    assert seed.was_fenced(fenced.name)


def test_a_real_cluster_in_ten_minutes(machines):
    everywhere(machines.lab, as_debian_leaves_it)
    everywhere(machines.lab, step_1)
    step_2(machines.node("n1"))
    step_3(machines.lab)
    step_4(machines)
    step_5(machines)
    step_6(machines)
