# SPDX-License-Identifier: GPL-2.0-or-later
"""An HAProxy resource of a test: its configuration, its agent and a client's view of it; a server behind it."""

import socket
import socketserver
import threading
from contextlib import suppress

import pytest

import ocf
from observer.resp import Connection
from redis_kit import attribute_values, cluster_around

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
        except ConnectionResetError:  # it closes the socket at this very moment
            return False
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

    def join_cluster(self, hangs=False):
        """What the agent tells a cluster from now on: call it for the values of its status, in order."""
        record = self.file.parent / "attributes"
        self.agent.extra = cluster_around(self.file.parent, record)
        if hangs:
            (self.file.parent / "tools/attrd_updater").write_text("#!/bin/sh\nexec sleep 600\n")
        return lambda: attribute_values(record, f"{self.agent.instance}-status")

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


class Clients:
    """200 new connections a second, each for one question to a Redis, for as long as its block lasts."""

    THREADS, PAUSE = 10, 0.05

    def __init__(self, port):
        self.address, self.served, self.failed = ("127.0.0.1", port), 0, []
        self._over, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(self.THREADS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _run(self):
        while not self._over.wait(self.PAUSE):
            try:
                connection = Connection(self.address, connect_within=5, answer_within=5)
                try:
                    connection.call("PING")
                finally:
                    connection.close()
            except OSError as error:
                self.failed.append(repr(error))
            else:
                with self._lock:
                    self.served += 1


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


def talks(client, text=b"hello", answer=None):
    """Also of an echo, whose answer is the text."""
    client.sendall(text)
    return client.recv(4096) == (answer or text)


def ends_before_its_drain_time(proxy, until):
    stop = proxy.agent.begin("stop", drain_timeout=60, timeout_ms=120000)
    until(lambda: stop.poll() is not None, "the stop ends before the time to drain is over")
    return proxy.agent.finish(stop, "stop").code == ocf.SUCCESS
