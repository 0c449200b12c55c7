# SPDX-License-Identifier: GPL-2.0-or-later
"""PID 1 of a node: builds the node's view of the file system, starts what is
enabled and reaps.

It starts and watches the services that are enabled on the node's disk (see
services.py), and writes what the node's programs send to syslog into
/var/log/syslog.  The lab's daemon speaks with it by two pipes until it is booted.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

from . import kernel, switch
from .services import Services, datagrams
from .state import CLIENT, Folder

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "HOME": "/tmp", "LANG": "C.UTF-8"}
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


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
    return Init().run()


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
    _make_run_folders()


def _make_run_folders():
    """Those that packages want at boot, by tmpfiles.d(5); systemd, which makes them, may not be here."""
    for file in sorted(Path("/usr/lib/tmpfiles.d").glob("*.conf")):
        for line in file.read_text().splitlines():
            kind, path, mode, *owner = (line.split() + ["-"] * 5)[:5]
            if kind != "d" or not path.startswith("/run/"):
                continue
            Path(path).mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(LookupError):  # no such user or group
                shutil.chown(path, *("root" if name == "-" else name for name in owner))
            os.chmod(path, 0o755 if mode == "-" else int(mode, 8))


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

    def __init__(self):
        self.services = Services(ENVIRONMENT, _log)
        self.syslog = datagrams("/dev/log", 0o666)
        self.syslog_file = open("/var/log/syslog", "ab", buffering=0)

    def run(self):
        wake = self._catch_children()
        _say(booted=True)
        self._leave_pipes()
        self.services.boot()
        poller = select.poll()
        for channel in (wake, self.syslog, self.services.notify, self.services.control):
            poller.register(channel, select.POLLIN)
        while True:
            self.services.advance()
            pause = self.services.pause()
            poller.poll(None if pause is None else pause * 1000 + 1)
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 512)
            self._take_syslog()
            self.services.take_notify()
            self._reap()
            self.services.take_control()

    @staticmethod
    def _catch_children():
        wake, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        return wake

    @staticmethod
    def _leave_pipes():
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(2, 1)

    def _take_syslog(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                line = self.syslog.recv(65536).rstrip(b"\0\n").partition(b">")[2]
                self.syslog_file.write(line + b"\n")

    def _reap(self):
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self.services.ended(pid, os.waitstatus_to_exitcode(status))


def _log(text):
    print(time.strftime("%F %T"), text, file=sys.stderr, flush=True)
