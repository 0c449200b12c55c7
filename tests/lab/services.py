# SPDX-License-Identifier: GPL-2.0-or-later
"""The services of a node: what systemd does for them on a real one, by the units that packages ship.

A unit starts after those that it requires and stops before them; it counts as started when it says
READY=1, if it is one that does; one that fails is started again as its Restart= and StartLimit...= say.
PID 1 of the node owns all of it and waits for nothing: start() and stop() say what is wished,
advance() does what is due.  `systemctl` in a node asks by a socket.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

from . import units
from .errors import LabError

NOTIFY, CONTROL = "/run/lab-notify", "/run/lab-services"
CREDENTIALS = struct.Struct("3i")
TYPES = ("simple", "exec", "notify")
START_LIMIT, START_WINDOW = "5", "10"  # systemd's own defaults


class Service:
    """A unit, its main process, and the next moment at which something is due."""

    def __init__(self, unit):
        self.unit, self.state = unit, "inactive"
        self.pid = self.due = None
        self.told_to_end = False
        self.starts = []

    def wish_stop(self):
        if self.state != "deactivating":
            self.state, self.due, self.told_to_end = "deactivating", None, False

    def may_start_again(self, now):
        """Whether the limit of starts allows one more, which is counted."""
        window = self.unit.seconds("StartLimitIntervalSec", START_WINDOW)
        self.starts = [then for then in self.starts if now - then < window] + [now]
        return len(self.starts) <= int(self.unit.last("StartLimitBurst", START_LIMIT))

    def spawn(self, environment):
        unit = self.unit
        environment = {**environment, **unit.environment()}
        if unit.notifies:
            environment["NOTIFY_SOCKET"] = NOTIFY
        _make_runtime_directory(unit)
        with open(f"/var/log/{unit.name}.out", "ab") as out:
            child = subprocess.Popen(
                unit.command(environment), env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd="/", start_new_session=True, umask=int(unit.last("UMask", "022"), 8), **unit.identity())
        child.returncode = 0  # PID 1's to reap, not subprocess's
        self.pid, self.told_to_end = child.pid, False

    def end(self):
        """What is left of its processes, unless the unit wants them to live."""
        if self.unit.last("KillMode") != "process":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        if self.unit.last("RuntimeDirectoryPreserve", "no") == "no":
            for name in self.unit.words("RuntimeDirectory"):
                shutil.rmtree(Path("/run", name), ignore_errors=True)
        self.pid = self.due = None


def _make_runtime_directory(unit):
    owner = pwd.getpwnam(unit.last("User", "root"))
    for name in unit.words("RuntimeDirectory"):
        path = Path("/run", name)
        path.mkdir(exist_ok=True)
        os.chown(path, owner.pw_uid, owner.pw_gid)
        path.chmod(int(unit.last("RuntimeDirectoryMode", "755"), 8))


class Services:
    """All services of a node that were asked for since it booted."""

    def __init__(self, environment, log):
        self.environment, self.log = environment, log
        self.known = {}
        self.notify = datagrams(NOTIFY, 0o666)
        self.notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.control = datagrams(CONTROL, 0o600)

    def boot(self):
        for name in units.enabled():
            try:
                self.start(name)
            except LabError as failure:
                self.log(str(failure))

    def reload(self):
        """The units' files anew; what runs goes on."""
        for name, service in self.known.items():
            service.unit = units.load(name)
        return "reloaded"

    # Wishes

    def service(self, name):
        if name not in self.known:
            self.known[name] = Service(units.load(name))
        return self.known[name]

    def required(self, service):
        return [self.service(name) for name in service.unit.services("Requires")]

    def depending(self, service):
        """Those that are stopped with it, in whatever order."""
        name = service.unit.name
        return [other for other in self.known.values()
                if name in other.unit.services("Requires") + other.unit.services("PartOf")]

    def must_wait(self, service):
        """Whether one is being stopped that stops before it."""
        return any(other.pid and other.state == "deactivating" for other in self.known.values()
                   if service.unit.name in other.unit.services("After"))

    def start(self, name):
        service = self.service(name)
        if service.state == "deactivating":
            raise LabError(f"unit {name}.service: it is being stopped")
        if service.unit.last("Type", "simple") not in TYPES:
            raise LabError(f"unit {name}.service: Type={service.unit.last('Type')}:"
                           f" expected {', '.join(TYPES)}")
        service.starts = []
        self._wish_start(service, None)

    def _wish_start(self, service, due):
        if service.state in ("inactive", "failed"):
            for other in self.required(service):
                self._wish_start(other, due)
            service.state, service.due = "activating", due

    def stop(self, name):
        stopping = [self.service(name)]
        for service in stopping:  # which grows by those that are stopped with it
            stopping += [other for other in self.depending(service) if other not in stopping]
        for service in reversed(stopping):
            if service.pid or self.must_wait(service):
                service.wish_stop()
            elif service.state != "failed":
                service.state, service.due = "inactive", None

    # What is due

    def pause(self):
        """Seconds until something is due, None for never."""
        due = [service.due for service in self.known.values() if service.due is not None]
        return max(0, min(due) - time.monotonic()) if due else None

    def advance(self):
        """Does what is due, until nothing more follows from it."""
        while any([self._advance(service, time.monotonic()) for service in [*self.known.values()]]):
            pass

    def _advance(self, service, now):
        """Whether others may go on because of what was done."""
        late = service.due is not None and service.due <= now
        if service.state == "activating" and not service.pid and (late or service.due is None):
            return self._try_start(service, now)
        if service.state == "activating" and late:
            self.log(f"{service.unit.name} did not say READY=1 in time")
            self._kill(service)
        elif service.state == "deactivating" and not service.told_to_end:
            return self._try_stop(service, now)
        elif service.state == "deactivating" and late:
            self._kill(service)
        return False

    @staticmethod
    def _kill(service):
        os.kill(service.pid, signal.SIGKILL)
        service.due = None

    def _try_start(self, service, now):
        """Once all that it requires is active."""
        states = {other.state for other in self.required(service)}
        if states & {"inactive", "failed", "deactivating"}:
            return self._fail(service, "what it requires does not run")
        if "activating" in states:
            service.due = None
            return False
        if not service.may_start_again(now):
            return self._fail(service, "started too often: left stopped")
        try:
            service.spawn(self.environment)
        except (OSError, LookupError, ValueError) as failure:
            return self._fail(service, str(failure))
        limit = service.unit.seconds("TimeoutStartSec", "90")
        service.due = now + limit if service.unit.notifies and limit else None
        service.state = "activating" if service.unit.notifies else "active"
        return service.state == "active"

    def _fail(self, service, why):
        self.log(f"{service.unit.name}: {why}")
        service.state, service.due = "failed", None
        return True

    def _try_stop(self, service, now):
        """SIGTERM once those that stop before it have ended; SIGKILL is due when its time is over."""
        if self.must_wait(service):
            return False
        if not service.pid:
            service.state = "inactive"
            return True
        os.kill(service.pid, signal.SIGTERM)
        service.told_to_end = True
        limit = service.unit.seconds("TimeoutStopSec", "90")
        service.due = now + limit if limit and service.unit.last("SendSIGKILL") != "no" else None
        return False

    # Events

    def ended(self, pid, code):
        """A child of PID 1 has ended, perhaps none of ours."""
        for service in [*self.known.values()]:
            if service.pid == pid:
                self.log(f"{service.unit.name} ended with {code}")
                service.end()
                self._after(service, code)

    def _after(self, service, code):
        stopped = service.state == "deactivating"
        service.state = "inactive" if stopped or service.unit.is_clean(code) else "failed"
        if not stopped and service.unit.restarts_after(code):
            self._wish_start(service, time.monotonic() + service.unit.seconds("RestartSec", "100ms"))

    def take_notify(self):
        """READY=1, which counts when the main process itself says it."""
        with contextlib.suppress(BlockingIOError):
            while True:
                words, extra, _, _ = self.notify.recvmsg(4096, socket.CMSG_SPACE(CREDENTIALS.size))
                sender = [CREDENTIALS.unpack(data)[0] for _, kind, data in extra
                          if kind == socket.SCM_CREDENTIALS]
                for service in self.known.values():
                    if service.pid in sender and service.state == "activating" \
                            and b"READY=1" in words.split(b"\n"):
                        service.state, service.due = "active", None

    def take_control(self):
        """Requests of `systemctl`: a verb and a unit's name; answered at once, in one datagram."""
        with contextlib.suppress(BlockingIOError):
            while True:
                words, asker = self.control.recvfrom(4096)
                verb, _, name = words.decode(errors="replace").partition(" ")
                with contextlib.suppress(OSError):  # the asker has gone
                    self.control.sendto(self._answer(verb, name).encode(), asker)

    def _answer(self, verb, name):
        """The unit's state in one word, unless the verb asks for something else."""
        try:
            if verb == "list":
                return " ".join(units.names())
            if verb == "reload":
                return self.reload()
            if verb in ("start", "stop"):
                getattr(self, verb)(name)
            elif verb in ("enable", "disable"):
                getattr(units, verb)(name)
            elif verb == "is-enabled":
                units.load(name)
                return "enabled" if name in units.enabled() else "disabled"
            return self.service(name).state
        except LabError as failure:
            return f"error {failure}"


def datagrams(path, mode):
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.bind(path)
    os.chmod(path, mode)
    channel.setblocking(False)
    return channel
