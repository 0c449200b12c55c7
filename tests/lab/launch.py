# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts the daemon of a lab, and takes a lab down with everything that is left of it."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import time
import uuid

from . import kernel, state
from .errors import LabError
from .init import ENVIRONMENT
from .machine import python

PROGRAMS = ("ip", "nft", "unshare", "nsenter", "setpriv")
CLUSTER_PROGRAMS = ("corosync", "pacemakerd", "cibadmin", "crm_mon")
NODES_WITHIN = 40.0


def require(bare):
    """One line that names all that is missing on this machine."""
    if os.geteuid() != 0:
        raise LabError("a lab needs root: namespaces, mounts and links are made; use sudo")
    wanted = PROGRAMS if bare else PROGRAMS + CLUSTER_PROGRAMS
    missing = [p for p in wanted if not shutil.which(p, path=ENVIRONMENT["PATH"])]
    if missing:
        raise LabError(f"not installed: {', '.join(missing)} (Debian: apt install iproute2 nftables"
                       f" util-linux corosync pacemaker)")


def start(folder, settings, progress):
    """Claims the name and starts the daemon; returns its process, with the lifeline as stdin.

    What an earlier lab of this name left behind is removed first, unless it still runs.
    """
    with state.lock():
        if folder.state():
            raise LabError(f"lab '{folder.name}' is up already; end it with: lab down --name {folder.name}")
        if folder.starter():
            raise LabError(f"lab '{folder.name}' is being started by process {folder.starter()}")
        down(folder)
        slot = state.free_slot()
        folder.path.mkdir(mode=0o700)
        folder.write("config.json", dict(
            settings, slot=slot, name=folder.name, token=uuid.uuid4().hex,
            starter=[os.getpid(), kernel.start_time(os.getpid())], **_addresses(slot, settings)))
    process = _spawn(folder)
    try:
        _listen(folder, process, progress, time.monotonic() + NODES_WITHIN)
    except BaseException:
        stop(folder, process)
        raise
    return process


def _addresses(slot, settings):
    nodes = {f"n{i}": f"10.{slot}.0.{i}" for i in range(1, settings["count"] + 1)}
    return {"nodes": nodes, "client": f"10.{slot}.0.250"}


def _spawn(folder):
    with open(folder.log, "ab") as log:
        return subprocess.Popen(
            ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--",
             *python("_daemon", folder.name)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            env=ENVIRONMENT, cwd="/", start_new_session=True)


def _listen(folder, process, progress, deadline):
    """Hears the daemon's progress until it is ready."""
    os.set_blocking(process.stdout.fileno(), False)
    while True:
        line = process.stdout.readline()
        if line is None or line == b"":
            if process.poll() is not None:
                raise LabError(f"the lab's daemon ended; its log said: {_last_line(folder.log)}")
            left = deadline - time.monotonic()
            if left <= 0:
                raise LabError(f"the nodes were not up within {NODES_WITHIN:g} s; see {folder.log}")
            select.select([process.stdout], [], [], left)
            continue
        words = json.loads(line)
        if "error" in words:
            raise LabError(words["error"])
        if "booted" in words:
            progress(f"{words['booted']} booted")
        if "ready" in words:
            return


def _last_line(path):
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1] if lines else "nothing"


def detach(process):
    """Lets the lab live on after us."""
    process.stdin.write(b"detach\n")
    process.stdin.close()
    process.stdout.close()
    process.returncode = 0  # no longer ours to wait for


def stop(folder, process):
    """Ends a lab that we hold: cuts the lifeline, and waits until its PID 1 is gone."""
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            stream.close()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
    with state.lock():
        down(folder)


def down(folder):
    """Ends whatever runs of the lab, and removes its folder.  Call it with the lock held."""
    if not folder.path.exists():
        return
    _end_clients(folder)
    found = folder.read("state.json")
    if found and not kernel.kill_and_wait(found["pid"], found["started"]):
        raise LabError(f"lab '{folder.name}': its daemon (pid {found['pid']}) does not die")
    state.remove(folder)


def _end_clients(folder):
    """Programs in the client's network are no children of the lab: they bear its mark."""
    config = folder.config()
    if not config:
        return
    for pid, started in kernel.processes_marked(mark(config)):
        if pid != os.getpid():
            kernel.kill_and_wait(pid, started)


def mark(config):
    """A line in the environment of each program that runs as the client; no other lab has the same."""
    return f"REDIS_HA_LAB={config['name']}:{config['token']}"
