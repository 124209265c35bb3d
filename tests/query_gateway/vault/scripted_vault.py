"""A server that answers what a test wrote down: faults byte by byte, which neither a Vault nor a proxy would do."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Headers = dict[str, str]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: Headers
    body: dict[str, Any] | None


@dataclass(frozen=True)
class Say:
    """One answer. `body` as it is; anything else than bytes as JSON."""

    status: int
    body: Any = field(default_factory=dict)
    headers: Headers = field(default_factory=dict)


Answer = Say | Callable[[Asked], Say]


def auth(token: str = "hvs.made-here", ttl_s: float = 3600, renewable: bool = True, kind: str = "service") -> Say:
    """What a login answers."""
    granted = {"client_token": token, "lease_duration": ttl_s, "renewable": renewable, "token_type": kind}
    return Say(200, {"auth": granted, "data": None})


def data(**fields: Any) -> Say:
    """What a read answers."""
    return Say(200, {"data": fields, "lease_id": "", "lease_duration": 0, "renewable": False})


def error(status: int, *errors: str, **headers: str) -> Say:
    return Say(status, {"errors": list(errors)}, {name.replace("_", "-"): value for name, value in headers.items()})


class ScriptedVault:
    """Listens at once. Every path has a row of answers; the last one stands for ever. AppRole logs in."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self._answers: dict[str, list[Answer]] = {"auth/approle/login": [auth()], "auth/token/revoke-self": [Say(204)]}
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        if context is not None:
            self._http.socket = context.wrap_socket(self._http.socket, True, do_handshake_on_connect=False)
        self._scheme = "https" if context else "http"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def __enter__(self) -> "ScriptedVault":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._http.server_address[1]}"

    def on(self, path: str, *answers: Answer) -> None:
        with self._lock:
            self._answers[path] = list(answers)

    def count(self, path: str) -> int:
        return len(self.requests(path))

    def requests(self, path: str) -> list[Asked]:
        return [asked for asked in list(self.asked) if asked.path == path]

    def _next(self, path: str) -> Answer:
        with self._lock:
            row = self._answers.get(path, [error(404)])
            return row.pop(0) if len(row) > 1 else row[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    super().handle()

            def respond(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = self.path.removeprefix("/v1/")
                asked = Asked(self.command, path, dict(self.headers), json.loads(text) if text else None)
                outer.asked.append(asked)
                answer = outer._next(path)
                said = answer if isinstance(answer, Say) else answer(asked)
                body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
                self.send_response(said.status)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **said.headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if said.status != 204:
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = respond

            def log_message(self, *_: object) -> None:
                """Not on the terminal."""

        return Handler


class RawServer:
    """Gives each connection to a function, in a thread; whatever it does, it ends with the server."""

    def __init__(self, serve: Callable[[socket.socket, threading.Event], None]) -> None:
        self._serve = serve
        self._ended = threading.Event()
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "RawServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self._serve(connection, self._ended)


def trickling(content: bytes, at_once: int = 0) -> Callable[[socket.socket, threading.Event], None]:
    """Reads what comes, sends the first bytes at once and then one every 20 ms: each read succeeds in no time, and the
    whole takes for ever."""

    def serve(connection: socket.socket, ended: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(content[:at_once])
        for byte in content[at_once:]:
            if ended.wait(0.02):
                return
            connection.sendall(bytes([byte]))

    return serve
