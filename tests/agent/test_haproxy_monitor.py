# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor of ocf:redis-ha:haproxy, which looks at more than a pid: listeners and usable servers of real
HAProxy processes; and the node attribute that it keeps."""

import os
import signal
import socket

import ocf
from haproxy_kit import CHECKED, LISTEN, talks

UNANSWERED = """
    option tcp-check
    tcp-check expect string +PONG
    timeout check 60s
"""


def test_usable_servers(proxy, echo, until):
    proxy.write(LISTEN.format(name="good", port=proxy.pick_port(), server=echo, check=CHECKED), check=CHECKED)
    proxy.agent.must("start")
    until(lambda: "main,one," in (stat := proxy.ask("show stat")) and "DOWN" in stat, "the check fails")
    proxy.agent.must("monitor", level=10)
    proxy.agent.must("monitor", level=10, backend="good")
    assert "main" in proxy.agent.must("monitor", ocf.DEGRADED, level=10, backend="main").reason
    proxy.agent.must("monitor", backend="main")
    reason = proxy.agent.must("monitor", ocf.DEGRADED, level=10, backend="nonsuch").reason
    assert "backend" in reason and "nonsuch" in reason and "expected" in reason


def test_no_usable_server_at_all(proxy, until):
    proxy.write(check=CHECKED)
    proxy.agent.must("start")
    until(lambda: "DOWN" in proxy.ask("show stat"), "the check fails")
    assert "no usable server" in proxy.agent.must("monitor", ocf.DEGRADED, level=10).reason
    proxy.agent.must("monitor")


def test_closed_listeners(proxy):
    proxy.write(LISTEN.format(name="more", port=proxy.pick_port(), server=1, check=""))
    proxy.agent.must("start")
    proxy.ask("disable frontend more")
    assert "1 of 2 listeners" in proxy.agent.must("monitor", ocf.DEGRADED).reason
    proxy.ask("disable frontend main")
    assert "none of 2 listeners" in proxy.agent.must("monitor", ocf.ERR_GENERIC).reason
    proxy.ask("enable frontend main")
    proxy.ask("enable frontend more")
    proxy.agent.must("monitor")


def test_stopping_is_not_healthy(proxy, echo, until):
    proxy.write(server=echo)
    proxy.agent.must("start")
    with proxy.connect() as client:
        assert talks(client)
        worker = proxy.worker
        until(lambda: os.kill(worker, signal.SIGUSR1) or proxy.refuses(), "it stops listening")
        proxy.agent.must("monitor", ocf.ERR_GENERIC)


# ---- the node attribute ----


def test_status_is_written_when_it_changes(proxy, until):
    status = proxy.join_cluster()
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy.write(server=server.getsockname()[1], check=CHECKED)
        proxy.agent.must("start")
        proxy.agent.must("monitor", interval=2000)
    until(lambda: "DOWN" in proxy.ask("show stat"), "the check fails")
    for level in (0, 10, 0, 0):
        proxy.agent("monitor", interval=2000, level=level)
    assert status() == ["up", "degraded"]
    proxy.agent.must("stop")
    assert status() == ["up", "degraded", "draining", "down"]


def test_status_is_draining_while_it_stops(proxy, echo, until):
    proxy.write(server=echo)
    status = proxy.join_cluster()
    proxy.agent.must("start")
    with proxy.connect() as client:
        assert talks(client)
        stop = proxy.agent.begin("stop", drain_timeout=60, timeout_ms=60000)
        until(proxy.refuses, "no new connection is taken")
        assert status() == ["up", "draining"] and stop.poll() is None
    assert proxy.agent.finish(stop, "stop").code == ocf.SUCCESS
    assert status() == ["up", "draining", "down"]


def test_a_crash_is_down(proxy, until):
    status = proxy.join_cluster()
    proxy.agent.must("start")
    master = proxy.agent.recorded_pid()
    os.kill(master, signal.SIGKILL)
    until(lambda: not ocf.is_alive(master), "the master is gone")
    proxy.agent.must("monitor", ocf.NOT_RUNNING, interval=2000)
    assert status() == ["up", "down"]


def test_a_reload_does_not_call_it_up(proxy, until):
    """A new worker takes every server for up until its first check has a result."""
    proxy.write(check=CHECKED)
    status = proxy.join_cluster()
    proxy.agent.must("start", reload_token="1")
    until(lambda: "DOWN" in proxy.ask("show stat"), "the check fails")
    proxy.agent.must("monitor", interval=2000)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy.write(server=silent.getsockname()[1], check=CHECKED + UNANSWERED)
        proxy.agent.must("reload-agent", reload_token="2")
        assert "* INI" in proxy.ask("show stat")
        proxy.agent.must("monitor", interval=2000)
        proxy.agent.must("monitor", interval=2000, level=10)
    assert status()[-1] == "degraded" and status().count("up") <= 1  # at the start


def test_a_cluster_that_hangs_does_not_hold_it_up(proxy):
    proxy.join_cluster(hangs=True)
    proxy.agent.must("start", timeout_ms=6000)
    master = proxy.agent.recorded_pid()
    proxy.agent.must("monitor", interval=2000, timeout_ms=6000)
    proxy.agent.must("stop", timeout_ms=6000)
    assert not ocf.is_alive(master)
