# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lab's own tests share: its program, the names of their labs, and what a node can be asked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("lab")
RUN = f"selftest-{os.getpid()}"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a lab needs root")


def lab_program(*arguments, **options):
    return subprocess.run([sys.executable, "-B", str(PROGRAM), *arguments],
                          capture_output=True, text=True, timeout=90, **options)


def pings(member, address):
    return member.run(["ping", "-c1", "-W1", address], check=False).returncode == 0


def start_redis(node, port=6379):
    return node.run(["redis-server", "--port", port, "--bind", "0.0.0.0", "--protected-mode", "no",
                     "--daemonize", "yes"])
