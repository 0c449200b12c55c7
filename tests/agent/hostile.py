# SPDX-License-Identifier: GPL-2.0-or-later
"""A server at a Sentinel's port that answers whatever it likes: what a Sentinel said once (the corpus of
tests/fuzz), cut off, spliced, with bytes changed and words that lie about their length."""

import random
import socket
import socketserver
import threading
from contextlib import suppress
from pathlib import Path

CORPUS = Path(__file__).resolve().parents[1] / "fuzz/corpus/sentinel-feed"
WORDS = (b"*2147483647\r\n", b"*-2\r\n", b"*0\r\n", b"*-1\r\n", b"$2147483647\r\n", b"$-1\r\n", b"$-2\r\n",
         b":9223372036854775807\r\n", b":99999999999999999999\r\n", b"+\r\n", b"-\r\n", b"\r\n", b"\0", b"%1\r\n",
         b">2\r\n", b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", b"*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n",
         b"*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$-1\r\n$-1\r\n", b"-ERR unknown command, with args beginning with: `x`\r\n")
SUBSCRIBED = b"*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:1\r\n"
EVENT = b"*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$6\r\n+sdown\r\n$1\r\nx\r\n"
ENDS_AFTER = 20  # answers, at most


class Hostile(socketserver.ThreadingTCPServer):
    """Counts its conversations; `enough` is set when there were so many."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 128

    def __init__(self, port, conversations, seed):
        super().__init__(("127.0.0.1", port), Conversation)
        self.wanted, self.seed = conversations, seed
        self.conversations = self.answers = 0
        self.enough, self.lock = threading.Event(), threading.Lock()
        self.said = {path.name: path.read_bytes() for path in sorted(CORPUS.glob("*.resp"))}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def begun(self):
        """The number of a conversation."""
        with self.lock:
            self.conversations += 1
            if self.conversations >= self.wanted:
                self.enough.set()
            return self.conversations

    def end(self):
        self.shutdown()
        self.server_close()


class Conversation(socketserver.BaseRequestHandler):
    """Draws from the server's seed and its own number."""

    def handle(self):
        self.draw = random.Random(f"{self.server.seed} {self.server.begun()}")
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request.settimeout(0.3)  # a feed with nothing to do asks once a second
        with suppress(OSError):
            for _ in range(self.draw.randint(1, ENDS_AFTER)):
                asked = self.request.recv(4096)
                if not asked:
                    return
                for command in asked.split(b"\r\n*"):
                    self.answer(command.upper())

    def answer(self, command):
        self.server.answers += 1
        if b"PING" in command:
            return self.say(b"+PONG\r\n", 0.1)
        if b"PSUBSCRIBE" in command:
            return self.say(SUBSCRIBED + self.draw.randint(0, 3) * EVENT + self.server.said["events.resp"], 0.7)
        fitting = ("master.resp" if b"\r\nMASTER\r\n" in command else
                   "quorum.resp" if b"CKQUORUM" in command else
                   "sentinels.resp" if b"SENTINELS" in command else "info.resp")
        return self.say(self.server.said[fitting], 0.5)

    def say(self, proper, hostile):
        """With that chance it is not what it should be."""
        if self.draw.random() < hostile:
            for _ in range(self.draw.randint(1, 4)):
                proper = self.mutant(proper)
        self.request.sendall(proper)

    def mutant(self, text):
        at = self.draw.randint(0, len(text))
        other = self.draw.choice(list(self.server.said.values()))
        kind = self.draw.randrange(5)
        if kind == 0:
            return text[:at]
        if kind == 1:
            return text[:at] + bytes([self.draw.randrange(256)]) + text[at + 1:]
        if kind == 2:
            return text[:at] + self.draw.choice(WORDS) + text[at:]
        if kind == 3:
            return text + self.draw.choice((other, *WORDS))
        return text[:at] + other[self.draw.randint(0, len(other)):]
