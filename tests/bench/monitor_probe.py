# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs one program several times and prints what each run took, as JSON.

The CPU is that of the program and of all children that were waited for.  A PID namespace numbers its processes
and threads in order, so two numbers drawn before and after tell how many were started between.
"""

import json
import os
import sys
import time


def next_pid():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def once(argv, env, null):
    before, began = next_pid(), time.perf_counter()
    child = os.posix_spawn(argv[0], argv, env, file_actions=[
        (os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)])
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - began
    return {"wall_ms": round(wall * 1000, 3), "cpu_ms": round((usage.ru_utime + usage.ru_stime) * 1000, 3),
            "processes": next_pid() - before - 1, "code": os.waitstatus_to_exitcode(status)}


def main(job):
    null = os.open("/dev/null", os.O_RDWR)
    print(json.dumps([once(job["argv"], job["env"], null) for _ in range(job["runs"])]))


main(json.loads(sys.argv[1]))
