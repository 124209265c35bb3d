"""Until when a certificate is valid. TLS asks that once, in a handshake, and a resumed session not even then: whoever
has stolen a key could go on for as long as he keeps a connection, or a ticket."""

import ssl
from datetime import UTC, datetime
from typing import Final, Literal

_VERSION: Final = 0xA0
_FORMATS: Final = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
"""UTCTime, GeneralizedTime (RFC 5280, 4.1.2.5). Python's `%y` parts the centuries at 69, the RFC at 50: a certificate
that ended before 1970 is none that is in use."""


def begins_at(certificate: bytes) -> float:
    """The beginning of a PEM certificate on the clock of `time.time()`. Raises ValueError for what is none."""
    return _time(certificate, "notBefore")


def ends_at(certificate: bytes) -> float:
    """The end, likewise."""
    return _time(certificate, "notAfter")


def _time(certificate: bytes, which: Literal["notBefore", "notAfter"]) -> float:
    try:
        fields = _content(_content(ssl.PEM_cert_to_DER_cert(certificate.decode("ascii").strip()), 0), 0)
        position = _next(fields, 0) if fields[0] == _VERSION else 0
        for _ in ("serial number", "signature", "issuer"):
            position = _next(fields, position)
        validity = _content(fields, position)
        at = 0 if which == "notBefore" else _next(validity, 0)
        told = datetime.strptime(_content(validity, at).decode("ascii"), _FORMATS[validity[at]])
    except (IndexError, KeyError):
        raise ValueError("not a certificate") from None
    return told.replace(tzinfo=UTC).timestamp()


def _extent(der: bytes, position: int) -> tuple[int, int]:
    """Where the content of the element at a position begins and ends."""
    length, begin = der[position + 1], position + 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[position + 2 : begin])
    if begin + length > len(der):
        raise ValueError("cut short")
    return begin, begin + length


def _content(der: bytes, position: int) -> bytes:
    begin, end = _extent(der, position)
    return der[begin:end]


def _next(der: bytes, position: int) -> int:
    return _extent(der, position)[1]
