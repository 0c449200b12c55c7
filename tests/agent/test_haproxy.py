# SPDX-License-Identifier: GPL-2.0-or-later
"""ocf:redis-ha:haproxy against real HAProxy processes."""

import os
import shutil
import signal
import socket
import socketserver
import threading
import uuid
from contextlib import suppress
from pathlib import Path

import pytest

import ocf

GLOBAL = """
global
    stats socket {socket} mode 600 level admin
    {extra}
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
"""
LISTEN = """
listen {name}
    bind 127.0.0.1:{port}
    server one 127.0.0.1:{server} {check}
"""
CHECKED = "check inter 100 fall 1"


class Proxy:
    """An agent, the configuration that it runs, and a client's view of it."""

    def __init__(self, agent, folder, port):
        self.file, self.socket, self.port = folder / "haproxy.cfg", folder / "stats", port()
        self.pick_port = port
        self.agent = agent("haproxy", config=self.file)
        self.write()

    def write(self, *listens, extra="", server=1, check=""):
        """`listens`: what comes beside the one listener on self.port."""
        self.file.write_text(GLOBAL.format(socket=self.socket, extra=extra) + "\n".join(
            (LISTEN.format(name="main", port=self.port, server=server, check=check), *listens)))

    def connect(self, port=None):
        return socket.create_connection(("127.0.0.1", port or self.port), timeout=10)

    def refuses(self, port=None):
        try:
            self.connect(port).close()
        except ConnectionRefusedError:
            return True
        return False

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(self.socket))
            client.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: client.recv(65536), b"")).decode()

    @property
    def worker(self):
        return int(next(line for line in self.ask("show info").splitlines() if line.startswith("Pid:"))[4:])

    def line_of(self, text):
        return next(n for n, line in enumerate(self.file.read_text().splitlines(), 1) if text in line)


@pytest.fixture
def proxy(agent, folder, port):
    return Proxy(agent, folder, port)


@pytest.fixture
def echo():
    """The port of a server that sends back what it gets."""
    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            with suppress(ConnectionError):
                while data := self.request.recv(4096):
                    self.request.sendall(data)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


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


def talks(client, text=b"hello"):
    client.sendall(text)
    return client.recv(4096) == text


# ---- a life ----


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


# ---- bad input: one line, the right code, nothing changed ----


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


# ---- monitor: more than a pid ----


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


# ---- adoption ----


def by_hand(proxy, spawn, until, *options):
    process = spawn("haproxy", *options, "-f", proxy.file)
    until(lambda: proxy.socket.exists() and not proxy.refuses(), "HAProxy serves")
    return process


def test_adopts_a_master_and_ends_it(proxy, spawn, until):
    process = by_hand(proxy, spawn, until, "-W", "-db")
    worker = proxy.worker
    assert "adopted" in proxy.agent.must("monitor", interval=0).log
    assert proxy.agent.recorded_pid() == process.pid and proxy.worker == worker
    proxy.agent.must("start")
    assert proxy.worker == worker
    proxy.agent.must("stop")
    assert process.wait(5) == 0 and not ocf.is_alive(worker)


def test_adopts_one_without_a_master(proxy, spawn, until):
    process = by_hand(proxy, spawn, until, "-db")
    proxy.agent.must("monitor", interval=0)
    assert proxy.agent.recorded_pid() == process.pid
    assert "without -W" in proxy.agent.must("reload-agent", reload_token="1").reason
    assert process.poll() is None
    proxy.agent.must("stop")
    assert process.wait(5) == 0


def test_stop_without_a_record_ends_what_serves(proxy, spawn, until):
    process = by_hand(proxy, spawn, until, "-W", "-db")
    proxy.agent.must("stop")
    assert process.wait(5) == 0


def test_does_not_adopt_by_a_bad_parameter(proxy, spawn, until):
    """The default that stands in for a bad value may lead to somebody else's HAProxy."""
    process = by_hand(proxy, spawn, until, "-W", "-db")
    proxy.agent.must("monitor", ocf.NOT_RUNNING, interval=0, config="haproxy.cfg")
    proxy.agent.must("stop", config="haproxy.cfg")
    assert process.poll() is None


def test_adopts_with_a_bad_reloadable_value(proxy, spawn, until):
    process = by_hand(proxy, spawn, until, "-W", "-db")
    proxy.agent.must("monitor", interval=0, drain_timeout="soon")
    assert proxy.agent.recorded_pid() == process.pid


def test_does_not_adopt_what_another_instance_has(proxy, agent):
    proxy.agent.must("start")
    other = agent("haproxy", config=proxy.file)
    assert "another resource" in other.must("monitor", ocf.NOT_RUNNING, interval=0).log
    other.must("stop")
    proxy.agent.must("monitor")


# ---- reload ----


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
    proxy.agent.must("reload-agent", reload_token="2")
    assert "is the one on disk" in proxy.agent.must("monitor").log


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
