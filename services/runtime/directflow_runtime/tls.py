"""Certificates from files that are renewed under us, as cert-manager and kubelet do: all links swapped at one moment.

Whatever is half written, unreadable or does not belong together is not taken up: what was in use before stays in use.
"""

import math
import os
import ssl
import time
from dataclasses import dataclass, field
from typing import Final

import grpc

from directflow_runtime.logging import get_logger
from directflow_runtime.settings import SettingsError, TlsSettings
from directflow_runtime.validity import ends_at

ATTEMPTS: Final = 3
"""Of reading the files while somebody changes them."""

KEYS: Final = tuple(
    map(
        bytes.fromhex,
        (
            "300d06092a864886f70d0101010500",  # RSA
            "301306072a8648ce3d020106082a8648ce3d030107",  # P-256
            "301006072a8648ce3d020106052b81040022",  # P-384
        ),
    )
)
"""How a certificate names the kinds of key that gRPC takes. OpenSSL takes more (Ed25519, P-521), and with those every
handshake would fail."""

_Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pem:
    """One side of a TLS connection: what it proves itself with, and the only authorities that it trusts."""

    certificate: bytes
    key: bytes = field(repr=False)
    ca: bytes

    def ends_at(self) -> float:
        """The certificate's end on the clock of `time.time()`; infinite where only OpenSSL can read it: whoever we
        meet decides."""
        try:
            return ends_at(_armoured(self.certificate))
        except ValueError:
            return math.inf


class _Unusable(Exception):
    """Why the files cannot be taken up. The message names a file, and holds nothing that is in it."""


class CertificateFiles:
    """Certificate, key and authority of one side, read when they change. For one thread at a time."""

    def __init__(self, settings: TlsSettings) -> None:
        """Raises SettingsError where the files cannot be used."""
        self._settings = settings
        self._log = get_logger(__name__)
        self._told = ""
        self._refused: _Stamp | None = None
        try:
            self._stamp, self.first = self._read()
        except _Unusable as problem:
            raise SettingsError(f"tls: {problem}") from None

    def renewed(self) -> Pem | None:
        """The files where they have changed since they were last taken up, and can be used; else None."""
        try:
            stamp = self._look()
            if stamp in (self._stamp, self._refused):
                return None
            stamp, fresh = self._read()
            self._refuse_expired(stamp, fresh)
        except _Unusable as problem:
            self._tell(str(problem))
            return None
        self._stamp = stamp
        self._told, self._refused = "", None
        self._log.info("certificates renewed", certificate=str(self._settings.certificate_file))
        return fresh

    def _refuse_expired(self, stamp: _Stamp, fresh: Pem) -> None:
        """A backup put back over a renewal: what is in use may have days left, and with this every handshake fails."""
        if fresh.ends_at() <= time.time():
            self._refused = stamp
            raise _Unusable(f"{self._settings.certificate_file} has expired")

    def _read(self) -> tuple[_Stamp, Pem]:
        """All three files of one moment: nothing changed from before the first was read until the pair was checked."""
        for _ in range(ATTEMPTS):
            stamp = self._look()
            try:
                found = self._contents()
            except _Unusable:
                if stamp == self._look():
                    self._refused = stamp
                    raise
                continue
            if stamp == self._look():
                return stamp, found
        raise _Unusable(f"{self._settings.certificate_file} keeps changing")

    def _contents(self) -> Pem:
        files = self._settings
        try:
            pem = Pem(files.certificate_file.read_bytes(), files.key_file.read_bytes(), files.ca_file.read_bytes())
        except OSError as error:
            raise _Unusable(f"{error.filename}: {error.strerror}") from None
        self._check(pem)
        return pem

    def _check(self, pem: Pem) -> None:
        """gRPC itself would find out in the middle of a handshake, and say so nowhere but on stderr."""
        files, context = self._settings, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(files.certificate_file, files.key_file, password=_no_password)
        except (OSError, ValueError) as error:
            both = f"{files.certificate_file} and {files.key_file}"
            mismatch = getattr(error, "reason", "") == "KEY_VALUES_MISMATCH"
            raise _Unusable(f"{both} {'do not belong together' if mismatch else 'are no PEM pair'}") from None
        if not any(kind in _first_der(pem.certificate) for kind in KEYS):
            raise _Unusable(
                f"{files.certificate_file} has a key that gRPC does not take: RSA, P-256 or P-384 are needed"
            )
        try:
            context.load_verify_locations(cadata=pem.ca.decode())
        except (OSError, ValueError):
            raise _Unusable(f"{files.ca_file} holds no certificate of an authority") from None

    def _look(self) -> _Stamp:
        """Changes with every change of a file or of what a link leads to; also when only its permissions change."""
        stamp: list[int] = []
        try:
            for path in (self._settings.certificate_file, self._settings.key_file, self._settings.ca_file):
                found = os.stat(path)
                stamp += (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        except OSError as error:
            raise _Unusable(f"{error.filename}: {error.strerror}") from None
        return tuple(stamp)

    def _tell(self, problem: str) -> None:
        if problem != self._told:
            self._told = problem
            self._log.warning("renewed certificates cannot be used: the ones before stay in use", problem=problem)


def server_credentials(settings: TlsSettings) -> grpc.ServerCredentials:
    """Mutual TLS: a client must present a certificate that the authority signed. Looked at anew for each handshake.

    Raises SettingsError where the files cannot be used.
    """
    files = CertificateFiles(settings)

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        """None means no change. gRPC holds a lock around it."""
        fresh = files.renewed()
        return None if fresh is None else _configuration(fresh)

    return grpc.dynamic_ssl_server_credentials(_configuration(files.first), fetch, True)


def channel_credentials(pem: Pem) -> grpc.ChannelCredentials:
    """The client's side: our certificate, and the only authority that we trust."""
    return grpc.ssl_channel_credentials(pem.ca, pem.key, pem.certificate)


def _configuration(pem: Pem) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pem.key, pem.certificate)], pem.ca)


def _first_der(chain: bytes) -> bytes:
    first = _armoured(chain)
    return ssl.PEM_cert_to_DER_cert(first.decode("ascii")) if first else b""


def _armoured(chain: bytes) -> bytes:
    """The certificate itself, without those behind it and without the text that OpenSSL puts before it."""
    begin, end = chain.find(b"-----BEGIN CERTIFICATE"), chain.find(b"-----END CERTIFICATE-----")
    return chain[begin:end] + ssl.PEM_FOOTER.encode() if 0 <= begin < end else b""


def _no_password() -> str:
    """Without one OpenSSL would ask at the terminal for the password of an encrypted key, and wait."""
    return ""
