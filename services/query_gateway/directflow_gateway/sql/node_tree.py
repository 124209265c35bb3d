"""PostgreSQL's own form of an analysed query: `{OPEXPR :opno 96 :opfuncid 65 ...}`. Only its object numbers are read.

Views, policies and CHECK constraints are stored in it (pg_rewrite.ev_action), and `debug_print_rewritten` prints a
statement in it: the exact answer to what its names mean. An author's names are in it too, but PostgreSQL escapes their
blanks, so that they cannot look like a field; if they could, they would add a number and never hide one.
"""

import re
from collections.abc import Iterable

from directflow_gateway.sql.catalogue import FIRST_OF_CUSTOMER, NodeObjects

FIELD_PATTERN = r":([A-Za-z_]+)\s+(?:\(o\s+)?([1-9][0-9\s]*)"
"""A field with its number or numbers: `:opno 96`, `:opnos (o 96 97)`. Means the same to Python and to PostgreSQL.

What the server prints is wrapped at blanks, after 78 characters: a field and its number may be on two lines.
"""

_FUNCTION_FIELDS = frozenset(
    {
        "funcid", "aggfnoid", "winfnoid", "opfuncid", "hashfuncid", "negfuncid", "tsmhandler", "startInRangeFunc",
        "endInRangeFunc", "elemfuncid",
    }
)  # fmt: skip
_OPERATOR_FIELDS = frozenset({"opno", "opnos", "eqop", "sortop", "cycle_mark_neop"})
_RELATION_FIELDS = frozenset({"relid"})
_READ_TYPE_FIELDS = frozenset({"vartype", "ctecoltypes", "colTypes"})
_TYPE_SUFFIXES = ("type", "types", "typid", "typeid")

RELEVANT_SUFFIXES = "(funcid|fnoid|tsmhandler|rangefunc|opno|opnos|eqop|sortop|neop|relid|type|types|typid|typeid)$"
"""What the server filters by (in any case) before it sends fields: a superset of the above."""


def objects_in(tree: str) -> NodeObjects:
    """The objects that a node tree names."""
    return objects_of_fields(f"{name} {numbers}" for name, numbers in re.findall(FIELD_PATTERN, tree))


def objects_of_fields(fields: Iterable[str]) -> NodeObjects:
    """The same from fields already cut out of a tree: "opno 96", "opnos 96 97"."""
    found: dict[str, set[int]] = {}
    for text in fields:
        name, *numbers = text.split()
        kind = _kind(name)
        if kind is not None:
            found.setdefault(kind, set()).update(map(int, numbers))
    for kind in ("types", "read_types"):
        # PostgreSQL's own types are harmless, and enumerations look like types: `:jointype 1`.
        found[kind] = {oid for oid in found.get(kind, ()) if oid >= FIRST_OF_CUSTOMER}
    return NodeObjects(**{kind: frozenset(numbers) for kind, numbers in found.items()})


def _kind(field: str) -> str | None:
    if field in _FUNCTION_FIELDS:
        return "functions"
    if field in _OPERATOR_FIELDS:
        return "operators"
    if field in _RELATION_FIELDS:
        return "relations"
    if field in _READ_TYPE_FIELDS:
        return "read_types"
    return "types" if field.lower().endswith(_TYPE_SUFFIXES) else None
