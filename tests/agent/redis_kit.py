# SPDX-License-Identifier: GPL-2.0-or-later
"""A Redis resource of a test: its configuration, its agent, its server and a client's view of it; alone,
or on a node of a cluster of which only the environment is there."""

import os
import pwd
import shutil
import signal
import socket
from contextlib import contextmanager
from pathlib import Path

import pytest

import ocf
from observer.resp import Connection, Refused, fields

REDIS = "/usr/bin/redis-server"
SLOW_LOADING = ("key-load-delay 10000", "loading-process-events-interval-bytes 1024")


# No cluster runs under these tests: what the agent tells the attribute manager is written down, and
# nothing is known of what it asks, unless a test says what the answer is.
RECORDER = """#!/bin/sh
case " $* " in
*" --query "*)
    cat '{record}.answer' 2>/dev/null && exit
    [ ! -e '{record}.fault' ] || exit "$(cat '{record}.fault')"
    exit 105
    ;;
esac
printf '%s\\n' "$*" >>'{record}'
"""


def cluster_around(folder, record):
    """What makes an action believe that it runs on node n1 of a cluster: its environment."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("attrd_updater", "crm_attribute"):
        (tools / name).write_text(RECORDER.format(record=record))
        (tools / name).chmod(0o755)
    return {"PATH": f"{tools}:/usr/sbin:/usr/bin:/sbin:/bin", "OCF_RESKEY_CRM_meta_on_node": "n1"}


def attribute_values(record, name):
    """What was written, in order; "" where it was deleted."""
    lines = record.read_text().splitlines() if record.exists() else []
    told = (line.split()[1] for line in lines if line.split()[0] == f"--name={name}")
    return ["" if word == "--delete" else word.removeprefix("--update=") for word in told]


class Redis:
    """One resource. `conf` holds lines that come after, and so go before, those of write()."""

    def __init__(self, agent, folder, port, conf, env, params):
        self.folder, self.port, self.env = folder, port, dict(env)
        folder.mkdir()
        user = pwd.getpwnam("redis")
        os.chown(folder, user.pw_uid, user.pw_gid)
        self.conf = list(conf)
        self.config = folder / "redis.conf"
        self.write()
        self.agent = agent("redis", **{"config": self.config, "user": "redis", **params})
        self.attributes_file = folder / "attributes"

    def write(self):
        self.config.write_text("\n".join([
            "bind 127.0.0.1", f"port {self.port}", f"dir {self.folder}", 'save ""', "protected-mode no",
            "shutdown-timeout 0", "repl-diskless-sync-delay 0", f"logfile {self.folder}/log", *self.conf]) + "\n")
        self.config.chmod(0o644)

    def __call__(self, action, **options):
        return self.agent(action, extra={**self.env, **dict(options.pop("extra", {}))}, **options)

    def must(self, action, code=ocf.SUCCESS, **options):
        return self.agent.must(action, code, extra={**self.env, **dict(options.pop("extra", {}))}, **options)

    def monitor(self, code=ocf.SUCCESS, **options):
        """A recurring one."""
        return self.must("monitor", code, **{"interval": 10000, **options})

    def probe(self, code, **options):
        return self.must("monitor", code, interval=0, **options)

    @property
    def pid(self):
        return self.agent.recorded_pid()

    @contextmanager
    def client(self, password=None, within=5):
        connection = Connection(("127.0.0.1", self.port), password, within, within)
        try:
            yield connection
        finally:
            connection.close()

    def call(self, *words, password=None):
        with self.client(password) as client:
            return client.call(*words)

    def info(self, password=None):
        return fields(self.call("INFO", password=password))

    @property
    def role(self):
        return self.info()["role"]

    def is_open(self):
        with socket.socket() as trial:
            trial.settimeout(1)
            return trial.connect_ex(("127.0.0.1", self.port)) == 0

    def hand_started(self, spawn, *words, binary=REDIS):
        """The server as another hand starts it."""
        return spawn(binary, self.config, *words, cwd="/")

    # ---- in a cluster ----

    def peers(self, *others):
        """Tells the agent of servers on nodes n2, n3...: other resources, or (HOST, PORT)."""
        lines = []
        for number, other in enumerate(others, 2):
            host, port = other if isinstance(other, tuple) else ("127.0.0.1", other.port)
            lines.append(f"n{number} {host} {port}\n")
        self.agent.run_dir.mkdir(parents=True, exist_ok=True)
        (self.agent.run_dir / "peers").write_text("".join(lines))

    def attribute(self, name):
        """What was written last: its value, "" where it was deleted, None where nothing was written."""
        values = attribute_values(self.attributes_file, name)
        return values[-1] if values else None

    def answer_of_attributes(self, value):
        """Whichever attribute is asked for."""
        Path(f"{self.attributes_file}.answer").write_text(f"{value}\n")

    def fault_of_attributes(self, code):
        """They cannot be asked for: the tools end with that exit code; None: they can again."""
        path = Path(f"{self.attributes_file}.fault")
        path.unlink(missing_ok=True)
        if code is not None:
            path.write_text(f"{code}\n")

    @property
    def score(self):
        value = self.attribute(f"master-{self.agent.instance}")
        return int(value) if value and value.lstrip("-").isdigit() else value

    @property
    def status(self):
        return self.attribute(f"{self.agent.instance}-status")


@pytest.fixture
def redis(folder, agent, port):
    """redis(*CONF, **PARAMS): a resource by hand, without a cluster. Its folder goes after its server."""
    def make(*conf, env=(), at=None, **params):
        number = at or port()
        return Redis(agent, folder / str(number), number, conf, env, params)
    return make


@pytest.fixture
def node(redis, folder):
    """node(*CONF, **PARAMS): an instance of a promotable clone on a node of its own."""
    def make(*conf, clone=True, **params):
        made = redis(*conf, **{"address": "127.0.0.1", **params})
        made.env = cluster_around(made.folder, made.attributes_file)
        if clone:
            made.env.update(OCF_RESKEY_CRM_meta_clone="0", OCF_RESKEY_CRM_meta_promoted_max="1")
        return made
    return make


@pytest.fixture
def pair(node, until):
    """A primary and its linked replica, instances of a promotable clone, made so as redis-watch would."""
    def make(*conf, password=None, **params):
        one, two = node(*conf, **params), node(*conf, **params)
        for each in (one, two):
            each.must("start")
        one.call("REPLICAOF", "NO", "ONE", password=password)
        one.monitor(ocf.RUNNING_PROMOTED)
        two.call("REPLICAOF", "127.0.0.1", one.port, password=password)
        until(lambda: two.info(password)["master_link_status"] == "up", "the replica is linked")
        return one, two
    return make


@pytest.fixture
def busy(spawn, until):
    """busy(REDIS): keeps a server in a script; gives back a function that ends it."""
    def keep(server):
        server.call("CONFIG", "SET", "busy-reply-threshold", "50")
        spawn("redis-cli", "-p", server.port, "EVAL", "while true do end", 0)
        until(lambda: is_busy(server), "the server is in a script")
        return lambda: server.call("SCRIPT", "KILL")
    return keep


@pytest.fixture
def full():
    """full(REDIS): takes all connections of a server; gives back a function that frees some."""
    holders = []

    def take(server):
        holder = Connection(("127.0.0.1", server.port), None, 5, 5)
        holders.append(holder)
        holder.call("CONFIG", "SET", "maxclients", "1")
        return lambda: holder.call("CONFIG", "SET", "maxclients", "100")
    yield take
    for holder in holders:
        holder.close()


@pytest.fixture
def slow_data(folder, spawn, until, port):
    """slow_data(): an RDB file that a server with SLOW_LOADING loads for some 20 s."""
    def make():
        number = port()
        home = folder / f"data-{number}"
        home.mkdir()
        server = spawn(REDIS, "--port", number, "--dir", home, "--save", "", "--rdbcompression", "no")
        address = ("127.0.0.1", number)

        def client():
            try:
                return Connection(address, None, 5, 30)
            except OSError:
                return None
        connection = until(client, "the server takes connections")
        connection.call("EVAL", "for i = 1, 2000 do redis.call('SET', 'key' .. i, ('x'):rep(100)) end", 0)
        connection.call("SAVE")
        connection.close()
        server.kill()
        server.wait()
        return home / "dump.rdb"
    return make


def give(path, redis):
    """Copies a data file into a server's folder."""
    to = redis.folder / "dump.rdb"
    shutil.copy(path, to)
    user = pwd.getpwnam("redis")
    os.chown(to, user.pw_uid, user.pw_gid)


def freeze(until, pid):
    os.kill(pid, signal.SIGSTOP)
    until(lambda: ocf.status(pid).get("State", "Z")[0] == "T", "the process stands still")


def kill(until, pid):
    os.kill(pid, signal.SIGKILL)
    until(lambda: not ocf.is_alive(pid), "the process is gone")


def is_busy(redis):
    try:
        redis.call("GET", "x")
    except Refused as error:
        return "BUSY" in str(error)
    return False


def command_lines():
    """The command lines of all processes, as any user can read them."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            pass
