# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad parameters of ocf:redis-ha:redis: one line that names parameter, value and expectation, the exit code
of the specification, and nothing changed. Passwords: used, and shown nowhere."""

import os

import pytest

import ocf
from redis_kit import command_lines, kill

FIRST = 128  # bytes of a reason that Pacemaker shows


def refused(one, code, *words, **params):
    """start and validate-all end with that code, and say all of the words; stop goes on."""
    for action in ("validate-all", "start"):
        result = one.must(action, code, **params)
        for word in words:
            assert str(word) in result.reason[:FIRST], result.reason
        assert "\n" not in result.reason
    assert not one.is_open()
    one.probe(ocf.NOT_RUNNING, **params)
    one.must("stop", **params)


@pytest.mark.parametrize("name, value, expected", [
    ("port", "sixthousand", "expected 1 to 65535"), ("port", "0", "expected 1 to 65535"),
    ("port", "65536", "expected 1 to 65535"), ("port", "-1", "expected 1 to 65535"),
    ("binary", "redis-server", "expected"), ("config", "redis.conf", "expected"),
    ("auth_file", "secrets", "expected"), ("tls", "perhaps", "expected"), ("tls_ca_file", "ca.pem", "expected")])
def test_value_that_is_wrong_everywhere(redis, name, value, expected):
    refused(redis(), ocf.ERR_CONFIGURED, f"{name}:", value, expected, **{name: value})


@pytest.mark.parametrize("name, value", [
    ("authority", "nobody"), ("down_after", "soon"), ("down_after", "0"), ("max_lag", "much"), ("max_lag", "-1")])
def test_bad_value_that_may_come_while_others_run(redis, name, value):
    """With 6 for the start of one server, Pacemaker stops those of all nodes."""
    refused(redis(), ocf.ERR_ARGS, f"{name}:", value, "expected", **{name: value})


def test_program_that_is_not_here(redis, folder):
    refused(redis(), ocf.ERR_INSTALLED, "binary:", folder / "none", "expected", binary=folder / "none")
    refused(redis(), ocf.ERR_INSTALLED, "binary:", folder, "expected", binary=folder)
    text = folder / "text"
    text.write_text("no program")
    refused(redis(), ocf.ERR_INSTALLED, "binary:", text, "expected", binary=text)


def test_configuration_that_is_not_here(redis, folder):
    refused(redis(), ocf.ERR_INSTALLED, "config:", folder / "none", "No such file", config=folder / "none")


def test_configuration_that_cannot_be_used(redis, folder):
    refused(redis(), ocf.ERR_ARGS, "config:", folder, "expected", config=folder)
    os.mkfifo(folder / "pipe")
    refused(redis(), ocf.ERR_ARGS, "config:", folder / "pipe", "expected", config=folder / "pipe")


def test_configuration_that_the_servers_user_cannot_read(redis):
    one = redis()
    one.config.chmod(0o600)
    refused(one, ocf.ERR_ARGS, "config:", "redis", one.config, "expected")


def test_configuration_with_unbalanced_quotes_shows_none_of_its_text(redis):
    one = redis('requirepass "hunter2')
    line = one.config.read_text().splitlines().index('requirepass "hunter2') + 1
    refused(one, ocf.ERR_ARGS, "config:", f"{one.config}:{line}", "quotes")
    assert "hunter2" not in one("start").log


def test_included_file_that_is_missing(redis, folder):
    refused(redis(f"include {folder}/none.conf"), ocf.ERR_ARGS, "config:", folder / "none.conf")


def test_user_who_does_not_exist(redis):
    refused(redis(), ocf.ERR_INSTALLED, "user:", "nobody-of-that-name", "expected", user="nobody-of-that-name")


def test_no_tcp_port_and_no_socket(redis):
    refused(redis("port 0"), ocf.ERR_ARGS, "port:", "0", "unixsocket", "expected")


# ---- a bad value while the server runs ----


@pytest.mark.parametrize("name, value", [("down_after", "soon"), ("down_after", "1"), ("max_lag", "much")])
def test_bad_reloadable_value_does_no_harm(redis, name, value):
    one, bad = redis(), {name: value}
    one.must("start")
    pid = one.pid
    result = one.must("reload-agent", **bad)
    assert all(word in result.reason for word in ("not reloaded", f"{name}:", value, "expected"))
    for code in (ocf.DEGRADED, ocf.DEGRADED_PROMOTED):
        result = one.monitor(code, **bad)
        assert all(word in result.reason[:FIRST] for word in (f"{name}:", value, "expected"))
        one.must("promote", **bad)
    assert one.pid == pid and one.role == "master"
    one.must("demote", **bad)
    one.must("reload-agent")
    one.monitor()


def test_crashed_primary_is_brought_back_with_a_bad_reloadable_value(node, spawn, until):
    one = node()
    one.must("start")
    one.call("REPLICAOF", "NO", "ONE")
    one.monitor(ocf.RUNNING_PROMOTED)
    kill(until, one.pid)
    one.must("demote", max_lag="much")
    assert one.role == "slave"


def test_running_server_is_adopted_with_a_bad_reloadable_value(redis, spawn, until):
    """Not found, it would be started, which is refused."""
    one = redis()
    server = one.hand_started(spawn)
    until(one.is_open, "the server answers")
    one.probe(ocf.NOT_RUNNING, tls="perhaps")
    one.probe(ocf.RUNNING_PROMOTED, max_lag="much")
    assert one.pid == server.pid


def test_reload_does_not_look_at_files(redis):
    """They count at the next start; a failed reload would end what runs."""
    one = redis()
    one.must("start")
    one.config.chmod(0o600)
    one.must("reload-agent", max_lag="1m")


# ---- what replicas on other nodes need ----


def test_clone_without_a_tcp_port(node, folder):
    refused(node("port 0", f"unixsocket {folder}/socket"), ocf.ERR_ARGS, "port:", "expected a TCP port")


def test_clone_that_binds_loopback_only(node):
    refused(node(address="192.0.2.7"), ocf.ERR_ARGS, "config:", "bind 127.0.0.1", "expected 192.0.2.7")


DISCONNECTED, TIMED_OUT = 102, 124  # exit codes of Pacemaker's tools


def test_address_of_the_node_attribute_overrides(node):
    one = node(address="127.0.0.9")
    one.conf.append("bind 127.0.0.1 127.0.0.7")
    one.write()
    one.answer_of_attributes("127.0.0.7")
    one.must("start")
    assert one.call("CONFIG", "GET", "replica-announce-ip")[1] == "127.0.0.7"


@pytest.mark.parametrize("fault", [DISCONNECTED, TIMED_OUT])
def test_address_that_cannot_be_asked_for_is_not_guessed(node, fault):
    one = node()
    one.fault_of_attributes(fault)
    result = one.must("start", ocf.ERR_GENERIC, timeout_ms=4000)
    assert f"{one.agent.instance}-address" in result.reason[:FIRST] and "n1" in result.reason[:FIRST]
    assert not one.is_open()
    one.must("stop")


def test_attributes_that_can_be_asked_for_again(node, until):
    one = node()
    one.fault_of_attributes(DISCONNECTED)
    start = one.agent.begin("start", extra=one.env)
    until((one.agent.run_dir).is_dir, "it has begun")
    one.fault_of_attributes(None)
    assert one.agent.finish(start).code == ocf.SUCCESS


def test_node_without_corosync_needs_to_be_told_its_address(node):
    """It would announce 127.0.0.1 to the others."""
    one = node(address=None)
    result = one.must("start", ocf.ERR_GENERIC, timeout_ms=4000)
    assert "address" in result.reason[:FIRST] and f"{one.agent.instance}-address" in result.reason[:FIRST]
    assert not one.is_open()
    plain = node(address=None, clone=False)
    plain.must("start")


def test_clone_whose_replicas_would_be_refused(node):
    refused(node("protected-mode yes"), ocf.ERR_ARGS, "config:", "no password", "protected-mode no")


def test_password_of_auth_file_is_a_password(node, folder):
    auth(folder, "password secret\n")
    node("protected-mode yes", "requirepass secret", auth_file=folder / "auth").must("validate-all")


# ---- auth_file ----


def auth(folder, text, mode=0o600, owner=0):
    path = folder / "auth"
    path.write_text(text)
    path.chmod(mode)
    os.chown(path, owner, owner)
    return path


def test_auth_file_that_is_not_here(redis, folder):
    refused(redis(), ocf.ERR_INSTALLED, "auth_file:", folder / "auth", "No such file", auth_file=folder / "auth")


@pytest.mark.parametrize("mode, owner", [(0o640, 0), (0o604, 0), (0o600, 1)])
def test_auth_file_that_others_may_read(redis, folder, mode, owner):
    path = auth(folder, "password secret\n", mode, owner)
    refused(redis(), ocf.ERR_ARGS, "auth_file:", path, f"{mode:04o}", "expected root and 0600", auth_file=path)


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_auth_file_that_is_no_file(redis, folder, kind):
    path = folder / "auth"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    else:
        path = "/dev/zero"
    refused(redis(), ocf.ERR_ARGS, "auth_file:", path, "expected", auth_file=path)


@pytest.mark.parametrize("line", ["pasword hunter2", "password", "hunter2"])
def test_line_of_auth_file_that_is_not_understood(redis, folder, line):
    path = auth(folder, f"# ours\n\nusername someone\n{line}\n")
    one = redis()
    refused(one, ocf.ERR_ARGS, "auth_file:", f"{path} line 4", "expected", auth_file=path)
    assert "hunter2" not in one("start", auth_file=path).log


def test_acl_user_of_auth_file(redis, folder):
    one = redis("user default off", "user agent on >secret ~* &* +@all")
    path = auth(folder, "username agent\npassword secret\n")
    one.must("start", auth_file=path)
    one.must("promote", auth_file=path)
    one.monitor(ocf.RUNNING_PROMOTED, auth_file=path, level=10)
    one.must("stop", auth_file=path)


def test_password_of_the_default_user(redis):
    one = redis("user default on >secret ~* &* +@all")
    one.must("start")
    one.must("promote")
    one.monitor(ocf.RUNNING_PROMOTED)


# ---- secrets ----


@pytest.mark.parametrize("in_file", [True, False])
def test_no_password_is_shown(node, folder, until, in_file):
    words = {"requirepass": "hunter2-client", "masterauth": "hunter2-replica", "masteruser": "hunter2-user"}
    conf = [f"{key} {value}" for key, value in words.items()]
    params = {}
    if in_file:
        auth(folder, "password hunter2-client\nreplication_username hunter2-user\n"
                     "replication_password hunter2-replica\n")
        params = {"auth_file": folder / "auth"}
        conf = conf[:1]
    one, two = node(*conf, **params), node(*conf, **params)
    one.peers(two)
    two.peers(one)
    seen, logs = [], []
    for each, action, options in (
            (one, "start", {}), (one, "promote", {}), (two, "start", {}), (two, "monitor", {"interval": 10000}),
            (two, "promote", {}), (one, "monitor", {"level": 10}), (one, "monitor", {"down_after": 100}),
            (one, "demote", {}), (two, "notify", {}), (one, "stop", {}), (two, "stop", {})):
        process = each.agent.begin(action, extra={**each.env, "HA_debug": "1"}, **options)
        while process.poll() is None:
            seen.extend(command_lines())
        result = each.agent.finish(process, action)
        seen.extend(command_lines())
        logs.append(result.output + result.log)
        for path in each.agent.run_dir.rglob("*"):
            logs.append(path.read_text(errors="replace"))
    one.must("start")
    auth(folder, "password hunter2-wrong\n")
    logs.append(one.monitor(ocf.ERR_GENERIC, auth_file=folder / "auth").log)
    logs.append(one.attributes_file.read_text())
    assert any("redis-server" in line for line in seen)
    assert not any("hunter2" in line for line in [*seen, *logs])


def test_server_sees_none_of_the_clusters_variables(redis):
    one = redis()
    one.must("start")
    with open(f"/proc/{one.pid}/environ", encoding="utf-8") as file:
        assert "OCF_" not in file.read()


# ---- what is printed ----


def test_action_that_is_none(redis):
    assert redis()("migrate_to").code == ocf.ERR_UNIMPLEMENTED
