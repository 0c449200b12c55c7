# SPDX-License-Identifier: GPL-2.0-or-later
"""ocf:redis-ha:redis as an instance of a promotable clone whose redis-watch does not run, since no corosync
does: it degrades, says so, and promotes nobody."""

import ocf
from redis_kit import freeze, is_busy, kill


def offset(one):
    info = one.info()
    return int(info["slave_repl_offset" if info["role"] == "slave" else "master_repl_offset"])


def test_start_follows_nobody_and_is_nothing_to_sentinel(node):
    one = node()
    one.must("start")
    info = one.info()
    assert (info["role"], info["master_host"], info["master_port"]) == ("slave", "127.0.0.1", "1")
    assert one.call("CONFIG", "GET", "replica-priority")[1] == "0"
    assert one.call("CONFIG", "GET", "replica-announce-ip")[1] == "127.0.0.1"
    assert (one.score, one.status) == ("-INFINITY", "sealed")


def test_the_users_priority_outlives_a_rewrite_of_the_configuration(node):
    """CONFIG REWRITE writes the 0 that holds Sentinel; a user's own 0 comes alone."""
    one = node("slave-priority 150")
    one.must("start")
    noted = one.agent.state_dir / "priority"
    assert noted.read_text() == "150\n"
    one.must("stop")
    for lines, priority in ((["replica-priority 0", "repl-backlog-ttl 0"], "150"), (["replica-priority 120"], "120"),
                            (["replica-priority 0"], "0")):
        one.conf = lines
        one.write()
        one.must("start")
        assert noted.read_text() == f"{priority}\n"
        one.must("stop")


def test_nobody_is_promoted_without_a_watch(node):
    one = node()
    one.must("start")
    assert "redis-watch" in one.must("promote", ocf.ERR_GENERIC).reason[:128]
    assert one.role == "slave" and one.score == "-INFINITY"


def test_watch_is_kept_with_the_value_that_it_had(node):
    """It is launched again, though a bad value is given meanwhile."""
    one = node(down_after=3000)
    one.must("start")
    params = one.agent.run_dir / "watch.params"
    before = params.read_text()
    assert "down_after 3000\n" in before
    assert "redis-watch does not run" in one.monitor(ocf.DEGRADED, down_after="soon").log
    assert params.read_text() == before
    params.unlink()
    one.monitor(ocf.DEGRADED, down_after="soon")
    assert "down_after 2000\n" in params.read_text()
    one("monitor", interval=10000)
    assert params.read_text() == before


def test_list_of_peers_outlives_a_lookup_that_fails(node):
    """No corosync is here, so every lookup does."""
    one = node()
    one.peers(("127.0.0.1", 7777))
    one.must("start")
    for action in ("validate-all", "reload-agent", "notify"):
        one.must(action, extra={"OCF_RESKEY_CRM_meta_notify_type": "post",
                                "OCF_RESKEY_CRM_meta_notify_operation": "start"})
        assert "7777" in (one.agent.run_dir / "peers").read_text()


def test_validation_notes_nothing(node):
    one = node()
    one.must("validate-all")
    assert not one.agent.run_dir.exists() and not one.agent.state_dir.exists()
    one.must("start", ocf.ERR_INSTALLED, config=one.folder / "missing")
    assert sorted(path.name for path in one.agent.run_dir.iterdir()) == []


def test_adopted_server_is_noted_for_sentinel(node, spawn, until):
    one = node()
    server = one.hand_started(spawn)
    until(one.is_open, "the server answers")
    one.probe(ocf.RUNNING_PROMOTED)
    assert one.pid == server.pid
    assert (one.agent.run_dir / "endpoint").read_text() == f"127.0.0.1 {one.port}\n"


# ---- demotion ----


def test_demotion_leaves_a_replica_of_nobody_with_all_its_data(pair, until):
    one, two = pair()
    with one.client() as client:
        for number in range(1000):
            client.call("SET", f"key{number}", number)
    one.must("demote")
    assert (one.role, one.info()["master_port"]) == ("slave", "1")
    assert two.call("DBSIZE") == 1000 and offset(one) == offset(two)


def test_demotion_waits_for_a_replica_that_is_being_copied_to(node, until):
    """Its link may look up to itself already; the primary lists it as online only once it has told so."""
    one, two = node("repl-diskless-sync-delay 2"), node()
    one.must("start")
    two.must("start")
    one.call("REPLICAOF", "NO", "ONE")
    one.call("MSET", *range(200))
    two.call("REPLICAOF", "127.0.0.1", one.port)
    until(lambda: "slave0" in one.info(), "the copy is asked for")
    one.must("demote")
    assert two.call("DBSIZE") == 100 and offset(one) == offset(two)


SCRIPT = """
local start = tonumber(redis.call('TIME')[1])
while redis.call('TIME')[1] - start < 2 do end
"""


def test_demotion_waits_for_a_replica_that_tells_nothing(pair, until, spawn):
    """It is in a script, so it neither reads nor answers; what the kernel cannot hold waits for it."""
    one, two = pair("busy-reply-threshold 50")
    spawn("redis-cli", "-p", two.port, "EVAL_RO", SCRIPT, 0)
    until(lambda: is_busy(two), "the replica is in the script")
    with one.client(within=20) as client:
        client.call("SET", "big", "x" * 64_000_000)
    one.must("demote")
    assert two.call("EXISTS", "big") == 1


def test_demotion_of_a_hung_primary_puts_a_replica_in_its_place(pair, until):
    one, _ = pair(down_after=300)
    hung = one.pid
    freeze(until, hung)
    one.must("demote")
    assert not ocf.is_alive(hung), "what waits in its sockets must not be carried out when it wakes"
    assert one.role == "slave" and one.pid != hung


def crash_as_primary(one, until):
    one.call("REPLICAOF", "NO", "ONE")
    one.monitor(ocf.RUNNING_PROMOTED)
    kill(until, one.pid)


def test_a_crash_is_mended_but_not_again_and_again(node, until):
    """What Pacemaker is never told, its migration-threshold cannot count."""
    one = node()
    one.must("start")
    for _ in range(2):
        crash_as_primary(one, until)
        one.must("demote")
    crash_as_primary(one, until)
    assert "3 times" in one.must("demote", ocf.NOT_RUNNING).reason[:128]

    one.must("stop")
    one.must("start")
    one.probe(ocf.SUCCESS)  # as crm_resource --cleanup has it done
    crash_as_primary(one, until)
    one.must("demote")


# ---- the replication user of auth_file ----


def password_file(folder):
    auth = folder / "auth"
    auth.write_text("password secret\nreplication_password secret\n")
    auth.chmod(0o600)
    return auth


def test_replication_password_of_auth_file_outlives_a_crash(pair, folder, until):
    one, _ = pair("requirepass secret", auth_file=password_file(folder), password="secret")
    kill(until, one.pid)
    one.monitor(ocf.FAILED_PROMOTED)
    one.must("demote")
    assert one.call("CONFIG", "GET", "masterauth", password="secret")[1] == "secret"


def test_adopted_replica_gets_the_replication_password(node, folder, spawn, until):
    two = node("requirepass secret", auth_file=password_file(folder))
    two.hand_started(spawn, "--replicaof", "127.0.0.1", "1")
    until(two.is_open, "the server answers")
    two.probe(ocf.SUCCESS)
    assert two.call("CONFIG", "GET", "masterauth", password="secret")[1] == "secret"
