"""HTTP in front of the core: bounded requests, bounded connections, Vault's JSON."""

import contextlib
import json
import socket
import ssl
import threading
import uuid
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from directflow_cli.dev.vault.core import Core
from directflow_cli.dev.vault.lifetimes import whole
from directflow_cli.dev.vault.refusal import Refused
from directflow_cli.dev.vault.routes import Answer, Operation

HOST = "127.0.0.1"
MOST_BODY_BYTES = 1_000_000
MOST_CONNECTIONS = 256
IDLE_S = 60.0
POLL_S = 0.05
OPERATIONS = {
    "GET": Operation.READ,
    "LIST": Operation.LIST,
    "POST": Operation.WRITE,
    "PUT": Operation.WRITE,
    "DELETE": Operation.DELETE,
}


class HttpServer(ThreadingHTTPServer):
    """Serves one core on loopback from `serve` until `end`, which ends open connections too."""

    daemon_threads = True
    block_on_close = False  # open connections are shut down instead: a client may hold one for a minute

    def __init__(self, core: Core, port: int, tls: tuple[Path, Path] | None = None) -> None:
        self.core = core
        self._tls = _tls(*tls) if tls else None
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__((HOST, port), Handler)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": POLL_S}, name="vault-http", daemon=True
        )

    def serve(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Nobody listens afterwards."""
        self.shutdown()
        self.server_close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            if len(self._open) >= MOST_CONNECTIONS:
                request.close()
                return
            self._open.add(request)
        super().process_request(request, client_address)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the connection's own thread: a slow TLS handshake keeps nobody else waiting."""
        request.settimeout(IDLE_S)
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        with self._tls.wrap_socket(request, server_side=True) as encrypted:
            super().finish_request(encrypted, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections end as they like; a traceback would be noise, and might hold what was sent."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: HttpServer
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        try:
            self._send(self._answer())
        except Refused as refusal:
            self._write(refusal.status, {"errors": list(refusal.messages)})

    do_GET = do_POST = do_PUT = do_DELETE = do_LIST = _serve

    def _answer(self) -> Answer:
        place = urlsplit(self.path)
        path = unquote(place.path)
        body = self._body()
        if not path.startswith("/v1/"):
            raise Refused(404)
        query = dict(parse_qsl(place.query))
        operation = OPERATIONS[self.command]
        if operation is Operation.READ and query.get("list") == "true":
            operation = Operation.LIST
        # Namespaces are the enterprise edition's: the header is taken, and there is one namespace.
        token = self.headers.get("X-Vault-Token") or self.headers.get("Authorization", "").removeprefix("Bearer ")
        return self.server.core.answer(operation, path.removeprefix("/v1/").rstrip("/"), query, body, token)

    def _body(self) -> Mapping[str, Any]:
        length = self.headers.get("Content-Length", "0")
        if self.headers.get("Transfer-Encoding") or not length.isdigit() or int(length) > MOST_BODY_BYTES:
            self.close_connection = True
            raise Refused(413, "request body too large")
        text = self.rfile.read(int(length))
        try:
            body = json.loads(text) if text.strip() else {}
        except ValueError:
            raise Refused(400, "failed to parse JSON input") from None
        if not isinstance(body, dict):
            raise Refused(400, "failed to parse JSON input")
        return body

    def _send(self, answer: Answer) -> None:
        if answer.bare:
            self._write(answer.status, dict(answer.data or {}))
        elif answer.status == 204:
            self._write(204, None)
        else:
            self._write(answer.status, envelope(answer))

    def _write(self, status: int, body: Mapping[str, Any] | None) -> None:
        text = b"" if body is None else json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Its paths hold role names, and it is nobody's audit log."""


def envelope(answer: Answer) -> dict[str, Any]:
    """The answer in the shape that all of Vault's have."""
    return {
        "request_id": str(uuid.uuid4()),
        "lease_id": answer.lease_id,
        "renewable": answer.renewable,
        "lease_duration": whole(answer.lease_duration_s),
        "data": None if answer.data is None else dict(answer.data),
        "wrap_info": None,
        "warnings": list(answer.warnings) or None,
        "auth": None if answer.auth is None else dict(answer.auth),
    }


def _tls(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
