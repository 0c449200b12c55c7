# SPDX-License-Identifier: GPL-2.0-or-later
"""Deploys crm-examples/three-nodes on a lab, step by step as its README tells a user to.

The user's three edits are made by the same means: values in site.sed, each node's replica-priority in
redis.conf, and the fencing devices between the two marks.
"""

import re
import secrets
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "crm-examples" / "three-nodes"
PRIORITIES = {"n1": 100, "n2": 150, "n3": 200}
WRITES, READS, REDIS, SENTINEL = 6380, 6381, 6379, 26379

FENCING = {
    "cluster.pcs.sh": 'pcs -f "$cib" stonith create fence-lab fence_lab'
                      ' pcmk_host_list="n1 n2 n3" op monitor interval=60s\n',
    "cluster.crm": 'primitive fence-lab stonith:fence_lab params pcmk_host_list="n1 n2 n3"'
                   ' op monitor interval=60s\n',
}


class Example:
    """The example with a lab's values in it, in `folder`, which the caller removes."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, Path(folder)
        prefix = lab.node("n1").address.rpartition(".")[0]
        self.floating = f"{prefix}.100"
        self.password = secrets.token_hex(16)
        self.password_file = self.folder / "password"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(self.password + "\n")
        self._edit()

    def _edit(self):
        """What a user does with his copy of the folder."""
        names = ("redis.conf", "auth", "sentinel.conf", "haproxy.cfg", "cluster.pcs.sh", "cluster.crm")
        for name in (*names, "site.sed"):
            shutil.copy(FOLDER / name, self.folder)
        mine = {"192.0.2.10": self.floating, "change-me": self.password,
                **{f"192.0.2.1{i}": self.lab.node(f"n{i}").address for i in (1, 2, 3)}}
        table = self.folder / "site.sed"
        table.write_text(re.sub(r"^s/(.*)/(.*)/g$",
                                lambda line: f"s/{line[1]}/{mine.get(line[2], line[2])}/g",
                                table.read_text(), flags=re.M))
        subprocess.run(["sed", "-i", "-f", "site.sed", *names], cwd=self.folder, check=True)
        for name, device in FENCING.items():
            file = self.folder / name
            text, count = re.subn(r"(# fencing: begin\n).*?(# fencing: end\n)",
                                  lambda marks, device=device: marks[1] + device + marks[2],
                                  file.read_text(), flags=re.S)
            if count != 1:
                raise ValueError(f"{name}: expected one pair of the marks `# fencing: begin` and `end`")
            file.write_text(text)

    def redis_conf(self, node):
        """redis.conf of that node."""
        text, count = re.subn(r"^replica-priority .*$", f"replica-priority {PRIORITIES[node]}",
                              self.text("redis.conf"), flags=re.M)
        if count != 1:
            raise ValueError("redis.conf: expected one line replica-priority")
        return text

    def text(self, name):
        return (self.folder / name).read_text()

    def install(self, node):
        """The files of one node, with owner and mode as README's table has them."""
        node.write("/etc/redis/redis.conf", self.redis_conf(node.name), 0o640, "root:redis")
        node.write("/etc/haproxy/haproxy.cfg", self.text("haproxy.cfg"), 0o600)
        node.write("/etc/redis-ha/auth", self.text("auth"), 0o600)

    def deploy(self, tool):
        """Files on every node, then the cluster's configuration by `pcs` or `crmsh` from n1."""
        for node in self.lab.nodes:
            self.install(node)
        first = self.lab.node("n1")
        if tool == "pcs":
            first.write("/root/cluster.pcs.sh", self.text("cluster.pcs.sh"), 0o755)
            first.run(["/root/cluster.pcs.sh"], timeout=300)
        else:
            first.write("/root/cluster.crm", self.text("cluster.crm"))
            first.run(["crm", "configure", "load", "update", "/root/cluster.crm"], timeout=300)
