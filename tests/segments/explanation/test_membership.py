"""Why somebody is in an audience or not, through both services, on a real PostgreSQL."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from directflow.segments.v1 import audience_service_pb2 as wire
from directflow_runtime.errors import StatusCode
from directflow_runtime.remote import remote_error

SECONDS = 20.0
NAME = "workspaces/acme/dataSources/people"


def target(segment: str = "chess", **more: Any) -> wire.Target:
    return wire.Target(data_source=NAME, segment_key=segment, **more)


async def explained(stub: Any, profile_id: str, segment: str = "chess") -> wire.ExplainMembershipResponse:
    request = wire.ExplainMembershipRequest(target=target(segment), profile_id=profile_id)
    response: wire.ExplainMembershipResponse = await stub.ExplainMembership(request, timeout=SECONDS)
    return response


def outcomes(response: wire.ExplainMembershipResponse) -> list[str]:
    names = (wire.ConjunctOutcome.Name(conjunct.outcome) for conjunct in response.conjuncts)
    return [name.removeprefix("CONJUNCT_OUTCOME_") for name in names]


TOLD: dict[str, tuple[bool, list[str], list[str]]] = {
    "1": (True, ["delivered", "duplicates"], ["TRUE", "TRUE", "TRUE"]),
    "2": (False, [], ["TRUE", "NULL", "FALSE"]),
    "3": (False, ["no_contact"], ["TRUE", "TRUE", "TRUE"]),
    "4": (False, ["invalid_contact"], ["TRUE", "TRUE", "TRUE"]),
    "5": (False, [], ["FALSE", "TRUE", "FALSE"]),
    "6": (False, [], ["TRUE", "FALSE", "TRUE"]),
    "7": (False, [], ["UNSPECIFIED", "UNSPECIFIED", "UNSPECIFIED"]),
    "nobody": (False, [], ["UNSPECIFIED", "UNSPECIFIED", "UNSPECIFIED"]),
}


async def test_people_are_told_apart(audiences: Callable[..., Any]) -> None:
    stub = await audiences()
    for profile_id, expected in TOLD.items():
        response = await explained(stub, profile_id)
        assert (response.member, list(response.row_verdicts), outcomes(response)) == expected


async def test_members_are_those_whom_a_stream_delivers(audiences: Callable[..., Any]) -> None:
    stub = await audiences()
    delivered = set()
    async for message in stub.StreamAudience(wire.StreamAudienceRequest(target=target()), timeout=SECONDS):
        if message.WhichOneof("message") == "batch":
            delivered |= set(message.batch.columns.columns[0].integers)
    assert delivered == {number for number in range(8) if (await explained(stub, str(number))).member} == {1}


async def test_conjuncts_are_the_authors_text_at_its_place(audiences: Callable[..., Any]) -> None:
    response = await explained(await audiences(), "1")
    assert [(c.text, c.line, c.column) for c in response.conjuncts] == [
        ("m.club = '<%= club %>'", 2, 7),
        ("p.active", 2, 34),
        ("p.spent > <%= least %>", 3, 7),
    ]
    assert response.note == (
        "Before WHERE there are 2 rows with this profile_id; the outcomes are those of the one that comes nearest."
    )


async def test_others_than_authors_get_places_and_no_sql(audiences: Callable[..., Any]) -> None:
    response = await explained(await audiences(may_define=False), "2")
    assert [(c.text, c.line, c.column) for c in response.conjuncts] == [("", 2, 7), ("", 2, 34), ("", 3, 7)]
    assert outcomes(response) == ["TRUE", "NULL", "FALSE"]


async def test_no_value_of_a_row_is_in_the_answer(audiences: Callable[..., Any]) -> None:
    answer = (await explained(await audiences(), "1")).SerializeToString()
    assert b"ada@x.io" not in answer
    assert b"chess" not in answer


async def test_somebody_whom_the_join_drops_is_told_so(audiences: Callable[..., Any]) -> None:
    assert "No row of the generator's FROM" in (await explained(await audiences(), "7")).note


async def test_other_statements_say_in_or_out(audiences: Callable[..., Any]) -> None:
    union = "SELECT id AS profile_id, email FROM people WHERE active UNION SELECT id, email FROM people WHERE id = 2"
    stub = await audiences(generator_sql=union, discovery_sql="")
    for profile_id, member in (("2", True), ("6", False)):
        request = wire.ExplainMembershipRequest(target=wire.Target(data_source=NAME), profile_id=profile_id)
        response = await stub.ExplainMembership(request, timeout=SECONDS)
        assert (response.member, len(response.conjuncts)) == (member, 0)
        assert "set operation" in response.note


async def test_contact_rules_decide_as_in_a_stream(audiences: Callable[..., Any]) -> None:
    phones = await audiences(contact_rules={"required_contact": "phone"})
    assert list((await explained(phones, "1")).row_verdicts) == ["no_contact", "no_contact"]


@pytest.mark.parametrize(
    ("generator", "member"),
    [
        ("SELECT 1 AS profile_id, 'ada@x.io' AS email FROM generate_series(1, 1500) g WHERE g > 0", True),
        ("SELECT 1 AS profile_id, NULL::text AS email FROM generate_series(1, 1500) g WHERE g > 0", None),
    ],
)
async def test_somebody_with_too_many_rows_is_in_or_cannot_be_told(
    audiences: Callable[..., Any], generator: str, member: bool | None
) -> None:
    stub = await audiences(generator_sql=generator, discovery_sql="")
    request = wire.ExplainMembershipRequest(target=wire.Target(data_source=NAME), profile_id="1")
    if member:
        response = await stub.ExplainMembership(request, timeout=SECONDS)
        assert response.member
        assert len(response.row_verdicts) == 1000
        return
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.ExplainMembership(request, timeout=SECONDS)
    error = remote_error(refused.value)
    assert (error.code, error.reason) == (StatusCode.RESOURCE_EXHAUSTED, "GATEWAY_REFUSED")
    assert error.metadata["gateway_reason"] == "ROW_LIMIT_EXCEEDED"


def asked(data_source: str = NAME, profile_id: str = "1", **more: Any) -> wire.ExplainMembershipRequest:
    return wire.ExplainMembershipRequest(target=wire.Target(data_source=data_source, **more), profile_id=profile_id)


REFUSED: list[tuple[wire.ExplainMembershipRequest, StatusCode, str]] = [
    (asked(profile_id="", segment_key="chess"), StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST"),
    (asked(segment_key="tennis"), StatusCode.NOT_FOUND, "SEGMENT_NOT_FOUND"),
    (asked("workspaces/other/dataSources/people"), StatusCode.PERMISSION_DENIED, "IDENTITY_NOT_ALLOWED"),
    (asked("workspaces/acme/dataSources/gone"), StatusCode.NOT_FOUND, "DATA_SOURCE_NOT_FOUND"),
    (asked(), StatusCode.INVALID_ARGUMENT, "VARIABLE_MISSING"),
]


async def test_what_cannot_be_explained_says_why(audiences: Callable[..., Any]) -> None:
    stub = await audiences()
    for request, code, reason in REFUSED:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ExplainMembership(request, timeout=SECONDS)
        assert (remote_error(refused.value).code, remote_error(refused.value).reason) == (code, reason)
