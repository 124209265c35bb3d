"""Certificates from files. A server takes up renewed ones without a restart; a client does so with its next channel."""

import os
from collections.abc import Callable

import grpc

from directflow_runtime.settings import TlsSettings

_Stamp = tuple[int, ...]


def server_credentials(settings: TlsSettings) -> grpc.ServerCredentials:
    """Mutual TLS: a client must present a certificate that the authority signed. Read again when the files change."""
    return grpc.dynamic_ssl_server_credentials(_read(settings), _fetcher(settings), True)


def channel_credentials(settings: TlsSettings) -> grpc.ChannelCredentials:
    """The client's side: our certificate, and the only authority that we trust."""
    return grpc.ssl_channel_credentials(
        settings.ca_file.read_bytes(), settings.key_file.read_bytes(), settings.certificate_file.read_bytes()
    )


def _read(settings: TlsSettings) -> grpc.ServerCertificateConfiguration:
    pair = (settings.key_file.read_bytes(), settings.certificate_file.read_bytes())
    return grpc.ssl_server_certificate_configuration([pair], settings.ca_file.read_bytes())


def _fetcher(settings: TlsSettings) -> Callable[[], grpc.ServerCertificateConfiguration | None]:
    """grpc calls it for each handshake; None means no change."""
    last = _stamp(settings)

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal last
        try:
            now = _stamp(settings)
            fresh = None if now == last else _read(settings)
        except OSError:
            return None  # half renewed: the files in use still serve, and the next handshake looks again
        last = now
        return fresh

    return fetch


def _stamp(settings: TlsSettings) -> _Stamp:
    return tuple(os.stat(path).st_mtime_ns for path in (settings.certificate_file, settings.key_file, settings.ca_file))
