"""The steps before a login: the name, the port, and whether the server proves who it is. Nothing secret is sent.

libpq does all of this again when it logs in, but it has one text for everything that can go wrong, in the language of
the machine; here each cause is its own.
"""

import asyncio
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from directflow_gateway.connection_service.certificates import bare
from directflow_gateway.connection_service.step import Outcome, Step, StepName, failed
from directflow_gateway.connections import Connection, EgressPolicy, EgressRefused, SslMode, resolve
from directflow_gateway.pools.login import in_thread

STEP_S: Final = 5.0
"""For each of these steps, where the call's deadline leaves as much."""
SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
YES, NO = b"S", b"N"
FIREWALL: Final = (
    "Check the port, that the server listens on that address (listen_addresses), and that firewalls and security groups"
    " let this gateway's network in."
)
TURN_ON_TLS: Final = "ALTER SYSTEM SET ssl = on;\nSELECT pg_reload_conf();"

_VERIFY: Final = {
    9: ("is not valid yet", "Check the clocks of the server and of this gateway."),
    10: ("has expired", "Renew the server's certificate."),
    18: ("is signed by itself", "Give that certificate as tls.ca_pem."),
    19: ("is signed by an authority that is not among those given", "Give the authority's certificate as tls.ca_pem."),
    20: ("is signed by an authority that is not among those given", "Give the authority's certificate as tls.ca_pem."),
    21: ("is signed by an authority that is not among those given", "Give the authority's certificate as tls.ca_pem."),
    62: ("is for another host name", "Use a host name that stands in the certificate, or VERIFY_CA with your own CA."),
    64: ("is for another address", "Use the host name that stands in the certificate instead of an address."),
}
"""By OpenSSL's X509_V_ERR_... numbers."""

_T = TypeVar("_T")


class NoTls(Exception):
    """The server has no TLS."""


class NoPostgres(Exception):
    """What answers is no PostgreSQL."""


class Network:
    """The three steps of one test; each raises StepFailed."""

    def __init__(self, connection: Connection, policy: EgressPolicy, deadline: float) -> None:
        self._connection = connection
        self._policy = policy
        self._deadline = deadline
        self._turn = threading.Lock()

    async def resolve(self) -> tuple[Step, tuple[str, ...]]:
        """The step, and the addresses that may be connected to."""
        try:
            found = await self._within(partial(resolve, self._connection, self._policy), lambda _: None)
        except EgressRefused as refused:
            raise failed(
                StepName.RESOLVE,
                f"The host is {refused}, where this gateway does not connect to.",
                "Give the database's own address, or ask the operator of DirectFlow for its egress policy.",
            ) from None
        except TimeoutError:
            raise failed(StepName.RESOLVE, "The name servers did not answer in time.", "Try again.") from None
        except OSError:
            raise failed(
                StepName.RESOLVE, "The host name does not resolve.", "Check the spelling, and the zone of the name."
            ) from None
        plural = "es" if len(found) > 1 else ""
        return Step(StepName.RESOLVE, Outcome.OK, f"The host has {len(found)} address{plural}."), found

    async def tcp(self, addresses: tuple[str, ...]) -> tuple[Step, socket.socket]:
        """The step, and an open socket, which is the caller's to close."""
        port = self._connection.port
        try:
            opened = await self._within(partial(_connect, addresses, port, self._seconds()), socket.socket.close)
        except TimeoutError:
            raise failed(StepName.TCP, f"Nothing answers on port {port}: packets are lost.", FIREWALL) from None
        except ConnectionRefusedError:
            raise failed(StepName.TCP, f"Nothing listens on port {port}.", FIREWALL) from None
        except OSError:
            raise failed(StepName.TCP, f"There is no way to port {port}.", FIREWALL) from None
        return Step(StepName.TCP, Outcome.OK, f"Port {port} answers."), opened

    async def tls(self, opened: socket.socket) -> Step:
        """The step. The socket is of no use afterwards."""
        if self._connection.sslmode is SslMode.DISABLE:
            advice = "Use VERIFY_FULL, unless the network between is your own."
            return Step(StepName.TLS, Outcome.WARNING, "TLS is off: everybody on the way can read along.", advice)
        handshake = partial(_handshake, opened, self._connection, self._seconds())
        try:
            version = await self._within(handshake, lambda _: None)
        except (NoTls, NoPostgres, OSError) as error:  # SSLError and TimeoutError are OSErrors
            raise _tls_failed(error) from None
        return _verified(self._connection.sslmode, version, bool(self._connection.ca_pem))

    def _seconds(self) -> float:
        return max(0.05, min(STEP_S, self._deadline - time.monotonic()))

    async def _within(self, work: Callable[[], _T], dispose: Callable[[_T], None]) -> _T:
        async with asyncio.timeout(self._seconds()):
            return await in_thread(work, self._turn, dispose)


def _connect(addresses: tuple[str, ...], port: int, timeout_s: float) -> socket.socket:
    """To the first address that answers. Raises the last one's OSError."""
    ends_at = time.monotonic() + timeout_s
    for position, address in enumerate(addresses, 1):
        left = (ends_at - time.monotonic()) / (len(addresses) - position + 1)
        try:
            return socket.create_connection((address, port), timeout=max(0.05, left))
        except OSError:
            if position == len(addresses):
                raise
    raise TimeoutError


def _handshake(opened: socket.socket, connection: Connection, timeout_s: float) -> str:
    """The version of TLS. Raises OSError, NoTls, NoPostgres."""
    context = _context(connection)
    opened.settimeout(timeout_s)
    opened.sendall(SSL_REQUEST)
    answer = opened.recv(1)
    if answer == NO:
        raise NoTls
    if answer != YES:
        raise NoPostgres
    with context.wrap_socket(opened, server_hostname=connection.host) as wrapped:
        return wrapped.version() or "TLS"


def _context(connection: Connection) -> ssl.SSLContext:
    """What libpq does with the same parameters (`pools.parameters.conninfo`)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = connection.sslmode is SslMode.VERIFY_FULL
    if connection.ca_pem:
        context.load_verify_locations(cadata=bare(connection.ca_pem))
    elif connection.sslmode is SslMode.REQUIRE:
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_default_certs()
    return context


def _tls_failed(error: Exception) -> Exception:
    if isinstance(error, NoTls):
        advice = "Give the server a certificate and a key (ssl_cert_file, ssl_key_file) and turn TLS on."
        return failed(StepName.TLS, "The server does not speak TLS.", advice, TURN_ON_TLS)
    if isinstance(error, NoPostgres):
        return failed(StepName.TLS, "What answers on this port is no PostgreSQL server.", "Check host and port.")
    if isinstance(error, ssl.SSLCertVerificationError):
        cause, advice = _VERIFY.get(error.verify_code, ("is not believed", "Check the certificate and its chain."))
        return failed(StepName.TLS, f"The server's certificate {cause}.", advice)
    if isinstance(error, TimeoutError):
        return failed(StepName.TLS, "The server did not answer to the request for TLS.", "Check host and port.")
    return failed(StepName.TLS, "TLS could not be agreed on.", "The server has to offer TLS 1.2 or newer.")


def _verified(mode: SslMode, version: str, has_ca: bool) -> Step:
    if mode is SslMode.VERIFY_FULL:
        return Step(StepName.TLS, Outcome.OK, f"{version}; certificate and host name are right.")
    advice = "Use VERIFY_FULL."
    if mode is SslMode.VERIFY_CA or has_ca:
        message = f"{version}; the certificate is right, and for which host it is was not looked at."
    else:
        message = f"{version}; encrypted, but any server would be believed."
    return Step(StepName.TLS, Outcome.WARNING, message, advice)
