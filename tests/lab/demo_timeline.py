# SPDX-License-Identifier: GPL-2.0-or-later
"""The timeline of a failover: the observer's events, and from Pacemaker's log when it noticed.

Each moment is a time on the monotonic clock, a node or "", and what happened, in words.
"""

import re
import time
from datetime import datetime

NOTICED = re.compile(r"(\w{3} [ \d]\d [\d:.]+) \S+ pacemaker-controld.*"
                     r"Result of monitor operation for redis on (\S+): (?!ok|promoted|Promoted|master$)")


class Timeline:
    """Moments after a primary was killed, each told once, by news()."""

    def __init__(self, observer, old, log):
        self.observer, self.old, self.log = observer, old, log
        self.killed = None           # when the observer found the server gone
        self.promoted = None         # (node, when)
        self._from = log.stat().st_size
        self._seen = len(observer.events)
        self._writing, self._noticed = set(), False
        self._last = time.monotonic()

    def news(self, quiet):
        """(ms after the kill, node, text) of what is known since the last call.

        After `quiet` seconds without any, that is news as well.
        """
        events = self.observer.events[self._seen:]
        self._seen += len(events)
        moments = [moment for event in events for moment in self._of(event)]
        if self.killed and not self._noticed:
            moments += self._from_log()
        if moments:
            self._last = time.monotonic()
        elif self.killed and time.monotonic() - self._last > quiet:
            self._last = time.monotonic()
            states = ", ".join(f"{node} {state}" for node, state in sorted(self.observer.state.items()))
            moments = [(self._last, "", f"still waiting; the servers: {states}")]
        return [((t - self.killed) * 1000, node, text) for t, node, text in sorted(moments)]

    def _of(self, event):
        if event["event"] == "server":
            return self._of_server(event["server"], event["state"], event["t"])
        if event["event"] == "writes" and self.killed:
            return self._of_writes(event)
        if event["event"] == "two-at-once":
            return [(event["t"], "", f"{' and '.join(event['servers'])} both take writes")]
        return []

    def _of_server(self, node, state, when):
        if self.killed is None:
            if node != self.old or state not in ("down", "hangs"):
                return []
            self.killed = when
            return [(when, node, "redis-server killed with -9")]
        if state == "primary":
            self.promoted = self.promoted or (node, when)
            return [(when, node, "promoted")]
        if state == "replica" and self.promoted:
            return [(when, node, f"follows {self.promoted[0]}" if node != self.old
                     else f"back, as a replica of {self.promoted[0]}")]
        return []

    def _of_writes(self, event):
        if not event["up"] or event["writer"] in self._writing:
            return []
        self._writing.add(event["writer"])
        said = {"plain": "first write acknowledged", "confirmed": "first write confirmed by a replica"}
        return [(event["t"], "", said[event["writer"]])]

    def _from_log(self):
        """When the monitor's result reached the controller of the node."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            log.seek(self._from)
            for line in log:
                found = NOTICED.match(line)
                if found and found[2] == self.old:
                    self._noticed = True
                    return [(_monotonic(found[1]), self.old, "Pacemaker's monitor notices")]
        return []


def _monotonic(stamp):
    """A log's time of day, which has no year, as a time of the monotonic clock."""
    now = datetime.now()
    then = datetime.strptime(f"{now.year} {stamp}", "%Y %b %d %H:%M:%S.%f")
    return time.monotonic() - (now - then).total_seconds()
