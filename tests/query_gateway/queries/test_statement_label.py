"""The name that labels a statement in spans and the customer's log lines: a resource of its workspace, or nothing."""

import math
from collections.abc import Iterator

import pytest
from directflow.gateway.v1 import query_service_pb2 as pb
from directflow_gateway.queries.servicer import LONGEST_DEFINITION, admitted
from directflow_runtime.calls import ALL_WORKSPACES, Call, call_scope
from directflow_runtime.errors import DirectFlowError, StatusCode


@pytest.fixture(autouse=True)
def _a_call() -> Iterator[None]:
    with call_scope(Call(math.inf, "conditions", frozenset({ALL_WORKSPACES}), "0" * 32, "0" * 16, "test")):
        yield


def statement(definition: str, role: int = pb.STATEMENT_ROLE_CONDITION) -> pb.Statement:
    return pb.Statement(
        connection="workspaces/acme/connections/main",
        template="SELECT true",
        role=role,  # type: ignore[arg-type]
        definition=definition,
    )


def violations(message: pb.Statement) -> list[tuple[str, str]]:
    with pytest.raises(DirectFlowError) as refusal:
        admitted(message)
    assert (refusal.value.code, refusal.value.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert message.definition not in str(refusal.value)
    return [(violation.field, violation.reason) for violation in refusal.value.violations]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "workspaces/acme/conditions/win_back",
        "workspaces/acme/dataSources/Weekly-2",
        "workspaces/acme/segments/weekly/blocks/first",
    ],
)
def test_no_name_or_one_of_the_connections_workspace_passes(name: str) -> None:
    assert admitted(statement(name)).definition == name


@pytest.mark.parametrize(
    "name",
    [
        "workspaces/other/conditions/win_back",
        "workspaces/acme",
        "conditions/win_back",
        "workspaces/acme/conditions/",
        "workspaces/acme/conditions/ada@example.com",
        "workspaces/acme/conditions/win_back\n",
        "workspaces/acme/conditions/win back",
        "workspaces/acme" + "/conditions/a" * LONGEST_DEFINITION,
    ],
)
def test_any_other_text_is_refused_and_not_repeated(name: str) -> None:
    assert violations(statement(name)) == [("statement.definition", "RESOURCE_NAME")]


def test_the_longest_name_passes_and_one_character_more_does_not() -> None:
    blocks = "workspaces/acme" + ("/blocks/" + "a" * 50) * 3
    longest = blocks + "/blocks/".ljust(LONGEST_DEFINITION - len(blocks), "b")
    assert len(longest) == LONGEST_DEFINITION
    assert admitted(statement(longest)).definition == longest
    assert violations(statement(longest + "b")) == [("statement.definition", "RESOURCE_NAME")]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert violations(statement("anything", role=99)) == [
        ("statement.role", "UNKNOWN_ENUM_VALUE"),
        ("statement.definition", "RESOURCE_NAME"),
    ]
