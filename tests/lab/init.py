# SPDX-License-Identifier: GPL-2.0-or-later
"""PID 1 of a node: builds the node's view of the file system, starts the
cluster and reaps.

It does what systemd does for corosync and Pacemaker on a real node, by the
units that Debian ships: corosync counts as started when it says READY=1, and
only then is pacemakerd started; a pacemakerd that fails is started again after
one second, five times in 25 s at most, and with it a corosync that is gone.
It also writes what the node's programs send to syslog into /var/log/syslog.

The lab's daemon speaks with it by two pipes until it is booted, and later by
SIGUSR1 (start the cluster) and SIGUSR2 (stop it in good order).
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from . import kernel, switch
from .state import CLIENT, Folder

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "HOME": "/root", "LANG": "C.UTF-8"}
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
RESTART_AFTER, RESTARTS, RESTART_WINDOW = 1.0, 5, 25.0
READY_WITHIN = 20.0


def main(lab, name):
    """Boots as node `name` (or as the client) of a lab; returns only when it fails."""
    folder = Folder(lab)
    config = folder.config()
    _say(pid=kernel.pid_seen_by_host())
    try:
        if name == CLIENT:
            _build_client(folder)
        else:
            _build_root(folder, name)
        socket.sethostname(name)
        if sys.stdin.readline() != "connected\n":
            return 1
        switch.configure_inside(config["client"] if name == CLIENT else config["nodes"][name])
    except (OSError, switch.LabError) as failure:
        _say(error=str(failure))
        return 1
    if name == CLIENT:
        _say(booted=True)
        while True:
            signal.pause()
    return Init(bare=config["bare"]).run()


def _say(**words):
    print(json.dumps(words), flush=True)


def _build_client(folder):
    kernel.bind(folder.path / "hosts", "/etc/hosts")


def _build_root(folder, name):
    home = folder.node(name)
    for part in ("usr", "etc", "var"):
        kernel.bind(folder.path / "disks" / name / "root" / part, f"/{part}")
    kernel.bind(home / "log", "/var/log")
    for part in ("dev", "run"):
        (home / part).mkdir(exist_ok=True)
        kernel.mount("tmpfs", home / part, "tmpfs", kernel.MS_NOSUID, "mode=755")
    _fill_dev(home / "dev")
    (home / "run" / "lab").mkdir()
    kernel.bind(home / "port", home / "run" / "lab")
    (home / "run" / "lock").mkdir()
    (home / "run" / "lock").chmod(0o1777)
    for part in ("dev", "run"):
        kernel.mount(home / part, f"/{part}", flags=kernel.MS_MOVE)
    kernel.mount("tmpfs", "/tmp", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")
    guarded = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", "/proc", "proc", guarded)
    kernel.mount("sysfs", "/sys", "sysfs", guarded | kernel.MS_RDONLY)
    if shutil.which("systemd-tmpfiles"):
        subprocess.run(["systemd-tmpfiles", "--create", "--prefix=/run"],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=10)


def _fill_dev(dev):
    """Only the devices that every program may use: no disk, no watchdog of the machine."""
    for name in DEVICES:
        (dev / name).touch()
        kernel.bind(Path("/dev", name), dev / name)
    (dev / "pts").mkdir()
    kernel.bind("/dev/pts", dev / "pts")
    (dev / "shm").mkdir()
    kernel.mount("tmpfs", dev / "shm", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=1777")
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"),
                         ("stderr", "fd/2"), ("ptmx", "pts/ptmx")):
        (dev / name).symlink_to(target)


class Init:
    """The loop of PID 1.  No step in it waits for another process."""

    def __init__(self, bare):
        self.wanted = not bare
        self.children = {}
        self.corosync_ready = False
        self.ready_by = None
        self.start_at = time.monotonic()
        self.starts = []
        self.syslog = self._datagrams("/dev/log", 0o666)
        self.notify = self._datagrams("/run/lab-notify", 0o600)
        self.syslog_file = open("/var/log/syslog", "ab", buffering=0)

    @staticmethod
    def _datagrams(path, mode):
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        channel.bind(path)
        os.chmod(path, mode)
        channel.setblocking(False)
        return channel

    def run(self):
        wake = self._catch_signals()
        _say(booted=True)
        self._leave_pipes()
        poller = select.poll()
        for channel in (wake, self.syslog, self.notify):
            poller.register(channel, select.POLLIN)
        while True:
            poller.poll(self._pause())
            self._take_signals(wake)
            self._take_syslog()
            self._take_notify()
            self._reap()
            self._advance()

    def _catch_signals(self):
        wake, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2):
            signal.signal(number, lambda *_: None)
        return wake

    @staticmethod
    def _leave_pipes():
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(2, 1)

    def _pause(self):
        """Milliseconds until something is due, None for never."""
        due = self.start_at if self.wanted and self.start_at else self.ready_by
        return None if due is None else max(0, (due - time.monotonic()) * 1000 + 1)

    def _take_signals(self, wake):
        with contextlib.suppress(BlockingIOError):
            for number in os.read(wake, 512):
                if number == signal.SIGUSR1:
                    self.wanted, self.start_at, self.starts = True, time.monotonic(), []
                elif number == signal.SIGUSR2:
                    self.wanted = False
                    self._stop_next()

    def _take_syslog(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                line = self.syslog.recv(65536).rstrip(b"\0\n").partition(b">")[2]
                self.syslog_file.write(line + b"\n")

    def _take_notify(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                if b"READY=1" in self.notify.recv(4096).split(b"\n"):
                    self.corosync_ready, self.ready_by = True, None
                    self._spawn("pacemakerd")

    def _reap(self):
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                name = self.children.pop(pid, None)
                if name:
                    self._ended(name, os.waitstatus_to_exitcode(status))

    def _ended(self, name, code):
        self._log(f"{name} ended with {code}")
        if name == "corosync":
            self.corosync_ready, self.ready_by = False, None
        elif name == "pacemakerd" and self.wanted and code not in (0, 100):
            self.start_at = time.monotonic() + RESTART_AFTER
        elif name == "pacemakerd" and not self.wanted:
            self._stop_next()

    def _advance(self):
        now = time.monotonic()
        if self.wanted and self.start_at and now >= self.start_at:
            self.start_at = None
            self.starts = [t for t in self.starts if now - t < RESTART_WINDOW] + [now]
            if len(self.starts) > RESTARTS:
                self._log(f"pacemakerd failed {RESTARTS} times in {RESTART_WINDOW:g} s: left stopped")
            elif self.corosync_ready:
                self._spawn("pacemakerd")
            else:
                self._spawn("corosync")
                self.ready_by = now + READY_WITHIN
        if self.ready_by and now >= self.ready_by:
            self.ready_by = None
            self._log(f"corosync did not say READY=1 within {READY_WITHIN:g} s; see corosync.log")

    def _stop_next(self):
        """pacemakerd first; when it has ended, corosync."""
        running = {name: pid for pid, name in self.children.items()}
        first = running.get("pacemakerd") or running.get("corosync")
        if first:
            os.kill(first, signal.SIGTERM)

    def _spawn(self, name):
        if name in self.children.values():
            return
        argv = {"corosync": ["/usr/sbin/corosync", "-f"], "pacemakerd": ["/usr/sbin/pacemakerd"]}[name]
        env = dict(ENVIRONMENT, **_defaults(name))
        if name == "corosync":
            env["NOTIFY_SOCKET"] = "/run/lab-notify"
        with open(f"/var/log/{name}.out", "ab") as out:
            child = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.children[child.pid] = name
        child.returncode = 0  # ours to reap, not subprocess's

    @staticmethod
    def _log(text):
        print(time.strftime("%F %T"), text, file=sys.stderr, flush=True)


def _defaults(name):
    """/etc/default/NAME, as the unit's EnvironmentFile."""
    unit = {"corosync": "corosync", "pacemakerd": "pacemaker"}[name]
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for line in Path("/etc/default", unit).read_text().splitlines():
            key, equals, value = line.strip().partition("=")
            if equals and key.replace("_", "a").isalnum():
                found[key] = value.strip("\"'")
    return found
