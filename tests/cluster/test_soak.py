# SPDX-License-Identifier: GPL-2.0-or-later
"""Random events, one after the other, while applications that ask Sentinel write: redis-py and Perl's Redis.

     client: redis_py, redis_perl -- "who is primary?" --> any Sentinel
        |                                                     ^ told by
        |    n1                   n2                   n3     | the promotion
        +--> Redis, watch         Redis, watch         Redis, watch
             Sentinel, feed       Sentinel, feed       Sentinel, feed

Pacemaker decides. No Sentinel promotes a server or turns one around, each names the new primary, the attributes
are what it says, and no application is told of a write by any other server than Pacemaker's primary.
"""

import random
import time

import pytest

from .example import REDIS
from .soak import Agreement, Book, Client, in_words

CLIENTS = ("redis_py", "redis_perl")
AGAIN_WITHIN = 60  # s; what it takes is printed


def crash(cluster, old):
    cluster.kill_redis(old)
    cluster.wait_promoted_elsewhere(old)


def hang(cluster, old):
    cluster.kill_redis(old, "STOP")
    cluster.wait_promoted_elsewhere(old)


def cut(cluster, old):
    node, before = cluster.node(old), cluster.node(old).pid
    node.cut()
    cluster.wait_promoted_elsewhere(old)
    cluster.wait(lambda: node.pid not in (None, before), 60, f"{old} was fenced and boots")
    cluster.lab.heal()
    cluster.lab.wait_online()


def power(cluster, old):
    cluster.node(old).power_off()
    cluster.wait_promoted_elsewhere(old, deadline=60)
    cluster.lab.wait_online(["n1", "n2", "n3"])  # the fence device has switched it on again


def switchover(cluster, old):
    cluster.move_primary_to(random.choice([node.name for node in cluster.lab.nodes if node.name != old]))


def sentinel_killed(cluster, _):
    cluster.signal(random.choice(cluster.lab.nodes).name, "redis-sentinel")


def sentinel_stopped(cluster, _):
    """Long enough to be told as unreachable; it finds itself in TILT when it goes on."""
    name = random.choice(cluster.lab.nodes).name
    cluster.signal(name, "redis-sentinel", "STOP")
    cluster.wait(lambda: cluster.attributes("sentinel-status").get(name) == "unreachable", 30,
                 f"the Sentinel of {name} is told as unreachable")
    cluster.signal(name, "redis-sentinel", "CONT")


KINDS = (crash, hang, switchover, cut, power, sentinel_killed, sentinel_stopped)
UNREACHABLE = (cut, power)  # the Sentinel beside the old primary cannot be told


class Soak:
    """A walk from event to event."""

    def __init__(self, cluster, folder):
        self.cluster, self.book = cluster, Book(cluster)
        self.first = self.server(cluster.wait_healthy())
        self.agreement = Agreement(cluster)
        self.clients = [Client(cluster, program, folder) for program in CLIENTS]
        self.count, self.again = {}, {name: [] for name in CLIENTS}
        self.wait_clients(self.first, self.book.begun)
        self.wait_agreement()

    def end(self):
        for client in self.clients:
            client.end()
        self.agreement.end()

    def server(self, name):
        return f"{self.cluster.host_of(name)}:{REDIS}"

    def wait_clients(self, server, since):
        for client in self.clients:
            self.cluster.wait(lambda client=client: client.has_written(server, since), AGAIN_WITHIN,
                              f"{client.name} writes to {server}")

    def wait_agreement(self, kind=None):
        self.cluster.wait(lambda: self.agreement.settled(kind), 60, "attributes are what Sentinels say")

    def play(self, event):
        old, began = self.cluster.wait_healthy(), time.time()
        print(f"{began:.3f} {event.__name__}, {old} leads", flush=True)
        event(self.cluster, old)
        new = self.cluster.wait_healthy()
        if event in UNREACHABLE:
            self.book.unreachable.append((old, began, time.time()))
        self.cluster.wait_sentinels_name(new)
        self.wait_clients(self.server(new), time.time())
        self.wait_agreement(event.__name__)
        self.book.gather()
        self.cluster.cleanup()
        self._note(event, self.server(old), self.server(new), began)

    def _note(self, event, old, new, began):
        self.count[event.__name__] = self.count.get(event.__name__, 0) + 1
        if new != old:
            for client in self.clients:
                self.again[client.name].append(client.first_after(new, began) - began)

    def stale(self):
        return {client.name: self.book.stale(client.look(), self.first) for client in self.clients}

    def summary(self):
        took, silent = self.book.namings()
        yield ", ".join(f"{count} {name}" for name, count in sorted(self.count.items()))
        yield f"promotions: {len(self.book.promotions)}"
        for client in self.clients:
            yield (f"{client.name}: {len(client.writes)} writes, {len(client.failures)} refused or failed; from an event "
                   f"to its first write to the new primary: {in_words(self.again[client.name])}")
            yield (f"{client.name}: from a promotion to its first write to that server: "
                   f"{in_words(self.book.followed(client))}")
        yield f"from a promotion to +switch-master of each Sentinel that could be reached: {in_words(took)}"
        yield from (f"  never named: {each}" for each in silent)
        yield f"  over 500 ms: {sum(each > 0.5 for each in took)}"
        yield from self.agreement.summary()


@pytest.fixture
def soak(cluster, tmp_path):
    made = Soak(cluster, tmp_path)
    yield made
    made.end()


def test_clients_that_ask_sentinel_follow_pacemaker(soak, rounds, tell):
    events = [KINDS[number % len(KINDS)] for number in range(max(3, rounds))]
    random.shuffle(events)
    try:
        for event in events:
            soak.play(event)
    finally:
        for line in soak.summary():
            tell(line)
    assert soak.book.fought == set()
    assert soak.stale() == {name: [] for name in CLIENTS}
