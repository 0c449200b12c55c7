# SPDX-License-Identifier: GPL-2.0-or-later
"""What one monitor of a Redis agent costs, called as Pacemaker's executor calls it on the primary's node."""

import json
from pathlib import Path

from lab import LabError

PROBE = Path(__file__).with_name("monitor_probe.py")
PROMOTED = 8
WARM_UP = 3


def cost(node, agent, parameters, runs):
    """{"wall_ms": [...], "cpu_ms": [...], "processes": [...]}, a value a run."""
    provider, kind = agent.split(":")
    job = {"argv": [f"/usr/lib/ocf/resource.d/{provider}/{kind}", "monitor"],
           "env": environment(node, provider, kind, parameters), "runs": runs + WARM_UP}
    # The script comes by standard input: a node does not see the source tree.
    told = node.output(["/usr/bin/python3", "-ISB", "-", json.dumps(job)], input=PROBE.read_text())
    measured = json.loads(told)[WARM_UP:]
    codes = {one["code"] for one in measured}
    if codes != {PROMOTED}:
        raise LabError(f"{node.name}: {agent} monitor: exit {sorted(codes)}, expected {PROMOTED}, promoted")
    return {what: [one[what] for one in measured] for what in ("wall_ms", "cpu_ms", "processes")}


def environment(node, provider, kind, parameters):
    """As the executor sets it for a recurring monitor of a promotable clone's promoted instance."""
    meta = {"timeout": 10000, "interval": 1000, "name": "monitor", "role": "Promoted", "on_node": node.name,
            "on_node_uuid": node.name[1:], "clone": 0, "clone_max": 3, "clone_node_max": 1, "promotable": "true",
            "promoted_max": 1, "promoted_node_max": 1, "notify": "true", "globally_unique": "false",
            "interleave": "true"}
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "OCF_ROOT": "/usr/lib/ocf",
            "OCF_RA_VERSION_MAJOR": "1", "OCF_RA_VERSION_MINOR": "1",
            "OCF_RESOURCE_INSTANCE": "redis", "OCF_RESOURCE_PROVIDER": provider, "OCF_RESOURCE_TYPE": kind,
            "OCF_RESKEY_crm_feature_set": "3.16.2",
            **{f"OCF_RESKEY_CRM_meta_{name}": str(value) for name, value in meta.items()},
            **{f"OCF_RESKEY_{name}": value for name, value in parameters.items()}}
