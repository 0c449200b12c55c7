# SPDX-License-Identifier: GPL-2.0-or-later
"""A laboratory of real cluster nodes on one machine.

Every node is a tree of processes in namespaces of its own, with its own
address, disk and PID 1, and runs the machine's real corosync, Pacemaker, Redis
and HAProxy.  Tests import `Lab` from here; people use the program `lab`.
"""

from .api import Lab
from .errors import LabError, LabTimeout

__all__ = ["Lab", "LabError", "LabTimeout"]
