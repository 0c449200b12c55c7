# SPDX-License-Identifier: GPL-2.0-or-later
"""A small Redis client of our own: a socket, a deadline on every answer, and no retry behind our back.

The observer must know of every attempt what became of it: acknowledged, refused, or lost.  A client
library that connects again by itself, or hands out another connection, would hide just that.
"""

import socket


class Refused(Exception):
    """The server answered with an error: READONLY, LOADING, NOAUTH and the like."""


class Connection:
    """One connection.  Anything but an answer raises OSError, and the connection is of no more use."""

    def __init__(self, address, password=None, connect_within=0.3, answer_within=1.0):
        self._socket = socket.create_connection(address, timeout=connect_within)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(answer_within)
        self._stream = self._socket.makefile("rb")
        if password:
            try:
                self.call("AUTH", password)
            except BaseException:
                self.close()
                raise

    def close(self):
        self._stream.close()
        self._socket.close()

    def send(self, *words):
        """Sends a command without waiting; read() gives its answer."""
        parts = [str(word).encode() for word in words]
        self._socket.sendall(b"*%d\r\n" % len(parts)
                             + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))

    def read(self):
        """The next answer: str, int, list or None; an error answer raises Refused."""
        line = self._stream.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError("the connection was closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return self._bulk(int(rest))
        if kind == b"*":
            return None if rest == b"-1" else [self.read() for _ in range(int(rest))]
        raise ConnectionError(f"this is no Redis: it said {line[:40]!r}")

    def _bulk(self, length):
        if length < 0:
            return None
        body = self._stream.read(length + 2)
        if len(body) != length + 2:
            raise ConnectionResetError("the connection was closed in an answer")
        return body[:-2].decode(errors="replace")

    def call(self, *words):
        self.send(*words)
        return self.read()


def fields(info):
    """The text of INFO as a dict."""
    return dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
