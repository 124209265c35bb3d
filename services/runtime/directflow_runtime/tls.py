"""Certificates from files that are renewed under us, as cert-manager and kubelet do: all links swapped at one moment.

Whatever is half written, unreadable or does not belong together is not taken up: what was in use before stays in use.
"""

import codecs
import os
import ssl
import stat
import time
from pathlib import Path
from typing import Final

import grpc

from directflow_runtime.logging import get_logger
from directflow_runtime.pem import Pem, has_key_for_grpc, is_cut_short
from directflow_runtime.settings import SettingsError, TlsSettings

ATTEMPTS: Final = 3
"""Of reading the files while somebody changes them."""

MOST_BYTES: Final = 4 * 1024 * 1024
"""Of one file; all authorities of the web are a tenth of it."""

_Stamp = tuple[int, ...]


class _Unusable(Exception):
    """Why the files cannot be taken up. The message names a file, and holds nothing that is in it."""

    def __init__(self, why: str, *, passes: bool = False) -> None:
        """`passes`: the same files may be usable later, such as when fewer files are open."""
        super().__init__(why)
        self.passes = passes


class CertificateFiles:
    """Certificate, key and authority of one side, read when they change. For one thread at a time."""

    def __init__(self, settings: TlsSettings) -> None:
        """Raises SettingsError where the files cannot be used."""
        self._settings = settings
        self._log = get_logger(__name__)
        self._told, self._told_of_the_end = "", False
        self._refused: _Stamp | None = None
        self._aside: tuple[_Stamp, Pem] | None = None
        """Flawless but for the time."""
        try:
            self._stamp, self.first = self._read()
        except _Unusable as problem:
            raise SettingsError(f"tls: {problem}") from None
        self._ends_at = self.first.ends_at()

    def renewed(self) -> Pem | None:
        """The files where they have changed since they were last taken up, and can be used; else None."""
        fresh = self._changed()
        if fresh is None:
            self._tell_of_the_end()
        return fresh

    def _changed(self) -> Pem | None:
        try:
            stamp = self._look()
            if stamp in (self._stamp, self._refused):
                return None
            if self._aside is None or self._aside[0] != stamp:
                self._aside = self._read()
            stamp, fresh = self._aside
            self._refuse_untimely(fresh)
        except _Unusable as problem:
            self._tell(str(problem))
            return None
        self._stamp, self._ends_at = stamp, fresh.ends_at()
        self._told, self._told_of_the_end, self._refused, self._aside = "", False, None, None
        self._log.info("certificates renewed", certificate=str(self._settings.certificate_file))
        return fresh

    def _refuse_untimely(self, fresh: Pem) -> None:
        """A backup put back over a renewal, or an issuer whose clock is fast: what is in use may have days left, and
        with this every handshake fails. Asked again and again, for clocks are set right and time passes."""
        now, files = time.time(), self._settings
        if fresh.ends_at() <= now:
            raise _Unusable(f"{files.certificate_file} has expired")
        if fresh.authorities_end_at() <= now:
            raise _Unusable(f"{files.ca_file} holds only authorities that have expired")
        if fresh.begins_at() > now and self._ends_at > now:
            raise _Unusable(f"{files.certificate_file} is not valid yet")

    def _read(self) -> tuple[_Stamp, Pem]:
        """All three files of one moment: nothing changed from before the first was read until the pair was checked."""
        for _ in range(ATTEMPTS):
            stamp = self._look()
            try:
                found = self._contents()
            except _Unusable as problem:
                if stamp == self._look():
                    self._refused = self._refused if problem.passes else stamp
                    raise
                continue
            if stamp == self._look():
                return stamp, found
        raise _Unusable(f"{self._settings.certificate_file} keeps changing")

    def _contents(self) -> Pem:
        files = self._settings
        try:
            pem = Pem(*map(_text, (files.certificate_file, files.key_file, files.ca_file)))
        except OSError as error:
            raise _Unusable(f"{error.filename}: {error.strerror}", passes=True) from None
        self._check(pem)
        return pem

    def _check(self, pem: Pem) -> None:
        """gRPC itself would find out in the middle of a handshake, and say so nowhere but on stderr."""
        files = self._settings
        for path, text in ((files.certificate_file, pem.certificate), (files.ca_file, pem.ca)):
            if is_cut_short(text):
                raise _Unusable(f"{path} is cut short")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._check_pair(context)
        if not has_key_for_grpc(pem.certificate):
            raise _Unusable(
                f"{files.certificate_file} has a key that gRPC does not take: RSA, P-256 or P-384 are needed"
            )
        try:
            # Python takes text that is ASCII only; a comment may be anything.
            context.load_verify_locations(cadata=pem.ca.decode("ascii", "ignore"))
        except (OSError, ValueError):
            raise _Unusable(f"{files.ca_file} holds no certificate of an authority") from None

    def _check_pair(self, context: ssl.SSLContext) -> None:
        files = self._settings
        try:
            context.load_cert_chain(files.certificate_file, files.key_file, password=_no_password)
        except (OSError, ValueError) as error:
            both = f"{files.certificate_file} and {files.key_file}"
            if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
                raise _Unusable(f"{both}: {error.strerror}", passes=True) from None
            mismatch = getattr(error, "reason", "") == "KEY_VALUES_MISMATCH"
            raise _Unusable(f"{both} {'do not belong together' if mismatch else 'are no PEM pair'}") from None

    def _look(self) -> _Stamp:
        """Changes with every change of a file or of what a link leads to; also when only its permissions change."""
        stamp: list[int] = []
        try:
            for path in (self._settings.certificate_file, self._settings.key_file, self._settings.ca_file):
                found = os.stat(path)
                _require_file(path, found)
                stamp += (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        except OSError as error:
            raise _Unusable(f"{error.filename}: {error.strerror}") from None
        return tuple(stamp)

    def _tell_of_the_end(self) -> None:
        """No handshake with it succeeds, and of those no log of ours speaks."""
        if not self._told_of_the_end and self._ends_at <= time.time():
            self._told_of_the_end = True
            certificate = str(self._settings.certificate_file)
            self._log.warning("the certificate in use has expired, and no other is there", certificate=certificate)

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
    return grpc.ssl_channel_credentials(pem.authorities(), pem.key, pem.certificate)


def _configuration(pem: Pem) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pem.key, pem.certificate)], pem.authorities())


def _require_file(path: Path, found: os.stat_result) -> None:
    """To open a pipe waits for whoever writes into it, and a device may have no end."""
    if not stat.S_ISREG(found.st_mode):
        raise _Unusable(f"{path} is no file but a directory, a pipe or a device")
    if found.st_size > MOST_BYTES:
        raise _Unusable(f"{path} is larger than {MOST_BYTES} bytes")


def _text(path: Path) -> bytes:
    """Without the mark that Windows' editors put first: to gRPC, unlike OpenSSL, nothing begins in such a line."""
    return path.read_bytes().replace(codecs.BOM_UTF8, b"")


def _no_password() -> str:
    """Without one OpenSSL would ask at the terminal for the password of an encrypted key, and wait."""
    return ""
