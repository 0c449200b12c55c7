# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks each Redis directly, as fast as it changes, for its role, and tries to write to it.

What a server says of its role is for the timeline.  Whether two servers take writes at once is
found out by writing: a server that acknowledged a write before and after another one acknowledged
one, and refused none in between, was a second primary.
"""

import threading
import time

from .resp import Connection, Refused, fields

EVERY = 0.02
ANSWER_WITHIN = 0.5


class Judge:
    """Who took writes when.  Times are those of sending and of the answer, so nothing is guessed."""

    def __init__(self, tell):
        self.tell = tell
        self.overlaps = {}       # (first, second) in order of names -> [from, to, writes]
        self._since = {}         # server -> when the first write of its present run was answered
        self._suspects = {}      # server -> {other: answer time of a write the other took meanwhile}
        self._lock = threading.Lock()

    def took(self, server, sent, answered):
        """`server` took a write at some time between `sent` and `answered`."""
        with self._lock:
            for other, when in self._suspects.pop(server, {}).items():
                if when <= sent:
                    self._overlap(server, other, when, sent)
                else:
                    self._suspects.setdefault(server, {})[other] = when
            for other, since in self._since.items():
                if other != server and since <= sent:
                    self._suspects.setdefault(other, {}).setdefault(server, answered)
            self._since.setdefault(server, answered)

    def refused(self, server):
        """It took none, or is not there: its run of writes is over."""
        with self._lock:
            self._since.pop(server, None)
            self._suspects.pop(server, None)

    def _overlap(self, server, other, start, end):
        pair = tuple(sorted((server, other)))
        if pair not in self.overlaps:
            self.overlaps[pair] = [start, end, 0]
            self.tell(event="two-at-once", servers=pair, t=end)
        self.overlaps[pair][1] = end
        self.overlaps[pair][2] += 1

    def report(self):
        with self._lock:
            return [{"servers": pair, "from": start, "to": end, "writes": writes}
                    for pair, (start, end, writes) in self.overlaps.items()]


class Poller(threading.Thread):
    """One server."""

    def __init__(self, server, address, password, judge, tell):
        super().__init__(name=server, daemon=True)
        self.address, self.password, self.judge, self.tell = address, password, judge, tell
        self.state = None
        self._ending = threading.Event()
        self._connection = None
        self._count = 0

    def run(self):
        while not self._ending.is_set():
            start = time.monotonic()
            self._show(*self._ask())
            self._ending.wait(max(0.0, EVERY - (time.monotonic() - start)))

    def stop(self):
        self._ending.set()
        self.join(10)

    def _ask(self):
        """The server's state in one word, and its offset (None where it told none)."""
        try:
            if self._connection is None:
                self._connection = Connection(self.address, self.password, ANSWER_WITHIN, ANSWER_WITHIN)
            info = fields(self._connection.call("INFO", "replication"))
            self._try_write()
        except Refused as failure:
            self.judge.refused(self.name)
            return str(failure).split(" ")[0].lower(), None
        except OSError as failure:
            self._lost()
            return ("hangs" if isinstance(failure, TimeoutError) else "down"), None
        if info.get("role") == "master":
            return "primary", info.get("master_repl_offset")
        linked = info.get("master_link_status") == "up"
        return ("replica" if linked else "unlinked"), info.get("slave_repl_offset")

    def _try_write(self):
        self._count += 1
        sent = time.monotonic()
        try:
            self._connection.call("SET", f"observer:probe:{self.name}", self._count)
        except Refused:
            self.judge.refused(self.name)
        else:
            self.judge.took(self.name, sent, time.monotonic())

    def _lost(self):
        """A write without an answer may have been taken or not: it proves nothing, either way."""
        self.judge.refused(self.name)
        if self._connection:
            self._connection.close()
            self._connection = None

    def _show(self, state, offset):
        if state != self.state:
            self.state = state
            self.tell(event="server", server=self.name, t=time.monotonic(), state=state, offset=offset)
