"""What Vault answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from directflow_runtime.secrets import Secret


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a read or a write; its repr shows no secret."""

    data: Mapping[str, object] = field(repr=False)
    """Empty where Vault answers without data, as a renewed lease does."""
    lease_id: Secret | None
    """None: no lease."""
    lease_duration_s: float
    renewable: bool
    epoch: int
    """Of the login whose token was used: the lease dies with that token."""
