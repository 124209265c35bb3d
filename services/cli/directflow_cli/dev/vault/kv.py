"""Key-value secrets, version 2."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from directflow_cli.dev.vault.core import Backend, Core
from directflow_cli.dev.vault.lifetimes import timestamp
from directflow_cli.dev.vault.refusal import Refused
from directflow_cli.dev.vault.routes import Answer, Request

MOST_SECRETS = 10_000
MOST_VERSIONS = 10
"""Of one secret; older ones go, as with the real one's default."""


@dataclass(slots=True)
class Version:
    data: Mapping[str, Any] | None = field(repr=False)
    created_at: float
    deleted_at: float | None = None


@dataclass(slots=True)
class Secret:
    """Its versions by number, and the number of the newest."""

    versions: dict[int, Version] = field(default_factory=dict, repr=False)
    current: int = 0


class KeyValue(Backend):
    kind = "kv"

    def __init__(self, _: Core, __: str, options: Mapping[str, str]) -> None:
        super().__init__()
        if options.get("version") != "2":
            raise Refused(400, "this stand-in has version 2 of the key-value store only: options.version must be 2")
        self._secrets: dict[str, Secret] = {}
        self.routes.add("data/{path+}", read=self._read, write=self._write, delete=self._delete)
        self.routes.add("metadata/{path+}", read=self._metadata, delete=self._destroy)
        self.routes.add("{path+}", read=self._version_one)

    def _read(self, request: Request, path: str) -> Answer:
        secret = self._secret(path)
        number = int(request.query.get("version") or 0) or secret.current
        if number not in secret.versions:
            raise Refused(404)
        version = secret.versions[number]
        status = 404 if version.deleted_at else 200
        return Answer({"data": version.data, "metadata": _described(number, version)}, status=status)

    def _write(self, request: Request, path: str) -> Answer:
        data = request.body.get("data")
        if not isinstance(data, dict):
            raise Refused(400, "no data provided")
        secret = self._secrets.get(path) or Secret()
        wanted = (request.body.get("options") or {}).get("cas")
        if wanted is not None and wanted != secret.current:
            raise Refused(400, "check-and-set parameter did not match the current version")
        if path not in self._secrets and len(self._secrets) >= MOST_SECRETS:
            raise Refused(429, f"this stand-in holds at most {MOST_SECRETS} secrets")
        self._secrets[path] = secret
        secret.current += 1
        secret.versions[secret.current] = Version(data, time.time())
        secret.versions.pop(secret.current - MOST_VERSIONS, None)
        return Answer(_described(secret.current, secret.versions[secret.current]))

    def _delete(self, _: Request, path: str) -> None:
        """Of the newest version; the others stay readable by number."""
        if path in self._secrets:
            version = self._secrets[path].versions[self._secrets[path].current]
            version.data, version.deleted_at = None, time.time()

    def _metadata(self, _: Request, path: str) -> Answer:
        secret = self._secret(path)
        versions = {str(number): _described(number, version) for number, version in secret.versions.items()}
        settings = {"cas_required": False, "custom_metadata": None, "delete_version_after": "0s", "max_versions": 0}
        numbers = {"current_version": secret.current, "oldest_version": min(secret.versions) - 1}
        return Answer({**settings, **numbers, "versions": versions})

    def _version_one(self, _: Request, path: str) -> Answer:
        """A path without data/ in front of it."""
        return Answer(warnings=("Invalid path for a versioned K/V secrets engine.",), status=404)

    def _destroy(self, _: Request, path: str) -> None:
        self._secrets.pop(path, None)

    def _secret(self, path: str) -> Secret:
        if path not in self._secrets:
            raise Refused(404)
        return self._secrets[path]


def _described(number: int, version: Version) -> dict[str, Any]:
    return {
        "created_time": timestamp(version.created_at),
        "custom_metadata": None,
        "deletion_time": timestamp(version.deleted_at) if version.deleted_at else "",
        "destroyed": False,
        "version": number,
    }
