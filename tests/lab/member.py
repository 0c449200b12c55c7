# SPDX-License-Identifier: GPL-2.0-or-later
"""One node, and the client: running programs there, power, and faults of the network.

A program is given as a list, or as one string for the shell.  It runs in a
clean environment; a node's program ends with the call that started it and with
the node, a client's with the lab.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from . import launch
from .errors import LabError
from .init import ENVIRONMENT

RUN_WITHIN = 60.0
ENTER = Path(__file__).with_name("enter.py")


class Member:
    """What a node and the client have in common."""

    name = address = None

    def command(self, cmd):
        """The host's command line that runs `cmd` here, quickly started, for what ends soon."""
        raise NotImplementedError

    def lasting_command(self, cmd):
        """The same for a program that runs on: it may be stopped, and gets our signals."""
        return self.command(cmd)

    def environment(self, env=None):
        passed = {k: os.environ[k] for k in ("TERM",) if k in os.environ}
        return dict(ENVIRONMENT, **passed, **(env or {}))

    def run(self, cmd, input=None, check=True, timeout=RUN_WITHIN, env=None):
        """Runs to its end; returns subprocess's CompletedProcess, output as text.

        With `check`, an exit code other than 0 is a LabError with the program's last words.
        """
        try:
            done = subprocess.run(self.command(cmd), input=input, timeout=timeout, text=True,
                                  errors="replace", env=self.environment(env),
                                  stdin=subprocess.DEVNULL if input is None else None,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.name}: no end within {timeout:g} s: {_shown(cmd)}") from None
        if check and done.returncode != 0:
            words = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise LabError(f"{self.name}: {_shown(cmd)}: exit {done.returncode}:"
                           f" {words[-1] if words else 'it said nothing'}")
        return done

    def output(self, cmd, **options):
        """What a program wrote, without the last newline; it must succeed."""
        return self.run(cmd, **options).stdout.rstrip("\n")

    def popen(self, cmd, env=None, **options):
        """subprocess.Popen of a program here."""
        return subprocess.Popen(self.lasting_command(cmd), env=self.environment(env), **options)


class Client(Member):
    """Outside the cluster: reaches every node's address, sees the host's files and processes."""

    name = "client"

    def __init__(self, lab, config):
        self.lab, self.address = lab, config["client"]
        self.mark = launch.mark(config)

    def command(self, cmd):
        pid = self.lab.folder.require_state()["client"]
        return ["nsenter", "-t", str(pid), "-n", "-m", "-u", f"--wdns={os.getcwd()}", "--", *_argv(cmd)]

    def environment(self, env=None):
        """The caller's own, as a client is the caller's program; and the mark by which `down` finds it."""
        key, _, value = self.mark.partition("=")
        return dict(os.environ, **(env or {}), **{key: value})


class Node(Member):
    """A cluster node."""

    def __init__(self, lab, config, name):
        self.lab, self.name, self.address = lab, name, config["nodes"][name]
        self.home = lab.folder.node(name)
        self.log_dir = self.home / "log"
        self.root = lab.folder.path

    def __repr__(self):
        return f"Node({self.name})"

    @property
    def pid(self):
        """The host's number of the node's PID 1; None when it is switched off."""
        return self.lab.folder.require_state()["nodes"][self.name]

    @property
    def is_on(self):
        return self.pid is not None

    def lasting_command(self, cmd):
        return [sys.executable, "-I", "-S", "-B", str(ENTER), str(self._living_pid()), *_argv(cmd)]

    def _living_pid(self):
        pid = self.pid
        if pid is None:
            raise LabError(f"{self.name} is switched off")
        return pid

    def command(self, cmd):
        return ["nsenter", "-t", str(self._living_pid()), "-m", "-u", "-i", "-n", "-p", "--",
                "setpriv", "--pdeathsig", "KILL", *_argv(cmd)]

    # Power and cluster

    def power_off(self):
        """Like pulling cable and plug; returns when no process of the node is left."""
        self.lab.folder.ask(do="power", node=self.name, to="off")

    def power_on(self):
        """Boots from the same disk; returns when PID 1 runs, the cluster still starting."""
        self.lab.folder.ask(do="power", node=self.name, to="on")

    def power_cycle(self):
        self.lab.folder.ask(do="power", node=self.name, to="cycle")

    def cluster_stop(self, deadline=60.0):
        """Stops Pacemaker, then corosync, in good order; returns when both have ended."""
        self.run(["systemctl", "stop", "corosync"], timeout=deadline)

    def cluster_start(self, deadline=30.0):
        """Starts corosync, then Pacemaker; wait with lab.wait_online()."""
        self.run(["systemctl", "start", "pacemaker"], timeout=deadline)

    def freeze(self):
        """Stops every process and all traffic, as when a virtual machine is paused."""
        self.lab.folder.ask(do="freeze", node=self.name)

    def thaw(self):
        self.lab.folder.ask(do="thaw", node=self.name)

    # Faults.  `peers`: names of nodes, "client" or "all"; by default all other nodes.

    def cut(self, *peers, way="both", fence_reachable=False):
        """Nothing passes between this node and its peers; `way` "out" or "in" for one way only.

        A node cut off from all others cannot fence either, unless fence_reachable.
        """
        self._fault("cut", peers, way=way, fence_reachable=fence_reachable)

    def drop(self, port, *peers, way="both"):
        """Holds back one TCP port, be it this node's or the peers'."""
        self._fault("drop", peers, way=way, value=int(port))

    def loss(self, percent, *peers, way="both"):
        """Loses so many of a hundred packets."""
        self._fault("loss", peers, way=way, value=float(percent))

    def rate(self, kbit, *peers, way="both"):
        """Lets so many kbit a second through in each direction, and drops the rest."""
        self._fault("rate", peers, way=way, value=float(kbit))

    def heal(self):
        """Takes away this node's cuts."""
        self.lab.heal(self.name)

    def clear(self):
        """Takes away this node's held-back ports, loss and rates."""
        self.lab.clear(self.name)

    def _fault(self, kind, peers, **details):
        self.lab.folder.ask(do="fault", kind=kind, node=self.name, peers=list(peers), **details)

    # Files and the cluster's view

    def write(self, path, text, mode=0o644, owner="root:root"):
        """Makes a file on the node's disk."""
        self.run(["sh", "-c", 'umask 077; mkdir -p "$(dirname "$1")" && cat >"$1" && chown "$3" "$1"'
                  ' && chmod "$2" "$1"', "sh", str(path), f"{mode:o}", owner], input=text)

    def read(self, path):
        return self.run(["cat", str(path)]).stdout

    def crm_mon(self):
        """Pacemaker's status as this node sees it, as an XML element; LabError while it has none."""
        return ElementTree.fromstring(self.run(["crm_mon", "-1", "--output-as=xml"], timeout=10).stdout)

    def online(self):
        """Sorted names of the nodes online in this node's partition; [] while it has no quorum."""
        view = self.crm_mon()
        dc = view.find("summary/current_dc")
        if dc is None or dc.get("with_quorum") != "true":
            return []
        return sorted(n.get("name") for n in view.iterfind("nodes/node")
                      if n.get("online") == "true" and n.get("pending") == "false"
                      and n.get("unclean") == "false")


def _argv(cmd):
    return ["sh", "-c", cmd] if isinstance(cmd, str) else [str(part) for part in cmd]


def _shown(cmd):
    return cmd if isinstance(cmd, str) else " ".join(map(str, cmd))


def copy_logs(node, target):
    """The node's logs as they are now; works when it is switched off."""
    shutil.copytree(node.log_dir, Path(target), dirs_exist_ok=True, symlinks=True,
                    ignore_dangling_symlinks=True)
