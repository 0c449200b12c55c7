# SPDX-License-Identifier: GPL-2.0-or-later
"""What a soak keeps book of: which server each Sentinel-aware client wrote to, when each Sentinel named the new
primary, how soon the attributes were what the Sentinels said.  All times are seconds since 1970.
"""

import json
import re
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
LOOK_EVERY = 0.1
QUIET = 1.0  # s; attributes that agree are looked at twice in it
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
    """What each Sentinel says beside the attributes of its node as that node's own attribute manager has them."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.said, self.since = {}, {}  # node -> its Sentinel's answers, and when they last changed
        self.agreed = {}  # node -> when its attributes became what they have been since: those answers
        self.differed = {}  # node -> the last look where they were not, in words
        self._settled_at = 0.0
        self.lags, self.late = {}, []  # kind of event -> s; those over a second in words
        self._lock, self._ending = threading.Lock(), threading.Event()
        self._process = cluster.lab.client.popen(
            [TESTS / "observer" / "watch_sentinels", "mymaster",
             *(f"{node.name}={node.address}:{SENTINEL}" for node in cluster.lab.nodes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._threads = [threading.Thread(target=self._hear, daemon=True),
                         *(threading.Thread(target=self._look, args=(node,), daemon=True) for node in cluster.lab.nodes)]
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
                self.agreed.pop(told["node"], None)
                self.differed[told["node"]] = f"Sentinel says {told['said']}, no look at the attributes yet"

    def _look(self, node):
        looked = 0.0
        while not self._ending.wait(LOOK_EVERY):
            if node.name in self.agreed and time.time() - looked < QUIET / 2:
                continue
            looked, since = time.time(), self.since.get(node.name)
            shown = _shown(node)
            with self._lock:
                if since and self.since[node.name] == since:  # it did not change meanwhile
                    self._judge(node.name, shown, self.said[node.name])

    def _judge(self, name, shown, said):
        if shown == said if said else shown["status"] == "unreachable":
            self.agreed.setdefault(name, time.time())
        else:
            self.agreed.pop(name, None)
            self.differed[name] = f"at {time.time():.3f} Sentinel says {said}, the attributes {shown}"

    def settled(self, kind=None):
        """All Sentinels are quiet, and what they said is in the attributes and stays there; LabError: where not.
        That ends an event of this kind."""
        with self._lock:
            for node in self.cluster.lab.nodes:
                if node.name not in self.agreed:
                    raise LabError(f"{node.name}: {self.differed.get(node.name, 'its Sentinel was not asked yet')}")
            if time.time() - max(self.agreed.values()) <= QUIET:
                return False
            if kind:
                self._note(kind)
            self._settled_at = time.time()
            return True

    def _note(self, kind):
        """How long each node took from quiet to agreement, of those where something changed."""
        for name, agreed in self.agreed.items():
            quiet = max(self.since[name], self._settled_at)
            if agreed < quiet:
                continue
            self.lags.setdefault(kind, []).append(agreed - quiet)
            if agreed - quiet > 1.0:
                self.late.append(f"{kind} {name}: quiet from {quiet:.3f}, agreed at {agreed:.3f}; before that "
                                 f"{self.differed[name]}")

    def summary(self):
        yield (f"from a Sentinel's last change in an event to attributes that say it, on its node: "
               f"{_in_words_over_1s([lag for lags in self.lags.values() for lag in lags])}")
        yield from (f"  {kind}: {_in_words_over_1s(lags)}" for kind, lags in sorted(self.lags.items()))
        yield from (f"  {each}" for each in self.late)


def _shown(node):
    """A node's attributes as its own attribute manager has them: the CIB gets them later, on a node cut off never."""
    try:
        told = node.run("for what in status master sentinels; do "
                        f"attrd_updater -Q -n sentinel-$what -N {node.name}; done", check=False, timeout=5).stdout
    except LabError:  # it is switched off
        told = ""
    found = dict(re.findall(r'^name="sentinel-(\w+)".* value="(.+)"$', told, re.M))
    return {what: found.get(what) for what in ("status", "master", "sentinels")}


def _in_words_over_1s(lags):
    return f"{in_words(lags)}; more than 1 s: {sum(lag > 1.0 for lag in lags)}"


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
