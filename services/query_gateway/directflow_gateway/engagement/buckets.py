"""Stable random buckets, the same for ever and in every implementation.

The bucket is the first 8 bytes of SHA-256(salt, NUL, profile id), as an unsigned big-endian number, modulo 10,000. The
texts are UTF-8; neither holds a NUL. 2^64 is so much larger than 10,000 that no bucket is more likely than another.
"""

import hashlib

BUCKETS = 10_000


def bucket_of(salt: str, profile_id: str) -> int:
    """0 to 9,999."""
    digest = hashlib.sha256(f"{salt}\0{profile_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % BUCKETS
