"""From a resource to what a file says of it: what the reader reads back as the same definition."""

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from directflow_cli.commands.moments import iso_text
from directflow_cli.definitions import fields
from directflow_cli.definitions.defaults import definition_of
from directflow_cli.definitions.kinds import kind_of
from directflow_cli.definitions.references import short
from directflow_cli.definitions.scalars import duration_text
from directflow_cli.definitions.yaml_text import Word, yaml_text


def document_of(resource: Any, *, workspace: bool = False) -> dict[str, Any]:
    """The document of a saved resource, or of one that is to be saved."""
    envelope: dict[str, Any] = {"kind": Word(kind_of(resource.name).name), "id": short(resource.name)}
    if workspace:
        envelope["workspace"] = resource.name.split("/")[1]
    return envelope | {"spec": _fields(definition_of(resource))}


def yaml_of(resource: Any) -> str:
    """The document as YAML."""
    return yaml_text(document_of(resource))


def _fields(message: Message) -> dict[str, Any]:
    written: dict[str, Any] = {}
    into = fields.INLINED.get(message.DESCRIPTOR.full_name)
    for field, value in message.ListFields():
        if field.name == into:
            written |= _fields(value)
        else:
            written[field.name] = _field(field, value)
    return written


def _field(field: FieldDescriptor, value: Any) -> Any:
    if fields.is_map(field):
        return dict(sorted(value.items()))
    if field.is_repeated:
        return [_single(field, item) for item in value]
    return _single(field, value)


def _single(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        return _message(field.message_type.full_name, value)
    if field.enum_type is not None:
        names = {number: name for name, number in fields.enum_names(field.enum_type).items()}
        return Word(names.get(value, value))
    return short(value) if fields.referred(field) else value


def _message(name: str, message: Any) -> Any:
    match name:
        case fields.DURATION:
            return Word(duration_text(message.ToNanoseconds()))
        case fields.TIMESTAMP:
            return iso_text(message)
        case fields.VALUE:
            return _value(message)
        case fields.EXPRESSION:
            return _expression(message)
        case _:
            return _fields(message)


def _value(message: Any) -> Any:
    kind = message.WhichOneof("kind")
    if kind in (None, "null"):
        return None
    found = getattr(message, kind)
    return [_value(item) for item in found.values] if kind == "list" else found


def _expression(message: Any) -> Any:
    match message.WhichOneof("node"):
        case "condition":
            return short(message.condition)
        case "negation":
            return {"not": _expression(message.negation)}
        case None:
            return {}
        case operator:
            return {operator: [_expression(operand) for operand in getattr(message, operator).operands]}
