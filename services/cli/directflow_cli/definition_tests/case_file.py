"""What a test file says: tables, rows, events, and what is expected of which definition."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from directflow_cli.definitions.nodes import Scalar, child, documents, entries, items, looks, place
from directflow_cli.definitions.places import Finding, Place, Source

Decided = Literal["TRUE", "FALSE", "ERROR"]
Raw = Literal["TRUE", "FALSE", "NULL", "NO_ROW", "MULTIPLE_ROWS", "ERROR"]
Cell = str | int | float | bool | None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ConditionCase(_Strict):
    """What a condition decides for a profile."""

    condition: str
    profile: str
    variables: dict[str, Any] = Field(default_factory=dict)
    flow: str = ""
    """Where the person stands: what "since flow entry" means."""
    expect: Decided
    raw: Raw | None = None
    """The outcome before the policy, where that matters."""


class AudienceCase(_Strict):
    """Who is in an audience."""

    audience: str
    """The data source."""
    segment: str = ""
    variables: dict[str, Any] = Field(default_factory=dict)
    expect: list[str]
    """Profile ids, in any order."""


class PersonalizationCase(_Strict):
    """What the preload gives for a profile."""

    personalization: str
    """The data source."""
    profile: str
    variables: dict[str, Any] = Field(default_factory=dict)
    expect: dict[str, Cell] | None
    """Every column, or null for no row."""


Case = ConditionCase | AudienceCase | PersonalizationCase


class Content(_Strict):
    """The whole file."""

    schema_files: Annotated[list[str], Field(alias="schema")]
    """SQL that makes the tables, beside this file."""
    tables: dict[str, list[dict[str, Any]]] = Field(default_factory=dict)
    """Rows by table. Columns that a row leaves out take their default, or NULL."""
    events: list[dict[str, Any]] = Field(default_factory=list)
    """Engagement, as `directflow engagement record` takes it."""
    tests: list[Case]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One test file."""

    source: Source
    content: Content
    places: Sequence[Place]
    """Of each test."""

    @property
    def schemas(self) -> list[Path]:
        """The files that make the tables."""
        return [Path(self.source.name).parent / name for name in self.content.schema_files]


def read(source: Source) -> CaseFile | list[Finding]:
    """The file, or what is wrong with it."""
    nodes = list(documents(source))
    wrong = [node for node in nodes if isinstance(node, Finding)]
    if wrong or len(nodes) != 1:
        return wrong or [Finding("a test file is one document", Place(source, 1, 1), rule="TEST_FILE")]
    node: Any = nodes[0]
    try:
        content = TypeAdapter(Content).validate_python(plain(node))
    except ValidationError as problem:
        return [_violation(source, node, error) for error in problem.errors()]
    places = [place(source, item) for item in items(child(node, "tests"))]
    return CaseFile(source, content, places)


def plain(node: Node) -> Any:
    """The value of a node; unquoted TRUE, FALSE and NULL stay words where a word is wanted (see `Decided`)."""
    if isinstance(node, MappingNode):
        return {key: _expected(key, value) for _, key, value in entries(node)}
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.value]
    assert isinstance(node, ScalarNode)
    return _scalar(node)


_WORDS: Final = frozenset({"profile", "segment", "raw", "condition", "audience", "personalization", "flow"})
"""Keys whose value is a text, whatever it looks like: `profile: 7`."""


def _expected(key: str, node: Node) -> Any:
    if key in _WORDS and isinstance(node, ScalarNode):
        return str(node.value)
    if key == "expect" and isinstance(node, ScalarNode) and looks(node) is Scalar.BOOLEAN:
        return str(node.value).upper()
    if key == "expect" and isinstance(node, SequenceNode):
        return [str(item.value) for item in node.value]
    return plain(node)


def _scalar(node: ScalarNode) -> Cell:
    text = str(node.value)
    match looks(node):
        case Scalar.NULL:
            return None
        case Scalar.BOOLEAN:
            return text.lower() == "true"
        case Scalar.INTEGER:
            return int(text) if len(text) <= 20 else text
        case Scalar.NUMBER if repr(float(text)) == text:
            return float(text)
        case _:
            return text


def _violation(source: Source, node: Node, error: Any) -> Finding:
    at, found = node, node
    for part in error["loc"]:
        inner = items(found)[part] if isinstance(part, int) else child(found, str(part))
        found = inner or found
        at = found
    label = ".".join(str(part) for part in error["loc"])
    return Finding(f"{label}: {error['msg']}", place(source, at), rule="TEST_FILE")
