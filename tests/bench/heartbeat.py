# SPDX-License-Identifier: GPL-2.0-or-later
"""ocf:heartbeat:redis in the place of this suite's Redis agent, and no Sentinel.

Cluster properties, fencing, HAProxy and the floating address are the example's own text, so the client's way
is the same.  Its meta-data asks for monitors of 20 s and time-outs of 60 and 120 s.  Here its monitors run as
often as ours, and its time-outs are far shorter: it has no down_after, and notices a hang by nothing else.
"""

from cluster.seed import Seed

from .clustered import Clustered, replace, replace_section

REDIS = """pcs -f "$cib" resource create redis ocf:heartbeat:redis \\
	config=/etc/redis/redis.conf \\
	op start timeout=60s \\
	op stop timeout=10s \\
	op promote timeout=30s \\
	op demote timeout=10s \\
	op notify timeout=10s \\
	op monitor interval=1s role=Promoted timeout=5s \\
	op monitor interval=3s role=Unpromoted timeout=5s
pcs -f "$cib" resource promotable redis redis-clone meta notify=true interleave=true
"""


class HeartbeatSeed(Seed):
    """Replicas follow a node's name, not its address."""

    clones = ("redis-clone", "haproxy-clone")

    def host_of(self, node):
        return node


class Heartbeat(Clustered):
    """With the example's migration-threshold of 5."""

    name, title = "heartbeat", "heartbeat:redis"
    agent = "heartbeat:redis"
    seed_class = HeartbeatSeed
    # Its fixed scores would take the role back as soon as the constraint is gone, so pcs refuses `move`.
    move = "move-with-constraint"

    def edit(self, script):
        script = replace_section(script, "Redis", REDIS)
        return replace_section(script, "Sentinel", "")


class MovingSeed(HeartbeatSeed):
    """A server that failed stays stopped; Redis need not run on every node."""

    clones = ("haproxy-clone",)


class HeartbeatMoving(Heartbeat):
    """A first failure moves the role: a crashed primary is not promoted again where it is, on older data."""

    name, title = "heartbeat-moving", "heartbeat:redis, migration-threshold 1"
    seed_class = MovingSeed

    def edit(self, script):
        return replace(super().edit(script), "migration-threshold=5", "migration-threshold=1")

    def restore(self):
        super().restore()
        self.lab.wait(lambda: len(self.seed.roles()) == len(self.lab.nodes), 60, "Redis runs on every node again")
        self.seed.wait_healthy()
