"""Resource names as the protos declare them, compiled to regular expressions.

An id is a letter or digit, then letters, digits, `-` and `_`, at most 63 characters: names are logged, so they hold no
personal data and nothing that needs escaping.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from google.api import resource_pb2

ID: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}"

_ANY_NAME: Final = rf"[A-Za-z]+/{ID}(/[A-Za-z]+/{ID})*"


def pattern_of(field: Any) -> re.Pattern[str] | None:
    """What a string field must match when it is set; None where it holds no resource name.

    The field is a `google.api.resource_reference`, or the IDENTIFIER `name` of a message that is a resource. A type
    that no file in reach declares is checked for the general shape of a name only.
    """
    reference = field.GetOptions().Extensions[resource_pb2.resource_reference]
    if reference.type and reference.type != "*":
        return _compiled(_declared(field.file).get(reference.type, []))
    if reference.child_type:
        parents = [_parent(pattern) for pattern in _declared(field.file).get(reference.child_type, [])]
        return _compiled(parents)
    own = field.containing_type.GetOptions().Extensions[resource_pb2.resource]
    return _compiled(list(own.pattern)) if own.pattern and field.name == (own.name_field or "name") else None


def _declared(file: Any) -> dict[str, list[str]]:
    """Patterns by type, of every resource in this file and in what it imports."""
    found: dict[str, list[str]] = {}
    for reachable in _closure(file, set()):
        declared = list(reachable.GetOptions().Extensions[resource_pb2.resource_definition])
        declared += [
            message.GetOptions().Extensions[resource_pb2.resource]
            for message in reachable.message_types_by_name.values()
        ]
        found.update((resource.type, list(resource.pattern)) for resource in declared if resource.type)
    return found


def _closure(file: Any, seen: set[str]) -> Iterator[Any]:
    if file.name not in seen:
        seen.add(file.name)
        yield file
        for dependency in file.dependencies:
            yield from _closure(dependency, seen)


def _parent(pattern: str) -> str:
    return "/".join(pattern.split("/")[:-2])


def _compiled(patterns: list[str]) -> re.Pattern[str]:
    shapes = [re.sub(r"\\\{[^/]*\\\}", lambda _: ID, re.escape(pattern)) for pattern in patterns if pattern]
    return re.compile("|".join(f"(?:{shape})" for shape in shapes or [_ANY_NAME]))
