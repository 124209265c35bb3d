"""Certificate authorities as PEM text."""

import re
import ssl

LARGEST_PEM = 256 * 1024
PRIVATE_KEY = "PRIVATE KEY-----"

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----", re.ASCII)


class PemRefused(ValueError):
    """The text is no list of certificates. The message says why, without any of it."""


def certificates_in(pem: str) -> int:
    """How many certificates the text holds. Raises PemRefused for none, and for a private key, which is a secret."""
    if len(pem) > LARGEST_PEM:
        raise PemRefused(f"at most {LARGEST_PEM // 1024} KiB")
    if PRIVATE_KEY in pem:
        raise PemRefused("it holds a private key: only certificates belong here, and that key should be replaced now")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=bare(pem))
    except (ssl.SSLError, ValueError):
        raise PemRefused("it is no PEM text of certificates (-----BEGIN CERTIFICATE-----)") from None
    return int(context.cert_store_stats()["x509"])


def bare(pem: str) -> str:
    """The certificates without what stands around them: Python's ssl, unlike libpq, takes no comment that is not
    ASCII. Raises PemRefused where there are none."""
    found = _CERTIFICATE.findall(pem)
    if not found or not all(block.isascii() for block in found):
        raise PemRefused("it holds no certificate (-----BEGIN CERTIFICATE-----)")
    return "\n".join(found)
