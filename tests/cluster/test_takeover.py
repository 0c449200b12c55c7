# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/takeover.md, command by command: an installation in use becomes a cluster, fails over, and becomes
stand-alone again, while clients write.

     client: writers and pollers all the time
        |
     floating address, held by hand -> HAProxy -> the primary
        n1 Redis, Sentinel, HAProxy     n2 the same     n3 the same      started by Debian's units
        +---------- corosync and Pacemaker, with nothing to manage yet -----------+
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cluster.example import COPY
from cluster.field import MASTER, SERVICES, Field
from documents import commands, written
from lab import LabError

GUIDE = "docs/takeover.md"
SCRIPT = "cluster.pcs.sh"
EXPORT = "What the commands need"
USERS = {"n1": "100", "n2": "150", "n3": "200"}


@pytest.fixture
def field(bare_seed):
    """In use for long: Sentinel has failed over from n1, and so rewritten each redis.conf."""
    field = Field(bare_seed.lab, bare_seed.example)
    field.deploy_field()
    field.ask_sentinel("n1", "SENTINEL", "FAILOVER", MASTER)
    field.wait(lambda: field.is_whole("n2"), 90, "Sentinel has promoted n2")
    assert "replicaof" in field.node("n1").read("/etc/redis/redis.conf")
    field.node("n2").run(f"echo 'slaveof {field.host_of('n1')} 6379' >>/etc/redis/redis.conf")  # long out of date
    return field


def typed(node, title, folder="/"):
    """What stands below that title, typed on a node; what it said. It must succeed."""
    lines = ["set -eu", *commands(GUIDE, EXPORT), f"cd {folder}", *commands(GUIDE, title)]
    return node.run("\n".join(lines), timeout=300).stdout


def everywhere(field, title):
    for node in field.lab.nodes:
        typed(node, title)


def listed(said):
    """The replicas' priorities that `grep -A 1` left of three Sentinels' answers; LabError unless all six are there."""
    numbers = [line for line in said.splitlines() if line.isdigit()]
    if len(numbers) != 6:
        raise LabError(f"not six priorities: {numbers}")
    return set(numbers)


def look_until_priorities(field, title, fit):
    """The operator looks again and again."""
    looks = commands(GUIDE, title)[-1:]
    lines = "\n".join([*commands(GUIDE, EXPORT), *looks])
    field.wait(lambda: fit(listed(field.node("n1").run(lines).stdout)), 30, f"Sentinel has seen the priorities: {title}")


def prepare(field, hold_pacemaker):
    """Steps 1 to 5; the cluster of step 2 is there, perhaps in maintenance mode already."""
    n1 = field.node("n1")
    assert typed(n1, "1. See that all is well").count("OK 3 usable Sentinels") == 3
    everywhere(field, "3. systemd starts nothing again")
    assert n1.output(["systemctl", "is-active", *SERVICES]).split() == ["active"] * 3
    if hold_pacemaker:
        typed(n1, "4. Hold Pacemaker")
    typed(n1, "5. Hold Sentinel")
    look_until_priorities(field, "5. Hold Sentinel", lambda seen: seen == {"0"})
    assert "NOGOODSLAVE" in field.ask_sentinel("n1", "SENTINEL", "FAILOVER", MASTER), "from here on, whoever asks"


def take_over(field):
    """Steps 1 to 8."""
    n1 = field.node("n1")
    prepare(field, hold_pacemaker=True)
    *lines, look = commands(GUIDE, "6. The resources")
    n1.write(f"{COPY}/{SCRIPT}", field.example.text(SCRIPT))
    n1.run("\n".join(["set -eu", f"cd {COPY}", *lines]), timeout=300)
    let_go(field, look, "n2")


def let_go(field, look, primary):
    """The last look of step 6, until it shows what the step tells, and steps 7 and 8."""
    n1 = field.node("n1")

    def seen():
        said = n1.run(look).stdout
        assert "Failed Resource Actions" not in said, said
        return (f"Promoted {primary} (unmanaged)" in said and said.count("Unpromoted n") == 2 and "Stopped: [" not in said
                and sorted(field.attributes("redis-status").values()) == ["primary", "replica", "replica"]
                and field.attributes("master-redis")[primary] == "1000")
    field.wait(seen, 60, "Pacemaker and redis-watch have seen all of it")
    typed(n1, "7. Let Pacemaker go")
    assert typed(n1, "8. Look").count("OK 3 usable Sentinels") == 3
    field.wait_healthy()
    assert field.failures() == []


def once_more(field):
    """Steps 1, 3 and 5, 16, and the rest from the look of step 6 on; Sentinel has promoted n1 meanwhile."""
    prepare(field, hold_pacemaker=False)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda node: typed(node, "16. Start the cluster"), field.lab.nodes))
    field.lab.wait_online()
    let_go(field, commands(GUIDE, "6. The resources")[-1], "n1")


def give_back(field):
    """Steps 9 to 15."""
    n1 = field.node("n1")
    typed(n1, "9. Hold Pacemaker")
    everywhere(field, "10. End the companions")
    everywhere(field, "11. The servers get their values back")
    look_until_priorities(field, "12. Sentinel knows it", lambda seen: seen <= set(USERS.values()))
    everywhere(field, "13. Stop the cluster")
    everywhere(field, "14. systemd has them again")
    assert typed(n1, "15. Look").count("OK 3 usable Sentinels") == 3


def told(field, word):
    return [line for node in field.lab.nodes
            for line in node.output(["cat", "/var/log/redis/redis-sentinel.log"]).splitlines() if word in line]


def follows(field, name):
    """What redis.conf would have that server do at a boot."""
    words = [line.split() for line in field.node(name).read("/etc/redis/redis.conf").splitlines()]
    return [line[1] for line in words if line[:1] in (["replicaof"], ["slaveof"])]


def test_there_and_back_while_clients_write(field):
    before, promotions = field.identities(), told(field, "+promoted-slave")
    with field.observer() as observer:
        observer.wait_writes_after(0, 30)
        marks = [time.monotonic()]
        take_over(field)
        observer.wait_writes_after(time.monotonic(), 30)
        marks.append(time.monotonic())
        assert field.identities() == before, "adopted, not started again"
        assert field.where_floating() == "n1"

        assert field.move_primary_to("n3") == "n3"
        observer.wait_writes_after(time.monotonic(), 30)

        marks.append(time.monotonic())
        give_back(field)
        assert field.identities() == before
        assert field.is_whole("n3")
        observer.wait_writes_after(time.monotonic(), 30)
        marks.append(time.monotonic())
        verdict = observer.finish()
    for what, since, until in (("take-over", *marks[:2]), ("way back", *marks[2:])):
        print(what, {name: f"{verdict.longest_gap(name, since, until):.2f} s" for name in verdict.times})
    assert (verdict.lost_acknowledged, verdict.two_at_once) == ([], [])
    assert told(field, "+promoted-slave") == promotions, "Sentinel promoted nobody meanwhile"
    assert {name: follows(field, name) for name in USERS} == {
        "n1": [field.host_of("n3")], "n2": [field.host_of("n3")], "n3": []}

    field.ask_sentinel("n1", "SENTINEL", "FAILOVER", MASTER)
    field.wait(lambda: field.is_whole("n1"), 90, "Sentinel promotes again, the lowest priority first")
    with field.observer() as observer:
        observer.wait_writes_after(0, 30)
        once_more(field)
        observer.wait_writes_after(time.monotonic(), 30)
        verdict = observer.finish()
    print("once more", {name: f"{verdict.longest_gap(name):.2f} s" for name in verdict.times})
    assert field.identities() == before
    assert (verdict.lost_acknowledged, verdict.two_at_once) == ([], [])


def test_what_was_taken_over_is_the_clusters(field):
    """Files that the servers rewrote, a watch that reads them anew, and ends of what systemd had started."""
    identities = field.identities()
    take_over(field)
    for name in USERS:
        field.redis(name, "CONFIG", "REWRITE")
        assert "\nreplica-priority 0\n" in field.node(name).read("/etc/redis/redis.conf").replace("slave-", "replica-")
        old = field.processes(name, "redis-watch")
        field.signal(name, "redis-watch")
        field.wait(lambda name=name, old=old: field.processes(name, "redis-watch") not in ([], old), 30,
                   f"another redis-watch runs on {name}")
    field.wait_healthy()
    field.node("n1").run(written(GUIDE, "pcs resource update sentinel down_after=1000"))
    field.wait(lambda: {field.sentinel_says(name)["down-after-milliseconds"] for name in USERS} == {"1000"}, 30,
               "every Sentinel has the new value")

    with field.observer() as observer:
        observer.wait_writes_after(0, 30)
        field.kill_redis("n2")
        assert field.wait_promoted_elsewhere("n2") == "n1", "the user's priority decides"
        observer.wait_writes_after(time.monotonic(), 30)
        field.signal("n1", "redis-sentinel")
        field.wait(lambda: field.ask_sentinel("n1", "SENTINEL", "MYID") == identities["n1"]["sentinel"][2], 60,
                   "the agent has started that Sentinel again, with what it knew")
        field.signal("n1", "haproxy")
        field.wait_healthy()
        observer.wait_writes_after(time.monotonic(), 60)
        verdict = observer.finish()
    assert (verdict.lost_confirmed, verdict.two_at_once) == ([], [])
    for name, unit in (("n2", "redis-server"), ("n1", "redis-sentinel"), ("n1", "haproxy")):
        assert field.node(name).run(["systemctl", "is-active", unit], check=False).stdout != "active\n"
        assert len(field.processes(name, unit)) == (2 if unit == "haproxy" else 1)
