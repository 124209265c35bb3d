"""The socket of one try, which can be cut from outside."""

import contextlib
import socket
import threading
import time
from typing import Any

SocketOption = tuple[int, int, int | bytes]


class Line:
    """Of one try. HTTP clients' timeouts are for each read: a server that sends a byte a second keeps its reader for
    ever. Whoever waits cuts the line instead, whatever the thread is doing: connecting, shaking hands, reading."""

    def __init__(self, ends_at: float, connect_s: float) -> None:
        """`ends_at` on the clock of `time.monotonic()`; `connect_s`: for one address."""
        self._ends_at = ends_at
        self._connect_s = connect_s
        self._lock = threading.Lock()
        self._twin: socket.socket | None = None
        self._is_cut = False

    def left(self) -> float:
        """Seconds until the end. Raises TimeoutError when there are none."""
        left = self._ends_at - time.monotonic()
        if left <= 0 or self._is_cut:
            raise TimeoutError
        return left

    def connect(self, host: str, port: int, options: list[SocketOption]) -> socket.socket:
        """A connected socket: the first of the name's addresses that takes one. Raises OSError."""
        last: OSError = ConnectionError("the name has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                return self._connected(socket.socket(family, kind, protocol), address, options)
            except OSError as error:
                last = error
            self.left()
        raise last

    def _connected(self, made: socket.socket, address: Any, options: list[SocketOption]) -> socket.socket:
        try:
            self._watch(made)
            for option in options:
                made.setsockopt(*option)
            made.settimeout(min(self._connect_s, self.left()))
            made.connect(address)
            made.settimeout(self.left())
        except BaseException:
            made.close()
            raise
        return made

    def _watch(self, made: socket.socket) -> None:
        # A duplicate: TLS takes the descriptor out of the socket object that it wraps.
        twin = made.dup()
        with self._lock:
            previous, self._twin = self._twin, twin
        if previous is not None:
            previous.close()
        if self._is_cut:
            self.cut()
        self.left()

    def cut(self) -> None:
        """Ends the connection, and with it the thread that uses it. From any thread, any number of times."""
        with self._lock:
            self._is_cut = True
            twin, self._twin = self._twin, None
        if twin is not None:
            with contextlib.suppress(OSError):  # it never was connected, or the other side has closed it
                twin.shutdown(socket.SHUT_RDWR)
            twin.close()
