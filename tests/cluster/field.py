# SPDX-License-Identifier: GPL-2.0-or-later
"""An installation as it is found in the field, on the machines of a lab: Redis with `slaveof` and an append
only file, Sentinels on a port and with a name of their own, HAProxy asking for role:master, each started by
Debian's units; the clients' address is held by hand.

     floating address, by hand
            |
     HAProxy   HAProxy   HAProxy      its own sections
     Sentinel  Sentinel  Sentinel     16379, name `cache`, quorum 2, down-after 10 s
     Redis     Redis     Redis        bind IP; slave-priority 100, 150, 200
     primary   slaveof n1 slaveof n1
"""

from observer.resp import fields

from .example import PRIORITIES, REDIS, WRITES
from .seed import Seed

SENTINEL, MASTER = 16379, "cache"
SERVICES = ("redis-server", "redis-sentinel", "haproxy")

REDIS_CONF = """bind {address}
port 6379
protected-mode yes
requirepass {password}
masterauth {password}
slave-priority {priority}
dir /var/lib/redis
appendonly yes
pidfile /run/redis/redis-server.pid
logfile /var/log/redis/redis-server.log
daemonize yes
"""

SENTINEL_CONF = """bind {address}
port 16379
daemonize yes
pidfile /run/sentinel/redis-sentinel.pid
logfile /var/log/redis/redis-sentinel.log
dir /var/lib/redis
sentinel announce-ip {address}
sentinel monitor cache {primary} 6379 2
sentinel auth-pass cache {password}
sentinel down-after-milliseconds cache 10000
sentinel failover-timeout cache 20000
sentinel parallel-syncs cache 1
"""

HAPROXY_CFG = """global
    stats socket /run/haproxy/admin.sock mode 660 level admin
    user haproxy
    group haproxy
defaults
    mode tcp
    timeout connect 1s
    timeout client 1h
    timeout server 1h
listen redis
    bind :{writes}
    option tcp-check
    tcp-check connect
    tcp-check send "AUTH {password}\\r\\n"
    tcp-check send PING\\r\\n
    tcp-check expect string +PONG
    tcp-check send INFO\\ replication\\r\\n
    tcp-check expect string role:master
    tcp-check send QUIT\\r\\n
    tcp-check expect string +OK
{servers}
"""


class Field(Seed):
    """The lab's nodes with that on them."""

    sentinel_port = SENTINEL

    def deploy_field(self, primary="n1"):
        for node in self.lab.nodes:
            self._write(node, primary)
            node.run(["mkdir", "-p", "/run/haproxy"])  # which tmpfiles.d does on a real machine
            node.run(["systemctl", "enable", "--now", *SERVICES])
        self.hold_floating("n1")
        self.wait(lambda: self.is_whole(primary), 60, "the stand-alone installation is whole")

    def _write(self, node, primary):
        values = {"address": node.address, "primary": self.node(primary).address, "writes": WRITES,
                  "password": self.example.password, "priority": PRIORITIES[node.name],
                  "servers": "\n".join(f"    server {n.name} {n.address}:{REDIS} check inter 200ms fall 2 rise 1"
                                       for n in self.lab.nodes)}
        follow = "" if node.name == primary else f"slaveof {values['primary']} {REDIS}\n"
        node.write("/etc/redis/redis.conf", REDIS_CONF.format(**values) + follow, 0o640, "redis:redis")
        node.write("/etc/redis/sentinel.conf", SENTINEL_CONF.format(**values), 0o640, "redis:redis")
        node.write("/etc/haproxy/haproxy.cfg", HAPROXY_CFG.format(**values), 0o600)

    def hold_floating(self, name):
        self.node(name).run(["ip", "address", "add", f"{self.example.floating}/24", "dev", "eth0"])

    def ask_sentinel(self, name, *words):
        return self._cli(self.node(name).address, SENTINEL, words, password=False)

    def sentinel_says(self, name):
        """SENTINEL MASTER of that node's Sentinel."""
        words = self.ask_sentinel(name, "SENTINEL", "MASTER", MASTER).splitlines()
        return dict(zip(words[::2], words[1::2]))

    def is_whole(self, primary):
        """One primary, two linked replicas, three Sentinels that know all that, and writes pass."""
        others = [node.name for node in self.lab.nodes if node.name != primary]
        told = [self.sentinel_says(node.name) for node in self.lab.nodes]
        return (self.info(primary)["role"] == "master" and all(self.is_linked(name, primary) for name in others)
                and all((t["ip"], t["flags"], t["num-slaves"], t["num-other-sentinels"])
                        == (self.node(primary).address, "master", "2", "2") for t in told)
                and self.through_floating("SET", "probe:whole", "1") == "OK")

    def identities(self):
        """What must be the same before and after: process and run id of every server."""
        found = {}
        for node in self.lab.nodes:
            sentinel = fields(self.ask_sentinel(node.name, "INFO", "server").replace("\r", ""))
            found[node.name] = {
                "redis": (self.pid(node.name), self.run_id(node.name)),
                "sentinel": (int(sentinel["process_id"]), sentinel["run_id"],
                             self.ask_sentinel(node.name, "SENTINEL", "MYID")),
                "haproxy": self.processes(node.name, "haproxy")}
        return found
