"""What is asked of Vault."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from directflow_runtime.secrets import Secret


@dataclass(frozen=True, slots=True)
class Request:
    """One request; its repr shows neither path nor token nor body."""

    method: str
    path: str = field(repr=False)
    """Below /v1/."""
    token: Secret | None = None
    body: Mapping[str, object] | None = field(default=None, repr=False)

    def lane(self) -> int:
        """Equal for what hangs together: a path, a lease. In place of the texts, which nobody has to keep."""
        return hash((self.path, (self.body or {}).get("lease_id")))
