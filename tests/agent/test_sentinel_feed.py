# SPDX-License-Identifier: GPL-2.0-or-later
"""sentinel-feed, built with sanitizers where there is such a build, in the hands of a server that is hostile,
and beside a Sentinel that is restarted.

    hostile server, then a Sentinel <-- questions, events -- so many feeds, each an instance of its own
"""

import os
import random
import signal
import socket
from contextlib import closing, contextmanager

import pytest

import ocf
from hostile import Hostile
from observer.resp import Refused
from sentinel_kit import ask

FEEDS = 16
SANITIZED = ocf.TOP / "build/sanitized/agents/sentinel-feed"


def program():
    tree = ocf.install_dir()
    return SANITIZED if SANITIZED.is_file() else tree / "usr/libexec/redis-ha/sentinel-feed"


class Feed:
    """One that the agent did not launch: its Sentinel is at a port of ours."""

    def __init__(self, agent, spawn, port, folder):
        self.instance = agent("sentinel", port=port)
        run_dir = self.instance.run_dir
        run_dir.mkdir(parents=True)
        (run_dir / "feed.params").write_text(f"port {port}\nmaster_name mymaster\n")
        kept = folder / "kept"
        kept.write_text("leak:companion_params_read\n")  # once at its start
        self.socket, self.log = run_dir / "feed.sock", folder / f"{self.instance.instance}.log"
        with open(self.log, "w") as log:
            self.process = spawn(program(), self.instance.instance, "n1", stderr=log,
                                 env={**os.environ, "LSAN_OPTIONS": f"suppressions={kept}:print_suppressions=0"})

    def ping(self):
        with closing(socket.socket(socket.AF_UNIX)) as caller:
            caller.settimeout(5)
            try:
                caller.connect(str(self.socket))
                caller.sendall(b"ping\n")
                return caller.recv(64).startswith(b"done")
            except OSError:
                return False

    def said(self):
        """The end of its log, where a sanitizer speaks."""
        return self.log.read_text(errors="replace")[-6000:]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture
def feeds(agent, spawn, port, folder, until):
    number = port()
    made = [Feed(agent, spawn, number, folder) for _ in range(FEEDS)]
    for feed in made:
        until(feed.ping, "the feed answers")
    return number, made


@contextmanager
def real_sentinel(spawn, until, port, primary, folder):
    conf = folder / "sentinel.conf"
    conf.write_text(f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor mymaster 127.0.0.1 {primary} 1\n")
    process = spawn("redis-sentinel", conf)
    until(lambda: subscribers(port) is not None, "Sentinel answers")
    yield
    process.kill()
    process.wait()


def subscribers(port):
    """How many listen to all of its events; None: it gives no answer."""
    try:
        return ask(port, "CLIENT", "LIST").count(" psub=1 ")
    except (OSError, Refused):
        return None


def test_the_feed_survives_a_hostile_sentinel_and_restarts_of_a_real_one(
        feeds, spawn, until, redis_port, folder, pytestconfig):
    port, made = feeds
    wanted, seed = pytestconfig.getoption("--conversations"), random.randrange(2**32)
    server = Hostile(port, wanted, seed)
    until(lambda: server.enough.is_set() or any(feed.process.poll() is not None for feed in made),
          f"{wanted} conversations", 60 + wanted / 3)
    server.end()
    print(f"seed {seed}: {server.conversations} conversations, {server.answers} answers")
    for feed in made:
        assert feed.process.poll() is None, f"seed {seed}: {feed.said()}"
        assert feed.ping(), "it answers"

    primary = redis_port()
    for _ in range(3):
        with real_sentinel(spawn, until, port, primary, folder):
            until(lambda: subscribers(port) == FEEDS, "each feed hears the events of Sentinel")
    for feed in made:
        assert feed.end() == os.EX_OK, feed.said()
