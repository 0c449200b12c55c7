# SPDX-License-Identifier: GPL-2.0-or-later
"""The stand-alone design: three Redis, three Sentinels, HAProxy on every node, and no Pacemaker.

         floating address, held where it is needed by the bench itself
                |
     HAProxy  HAProxy  HAProxy      tcp-check role:master
     Sentinel Sentinel Sentinel     quorum 2
     Redis    Redis    Redis        redis.conf is Sentinel's to rewrite

A server that dies is not started again before the scenario is over.  With systemd's Restart=always, as
Debian has it, a killed primary would be back within 0.1 s on its last RDB, unnoticed by Sentinel,
and its replicas would copy that: all writes since would be gone.
"""

from cluster.example import REDIS

from .system import DOWN_AFTER, System

HEALTHY_WITHIN = 90.0
AS_REDIS = ["setpriv", "--reuid=redis", "--regid=redis", "--init-groups"]
PROGRAMS = ("redis-server", "redis-sentinel", "haproxy")
MASTER = "mymaster"

# After an election that failed, Sentinel tries again when twice failover-timeout is over: 20 s here, six
# minutes with its default.
SENTINEL_CONF = f"""port 26379
dir /var/lib/redis
logfile /var/log/redis/redis-sentinel.log
protected-mode no
sentinel monitor {MASTER} {{address}} {REDIS} 2
sentinel auth-pass {MASTER} {{password}}
sentinel down-after-milliseconds {MASTER} {DOWN_AFTER}
sentinel failover-timeout {MASTER} 10000
sentinel parallel-syncs {MASTER} 1
"""


class Standalone(System):
    """Sentinel decides."""

    name, title = "standalone", "Sentinel + HAProxy"
    bare = True
    more_conf = ""           # lines for redis.conf

    def deploy(self):
        first = self.lab.nodes[0]
        for node in self.lab.nodes:
            self.example.install(node)
            node.write("/etc/redis/redis.conf", self.example.redis_conf(node.name) + self.more_conf, 0o640,
                       "redis:redis")
            node.write("/etc/redis/sentinel.conf", SENTINEL_CONF.format(
                address=first.address, password=self.example.password), 0o640, "redis:redis")
            self._start(node, None if node is first else first.name)
        self.move_address(first.name)
        self._wait_healthy()

    def _start(self, node, primary):
        """Starts what does not run on a node: Redis as a replica of `primary`, if there is one."""
        follow = ["--replicaof", self.lab.node(primary).address, REDIS] if primary else []
        commands = {
            "redis-server": [*AS_REDIS, "redis-server", "/etc/redis/redis.conf", "--daemonize", "yes", *follow],
            "redis-sentinel": [*AS_REDIS, "redis-sentinel", "/etc/redis/sentinel.conf", "--daemonize", "yes"],
            "haproxy": "mkdir -p /run/haproxy && haproxy -D -f /etc/haproxy/haproxy.cfg"}
        for program in PROGRAMS:
            if not self.seed.processes(node.name, program):
                node.run(commands[program])

    def primary(self):
        """The one that every Sentinel names."""
        named = {self.seed.sentinel(node.name, "GET-MASTER-ADDR-BY-NAME", MASTER).split("\n")[0]
                 for node in self.lab.nodes_on()}
        names = [node.name for node in self.lab.nodes if node.address in named]
        return names[0] if len(named) == len(names) == 1 else None

    def trouble(self):
        primary = self.primary()
        if primary is None:
            return "the Sentinels do not agree who is primary"
        if self.seed.info(primary)["role"] != "master":
            return f"Redis on {primary} is no primary, and the Sentinels say so"
        for node in self.lab.nodes_on():
            if (node.name != primary and self.seed.processes(node.name, "redis-server")
                    and not self.seed.is_linked(node.name, primary)):
                return f"Redis on {node.name} is not linked to {primary}"
        self.seed.through_floating("SET", "probe:healthy", "1")
        return None

    def _all_are_known(self):
        """Whether each Sentinel knows all others and both replicas, as what they are.

        One that last saw a replica as a primary turns it back into a replica (+convert-to-slave), even when
        another Sentinel has just promoted it.
        """
        for node in self.lab.nodes:
            told = _values(self.seed.sentinel(node.name, "MASTER", MASTER))
            if [told[key] for key in ("flags", "num-slaves", "num-other-sentinels")] != [["master"], ["2"], ["2"]]:
                return False
            told = _values(self.seed.sentinel(node.name, "REPLICAS", MASTER))
            if any(told[key] != ["slave", "slave"] for key in ("flags", "role-reported")):
                return False
        return True

    def _wait_healthy(self):
        self.lab.wait(lambda: self.trouble() is None and self._all_are_known(), HEALTHY_WITHIN,
                      "one primary, two linked replicas, known to every Sentinel", every=0.3)

    def switchover(self):
        old = self.primary()
        asked = next(n.name for n in self.lab.nodes if n.name != old)
        self.seed.sentinel(asked, "FAILOVER", MASTER)

    def move_address(self, name):
        floating = f"{self.example.floating}/24"
        for node in self.lab.nodes_on():
            verb = "replace" if node.name == name else "del"
            node.run(["ip", "address", verb, floating, "dev", "eth0"], check=node.name == name)
        self.lab.client.run(["ip", "neigh", "flush", "to", self.example.floating], check=False)

    def restore(self):
        self.wake()
        self.lab.heal()
        self.lab.clear()
        primary = self.lab.wait(self._leader, 30, "a primary that answers")
        for node in self.lab.nodes:
            if not node.is_on:
                node.power_on()
            self._start(node, primary)
        self.move_address(primary)
        self._wait_healthy()

    def _leader(self):
        """The primary that every Sentinel names, if it agrees."""
        name = self.primary()
        return name if name and self.seed.info(name)["role"] == "master" else None


def _values(answer):
    """field -> its values, of one server or several in a row, as redis-cli prints them."""
    words = answer.split("\n")
    found = {}
    for key, value in zip(words[::2], words[1::2]):
        found.setdefault(key, []).append(value)
    return found


class StandaloneGuarded(Standalone):
    """A primary that has had no replica for ten seconds refuses writes."""

    name, title = "standalone-min-replicas", "Sentinel + HAProxy, min-replicas-to-write 1"
    more_conf = "\nmin-replicas-to-write 1\nmin-replicas-max-lag 10\n"
