# SPDX-License-Identifier: GPL-2.0-or-later
"""A client that writes through the floating address and keeps book of what it was told.

Every write has a key of its own, so that each of them can be looked for later.  With `confirm`, a
WAIT 1 follows each write: such a write counts as confirmed when at least one replica has it.
"""

import threading
import time

from .resp import Connection, Refused

PACE = 0.005          # between two writes that succeed
RETRY = 0.02          # after one that failed
WAIT_MS = 500         # how long a replica may take to confirm
BATCH = 500


class Writer(threading.Thread):
    """Writes until stop(); counts are read from other threads at any time."""

    def __init__(self, name, address, password, confirm, tell, run):
        super().__init__(name=name, daemon=True)
        self.address, self.password, self.confirm, self.tell = address, password, confirm, tell
        self.prefix = f"observer:{run}:{name}:"
        self.attempts = 0
        self.told_ok = []        # numbers of writes that were acknowledged
        self.confirmed = []      # of these, the ones that a replica confirmed as well
        self.last_ok = None      # when the last one counted
        self.times = []          # when each of those that counted did
        self._ending = threading.Event()
        self._connection = None
        self._trouble = False

    def run(self):
        while not self._ending.is_set():
            self.attempts += 1
            try:
                self._write(self.attempts)
                self._ending.wait(PACE)
            except (OSError, Refused) as failure:
                self._failed(failure)
                self._ending.wait(RETRY)
        self._drop()

    def stop(self):
        self._ending.set()
        self.join(10)

    def _write(self, number):
        if self._connection is None:
            self._connection = Connection(self.address, self.password)
        self._connection.call("SET", f"{self.prefix}{number}", number)
        self.told_ok.append(number)
        if self.confirm:
            if self._connection.call("WAIT", 1, WAIT_MS) < 1:
                raise Refused("WAIT 1 was answered 0: no replica confirmed the write")
            self.confirmed.append(number)
        self._succeeded()

    def _succeeded(self):
        now = time.monotonic()
        if self._trouble or self.last_ok is None:
            self.tell(event="writes", writer=self.name, t=now, up=True,
                      gap=now - self.last_ok if self.last_ok else 0.0)
        self.last_ok, self._trouble = now, False
        self.times.append(now)

    def _failed(self, failure):
        self._drop()
        if not self._trouble:
            self._trouble = True
            self.tell(event="writes", writer=self.name, t=time.monotonic(), up=False,
                      why=str(failure) or type(failure).__name__)

    def _drop(self):
        if self._connection:
            self._connection.close()
            self._connection = None

    def report(self):
        return {"attempts": self.attempts, "acknowledged": len(self.told_ok),
                "confirmed": len(self.confirmed), "last_ok": self.last_ok}

    def missing(self, deadline):
        """Numbers of acknowledged writes that are not there any more, read through the same address.

        OSError or Refused when they could not be read before `deadline` (monotonic).
        """
        gone, todo = [], list(self.told_ok)
        while todo:
            batch = todo[:BATCH]
            try:
                values = self._read(batch)
            except (OSError, Refused):
                self._drop()
                if time.monotonic() >= deadline:
                    raise
                time.sleep(RETRY)
                continue
            gone += [n for n, value in zip(batch, values) if value != str(n)]
            del todo[:BATCH]
        self._drop()
        return gone

    def _read(self, numbers):
        if self._connection is None:
            self._connection = Connection(self.address, self.password, answer_within=5.0)
        return self._connection.call("MGET", *(f"{self.prefix}{n}" for n in numbers))
