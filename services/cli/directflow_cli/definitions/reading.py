"""From the nodes of a file to the message that they describe: strict, and with a place for everything that is wrong."""

from collections.abc import Mapping
from typing import Any, Final, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from directflow_cli.commands import moments
from directflow_cli.definitions import fields
from directflow_cli.definitions.expression_nodes import read_expression
from directflow_cli.definitions.nodes import Scalar, entries, looks
from directflow_cli.definitions.notes import Notes, did_you_mean, listed, nearest, shortened
from directflow_cli.definitions.references import Names
from directflow_cli.definitions.scalars import EXAMPLES, duration_from

_INTEGERS: Final[Mapping[int, tuple[int, int]]] = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}


class Reader:
    """Reads one document. What it cannot read it notes, and goes on."""

    def __init__(self, notes: Notes, names: Names) -> None:
        self._notes = notes
        self._names = names

    def message(self, node: Node, message: Message) -> None:
        """Fills the message from a node."""
        match message.DESCRIPTOR.full_name:
            case fields.DURATION:
                self._duration(node, message)
            case fields.TIMESTAMP:
                self._timestamp(node, message)
            case fields.VALUE if not isinstance(node, MappingNode):
                self._value(node, message)
            case fields.EXPRESSION:
                read_expression(node, message, self._notes, self._names)
            case _:
                self._fields(node, message)

    def _fields(self, node: Node, message: Message) -> None:
        descriptor = message.DESCRIPTOR
        known = fields.settable(descriptor)
        if not isinstance(node, MappingNode):
            self._notes.add(node, f"fields are expected here, such as {listed(list(known)[:3])}", "TYPE")
            return
        seen: set[str] = set()
        for key, name, value in entries(node):
            if name in seen:
                self._notes.add(key, f"{name} is set twice", "DUPLICATE_FIELD")
            elif name in known:
                self._field(key, value, known[name], message)
            elif name in (within := fields.inlined(descriptor)):
                self._field(key, value, within[name], getattr(message, fields.INLINED[descriptor.full_name]))
            else:
                # Who misspelt a field need not hear that it is missing as well.
                seen.update(self._unknown(key, name, descriptor))
            seen.add(name)
        self._required(node, message, seen)

    def _unknown(self, key: Node, name: str, descriptor: Any) -> list[str]:
        """Notes it; the field that was meant, where that can be told."""
        if name in descriptor.fields_by_name:
            hint = "leave it out" if name != "name" else "write id beside kind"
            self._notes.add(key, f"{name} is written by the service", "OUTPUT_ONLY", hint)
            return []
        known = [*fields.inlined(descriptor), *fields.settable(descriptor)]
        message = f"there is no field {shortened(name)}" if name else "a field's name must be text"
        self._notes.add(key, message, "UNKNOWN_FIELD", did_you_mean(name, known))
        return nearest(name, known)

    def _required(self, node: MappingNode, message: Message, seen: set[str]) -> None:
        descriptor = message.DESCRIPTOR
        for name, field in fields.settable(descriptor).items():
            if fields.required(field) and name not in seen and not seen & set(fields.inlined(descriptor)):
                self._notes.add(node, f"{name} is missing", "MISSING_FIELD")
        for oneof in descriptor.oneofs:
            members = [field.name for field in oneof.fields]
            if descriptor.full_name != fields.VALUE and not seen & set(members):
                self._notes.add(node, f"one of {listed(members)} is missing", "MISSING_FIELD")

    def _field(self, key: Node, value: Node, field: FieldDescriptor, message: Message) -> None:
        if isinstance(value, ScalarNode) and looks(value) is Scalar.NULL and field.name != "default_value":
            self._notes.add(key, f"{field.name} has no value", "NO_VALUE", "give one, or leave the field out")
            return
        oneof = field.containing_oneof
        set_already = message.WhichOneof(oneof.name) if oneof is not None else None
        if set_already is not None:
            self._notes.add(key, f"{field.name} cannot stand beside {set_already}: only one of them holds", "ONE_OF")
        elif fields.is_map(field):
            self._map(value, field, message)
        elif field.is_repeated:
            self._list(value, field, message)
        elif field.message_type is not None:
            into = getattr(message, field.name)
            into.SetInParent()
            self.message(value, into)
        elif (scalar := self._scalar(value, field)) is not None:
            setattr(message, field.name, scalar)

    def _list(self, node: Node, field: FieldDescriptor, message: Message) -> None:
        if not isinstance(node, SequenceNode):
            self._notes.add(node, f"{field.name} is a list", "TYPE", "put - before each element")
            return
        repeated: Any = getattr(message, field.name)
        for item in node.value:
            if field.message_type is not None:
                self.message(item, repeated.add())
            elif (scalar := self._scalar(item, field)) is not None:
                repeated.append(scalar)

    def _map(self, node: Node, field: FieldDescriptor, message: Message) -> None:
        if not isinstance(node, MappingNode):
            self._notes.add(node, f"{field.name} holds names and values", "TYPE", "write name: value")
            return
        entry, entry_type = getattr(message, field.name), cast(Any, field.message_type)
        for key, name, value in entries(node):
            if name in entry:
                self._notes.add(key, f"{name} is set twice", "DUPLICATE_FIELD")
            scalar = self._scalar(value, entry_type.fields_by_name["value"])
            if scalar is not None:
                entry[name] = scalar

    def _scalar(self, node: Node, field: FieldDescriptor) -> Any:
        """The Python value; None where it was noted as wrong."""
        if not isinstance(node, ScalarNode):
            self._notes.add(node, f"{field.name} is one value", "TYPE")
            return None
        if field.enum_type is not None:
            return self._enum(node, field)
        if field.cpp_type in _INTEGERS:
            return self._integer(node, field)
        if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
            return self._boolean(node, field)
        if field.cpp_type == FieldDescriptor.CPPTYPE_DOUBLE:
            return self._number(node, field)
        if kind := fields.referred(field):
            return self._names.resolve(node, kind, self._notes)
        return self._text(node, field)

    def _text(self, node: ScalarNode, field: FieldDescriptor) -> str | None:
        if looks(node) is Scalar.NULL:
            self._notes.add(node, f"{field.name} has no value", "NO_VALUE", "give one, or leave the field out")
            return None
        return str(node.value)

    def _integer(self, node: ScalarNode, field: FieldDescriptor) -> int | None:
        low, high = _INTEGERS[field.cpp_type]
        # Length first: int() of a megabyte of digits takes a while.
        if looks(node) is Scalar.INTEGER and len(node.value) <= 20 and low <= int(node.value) <= high:
            return int(node.value)
        self._notes.add(node, f"{field.name} is a whole number from {low:,} to {high:,}", "TYPE", "digits, unquoted")
        return None

    def _number(self, node: ScalarNode, field: FieldDescriptor) -> float | None:
        if looks(node) in (Scalar.INTEGER, Scalar.NUMBER):
            return float(node.value)
        self._notes.add(node, f"{field.name} is a number", "TYPE", "digits, unquoted")
        return None

    def _boolean(self, node: ScalarNode, field: FieldDescriptor) -> bool | None:
        if looks(node) is Scalar.BOOLEAN:
            return str(node.value).lower() == "true"
        self._notes.add(node, f"{field.name} is true or false", "TYPE")
        return None

    def _enum(self, node: ScalarNode, field: FieldDescriptor) -> int | None:
        names = fields.enum_names(field.enum_type)
        # In any letter case: an unquoted FALSE is a boolean for other tools, and they may rewrite it.
        given = str(node.value).upper().removeprefix(fields.enum_prefix(field.enum_type))
        if given in names:
            return names[given]
        self._notes.add(node, f"{field.name} cannot be {node.value}", "UNKNOWN_VALUE", did_you_mean(given, names))
        return None

    def _duration(self, node: Node, message: Any) -> None:
        found = duration_from(node.value) if isinstance(node, ScalarNode) else None
        if found is None:
            self._notes.add(node, "this is no duration", "TYPE", f"write {EXAMPLES}")
        else:
            message.FromNanoseconds(found)

    def _timestamp(self, node: Node, message: Message) -> None:
        try:
            message.CopyFrom(moments.timestamp(node.value if isinstance(node, ScalarNode) else ""))
        except ValueError as problem:
            self._notes.add(node, f"this {problem}", "TYPE", "write 2026-11-20T10:00:00Z")

    def _value(self, node: Node, message: Any) -> None:
        if isinstance(node, SequenceNode):
            message.list.SetInParent()
            for item in node.value:
                self.message(item, message.list.values.add())
        elif isinstance(node, ScalarNode):
            self._value_scalar(node, message)

    def _value_scalar(self, node: ScalarNode, message: Any) -> None:
        match looks(node):
            case Scalar.NULL:
                message.null = True
            case Scalar.BOOLEAN:
                message.boolean = node.value.lower() == "true"
            case Scalar.INTEGER if len(node.value) <= 20 and -(2**63) <= int(node.value) < 2**63:
                message.integer = int(node.value)
            case Scalar.NUMBER if repr(float(node.value)) == node.value:
                message.number = float(node.value)
            case _:
                # As it stands: 1.50 stays exact, and so does an integer beyond 64 bits.
                message.text = node.value
