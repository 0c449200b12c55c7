# SPDX-License-Identifier: GPL-2.0-or-later
"""ocf:redis-ha:redis by hand and in ocf-tester, where no cluster is: a server's life from start to stop,
and what becomes of its role on the way."""

import socket
import threading

import pytest

import ocf
from redis_kit import SLOW_LOADING, give, kill
from observer.resp import Connection, Refused, fields


class Watcher(threading.Thread):
    """A client that tries to write from the first moment on, and notes each role that it is told."""

    def __init__(self, port):
        super().__init__()
        self.port, self.roles, self.written, self.answers, self.wanted = port, set(), 0, 0, True

    def look(self):
        connection = Connection(("127.0.0.1", self.port), None, 1, 1)
        try:
            while self.wanted:
                try:
                    connection.call("SET", "written", "1")
                    self.written += 1
                except Refused:
                    pass
                self.roles.add(fields(connection.call("INFO", "replication"))["role"])
                self.answers += 1
        finally:
            connection.close()

    def run(self):
        while self.wanted:
            try:
                self.look()
            except OSError:
                pass

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.wanted = False
        self.join()


def test_life_cycle(redis):
    one = redis()
    one.must("validate-all")
    assert one.probe(ocf.NOT_RUNNING).reason is None
    one.must("start")
    pid = one.pid
    assert ocf.status(pid)["Uid"].split()[0] != "0"
    one.monitor()
    one.must("start")
    assert one.pid == pid
    one.must("promote")
    one.monitor(ocf.RUNNING_PROMOTED)
    one.monitor(ocf.RUNNING_PROMOTED, level=10)
    one.must("reload-agent", down_after=1500)
    one.must("demote")
    one.monitor()
    one.must("stop")
    assert not ocf.is_alive(pid) and one.pid is None
    assert one.monitor(ocf.NOT_RUNNING).reason is None
    one.must("stop")


def test_server_is_a_replica_from_its_first_instruction(redis, until, slow_data):
    one = redis(*SLOW_LOADING, "key-load-delay 100")
    give(slow_data(), one)
    with Watcher(one.port) as watcher:
        one.must("start")
        until(lambda: one.info()["loading"] == "0", "all is loaded")
        seen = watcher.answers
        until(lambda: watcher.answers > seen, "the client was answered after that")
    assert watcher.roles == {"slave"} and watcher.written == 0


def test_promote_and_demote_twice(redis):
    one = redis()
    one.must("start")
    for _ in range(2):
        one.must("promote")
        assert one.role == "master"
    one.call("SET", "kept", "yes")
    history = one.info()["master_replid"]
    for _ in range(2):
        one.must("demote")
        assert one.role == "slave"
    assert one.call("GET", "kept") == "yes"
    one.must("promote")
    assert one.info()["master_replid2"] == history


def test_demote_drops_clients_and_lets_none_wait(redis):
    one = redis()
    one.must("start")
    one.must("promote")
    with one.client() as client:
        client.call("SET", "a", "1")
        one.must("demote")
        try:
            client.call("SET", "a", "2")
            raise AssertionError("the client still writes")
        except OSError:
            pass
    try:
        one.call("SET", "a", "3")
        raise AssertionError("a replica was written to")
    except Refused as error:
        assert "READONLY" in str(error)


def test_crashed_primary_is_told_once_as_failed_and_demoted_to_a_replica(redis, until):
    one = redis()
    one.must("start")
    one.must("promote")
    pid = one.pid
    kill(until, pid)
    result = one.monitor(ocf.FAILED_PROMOTED)
    assert str(pid) in result.reason and "died" in result.reason
    one.must("demote")
    assert one.role == "slave" and one.pid != pid
    one.monitor()


def test_crashed_primary_whose_configuration_is_gone_is_not_brought_back(redis, until):
    one = redis()
    one.must("start")
    one.must("promote")
    pid = one.pid
    kill(until, pid)
    assert one.must("demote", ocf.NOT_RUNNING, port="abc").reason
    one.config.unlink()
    assert one.must("demote", ocf.NOT_RUNNING).reason
    assert not one.is_open()


@pytest.mark.parametrize("action", ["monitor", "promote", "demote", "notify", "stop"])
def test_configuration_that_goes_away_under_a_server_breaks_no_action(redis, action):
    one = redis()
    one.must("start")
    one.config.unlink()
    assert 0 <= one(action, interval=10000, port=one.port).code < 190
    one("monitor", interval=10000, port=one.port)


def test_start_after_a_crash_is_no_primary(redis, until):
    one = redis()
    one.must("start")
    one.must("promote")
    pid = one.pid
    kill(until, pid)
    one.must("stop")
    assert one.monitor(ocf.NOT_RUNNING).reason is None
    one.must("start")
    assert one.role == "slave"
    one.monitor()


def test_nothing_is_changed_where_there_is_no_server(redis):
    one = redis()
    assert one.must("promote", ocf.ERR_GENERIC).reason
    assert one.must("demote", ocf.NOT_RUNNING).reason
    one.must("notify")
    assert not one.is_open() and one.pid is None


def test_start_returns_while_the_server_loads(redis, until, slow_data):
    one = redis(*SLOW_LOADING)
    give(slow_data(), one)
    one.must("start")
    assert one.info()["loading"] == "1"
    one.monitor()
    one.must("promote", ocf.ERR_GENERIC)
    one.must("stop")


def test_server_without_a_port(redis):
    one = redis("port 0", "unixsocketperm 700")
    one.conf.append(f"unixsocket {one.folder}/redis.sock")
    one.write()
    one.must("start")
    one.must("promote")
    one.monitor(ocf.RUNNING_PROMOTED, level=10)
    pid = one.pid
    one.must("stop")
    assert not ocf.is_alive(pid)


def test_server_that_listens_on_ipv6_only(redis):
    one = redis("bind ::*")
    one.must("start")
    one.monitor()
    with socket.create_connection(("::1", one.port), timeout=5):
        pass
    one.must("stop")


def test_configuration_in_pieces_with_a_role_in_it(redis):
    one = redis()
    (one.folder / "more.conf").write_text("requirepass piece\nreplicaof 127.0.0.1 9\ndaemonize yes\n")
    one.conf.append(f"include {one.folder}/more.conf")
    one.write()
    before = one.config.read_bytes()
    one.must("start")
    one.must("promote")
    one.monitor(ocf.RUNNING_PROMOTED)
    assert one.info(password="piece")["role"] == "master"
    one.must("stop")
    assert one.config.read_bytes() == before


def test_configuration_that_the_server_refuses_is_told_by_its_line(redis):
    one = redis("maxmemory-policy sometimes")
    line = one.config.read_text().splitlines().index("maxmemory-policy sometimes") + 1
    result = one.must("start", ocf.ERR_ARGS)
    assert result.reason.startswith(f"config: {one.config} line {line}: argument(s) must be one of")
    one.monitor(ocf.NOT_RUNNING)


def test_reason_of_a_server_that_writes_into_a_log_file(redis):
    one = redis()
    (one.folder / "log").write_text("1:M 01 Jan 2026 10:00:00.000 # something of last year\n")
    (one.folder / "log").chmod(0o666)
    (one.folder / "dump.rdb").write_text("this is no RDB file")
    result = one.must("start", ocf.ERR_GENERIC)
    assert str(one.port) in result.reason and "last year" not in result.reason
    assert "Fatal error loading the DB" in result.reason[:128]
    one.monitor(ocf.NOT_RUNNING)


def test_started_server_that_refuses_its_agent_is_ended_again(redis, folder):
    one = redis("requirepass right", auth_file=folder / "auth")
    (folder / "auth").write_text("password wrong\n")
    (folder / "auth").chmod(0o600)
    result = one.must("start", ocf.ERR_GENERIC)
    assert "ended again" in result.reason[:128] and "WRONGPASS" in result.reason[:128]
    assert not one.is_open() and one.pid is None


def test_script_in_place_of_the_program_is_refused(redis, folder):
    """Its process would be another program than the one that was started, so no proof of anything."""
    script = folder / "redis-server"
    script.write_text('#!/bin/sh\nexec redis-server "$@"\n')
    script.chmod(0o755)
    one = redis(binary=script)
    result = one.must("start", ocf.ERR_ARGS)
    assert result.reason.startswith(f'binary: "{script}" is a script; expected')
    assert not one.is_open()


# ---- plain in a cluster: Pacemaker promotes nothing ----


def announced(one):
    return [one.call("CONFIG", "GET", f"replica-announce-{what}")[1] for what in ("ip", "port")]


def test_clone_announces_its_address(node):
    one = node('replica-announce-ip ""')
    one.must("start")
    assert announced(one) == ["127.0.0.1", "0"]


@pytest.mark.parametrize("word", ["replica", "slave"])
def test_what_redis_conf_announces_stays(node, word):
    """The servers are reached through a NAT or a proxy, which the user knows."""
    one = node(f"{word}-announce-ip 127.0.0.5", f"{word}-announce-port 7005")
    one.must("start")
    assert announced(one) == ["127.0.0.5", "7005"]


def test_plain_resource_has_the_role_of_its_configuration(node):
    one = node(clone=False)
    one.must("start")
    assert one.role == "master" and one.call("CONFIG", "GET", "replica-priority")[1] == "100"
    one.monitor()
    one.monitor(level=10)
    one.must("stop")


def test_plain_replica_of_somebody_elsewhere(node):
    one = node("replicaof 127.0.0.1 9", clone=False)
    one.must("start")
    assert one.role == "slave" and one.info()["master_port"] == "9"
    one.monitor()


def test_plain_primary_that_takes_no_writes_is_degraded_but_not_promoted(node):
    one = node("min-replicas-to-write 1", clone=False)
    one.must("start")
    result = one.monitor(ocf.DEGRADED, level=10)
    assert "NOREPLICAS" in result.reason


def test_clone_that_is_not_promotable_is_refused(node):
    one = node()
    one.env.pop("OCF_RESKEY_CRM_meta_promoted_max")
    result = one.must("start", ocf.ERR_CONFIGURED)
    assert "promotable=true" in result.reason[:128]
    assert not one.is_open()
