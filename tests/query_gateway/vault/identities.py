"""Who vouches for a process that logs in at Vault: a signer of JWTs, and Kubernetes' TokenReview."""

import base64
import json
import secrets
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

OPENSSL_S = 30

UID = "7a1c5a4e-2b0f-4ce1-9c3c-1b2f7c1f0d11"
"""Of every service account here."""


def self_signed(directory: Path, name: str) -> tuple[Path, Path]:
    """A key and a certificate for 127.0.0.1, which is its own authority (PEM files)."""
    key, certificate = directory / f"{name}.key", directory / f"{name}.pem"
    _openssl(
        *("req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2"),
        *("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", str(key), "-out", str(certificate)),
    )
    return key, certificate


class Issuer:
    """Signs JWTs with an RSA key of its own, by openssl: the code under test verifies, so it must not sign as well."""

    name = "https://issuer.test"

    def __init__(self, directory: Path) -> None:
        self._key = directory / "key.pem"
        _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", str(self._key))
        self.public_pem = _openssl("pkey", "-in", str(self._key), "-pubout").decode()

    def sign(self, *, lives_s: float = 600, algorithm: str = "RS256", **claims: Any) -> str:
        """A JWT with these claims; iss, iat, nbf and exp are there unless given."""
        now = int(time.time())
        whole = {"iss": self.name, "iat": now, "nbf": now, "exp": int(now + lives_s), **claims}
        signed = f"{_part({'alg': algorithm, 'typ': 'JWT'})}.{_part(whole)}"
        signature = _openssl("dgst", "-sha256", "-sign", str(self._key), given=signed.encode())
        return f"{signed}.{_base64url(signature)}"


def changed(token: str, **claims: Any) -> str:
    """The same JWT with other claims and its old signature: a forgery."""
    head, body, signature = token.split(".")
    old = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return f"{head}.{_part({**old, **claims})}.{signature}"


class TokenReviews:
    """A Kubernetes API server as far as Vault needs one: it reviews the tokens that it issued."""

    def __init__(self, directory: Path) -> None:
        key, certificate = self_signed(directory, "kubernetes")
        self.authority_pem = certificate.read_text()
        self.reviewer_token = _unsigned("system:serviceaccount:vault:vault", lives_s=3600)
        self.reviewed = 0
        self._known: dict[str, tuple[str, list[str], float]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"https://127.0.0.1:{self._server.server_port}"

    def issue(
        self,
        service_account: str = "directflow-gateway",
        namespace: str = "directflow",
        audience: str = "vault",
        lives_s: float = 600,
    ) -> str:
        """A projected service account token."""
        user = f"system:serviceaccount:{namespace}:{service_account}"
        token = _unsigned(user, lives_s=lives_s, audience=audience)
        self._known[token] = (user, [audience], time.time() + lives_s)
        return token

    def forget(self, token: str) -> None:
        """As when the pod is gone: the API server takes its token no more."""
        del self._known[token]

    def review(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The status of a TokenReview."""
        self.reviewed += 1
        user, audiences, expires_at = self._known.get(asked["token"], ("", [], 0.0))
        wanted = asked.get("audiences") or audiences
        shared = [audience for audience in audiences if audience in wanted]
        if not shared or expires_at < time.time():
            return {"authenticated": False, "error": "token is not for these audiences or unknown"}
        return {
            "authenticated": True,
            "audiences": shared,
            "user": {"username": user, "uid": UID, "groups": []},
        }

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(reviews: TokenReviews) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            allowed = self.headers.get("Authorization") == f"Bearer {reviews.reviewer_token}"
            known = self.path == "/apis/authentication.k8s.io/v1/tokenreviews"
            answer = {**sent, "status": reviews.review(sent["spec"])} if allowed and known else {"kind": "Status"}
            body = json.dumps(answer).encode()
            self.send_response(201 if allowed and known else 401 if known else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Its requests hold tokens."""

    return Handler


def _unsigned(user: str, *, lives_s: float, audience: str = "kubernetes") -> str:
    """In the shape of a projected token; whether it is genuine is TokenReview's to say, by comparing it whole."""
    now = int(time.time())
    _, _, namespace, service_account = user.split(":")
    kubernetes = {"namespace": namespace, "serviceaccount": {"name": service_account, "uid": UID}}
    claims = {
        "iss": "https://kubernetes.default.svc",
        "sub": user,
        "aud": [audience],
        "iat": now,
        "nbf": now,
        "exp": int(now + lives_s),
        "kubernetes.io": kubernetes,
    }
    noise = _base64url(secrets.token_bytes(256))
    return f"{_part({'alg': 'RS256', 'kid': 'k', 'typ': 'JWT'})}.{_part(claims)}.{noise}"


def _part(value: dict[str, Any]) -> str:
    return _base64url(json.dumps(value).encode())


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _openssl(*arguments: str, given: bytes | None = None) -> bytes:
    done = subprocess.run(["openssl", *arguments], input=given, check=True, capture_output=True, timeout=OPENSSL_S)
    return done.stdout
