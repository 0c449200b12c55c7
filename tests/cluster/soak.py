# SPDX-License-Identifier: GPL-2.0-or-later
"""What a soak keeps book of: which server each Sentinel-aware client wrote to, when each Sentinel named the new
primary, when the attributes were what the Sentinels said.  All times are seconds since 1970.
"""

import json
import statistics
import subprocess
import threading
import time
from pathlib import Path

from lab import LabError

from .example import REDIS, SENTINEL

TESTS = Path(__file__).resolve().parents[1]
WATCH_LOG = "/run/redis-ha/redis/redis/watch.log"
FEED_LOG = "/run/redis-ha/sentinel/sentinel/feed.log"
SENTINEL_LOG = "/var/lib/redis-ha/sentinel/sentinel/sentinel.log"
# What a Sentinel does that promotes a server, or turns one around.
FOUGHT = ("+convert-to-slave", "+fix-slave-config", "+selected-slave", "+failover-state-send-slaveof-noone",
          "+promoted-slave")
LOOK_EVERY = 0.2
AHEAD = 0.02  # a line of a log is written after what it tells; a kernel's clock and two programs


def lines(cluster, path, *words):
    """The lines of that log with one of these words, of the nodes that are on, by node."""
    patterns = [part for word in words for part in ("-e", word)]
    return {node.name: node.run(["grep", "-hF", *patterns, "--", path], check=False).stdout.splitlines()
            for node in cluster.lab.nodes_on()}


def in_words(seconds):
    """A figure of a summary: how many, median and worst in ms."""
    if not seconds:
        return "none"
    return (f"{len(seconds)}, median {statistics.median(seconds) * 1000:.0f} ms, "
            f"worst {max(seconds) * 1000:.0f} ms")


class Client:
    """One of tests/clients at work; it is started once."""

    def __init__(self, cluster, program, folder):
        self.name, self.path = program, Path(folder) / program
        sentinels = [f"{node.address}:{SENTINEL}" for node in cluster.lab.nodes]
        with open(self.path, "w") as out:
            self.process = cluster.lab.client.popen(
                [TESTS / "clients" / program, "mymaster", cluster.example.password_file, *sentinels],
                stdin=subprocess.DEVNULL, stdout=out)
        self.writes, self.failures, self._read = [], [], 0

    def end(self):
        self.process.kill()
        self.process.wait()

    def look(self):
        """Takes in what it has told since: (sent, answered, server), and failures with why."""
        with open(self.path) as told:
            told.seek(self._read)
            for line in iter(told.readline, ""):
                if not line.endswith("\n"):
                    break
                self._read += len(line.encode())
                sent, answered, what = line.rstrip("\n").split(" ", 2)
                into = self.failures if what.startswith("-") else self.writes
                into.append((float(sent), float(answered), what))
        return self

    def has_written(self, server, since):
        """Whether a write that it sent after that moment was taken by that server."""
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} has ended: exit {self.process.returncode}")
        return any(sent >= since and where == server for sent, _, where in reversed(self.look().writes[-500:]))

    def first_after(self, server, moment):
        return next((answered for _, answered, where in self.writes if where == server and answered >= moment), None)


class Agreement:
    """What the Sentinels say beside the attributes of their nodes, looked at all the time."""

    def __init__(self, cluster):
        self.cluster, self.said, self.since = cluster, {}, {}
        self.lags, self.late = [], []  # s from a Sentinel's change to attributes that say it; late ones in words
        self._open = {}  # node -> since when its attributes have to say something else
        self._lock, self._ending = threading.Lock(), threading.Event()
        self._process = cluster.lab.client.popen(
            [TESTS / "observer" / "watch_sentinels", "mymaster",
             *(f"{node.name}={node.address}:{SENTINEL}" for node in cluster.lab.nodes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._hear, self._look)]
        for thread in self._threads:
            thread.start()

    def end(self):
        self._ending.set()
        self._process.stdin.close()
        self._process.wait(10)
        for thread in self._threads:
            thread.join(30)
        self._process.stdout.close()

    def _hear(self):
        for line in self._process.stdout:
            told = json.loads(line)
            with self._lock:
                self.said[told["node"]], self.since[told["node"]] = told["said"], told["t"]
                self._open[told["node"]] = told["t"]

    def _look(self):
        while not self._ending.wait(LOOK_EVERY):
            with self._lock:
                said, since = dict(self.said), dict(self.since)
            looked = time.time()
            try:
                view = self.cluster.view()
            except LabError:
                continue
            self._compare(view, looked, said, since)

    def _compare(self, view, looked, said, since):
        online = {node.get("name") for node in view.iterfind("nodes/node") if node.get("online") == "true"}
        fed = set(self.cluster.roles("sentinel-clone", view))
        for node in view.iterfind("node_attributes/node"):
            name = node.get("name")
            shown = {what: next((found.get("value") for found in node.iterfind(f"attribute[@name='sentinel-{what}']")), None)
                     for what in ("status", "master", "sentinels")}
            with self._lock:
                if self.since.get(name) != since.get(name):
                    continue  # it changed meanwhile
                if name not in online & fed:
                    self._open[name] = time.time()  # it counts from when the node is back
                elif name in self._open:
                    self._judge(name, looked, said[name], shown)

    def _judge(self, name, looked, said, shown):
        agrees = shown == said if said else shown["status"] == "unreachable"
        if agrees:
            self.lags.append(max(0.0, time.time() - self._open.pop(name)))
        elif looked - self._open[name] > 1.0:
            self.late.append(f"{looked:.3f} {name}: {looked - self._open[name]:.2f} s after its change Sentinel "
                             f"says {said}, the attributes {shown}")

    def stands(self):
        """All that the Sentinels said is in the attributes."""
        with self._lock:
            return not self._open and len(self.said) == len(self.cluster.lab.nodes)


class Book:
    """What the logs say of promotions and of Sentinels, gathered while their nodes are on."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.begun = time.time()
        self.promotions, self.named, self.fought = set(), set(), set()
        self.unreachable = []  # (node, from, to): a Sentinel that could not be told

    def gather(self):
        year = time.strftime("%Y")
        for name, told in lines(self.cluster, WATCH_LOG, "promoted: this server").items():
            for line in told:
                self._note(self.promotions, _moment(f"{year} {line[:19]}", "%Y %b %d %H:%M:%S"),
                           f"{self.cluster.host_of(name)}:{REDIS}")
        for name, told in lines(self.cluster, SENTINEL_LOG, "+switch-master", *FOUGHT).items():
            for line in told:
                words = line.split()
                moment = _moment(" ".join(words[1:5]), "%d %b %Y %H:%M:%S")
                if words[6] == "+switch-master":
                    self._note(self.named, moment, name, f"{words[-2]}:{words[-1]}")
                else:
                    self._note(self.fought, moment, name, line)

    def _note(self, book, moment, *what):
        if moment >= self.begun:
            book.add((moment, *what))

    def reigns(self):
        """(server, from, to) of each promotion within the soak, in order."""
        ordered = sorted(self.promotions)
        ends = [moment for moment, _ in ordered[1:]] + [float("inf")]
        return [(server, moment, end) for (moment, server), end in zip(ordered, ends)]

    def stale(self, client, first):
        """Writes that a server acknowledged which Pacemaker had not promoted; `first` led when it all began."""
        reigns, found, at = [(first, 0.0, self.reigns()[0][1] if self.promotions else float("inf")), *self.reigns()], [], 0
        for sent, answered, server in client.writes:
            while reigns[at][2] < sent:
                at += 1
            if not any(server == who and start - AHEAD <= answered and end >= sent for who, start, end in reigns[max(0, at - 1):at + 3]):
                found.append((sent, answered, server))
        return found

    def followed(self, client):
        """How long after each promotion a write of that client was taken there: seconds."""
        firsts = [(client.first_after(server, start - AHEAD), start, end) for server, start, end in self.reigns()]
        return [max(0.0, first - start) for first, start, end in firsts if first and first < end]

    def namings(self):
        """How long after each promotion each Sentinel that could be reached named that server: seconds, and the
        promotions of which one never spoke."""
        took, silent = [], []
        for server, start, end in self.reigns():
            for node in self.cluster.lab.nodes:
                if any(name == node.name and since <= min(end, start + 1) and start <= to
                       for name, since, to in self.unreachable):
                    continue
                told = [moment for moment, name, what in self.named
                        if name == node.name and what == server and start - AHEAD <= moment < end]
                if told:
                    took.append(max(0.0, min(told) - start))
                else:
                    silent.append(f"{node.name} of {server} at {start:.3f}")
        return took, silent


def _moment(text, form):
    seconds, _, milliseconds = text.partition(".")
    return time.mktime(time.strptime(seconds, form)) + int(milliseconds) / 1000
