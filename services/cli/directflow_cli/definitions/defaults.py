"""The documented defaults, so that saying one and leaving it out are the same definition."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.message import Message

from directflow_cli.definitions.fields import DURATION, VALUE, is_map, settable

_SECOND: Final = 1_000_000_000
_PRUNED: Final[Mapping[str, Mapping[str, Any]]] = {
    "directflow.gateway.v1.Connection": {"port": 5432, "credential_kind": 1, "role_policy": 1},
    "directflow.gateway.v1.ConnectionTls": {"mode": 1},
    "directflow.gateway.v1.ConnectionLimits": {
        "pool_size": 8,
        "statement_timeout": 60 * _SECOND,
        "lock_timeout": 5 * _SECOND,
        "max_rows": 50_000_000,
        "max_bytes": 64 * 1024**3,
        "max_row_bytes": 7 * 512 * 1024,
        "max_stream_age": 3600 * _SECOND,
    },
    "directflow.segments.v1.DataSource": {"key_column": "id"},
    "directflow.segments.v1.ContactRules": {"required_contact": 1},
    "directflow.sql.v1.Variable": {"kind": 1},
    "directflow.conditions.v1.Policy": {"on_null": 2, "on_no_row": 2, "on_multiple_rows": 3, "on_error": 3},
    "directflow.engagement.v1.EventPredicate": {"comparison": 1, "scope": 1},
}
"""By message and field, as the protos' comments state them; durations in nanoseconds."""


def definition_of(resource: Message) -> Any:
    """A copy with what an author can set and nothing else, and without what the defaults say anyway."""
    copy: Any = type(resource)()
    copy.CopyFrom(resource)
    _strip(copy)
    _prune(copy)
    return copy


def _strip(message: Message) -> None:
    known = settable(message.DESCRIPTOR)
    for field, _ in message.ListFields():
        if field.name not in known:
            message.ClearField(field.name)


def _prune(message: Any) -> None:
    defaults = _PRUNED.get(message.DESCRIPTOR.full_name, {})
    for field, value in message.ListFields():
        if field.message_type is None:
            if field.name in defaults and value == defaults[field.name]:
                message.ClearField(field.name)
        elif not is_map(field):
            _prune_within(message, field, value, defaults.get(field.name))
    _one_at_least(message)


def _prune_within(message: Any, field: Any, value: Any, default: int | None) -> None:
    for part in value if field.is_repeated else [value]:
        if field.message_type.full_name != VALUE:
            _prune(part)
    if field.is_repeated or field.containing_oneof is not None:
        return
    if default is not None:
        by_default = value.ToNanoseconds() in (0, default)
    else:
        by_default = not value.ByteSize() and field.message_type.full_name not in (VALUE, DURATION)
    if by_default:
        message.ClearField(field.name)


def _one_at_least(message: Any) -> None:
    """AT_LEAST 0 stands for AT_LEAST 1."""
    if message.DESCRIPTOR.name == "EventPredicate" and message.comparison == 0 and message.count == 1:
        message.ClearField("count")
