# SPDX-License-Identifier: GPL-2.0-or-later
"""Deploys crm-examples/three-nodes on a lab, step by step as its README tells a user to.

The user's three edits are made by the same means: values in site.sed, each node's replica-priority in
redis.conf, and the fencing devices between the two marks.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import documents  # noqa: E402 - the path must be known first

FOLDER = documents.TOP / "crm-examples" / "three-nodes"
GUIDE = "crm-examples/README.md"
COPY = "/tmp/three-nodes"  # of the folder, on the node that the cluster is configured from
PRIORITIES = {"n1": 100, "n2": 150, "n3": 200}
WRITES, READS, REDIS, SENTINEL = 6380, 6381, 6379, 26379

MARKS = re.compile(r"(# fencing: begin\n)(.*?)(# fencing: end\n)", re.S)
FENCING = {
    "cluster.pcs.sh": 'pcs -f "$cib" stonith create fence-lab fence_lab'
                      ' pcmk_host_list="n1 n2 n3" op monitor interval=60s\n',
    "cluster.crm": 'primitive fence-lab stonith:fence_lab params pcmk_host_list="n1 n2 n3"'
                   ' op monitor interval=60s\n',
}


def shipped_fencing(name):
    """The lines that a user replaces with his devices."""
    return MARKS.search((FOLDER / name).read_text())[2]


class Example:
    """The example with a lab's values in it, in `folder`, which the caller removes."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, Path(folder)
        prefix = lab.node("n1").address.rpartition(".")[0]
        self.floating = f"{prefix}.100"
        self.password = subprocess.check_output(documents.written(GUIDE, "openssl rand -hex 24").split(),
                                                text=True).strip()
        self.password_file = self.folder / "password"
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(self.password + "\n")
        self._edit()

    def _edit(self):
        """What a user does with his copy of the folder."""
        shutil.copytree(FOLDER, self.folder, dirs_exist_ok=True)
        mine = {"192.0.2.10": self.floating, "change-me": self.password,
                **{f"192.0.2.1{i}": self.lab.node(f"n{i}").address for i in (1, 2, 3)}}
        table = self.folder / "site.sed"
        table.write_text(re.sub(r"^s/(.*)/(.*)/g$",
                                lambda line: f"s/{line[1]}/{mine.get(line[2], line[2])}/g",
                                table.read_text(), flags=re.M))
        for command in documents.commands(GUIDE, "What to change"):
            subprocess.run(command, shell=True, cwd=self.folder, check=True)
        for name, device in FENCING.items():
            file = self.folder / name
            text, count = MARKS.subn(lambda marks, device=device: marks[1] + device + marks[3],
                                     file.read_text())
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
        commands = {"pcs": documents.commands("README.md", "4. The example"),
                    "crmsh": [documents.written("README.md", "crm configure load update cluster.crm")]}
        first = self.lab.node("n1")
        for name in FENCING:
            first.write(f"{COPY}/{name}", self.text(name))
        for command in commands[tool]:
            first.run(f"cd {COPY} && {command}", timeout=300)
