"""What a caller asks the gateway to run: an author's statement, what it is for, and how far this call may go."""

import enum
import hashlib
from dataclasses import dataclass, field

from directflow_gateway.connections import LimitOverrides
from directflow_gateway.sql import Variable


class StatementRole(enum.Enum):
    """What a statement is for; it decides the contract that its columns must keep."""

    DISCOVERY = "discovery"
    GENERATOR = "generator"
    PRELOAD = "preload"
    CONDITION = "condition"
    AD_HOC = "ad hoc"


@dataclass(frozen=True, slots=True, repr=False)
class Statement:
    """An author's SQL and its frame. It holds no value."""

    connection: str
    """`workspaces/{workspace}/connections/{connection}`."""
    template: str
    role: StatementRole
    variables: tuple[Variable, ...] = ()
    definition: str = ""
    """Resource name of the definition: a label for spans and `application_name`."""
    revision: int = 0
    limits: LimitOverrides = field(default_factory=LimitOverrides)
    allowed_functions: frozenset[str] = frozenset()
    """Functions beyond the connection's own; only identities that may define send any."""
    key_column: str = ""
    """The column that a discovery query must have; empty stands for `id`."""

    def digest(self) -> bytes:
        """Tells statements apart within a connection: template, kinds, role, key column and allowed functions."""
        digest = hashlib.blake2b(digest_size=16)
        kinds = [f"{v.name}:{v.kind.value}:{v.is_list}" for v in self.variables]
        for part in (self.template, self.role.value, self.key_column, *kinds, *sorted(self.allowed_functions)):
            # The length in front keeps ("ab", "c") and ("a", "bc") apart.
            encoded = part.encode("utf-8", "surrogatepass")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        return digest.digest()
