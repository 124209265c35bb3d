"""A repetition is the same request, of the same caller, under the same id."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from directflow.segments.v1 import data_source_service_pb2 as pb
from directflow_runtime.calls import Call, call_scope
from directflow_runtime.request_ids import repetition_of

ADA = Call(float("inf"), "ada", frozenset({"*"}), "0" * 32, "0" * 16, "")


@pytest.fixture(autouse=True)
def call() -> Iterator[None]:
    with call_scope(ADA):
        yield


def request(request_id: str = "a", text: str = "one") -> pb.UpdateDataSourceRequest:
    bindings = dict.fromkeys("xyz", text)
    return pb.UpdateDataSourceRequest(data_source=pb.DataSource(bindings=bindings), request_id=request_id)


def test_the_same_request_is_a_repetition() -> None:
    assert repetition_of(request()) == repetition_of(request())


def test_without_an_id_nothing_is() -> None:
    assert repetition_of(request("")) == ""


@pytest.mark.parametrize("other", [request("b"), request(text="two")])
def test_another_id_or_another_content_is_none(other: pb.UpdateDataSourceRequest) -> None:
    assert repetition_of(other) != repetition_of(request())


def test_another_caller_who_happens_on_the_same_id_repeats_nothing() -> None:
    mine = repetition_of(request())
    with call_scope(replace(ADA, identity="grace")):
        assert repetition_of(request()) != mine
