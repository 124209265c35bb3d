"""Callers' baggage is a label, where the settings name its key: told on every hop, and nothing else."""

from typing import Any

import pytest
from directflow_runtime.baggage import LONGEST_VALUE, MOST_BYTES, header, labels
from directflow_runtime.settings import IdentitySettings, TelemetrySettings
from google.protobuf.wrappers_pb2 import StringValue
from grpc import StatusCode
from grpc.aio import AioRpcError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import SpanKind
from pydantic import ValidationError

KEYS = frozenset({"flow", "team"})


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("flow=winback", {"flow": "winback"}),
        ("flow=win%20back,team=growth", {"flow": "win back", "team": "growth"}),
        (" flow = winback ;priority=1 , team=growth;a;b=c", {"flow": "winback", "team": "growth"}),
        ("email=jane%40example.com,flow=1", {"flow": "1"}),
        ("flow=a=b", {"flow": "a=b"}),
        ("flow,team=,=x,,;", {}),
        ("flow=%ff", {"flow": "\ufffd"}),
        ("FLOW=loud", {}),
        ("flow=" + "x" * 500, {"flow": "x" * LONGEST_VALUE}),
        ("team=growth," + "x" * MOST_BYTES, {}),
        ("", {}),
    ],
)
def test_only_listed_keys_are_read_and_each_is_bounded(sent: str, read: dict[str, str]) -> None:
    assert labels(sent, KEYS) == read


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=LONGEST_VALUE)


@given(st.dictionaries(st.sampled_from(sorted(KEYS)), texts))
def test_the_next_hop_reads_what_this_one_read(given: dict[str, str]) -> None:
    assert labels(header(given), KEYS) == given


async def labelled(world: Any, until: Any, *headers: tuple[str, str]) -> list[dict[str, Any]]:
    await world.stub("unary_unary")(StringValue(value="go"), metadata=headers)
    await until(lambda: len(world.spans_of(SpanKind.SERVER)) == 2)
    return [
        {name: value for name, value in (span.attributes or {}).items() if "baggage" in name}
        for span in world.spans_of(SpanKind.SERVER)
    ]


async def two_hops(world: Any, **settings: Any) -> Any:
    """Do calls Next, as one service calls the next."""
    made: list[Any] = []

    async def do(request: StringValue, context: Any) -> StringValue:
        return await made[0].stub("unary_unary", "Next")(request)

    async def next_one(request: StringValue, context: Any) -> StringValue:
        return request

    made.append(await world(do, also={"Next": (next_one, "unary_unary")}, **settings))
    return made[0]


async def test_a_listed_key_is_on_every_hop(world: Any, until: Any) -> None:
    at = await two_hops(world, baggage=("flow",))
    told = await labelled(
        at, until, ("baggage", "flow=win%20back,email=jane%40example.com"), ("baggage", "team=growth")
    )
    assert told == [{"directflow.baggage.flow": "win back"}] * 2


async def test_without_a_listed_key_baggage_is_neither_read_nor_handed_on(world: Any, until: Any) -> None:
    assert await labelled(await two_hops(world), until, ("baggage", "flow=winback")) == [{}, {}]


async def test_it_lets_nobody_in(world: Any) -> None:
    at = await two_hops(world, baggage=("flow", "identity"), identity=IdentitySettings())
    with pytest.raises(AioRpcError) as error:
        await at.stub("unary_unary")(StringValue(), metadata=(("baggage", "identity=development"),))
    assert error.value.code() is StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("keys", [["a b"], [""], ["x" * 65], [f"key{n}" for n in range(9)]])
def test_keys_are_few_and_such_as_an_attribute_can_be_named_by(keys: list[str]) -> None:
    with pytest.raises(ValidationError, match="baggage"):
        TelemetrySettings.model_validate({"baggage": keys})
