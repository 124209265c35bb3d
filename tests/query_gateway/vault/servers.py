"""The two Vault servers that tests run on: HashiCorp's own (`make tools` builds it) and the one of `directflow dev`.

Both are set up through Vault's HTTP API, so that one test says what both do.
"""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from directflow_cli.dev.vault import StandInVault

from ...ports import free_port
from ...tools import tool

START_S = 30.0
CALL_S = 30.0
POLL_S = 0.02
# The shell outlives nobody: when the test run dies, however it does, its end of the pipe closes and Vault is ended.
KEPT = 'exec 3<&0; "$@" < /dev/null & read -r _ <&3; kill -TERM $!; wait'
BUILT_IN = ("cubbyhole/", "identity/", "sys/", "token/")


@dataclass(frozen=True)
class Reply:
    """What came back: never an exception for a status, because that is what tests are about."""

    status: int
    body: dict[str, Any] = field(repr=False)

    @property
    def data(self) -> dict[str, Any]:
        return self.body["data"]

    @property
    def errors(self) -> list[str]:
        return self.body.get("errors", [])


@dataclass(frozen=True)
class Certificate:
    """A server certificate for 127.0.0.1 with its key, and the authority to trust; all PEM files."""

    certificate: Path
    key: Path
    authority: Path


class Vault(ABC):
    """A Vault server with its root token. It is unsealed, and holds no mount that a test did not make."""

    kind: str
    address: str
    """http://127.0.0.1:port, the same one after a stop."""
    root_token: str
    unseal_key: str
    tls: Certificate | None = None

    def __repr__(self) -> str:
        return f"<{self.kind} Vault at {self.address}>"

    @abstractmethod
    def start(self) -> None:
        """Serves again, unsealed, with all its data; returns when it answers."""

    @abstractmethod
    def stop(self) -> None:
        """Nobody listens at its address afterwards; open connections end."""

    def seal(self) -> None:
        self.ok("PUT", "sys/seal")

    def unseal(self) -> None:
        self.ok("PUT", "sys/unseal", {"key": self.unseal_key}, token="")
        deadline = time.monotonic() + START_S
        while self.api("GET", "sys/health", token="").status != 200:
            assert time.monotonic() < deadline, "Vault stayed sealed"
            time.sleep(POLL_S)

    def api(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One call of /v1/`path`, as root unless `token` says otherwise ("": without a token). OSError when away."""
        token = self.root_token if token is None else token
        sent = {**({"X-Vault-Token": token} if token else {}), **(headers or {})}
        connection = self._connection()
        try:
            connection.request(method, f"/v1/{path}", json.dumps(body) if body is not None else None, sent)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return Reply(answer.status, json.loads(text) if text else {})

    def ok(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, token: str | None = None
    ) -> dict[str, Any]:
        """The body of a call that has to work."""
        reply = self.api(method, path, body, token=token)
        assert reply.status in (200, 204), f"{method} {path}: {reply.status} {reply.errors}"
        return reply.body

    def _connection(self) -> http.client.HTTPConnection:
        place = urlsplit(self.address)
        host, port = place.hostname or "", place.port
        if self.tls is None:
            return http.client.HTTPConnection(host, port, timeout=CALL_S)
        context = ssl.create_default_context(cafile=str(self.tls.authority))
        return http.client.HTTPSConnection(host, port, timeout=CALL_S, context=context)


class StandIn(Vault):
    """The stand-in of `directflow dev`."""

    kind = "stand-in"

    def __init__(self, psql: Path, tls: Certificate | None = None) -> None:
        self.tls = tls
        self._server = StandInVault(psql, tls=(tls.certificate, tls.key) if tls else None)
        self._server.start()
        self.address = self._server.address
        self.root_token, self.unseal_key = self._server.root_token, self._server.unseal_key

    def start(self) -> None:
        self._server.start()
        if self.api("GET", "sys/health", token="").status == 503:
            self.unseal()

    def stop(self) -> None:
        self._server.stop()

    def close(self) -> None:
        self._server.close()


class RealVault(Vault):
    """HashiCorp's Vault in a process of its own, with file storage in a private directory."""

    kind = "real"

    def __init__(self, program: Path, tls: Certificate | None = None) -> None:
        self.tls = tls
        self._program = program
        self._directory = Path(tempfile.mkdtemp(prefix="directflow-vault-"))
        self._process: subprocess.Popen[bytes] | None = None
        port = free_port()
        self.address = f"http{'s' if tls else ''}://127.0.0.1:{port}"
        (self._directory / "config.json").write_text(json.dumps(self._config(port)))
        self._launch()
        made = self.ok("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1}, token="")
        self.root_token, self.unseal_key = made["root_token"], made["keys"][0]
        self.unseal()

    root_token = ""

    def _config(self, port: int) -> dict[str, Any]:
        encryption = (
            {"tls_cert_file": str(self.tls.certificate), "tls_key_file": str(self.tls.key)}
            if self.tls
            else {"tls_disable": True}
        )
        return {
            "storage": {"file": {"path": str(self._directory / "data")}},
            "listener": {"tcp": {"address": f"127.0.0.1:{port}", **encryption}},
            "api_addr": self.address,
            "disable_mlock": True,
            "ui": False,
        }

    def start(self) -> None:
        self._launch()
        self.unseal()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        process.wait(START_S)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._directory)

    def reset(self) -> None:
        """As after a start with an empty storage, in milliseconds: what a test left behind goes."""
        if self._process is None:
            self.start()
        elif self.api("GET", "sys/health", token="").status == 503:
            self.unseal()
        for mount in self._mounts("sys/mounts"):
            # By force where the PostgreSQL of a lease is gone already: an unmount would wait for it.
            if self.api("PUT", f"sys/leases/revoke-prefix/{mount}", {"sync": True}).status >= 400:
                self.ok("PUT", f"sys/leases/revoke-force/{mount}")
            self.ok("DELETE", f"sys/mounts/{mount}")
        for mount in self._mounts("sys/auth"):
            self.ok("DELETE", f"sys/auth/{mount}")

    def _mounts(self, path: str) -> list[str]:
        """Those that a test made."""
        return [mount.rstrip("/") for mount in self.ok("GET", path)["data"] if mount not in BUILT_IN]

    def _launch(self) -> None:
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["sh", "-c", KEPT, "kept", str(self._program), "server", f"-config={self._directory}/config.json"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(self._directory)},
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert time.monotonic() < deadline, (self._directory / "log").read_text()[-2000:]
            time.sleep(POLL_S)

    def _answers(self) -> bool:
        try:
            return self.api("GET", "sys/seal-status", token="").status == 200
        except OSError:
            return False


def real_vault_program() -> Path:
    """HashiCorp's server itself."""
    return tool("vault")
