"""What a file may say of a resource: the fields of its message that an author sets, read off the proto."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from google.api import field_behavior_pb2, resource_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

DURATION: Final = "google.protobuf.Duration"
TIMESTAMP: Final = "google.protobuf.Timestamp"
VALUE: Final = "directflow.sql.v1.Value"
EXPRESSION: Final = "directflow.conditions.v1.Expression"
INLINED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "directflow.segments.v1.DataSourceVariable": "variable",
        "directflow.conditions.v1.ConditionVariable": "variable",
    }
)
"""Messages that hold another one whose fields may stand directly in them: `name` and `kind` of a variable."""
_WRITTEN_BY_SERVICE: Final = frozenset({"etag"})
"""Fields that go both ways on the wire and are never part of a definition."""


@cache
def settable(descriptor: Descriptor | Any) -> Mapping[str, FieldDescriptor]:
    """The fields that a file may set, in the proto's order."""
    return MappingProxyType({field.name: field for field in descriptor.fields if not written_by_service(field)})


def written_by_service(field: FieldDescriptor) -> bool:
    """Whether a file must leave it out."""
    behaviors = _behaviors(field)
    if {field_behavior_pb2.OUTPUT_ONLY, field_behavior_pb2.IDENTIFIER} & behaviors:
        return True
    return field.name in _WRITTEN_BY_SERVICE


@cache
def inlined(descriptor: Descriptor | Any) -> Mapping[str, FieldDescriptor]:
    """Fields of the message within this one that may stand directly in it."""
    name = INLINED.get(descriptor.full_name)
    return settable(descriptor.fields_by_name[name].message_type) if name else MappingProxyType({})


def required(field: FieldDescriptor) -> bool:
    """Whether a file must set it."""
    return field_behavior_pb2.REQUIRED in _behaviors(field)


def referred(field: FieldDescriptor) -> str:
    """The kind of resource whose name the field holds, such as "Connection"; empty for none."""
    reference: Any = field.GetOptions().Extensions[resource_pb2.resource_reference]
    return str(reference.type).rpartition("/")[2]


@cache
def enum_names(descriptor: EnumDescriptor | Any) -> Mapping[str, int]:
    """What a file may say, without the prefix that protobuf wants: `VERIFY_FULL`."""
    prefix = enum_prefix(descriptor)
    return MappingProxyType({value.name.removeprefix(prefix): value.number for value in descriptor.values[1:]})


def enum_prefix(descriptor: EnumDescriptor | Any) -> str:
    """`TLS_MODE_` of `TLS_MODE_UNSPECIFIED`."""
    return str(descriptor.values[0].name).removesuffix("UNSPECIFIED")


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field holds names and values."""
    entry = field.message_type
    return entry is not None and entry.GetOptions().map_entry


def _behaviors(field: FieldDescriptor) -> set[int]:
    return set(field.GetOptions().Extensions[field_behavior_pb2.field_behavior])
