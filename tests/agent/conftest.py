# SPDX-License-Identifier: GPL-2.0-or-later
"""Agents against real servers on this machine, without a cluster. Every instance has a name, a
folder and ports of its own, and ends with its test."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[:2]]

# The path must be known first; then the fixtures of each agent's tests.
from haproxy_kit import echo, proxy, silent_socket  # noqa: E402
from ocf import RUN_DIR, STATE_DIR, Agent  # noqa: E402
from redis_kit import busy, full, node, pair, redis, slow_data  # noqa: E402
from sentinel_kit import redis_id, redis_port, sentinel  # noqa: E402

__all__ = ["busy", "echo", "full", "node", "pair", "proxy", "redis", "redis_id", "redis_port", "sentinel",
           "silent_socket", "slow_data"]

numbers = itertools.count(1)
handed_out = set()


def pytest_addoption(parser):
    parser.addoption("--conversations", type=int, default=1000,
                     help="how many a hostile Sentinel has with sentinel-feed (default: 1000)")


def pytest_configure(config):
    if os.geteuid() != 0:
        pytest.exit("these tests start servers as Pacemaker does: run them as root", returncode=2)
    # So that an interrupted run cleans up like one that ends.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended by SIGTERM", returncode=143))


def pytest_unconfigure():
    """The folders above those of the instances go, unless somebody else has something there."""
    for top in (RUN_DIR, STATE_DIR):
        for path in (*top.glob("*"), top):
            with suppress(OSError):
                path.rmdir()


@pytest.fixture
def agent():
    """agent(NAME, INSTANCE=None, **PARAMS): a resource; call it with an action. Its server is ended
    and its files are removed after the test."""
    made = []

    def make(name, instance=None, **params):
        made.append(Agent(name, instance or f"t{os.getpid()}-{next(numbers)}", params))
        return made[-1]

    yield make
    for one in reversed(made):
        one.clean_up()


@pytest.fixture
def folder():
    """A folder that servers under any user can get through to."""
    path = Path(tempfile.mkdtemp(prefix="redis-ha-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def port():
    """port(): a TCP port of loopback that nobody listens on, another one at each call."""
    def pick():
        while True:
            with socket.socket() as trial:
                trial.bind(("127.0.0.1", 0))
                number = trial.getsockname()[1]
            if number not in handed_out:
                handed_out.add(number)
                return number
    return pick


@pytest.fixture
def spawn():
    """spawn(ARGV...): starts a program as another hand would; it is killed after the test."""
    started = []

    def start(*argv, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
                   **options}
        started.append(subprocess.Popen([str(word) for word in argv], **options))
        return started[-1]

    yield start
    for process in reversed(started):
        process.kill()
        process.wait()


@pytest.fixture
def until():
    """until(QUESTION, WHAT): asks until the answer is true, and gives it back; fails after a while."""
    def wait(question, what, seconds=20):
        end = time.monotonic() + seconds
        while not (answer := question()):
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            time.sleep(0.02)
        return answer
    return wait
