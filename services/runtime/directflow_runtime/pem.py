"""What certificates in PEM say, and in what order gRPC is given them.

OpenSSL, which checks files before they are used, reads them more generously than BoringSSL, which uses them in gRPC.
"""

import math
import re
import ssl
from dataclasses import dataclass, field
from typing import Final

from directflow_runtime.validity import begins_at, ends_at

_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
"""Without what may stand around it: text of OpenSSL's, comments, a request that somebody left there."""

_KEYS: Final = tuple(
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


@dataclass(frozen=True, slots=True)
class Pem:
    """One side of a TLS connection: what it proves itself with, and the only authorities that it trusts."""

    certificate: bytes
    """The first is our own; those behind it lead to an authority."""
    key: bytes = field(repr=False)
    ca: bytes

    def begins_at(self) -> float:
        """Our certificate's beginning on the clock of `time.time()`; long ago where only OpenSSL can read it: whoever
        we meet decides."""
        own = certificates_in(self.certificate)
        return _told(own[0])[0] if own else -math.inf

    def ends_at(self) -> float:
        """Our certificate's end, likewise; never where only OpenSSL can read it."""
        own = certificates_in(self.certificate)
        return _told(own[0])[1] if own else math.inf

    def authorities_end_at(self) -> float:
        """The end of the authority that lives longest, likewise."""
        return max((_told(one)[1] for one in certificates_in(self.ca)), default=math.inf)

    def authorities(self) -> bytes:
        """Those that live longest first: of two with one name and one key, as a renewed one has them, BoringSSL takes
        the first and refuses everybody once that has expired, whatever stands behind it."""
        found = sorted(certificates_in(self.ca), key=lambda one: -_told(one)[1])
        return b"\n".join((*found, _CERTIFICATE.sub(b"", self.ca)))


def certificates_in(text: bytes) -> list[bytes]:
    """Each certificate by itself."""
    return _CERTIFICATE.findall(text)


def is_cut_short(text: bytes) -> bool:
    """True where something begins that does not end. OpenSSL takes what stands before it for the whole."""
    return text.count(b"-----BEGIN") != text.count(b"-----END")


def has_key_for_grpc(text: bytes) -> bool:
    """Whether gRPC takes the key of the first certificate."""
    try:
        der = ssl.PEM_cert_to_DER_cert(certificates_in(text)[0].decode("ascii"))
    except (IndexError, ValueError):
        return False
    return any(kind in der for kind in _KEYS)


def _told(certificate: bytes) -> tuple[float, float]:
    try:
        return begins_at(certificate), ends_at(certificate)
    except ValueError:
        return -math.inf, math.inf
