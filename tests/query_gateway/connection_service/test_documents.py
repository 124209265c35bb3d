"""A connection in its document: what comes back is what was saved, and a later version's document is not guessed at."""

from dataclasses import replace
from typing import Any

import pytest
from directflow.gateway.v1 import connection_service_pb2 as pb
from directflow_gateway.connection_service.wire import body_of, definition_of, message_of
from directflow_gateway.connections import Binding, Connection, ConnectionDefinition, CredentialKind, Limits, SslMode
from directflow_runtime.definitions.cache import Saved
from directflow_runtime.definitions.document import Document
from directflow_runtime.errors import Problem, Severity

CONNECTION = Connection(
    workspace="acme",
    id="main",
    host="db.example.com",
    port=6432,
    database="app",
    user="reader",
    sslmode=SslMode.REQUIRE,
    limits=Limits(pool_size=3, statement_timeout_s=1.5, max_rows=10**9, max_bytes=2**40, max_stream_age_s=86_400),
    allowed_functions=frozenset({"b", "a"}),
    credential_kind=CredentialKind.VAULT_STATIC,
)
NAME = CONNECTION.name


@pytest.mark.parametrize("binding", list(Binding))
def test_a_definition_comes_back_as_it_was(binding: Binding) -> None:
    warning = Problem("CONNECTION_TCP", "Nothing listens on port 6432.", Severity.WARNING, field="host", hint="Look.")
    definition = ConnectionDefinition(CONNECTION, binding, (warning,), ("b", "a"))
    assert definition_of(Document(NAME, body_of(definition, definition.problems))) == definition


def test_the_confirming_of_one_save_is_not_kept() -> None:
    confirming = ConnectionDefinition(CONNECTION, Binding.UNBOUND, confirming=True)
    read = definition_of(Document(NAME, body_of(confirming, ())))
    assert (read.confirming, read.binding) == (False, Binding.UNBOUND)


def test_the_name_is_the_documents_and_no_body_can_claim_another_workspace() -> None:
    body = pb.Connection(name="workspaces/other/connections/main", host="h", database="d").SerializeToString()
    assert definition_of(Document(NAME, body)).connection.workspace == "acme"


def test_a_body_without_a_binding_is_unbound() -> None:
    body = pb.Connection(host="h", database="d").SerializeToString()
    assert definition_of(Document(NAME, body)).binding is Binding.UNBOUND


@pytest.mark.parametrize(
    "broken",
    [
        b"\xff\xff",
        pb.Connection(host="", database="d").SerializeToString(),
        pb.Connection(host="h", database="d", role_policy=99).SerializeToString(),  # type: ignore[arg-type]
        pb.Connection(host="h", database="d", credential_kind=99).SerializeToString(),  # type: ignore[arg-type]
        pb.Connection(host="h", database="d", tls=pb.ConnectionTls(mode=99)).SerializeToString(),  # type: ignore[arg-type]
    ],
)
def test_what_this_version_cannot_read_is_a_value_error(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        definition_of(Document(NAME, broken))


def test_defaults_are_not_written_down() -> None:
    plain = ConnectionDefinition(replace(CONNECTION, limits=Limits()))
    message: Any = message_of(Saved(plain, Document(NAME)))
    assert not message.limits.ByteSize()
    assert message.name == NAME
