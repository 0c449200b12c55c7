# SPDX-License-Identifier: GPL-2.0-or-later
"""The deployed cluster as tests and the demo look at it: Pacemaker's view, Redis's view, and both
compared; waits for a state, what an operator does, faults of a process, and the way back to health.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import LabError  # noqa: E402 - the path must be known first
from observer import Observer  # noqa: E402
from observer.resp import fields  # noqa: E402

from .example import READS, REDIS, SENTINEL, WRITES  # noqa: E402

CLONES = ("redis-clone", "sentinel-clone", "haproxy-clone")
SERVERS = ("redis-server", "redis-sentinel", "haproxy")
HEALTHY_WITHIN = 90.0
ERRORS = ("(error)", "ERR", "NOAUTH", "WRONGPASS", "LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS",
          "Could not connect", "Error:")


class Seed:
    """A lab with the example on it."""

    redis_port, reads_port = REDIS, READS
    clones = CLONES

    def __init__(self, lab, example):
        self.lab, self.example = lab, example
        self.node, self.wait = lab.node, lab.wait

    # Pacemaker's view

    def view(self):
        """crm_mon's XML from a node that is on and answers, in the partition with quorum if there is one."""
        last, lonely = LabError("every node is switched off"), None
        for node in self.lab.nodes_on():
            try:
                view = node.crm_mon()
            except LabError as failure:
                last = failure
                continue
            dc = view.find("summary/current_dc")
            if dc is not None and dc.get("with_quorum") == "true":
                return view
            lonely = view
        if lonely is None:
            raise last
        return lonely

    def roles(self, clone="redis-clone", view=None):
        """node -> role of a clone's instances that run, as Pacemaker has it."""
        view = self.view() if view is None else view
        return {node.get("name"): instance.get("role")
                for instance in view.iterfind(f"resources/clone[@id='{clone}']/resource[@active='true']")
                for node in instance.iterfind("node")}

    def promoted(self):
        """Name of the node that Pacemaker has promoted; None unless exactly one."""
        names = [name for name, role in self.roles().items() if role == "Promoted"]
        return names[0] if len(names) == 1 else None

    def where_floating(self):
        """Name of the node with the floating address, or None."""
        node = self.view().find("resources/resource[@id='floating-ip'][@active='true']/node")
        return None if node is None else node.get("name")

    def attributes(self, name):
        """node -> value of a node attribute, of the nodes that have it."""
        return {node.get("name"): found.get("value")
                for node in self.view().iterfind("node_attributes/node")
                for found in node.iterfind(f"attribute[@name='{name}']")}

    def failures(self):
        """(node, operation, exit status, reason) of the actions that crm_mon lists as failed."""
        return [(f.get("node"), f.get("op_key"), f.get("exitstatus"), f.get("exitreason"))
                for f in self.view().iterfind("failures/failure")]

    def reason(self, node, action):
        """The exit reason that crm_mon shows for a failed action of Redis on a node; None without one."""
        for name, operation, _, reason in self.failures():
            if name == node and operation.startswith(f"redis_{action}_"):
                return reason
        return None

    def managed(self):
        """Ids of the resources that Pacemaker manages on every node."""
        found = {}
        for resource in self.view().iter("resource"):
            found.setdefault(resource.get("id"), []).append(resource.get("managed") == "true")
        return {name for name, flags in found.items() if all(flags)}

    def was_fenced(self, node):
        """Whether the cluster's own history says that a fencing of this node succeeded."""
        return any(event.get("target") == node and event.get("status") == "success"
                   for event in self.view().iterfind("fence_history/fence_event"))

    # The servers' view

    def redis(self, node, *words):
        """One command to the Redis of a node, sent from the client."""
        return self._cli(self.node(node).address, REDIS, words)

    def sentinel(self, node, *words):
        """One SENTINEL command to the Sentinel of a node."""
        return self._cli(self.node(node).address, SENTINEL, ("SENTINEL", *words), password=False)

    def through_floating(self, *words, port=WRITES):
        return self._cli(self.example.floating, port, words)

    def _cli(self, host, port, words, password=True):
        env = {"REDISCLI_AUTH": self.example.password} if password else {}
        text = self.lab.client.output(["timeout", "3", "redis-cli", "-h", host, "-p", port, *words],
                                      env=env, timeout=10)
        if text.startswith(ERRORS):
            raise LabError(f"{host}:{port}: {text}")
        return text

    def info(self, node, section="replication"):
        return fields(self.redis(node, "INFO", section).replace("\r", ""))

    def pid(self, node):
        """Number of the Redis process, as the node counts."""
        return int(self.info(node, "server")["process_id"])

    def run_id(self, node):
        return self.info(node, "server")["run_id"]

    def run_id_behind(self, port):
        """Which server HAProxy chooses for a new connection to that port of the floating address."""
        return fields(self.through_floating("INFO", "server", port=port).replace("\r", ""))["run_id"]

    def is_linked(self, node, primary):
        """Whether the Redis of `node` follows that of `primary` now."""
        info = self.info(node)
        return (info["role"] == "slave" and info["master_link_status"] == "up"
                and info["master_host"] == self.host_of(primary))

    def host_of(self, node):
        """By what the replicas know a node."""
        return self.node(node).address

    def processes(self, node, program):
        """Numbers of a program's processes on a node."""
        lines = self.node(node).output(["ps", "-eo", "pid=,args="]).splitlines()
        pairs = (line.split(None, 1) for line in lines)
        return sorted(int(pid) for pid, args in pairs if Path(args.split()[0]).name == program)

    def server_processes(self):
        return {(node.name, program): self.processes(node.name, program)
                for node in self.lab.nodes_on() for program in SERVERS}

    # Both compared

    def trouble(self):
        """What is not as it should be, in one line; None when all is well on the nodes that are on."""
        names = sorted(node.name for node in self.lab.nodes_on())
        view = self.view()
        if self.lab.online(names[0]) != names:
            return f"not all of {', '.join(names)} are online"
        for clone in self.clones:
            running = sorted(self.roles(clone, view))
            if running != names:
                return f"{clone} runs on {', '.join(running) or 'no node'} only"
        return self._redis_trouble(self.roles(view=view)) or self._floating_trouble()

    def _redis_trouble(self, roles):
        promoted = [name for name, role in roles.items() if role == "Promoted"]
        if len(promoted) != 1:
            return f"promoted: {', '.join(promoted) or 'none'}"
        if self.info(promoted[0])["role"] != "master":
            return f"Redis on {promoted[0]} is no primary, and Pacemaker says Promoted"
        for name in roles:
            if name != promoted[0] and not self.is_linked(name, promoted[0]):
                return f"Redis on {name} is not linked to {promoted[0]}"
        return None

    def _floating_trouble(self):
        if not self.where_floating():
            return "the floating address stands nowhere"
        self.through_floating("SET", "probe:healthy", "1")
        return None

    # Waits

    def wait_healthy(self, deadline=HEALTHY_WITHIN):
        """Until one is primary, all others are linked and writes pass; returns the primary's name."""
        said = []

        def healthy():
            said[:] = [self.trouble()]
            return said == [None]
        try:
            self.wait(healthy, deadline, "one primary, all others linked, writes possible", every=0.2)
        except LabError as failure:
            failure.args = (f"{failure}; trouble: {said[0] if said else 'could not be found out'}",)
            raise
        return self.promoted()

    def wait_promoted_elsewhere(self, old, deadline=30.0):
        """Until another node is promoted, by Pacemaker's word and by Redis's; returns its name."""
        def moved():
            name = self.promoted()
            return name if name not in (None, old) and self.info(name)["role"] == "master" else None
        return self.wait(moved, deadline, f"a node other than {old} is promoted")

    def wait_attributes(self, name, values, deadline=30.0):
        self.wait(lambda: self.attributes(name) == values, deadline, f"{name} is {values}")

    def wait_sentinels_name(self, primary, deadline=30.0):
        """Until every Sentinel tells its clients that primary."""
        wanted = f"{self.node(primary).address}\n{REDIS}"
        self.wait(lambda: all(
            self.sentinel(node.name, "GET-MASTER-ADDR-BY-NAME", "mymaster") == wanted
            for node in self.lab.nodes_on()),
            deadline, f"every Sentinel names {primary}")

    def settle(self):
        """Until Pacemaker has nothing left to do and every monitor has run once."""
        self.lab.nodes_on()[0].run(["crm_resource", "--wait", "--timeout=30"])
        self.wait(lambda: not [r for r in self.view().iter("resource") if r.get("pending")], 30,
                  "no action is pending")

    # What an operator does

    def pcs(self, *words, timeout=90.0):
        """pcs, on the first node that is on."""
        return self.lab.nodes_on()[0].output(["pcs", *words], timeout=timeout)

    def cleanup(self):
        """Forgets past failures."""
        self.lab.nodes_on()[0].run(["crm_resource", "--cleanup"])
        self.wait(lambda: self.failures() == [], 30, "crm_mon lists no failure any more")

    def move_primary_to(self, name):
        """Returns that name, healthy; pcs takes its constraint away again."""
        if self.wait_healthy() != name:
            self.pcs("resource", "move", "redis-clone", name, "--promoted")
        self.wait(lambda: self.promoted() == name, 30, f"{name} is promoted")
        return self.wait_healthy()

    def move_floating_to(self, name):
        """The floating address stands there afterwards; pcs takes its constraint away again."""
        if self.where_floating() != name:
            self.pcs("resource", "move", "floating-ip", name)
        self.wait(lambda: self.where_floating() == name, 30, f"the floating address stands on {name}")

    def observer(self, write_to=None):
        """An observer of this cluster, not yet started; it writes to the floating address, or there."""
        return Observer(self.lab.client, write_to or (self.example.floating, WRITES),
                        {n.name: (n.address, REDIS) for n in self.lab.nodes}, self.example.password_file)

    def kill_redis(self, node, signal="KILL"):
        """Signals exactly the Redis server of a node."""
        self.node(node).run(["kill", f"-{signal}", str(self.pid(node))])

    def signal(self, node, program, signal="KILL"):
        """Signals every process of a program on a node; there must be one."""
        found = self.processes(node, program)
        if not found:
            raise LabError(f"{program} does not run on {node}")
        self.node(node).run(["kill", f"-{signal}", *map(str, found)])

    def replicas(self):
        """Names of the nodes that are not promoted."""
        primary = self.promoted()
        return [node.name for node in self.lab.nodes_on() if node.name != primary]

    def restore(self):
        """Takes back whatever a scenario did, and waits for health."""
        self.lab.heal()
        self.lab.clear()
        for node in self.lab.nodes:
            if not node.is_on:
                node.power_on()
                continue
            for program in ("corosync", "redis-server", "redis-watch"):
                if self.processes(node.name, program):
                    self.signal(node.name, program, "CONT")
        self.lab.wait_online()
        for node in self.lab.nodes:
            self.example.install(node)
        self.pcs("property", "set", "maintenance-mode=false", "stonith-enabled=true")
        self.pcs("node", "unstandby", "--all")
        self.pcs("resource", "enable", "redis-clone")
        self.pcs("resource", "clear", "redis-clone")
        self.cleanup()
        return self.wait_healthy()
