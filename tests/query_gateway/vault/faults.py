"""A proxy in front of a Vault server, whose faults are switched on and off: what networks and overloaded servers do."""

import contextlib
import http.client
import json
import socket
import struct
import threading
from collections import deque
from enum import Enum, auto
from urllib.parse import urlsplit

HEADERS_BYTES = 65_536
CALL_S = 30.0
REMEMBERED = 10_000


class Fault(Enum):
    """What happens to each request from now on."""

    NONE = auto()
    BLACK_HOLE = auto()
    """Connections are accepted, requests read, nothing is ever answered."""
    REFUSE = auto()
    """Nobody listens; open connections are closed."""
    RESET = auto()
    """The connection is reset (RST) when the request has been read."""
    TRICKLE = auto()
    """The answer comes a byte at a time, `trickle_s` apart."""
    TRUNCATE = auto()
    """Whole HTTP with half of the JSON."""
    CUT = auto()
    """The connection ends in the middle of the body that Content-Length promised."""
    NOT_JSON = auto()
    """200 and a page for people: a load balancer's own idea."""
    GIANT = auto()
    """A body without an end."""


class FaultyVault:
    """Listens on a port of its own at once; `close` ends it. Plain HTTP only."""

    def __init__(self, upstream: str) -> None:
        place = urlsplit(upstream)
        self._upstream = (place.hostname or "", place.port or 0)
        self._fault = Fault.NONE
        self._statuses: deque[int] = deque()
        self._released = threading.Event()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._port = 0
        self.trickle_s = 1.0
        self.requests: deque[tuple[str, str]] = deque(maxlen=REMEMBERED)
        """Method and path of all that came, answered or not."""
        self._listen()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def fault(self) -> Fault:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        """Holds for requests that come from now on, on connections that are already open too."""
        with self._lock:
            self._released.set()
            self._released = threading.Event()
            self._fault = fault
        if fault is Fault.REFUSE:
            self._end_listener()
            self._end_connections()
        elif self._listener is None:
            self._listen()

    def heal(self) -> None:
        self._statuses.clear()
        self.fault = Fault.NONE

    def answer_next(self, *statuses: int) -> None:
        """The next requests get these statuses, with Vault's shape of an error, and never reach it."""
        self._statuses.extend(statuses)

    def count(self, path: str) -> int:
        """How many requests for paths that begin with this came (without /v1/)."""
        return sum(asked.removeprefix("/v1/").startswith(path) for _, asked in list(self.requests))

    def close(self) -> None:
        self._released.set()
        self._end_listener()
        self._end_connections()

    # --- connections ---------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        listener = socket.create_server(("127.0.0.1", self._port), backlog=128)
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = listener.accept()
                with self._lock:
                    self._connections.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError), connection.makefile("rb") as stream:
                while request := _request(stream):
                    self.requests.append(request[:2])
                    if not self._respond(connection, *request):
                        return
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _end_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            # Without it a blocked accept goes on, and takes one more connection.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _end_connections(self) -> None:
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    # --- answers -------------------------------------------------------------------------------------------------

    def _respond(self, connection: socket.socket, method: str, path: str, headers: dict[str, str], body: bytes) -> bool:
        """Whether the connection goes on."""
        with self._lock:
            fault, released = self._fault, self._released
        if fault is Fault.NONE and self._statuses:
            status = self._statuses.popleft()
            connection.sendall(_answer(status, json.dumps({"errors": [f"made up: {status}"]}).encode()))
            return True
        match fault:
            case Fault.BLACK_HOLE:
                released.wait()
                return False
            case Fault.RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
            case Fault.NOT_JSON:
                connection.sendall(_answer(200, b"<html>The service is being maintained.</html>"))
                return True
            case Fault.GIANT:
                return _send_without_end(connection, released)
        status, answer = self._forward(method, path, headers, body)
        return self._send(connection, fault, released, status, answer)

    def _send(
        self, connection: socket.socket, fault: Fault, released: threading.Event, status: int, answer: bytes
    ) -> bool:
        if fault is Fault.TRUNCATE:
            answer = answer[: len(answer) // 2]
        whole = _answer(status, answer)
        if fault is Fault.TRICKLE:
            for byte in whole:
                connection.sendall(bytes([byte]))
                if released.wait(self.trickle_s):
                    return False
            return True
        connection.sendall(whole[: len(whole) - len(answer) // 2 - 1] if fault is Fault.CUT else whole)
        return fault is not Fault.CUT

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        upstream = http.client.HTTPConnection(*self._upstream, timeout=CALL_S)
        try:
            kept = {name: value for name, value in headers.items() if name.startswith("x-vault")}
            upstream.request(method, path, body or None, kept)
            answer = upstream.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 502, b'{"errors":["bad gateway"]}'
        finally:
            upstream.close()


def _request(stream: object) -> tuple[str, str, dict[str, str], bytes] | None:
    """Method, path, headers and body; None when the client has closed its side."""
    line = stream.readline(HEADERS_BYTES)  # type: ignore[attr-defined]
    if not line.strip():
        return None
    method, path, _ = line.decode("latin-1").split()
    message = http.client.parse_headers(stream)  # type: ignore[arg-type]
    headers = {name.lower(): value for name, value in message.items()}
    body = stream.read(int(headers.get("content-length", "0")))  # type: ignore[attr-defined]
    return method, path, headers, body


def _answer(status: int, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    if status == 204:
        head, body = f"HTTP/1.1 {status} x\r\n\r\n", b""
    return head.encode() + body


def _send_without_end(connection: socket.socket, released: threading.Event) -> bool:
    connection.sendall(b"HTTP/1.1 200 x\r\nContent-Type: application/json\r\n\r\n" + b'{"data": {"password": "')
    while not released.is_set():
        connection.sendall(b"x" * 65_536)
    return False
