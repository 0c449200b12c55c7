# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a program in a node for as long as it takes: nsenter, but for two things.

nsenter stops itself when its child stops, and nobody wakes it: a hang that a
test makes with SIGSTOP would outlast its SIGCONT, and a node with such a child
could not end, as a PID namespace ends only when all its zombies are reaped.
And here the child dies with us, and gets the signals that are sent to us.
A script by itself, without the package, as its start is part of every call.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
NAMESPACES = ("uts", "ipc", "net", "pid", "mnt")
PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def main(pid, *argv):
    """Returns the program's exit code, or ends by the signal that ended it."""
    libc = ctypes.CDLL(None, use_errno=True)
    for handle in [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC) for name in NAMESPACES]:
        if libc.setns(handle, 0) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter the namespaces of process {pid}")
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    child = os.fork()
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _become(argv)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to the child as well
    for number in PASSED_ON:
        signal.signal(number, lambda received, _: os.kill(child, received))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _become(argv):
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.chdir("/")
        os.execvp(argv[0], argv)
    except OSError as failure:
        os.write(2, f"{argv[0]}: {failure.strerror}\n".encode())
        os._exit(127)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
