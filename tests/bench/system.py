# SPDX-License-Identifier: GPL-2.0-or-later
"""What every system under comparison is to the scenarios: servers, an address, and who is primary.

All of them have crm-examples/three-nodes' redis.conf and haproxy.cfg, to the letter: what differs is who
decides, and how.
"""

import os

from cluster.example import Example
from cluster.seed import Seed
from lab import Lab

DOWN_AFTER = 1000        # ms, for everything that has such a setting


class System:
    """Three nodes of a lab with one of the systems on them.

    A subclass gives `name`, `title`, and the methods that raise NotImplementedError here.
    """

    name = title = None
    bare = False             # a lab without corosync and Pacemaker
    seed_class = Seed

    def __init__(self, lab, folder):
        folder.mkdir()
        self.lab, self.folder = lab, folder
        self.example = Example(lab, folder)
        self.seed = self.seed_class(lab, self.example)
        self._hung = []

    @classmethod
    def new_lab(cls, install_dir, evidence):
        return Lab(nodes=3, name=f"bench-{os.getpid()}", install_dir=install_dir, bare=cls.bare,
                   dump_dir=evidence)

    def deploy(self):
        """From nodes that are up to a healthy system."""
        raise NotImplementedError

    def primary(self):
        """Name of the node whose server clients are to write to; None where that is not certain."""
        raise NotImplementedError

    def trouble(self):
        """What is not as it should be, among the servers that run; None when all is well."""
        raise NotImplementedError

    def switchover(self):
        """The planned move of the primary, by the command that the system's manual gives."""
        raise NotImplementedError

    def move_address(self, name):
        """The floating address stands on that node afterwards."""
        raise NotImplementedError

    def restore(self):
        """Takes back whatever a scenario did, and waits until all three servers are well."""
        raise NotImplementedError

    # The same for all

    def prepare(self):
        """The floating address off the primary's node: its move is not what is measured."""
        primary = self.primary()
        self.move_address(next(n.name for n in self.lab.nodes if n.name != primary))

    def crash(self, name):
        self.seed.kill_redis(name)

    def hang(self, name):
        pid = self.seed.pid(name)
        self.lab.node(name).run(["kill", "-STOP", pid])
        self._hung.append((name, pid))

    def wake(self):
        """Processes that hang go on, if they and their node are still there."""
        for name, pid in self._hung:
            node = self.lab.node(name)
            if node.is_on and pid in self.seed.processes(name, "redis-server"):
                node.run(["kill", "-CONT", pid], check=False)
        self._hung = []
