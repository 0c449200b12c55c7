# SPDX-License-Identifier: GPL-2.0-or-later
"""ocf:redis-ha:redis among its peers: who is followed, who is ranked before whom, who is not promoted."""

import os
import signal

import pytest

import ocf
from redis_kit import freeze, is_busy, kill


@pytest.fixture
def nodes(node, until):
    """nodes(COUNT): instances that know of each other, the first promoted, the others linked to it."""
    def make(count, *conf, password=None, **params):
        made = [node(*conf, **params) for _ in range(count)]
        for one in made:
            one.peers(*(other for other in made if other is not one))
        made[0].must("start")
        made[0].must("promote")
        for one in made[1:]:
            one.must("start")
            until(lambda: is_linked(one, password), "a replica is linked")
        return made
    return make


def is_linked(one, password=None):
    return one.info(password)["master_link_status"] == "up"


def offset(one):
    info = one.info()
    return int(info["slave_repl_offset" if info["role"] == "slave" else "master_repl_offset"])


def leave_behind(until, primary, late, other):
    """`late` loses its link, then the primary takes writes that only `other` has."""
    late.call("REPLICAOF", "127.0.0.1", "1")
    primary.call("SET", "newer", "x" * 1000)
    until(lambda: offset(other) == offset(primary), "the other replica has it all")
    kill(until, primary.pid)
    until(lambda: other.info()["master_link_status"] == "down", "its link is down")
    assert offset(late) < offset(other)


def test_start_follows_the_peer_that_leads(nodes, until):
    one, two = nodes(2)
    info = two.info()
    assert (info["master_host"], int(info["master_port"])) == ("127.0.0.1", one.port)
    assert two.call("CONFIG", "GET", "replica-priority")[1] == "0"
    assert two.call("CONFIG", "GET", "replica-announce-ip")[1] == "127.0.0.1"
    one.call("SET", "a", "1")
    until(lambda: two.call("GET", "a") == "1", "the write comes over")


def test_start_while_two_lead_follows_nobody(nodes, node):
    one, two = nodes(2)
    two.call("REPLICAOF", "NO", "ONE")
    three = node()
    three.peers(one, two)
    three.must("start")
    assert three.info()["master_port"] == "1"


def test_list_of_peers_outlives_a_lookup_that_fails(nodes):
    """No corosync is here, so every lookup does."""
    one, two = nodes(2)
    for action in ("validate-all", "reload-agent", "notify"):
        two.must(action, extra={"OCF_RESKEY_CRM_meta_notify_type": "post",
                                "OCF_RESKEY_CRM_meta_notify_operation": "start"})
        assert str(one.port) in (two.agent.run_dir / "peers").read_text()


def test_validation_notes_nothing(node):
    one = node()
    one.must("validate-all")
    one.must("start", ocf.ERR_INSTALLED, config=one.folder / "missing")
    assert sorted(path.name for path in one.agent.run_dir.iterdir()) == []


def test_adopted_server_is_noted_for_sentinel(node, spawn, until):
    one = node()
    server = one.hand_started(spawn)
    until(one.is_open, "the server answers")
    one.probe(ocf.RUNNING_PROMOTED)
    assert one.pid == server.pid
    assert (one.agent.run_dir / "endpoint").read_text() == f"127.0.0.1 {one.port}\n"


# ---- ranks ----


def test_priority_decides_between_equals(nodes):
    _, two, three = nodes(3)
    two.conf.append("replica-priority 50")
    two.write()
    three.conf.append("replica-priority 60")
    three.write()
    two.monitor()
    three.monitor()
    assert two.score > three.score > 0


def test_priority_zero_is_never_promoted(nodes):
    _, two = nodes(2, "replica-priority 0")
    two.monitor()
    assert two.score == "-INFINITY"


@pytest.mark.parametrize("action", ["monitor", "notify"])
def test_newer_data_ranks_before_any_priority(nodes, until, action):
    one, late, other = nodes(3)
    late.conf.append("replica-priority 1")
    late.write()
    leave_behind(until, one, late, other)
    for each in (late, other):
        each(action, interval=10000, extra={"OCF_RESKEY_CRM_meta_notify_type": "pre",
                                            "OCF_RESKEY_CRM_meta_notify_operation": "promote"})
    assert other.score > late.score > 0


def test_lag_beyond_the_limit_is_never_promoted(nodes, until):
    one, late, other = nodes(3, max_lag=100)
    leave_behind(until, one, late, other)
    late("monitor", interval=10000)
    assert late.score == "-INFINITY"


def test_peer_that_tells_nothing_may_be_ahead(nodes, until):
    one, two, three = nodes(3)
    kill(until, one.pid)
    freeze(until, three.pid)
    until(lambda: two.info()["master_link_status"] == "down", "the link is down")
    two("monitor", interval=10000)
    alone = two.score
    os.kill(three.pid, signal.SIGCONT)
    two("monitor", interval=10000)
    assert two.score > alone > 0


# ---- promotion ----


def test_promote_is_refused_while_a_peer_is_ahead(nodes, until):
    one, late, other = nodes(3)
    leave_behind(until, one, late, other)
    result = late.must("promote", ocf.ERR_GENERIC)
    assert "n3 holds newer data" in result.reason[:128] and str(offset(other)) in result.reason[:128]
    assert late.role == "slave" and late.score == "-INFINITY"
    other.must("promote")
    late.must("notify", extra={"OCF_RESKEY_CRM_meta_notify_type": "post",
                               "OCF_RESKEY_CRM_meta_notify_operation": "promote"})
    until(lambda: is_linked(late), "it follows the new primary")
    assert late.call("GET", "newer") == "x" * 1000


def test_promote_is_refused_while_a_peer_leads(nodes):
    one, two = nodes(2)
    two.monitor()
    assert two.score > 0
    result = two.must("promote", ocf.ERR_GENERIC)
    assert f"127.0.0.1:{one.port}" in result.reason[:128] and "primary" in result.reason[:128]
    assert two.role == "slave" and two.score == "-INFINITY"
    two.monitor()
    assert two.score > 0


def test_promote_is_refused_while_two_peers_lead(nodes):
    one, two, three = nodes(3)
    two.call("REPLICAOF", "NO", "ONE")
    assert three.must("promote", ocf.ERR_GENERIC).reason
    assert three.role == "slave" and three.score == "-INFINITY"


def test_planned_move_loses_nothing(nodes, until):
    one, two, three = nodes(3)
    with one.client() as client:
        for number in range(1000):
            client.call("SET", f"key{number}", number)
    one.must("demote")
    two.must("promote")
    assert two.call("DBSIZE") == 1000
    history = two.info()["master_replid"]
    for each in (one, three):
        each.must("notify", extra={"OCF_RESKEY_CRM_meta_notify_type": "post",
                                   "OCF_RESKEY_CRM_meta_notify_operation": "promote"})
        until(lambda: is_linked(each), "it follows the new primary")
        assert each.info()["master_replid"] == history
        assert "Full resync" not in (each.folder / "log").read_text().split("REPLICAOF")[-1]


SCRIPT = """
local start = tonumber(redis.call('TIME')[1])
while redis.call('TIME')[1] - start < 2 do end
"""


def test_move_waits_for_a_replica_that_tells_nothing(nodes, until, spawn):
    """It is in a script, so it neither reads nor answers; what the kernel cannot hold waits for it."""
    one, two = nodes(2, "busy-reply-threshold 50")
    spawn("redis-cli", "-p", two.port, "EVAL_RO", SCRIPT, 0)
    until(lambda: is_busy(two), "the replica is in the script")
    with one.client(within=20) as client:
        client.call("SET", "big", "x" * 64_000_000)
    one.must("demote")
    assert two.call("EXISTS", "big") == 1


def test_replication_password_of_auth_file_outlives_a_crash(nodes, folder, until):
    auth = folder / "auth"
    auth.write_text("password secret\nreplication_password secret\n")
    auth.chmod(0o600)
    one, two = nodes(2, "requirepass secret", auth_file=auth, password="secret")
    kill(until, one.pid)
    one.monitor(ocf.FAILED_PROMOTED)
    one.must("demote")
    two.must("promote")
    one.must("notify", extra={"OCF_RESKEY_CRM_meta_notify_type": "post",
                              "OCF_RESKEY_CRM_meta_notify_operation": "promote"})
    until(lambda: is_linked(one, "secret"), "it follows the new primary")


def test_adopted_replica_gets_the_replication_password(nodes, node, folder, spawn, until):
    auth = folder / "auth"
    auth.write_text("password secret\nreplication_password secret\n")
    auth.chmod(0o600)
    one = node("requirepass secret", auth_file=auth)
    two = node("requirepass secret", auth_file=auth)
    two.peers(one)
    one.must("start")
    one.must("promote")
    two.hand_started(spawn, "--replicaof", "127.0.0.1", "1")
    until(two.is_open, "the server answers")
    two.probe(ocf.SUCCESS)
    two("monitor", interval=10000)
    until(lambda: is_linked(two, "secret"), "it follows the primary")
