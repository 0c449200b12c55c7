# SPDX-License-Identifier: GPL-2.0-or-later
"""Parameters of ocf:redis-ha:sentinel that are bad, configurations that it cannot take over, and
passwords."""

import socket

import pytest

import ocf
from sentinel_kit import answers, ask, note, refusal


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


# ---- passwords ----


def auth_file(folder, text):
    path = folder / "auth"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_passwords(sentinel, redis_port, redis_id, folder, until):
    secret, own = "s3cret \"quoted\" \\ one", "another's #1"
    primary = redis_port("--requirepass", secret)
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
