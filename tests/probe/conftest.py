# SPDX-License-Identifier: GPL-2.0-or-later
"""A bare cluster of three nodes, and a probe on each of them: the library parts of the companions,
driven by lines.  Nothing is deployed; each scenario gets fresh probes and whole nodes.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from lab import Lab  # noqa: E402 - the path must be known first

GROUP = "redis-ha/probe"
ON_NODES = "/usr/libexec/redis-ha/bus_probe"
SOON = 15


def pytest_addoption(parser):
    parser.addoption("--bus-probe", default=str(TESTS.parent / "build" / "tests" / "probe" / "bus_probe"),
                     help="the program (default: build/tests/probe/bus_probe)")


class Probe:
    """bus_probe on a node: lines in, lines out."""

    def __init__(self, node, program):
        self.node = node
        self.lines = []
        self._seen = 0
        self._process = node.popen([program, GROUP], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self.lines.append(line.split(" ", 1)[1].rstrip() if line[:1].isdigit() else line.rstrip())

    def forget(self):
        """What was said until now does not count any more."""
        self._seen = len(self.lines)

    def said(self, start=""):
        """Lines since the last forget() that begin with that."""
        return [line for line in self.lines[self._seen:] if line.startswith(start)]

    def do(self, command):
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def hear(self, start, contains="", deadline=SOON):
        """The first line since forget() that begins with `start` and has `contains`."""
        def found():
            return next((line for line in self.said(start) if contains in line), None)
        return self.node.lab.wait(found, deadline, f"{self.node.name}'s probe says '{start}...{contains}';"
                                                   f" said: {self.said()}", every=0.02)

    def ask(self, command, start, contains=""):
        """Does it, and hears what came of it."""
        self.forget()
        self.do(command)
        return self.hear(start, contains)

    def alive(self):
        """Its loop comes round: it answers now."""
        self.ask("lag", "did lag")

    def quit(self):
        """Its exit code, -9 if it went with its node; None: it hung, and was killed."""
        hung = False
        if self._process.poll() is None:
            try:
                self.do("quit")
                self._process.wait(SOON)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                hung = self._process.poll() is None
                self._process.kill()
        code = self._process.wait()
        self._reader.join(SOON)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        return None if hung else code


@pytest.fixture(scope="session")
def lab(pytestconfig, tmp_path_factory):
    """The program is shown on the nodes like an installed one: they do not see the machine's /tmp."""
    tree = tmp_path_factory.mktemp("probe")
    (tree / ON_NODES[1:]).parent.mkdir(parents=True)
    shutil.copy(pytestconfig.getoption("--bus-probe"), tree / ON_NODES[1:])
    with Lab(nodes=3, name=f"probe-{os.getpid()}", install_dir=tree,
             dump_dir=pytestconfig.getoption("--evidence", default=None)) as lab:
        yield lab


@pytest.fixture
def start(lab):
    """Starts a probe on a node; all of them end with the scenario, and must end well."""
    probes = []

    def start_one(name):
        probes.append(Probe(lab.node(name), ON_NODES))
        return probes[-1]

    yield start_one
    codes = [probe.quit() for probe in probes]
    assert [code for code in codes if code not in (0, -9)] == []


@pytest.fixture
def probes(lab, start):
    """One on each node, all settled in one group; nodes and links are whole again afterwards."""
    started = [start(node.name) for node in lab.nodes]
    for probe in started:
        probe.hear("bus members=1,2,3")
        probe.hear("quorum quorate=1", "nodes=1,2,3")
        probe.hear("attributes up")
        probe.forget()
    yield started
    lab.heal()
    for node in lab.nodes:
        if not node.is_on:
            node.power_on()
    lab.wait_online()
