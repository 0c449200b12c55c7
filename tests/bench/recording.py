# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of a scenario as clients saw it: two writers at work, a fault, and what it cost them."""

import os
import time
from contextlib import contextmanager

from lab import LabTimeout
from observer import ObserverError

WARM_UP = 5.0            # seconds of writes before the fault
BACK_WITHIN = 120.0      # for writes to come back; then the bench itself brings the system back
SETTLED_WITHIN = 60.0    # for all that runs to be well again
GO_ON = 2.0              # seconds of writes after that
STEP = 0.1               # of the curve of writes
SILENT = 2.0             # a writer without a write for so long at the end had not come back
WRITERS = ("plain", "confirmed")


class Recording:
    """Ask for `result` when the scenario is over."""

    def __init__(self, system, observer):
        self.system, self.observer = system, observer
        self.begun = self.over = None    # the fault's begin, and when it was in force
        self.load = os.getloadavg()[0]
        self.back, self.moved = True, True
        self.result = None

    def warm_up(self):
        self.observer.wait_writes_after(time.monotonic(), 30)
        self.go_on(WARM_UP)

    def fault(self, action):
        self.begun = time.monotonic()
        action()
        self.over = time.monotonic()

    def until_back(self):
        """Until both writers have had a write since the fault was in force."""
        try:
            self.system.lab.wait(lambda: self.observer.has_written_after(self.over), BACK_WITHIN,
                                 "writes come back")
        except LabTimeout:
            self.back = False

    def until_moved(self, old):
        """Until another one is the primary."""
        self.moved = self._wait(lambda: self.system.primary() not in (None, old), "the role moves")

    def until_settled(self):
        """Until the servers that run are well; if not, it shows in what is lost and whether writes come back."""
        self._wait(lambda: self.system.trouble() is None, "all is well")
        self.go_on(GO_ON)

    def _wait(self, condition, why):
        try:
            return self.system.lab.wait(condition, SETTLED_WITHIN, f"{self.system.title}: {why}", every=0.3)
        except LabTimeout:
            return False

    def until(self, seconds):
        """Until so many seconds have passed since the fault."""
        self.go_on(max(0.0, self.begun + seconds - time.monotonic()))

    @staticmethod
    def go_on(seconds):
        """The writers work on."""
        time.sleep(seconds)

    def finish(self):
        end = time.monotonic()
        if not self.back:
            self.system.restore()
        try:
            verdict = self.observer.finish()
        except ObserverError as failure:
            self.result = {"error": str(failure)}
        else:
            self.result = self._result(verdict, end)
        if not self.moved:
            self.result = {"error": f"the role did not move within {SETTLED_WITHIN:g} s"}

    def _result(self, verdict, end):
        lost_plain = sum(name.startswith("plain ") for name in verdict.lost_acknowledged)
        lost = {"plain": lost_plain, "confirmed": len(verdict.lost_confirmed)}
        outage = {name: round(longest_gap(verdict.times[name], self.begun, end), 3) for name in WRITERS}
        back = {name: self.back and verdict.times[name][-1] > end - SILENT for name in WRITERS}
        return {"outage_s": outage, "came_back": back, "lost": lost,
                "acknowledged": {name: len(verdict.times[name]) for name in WRITERS},
                "two_primaries_s": round(sum(o["to"] - o["from"] for o in verdict.two_at_once), 3),
                "load": round(self.load, 2),
                "curve": curve(verdict.times["plain"], self.begun, end)}


@contextmanager
def recorded(system, write_to=None):
    """Two writers, warmed up; at the end every acknowledged write is looked for."""
    with system.seed.observer(write_to) as observer:
        record = Recording(system, observer)
        record.warm_up()
        yield record
        record.finish()


def longest_gap(times, begun, end):
    """The longest time without a write, from the last one before `begun` to `end`."""
    before = [t for t in times if t <= begun]
    moments = [*before[-1:], *(t for t in times if begun < t <= end), end]
    return max(later - earlier for earlier, later in zip(moments, moments[1:]))


def curve(times, begun, end):
    """Writes a second in steps: {"from": s after the fault, "step": s, "rate": [...]}."""
    start = -int(WARM_UP / STEP)
    count = [0] * (int((end - begun) / STEP) - start)
    for t in times:
        place = int((t - begun) // STEP) - start
        if 0 <= place < len(count):
            count[place] += 1
    return {"from": start * STEP, "step": STEP, "rate": [round(n / STEP) for n in count]}
