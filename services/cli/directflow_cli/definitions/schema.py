"""The JSON schema of definition files, for editors; read off the same descriptors that the reader obeys."""

import json
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

from directflow_cli.definitions import fields
from directflow_cli.definitions.expression_nodes import MAX_OPERANDS
from directflow_cli.definitions.kinds import KINDS, Kind
from directflow_cli.definitions.references import ID

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
"""What the YAML language server reads best."""
ID_PATTERN: Final = "^" + ID.pattern.removesuffix(r"\Z") + "$"
_REFERENCE: Final = {"type": "string", "pattern": f"{ID_PATTERN}|^workspaces/"}
_DURATION: Final = {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|[dhms]))+$", "examples": ["30s", "5m", "30d"]}
_VALUE: Final = {"type": ["string", "number", "boolean", "null", "array"], "items": {"type": ["string", "number", "boolean", "null"]}}  # fmt: skip  # noqa: E501
_SCALARS: Final = {"string": {"type": "string"}, "bool": {"type": "boolean"}, "double": {"type": "number"}}
_TYPE_NAMES: Final = {9: "string", 8: "bool", 1: "double"}
"""Of FieldDescriptor.type; every other scalar that a definition has is a whole number."""
_BOOLEAN_WORDS: Final = {"TRUE": True, "FALSE": False}
"""An unquoted TRUE is a boolean for whoever reads YAML by its older version."""


def schema(comments: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The schema of one document. `comments` of fields by full name; default: those of the package."""
    builder = _Builder(_packaged() if comments is None else comments)
    branches = [builder.branch(kind) for kind in KINDS]
    return {
        "$schema": DRAFT,
        "title": "DirectFlow definition",
        "description": "A connection, a data source or a condition, as `directflow apply` takes it.",
        "type": "object",
        "required": ["kind", "spec"],
        "properties": {"kind": {"enum": [kind.name for kind in KINDS]}},
        "oneOf": branches,
        "definitions": dict(sorted(builder.definitions.items())),
    }


def described_fields() -> set[str]:
    """Full names of the fields whose comments the schema shows."""
    return {str(field.full_name) for kind in KINDS for field in _reachable(kind.message.DESCRIPTOR, set())}


def _packaged() -> dict[str, str]:
    text = files("directflow_cli.definitions").joinpath("field_comments.json").read_text("utf-8")
    return dict(json.loads(text))


def _reachable(descriptor: Any, seen: set[str]) -> Iterator[Any]:
    if descriptor.full_name in seen:
        return
    seen.add(descriptor.full_name)
    for field in fields.settable(descriptor).values():
        if not descriptor.full_name.startswith("google."):
            yield field
        if field.message_type is not None and not fields.is_map(field):
            yield from _reachable(field.message_type, seen)


class _Builder:
    def __init__(self, comments: Mapping[str, str]) -> None:
        self._comments = comments
        self.definitions: dict[str, Any] = {}

    def branch(self, kind: Kind) -> dict[str, Any]:
        envelope = {
            "kind": {"const": kind.name},
            "id": {"type": "string", "pattern": ID_PATTERN, "description": f"Id of the {kind.title}."},
            "name": {"type": "string", "pattern": ID_PATTERN, "description": "The same as id."},
            "workspace": {"type": "string", "description": "Default: the workspace of the command line."},
            "spec": self._message(kind.message.DESCRIPTOR),
        }
        either = [{"required": ["id"]}, {"required": ["name"]}]
        return {"properties": envelope, "additionalProperties": False, "oneOf": either}

    def _message(self, descriptor: Any) -> dict[str, Any]:
        match descriptor.full_name:
            case fields.DURATION:
                return dict(_DURATION)
            case fields.TIMESTAMP:
                return {"type": "string", "format": "date-time"}
            case fields.VALUE:
                return dict(_VALUE)
            case fields.EXPRESSION:
                self.definitions.setdefault(descriptor.name, _expression())
            case _:
                if descriptor.name not in self.definitions:
                    self.definitions[descriptor.name] = {}  # a message may hold itself
                    self.definitions[descriptor.name] = self._object(descriptor)
        return {"$ref": f"#/definitions/{descriptor.name}"}

    def _object(self, descriptor: Any) -> dict[str, Any]:
        known = {**fields.inlined(descriptor), **fields.settable(descriptor)}
        hidden = fields.INLINED.get(descriptor.full_name)  # written inline: one way to offer is enough
        properties = {name: self._field(field) for name, field in known.items() if name != hidden}
        needed = [name for name, field in known.items() if fields.required(field) and name != hidden]
        described: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
        if needed or hidden:
            described["required"] = needed or ["name"]
        for oneof in descriptor.oneofs:
            described["oneOf"] = [{"required": [field.name]} for field in oneof.fields]
        return described

    def _field(self, field: Any) -> dict[str, Any]:
        comment = self._comments.get(field.full_name)
        about = {"description": comment} if comment else {}
        if fields.is_map(field):
            return {**about, "type": "object", "additionalProperties": {"type": "string"}}
        one = self._single(field)
        if field.is_repeated:
            return {**about, "type": "array", "items": one}
        # Beside a $ref draft 7 ignores everything.
        return {**about, "allOf": [one]} if about and "$ref" in one else {**about, **one}

    def _single(self, field: Any) -> dict[str, Any]:
        if field.message_type is not None:
            return self._message(field.message_type)
        if field.enum_type is not None:
            names = list(fields.enum_names(field.enum_type))
            return {"enum": names + [_BOOLEAN_WORDS[name] for name in names if name in _BOOLEAN_WORDS]}
        if fields.referred(field):
            return dict(_REFERENCE)
        return dict(_SCALARS.get(_TYPE_NAMES.get(field.type, ""), {"type": "integer"}))


def _expression() -> dict[str, Any]:
    itself = {"$ref": "#/definitions/Expression"}
    operands = {"type": "array", "items": itself, "minItems": 1, "maxItems": MAX_OPERANDS}
    operators = {
        "all_of": {**operands, "description": "True where all of them are."},
        "any_of": {**operands, "description": "True where any of them is."},
        "not": {"allOf": [itself], "description": "True where it is false."},
    }
    branch = {"type": "object", "properties": operators, "additionalProperties": False}
    return {"anyOf": [dict(_REFERENCE), {**branch, "minProperties": 1, "maxProperties": 1}]}
