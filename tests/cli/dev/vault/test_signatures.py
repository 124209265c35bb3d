"""RS256 by hand: it says yes to what openssl signed, and no to everything that only looks like it."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from directflow_cli.dev.vault.rs256 import SHA256_PREFIX, BadToken, PublicKey, claims, verified


def openssl(*arguments: str, given: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=given, check=True, capture_output=True, timeout=30).stdout


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "key.pem"
    openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(file))
    return file


@pytest.fixture(scope="module")
def public(key: Path) -> PublicKey:
    return PublicKey.from_pem(openssl("pkey", "-in", str(key), "-pubout").decode())


def token(key: Path, body: dict[str, Any], algorithm: str = "RS256", digest: str = "-sha256") -> str:
    signed = f"{encoded(json.dumps({'alg': algorithm}).encode())}.{encoded(json.dumps(body).encode())}"
    return f"{signed}.{encoded(openssl('dgst', digest, '-sign', str(key), given=signed.encode()))}"


def test_what_the_key_signed_is_believed(key: Path, public: PublicKey) -> None:
    assert verified(token(key, {"sub": "gateway"}), (public,)) == {"sub": "gateway"}


def test_one_of_several_keys_is_enough(key: Path, public: PublicKey) -> None:
    other = PublicKey(public.modulus + 2, public.exponent)
    assert verified(token(key, {"sub": "gateway"}), (other, public)) == {"sub": "gateway"}


@pytest.mark.parametrize(
    ("algorithm", "digest"), [("none", "-sha256"), ("HS256", "-sha256"), ("RS256", "-sha1"), ("RS384", "-sha384")]
)
def test_another_algorithm_is_not(key: Path, public: PublicKey, algorithm: str, digest: str) -> None:
    with pytest.raises(BadToken):
        verified(token(key, {"sub": "gateway"}, algorithm, digest), (public,))


def test_a_changed_claim_is_not(key: Path, public: PublicKey) -> None:
    head, _, signature = token(key, {"sub": "somebody"}).split(".")
    with pytest.raises(BadToken):
        verified(f"{head}.{encoded(json.dumps({'sub': 'gateway'}).encode())}.{signature}", (public,))


def test_a_short_padding_with_garbage_behind_the_digest_is_not() -> None:
    """Bleichenbacher's forgery of 2006: with the exponent 3 a cube root makes it, for whoever parses the block."""
    length = 256
    public = PublicKey((1 << (8 * length)) - 1, 3)
    digest = SHA256_PREFIX + hashlib.sha256(b"signed").digest()
    start = b"\x00\x01\xff\xff\x00" + digest
    wanted = int.from_bytes(start + b"\xff" * (length - len(start)))
    root = cube_root(wanted)
    assert (root**3).to_bytes(length).startswith(start), "otherwise this forgery shows nothing"
    assert not public.verifies(b"signed", root.to_bytes(length))


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "....", "x" * 20_000, f"{encoded(b'[]')}.{encoded(b'[]')}.x"])
def test_what_is_no_token_is_told_without_being_repeated(public: PublicKey, text: str) -> None:
    with pytest.raises(BadToken) as told:
        verified(text, (public,))
    assert not text or text not in str(told.value)


def test_a_token_longer_than_any_is_not_even_decoded() -> None:
    with pytest.raises(BadToken):
        claims("x" * 100_000_000)


@pytest.mark.parametrize("cut", [0, 10, 40, 200])
def test_half_a_key_is_a_value_error(key: Path, cut: int) -> None:
    lines = openssl("pkey", "-in", str(key), "-pubout").decode().splitlines()
    body = "".join(lines[1:-1])[: cut // 4 * 4]
    with pytest.raises(ValueError, match=r"."):
        PublicKey.from_pem("\n".join([lines[0], body, lines[-1]]))


def cube_root(number: int) -> int:
    low, high = 0, 1 << (number.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low
