# SPDX-License-Identifier: GPL-2.0-or-later
"""What the demo shows: aligned lines; a dot for each second that a step takes, on a terminal and in a
log alike.
"""

import threading
import time
from contextlib import contextmanager

WIDTH = 76
EVERY = 1.0


class Screen:
    """Lines on standard output."""

    @staticmethod
    def line(text=""):
        print(text, flush=True)

    def block(self, text):
        """Several lines of somebody else's, moved in."""
        for line in text.splitlines():
            self.line(f"    {line}".rstrip())

    @contextmanager
    def step(self, label, text):
        """One line; with dots while it lasts, and at its end the seconds it took."""
        head = f"  {label:<9} {text} "
        print(head, end="", flush=True)
        began, ended = time.monotonic(), threading.Event()
        dots = []
        runner = threading.Thread(target=self._dots, args=(WIDTH - len(head), ended, dots), daemon=True)
        runner.start()
        try:
            yield
        except BaseException:
            ended.set()
            runner.join()
            print(" not finished", flush=True)
            raise
        ended.set()
        runner.join()
        room = WIDTH - len(head) - len(dots)
        print(f"{'':{room}}{time.monotonic() - began:6.1f} s", flush=True)

    @staticmethod
    def _dots(room, ended, dots):
        while len(dots) < room and not ended.wait(EVERY):
            dots.append(".")
            print(".", end="", flush=True)
