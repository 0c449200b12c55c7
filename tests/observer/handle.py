# SPDX-License-Identifier: GPL-2.0-or-later
"""The near end of an observer: starts the program `observe`, collects its events, asks for reports."""

import json
import queue
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).with_name("observe")
ANSWER_WITHIN = 60.0     # finish reads everything back


class ObserverError(Exception):
    """The observer ended, did not answer, or did not see in time what was waited for."""


@dataclass
class Verdict:
    """What became of all that the writers were told."""

    acknowledged: int        # writes answered OK, of both writers
    confirmed: int           # of these, confirmed by WAIT 1
    lost_acknowledged: list  # numbers of plain or confirmed writes that are gone
    lost_confirmed: list     # of these, confirmed ones: there must be none
    two_at_once: list        # pairs of servers that took writes at the same time: there must be none
    times: dict              # writer -> when each write was acknowledged, or confirmed where it asks for that

    def longest_gap(self, writer, since=0.0, until=float("inf")):
        """Seconds: the longest time between two of its writes that were acknowledged in that span (monotonic s)."""
        times = [moment for moment in self.times[writer] if since <= moment <= until]
        return max((late - early for early, late in zip(times, times[1:])), default=0.0)


class Observer:
    """Two writers and a poller for each server, running in `client` (a member of a lab)."""

    def __init__(self, client, write_to, servers, password_file=None, read_back_within=15.0):
        self.argv = [str(PROGRAM), "--write", _text(write_to), f"--read-back-within={read_back_within}"]
        for name, where in servers.items():
            self.argv += ["--server", f"{name}={_text(where)}"]
        if password_file:
            self.argv += ["--password-file", str(password_file)]
        self.client = client
        self.events = []         # all events, in the order in which they were told
        self.state = {}          # server -> its last state
        self._reports = queue.Queue()
        self._changed = threading.Condition()
        self._process = self._reader = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.end()

    def start(self):
        self._process = self.client.popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                          stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def end(self):
        """Ends the program; harmless when it has ended."""
        if self._process is None:
            return
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._reader.join(5)
        self._process.stdout.close()
        self._process.stderr.close()
        self._process = None

    def _read(self):
        for line in self._process.stdout:
            event = json.loads(line)
            with self._changed:
                if event["event"] == "report":
                    self._reports.put(event)
                else:
                    self.events.append(event)
                    if event["event"] == "server":
                        self.state[event["server"]] = event["state"]
                self._changed.notify_all()
        self._reports.put(None)

    def _ask(self, word):
        try:
            self._process.stdin.write(word + "\n")
            self._process.stdin.flush()
            report = self._reports.get(timeout=ANSWER_WITHIN)
        except (BrokenPipeError, queue.Empty):
            report = None
        if report is None:
            raise ObserverError(f"the observer did not answer to '{word}': {self._last_words()}")
        return report

    def _last_words(self):
        if self._process.poll() is None:
            return "it still runs"
        return self._process.stderr.read().strip()[-500:] or f"exit {self._process.returncode}"

    def report(self):
        """Counts so far."""
        return self._ask("report")

    def has_written_after(self, moment):
        """Whether both writers have had a write acknowledged after that moment (monotonic s)."""
        writers = self.report()["writers"].values()
        return all(w["last_ok"] is not None and w["last_ok"] > moment for w in writers)

    def wait_writes_after(self, moment, within):
        """Until both writers have had a write acknowledged after `moment`."""
        deadline = time.monotonic() + within
        while not self.has_written_after(moment):
            if time.monotonic() >= deadline:
                raise ObserverError(f"no write was acknowledged within {within:g} s; servers: {self.state},"
                                    f" last events: {self.events[-5:]}")
            time.sleep(0.05)

    def states(self, server, since=0.0):
        """The states that a server was seen in, in order, changes after `since` only."""
        with self._changed:
            return [e["state"] for e in self.events
                    if e["event"] == "server" and e["server"] == server and e["t"] >= since]

    def wait_event(self, within, match):
        """The first event, past or to come, for which match(event) is true."""
        with self._changed:
            deadline = time.monotonic() + within
            seen = 0
            while True:
                for event in self.events[seen:]:
                    if match(event):
                        return event
                seen = len(self.events)
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise ObserverError(f"not seen within {within:g} s; servers: {self.state}")

    def finish(self):
        """Stops writing, looks for every acknowledged write and gives the verdict."""
        report = self._ask("finish")
        self.end()
        if report["unread"]:
            raise ObserverError(f"the writes could not be read back: {report['unread']}")
        writers, missing = report["writers"], report["missing"]
        return Verdict(
            acknowledged=sum(w["acknowledged"] for w in writers.values()),
            confirmed=sum(w["confirmed"] for w in writers.values()),
            lost_acknowledged=[f"{name} {n}" for name, m in missing.items() for n in m["acknowledged"]],
            lost_confirmed=[n for m in missing.values() for n in m["confirmed"]],
            two_at_once=report["two_at_once"],
            times=report["times"])


def _text(address):
    return f"{address[0]}:{address[1]}"
