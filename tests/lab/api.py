# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab as tests and the program see it: Lab, its nodes and its client.

    with Lab(nodes=3, name="demo") as lab:
        lab.node("n1").run(["pcs", "status"])
        lab.node("n1").cut()
        lab.wait(lambda: lab.online("n2") == ["n2", "n3"], 15, "n2 and n3 stay")

A lab that was started here ends with this process, however that ends; one that
was attached to stays up.
"""

import atexit
import contextlib
import signal
import sys
import tempfile
import time
from pathlib import Path

from . import launch
from .dump import write_dump
from .errors import LabError, LabTimeout
from .member import Client, Node
from .state import Folder

BOOT_DEADLINE = 60.0


class Lab:
    """A lab with nodes n1..nN.  Nothing runs before up(), or before `with`."""

    def __init__(self, nodes=3, name="lab", install_dir=None, token=1000, totem=None, bare=False,
                 dc_deadtime="2s", dump_dir=None, progress=None):
        """`token` in ms (corosync's own default is 3000), whatever the number of nodes (`token_coefficient`
        0, as crm-examples has it); `totem`: further settings of that section.
        `install_dir`: what `make install DESTDIR=` wrote, shown over the nodes' own files.
        `bare`: no cluster is started.  `dump_dir`: where evidence goes (default: under /tmp)."""
        if not 1 <= nodes <= 16:
            raise LabError(f"nodes {nodes}: expected 1 to 16")
        self.folder = Folder(name)
        self.name = name
        self.settings = {
            "count": nodes, "bare": bare, "dc_deadtime": dc_deadtime,
            "install_dir": _install_dir(install_dir),
            "totem": dict({"token": token, "token_coefficient": 0}, **(totem or {}))}
        self.dump_dir = dump_dir
        self.progress = progress or (lambda text: None)
        self._process = None
        self._handlers = {}
        self._members = {}

    @classmethod
    def attach(cls, name="lab", **options):
        """A lab that is up already."""
        lab = cls(name=name, **options)
        lab.folder.require_state()
        lab._meet()
        return lab

    def __enter__(self):
        return self.up()

    def __exit__(self, *_):
        self.down()

    # Life

    def up(self):
        """Starts the lab; returns when every node is online in one quorate partition."""
        launch.require(self.settings["bare"])
        self._take_signals()
        try:
            self._process = launch.start(self.folder, self.settings, self.progress)
            atexit.register(self.down)
            self._meet()
            if not self.settings["bare"]:
                self.wait_online()
        except BaseException:
            self.down()
            raise
        return self

    def detach(self):
        """Lets the lab live on when this process ends."""
        launch.detach(self._process)
        self._process = None
        self._forget()

    def down(self):
        """Ends the lab that was started here; nothing of it is left.  Harmless when called twice."""
        process, self._process = self._process, None
        try:
            if process:
                launch.stop(self.folder, process)
        finally:
            self._forget()

    def _meet(self):
        config = self.folder.config()
        self.client = Client(self, config)
        self._members = {name: Node(self, config, name) for name in config["nodes"]}

    def _forget(self):
        atexit.unregister(self.down)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _take_signals(self):
        """SIGTERM and SIGHUP become SystemExit, so that clean-up runs; a caller's own handlers stay."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            with contextlib.suppress(ValueError):  # not the main thread: the lifeline must do
                if signal.getsignal(number) is signal.SIG_DFL:
                    self._handlers[number] = signal.signal(number, _exit_by_signal)

    # Members

    @property
    def nodes(self):
        """All nodes, n1 first."""
        return list(self._members.values())

    def node(self, name):
        if name not in self._members:
            raise LabError(f"node '{name}': expected one of {', '.join(self._members)}")
        return self._members[name]

    def nodes_on(self):
        return [node for node in self.nodes if node.is_on]

    # Faults: see Node for those of one node

    def heal(self, node=None):
        """Takes away cuts: all, or those of one node."""
        self.folder.ask(do="mend", kinds=["cut"], node=node)

    def clear(self, node=None):
        """Takes away held-back ports, loss and rates: all, or those of one node."""
        self.folder.ask(do="mend", kinds=["drop", "loss", "rate"], node=node)

    def faults(self):
        return self.folder.require_state()["faults"]

    # Waiting

    def online(self, seen_by):
        """Names of the nodes online in the quorate partition of a node; [] without quorum."""
        return self.node(seen_by).online()

    def wait_online(self, names=None, deadline=BOOT_DEADLINE):
        """Until each of these nodes (default: all that are on) sees all of them online, with quorum."""
        nodes = [self.node(n) for n in names] if names else self.nodes_on()
        wanted = sorted(n.name for n in nodes)
        self.wait(lambda: all(n.online() == wanted for n in nodes), deadline,
                  f"{', '.join(wanted)} online in one quorate partition", every=0.2)

    def wait(self, condition, deadline, why, every=0.1):
        """Polls until `condition()` is true and returns what it gave.

        LabError in it means "not yet".  After `deadline` seconds LabTimeout says
        why it was waited for, and where everything each node said was written.
        """
        end = time.monotonic() + deadline
        last = None
        while True:
            try:
                value = condition()
                last = None
            except LabError as failure:
                value, last = None, failure
            if value:
                return value
            if time.monotonic() >= end:
                break
            time.sleep(min(every, max(0.0, end - time.monotonic())))
        said = f"; last error: {last}" if last else ""
        dump = self._dump_for_timeout()
        raise LabTimeout(f"not within {deadline:g} s: {why}{said}; evidence in {dump}", dump)

    def dump(self, directory):
        """Writes all that the nodes can tell, and their logs, into one folder; returns its path."""
        return write_dump(self, Path(directory))

    def _dump_for_timeout(self):
        parent = self.dump_dir or tempfile.gettempdir()
        Path(parent).mkdir(parents=True, exist_ok=True)
        directory = tempfile.mkdtemp(prefix=f"redis-ha-lab-{self.name}-", dir=parent)
        return self.dump(directory)


def _install_dir(path):
    if path is None:
        return None
    resolved = Path(path).resolve()
    if not (resolved / "usr").is_dir():
        raise LabError(f"install dir '{path}': expected a folder with usr/ in it,"
                       " made by: make install DESTDIR=FOLDER")
    return str(resolved)


def _exit_by_signal(number, _frame):
    sys.exit(128 + number)
