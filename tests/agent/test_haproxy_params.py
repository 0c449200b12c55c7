# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad parameters and configurations of ocf:redis-ha:haproxy: one line, the right code, nothing changed."""

import socket

import pytest

import ocf
from haproxy_kit import LISTEN


@pytest.mark.parametrize("params, code, words", [
    ({"binary": "/nowhere/haproxy"}, ocf.ERR_INSTALLED, ["binary", "/nowhere/haproxy", "expected"]),
    ({"binary": "/etc/passwd"}, ocf.ERR_INSTALLED, ["binary", "/etc/passwd", "expected"]),
    ({"config": "/nowhere/haproxy.cfg"}, ocf.ERR_INSTALLED, ["config", "/nowhere/haproxy.cfg", "expected"]),
    ({"config": "/usr"}, ocf.ERR_ARGS, ["config", "/usr", "expected *.cfg"]),
    ({"config": "/dev/null"}, ocf.ERR_ARGS, ["config", "/dev/null"]),
    ({"config": "haproxy.cfg"}, ocf.ERR_CONFIGURED, ["config", "haproxy.cfg", "expected"]),
    ({"user": "nobody-at-all"}, ocf.ERR_INSTALLED, ["user", "nobody-at-all", "expected"]),
    ({"drain_timeout": "soon"}, ocf.ERR_ARGS, ["drain_timeout", "soon", "expected"]),
    ({"drain_timeout": "-1"}, ocf.ERR_ARGS, ["drain_timeout", "-1", "expected"]),
    ({"stats_socket": "stats"}, ocf.ERR_CONFIGURED, ["stats_socket", "stats", "expected"]),
])
@pytest.mark.parametrize("action", ["validate-all", "start"])
def test_bad_parameter(proxy, action, params, code, words):
    result = proxy.agent.must(action, code, **params)
    assert all(word in result.reason for word in words), result.reason
    assert proxy.agent.recorded_pid() is None and proxy.refuses()


@pytest.mark.parametrize("params", [
    {"binary": "/nowhere/haproxy"}, {"config": "/nowhere/haproxy.cfg"}, {"config": "/usr"}, {"config": "x"},
    {"drain_timeout": "soon"}, {"user": "nobody-at-all"}, {"stats_socket": "stats"}])
def test_stop_ends_it_whatever_the_parameters(proxy, params):
    proxy.agent.must("start")
    master = proxy.agent.recorded_pid()
    proxy.agent.must("stop", **params)
    assert not ocf.is_alive(master) and proxy.refuses()
    proxy.agent.must("stop", **params)


def test_bad_file_is_named_with_its_line(proxy):
    proxy.write("listen broken\n    bogus keyword\n")
    for action in ("validate-all", "start"):
        reason = proxy.agent.must(action, ocf.ERR_ARGS).reason
        assert f"{proxy.file}:{proxy.line_of('bogus')}" in reason and "bogus" in reason
    assert proxy.agent.recorded_pid() is None


def test_config_that_its_user_cannot_read(proxy):
    proxy.file.chmod(0o600)
    reason = proxy.agent.must("start", ocf.ERR_ARGS, user="nobody").reason
    assert str(proxy.file) in reason and "nobody" in reason


def test_config_without_a_stats_socket(proxy):
    proxy.file.write_text(LISTEN.format(name="main", port=proxy.port, server=1, check=""))
    reason = proxy.agent.must("start", ocf.ERR_ARGS).reason
    assert "stats_socket" in reason and str(proxy.file) in reason and "expected" in reason


def test_stats_socket_that_the_config_does_not_open(proxy, folder):
    other = folder / "other"
    reason = proxy.agent.must("start", ocf.ERR_GENERIC, stats_socket=other, timeout_ms=4000).reason
    assert str(other) in reason
    assert proxy.refuses() and proxy.agent.recorded_pid() is None


def test_taken_port_is_named(proxy):
    with socket.socket() as other:
        other.bind(("127.0.0.1", proxy.port))
        other.listen()
        reason = proxy.agent.must("start", ocf.ERR_GENERIC).reason
    assert f"127.0.0.1:{proxy.port}" in reason and "Address already in use" in reason
    proxy.agent.must("monitor", ocf.NOT_RUNNING)


@pytest.mark.parametrize("bind, told", [("127.0.0.1:{}", "127.0.0.1:{}"), ("*:{}", "127.0.0.1:{}")])
def test_a_port_that_another_haproxy_has(proxy, spawn, folder, until, bind, told):
    """It would be shared, and each of the two would get some of the connections."""
    other = folder / "other.cfg"
    other.write_text(proxy.file.read_text().replace(str(proxy.socket), str(folder / "other"))
                     .replace(f"127.0.0.1:{proxy.port}", bind.format(proxy.port)))
    process = spawn("haproxy", "-db", "-f", other)
    until(lambda: not proxy.refuses(), "the other one serves")
    reason = proxy.agent.must("start", ocf.ERR_GENERIC).reason
    assert told.format(proxy.port) in reason and f"process {process.pid} (/usr/sbin/haproxy)" in reason
    assert proxy.agent.recorded_pid() is None and process.poll() is None
    proxy.agent.must("monitor", ocf.NOT_RUNNING)


def test_ports_shared_with_itself(proxy):
    """A listener of several sockets, one a thread."""
    proxy.file.write_text(proxy.file.read_text().replace(f":{proxy.port}", f":{proxy.port} shards 2"))
    proxy.agent.must("start")


def test_an_ipv6_port_that_another_haproxy_has(proxy, spawn, folder, until):
    for path, socket_path in ((proxy.file, proxy.socket), (folder / "other.cfg", folder / "other")):
        path.write_text(proxy.file.read_text().replace(str(proxy.socket), str(socket_path))
                        .replace(f"127.0.0.1:{proxy.port}", f"[::1]:{proxy.port}"))
    spawn("haproxy", "-db", "-f", folder / "other.cfg")
    until((folder / "other").exists, "the other one serves")
    assert f"[::1]:{proxy.port}" in proxy.agent.must("start", ocf.ERR_GENERIC).reason
