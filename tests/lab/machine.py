# SPDX-License-Identifier: GPL-2.0-or-later
"""A node as the lab's daemon holds it: a disk, a cable and a power switch.

Switched on, it is one tree of processes below its own PID 1.  Switched off, the
cable is pulled first, so that no closing connection tells the others of it, and
then PID 1 is killed; the kernel takes the tree and its mounts along.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from . import kernel, switch
from .errors import LabError
from .init import ENVIRONMENT
from .state import CLIENT

PROGRAM = Path(__file__).with_name("lab")
NAMESPACES = ["--mount", "--uts", "--net", "--ipc", "--pid"]
CLIENT_NAMESPACES = ["--mount", "--uts", "--net"]
BOOT_WITHIN, DIE_WITHIN = 15.0, 10.0


def python(*arguments):
    """The command that runs this package's program, untouched by the caller's environment."""
    return [sys.executable, "-I", "-S", "-B", str(PROGRAM), *arguments]


class Machine:
    """One node, or the client."""

    def __init__(self, folder, name, number):
        self.folder, self.name, self.number = folder, name, number
        self.home = folder.node(name)
        self.lock = threading.RLock()
        self.process = None
        self.pid = None
        self.switched = 0  # how often the power switch was used, to see a later wish overtake an earlier

    @property
    def is_on(self):
        return self.process is not None and self.process.poll() is None

    def power_on(self):
        with self.lock:
            self.switched += 1
            if self.is_on:
                return
            switch.unplug(self.name)
            namespaces = CLIENT_NAMESPACES if self.name == CLIENT else NAMESPACES
            with open(self.home / "log" / "init.out", "ab") as log:
                self.process = subprocess.Popen(
                    ["unshare", *namespaces, "--fork", "--kill-child", "--",
                     *python("_init", self.folder.name, self.name)],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                    env=ENVIRONMENT, cwd="/")
            try:
                self._boot(time.monotonic() + BOOT_WITHIN)
            except (LabError, OSError):
                self.process.kill()
                self.process.wait(DIE_WITHIN)
                self.process = None
                raise

    def _boot(self, deadline):
        self.pid = self._hear("pid", deadline)
        switch.plug(self.name, self.number, self.pid)
        self.process.stdin.write(b"connected\n")
        self.process.stdin.close()
        self._hear("booted", deadline)
        self.process.stdout.close()

    def _hear(self, word, deadline):
        """The next line of the node's init, which must be about `word`."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise LabError(f"{self.name} did not boot within {BOOT_WITHIN:g} s;"
                           f" see {self.home}/log/init.out")
        line = self.process.stdout.readline()
        said = json.loads(line) if line else {"error": f"its init ended; see {self.home}/log/init.out"}
        if word not in said:
            raise LabError(f"{self.name} did not boot: {said.get('error', said)}")
        return said[word]

    def power_off(self):
        """Returns when every process of the node is gone."""
        with self.lock:
            self.switched += 1
            switch.unplug(self.name)
            if not self.is_on:
                return
            os.kill(kernel.pid_seen_by_parent_namespace(self.pid), signal.SIGKILL)
            try:
                self.process.wait(DIE_WITHIN)
            except subprocess.TimeoutExpired:
                raise LabError(f"{self.name}: a process does not die; see ps on the host") from None
            self.process, self.pid = None, None

    def signal_all(self, name):
        """A signal to every process of the node but its PID 1, all at one moment."""
        with self.lock:
            if not self.is_on:
                raise LabError(f"{self.name} is switched off")
            switch.call(["nsenter", "-t", str(self.pid), "-p", "--", "sh", "-c", f"kill -{name} -1"])

    def counts_as_member(self, number):
        """Whether this node's corosync still has node `number` in its membership; False if it cannot say."""
        if not self.is_on:
            return False
        try:
            done = subprocess.run(
                ["nsenter", "-t", str(self.pid), "-m", "-i", "-n", "-p", "--",
                 "corosync-cmapctl", "-g", f"runtime.members.{number}.status"],
                capture_output=True, text=True, timeout=2)
        except (subprocess.TimeoutExpired, OSError):
            return False
        return "joined" in done.stdout
