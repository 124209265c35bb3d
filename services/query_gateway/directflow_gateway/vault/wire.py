"""One HTTP exchange with Vault: the only module that knows hvac, requests and urllib3.

hvac's client is not used, its adapter is: the client reads VAULT_TOKEN, ~/.vault-token, VAULT_CLIENT_CERT and others in
silence. What these libraries raise has paths and tokens in it, and ends here.
"""

import logging
import socket
import ssl
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hvac.adapters import RawAdapter
from requests import Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import IncompleteRead

from directflow_gateway.vault.failures import FailureKind
from directflow_gateway.vault.line import Line
from directflow_gateway.vault.reply import LARGEST, Fault, Reply, interpret
from directflow_gateway.vault.request import Request
from directflow_gateway.vault.settings import VaultSettings

CERTIFICATES = {
    10: "certificate expired",
    18: "certificate of an unknown authority",
    19: "certificate of an unknown authority",
    20: "certificate of an unknown authority",
    62: "certificate of another host",
    64: "certificate of another host",
}
"""OpenSSL's X509_V_ERR_*. Its own sentences hold host names."""


class _CaFileUnreadable(Exception):
    pass


class VaultWire:
    """Blocking, for threads. Each exchange has a connection of its own: they are seldom, and a connection that stood
    idle would have to be suspected at each failure."""

    def __init__(self, settings: VaultSettings) -> None:
        for library in ("urllib3", "requests", "hvac"):
            # At the level debug urllib3 logs the path of every request.
            logging.getLogger(library).setLevel(logging.CRITICAL)
        self._address = settings.address.rstrip("/")
        self._namespace = settings.namespace
        self._authorities = _Authorities(settings.ca_file)

    def exchange(self, request: Request, line: Line) -> Reply | Fault:
        """Sends, and reads the answer. Returns every failure as a Fault; does not raise."""
        try:
            status, headers, body = self._send(request, line)
        except Exception as error:
            return _fault(error)
        finally:
            line.cut()
        return interpret(status, headers, body)

    def _send(self, request: Request, line: Line) -> tuple[int, Mapping[str, str], bytes]:
        with Session() as http:
            http.trust_env = False  # neither proxies nor .netrc nor REQUESTS_CA_BUNDLE
            for scheme in ("https://", "http://"):
                http.mount(scheme, _Adapter(self._authorities, line))
            vault = RawAdapter(
                base_uri=self._address,
                token=request.token.reveal() if request.token else "",
                namespace=self._namespace,
                session=http,
                allow_redirects=False,
                timeout=line.left(),
            )
            # Not packed: a small answer could unpack to a very large one.
            headers = {"Accept-Encoding": "identity"}
            response = vault.request(
                request.method,
                f"v1/{request.path}",
                headers=headers,
                raise_exception=False,
                json=request.body,
                stream=True,
            )
            body = response.raw.read(LARGEST + 1, decode_content=False)
            return response.status_code, response.headers, body


class _Authorities:
    """Whom we believe. Read when the file changes; read at each exchange it would cost 20 ms of every one."""

    def __init__(self, ca_file: str) -> None:
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._known: tuple[object, ssl.SSLContext] | None = None

    def context(self) -> ssl.SSLContext:
        """Certificate and host name are verified. Raises _CaFileUnreadable."""
        try:
            stat = Path(self._ca_file).stat() if self._ca_file else None
            state = stat and (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            with self._lock:
                if self._known is None or self._known[0] != state:
                    self._known = state, ssl.create_default_context(cafile=self._ca_file or None)
                return self._known[1]
        except OSError:  # ssl.SSLError is one: no PEM
            raise _CaFileUnreadable from None


class _Adapter(HTTPAdapter):
    """requests on a Line, with our own authorities: those of requests are certifi's, not the system's."""

    def __init__(self, authorities: _Authorities, line: Line) -> None:
        self._authorities = authorities
        self._line = line
        super().__init__(max_retries=0)

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """requests would add certifi's authorities here."""

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        secure = str(request.url).startswith("https:")
        host, pool = self.build_connection_pool_key_attributes(request, True, None)
        if secure:
            pool["ssl_context"] = self._authorities.context()
        connections: Any = self.poolmanager.connection_from_host(**host, pool_kwargs=pool)
        kind: Any = _HttpsOnLine if secure else _HttpOnLine
        connections.ConnectionCls = partial(kind, line=self._line)
        return connections


class _OnLine:
    _dns_host: str
    port: int
    socket_options: Any

    def __init__(self, *arguments: Any, line: Line, **named: Any) -> None:
        self._line = line
        super().__init__(*arguments, **named)

    def _new_conn(self) -> socket.socket:
        return self._line.connect(self._dns_host, self.port, list(self.socket_options or []))


class _HttpOnLine(_OnLine, HTTPConnection):
    pass


class _HttpsOnLine(_OnLine, HTTPSConnection):
    pass


def _fault(error: BaseException) -> Fault:
    chain = _chain(error)
    for link in chain:
        if isinstance(link, _CaFileUnreadable):
            return Fault(FailureKind.UNREACHABLE, "ca_file cannot be read", retried=False)
        if isinstance(link, ssl.SSLCertVerificationError):
            detail = CERTIFICATES.get(link.verify_code, "certificate refused")
            return Fault(FailureKind.UNREACHABLE, detail, retried=False)
        if isinstance(link, IncompleteRead):
            return Fault(FailureKind.MALFORMED, "cut short")
    return Fault(FailureKind.UNREACHABLE, _detail(chain))


def _detail(chain: list[BaseException]) -> str:
    told: dict[type[BaseException], str] = {
        socket.gaierror: "name not found",
        ConnectionRefusedError: "connection refused",
        TimeoutError: "timeout",
        ssl.SSLError: "no TLS",
    }
    found = [text for link in chain for kind, text in told.items() if isinstance(link, kind)]
    return found[0] if found else "connection lost"


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and all that are behind it; urllib3 and requests wrap one into another as an argument too."""
    found: list[BaseException] = []
    seen: set[int] = set()
    left = [error]
    while left and len(found) < 32:
        link = left.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        found.append(link)
        behind = (link.__cause__, link.__context__, getattr(link, "reason", None), *link.args)
        left.extend(each for each in behind if isinstance(each, BaseException))
    return found
