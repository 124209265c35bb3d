"""Opaque tokens that a caller hands back: bound to the request they were made for, and to what they hold.

A token holds no secret, and no key guards it: whoever makes one up gets nothing that a plain request would not give.
The digest is there so that a token of another request, or a damaged one, is refused instead of giving wrong answers.
"""

import hashlib

_VERSION = b"\x01"
_DIGEST_BYTES = 16


def fingerprint(*parts: bytes) -> bytes:
    """16 bytes that stand for these parts, in this order."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        digest.update(len(part).to_bytes(8) + part)
    return digest.digest()


def seal(request: bytes, payload: bytes) -> bytes:
    """A token for `payload`, good for the request with this fingerprint."""
    return _VERSION + fingerprint(_VERSION, request, payload) + payload


def unseal(request: bytes, token: bytes) -> bytes | None:
    """The payload of a token that `seal` made for the same request; None for any other bytes."""
    payload = token[1 + _DIGEST_BYTES :]
    return payload if token == seal(request, payload) else None
