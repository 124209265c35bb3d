"""The whole of v1 is built, and everything in it answers in the form of every other answer."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from directflow.conditions.v1 import condition_service_pb2, engagement_service_pb2, evaluation_service_pb2
from directflow.gateway.v1 import (
    connection_service_pb2,
    definition_service_pb2,
    engagement_store_service_pb2,
    query_service_pb2,
)
from directflow.segments.v1 import audience_service_pb2, data_source_service_pb2
from directflow_runtime.errors import StatusCode
from directflow_runtime.remote import remote_error
from google.api import resource_pb2
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

FILES = {
    "gateway": (
        query_service_pb2,
        connection_service_pb2,
        definition_service_pb2,
        engagement_store_service_pb2,
    ),
    "segments": (audience_service_pb2, data_source_service_pb2),
    "conditions": (condition_service_pb2, evaluation_service_pb2, engagement_service_pb2),
}


def methods() -> Iterator[Any]:
    for service, files in FILES.items():
        for file in files:
            for described in file.DESCRIPTOR.services_by_name.values():
                for method in described.methods:
                    yield pytest.param(service, method, id=f"{described.name}.{method.name}")


def sample(field: FieldDescriptor, depth: int) -> Any:
    """Something that a required field may hold."""
    if field.message_type is not None:
        return filled(GetMessageClass(field.message_type)(), depth + 1)
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    match field.type:
        case FieldDescriptor.TYPE_STRING:
            return resource_name(field)
        case FieldDescriptor.TYPE_BYTES:
            return b"x"
        case _:
            return 1


def resource_name(field: FieldDescriptor) -> str:
    """A name of the right form where the field holds one, else a word."""
    reference = field.GetOptions().Extensions[resource_pb2.resource_reference]
    own = field.containing_type.GetOptions().Extensions[resource_pb2.resource].type if field.name == "name" else ""
    kind = (reference.type or own).rpartition("/")[2]
    if reference.child_type or kind == "Workspace":
        return "workspaces/demo"
    return f"workspaces/demo/{kind[0].lower()}{kind[1:]}s/one" if kind else "word"


def filled(message: Message, depth: int = 0) -> Message:
    """The message with every field filled: a call must get past validation to meet what is built."""
    if depth > 4:
        return message
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is not None and message.WhichOneof(field.containing_oneof.name):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        if field.is_repeated:
            getattr(message, field.name).extend([sample(field, depth)])
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(sample(field, depth))
        else:
            setattr(message, field.name, sample(field, depth))
    return message


def call(channel: grpc.aio.Channel, method: MethodDescriptor, message: Message) -> Any:
    path = f"/{method.containing_service.full_name}/{method.name}"
    kinds = {(False, False): "unary_unary", (False, True): "unary_stream", (True, True): "stream_stream"}
    kinds[True, False] = "stream_unary"
    make = getattr(channel, kinds[method.client_streaming, method.server_streaming])
    start = make(
        path,
        request_serializer=lambda one: one.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    return start(iter([message]) if method.client_streaming else message, timeout=15)


@pytest.mark.parametrize(("service", "method"), list(methods()))
async def test_every_method_is_built_and_refuses_with_a_reason(
    platform: Any, client: Any, service: str, method: MethodDescriptor
) -> None:
    message = filled(GetMessageClass(method.input_type)())
    try:
        await ended(call(client.channels[service], method, message))
    except grpc.aio.AioRpcError as failed:
        error = remote_error(failed)
        assert error.code not in (StatusCode.UNIMPLEMENTED, StatusCode.INTERNAL, StatusCode.UNKNOWN), error
        assert error.reason
        assert error.domain == f"{service}.directflow"
        assert error.request_id


async def ended(answer: Any) -> None:
    """Reads an answer, unary or stream, to its end."""
    if hasattr(answer, "__aiter__"):
        async for _ in answer:
            pass
    else:
        await answer


def test_every_service_of_v1_is_known_to_reflection(platform: Any) -> None:
    for name, files in FILES.items():
        with grpc.insecure_channel(platform.services[name].address) as channel:
            known = set(ProtoReflectionDescriptorDatabase(channel).get_services())
        expected = {one.full_name for file in files for one in file.DESCRIPTOR.services_by_name.values()}
        assert expected <= known
