"""A thread that watches busy sockets from the side, and ends what asyncio cannot.

libpq reads one whole row into memory before anybody is asked, and as long as bytes keep coming it reads on in a single
call: a row of 300 MB has cost 860 MB by the time Python runs again. As a rule the server is slower and libpq returns
in between; then `Wire.result` counts. For the rest there is this thread.

What it looks at is this process's memory while one call of libpq lasts. The event loop drives one connection at a time,
so growth during that call is that connection's. The kernel's own count of the bytes (TCP_INFO) would need the socket's
lock, which a reader in a tight loop hardly ever lets go (waits of 14 ms were measured). For the same reason a socket
that brings too much is not shut down: one that is at its end is put in its place.

It also ends calls that are overdue, should an await of some library outlive its deadline.
"""

import enum
import fcntl
import math
import os
import socket
import struct
import sys
import termios
import threading
import time

PERIOD_S = 0.005
SHORT_PERIOD_S = 0.001
"""While the same call of libpq was seen twice: as a rule it is over within microseconds."""
WAKE_S = 0.1
"""From a shutdown, which wakes whoever waits for the socket, until the connection is taken away altogether."""
LINGER_S = 1.0
"""How long the thread polls on with nothing to watch: calls that follow each other must not wake it each time."""
MOST_GROWTH = 20 * 1024 * 1024
"""Of this process during one call of libpq. For rows of the greatest allowed size it may read 8 MiB at once and copy
as much."""
BYTES_RECEIVED_OFFSET = 128
"""Of tcpi_bytes_received in Linux's `struct tcp_info` (since 4.1)."""
SERVER_HAS_LEFT = frozenset({7, 8, 9})
"""CLOSE, CLOSE_WAIT and LAST_ACK of Linux's `enum` of TCP states, the first byte of `struct tcp_info`."""
REST_BYTES = 64 * 1024
ON_LINUX = sys.platform == "linux"
PAGE = os.sysconf("SC_PAGE_SIZE")


class Verdict(enum.Enum):
    """Why a socket was closed."""

    TOO_LARGE = "one call of libpq took in more than allowed"
    OVERDUE = "the call outlived its deadline"


class Watch:
    """One TCP socket under guard. The attributes are written by the event loop and read by the thread."""

    def __init__(self, fileno: int) -> None:
        # A duplicate: when libpq closes its own, the number may be given to another file before we look.
        self._socket = socket.socket(fileno=os.dup(fileno))
        self._libpq_fileno = fileno
        self._lock = threading.Lock()
        self._seen_step = 0
        self._base = 0
        self._replace_at = math.inf
        self.step = 0
        """Odd while a call of libpq that reads is under way; changes with each call."""
        self.deadline = math.inf
        self.verdict: Verdict | None = None

    @property
    def fileno(self) -> int:
        """Of the duplicate: valid until `close`, whatever libpq does with its own."""
        return self._socket.fileno()

    def consumed(self) -> int:
        """Bytes that libpq has read from this socket so far. 0 where the platform does not count. For the event loop,
        between two calls of libpq: then nobody holds the socket's lock."""
        if not ON_LINUX:
            return 0
        try:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_RECEIVED_OFFSET + 8)
            queue = fcntl.ioctl(self._socket, termios.FIONREAD, b"\0\0\0\0")
        except OSError:
            return 0  # the thread has cut the connection; the verdict says why
        (received,) = struct.unpack_from("=Q", info, BYTES_RECEIVED_OFFSET)
        (unread,) = struct.unpack("i", queue)
        # A reader that was slow has much in the kernel's buffer: that is no memory of ours.
        return int(received) - int(unread)

    def look(self, memory: "Memory") -> bool:
        """Called by the thread. True when a call of libpq takes long, so that the next look is soon."""
        with self._lock:
            if self.fileno < 0:
                return False
            now = time.monotonic()
            if self.verdict is not None:
                if now >= self._replace_at:
                    self._replace()
                return False
            if now >= self.deadline:
                self.verdict = Verdict.OVERDUE
                self.shutdown()
                self._replace_at = now + WAKE_S
                return False
            return self._compare(memory)

    def _compare(self, memory: "Memory") -> bool:
        step = self.step
        if step % 2 == 0:
            return False
        if step != self._seen_step:
            self._seen_step, self._base = step, memory.resident()
            return False
        if memory.resident() - self._base > MOST_GROWTH:
            self.verdict = Verdict.TOO_LARGE
            self._replace()
        return True

    def _replace(self) -> None:
        """Puts a socket that is at its end in the place of both descriptors. With the last of them the connection is
        gone, and unread bytes make that a reset: a server that waits for us to read would not notice a shutdown."""
        self._replace_at = math.inf
        ended, other = socket.socketpair()
        other.close()
        with ended:
            if _same_file(self._libpq_fileno, self.fileno):
                os.dup2(ended.fileno(), self._libpq_fileno)
            os.dup2(ended.fileno(), self.fileno)

    def shutdown(self) -> None:
        """Ends the connection: the server sees the end, and whoever waits for the socket wakes up."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other side was faster

    def has_ended(self) -> bool:
        """Whether the server has closed its side, once libpq has closed its own: reads what may come before that. Does
        not wait."""
        try:
            return not self._socket.recv(REST_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def server_has_left(self) -> bool:
        """Whether the server's side of the connection is closed, as far as the kernel has heard."""
        if not ON_LINUX:
            return False
        try:
            state = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        except OSError:
            return True
        return state in SERVER_HAS_LEFT

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
        memory = Memory()
        idle_since = time.monotonic()
        while True:
            with self._changed:
                if self._closed:
                    break
                if self._watches:
                    idle_since = time.monotonic()
                elif time.monotonic() - idle_since > LINGER_S:
                    self._changed.wait()
                watches = tuple(self._watches)
            under_way = [watch.look(memory) for watch in watches]
            time.sleep(SHORT_PERIOD_S if any(under_way) else PERIOD_S)
        memory.close()


class Memory:
    """Resident memory of this process, read without any lock that a reader of a socket could hold."""

    def __init__(self) -> None:
        self._file = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC) if ON_LINUX else None

    def resident(self) -> int:
        """Bytes; 0 where the platform does not tell."""
        if self._file is None:
            return 0
        return int(os.pread(self._file, 128, 0).split()[1]) * PAGE

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)


def _same_file(one: int, two: int) -> bool:
    try:
        return os.path.sameopenfile(one, two)
    except OSError:
        return False
