# SPDX-License-Identifier: GPL-2.0-or-later
"""The monitor of ocf:redis-ha:haproxy, which looks at more than a pid: sockets, workers, listeners and
usable servers of real HAProxy processes."""

import os
import signal
import socket

import pytest

import ocf
from haproxy_kit import CHECKED, LISTEN, talks


@pytest.fixture
def silent_socket():
    """silent_socket(PATH): a unix socket that takes connections and never says a word."""
    opened = []

    def listen(path):
        opened.append(socket.socket(socket.AF_UNIX))
        opened[-1].bind(str(path))
        opened[-1].listen()

    yield listen
    for one in opened:
        one.close()


def test_missing_stats_socket(proxy):
    proxy.agent.must("start")
    master = proxy.agent.recorded_pid()
    proxy.socket.unlink()
    reason = proxy.agent.must("monitor", ocf.ERR_GENERIC).reason
    assert str(proxy.socket) in reason and "missing" in reason and str(master) in reason
    proxy.agent.must("stop")
    assert not ocf.is_alive(master)


def test_stats_socket_that_hangs(proxy, silent_socket):
    proxy.agent.must("start")
    master = proxy.agent.recorded_pid()
    proxy.socket.unlink()
    silent_socket(proxy.socket)
    reason = proxy.agent.must("monitor", ocf.ERR_GENERIC, timeout_ms=5000).reason
    assert str(proxy.socket) in reason and "no answer in time" in reason
    proxy.agent.must("stop")
    assert not ocf.is_alive(master)


def test_somebody_elses_silent_socket_is_neither_running_nor_stopped(proxy, silent_socket):
    silent_socket(proxy.socket)
    reason = proxy.agent.must("monitor", ocf.ERR_GENERIC, interval=0, timeout_ms=5000).reason
    assert str(proxy.socket) in reason
    proxy.agent.must("stop", timeout_ms=5000)
    assert proxy.socket.exists()


def test_frozen_worker(proxy):
    proxy.agent.must("start")
    master, worker = proxy.agent.recorded_pid(), proxy.worker
    os.kill(worker, signal.SIGSTOP)
    assert "no answer in time" in proxy.agent.must("monitor", ocf.ERR_GENERIC, timeout_ms=5000).reason
    proxy.agent.must("stop", timeout_ms=5000)
    assert not ocf.is_alive(master) and not ocf.is_alive(worker)


def test_frozen_master(proxy):
    proxy.agent.must("start")
    master, worker = proxy.agent.recorded_pid(), proxy.worker
    os.kill(master, signal.SIGSTOP)
    proxy.agent.must("stop", timeout_ms=5000)
    assert not ocf.is_alive(master) and not ocf.is_alive(worker)


def test_killed_worker_takes_its_master_with_it(proxy, until):
    proxy.agent.must("start")
    master = proxy.agent.recorded_pid()
    os.kill(proxy.worker, signal.SIGKILL)
    until(lambda: not ocf.is_alive(master), "the master ends")
    reason = proxy.agent.must("monitor", ocf.NOT_RUNNING, interval=2000).reason
    assert str(master) in reason and "without being stopped" in reason
    proxy.agent.must("start")
    proxy.agent.must("monitor")
    assert not proxy.refuses()


def test_master_without_workers(proxy, until):
    """A master that hangs does not notice its worker's end, and forks no other."""
    proxy.agent.must("start")
    master = proxy.agent.recorded_pid()
    os.kill(master, signal.SIGSTOP)
    os.kill(proxy.worker, signal.SIGKILL)
    until(lambda: not ocf.children(master), "the worker is gone")
    reason = proxy.agent.must("monitor", ocf.ERR_GENERIC).reason
    assert str(master) in reason and "no worker" in reason
    proxy.agent.must("stop", timeout_ms=5000)
    assert not ocf.is_alive(master)


def test_killed_master_leaves_no_worker_after_stop(proxy, until):
    proxy.agent.must("start")
    master, worker = proxy.agent.recorded_pid(), proxy.worker
    os.kill(worker, signal.SIGSTOP)  # so that it cannot see its master's end
    os.kill(master, signal.SIGKILL)
    until(lambda: not ocf.is_alive(master), "the master is gone")
    try:
        proxy.agent.must("stop")
        assert not ocf.is_alive(worker)
    finally:
        ocf.end(worker)


def test_record_of_a_foreign_process(proxy, spawn):
    """Its number was given to another program: it is not ours, and stays untouched."""
    other = spawn("sleep", "600")
    proxy.agent.run_dir.mkdir(parents=True)
    (proxy.agent.run_dir / "process").write_text(f"{other.pid} 1 /usr/sbin/haproxy\n")
    proxy.agent.must("monitor", ocf.NOT_RUNNING)
    proxy.agent.must("start")
    proxy.agent.must("monitor")
    proxy.agent.must("stop")
    assert other.poll() is None


def test_record_that_is_no_record(proxy):
    proxy.agent.run_dir.mkdir(parents=True)
    (proxy.agent.run_dir / "process").write_text("nonsense\n")
    proxy.agent.must("stop")
    proxy.agent.must("start")
    proxy.agent.must("monitor")


def test_socket_of_another_haproxy(proxy, spawn, folder, until):
    """Somebody else's HAProxy has taken our stats socket over: ours is not to be judged by it."""
    proxy.agent.must("start")
    worker = proxy.worker
    config = folder / "other.cfg"
    config.write_text(proxy.file.read_text().replace(f":{proxy.port}", f":{proxy.pick_port()}"))
    spawn("haproxy", "-db", "-f", config)
    until(lambda: proxy.worker != worker, "the other one answers")
    assert "not a worker" in proxy.agent.must("monitor", ocf.ERR_GENERIC).reason


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
