# SPDX-License-Identifier: GPL-2.0-or-later
"""ocf:redis-ha:haproxy against real HAProxy processes: a life from start to stop."""

import shutil
import uuid
from pathlib import Path

import pytest

import ocf
from haproxy_kit import LISTEN, Proxy, talks


def test_life_cycle(proxy):
    haproxy = proxy.agent
    haproxy.must("validate-all")
    assert haproxy.must("monitor", ocf.NOT_RUNNING, interval=0).reason is None
    haproxy.must("start")
    master = haproxy.recorded_pid()
    haproxy.must("monitor", interval=2000)
    assert ocf.children(master) == [proxy.worker]
    haproxy.must("start")
    assert haproxy.recorded_pid() == master
    haproxy.must("stop")
    assert not ocf.is_alive(master) and proxy.refuses()
    haproxy.must("stop")
    assert haproxy.must("monitor", ocf.NOT_RUNNING, interval=2000).reason is None


def test_a_folder_of_files(proxy, agent, folder, port):
    second = port()
    (folder / "conf").mkdir()
    (folder / "conf/10-base.cfg").write_text(proxy.file.read_text())
    (folder / "conf/20-more.cfg").write_text(LISTEN.format(name="more", port=second, server=1, check=""))
    (folder / "conf/ignored.txt").write_text("nonsense")
    agent("haproxy", config=folder / "conf").must("start")
    assert not proxy.refuses() and not proxy.refuses(second)


def test_two_instances_do_not_touch_each_other(agent, folder, port):
    (folder / "a").mkdir(), (folder / "b").mkdir()
    a, b = Proxy(agent, folder / "a", port), Proxy(agent, folder / "b", port)
    a.agent.must("start")
    b.agent.must("start")
    a.agent.must("stop")
    b.agent.must("monitor")
    assert not b.refuses()


def test_makes_the_folder_of_a_stats_socket_below_run(proxy):
    folder = Path("/run") / f"redis-ha-test-{uuid.uuid4().hex}"
    proxy.socket = folder / "deeper" / "admin.sock"
    proxy.write()
    try:
        proxy.agent.must("start")
        assert proxy.worker
    finally:
        proxy.agent("stop")
        shutil.rmtree(folder, ignore_errors=True)


def test_runs_as_user(proxy, folder):
    shutil.chown(folder, "nobody")
    proxy.agent.must("start", user="nobody")
    assert ocf.status(proxy.agent.recorded_pid())["Uid"].split()[0] != "0"


# ---- stop ----


def test_stop_drains(proxy, echo, until):
    proxy.write(server=echo)
    proxy.agent.must("start")
    with proxy.connect() as client:
        assert talks(client)
        stop = proxy.agent.begin("stop", drain_timeout=60, timeout_ms=60000)
        until(proxy.refuses, "no new connection is taken")
        assert talks(client, b"a last word") and stop.poll() is None
    result = proxy.agent.finish(stop, "stop")
    assert result.code == ocf.SUCCESS and "ended now" not in result.log


def test_stop_drains_old_workers_too(proxy, echo, until):
    proxy.write(server=echo)
    proxy.agent.must("start", reload_token="1")
    with proxy.connect() as client:
        assert talks(client)
        proxy.agent.must("reload-agent", reload_token="2")
        stop = proxy.agent.begin("stop", drain_timeout=60, timeout_ms=60000)
        until(proxy.refuses, "no new connection is taken")
        assert talks(client, b"a last word") and stop.poll() is None
    assert proxy.agent.finish(stop, "stop").code == ocf.SUCCESS


@pytest.mark.parametrize("drain_timeout, timeout_ms", [(0, 20000), (1, 20000), (600, 4000)])
def test_stop_ends_sessions_in_time(proxy, echo, drain_timeout, timeout_ms):
    proxy.write(server=echo)
    proxy.agent.must("start")
    master = proxy.agent.recorded_pid()
    with proxy.connect() as client:
        assert talks(client)
        proxy.agent.must("stop", drain_timeout=drain_timeout, timeout_ms=timeout_ms)
        assert not ocf.is_alive(master)
        assert client.recv(1) == b""
