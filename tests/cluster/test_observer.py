# SPDX-License-Identifier: GPL-2.0-or-later
"""The observer must see what it is there to see: a lost write, two primaries, an outage.

        writers ----> a (primary)        pollers ----> a, b
"""

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from observer import Observer, ObserverError  # noqa: E402 - the path must be known first
from observer.resp import Connection  # noqa: E402

HOST = "127.0.0.1"


class Here:
    """This machine in the place of a lab's client."""

    popen = staticmethod(subprocess.Popen)


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextmanager
def redis(folder, *options):
    """A Redis of its own; gives its address."""
    address = (HOST, free_port())
    server = subprocess.Popen(
        ["redis-server", "--port", str(address[1]), "--bind", HOST, "--dir", str(folder), "--save", "",
         "--repl-diskless-sync-delay", "0", *options], stdout=subprocess.DEVNULL)
    try:
        wait(lambda: ask(address, "PING") == "PONG", f"Redis answers at {address}")
        yield address
    finally:
        server.kill()
        server.wait(10)


def ask(address, *words):
    try:
        connection = Connection(address)
    except OSError:
        return None
    try:
        return connection.call(*words)
    finally:
        connection.close()


def wait(condition, why, within=10.0):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within:g} s: {why}"
        time.sleep(0.02)


@pytest.fixture
def pair(tmp_path):
    """Primary a and its replica b."""
    with redis(tmp_path) as a, redis(tmp_path, "--replicaof", HOST, str(a[1])) as b:
        wait(lambda: "state=online" in ask(a, "INFO", "replication"), "b follows a")
        yield a, b


def observing(a, b):
    return Observer(Here, a, {"a": a, "b": b})


def test_nothing_is_wrong_where_nothing_is_wrong(pair):
    with observing(*pair) as observer:
        observer.wait_event(10, lambda e: e["event"] == "server" and e["state"] == "replica")
        observer.wait_writes_after(time.monotonic(), 10)
        verdict = observer.finish()
    assert verdict.confirmed > 0 and verdict.acknowledged > verdict.confirmed
    assert (verdict.lost_acknowledged, verdict.two_at_once) == ([], [])
    assert len(verdict.times["confirmed"]) == verdict.confirmed
    assert 0 < verdict.longest_gap("plain") < verdict.times["plain"][-1] - verdict.times["plain"][0]
    assert verdict.times["plain"] == sorted(verdict.times["plain"]) and verdict.times["plain"]


def test_a_lost_write_is_found(pair):
    a, b = pair
    with observing(a, b) as observer:
        observer.wait_writes_after(0, 10)
        ask(a, "FLUSHALL")
        verdict = observer.finish()
    assert verdict.lost_confirmed
    assert len(verdict.lost_acknowledged) > len(verdict.lost_confirmed)


def test_two_primaries_are_seen_as_soon_as_both_take_writes(pair):
    a, b = pair
    with observing(a, b) as observer:
        observer.wait_writes_after(0, 10)
        ask(b, "REPLICAOF", "NO", "ONE")
        observer.wait_event(10, lambda e: e["event"] == "two-at-once")
        assert observer.finish().two_at_once[0]["servers"] == ["a", "b"]


def test_an_orderly_change_of_roles_is_no_second_primary(pair):
    a, b = pair
    with observing(a, b) as observer:
        observer.wait_writes_after(0, 10)
        ask(a, "REPLICAOF", HOST, b[1])
        observer.wait_event(10, lambda e: e["event"] == "server" and e["server"] == "a"
                            and e["state"] in ("replica", "unlinked"))
        ask(b, "REPLICAOF", "NO", "ONE")
        observer.wait_event(10, lambda e: e["event"] == "server" and e["server"] == "b"
                            and e["state"] == "primary")
        assert observer.report()["two_at_once"] == []


def test_an_unconfirmed_write_does_not_count_as_confirmed(tmp_path):
    with redis(tmp_path) as lonely, Observer(Here, lonely, {}) as observer:
        observer.wait_event(10, lambda e: e["event"] == "writes" and not e["up"] and "WAIT" in e["why"])
        verdict = observer.finish()
    assert verdict.confirmed == 0 and verdict.acknowledged > 0


def test_an_observer_that_cannot_read_back_says_so(tmp_path):
    with redis(tmp_path) as address:
        observer = Observer(Here, address, {}, read_back_within=0.5).start()
        observer.wait_event(10, lambda e: e["event"] == "writes" and e["up"])
        ask(address, "CONFIG", "SET", "requirepass", "unknown")
        with pytest.raises(ObserverError, match="could not be read back"):
            observer.finish()
        observer.end()
