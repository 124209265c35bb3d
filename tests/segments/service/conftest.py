"""segments.v1 as callers see it: the real service over gRPC, in front of a gateway that answers by a script."""

from collections.abc import Callable
from typing import Any

import pytest
from directflow.segments.v1 import audience_service_pb2_grpc as stubs
from directflow_segments.data_sources import Role

COLUMNS = {"profile_id": "bigint", "email": "text", "age": "bigint", "score": "double precision", "vip": "boolean"}


def person(number: int | None, email: str | None) -> dict[str, Any]:
    return {"profile_id": number, "email": email, "age": 40, "score": 0.5, "vip": True}


PEOPLE = [
    person(1, "a@b.co"),
    person(2, None),
    person(1, "a@b.co"),
    person(3, "bad"),
    person(None, "x@y.zz"),
    person(4, "d@e.ff"),
    person(5, "e@e.ff"),
    person(6, "f@e.ff"),
]


@pytest.fixture(autouse=True)
def scripts(fake: Any, script: Callable[..., Any]) -> dict[Role, Any]:
    segments = [
        {"id": 7, "community_name": "Berlin", "user_count": 20, "since": None},
        {"id": 8, "community_name": "Köln", "user_count": 10, "since": None},
    ]
    names = {"id": "bigint", "community_name": "text", "user_count": "bigint", "since": "timestamp with time zone"}
    fake.scripts |= {
        Role.DISCOVERY: script(segments, **names),
        Role.GENERATOR: script(list(PEOPLE), **COLUMNS),
        Role.PRELOAD: script([{"plan_name": "gold"}], plan_name="text"),
    }
    return dict(fake.scripts)


@pytest.fixture
async def audience(serve: Any) -> Any:
    return stubs.AudienceServiceStub(await serve())
