# SPDX-License-Identifier: GPL-2.0-or-later
"""What may go wrong with an HAProxy, and what each action of ocf:redis-ha:haproxy makes of it: an exit
code and a reason that names the cause. Whatever it was, a stop ends it and nothing is left."""

import os
import signal
import socket

import pytest

import ocf
from haproxy_kit import ends_before_its_drain_time

NOT_RUN = "does not run"


@pytest.fixture
def trouble(proxy, spawn, until, silent_socket, request):
    """trouble(WHAT): brings it about, and gives back the words by which a reason names it."""
    def taken_port():
        other = socket.create_server(("127.0.0.1", proxy.port))
        request.addfinalizer(other.close)
        return [f"127.0.0.1:{proxy.port}", "Address already in use"]

    def bad_file():
        proxy.write("listen broken\n    bogus keyword\n")
        return [f"{proxy.file}:{proxy.line_of('bogus')}", "bogus"]

    def bad_file_beneath():
        proxy.agent.must("start", reload_token="1")
        return bad_file()

    def missing_socket():
        proxy.agent.must("start")
        proxy.socket.unlink()
        return [str(proxy.socket), "missing", str(proxy.agent.recorded_pid())]

    def silence():
        missing_socket()
        silent_socket(proxy.socket)
        return [str(proxy.socket), "no answer in time", str(proxy.agent.recorded_pid())]

    def foreign_record():
        other = spawn("sleep", "600")
        request.addfinalizer(lambda: check_alive(other))
        proxy.agent.run_dir.mkdir(parents=True)
        (proxy.agent.run_dir / "process").write_text(f"{other.pid} 1 /usr/sbin/haproxy\n")
        return []

    def no_worker():
        """A master that hangs does not notice its worker's end, and forks no other."""
        proxy.agent.must("start")
        master = proxy.agent.recorded_pid()
        os.kill(master, signal.SIGSTOP)
        os.kill(proxy.worker, signal.SIGKILL)
        until(lambda: not ocf.children(master), "the worker is gone")
        return [str(master), "no worker"]

    def killed_worker():
        """Its master ends with it."""
        proxy.agent.must("start")
        master = proxy.agent.recorded_pid()
        os.kill(proxy.worker, signal.SIGKILL)
        until(lambda: not ocf.is_alive(master), "the master ends")
        return [str(master), "without being stopped"]

    found = {each.__name__: each for each in (taken_port, bad_file, bad_file_beneath, missing_socket, silence,
                                              foreign_record, no_worker, killed_worker)}
    return lambda what: found[what]()


def check_alive(process):
    assert process.poll() is None, "somebody else's process was ended"


# Each line: start, monitor and reload-agent, as an exit code and whether the reason names the cause
# (True), says that it does not run (NOT_RUN), names the stats socket alone (SOCKET), or is none (None).
SOCKET = "stats socket"
OK, FAILED, ARGS, GONE = ocf.SUCCESS, ocf.ERR_GENERIC, ocf.ERR_ARGS, ocf.NOT_RUNNING
EXPECTED = {
    "taken_port":       [(FAILED, True), (GONE, None), (FAILED, NOT_RUN)],
    "bad_file":         [(ARGS, True), (GONE, None), (FAILED, NOT_RUN)],
    "bad_file_beneath": [(OK, None), (OK, None), (OK, True)],
    "missing_socket":   [(FAILED, True), (FAILED, True), (OK, SOCKET)],
    "silence":          [(FAILED, True), (FAILED, True), (OK, SOCKET)],
    "foreign_record":   [(OK, None), (GONE, True), (FAILED, NOT_RUN)],
    "no_worker":        [(FAILED, True), (FAILED, True), (OK, SOCKET)],
    "killed_worker":    [(OK, None), (GONE, True), (FAILED, NOT_RUN)],
}
CASES = [(what, action, *told) for what, line in EXPECTED.items()
         for action, told in zip(("start", "monitor", "reload-agent"), line)]


@pytest.mark.parametrize("what, action, code, told", CASES)
def test_is_told(proxy, trouble, what, action, code, told):
    words = trouble(what)
    result = proxy.agent.must(action, code, interval=2000, timeout_ms=4000, reload_token="2")
    if told is None:
        assert result.reason is None
    else:
        assert all(word in result.reason for word in (words if told is True else [told])), result.reason


@pytest.mark.parametrize("what", EXPECTED)
def test_is_ended_by_a_stop(proxy, trouble, what):
    trouble(what)
    master = proxy.agent.recorded_pid()
    ours = [] if what == "foreign_record" else [*ocf.children(master), master]
    proxy.agent.must("stop", timeout_ms=4000)
    assert not [pid for pid in ours if pid and ocf.is_alive(pid)]
    assert proxy.agent.recorded_pid() is None and (what == "taken_port" or proxy.refuses())
    proxy.socket.unlink(missing_ok=True)  # a silent one is somebody else's
    proxy.agent.must("monitor", ocf.NOT_RUNNING)


def test_without_a_worker_there_is_nothing_to_drain(proxy, trouble, until):
    trouble("no_worker")
    assert ends_before_its_drain_time(proxy, until)


def test_a_program_is_no_worker(proxy, until):
    """What a `program` section runs is a child of the master too."""
    proxy.write("program helper\n    command sleep 600\n")
    proxy.agent.must("start")
    master, worker = proxy.agent.recorded_pid(), proxy.worker
    helper, = set(until(lambda: len(found := ocf.children(master)) == 2 and found, "both run")) - {worker}
    os.kill(master, signal.SIGSTOP)
    os.kill(worker, signal.SIGKILL)
    until(lambda: ocf.children(master) == [helper], "the worker is gone")
    assert "no worker" in proxy.agent.must("monitor", ocf.ERR_GENERIC).reason
    proxy.agent.must("stop")
    assert not ocf.is_alive(helper)


def test_record_of_another_haproxy(proxy, spawn, folder, until):
    """Its number was given to one that is not ours."""
    config = folder / "other.cfg"
    config.write_text(proxy.file.read_text().replace(str(proxy.socket), str(folder / "other"))
                      .replace(f":{proxy.port}", f":{proxy.pick_port()}"))
    other = spawn("haproxy", "-db", "-f", config)
    until((folder / "other").exists, "it is there")
    proxy.agent.run_dir.mkdir(parents=True)
    (proxy.agent.run_dir / "process").write_text(f"{other.pid} 1 /usr/sbin/haproxy\n")
    proxy.agent.must("monitor", ocf.NOT_RUNNING)
    proxy.agent.must("stop")
    check_alive(other)


def test_somebody_elses_silent_socket_is_neither_running_nor_stopped(proxy, silent_socket):
    silent_socket(proxy.socket)
    reason = proxy.agent.must("monitor", ocf.ERR_GENERIC, interval=0, timeout_ms=3000).reason
    assert str(proxy.socket) in reason
    proxy.agent.must("stop", timeout_ms=3000)
    assert proxy.socket.exists()


def test_frozen_worker(proxy, until):
    """There is nothing to drain in it: an end comes as soon as it is known to hang."""
    proxy.agent.must("start")
    master, worker = proxy.agent.recorded_pid(), proxy.worker
    os.kill(worker, signal.SIGSTOP)
    assert "no answer in time" in proxy.agent.must("monitor", ocf.ERR_GENERIC, timeout_ms=3000).reason
    assert ends_before_its_drain_time(proxy, until)
    assert not ocf.is_alive(master) and not ocf.is_alive(worker)


def test_frozen_master(proxy):
    proxy.agent.must("start")
    master, worker = proxy.agent.recorded_pid(), proxy.worker
    os.kill(master, signal.SIGSTOP)
    proxy.agent.must("stop", timeout_ms=5000)
    assert not ocf.is_alive(master) and not ocf.is_alive(worker)


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
