"""A TCP line to a server that breaks when a test wants it to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

LOOPBACK = "127.0.0.1"


class Line:
    """A TCP line to a server that may break; counts the bytes that came back through it.

    Attributes:
        breaks_after: how many bytes of answers a connection carries before it is cut; None for no limit.
        carried: bytes of answers carried so far, over all connections.
        sent: bytes that went the other way.
    """

    def __init__(self, server: str) -> None:
        host, _, port = server.rpartition(":")
        self._server = (host, int(port))
        self._listener = socket.create_server((LOOPBACK, 0))
        self.host = f"{LOOPBACK}:{self._listener.getsockname()[1]}"
        self.breaks_after: int | None = None
        self.carried = 0
        self.sent = 0

    def serve(self) -> None:
        """Accept connections until the listener is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def close(self) -> None:
        """Accept no more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        for block in _blocks(client):
            self.sent += len(block)
            with suppress(OSError):
                server.sendall(block)
        _cut(client, server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        left = self.breaks_after
        for block in _blocks(server):
            part = block if left is None else block[:left]
            with suppress(OSError):
                client.sendall(part)
            self.carried += len(part)
            left = None if left is None else left - len(part)
            if left == 0:
                break
        _cut(server, client)


@contextmanager
def breaking_line(server: str) -> Iterator[Line]:
    """Put a line before a server, `host:port`."""
    line = Line(server)
    thread = threading.Thread(target=line.serve, daemon=True)
    thread.start()
    try:
        yield line
    finally:
        line.close()
        thread.join(5)


def _blocks(source: socket.socket) -> Iterator[bytes]:
    try:
        while block := source.recv(2**16):
            yield block
    except OSError:
        return


def _cut(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
