# SPDX-License-Identifier: GPL-2.0-or-later
"""ocf:redis-ha:sentinel against real Sentinels and real Redis servers."""

import contextlib
import os
import re
import shutil
import signal
import socket
import uuid

import pytest

import ocf


class Refused(Exception):
    """An error reply."""


def ask(port, *words, password=None, user=None):
    """One command to a Redis or a Sentinel, its reply as text, integer, None or list."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        stream = connection.makefile("rwb")
        if password:
            exchange(stream, "AUTH", *([user] if user else []), password)
        return exchange(stream, *words)


def exchange(stream, *words):
    parts = [str(word).encode() for word in words]
    stream.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
    stream.flush()
    return reply(stream)


def reply(stream):
    line = stream.readline().decode().rstrip("\r\n")
    kind, rest = line[:1], line[1:]
    if kind == "-":
        raise Refused(rest)
    if kind == "$":
        return None if rest == "-1" else stream.read(int(rest) + 2)[:-2].decode()
    if kind == "*":
        return None if rest == "-1" else [reply(stream) for _ in range(int(rest))]
    if kind == ":":
        return int(rest)
    if kind == "+":
        return rest
    raise ConnectionError(f"no reply, but {line!r}")


def answers(port):
    try:
        return ask(port, "PING") == "PONG"
    except (OSError, ConnectionError, Refused):
        return False


class Sentinel:
    """An agent and its Sentinel's own words."""

    def __init__(self, agent, port, **params):
        self.port = port()
        self.agent = agent("sentinel", port=self.port, **params)
        self.file = self.agent.state_dir / "data/sentinel.conf"
        self.log = self.agent.state_dir / "sentinel.log"

    def master(self, name="mymaster"):
        fields = ask(self.port, "SENTINEL", "MASTER", name)
        return dict(zip(fields[::2], fields[1::2]))

    def names(self, name="mymaster"):
        """The port of the primary that it names; all servers are on loopback here."""
        return int(ask(self.port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)[1])


@pytest.fixture
def redis_id():
    """A redis resource that nobody else has; what its agent would note is written by notes()."""
    name = f"redis-{uuid.uuid4().hex[:12]}"
    yield name
    shutil.rmtree(ocf.RUN_DIR / "redis" / name, ignore_errors=True)


@pytest.fixture
def sentinel(agent, port, redis_id):
    return Sentinel(agent, port, redis=redis_id)


@pytest.fixture
def redis(spawn, folder, port, until):
    """redis(*OPTIONS): the port of a Redis server."""
    def start(*options):
        number = port()
        data = folder / str(number)
        data.mkdir()
        spawn("redis-server", "--port", number, "--dir", data, "--save", "", *options)
        until(lambda: answers(number) or "NOAUTH" in refusal(number), f"Redis answers on {number}")
        return number
    return start


def refusal(port):
    try:
        ask(port, "PING")
    except Refused as error:
        return str(error)
    except OSError:
        pass
    return ""


def note(redis_id, local, *peers, authority="pacemaker"):
    """What the redis agent leaves in its run folder."""
    folder = ocf.RUN_DIR / "redis" / redis_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "endpoint").write_text(f"127.0.0.1 {local}\n")
    (folder / "peers").write_text("".join(f"n{number} 127.0.0.1 {peer}\n" for number, peer in enumerate(peers)))
    (folder / "authority").write_text(f"{authority}\n")


def follow(replica, primary):
    ask(replica, "REPLICAOF", "127.0.0.1", primary)


def auth_file(folder, text):
    path = folder / "auth"
    path.write_text(text)
    path.chmod(0o600)
    return path


# ---- a life ----


def test_life_cycle(sentinel):
    agent = sentinel.agent
    agent.must("validate-all")
    assert agent.must("monitor", ocf.NOT_RUNNING, interval=0).reason is None
    agent.must("start")
    pid = agent.recorded_pid()
    agent.must("monitor", interval=5000)
    agent.must("start")
    assert agent.recorded_pid() == pid and answers(sentinel.port)
    agent.must("stop")
    assert not ocf.is_alive(pid)
    agent.must("stop")
    assert agent.must("monitor", ocf.NOT_RUNNING, interval=5000).reason is None


def test_runs_as_its_user_with_a_file_of_its_own(sentinel):
    sentinel.agent.must("start", quorum=3, down_after="1500", failover_timeout="45s", parallel_syncs=2)
    assert ocf.status(sentinel.agent.recorded_pid())["Uid"].split()[0] != "0"
    assert sentinel.file.owner() == "redis" and sentinel.file.stat().st_mode & 0o777 == 0o600
    assert sentinel.file.parent.stat().st_mode & 0o777 == 0o700
    said = sentinel.master()
    assert (said["quorum"], said["down-after-milliseconds"], said["failover-timeout"], said["parallel-syncs"]) == (
        "3", "1500", "45000", "2")
    assert ask(sentinel.port, "SENTINEL", "CONFIG", "GET", "announce-ip") == ["announce-ip", "127.0.0.1"]


def test_the_file_is_sentinels_after_the_first_start(sentinel):
    sentinel.agent.must("start")
    identity = ask(sentinel.port, "SENTINEL", "MYID")
    ask(sentinel.port, "SENTINEL", "MONITOR", "another", "127.0.0.1", 7, 1)
    sentinel.agent.must("stop")
    sentinel.agent.must("start", quorum=1)
    assert ask(sentinel.port, "SENTINEL", "MYID") == identity
    assert sentinel.names("another") == 7
    assert sentinel.master()["quorum"] == "1"


def test_reload_sets_values_while_it_runs(sentinel):
    sentinel.agent.must("start")
    pid = sentinel.agent.recorded_pid()
    sentinel.agent.must("reload-agent", down_after=700, failover_timeout="9s", parallel_syncs=3)
    said = sentinel.master()
    assert (said["down-after-milliseconds"], said["failover-timeout"], said["parallel-syncs"]) == ("700", "9000", "3")
    assert sentinel.agent.recorded_pid() == pid and ocf.is_alive(pid)


def test_bad_reloadable_value_does_no_harm(sentinel):
    sentinel.agent.must("start")
    sentinel.agent.must("reload-agent", down_after="soon", parallel_syncs=3)
    reason = sentinel.agent.must("monitor", ocf.DEGRADED, interval=5000, down_after="soon").reason
    assert all(word in reason for word in ("down_after", "soon", "expected"))
    assert sentinel.master()["parallel-syncs"] == "1"


def test_reload_of_what_does_not_run(sentinel):
    assert "does not run" in sentinel.agent.must("reload-agent", ocf.ERR_GENERIC).reason


def test_takes_over_a_config(sentinel, folder):
    config = folder / "sentinel.conf"
    config.write_text(f"port {sentinel.port}\nbind 127.0.0.1\ndaemonize yes\npidfile {folder}/pid\n"
                      "sentinel monitor shop 127.0.0.1 7 2\nsentinel down-after-milliseconds shop 10000\n"
                      "sentinel failover-timeout shop 20000\n")
    before = config.read_text()
    sentinel.agent.must("start", config=config, master_name="shop", down_after=10000)
    assert config.read_text() == before and sentinel.names("shop") == 7
    said = sentinel.master("shop")
    assert said["down-after-milliseconds"] == "10000" and said["failover-timeout"] == "60000"
    sentinel.agent.must("monitor", config=config, master_name="shop")
    sentinel.agent.must("stop", config=config, master_name="shop")
    config.unlink()
    sentinel.agent.must("start", config=config, master_name="shop")


def test_sentinel_without_a_free_connection(sentinel, folder):
    config = folder / "sentinel.conf"
    config.write_text(f"port {sentinel.port}\nmaxclients 9\nsentinel monitor mymaster 127.0.0.1 7 2\n")
    sentinel.agent.must("start", config=config)
    with contextlib.ExitStack() as holders:
        for _ in range(9):
            holders.enter_context(socket.create_connection(("127.0.0.1", sentinel.port), timeout=10))
        assert "max number of clients" in refusal(sentinel.port)
        reason = sentinel.agent.must("monitor", ocf.DEGRADED, interval=5000).reason
        assert "no connection left" in reason and "password" not in reason
        pid = sentinel.agent.recorded_pid()
        sentinel.agent.must("stop")
        assert not ocf.is_alive(pid)


# ---- bad input ----


@pytest.mark.parametrize("params, code, words", [
    ({"quorum": "two"}, ocf.ERR_CONFIGURED, ["quorum", "two", "expected"]),
    ({"quorum": "0"}, ocf.ERR_CONFIGURED, ["quorum", "0", "expected"]),
    ({"port": "65536"}, ocf.ERR_CONFIGURED, ["port", "65536", "expected"]),
    ({"port": "x"}, ocf.ERR_CONFIGURED, ["port", "x", "expected"]),
    ({"down_after": "soon"}, ocf.ERR_ARGS, ["down_after", "soon", "expected"]),
    ({"parallel_syncs": "-1"}, ocf.ERR_ARGS, ["parallel_syncs", "-1", "expected"]),
    ({"master_name": "my master"}, ocf.ERR_CONFIGURED, ["master_name", "my master", "expected"]),
    ({"address": "n1.example"}, ocf.ERR_CONFIGURED, ["address", "n1.example", "expected"]),
    ({"binary": "/nowhere/redis-sentinel"}, ocf.ERR_INSTALLED, ["binary", "/nowhere/redis-sentinel", "expected"]),
    ({"user": "nobody-at-all"}, ocf.ERR_INSTALLED, ["user", "nobody-at-all", "expected"]),
    ({"config": "/nowhere/sentinel.conf"}, ocf.ERR_INSTALLED, ["config", "/nowhere/sentinel.conf", "expected"]),
    ({"config": "/usr"}, ocf.ERR_ARGS, ["config", "/usr", "expected"]),
    ({"auth_file": "/nowhere/auth"}, ocf.ERR_INSTALLED, ["auth_file", "/nowhere/auth"]),
    ({"auth_file": "/etc/passwd"}, ocf.ERR_ARGS, ["auth_file", "/etc/passwd"]),
])
@pytest.mark.parametrize("action", ["validate-all", "start"])
def test_bad_parameter(sentinel, action, params, code, words):
    result = sentinel.agent.must(action, code, **params)
    assert all(word in result.reason for word in words), result.reason
    assert sentinel.agent.recorded_pid() is None and not sentinel.file.exists()


@pytest.mark.parametrize("params", [
    {"quorum": "two"}, {"port": "x"}, {"port": "65536"}, {"binary": "/nowhere/redis-sentinel"}, {"config": "/usr"},
    {"config": "/nowhere/x"}, {"auth_file": "/nowhere/auth"}, {"user": "nobody-at-all"}, {"address": "n1"}])
def test_stop_ends_it_whatever_the_parameters(sentinel, params):
    sentinel.agent.must("start")
    pid = sentinel.agent.recorded_pid()
    sentinel.agent.must("stop", **params)
    assert not ocf.is_alive(pid)
    sentinel.agent.must("stop", **params)


@pytest.mark.parametrize("text, words", [
    ("port 1\nsentinel monitor mymaster 127.0.0.1 7 2\n", ["port", "has port 1", "expected"]),
    ("port {port}\nsentinel monitor other 127.0.0.1 7 2\n", ["master_name", "mymaster", "expected"]),
    ("port {port}\nsentinel monitor \"mymaster 127.0.0.1 7 2\n", ["config", "2"]),
])
def test_config_that_cannot_be_taken_over(sentinel, folder, text, words):
    config = folder / "sentinel.conf"
    config.write_text(text.format(port=sentinel.port))
    reason = sentinel.agent.must("start", ocf.ERR_ARGS, config=config).reason
    assert str(config) in reason and all(word in reason for word in words), reason
    assert not sentinel.file.exists()


def test_config_that_sentinel_refuses(sentinel, folder):
    """Its line is named, and not quoted: it may hold a password."""
    config = folder / "sentinel.conf"
    config.write_text(f"port {sentinel.port}\nsentinel monitor mymaster 127.0.0.1 7 2\nprotected-mode hush-hush\n")
    result = sentinel.agent.must("start", ocf.ERR_ARGS, config=config)
    assert "line 3" in result.reason and "hush-hush" not in result.log
    assert sentinel.agent.recorded_pid() is None


def test_taken_port_is_named(sentinel):
    with socket.socket() as other:
        other.bind(("0.0.0.0", sentinel.port))
        other.listen()
        reason = sentinel.agent.must("start", ocf.ERR_GENERIC, timeout_ms=4000).reason
    assert str(sentinel.port) in reason
    sentinel.agent.must("stop")


def test_port_of_another_program(sentinel, spawn, port, folder, until):
    """A Redis, which answers, is no Sentinel: it is not adopted, not stopped, and named."""
    spawn("redis-server", "--port", sentinel.port, "--dir", folder, "--save", "")
    until(lambda: answers(sentinel.port), "Redis answers")
    assert "no Sentinel" in sentinel.agent.must("monitor", ocf.NOT_RUNNING, interval=0).log
    reason = sentinel.agent.must("start", ocf.ERR_GENERIC).reason
    assert f":{sentinel.port}" in reason and "Address already in use" in reason
    sentinel.agent.must("stop")
    assert answers(sentinel.port)


# ---- monitor ----


def test_killed(sentinel):
    sentinel.agent.must("start")
    pid = sentinel.agent.recorded_pid()
    os.kill(pid, signal.SIGKILL)
    while ocf.is_alive(pid):
        pass
    reason = sentinel.agent.must("monitor", ocf.NOT_RUNNING, interval=5000).reason
    assert str(pid) in reason and "without being stopped" in reason
    sentinel.agent.must("start")
    sentinel.agent.must("monitor")


def test_frozen(sentinel):
    sentinel.agent.must("start")
    pid = sentinel.agent.recorded_pid()
    os.kill(pid, signal.SIGSTOP)
    reason = sentinel.agent.must("monitor", ocf.ERR_GENERIC, timeout_ms=5000).reason
    assert str(pid) in reason and str(sentinel.port) in reason and "no answer" in reason
    sentinel.agent.must("stop", timeout_ms=5000)
    assert not ocf.is_alive(pid)


def test_record_of_a_foreign_process(sentinel, spawn):
    other = spawn("sleep", "600")
    sentinel.agent.run_dir.mkdir(parents=True)
    (sentinel.agent.run_dir / "process").write_text(f"{other.pid} 1 /usr/bin/redis-sentinel\n")
    sentinel.agent.must("monitor", ocf.NOT_RUNNING)
    sentinel.agent.must("start")
    sentinel.agent.must("stop")
    assert other.poll() is None


def test_level_10_tells_in_sentinels_words_that_there_is_no_quorum(sentinel):
    sentinel.agent.must("start")
    sentinel.agent.must("monitor")
    assert "NOQUORUM 1 usable" in sentinel.agent.must("monitor", ocf.DEGRADED, level=10).reason
    sentinel.agent.must("reload-agent", quorum=1)
    sentinel.agent.must("monitor", level=10)


def test_what_it_watches_is_told_again_when_it_was_forgotten(sentinel, redis, redis_id):
    primary = redis()
    note(redis_id, primary)
    sentinel.agent.must("start")
    ask(sentinel.port, "SENTINEL", "REMOVE", "mymaster")
    sentinel.agent.must("monitor")
    assert sentinel.names() == primary and sentinel.master()["quorum"] == "2"


# ---- adoption ----


def by_hand(sentinel, spawn, folder, until, text="sentinel monitor mymaster 127.0.0.1 7 2\n"):
    config = folder / "by-hand.conf"
    config.write_text(f"port {sentinel.port}\n{text}")
    process = spawn("redis-sentinel", config)
    until(lambda: answers(sentinel.port), "Sentinel answers")
    return process


def test_adopts_a_running_sentinel_and_ends_it(sentinel, spawn, folder, until):
    process = by_hand(sentinel, spawn, folder, until)
    identity = ask(sentinel.port, "SENTINEL", "MYID")
    assert "adopted" in sentinel.agent.must("monitor", interval=0).log
    assert sentinel.agent.recorded_pid() == process.pid
    sentinel.agent.must("start")
    assert ask(sentinel.port, "SENTINEL", "MYID") == identity
    sentinel.agent.must("stop")
    assert process.wait(5) == 0


def test_stop_without_a_record_ends_what_answers(sentinel, spawn, folder, until):
    process = by_hand(sentinel, spawn, folder, until)
    sentinel.agent.must("stop")
    assert process.wait(5) == 0


def test_does_not_adopt_one_that_watches_something_else(sentinel, spawn, folder, until):
    process = by_hand(sentinel, spawn, folder, until, "sentinel monitor other 127.0.0.1 7 2\n")
    assert "master_name" in sentinel.agent.must("monitor", ocf.NOT_RUNNING, interval=0).log
    sentinel.agent.must("stop")
    assert process.poll() is None


def test_does_not_adopt_by_a_bad_parameter(sentinel, spawn, folder, until):
    process = by_hand(sentinel, spawn, folder, until)
    sentinel.agent.must("monitor", ocf.NOT_RUNNING, interval=0, quorum="two")
    sentinel.agent.must("stop", quorum="two")
    assert process.poll() is None


def test_does_not_adopt_what_another_instance_has(sentinel, agent):
    sentinel.agent.must("start")
    other = agent("sentinel", port=sentinel.port)
    assert "another resource" in other.must("monitor", ocf.NOT_RUNNING, interval=0).log
    other.must("stop")
    sentinel.agent.must("monitor")


# ---- whom it watches ----


def test_begins_with_the_primary_that_the_servers_name(sentinel, redis, redis_id):
    local, primary, third = redis(), redis(), redis()
    follow(local, primary), follow(third, primary)
    note(redis_id, local, primary, third)
    sentinel.agent.must("start")
    assert sentinel.names() == primary


def test_begins_with_this_nodes_redis_where_there_is_no_primary_and_is_put_right(sentinel, redis, redis_id):
    local, other = redis(), redis()
    follow(local, 1), follow(other, 1)
    note(redis_id, local, other)
    sentinel.agent.must("start")
    assert sentinel.names() == local
    ask(other, "REPLICAOF", "NO", "ONE")
    follow(local, other)
    sentinel.agent.must("monitor")
    assert sentinel.names() == other and sentinel.master()["quorum"] == "2"


def test_of_two_primaries_none_is_believed(sentinel, redis, redis_id):
    local, other = redis(), redis()
    note(redis_id, local, other)
    sentinel.agent.must("start")
    assert sentinel.names() == local
    follow(local, other)
    third = redis()
    note(redis_id, local, other, third)
    sentinel.agent.must("monitor")
    assert sentinel.names() == local


def test_is_not_told_with_authority_sentinel(sentinel, redis, redis_id):
    local, other = redis(), redis()
    follow(other, local)
    note(redis_id, local, other)
    sentinel.agent.must("start")
    ask(other, "REPLICAOF", "NO", "ONE")
    follow(local, other)
    note(redis_id, local, other, authority="sentinel")
    sentinel.agent.must("monitor")
    assert sentinel.names() == local


@pytest.fixture
def three(agent, port, redis, redis_id, until):
    """Three servers, the first one primary, and three Sentinels that know one another."""
    servers = [redis() for _ in range(3)]
    for replica in servers[1:]:
        follow(replica, servers[0])
    note(redis_id, *servers)
    sentinels = [Sentinel(agent, port, redis=redis_id, down_after=60000) for _ in range(3)]
    for one in sentinels:
        one.agent.must("start")
    until(lambda: all(one.master()["num-other-sentinels"] == "2" and one.master()["num-slaves"] == "2"
                      for one in sentinels), "the Sentinels know one another")
    return servers, sentinels


def promote(servers, new):
    ask(new, "REPLICAOF", "NO", "ONE")
    for other in servers:
        if other != new:
            follow(other, new)


def test_one_that_is_told_tells_the_others_and_keeps_them(three, until):
    servers, sentinels = three
    sentinels[0].agent.must("monitor", level=10)
    for new in (servers[1], servers[2], servers[0]):
        promote(servers, new)
        sentinels[0].agent.must("monitor")
        assert sentinels[0].names() == new
        until(lambda: [one.names() for one in sentinels] == [new] * 3, "every Sentinel names the new primary")
        assert [one.master()["num-other-sentinels"] for one in sentinels] == ["2"] * 3
    assert not any(re.search(r"\+(convert-to-slave|fix-slave-config)", one.log.read_text()) for one in sentinels)


def test_a_switch_after_sentinels_own_failover(three, until):
    """Sentinel has raised its epoch by then; what it is told must be above that."""
    servers, sentinels = three
    ask(sentinels[1].port, "SENTINEL", "FAILOVER", "mymaster")
    new = until(lambda: next((server for server in servers[1:] if "role:master" in ask(server, "INFO", "replication")),
                             None), "Sentinel promotes")
    until(lambda: [one.names() for one in sentinels] == [new] * 3, "every Sentinel names it")
    until(lambda: "no-failover" if "failover_in_progress" not in sentinels[1].master()["flags"] else "", "it is over")
    promote(servers, servers[0])
    sentinels[0].agent.must("monitor")
    until(lambda: [one.names() for one in sentinels] == [servers[0]] * 3, "every Sentinel names the new primary")


# ---- passwords ----


def test_passwords(sentinel, redis, redis_id, folder, until):
    secret, own = "s3cret \"quoted\" \\ one", "another's #1"
    primary = redis("--requirepass", secret)
    note(redis_id, primary)
    auth = auth_file(folder, f"password {secret}\nsentinel_password {own}\n")
    sentinel.agent.params["auth_file"] = auth
    log = sentinel.agent.must("start").log + sentinel.agent.must("monitor").log
    assert "NOAUTH" in refusal(sentinel.port)

    def linked():
        fields = ask(sentinel.port, "SENTINEL", "MASTER", "mymaster", password=own)
        return "disconnected" not in fields[fields.index("flags") + 1]
    until(linked, "Sentinel is let in by Redis")
    log += sentinel.agent.must("monitor", ocf.DEGRADED, auth_file=None).log
    sentinel.agent.must("stop")
    for hidden in (secret, own):
        assert hidden not in log and hidden not in sentinel.log.read_text()


def test_acl_user_of_its_own(sentinel, folder):
    auth = auth_file(folder, "sentinel_username watcher\nsentinel_password pw\n")
    sentinel.agent.params["auth_file"] = auth
    sentinel.agent.must("start")
    assert "NOAUTH" in refusal(sentinel.port)
    assert ask(sentinel.port, "PING", user="watcher", password="pw") == "PONG"
    sentinel.agent.must("monitor")


def test_auth_file_must_be_roots_alone(sentinel, folder):
    auth = auth_file(folder, "password x\n")
    auth.chmod(0o640)
    reason = sentinel.agent.must("start", ocf.ERR_ARGS, auth_file=auth).reason
    assert "auth_file" in reason and str(auth) in reason and "0600" in reason
