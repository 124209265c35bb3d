"""Names of other resources in a definition: an id of the same workspace, or the full name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import Message
from yaml.nodes import ScalarNode

from directflow_cli.definitions import fields
from directflow_cli.definitions.kinds import BY_NAME
from directflow_cli.definitions.notes import Notes, shortened

ID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}\Z")
ID_RULE: Final = "a letter, then letters, digits, - and _; at most 63 characters"


@dataclass(frozen=True, slots=True)
class Names:
    """Resolves what a document of `workspace` calls others."""

    workspace: str

    def resolve(self, node: ScalarNode, kind_name: str, notes: Notes) -> str | None:
        """The full name; None where it was noted as wrong."""
        kind, given = BY_NAME[kind_name], str(node.value)
        if not given.startswith("workspaces/"):
            if ID.match(given):
                return kind.full_name(self.workspace, given)
            notes.add(node, f"{shortened(given)!r} is no id of a {kind.title}", "NAME", ID_RULE)
            return None
        parts = given.split("/")
        if len(parts) != 4 or parts[2] != kind.collection or not ID.match(parts[3]):
            message = f"{shortened(given)} is no name of a {kind.title}"
            notes.add(node, message, "NAME", f"its id alone: {shortened(parts[-1])}")
            return None
        if parts[1] != self.workspace:
            own = shortened(self.workspace)
            message = f"{shortened(given)} is in another workspace; this definition is in {own}"
            notes.add(node, message, "OTHER_WORKSPACE", f"a {kind.title} of workspaces/{own}")
            return None
        return given


def referenced(message: Message) -> Iterator[str]:
    """Full names of everything that the definition uses, each as often as it does."""
    for field, value in message.ListFields():
        repeated = field.is_repeated
        if fields.is_map(field):
            continue
        if field.message_type is not None:
            parts: Any = value if repeated else [value]
            for part in parts:
                yield from referenced(part)
        elif fields.referred(field) and value:
            yield from value if repeated else [value]


def short(name: str) -> str:
    """The id of a full name."""
    return name.rpartition("/")[2]
