"""Verifies RS256 signatures (RSASSA-PKCS1-v1_5 with SHA-256): enough arithmetic for a stand-in, and no dependency."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
RSA_ENCRYPTION = bytes.fromhex("06092a864886f70d010101")
LONGEST_TOKEN = 16_384
LEEWAY_S = 60.0
NO_KEY = "no known key successfully validated the token signature"


class BadToken(ValueError):
    """No JWT, or not signed by this key. The text never repeats the token."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    modulus: int
    exponent: int

    @classmethod
    def from_pem(cls, pem: str) -> "PublicKey":
        """Of a `BEGIN PUBLIC KEY` block; ValueError."""
        lines = [line for line in pem.strip().splitlines() if not line.startswith("-----")]
        outer, _ = _element(base64.b64decode("".join(lines), validate=True))
        algorithm, rest = _element(outer)
        if not algorithm.startswith(RSA_ENCRYPTION):
            raise ValueError("this is no RSA key")
        bits, _ = _element(rest)
        numbers, _ = _element(bits[1:])  # the first byte counts unused bits
        modulus, rest = _element(numbers)
        exponent, _ = _element(rest)
        return cls(int.from_bytes(modulus), int.from_bytes(exponent))

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """The whole padded block is built and compared: parsing it is how forgeries were accepted elsewhere."""
        length = (self.modulus.bit_length() + 7) // 8
        if len(signature) != length:
            return False
        block = pow(int.from_bytes(signature), self.exponent, self.modulus).to_bytes(length)
        digest = SHA256_PREFIX + hashlib.sha256(signed).digest()
        padding = b"\xff" * (length - len(digest) - 3)
        return hmac.compare_digest(block, b"\x00\x01" + padding + b"\x00" + digest)


def claims(token: str) -> dict[str, Any]:
    """The claims of a JWT whose signature nobody looked at yet; BadToken."""
    return _json(_parts(token)[1])


def verified(token: str, keys: tuple[PublicKey, ...]) -> dict[str, Any]:
    """The claims of a JWT that one of the keys signed; BadToken. Only RS256: a token must not choose `none`."""
    head, body, signature = _parts(token)
    if _json(head).get("alg") != "RS256":
        raise BadToken(NO_KEY)
    if not any(key.verifies(f"{head}.{body}".encode(), _decoded(signature)) for key in keys):
        raise BadToken(NO_KEY)
    return _json(body)


def untimely(claims: Mapping[str, Any]) -> str:
    """What is wrong with the times of a token; empty: nothing. Clocks may differ by a minute."""
    now, expires_at, begins_at = time.time(), claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires_at, int | float) or now > expires_at + LEEWAY_S:
        return "invalid expiration time (exp) claim: token is expired"
    if not isinstance(begins_at, int | float) or now < begins_at - LEEWAY_S:
        return "invalid not before (nbf) claim: token not yet valid"
    return ""


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(".") if len(token) <= LONGEST_TOKEN else []
    if len(parts) != 3:
        raise BadToken("malformed token")
    return parts[0], parts[1], parts[2]


def _json(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_decoded(part))
    except ValueError:
        raise BadToken("malformed token") from None
    if not isinstance(value, dict):
        raise BadToken("malformed token")
    return value


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise BadToken("malformed token") from None


def _element(der: bytes) -> tuple[bytes, bytes]:
    """The content of the first element of DER, and what follows it; ValueError."""
    if len(der) < 2:
        raise ValueError("the key is cut off")
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start])
    if len(der) < start + length:
        raise ValueError("the key is cut off")
    return der[start : start + length], der[start + length :]
