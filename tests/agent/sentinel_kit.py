# SPDX-License-Identifier: GPL-2.0-or-later
"""A Sentinel resource of a test: its agent and its Sentinel's own words; Redis servers that it may watch, and
what an agent of theirs would note."""

import shutil
import uuid
from contextlib import closing

import pytest

import ocf
from observer.resp import Connection, Refused


def ask(port, *words, password=None, user=None):
    """One command to a Redis or a Sentinel."""
    with closing(Connection(("127.0.0.1", port), None if user else password, 10, 10)) as connection:
        if user:
            connection.call("AUTH", user, password)
        return connection.call(*words)


def answers(port):
    try:
        return ask(port, "PING") == "PONG"
    except (OSError, Refused):
        return False


class Sentinel:
    """An agent and its Sentinel's own words."""

    def __init__(self, agent, port, **params):
        self.port = port()
        self.agent = agent("sentinel", port=self.port, **params)
        self.file = self.agent.state_dir / "data/sentinel.conf"
        self.log = self.agent.state_dir / "sentinel.log"

    def master(self, name="mymaster"):
        fields = ask(self.port, "SENTINEL", "MASTER", name)
        return dict(zip(fields[::2], fields[1::2]))

    def names(self, name="mymaster"):
        """The port of the primary that it names; all servers are on loopback here."""
        return int(ask(self.port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)[1])


@pytest.fixture
def redis_id():
    """A redis resource that nobody else has; what its agent would note is written by note()."""
    name = f"redis-{uuid.uuid4().hex[:12]}"
    yield name
    shutil.rmtree(ocf.RUN_DIR / "redis" / name, ignore_errors=True)


@pytest.fixture
def sentinel(agent, port, redis_id):
    return Sentinel(agent, port, redis=redis_id)


@pytest.fixture
def redis_port(spawn, folder, port, until):
    """redis_port(*OPTIONS): the port of a Redis server, of priority 0 as in a cluster unless an option says otherwise."""
    def start(*options):
        number = port()
        data = folder / str(number)
        data.mkdir()
        spawn("redis-server", "--port", number, "--dir", data, "--save", "", "--replica-priority", "0", *options)
        until(lambda: answers(number) or "NOAUTH" in refusal(number), f"Redis answers on {number}")
        return number
    return start


def refusal(port):
    try:
        ask(port, "PING")
    except Refused as error:
        return str(error)
    except OSError:
        pass
    return ""


def note(redis_id, local, *peers, authority="pacemaker"):
    """What the redis agent leaves in its run folder."""
    folder = ocf.RUN_DIR / "redis" / redis_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "endpoint").write_text(f"127.0.0.1 {local}\n")
    (folder / "peers").write_text("".join(f"n{number} 127.0.0.1 {peer}\n" for number, peer in enumerate(peers)))
    (folder / "authority").write_text(f"{authority}\n")


def follow(replica, primary):
    ask(replica, "REPLICAOF", "127.0.0.1", primary)
