# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose server is it? ocf:redis-ha:redis adopts what runs its program at its port, and leaves alone
whatever else is there."""

import os
import shutil
import signal
import socket
import socketserver
import threading

import pytest

import ocf
from redis_kit import REDIS, freeze
from observer.resp import Refused


@pytest.fixture
def other_redis(folder):
    """Another program that happens to be a Redis: a copy of the binary."""
    copy = folder / "other-redis"
    shutil.copy(REDIS, copy)
    return copy


@pytest.fixture
def web_server(port):
    """The port of a program that answers, but not as a Redis."""
    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.rfile.readline()
            self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", port()), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def mute(port):
    """The port of a program that takes connections and never says a word."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", port()))
        one.listen()
        yield one.getsockname()[1]


# ---- adoption ----


@pytest.mark.parametrize("role, words, code", [
    ("master", (), ocf.RUNNING_PROMOTED), ("slave", ("--replicaof", "127.0.0.1", "9"), ocf.SUCCESS)])
def test_running_server_is_adopted_with_its_role(redis, spawn, until, role, words, code):
    one = redis()
    server = one.hand_started(spawn, *words)
    until(one.is_open, "the server answers")
    one.probe(code)
    assert one.pid == server.pid and one.role == role
    one.monitor(code)
    one.must("start")
    assert one.pid == server.pid
    one.must("stop")
    assert server.wait(5) == 0


def test_frozen_server_of_our_pidfile_at_our_port_is_ours(redis, spawn, until):
    one = redis(down_after=200)
    one.conf.append(f"pidfile {one.folder}/pid")
    one.write()
    server = one.hand_started(spawn)
    until(one.is_open, "the server answers")
    until(lambda: (one.folder / "pid").exists(), "it wrote its pid file")
    freeze(until, server.pid)
    result = one.probe(ocf.ERR_GENERIC)
    assert str(server.pid) in result.reason
    one.must("stop")
    assert server.wait(5) == -signal.SIGKILL


def test_pidfile_alone_is_no_proof(redis, spawn, until):
    """Somebody's own Redis, whose configuration was copied for the resource with another port."""
    theirs, one = redis(), redis()
    for each in (theirs, one):
        each.conf.append(f"pidfile {theirs.folder}/pid")
        each.write()
    server = theirs.hand_started(spawn)
    until(theirs.is_open, "their server answers")
    until(lambda: (theirs.folder / "pid").exists(), "it wrote its pid file")
    one.probe(ocf.NOT_RUNNING)
    one.must("stop")
    assert server.poll() is None
    one.must("start")
    assert one.pid != server.pid
    one.must("stop")
    assert server.poll() is None


def test_server_of_another_instance_is_not_taken_over(redis):
    theirs = redis()
    theirs.must("start")
    one = redis()
    one.conf.append(f"port {theirs.port}")
    one.write()
    one.probe(ocf.NOT_RUNNING)
    one.must("stop")
    theirs.monitor()


@pytest.mark.parametrize("state", ["busy", "full"])
def test_server_that_tells_nothing_is_adopted_for_what_it_is(redis, spawn, until, request, state):
    one = redis()
    server = one.hand_started(spawn)
    until(one.is_open, "the server answers")
    end_state = request.getfixturevalue(state)(one)
    one.probe(ocf.SUCCESS)
    assert server.poll() is None
    end_state()
    one.monitor(ocf.RUNNING_PROMOTED)
    assert one.pid == server.pid


# ---- not ours ----


def test_foreign_redis_is_left_alone(redis, spawn, until, other_redis):
    one = redis()
    server = one.hand_started(spawn, binary=other_redis)
    until(one.is_open, "the server answers")
    one.probe(ocf.NOT_RUNNING)
    one.monitor(ocf.NOT_RUNNING)
    result = one.must("start", ocf.ERR_GENERIC)
    assert str(server.pid) in result.reason[:128] and str(one.port) in result.reason[:128]
    for action in ("promote", "demote"):
        assert one(action).code in (ocf.ERR_GENERIC, ocf.NOT_RUNNING)
    one.must("stop")
    assert server.poll() is None and one.role == "master" and one.pid is None


@pytest.mark.parametrize("same_program", [False, True])
def test_foreign_redis_that_lets_nobody_in_is_left_alone(redis, spawn, until, other_redis, same_program):
    one = redis()
    server = one.hand_started(spawn, "--requirepass", "theirs", binary=REDIS if same_program else other_redis)
    until(one.is_open, "the server answers")
    one.probe(ocf.NOT_RUNNING)
    result = one.must("start", ocf.ERR_GENERIC)
    assert str(server.pid) in result.reason[:128]
    one.must("stop")
    assert server.poll() is None


@pytest.mark.parametrize("state", ["busy", "full"])
def test_foreign_redis_that_tells_nothing_is_left_alone(redis, spawn, until, other_redis, request, state):
    one = redis()
    server = one.hand_started(spawn, binary=other_redis)
    until(one.is_open, "the server answers")
    request.getfixturevalue(state)(one)
    one.probe(ocf.NOT_RUNNING)
    one.must("stop")
    assert server.poll() is None


def test_sentinel_at_our_port_is_no_server(redis, spawn, until):
    one = redis()
    (one.folder / "sentinel.conf").write_text(f"port {one.port}\n")
    sentinel = spawn(REDIS, one.folder / "sentinel.conf", "--sentinel", cwd=one.folder)
    until(one.is_open, "Sentinel answers")
    one.probe(ocf.NOT_RUNNING)
    one.must("stop")
    assert sentinel.poll() is None


def test_program_that_is_no_redis_is_told_by_start_alone(redis, web_server):
    one = redis(at=web_server)
    one.probe(ocf.NOT_RUNNING)
    result = one.must("start", ocf.ERR_GENERIC)
    assert str(os.getpid()) in result.reason[:128] and str(web_server) in result.reason[:128]
    one.must("stop")


def test_mute_program_at_our_port_is_not_ours(redis, mute):
    one = redis(at=mute, down_after=200)
    one.probe(ocf.NOT_RUNNING)
    assert str(os.getpid()) in one.must("start", ocf.ERR_GENERIC).reason[:128]
    one.must("stop")


def test_address_of_another_machine_is_not_ours(redis):
    """Our address has gone elsewhere with its interface: nobody listens here, so nothing runs here."""
    one = redis("bind 192.0.2.1", down_after=200)
    one.probe(ocf.NOT_RUNNING)
    one.must("stop")


def test_running_server_is_not_exchanged_for_another_at_a_changed_port(redis, spawn, until):
    """The configuration was edited under the running server, and its new port is somebody's."""
    one, theirs = redis(), redis()
    other = theirs.hand_started(spawn)
    until(theirs.is_open, "their server answers")
    one.must("start")
    pid = one.pid
    one.conf.append(f"port {theirs.port}")
    one.write()
    try:
        result = one.monitor(ocf.ERR_GENERIC)
        assert str(other.pid) in result.reason and str(theirs.port) in result.reason
        assert one.pid == pid
        one.must("stop")
        assert not ocf.is_alive(pid) and other.poll() is None
    finally:
        if ocf.is_alive(pid):  # no record names it any more
            ocf.end(pid)


# ---- the record of a process ----


def test_record_of_a_pid_that_passed_on(redis, spawn):
    one = redis()
    one.must("start")
    ours = one.pid
    other = spawn("sleep", "1000")
    record = one.agent.run_dir / "process"
    _, ticks, exe = record.read_text().split()
    one.must("stop")
    for text in (f"{other.pid} {ticks} {exe}\n", f"{other.pid} 1 /usr/bin/sleep\n"):
        record.write_text(text)
        one.monitor(ocf.NOT_RUNNING)
        one.must("stop")
        assert other.poll() is None
    assert not ocf.is_alive(ours)


@pytest.mark.parametrize("text", ["", "abc\n", "1\n", "-1 0 x\n", "99999999999999999999 1 /x\n"])
def test_record_that_is_none(redis, text):
    one = redis()
    one.must("start")
    (one.agent.run_dir / "process").write_text(text)
    one.monitor()
    one.must("stop")
    assert not one.is_open()


def test_record_that_cannot_be_read_is_not_taken_for_a_stopped_server(redis):
    one = redis()
    one.must("start")
    pid = one.pid
    os.kill(pid, signal.SIGKILL)
    record = one.agent.run_dir / "process"
    record.unlink()
    record.mkdir()
    try:
        results = [one("stop"), one("monitor", interval=10000)]
    finally:
        record.rmdir()
    assert all(result.code == ocf.ERR_GENERIC and str(record) in result.reason for result in results)


# ---- without good parameters ----


def test_stop_with_a_bad_port_touches_nobody_at_the_default_one(redis, spawn, until):
    """In a network of its own, where somebody's Redis has port 6379."""
    one = redis()
    with_network = [spawn("unshare", "--net", "sh", "-c",
                          "ip link set lo up && exec redis-server --port 6379 --save '' --dir /tmp")]
    inside = ["nsenter", "--net", "--target", str(with_network[0].pid)]

    def answers():
        return ocf.subprocess.run([*inside, "redis-cli", "PING"], capture_output=True, text=True).stdout == "PONG\n"
    until(answers, "their server answers")
    for config in (None, one.config, one.folder / "missing"):
        for action, expected in (("stop", ocf.SUCCESS), ("monitor", ocf.NOT_RUNNING)):
            environment = one.agent.environment({"port": "sixthousand", "config": config}, 0, None, 20000, {})
            done = ocf.subprocess.run([*inside, ocf.agent_path("redis"), action], env=environment,
                                      capture_output=True, text=True, timeout=20)
            assert done.returncode == expected, done.stderr
            assert "port" in done.stderr
    assert answers()


def test_stop_with_bad_parameters_ends_what_start_began(redis):
    one = redis()
    one.must("start")
    pid = one.pid
    one.must("stop", port="abc", config="relative", down_after="soon", binary="/nowhere")
    assert not ocf.is_alive(pid)


def test_stop_without_the_configuration_ends_what_start_began(redis):
    one = redis()
    one.must("start")
    pid = one.pid
    one.config.unlink()
    one.must("stop")
    assert not ocf.is_alive(pid)


def test_refused_is_not_stopped(redis, until):
    """Our own server, whose password somebody changed."""
    one = redis()
    one.must("start")
    one.call("CONFIG", "SET", "requirepass", "new")
    result = one.monitor(ocf.ERR_GENERIC)
    assert "NOAUTH" in result.reason
    with pytest.raises(Refused):
        one.role
    pid = one.pid
    one.must("stop")
    assert not ocf.is_alive(pid)
