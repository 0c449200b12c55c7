# SPDX-License-Identifier: GPL-2.0-or-later
"""What we need of Linux and Python's library does not offer.

mount(2) is called directly: from util-linux 2.39 on, mount(8) hands options
over one by one and refuses those longer than 255 characters, which the lower
folders of an overlay easily are.  A process is known by its pid and its start
time, so that a number used again is never taken for the process we started.
"""

import ctypes
import os
import select
import signal
from pathlib import Path

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_MOVE, MS_REC = 4096, 8192, 16384

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, fstype=None, flags=0, options=None):
    """mount(2); raises OSError with the target in it."""
    args = [None if a is None else os.fsencode(a) for a in (source, target, fstype)]
    data = None if options is None else os.fsencode(options)
    if _libc.mount(*args, ctypes.c_ulong(flags), data) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"mount {fstype or 'bind'}: {os.strerror(code)}", str(target))


def bind(source, target):
    """Shows `source` at `target` too, with all that is mounted below it."""
    mount(source, target, flags=MS_BIND | MS_REC)


def unmount(target):
    if _libc.umount2(os.fsencode(target), 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"unmount: {os.strerror(code)}", str(target))


def pid_seen_by_host():
    """Our pid as the mounted /proc counts: the host's, until we mount our own."""
    return int(os.readlink("/proc/self"))


def pid_seen_by_parent_namespace(pid):
    """The number that a process, PID 1 of its own namespace, has one namespace further out."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-2])
    raise ProcessLookupError(f"no NSpid of process {pid}")


def start_time(pid):
    """Clock ticks from boot to the start of the process; None if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def is_running(pid, started):
    """Whether the very process that was started then still lives (a zombie does not)."""
    return started is not None and start_time(pid) == started


def kill_and_wait(pid, started, deadline=10.0):
    """SIGKILL for exactly that process; True once it is gone, False after the deadline (s)."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        if not is_running(pid, started):
            return True
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        waiter = select.poll()
        waiter.register(handle, select.POLLIN)
        return bool(waiter.poll(deadline * 1000))
    except ProcessLookupError:
        return True
    finally:
        os.close(handle)


def processes_marked(mark):
    """(pid, start time) of every process whose environment holds the line `mark`."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            environment = Path(f"/proc/{entry}/environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(mark) in environment.split(b"\0"):
            found.append((int(entry), start_time(int(entry))))
    return found
