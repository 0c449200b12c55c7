# SPDX-License-Identifier: GPL-2.0-or-later
"""On what machine and with which versions the figures were taken."""

import os
import platform
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PACKAGES = ("corosync", "pacemaker", "redis-server", "redis-sentinel", "haproxy", "resource-agents")


def describe():
    return {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "cores": os.cpu_count(), "processor": _processor(), "memory_gb": round(_memory_kb() / 2 ** 20, 1),
            "kernel": platform.release(), "system": platform.freedesktop_os_release().get("PRETTY_NAME", "?"),
            "commit": _output("git", "-C", str(TOP), "rev-parse", "--short", "HEAD") or "unknown",
            "packages": {name: _output("dpkg-query", "-W", "-f", "${Version}", name) or "?" for name in PACKAGES}}


def _output(*argv):
    """What a program says; nothing where it fails or is not there."""
    try:
        return subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_kb():
    return int(Path("/proc/meminfo").read_text().split()[1])
