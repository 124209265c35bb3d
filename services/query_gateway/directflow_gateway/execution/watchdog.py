"""A thread that watches busy sockets from the side, and ends what asyncio cannot.

libpq reads one whole row into memory before anybody is asked: a row of 300 MB costs 860 MB of memory, whatever Python
does in the meantime. The kernel knows how much has come in (`TCP_INFO.tcpi_bytes_received`, less what is still unread),
so the thread looks every 5 ms and shuts the socket down past the cap. It also ends calls that are overdue, should an
await of some library outlive its deadline.
"""

import enum
import math
import os
import socket
import struct
import sys
import threading
import time

PERIOD_S = 0.005
LINGER_S = 1.0
"""How long the thread polls on with nothing to watch: calls that follow each other must not wake it each time."""
BYTES_RECEIVED_OFFSET = 128
"""Of tcpi_bytes_received in Linux's `struct tcp_info` (since 4.1)."""
COUNTS_BYTES = sys.platform == "linux"
if COUNTS_BYTES:
    import fcntl
    import termios


class Verdict(enum.Enum):
    """Why a socket was shut down."""

    TOO_LARGE = "more bytes for one result than allowed"
    OVERDUE = "the call outlived its deadline"


class Watch:
    """One TCP socket under guard. The attributes are written by the event loop and read by the thread."""

    def __init__(self, fileno: int) -> None:
        # A duplicate: when libpq closes its own, the number may be given to another file before we look.
        self._socket = socket.socket(fileno=os.dup(fileno))
        self._lock = threading.Lock()
        self._seen_epoch = -1
        self._base = 0
        self.epoch = 0
        """Incremented with each result taken from libpq: counting starts again."""
        self.cap: int | None = None
        """Most bytes for one result; None: not counted."""
        self.deadline = math.inf
        self.verdict: Verdict | None = None

    @property
    def fileno(self) -> int:
        """Of the duplicate: valid until `close`, whatever libpq does with its own."""
        return self._socket.fileno()

    def consumed(self) -> int:
        """Bytes that libpq has read from this socket so far. 0 where the platform does not count."""
        if not COUNTS_BYTES:
            return 0
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_RECEIVED_OFFSET + 8)
        (received,) = struct.unpack_from("=Q", info, BYTES_RECEIVED_OFFSET)
        (unread,) = struct.unpack("i", fcntl.ioctl(self._socket, termios.FIONREAD, b"\0\0\0\0"))
        # A reader that was slow has much in the kernel's buffer: that is no memory of ours.
        return int(received) - int(unread)

    def look(self, now: float) -> None:
        """Called by the thread."""
        with self._lock:
            if self._socket.fileno() < 0 or self.verdict is not None:
                return
            if now >= self.deadline:
                self._cut(Verdict.OVERDUE)
            elif self.cap is not None:
                self._count(self.cap)

    def _count(self, cap: int) -> None:
        epoch, consumed = self.epoch, self.consumed()
        if epoch != self._seen_epoch:
            self._seen_epoch, self._base = epoch, consumed
        elif consumed - self._base > cap:
            self._cut(Verdict.TOO_LARGE)

    def _cut(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.shutdown()

    def shutdown(self) -> None:
        """Ends the connection under libpq's feet: reads return at once, and the server sees the end."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other side was faster

    def close(self) -> None:
        """Lets go of the socket. As long as our duplicate is open, the server would see no end."""
        with self._lock:
            self._socket.close()


class Watchdog:
    """The thread and what it watches. One for the process, built in app.py; starts with the first watch."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[Watch] = set()
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, watch: Watch) -> None:
        """Watches from now on."""
        with self._changed:
            if self._closed:
                raise RuntimeError("the watchdog is closed")
            self._watches.add(watch)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="directflow-watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()

    def remove(self, watch: Watch) -> None:
        """Stops watching; no-op when it is not watched."""
        with self._changed:
            self._watches.discard(watch)

    def close(self) -> None:
        """Ends the thread. Blocks a few milliseconds."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        idle_since = time.monotonic()
        while True:
            now = time.monotonic()
            with self._changed:
                if self._closed:
                    return
                if not self._watches and now - idle_since > LINGER_S:
                    self._changed.wait()
                watches = tuple(self._watches)
            for watch in watches:
                watch.look(now)
            if watches:
                idle_since = now
            time.sleep(PERIOD_S)
