# SPDX-License-Identifier: GPL-2.0-or-later
"""The deployed cluster as tests and the demo look at it: Pacemaker's view, Redis's view, and both
compared; waits for a state, faults of a process, and the way back to health.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import LabError  # noqa: E402 - the path must be known first
from observer import Observer  # noqa: E402
from observer.resp import fields  # noqa: E402

from .example import READS, REDIS, SENTINEL, WRITES  # noqa: E402

CLONES = ("redis-clone", "sentinel-clone", "haproxy-clone")
HEALTHY_WITHIN = 90.0


class Seed:
    """A lab with the example on it."""

    def __init__(self, lab, example):
        self.lab, self.example = lab, example

    def node(self, name):
        return self.lab.node(name)

    # Pacemaker's view

    def view(self):
        """crm_mon's XML from any node that is on and answers."""
        last = LabError("every node is switched off")
        for node in self.lab.nodes_on():
            try:
                return node.crm_mon()
            except LabError as failure:
                last = failure
        raise last

    def roles(self, clone="redis-clone", view=None):
        """node -> role of a clone's instances that run, as Pacemaker has it."""
        found = {}
        for instance in (self.view() if view is None else view).iterfind(
                f"resources/clone[@id='{clone}']/resource[@active='true']"):
            for node in instance.iterfind("node"):
                found[node.get("name")] = instance.get("role")
        return found

    def promoted(self):
        """Name of the node that Pacemaker has promoted; None unless exactly one."""
        names = [name for name, role in self.roles().items() if role == "Promoted"]
        return names[0] if len(names) == 1 else None

    def where_floating(self):
        """Name of the node with the floating address, or None."""
        node = self.view().find("resources/resource[@id='floating-ip'][@active='true']/node")
        return None if node is None else node.get("name")

    def attribute(self, node, name):
        found = self.view().find(f"node_attributes/node[@name='{node}']/attribute[@name='{name}']")
        return None if found is None else found.get("value")

    def failures(self, node=None):
        """(task, exit status, exit reason) of the failed actions that crm_mon lists."""
        return [(f.get("op_key"), f.get("exitstatus"), f.get("exitreason"))
                for f in self.view().iterfind("failures/failure")
                if node is None or f.get("node") == node]

    # Redis's view

    def redis(self, node, *words):
        """One command to the Redis of a node, sent from the client."""
        return self._cli(self.node(node).address, REDIS, words)

    def sentinel(self, node, *words):
        return self._cli(self.node(node).address, SENTINEL, words, password=False)

    def through_floating(self, *words, port=WRITES):
        return self._cli(self.example.floating, port, words)

    def _cli(self, host, port, words, password=True):
        env = {"REDISCLI_AUTH": self.example.password} if password else {}
        text = self.lab.client.output(["timeout", "3", "redis-cli", "-h", host, "-p", port, *words],
                                      env=env, timeout=10)
        if text.startswith(("(error)", "ERR", "NOAUTH", "LOADING", "READONLY", "Could not connect")):
            raise LabError(f"{host}:{port}: {text}")
        return text

    def info(self, node, section="replication"):
        return fields(self.redis(node, "INFO", section).replace("\r", ""))

    def pid(self, node):
        """Number of the Redis process, as the node counts."""
        return int(self.info(node, "server")["process_id"])

    def is_linked(self, node, primary):
        """Whether the Redis of `node` follows that of `primary` now."""
        info = self.info(node)
        return (info["role"] == "slave" and info["master_link_status"] == "up"
                and info["master_host"] == self.node(primary).address)

    # Both compared

    def trouble(self):
        """What is not as it should be, in one line; None when all is well on the nodes that are on."""
        names = sorted(node.name for node in self.lab.nodes_on())
        view = self.view()
        if self.lab.online(names[0]) != names:
            return f"not all of {names} are online"
        for clone in CLONES:
            if sorted(self.roles(clone, view)) != names:
                return f"{clone} runs on {sorted(self.roles(clone, view))} only"
        return self._redis_trouble(names, self.roles(view=view)) or self._floating_trouble()

    def _redis_trouble(self, names, roles):
        promoted = [name for name in names if roles[name] == "Promoted"]
        if len(promoted) != 1:
            return f"promoted: {promoted or 'none'}"
        if self.info(promoted[0])["role"] != "master":
            return f"Redis on {promoted[0]} is no primary, and Pacemaker says Promoted"
        for name in names:
            if name != promoted[0] and not self.is_linked(name, promoted[0]):
                return f"Redis on {name} is not linked to {promoted[0]}"
        return None

    def _floating_trouble(self):
        if not self.where_floating():
            return "the floating address stands nowhere"
        if self.through_floating("SET", "probe:healthy", "1") != "OK":
            return "no write through the floating address"
        return None

    def wait_healthy(self, deadline=HEALTHY_WITHIN, why="one primary, all others linked, writes possible"):
        """Returns the primary's name."""
        said = {}

        def healthy():
            said["trouble"] = self.trouble()
            return said["trouble"] is None
        try:
            self.lab.wait(healthy, deadline, why, every=0.2)
        except LabError as failure:
            raise type(failure)(f"{failure}; {said.get('trouble')}") from None
        return self.promoted()

    def wait_promoted_elsewhere(self, old, deadline=30.0):
        """Until another node is promoted, by Pacemaker's word and by Redis's; returns its name."""
        def moved():
            name = self.promoted()
            return name if name not in (None, old) and self.info(name)["role"] == "master" else None
        return self.lab.wait(moved, deadline, f"a node other than {old} is promoted")

    # Faults and the way back

    def kill_redis(self, node, signal="KILL"):
        """Signals exactly the Redis server of a node."""
        self.node(node).run(["kill", f"-{signal}", str(self.pid(node))])

    def pcs(self, *words, node=None, timeout=60.0):
        """pcs on one node, n1 unless named or off."""
        on = self.node(node) if node else self.lab.nodes_on()[0]
        return on.run(["pcs", *words], timeout=timeout).stdout

    def observer(self):
        """An observer of this cluster, not yet started."""
        return Observer(self.lab.client, (self.example.floating, WRITES),
                        {n.name: (n.address, REDIS) for n in self.lab.nodes}, self.example.password_file)

    def restore(self):
        """Takes back whatever a scenario did, and waits for health."""
        self.lab.heal()
        self.lab.clear()
        for node in self.lab.nodes:
            if not node.is_on:
                node.power_on()
        self.lab.wait_online()
        self.pcs("property", "set", "maintenance-mode=false")
        self.pcs("node", "unstandby", "--all")
        self.pcs("resource", "enable", "redis-clone")
        self.pcs("resource", "clear", "redis-clone")
        self.lab.nodes_on()[0].run(["crm_resource", "--cleanup"])
        return self.wait_healthy()


__all__ = ["READS", "Seed", "WRITES"]
