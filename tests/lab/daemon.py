# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's daemon: owns the switch, the disks and the power of every node.

It runs in namespaces of the lab, below a PID 1 that only reaps: when that PID 1
dies, however it dies, the kernel ends every process of the lab, and with them
go all its mounts and links.  Standard input is a lifeline: when it closes
before the word "detach" came, whoever started the lab is gone, and so is the lab.

Requests are one line of JSON on a socket.  The control socket belongs to the
host; each node has a fence socket, by which the daemon knows who asks.
"""

import contextlib
import json
import os
import socketserver
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from . import corosync, disk, kernel, switch
from .errors import LabError
from .machine import Machine
from .state import CLIENT, Folder

MISSED_WITHIN = 30.0


def main(name):
    """PID 1 of the lab: starts the daemon, reaps what others leave, ends with the daemon."""
    os.umask(0o022)
    folder = Folder(name)
    pid = kernel.pid_seen_by_host()
    identity = {"pid": pid, "started": kernel.start_time(pid)}
    folder.write("state.json", dict(identity, ready=False))
    daemon = os.fork()
    if daemon == 0:
        _serve(folder, identity)
    while True:
        pid, status = os.wait()
        if pid == daemon:
            return os.waitstatus_to_exitcode(status) & 0xff


def _serve(folder, identity):
    code = 1
    try:
        threading.Thread(target=_watch_lifeline, daemon=True).start()
        Daemon(folder, identity).run()
        code = 0
    except (LabError, OSError) as failure:
        _say(error=str(failure))
    finally:
        os._exit(code)


def _watch_lifeline():
    if sys.stdin.readline() != "detach\n":
        os._exit(0)


def _say(**words):
    """To whoever started us, as long as they listen."""
    with contextlib.suppress(BrokenPipeError, ValueError):
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()


class Daemon:
    """Carries out requests; each method `do_X` is one, and returns what to answer."""

    def __init__(self, folder, identity):
        self.folder, self.identity = folder, identity
        self.config = folder.config()
        nodes = list(self.config["nodes"])
        self.machines = {n: Machine(folder, n, i) for i, n in enumerate(nodes, 1)}
        self.client = Machine(folder, CLIENT, 250)
        self.faults = switch.Faults(nodes)
        self.changing = threading.RLock()

    def run(self):
        switch.create()
        place = disk.choose_place(self.folder)
        (self.folder.path / "hosts").write_text(corosync.hosts(self.config))
        with ThreadPoolExecutor(16) as pool:
            client = pool.submit(self._first_boot, self.client, None)
            booted = [pool.submit(self._first_boot, m, place) for m in self.machines.values()]
            for result in [client, *booted]:
                result.result()
        self._write_state()
        Server(self, self.folder.socket, None).start()
        for name in self.machines:
            Server(self, self.folder.node(name) / "port" / "fence", name).start()
        _say(ready=True)
        threading.Event().wait()

    def _first_boot(self, machine, place):
        disk.create_logs(machine.home / "log")
        (machine.home / "port").mkdir()
        if place:
            disk.create(place, self.config, machine.name)
        machine.power_on()
        _say(booted=machine.name)

    def _write_state(self):
        with self.changing:
            self.folder.write("state.json", dict(
                self.identity, ready=True, client=self.client.pid, faults=self.faults.rules,
                nodes={m.name: m.pid for m in self.machines.values()}))

    def answer(self, asker, request):
        """One request; `asker` is the node whose fence socket it came by, None for the host."""
        known = getattr(self, f"do_{request.pop('do', None)}", None)
        if known is None or (asker and known != self.do_fence):
            return {"error": "the lab's daemon does not know this request"}
        try:
            return known(asker=asker, **request) or {"ok": True}
        except (LabError, OSError, TypeError) as failure:
            return {"error": str(failure)}

    def _machine(self, name):
        if name not in self.machines:
            raise LabError(f"node '{name}': expected one of {', '.join(self.machines)}")
        return self.machines[name]

    def do_power(self, node, to, asker=None):
        machine = self._machine(node)
        if to == "cycle":
            self._power_on_when_missed(machine, self._switch_off(machine))
        elif to == "off":
            self._switch_off(machine)
        elif to == "on":
            machine.power_on()
            self._write_state()
        else:
            raise LabError(f"power '{to}': expected on, off or cycle")

    def _switch_off(self, machine):
        """Returns the count of the power switch, for _power_on_when_missed()."""
        with machine.lock:
            machine.power_off()
            self.do_mend(["freeze"], machine.name)
            return machine.switched

    def _power_on_when_missed(self, machine, switched):
        """Switches on again once the cluster has seen the node go, unless somebody else was faster.

        Ours boots in a fifth of a second; no real machine is back before corosync's
        token has run out, and Pacemaker would take its own fencing for that of the
        newly booted node, and end there.
        """
        end = time.monotonic() + MISSED_WITHIN
        others = [m for m in self.machines.values() if m is not machine]
        while any(m.counts_as_member(machine.number) for m in others):
            if time.monotonic() > end:
                self._log(f"{machine.name} is still a member after {MISSED_WITHIN:g} s: booted all the same")
                break
            time.sleep(0.1)
        with machine.lock:
            if machine.switched == switched:
                machine.power_on()
                self._write_state()

    def do_fence(self, action, plug, asker=None):
        """A reboot is done when the node is off, as with real devices; it then boots by itself."""
        if asker and self.faults.cuts_off(asker):
            raise LabError(f"{asker} is cut off from the management network")
        if action == "list":
            return {"nodes": list(self.machines)}
        machine = self._machine(plug)
        if action == "status":
            return {"power": "on" if machine.is_on else "off"}
        self._log(f"fence {action} {plug}, asked by {asker}")
        if action != "reboot":
            return self.do_power(plug, action)
        switched = self._switch_off(machine)
        threading.Thread(target=self._boot_fenced, args=(machine, switched), daemon=True).start()
        return None

    def _boot_fenced(self, machine, switched):
        try:
            self._power_on_when_missed(machine, switched)
        except (LabError, OSError) as failure:
            self._log(f"{machine.name} does not boot after fencing: {failure}")

    @staticmethod
    def _log(text):
        print(time.strftime("%F %T"), text, file=sys.stderr, flush=True)

    def do_freeze(self, node, asker=None):
        """Every process stops and nothing answers on the network, as when a virtual machine is paused."""
        machine = self._machine(node)
        with machine.lock:
            self.do_fault("freeze", node, peers=["all"])
            machine.signal_all("STOP")

    def do_thaw(self, node, asker=None):
        machine = self._machine(node)
        with machine.lock:
            self.do_mend(["freeze"], node)
            machine.signal_all("CONT")

    def do_fault(self, kind, node, asker=None, **details):
        self._machine(node)
        with self.changing:
            self.faults.add(kind, node, **details)
            self._write_state()

    def do_mend(self, kinds, node=None, asker=None):
        if node is not None:
            self._machine(node)
        with self.changing:
            self.faults.remove(kinds, node)
            self._write_state()


class Server(socketserver.ThreadingUnixStreamServer):
    """Answers at one socket, each connection in a thread of its own."""

    daemon_threads = True

    def __init__(self, daemon, path, asker):
        self.lab, self.asker = daemon, asker
        super().__init__(str(path), Handler)
        os.chmod(path, 0o666 if asker else 0o600)

    def start(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            request = json.loads(self.rfile.readline(65536))
        except ValueError:
            return
        answer = self.server.lab.answer(self.server.asker, request)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(json.dumps(answer).encode() + b"\n")
