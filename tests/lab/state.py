# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder of a lab, by which separate calls of the program find it.

/run/redis-ha-lab/NAME/ holds config.json (what was asked for, written once by
`up`), state.json (what is, written by the lab's daemon), the daemon's socket
and log, and nodes/NODE/ with each node's logs and disk.  Changes to the list of
labs are made under a lock on the parent folder, which vanishes with the last.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import socket
import time
from pathlib import Path

from . import kernel
from .errors import LabError

ROOT = Path("/run/redis-ha-lab")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,23}")
CLIENT = "client"


class Folder:
    """Paths and files of one lab."""

    def __init__(self, name):
        if not NAME.fullmatch(name):
            raise LabError(f"lab name '{name}': expected up to 24 of a-z, 0-9 and '-'")
        self.name = name
        self.path = ROOT / name
        self.socket = self.path / "control"
        self.log = self.path / "lab.log"

    def node(self, node):
        return self.path / "nodes" / node

    def read(self, file):
        try:
            return json.loads((self.path / file).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def write(self, file, content):
        """Written aside and renamed, so that a reader never sees half of it."""
        aside = self.path / f".{file}"
        aside.write_text(json.dumps(content, indent=1) + "\n")
        os.replace(aside, self.path / file)

    def config(self):
        return self.read("config.json")

    def state(self):
        """What the daemon wrote, if it is ready and that very daemon still runs; else None."""
        state = self.read("state.json")
        if state and state["ready"] and kernel.is_running(state["pid"], state["started"]):
            return state
        return None

    def starter(self):
        """The pid of an `up` that is still at work on this lab, else None."""
        config = self.config()
        if config and not self.state() and kernel.is_running(*config["starter"]):
            return config["starter"][0]
        return None

    def require_state(self):
        state = self.state()
        if state is None:
            raise LabError(f"lab '{self.name}' is not up; start it with: lab up --name {self.name}")
        return state

    def ask(self, deadline=30.0, **request):
        """One request to the lab's daemon; returns its answer."""
        self.require_state()
        answer = ask(self.socket, request, deadline)
        if "error" in answer:
            raise LabError(answer["error"])
        return answer


def ask(path, request, deadline):
    """Sends one line of JSON to a socket and returns the line that comes back."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(deadline)
            link.connect(str(path))
            link.sendall(json.dumps(request).encode() + b"\n")
            with link.makefile("rb") as stream:
                line = stream.readline()
    except TimeoutError:
        return {"error": f"no answer from the lab's daemon within {deadline:g} s to: {request}"}
    except OSError as failure:
        return {"error": f"cannot reach the lab's daemon at {path}: {failure.strerror}"}
    return json.loads(line) if line else {"error": f"the lab's daemon ended during: {request}"}


def names():
    """Names of all labs that have a folder, running or left over."""
    if not ROOT.is_dir():
        return []
    return sorted(p.name for p in ROOT.iterdir() if p.is_dir() and NAME.fullmatch(p.name))


@contextlib.contextmanager
def lock(deadline=30.0):
    """Only one process at a time changes the list of labs."""
    handle = _lock_root(time.monotonic() + deadline)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            ROOT.rmdir()
        os.close(handle)


def _lock_root(deadline):
    while True:
        ROOT.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            handle = os.open(ROOT, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(ROOT).st_ino == os.fstat(handle).st_ino:
                return handle
        except FileNotFoundError:
            pass
        except OSError as failure:
            if failure.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            if time.monotonic() > deadline:
                os.close(handle)
                raise LabError(f"another lab holds the lock on {ROOT} for too long") from None
            time.sleep(0.05)
        os.close(handle)


def free_slot():
    """The lowest number that no lab uses; it becomes the second byte of its addresses."""
    used = set()
    for name in names():
        config = Folder(name).config()
        if config:
            used.add(config["slot"])
    for slot in range(201, 251):
        if slot not in used:
            return slot
    raise LabError("50 labs are up already; end some with: lab down --name NAME")


def remove(folder):
    """Removes what is left of a lab that runs no more."""
    try:
        shutil.rmtree(folder.path)
    except OSError as failure:
        raise LabError(f"cannot remove {failure.filename}: {failure.strerror}") from None
