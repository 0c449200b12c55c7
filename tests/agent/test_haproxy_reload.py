# SPDX-License-Identifier: GPL-2.0-or-later
"""The reload of ocf:redis-ha:haproxy: what runs takes a new configuration and keeps its sessions, or
goes on as it is."""

import itertools
import os
import signal
import socket
import threading
import time
from contextlib import ExitStack

import ocf
from haproxy_kit import LISTEN, Clients, talks


def old_file(path):
    """One that was there before a worker which starts now: times are compared in seconds."""
    before = time.time() - 60
    os.utime(path, (before, before))


def test_reload_takes_a_new_listener_and_keeps_sessions(proxy, echo, until):
    proxy.write(server=echo)
    proxy.agent.must("start", reload_token="1")
    master, worker, second = proxy.agent.recorded_pid(), proxy.worker, proxy.pick_port()
    with proxy.connect() as client:
        assert talks(client)
        proxy.write(LISTEN.format(name="more", port=second, server=echo, check=""), server=echo)
        proxy.agent.must("reload-agent", reload_token="2")
        assert proxy.agent.recorded_pid() == master and proxy.worker != worker
        assert not proxy.refuses(second)
        assert talks(client, b"still here")
        assert sorted(ocf.children(master)) == sorted([worker, proxy.worker])
        proxy.agent.must("monitor")
    until(lambda: ocf.children(master) == [proxy.worker], "the old worker ends with its session")


def test_reload_only_for_a_new_token(proxy):
    proxy.agent.must("start", reload_token="1")
    worker = proxy.worker
    proxy.agent.must("reload-agent", reload_token="1", drain_timeout=3)
    assert proxy.worker == worker
    proxy.agent.must("reload-agent", reload_token="2")
    assert proxy.worker != worker


def test_reload_of_a_bad_file_changes_nothing(proxy):
    """Pacemaker would answer a failed reload by stopping what serves: the monitor tells of it instead."""
    proxy.agent.must("start", reload_token="1")
    worker, good = proxy.worker, proxy.file.read_text()
    proxy.write("listen broken\n    bogus keyword\n")
    for action, code in (("reload-agent", ocf.SUCCESS), ("monitor", ocf.DEGRADED), ("monitor", ocf.DEGRADED)):
        reason = proxy.agent.must(action, code, reload_token="2").reason
        assert f"{proxy.file}:{proxy.line_of('bogus')}" in reason and "not reloaded" in reason
        assert proxy.worker == worker and not proxy.refuses()
    proxy.file.write_text(good)
    proxy.agent.must("reload-agent", reload_token="3")
    assert proxy.worker != worker
    proxy.agent.must("monitor", reload_token="3")


def test_a_refused_reload_can_be_taken_back(proxy):
    proxy.agent.must("start", reload_token="1")
    good = proxy.file.read_text()
    proxy.write("listen broken\n    bogus keyword\n")
    proxy.agent.must("reload-agent", reload_token="2")
    proxy.agent.must("monitor", ocf.DEGRADED, reload_token="2")
    proxy.file.write_text(good)
    proxy.agent.must("reload-agent", reload_token="1")
    proxy.agent.must("monitor", reload_token="1")


def test_reload_with_a_taken_port_keeps_the_running_one(proxy):
    proxy.agent.must("start", reload_token="1")
    worker, taken = proxy.worker, proxy.pick_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", taken))
        other.listen()
        proxy.write(LISTEN.format(name="more", port=taken, server=1, check=""))
        proxy.agent.must("reload-agent", reload_token="2")
    reason = proxy.agent.must("monitor", ocf.DEGRADED, reload_token="2").reason
    assert f"127.0.0.1:{taken}" in reason and "Address already in use" in reason
    assert proxy.worker == worker and not proxy.refuses()


def test_bad_reloadable_value_does_no_harm(proxy):
    proxy.agent.must("start")
    worker = proxy.worker
    proxy.agent.must("reload-agent", drain_timeout="soon", reload_token="2")
    reason = proxy.agent.must("monitor", ocf.DEGRADED, interval=2000, drain_timeout="soon").reason
    assert all(word in reason for word in ("drain_timeout", "soon", "expected")) and proxy.worker == worker


def test_reload_to_another_stats_socket(proxy, folder):
    proxy.agent.must("start", reload_token="1")
    proxy.socket = folder / "moved"
    proxy.write()
    proxy.agent.must("reload-agent", reload_token="2")
    assert proxy.worker in ocf.children(proxy.agent.recorded_pid())
    proxy.agent.must("monitor")


def test_reload_of_what_does_not_run(proxy):
    assert "does not run" in proxy.agent.must("reload-agent", ocf.ERR_GENERIC, reload_token="2").reason


def test_says_whether_it_runs_what_is_on_disk(proxy):
    assert "is the one on disk" in proxy.agent.must("start", reload_token="1").log
    assert proxy.agent.must("monitor").log == ""
    proxy.write("# a new line\n")
    assert "is not the running one" in proxy.agent.must("monitor").log
    assert proxy.agent.must("monitor").log == ""
    reason = proxy.agent.must("monitor", ocf.DEGRADED, level=10).reason
    assert str(proxy.file) in reason and "not what runs" in reason and "reload_token" in reason
    proxy.agent.must("reload-agent", reload_token="2")
    assert "is the one on disk" in proxy.agent.must("monitor", level=10).log


# ---- old workers ----


def test_only_so_many_old_workers(proxy, echo, until):
    """Each is kept by a session; the oldest ones go first."""
    proxy.write(server=echo)
    proxy.agent.must("start", reload_token="0")
    master = proxy.agent.recorded_pid()
    with ExitStack() as clients:
        sessions = []
        for token in range(1, 4):
            sessions.append((clients.enter_context(proxy.connect()), proxy.worker))
            assert talks(sessions[-1][0])
            result = proxy.agent.must("reload-agent", reload_token=token, max_old_workers=2)
        first, worker = sessions.pop(0)
        assert first.recv(1) == b"" and f"worker {worker}" in result.log and "max_old_workers" in result.log
        assert "2 workers of former configurations" in result.log
        assert all(talks(client, b"still here") for client, _ in sessions)
        assert sorted(ocf.children(master)) == sorted([proxy.worker, *(each for _, each in sessions)])
        proxy.agent.must("stop", drain_timeout=0)
    assert not ocf.children(master) and not ocf.is_alive(master)


# ---- by another hand ----


def reload_by_hand(proxy, until):
    """HAProxy 2.6 loses a signal that comes while its master still ends the reload before."""
    old, master, turn = proxy.worker, proxy.agent.recorded_pid(), itertools.count()
    until(lambda: proxy.worker != old or (next(turn) % 25 == 0 and os.kill(master, signal.SIGUSR2)),
          "a new worker answers")


def test_a_reload_by_hand_is_noticed(proxy, until):
    proxy.agent.must("start")
    proxy.write("# a new line\n")
    assert "is not the running one" in proxy.agent.must("monitor").log
    old_file(proxy.file)
    reload_by_hand(proxy, until)
    log = proxy.agent.must("monitor", level=10).log
    assert "by another hand" in log and f"worker {proxy.worker}" in log and "is the one on disk" in log
    assert proxy.agent.must("monitor").log == ""


def test_no_monitor_fails_while_another_hand_reloads(proxy, until):
    """The old worker may be the one that answers, and has stopped listening already."""
    proxy.agent.must("start")
    over, failed = threading.Event(), []

    def watch():
        while not over.is_set():
            result = proxy.agent("monitor", interval=2000)
            if result.code != ocf.SUCCESS:
                failed.append((result.code, result.reason))

    watchers = [threading.Thread(target=watch) for _ in range(3)]
    for each in watchers:
        each.start()
    try:
        for _ in range(12):
            until(lambda: len(ocf.children(proxy.agent.recorded_pid())) == 1, "the old worker has ended")
            reload_by_hand(proxy, until)
    finally:
        over.set()
        for each in watchers:
            each.join()
    assert failed == []


def test_a_lost_signal_is_sent_again(proxy, until):
    """Right after another reload: `haproxy -c` would take longer than that needs, so it is left out."""
    proxy.agent.must("start", reload_token="0")
    for number in range(1, 11):
        reload_by_hand(proxy, until)
        result = proxy.agent.must("reload-agent", reload_token=number, binary="/bin/true", timeout_ms=10000)
        assert result.reason is None


# ---- under load ----


def test_reloads_under_load_lose_no_connection(proxy, redis, until):
    """200 new connections a second while the configuration is loaded 20 times, and one that stays."""
    server = redis()
    server.must("start")
    proxy.write(server=server.port, check="check inter 100")
    proxy.agent.must("start", reload_token="0")
    with proxy.connect() as session, Clients(proxy.port) as clients:
        for number in range(1, 21):
            served = clients.served
            until(lambda: clients.failed or clients.served >= served + 20, "connections are served")
            assert proxy.agent.must("reload-agent", reload_token=number).reason is None
        assert talks(session, b"PING\r\n", b"+PONG\r\n")
    assert clients.failed == []


def test_a_reload_of_a_bad_file_under_load(proxy, redis, until):
    server = redis()
    server.must("start")
    proxy.write(server=server.port, check="check inter 100")
    proxy.agent.must("start", reload_token="1")
    with proxy.connect() as session, Clients(proxy.port) as clients:
        proxy.write("listen broken\n    bogus keyword\n", server=server.port)
        until(lambda: clients.served >= 20, "connections are served")
        for action, code in (("reload-agent", ocf.SUCCESS), ("monitor", ocf.DEGRADED)):
            reason = proxy.agent.must(action, code, reload_token="2").reason
            assert f"{proxy.file}:{proxy.line_of('bogus')}" in reason
        served = clients.served
        until(lambda: clients.served >= served + 20, "connections are served")
        assert talks(session, b"PING\r\n", b"+PONG\r\n")
    assert clients.failed == []
