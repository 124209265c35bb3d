"""A connection as a resource that somebody saves: the connection itself, and whether its credential may be used."""

import enum
from dataclasses import dataclass, field, replace
from typing import Self

from directflow_runtime.errors import DirectFlowError, Problem, StatusCode

from directflow_gateway.connections.connection import Connection


class Binding(enum.Enum):
    """Whether the credential belongs to the connection's present target."""

    BOUND = "bound"
    UNBOUND = "unbound"
    """Its target changed, and nobody has confirmed yet: a new host must not be handed the password."""


@dataclass(frozen=True, slots=True)
class ConnectionDefinition:
    """What is saved under a connection's name."""

    connection: Connection
    binding: Binding = Binding.BOUND
    problems: tuple[Problem, ...] = ()
    """What checking it said when it was saved."""
    functions: tuple[str, ...] = ()
    """The connection's allowed functions in their author's order, so that he gets back what he wrote."""
    confirming: bool = field(default=False, compare=False)
    """True while somebody confirms its credential. No request can set it but ConfirmCredential, and it is not saved."""

    def settled(self, last: Self | None, *, known_before: bool) -> Self:
        """This definition with the binding that it has once it is saved over `last`.

        `known_before`: the name was used before. Where nobody can read any more for what, its credential is unbound.
        """
        if self.confirming:
            return replace(self, binding=Binding.BOUND)
        if last is None:
            return replace(self, binding=Binding.UNBOUND if known_before else Binding.BOUND)
        same = self.connection.target == last.connection.target
        return replace(self, binding=last.binding if same else Binding.UNBOUND)


def credential_unbound() -> DirectFlowError:
    """Nothing connects until somebody has confirmed."""
    message = (
        "host, port, user, TLS or kind of credential of this connection changed, and nobody has confirmed that its"
        " credential may be sent there: somebody who may define looks at the connection and confirms"
        " (`directflow connection confirm`, or ConfirmCredential with its etag)"
    )
    return DirectFlowError(StatusCode.FAILED_PRECONDITION, "CREDENTIAL_UNBOUND", message)
