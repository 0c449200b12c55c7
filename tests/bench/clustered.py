# SPDX-License-Identifier: GPL-2.0-or-later
"""What systems with Pacemaker have in common: the cluster of crm-examples/three-nodes, fencing on, of
which a system replaces parts of the text; and what one monitor of its Redis agent costs.
"""

import re

from . import monitor
from .system import System

SCRIPT = "cluster.pcs.sh"


class Clustered(System):
    """Pacemaker decides.  A subclass gives the agent, and edits the script."""

    agent = None             # PROVIDER:redis
    parameters = {"config": "/etc/redis/redis.conf"}
    move = "move"            # pcs's word for moving the promoted role

    def edit(self, script):
        """The example's script, with this system's Redis in it."""
        raise NotImplementedError

    def deploy(self):
        # A fenced node stays off until the run is over: the lab's boots at once, as no real machine does.
        script = replace(self.example.text(SCRIPT), " fence_lab ", " fence_lab pcmk_reboot_action=off ")
        (self.folder / SCRIPT).write_text(self.edit(script))
        self.example.deploy("pcs")
        self.seed.wait_healthy()
        self.seed.settle()

    def primary(self):
        return self.seed.promoted()

    def trouble(self):
        return self.seed.trouble()

    def switchover(self):
        old = self.primary()
        to = next(n.name for n in self.lab.nodes if n.name != old)
        self.seed.pcs("resource", self.move, "redis-clone", to, "--promoted")

    def move_address(self, name):
        self.seed.move_floating_to(name)

    def restore(self):
        self.wake()
        self.seed.restore()
        self.seed.settle()

    def monitor_cost(self, runs):
        """Of the monitor of the promoted role; nothing else runs agents meanwhile."""
        name = self.primary()
        self.seed.pcs("property", "set", "maintenance-mode=true")
        try:
            self.lab.wait(lambda: not self.seed.managed(), 30, "nothing is managed")
            return monitor.cost(self.lab.node(name), self.agent, self.parameters, runs)
        finally:
            self.seed.pcs("property", "set", "maintenance-mode=false")


def replace_section(script, title, text):
    """The part of the example's script between the line `# --- TITLE ---` and the next such line."""
    changed, count = re.subn(rf"^(# --- {title} -+\n).*?(?=^# --- )",
                             lambda match: f"{match[1]}\n{text}\n" if text else "", script, flags=re.M | re.S)
    if count != 1:
        raise ValueError(f"{SCRIPT}: expected one section `# --- {title} ---`")
    return changed


def replace(script, old, new):
    if script.count(old) != 1:
        raise ValueError(f"{SCRIPT}: expected one `{old}`")
    return script.replace(old, new)
