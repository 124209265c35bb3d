"""The documents of a file: what kind of resource, under which name, and the definition itself."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import Message
from yaml.nodes import MappingNode, Node, ScalarNode

from directflow_cli.definitions.kinds import BY_NAME, Kind, kind_from
from directflow_cli.definitions.nodes import Scalar, child, documents, entries, looks, place
from directflow_cli.definitions.notes import Notes, did_you_mean, listed, shortened
from directflow_cli.definitions.places import Finding, Place, Source
from directflow_cli.definitions.reading import Reader
from directflow_cli.definitions.references import ID, ID_RULE, Names

ENVELOPE: Final = ("kind", "id", "workspace", "spec")
MAX_DOCUMENTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Manifest:
    """One definition as a file says it."""

    kind: Kind
    name: str
    """The full resource name."""
    message: Message = field(repr=False)
    """The resource with its name and nothing that the service writes."""
    source: Source
    node: Node = field(repr=False)
    """The whole document."""

    @property
    def label(self) -> str:
        """For people: "data source members"."""
        return f"{self.kind.title} {self.name.rpartition('/')[2]}"

    @property
    def place(self) -> Place:
        """Where its id stands."""
        return place(self.source, child(self.node, "id") or self.node)

    @property
    def spec(self) -> Node | None:
        """The node with the fields."""
        return child(self.node, "spec")


@dataclass(frozen=True, slots=True)
class ManifestSet:
    """What all files together say."""

    manifests: list[Manifest]
    findings: list[Finding]
    """What is wrong with the files themselves. With any, nothing may be sent anywhere."""


def read_all(sources: Iterable[Source], workspace: str) -> ManifestSet:
    """Reads every document of every file. `workspace` is that of documents that name none."""
    found = ManifestSet([], [])
    for source in sources:
        notes = Notes(source)
        for document in documents(source):
            if isinstance(document, Finding):
                notes.findings.append(document)
            elif not _is_empty(document):
                manifest = _read(document, workspace, notes)
                found.manifests.extend([manifest] if manifest else [])
        found.findings.extend(notes.findings)
    found.findings.extend(_twice(found.manifests))
    if len(found.manifests) > MAX_DOCUMENTS:
        at = found.manifests[MAX_DOCUMENTS].place
        found.findings.append(Finding(f"more than {MAX_DOCUMENTS:,} definitions at once", at, rule="TOO_LARGE"))
    return found


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and looks(node) is Scalar.NULL


def _read(node: Node, workspace: str, notes: Notes) -> Manifest | None:
    if not isinstance(node, MappingNode):
        notes.add(node, "a definition begins with kind, id and spec", "TYPE")
        return None
    given = _envelope(node, notes)
    kind = _kind(node, given, notes)
    where = _text(given, "workspace", notes) if "workspace" in given else workspace
    if not where and not any(finding.rule == "WORKSPACE" for finding in notes.findings):
        hint = "write workspace: beside kind, or give --workspace"
        notes.add(node, "in which workspace?", "WORKSPACE", hint)
    resource_id = _id(node, given, notes)
    message = None
    if kind is not None:
        message = kind.message()
        if "spec" in given:
            Reader(notes, Names(where or "-")).message(given["spec"], message)
        else:
            notes.add(node, "spec is missing", "MISSING_FIELD", "its fields are those of the definition")
    if kind is None or message is None or not where or not resource_id:
        return None
    name = kind.full_name(where, resource_id)
    message.name = name  # type: ignore[attr-defined]
    return Manifest(kind, name, message, notes.source, node)


def _envelope(node: MappingNode, notes: Notes) -> dict[str, Node]:
    given: dict[str, Node] = {}
    for key, name, value in entries(node):
        if name in given or (name == "name" and "id" in given):
            notes.add(key, f"{name} is set twice", "DUPLICATE_FIELD")
        elif name in ENVELOPE:
            given[name] = value
        elif name == "name":
            given["id"] = value
        else:
            hint = did_you_mean(name, ENVELOPE)
            notes.add(key, f"there is no field {shortened(name)} beside kind and spec", "UNKNOWN_FIELD", hint)
    return given


def _kind(node: Node, given: dict[str, Node], notes: Notes) -> Kind | None:
    if "kind" not in given:
        notes.add(node, "kind is missing", "MISSING_FIELD", listed(BY_NAME))
        return None
    text = _text(given, "kind", notes)
    if text in BY_NAME:
        return BY_NAME[text]
    near = kind_from(text)
    hint = f"did you mean {near.name}?" if near else did_you_mean(text, BY_NAME)
    notes.add(given["kind"], f"there is no kind {shortened(text)}", "UNKNOWN_KIND", hint)
    return near or _nearest(text)  # so that the rest is read as well


def _nearest(text: str) -> Kind | None:
    near = difflib.get_close_matches(text, BY_NAME, n=1)
    return BY_NAME[near[0]] if near else None


def _id(node: Node, given: dict[str, Node], notes: Notes) -> str:
    if "id" not in given:
        notes.add(node, "id is missing", "MISSING_FIELD", ID_RULE)
        return ""
    text = _text(given, "id", notes)
    if ID.match(text):
        return text
    notes.add(given["id"], f"{shortened(text)!r} is no id", "NAME", ID_RULE)
    return ""


def _text(given: dict[str, Node], name: str, notes: Notes) -> str:
    node = given[name]
    if isinstance(node, ScalarNode):
        return str(node.value)
    notes.add(node, f"{name} is one word", "TYPE")
    return ""


def _twice(manifests: Iterable[Manifest]) -> Iterable[Finding]:
    first: dict[str, Manifest] = {}
    for manifest in manifests:
        other = first.setdefault(manifest.name, manifest)
        if other is not manifest:
            message = f"the {manifest.label} is defined twice; the other one is at {other.place.label}"
            yield Finding(message, manifest.place, rule="DEFINED_TWICE", resource=manifest.name)
