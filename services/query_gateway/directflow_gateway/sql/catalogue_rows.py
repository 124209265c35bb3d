"""The facts out of the rows that a catalogue query returns. Who asks, and how, is not decided here."""

import json
from collections.abc import Iterable
from typing import Any

from directflow_gateway.sql.catalogue import (
    BuiltIn,
    CastFact,
    CatalogueFacts,
    Facts,
    FunctionFact,
    OperatorFact,
    RelationFact,
    TypeFact,
)
from directflow_gateway.sql.node_tree import objects_of_fields


def facts_from_rows(rows: Iterable[tuple[str, str]]) -> CatalogueFacts:
    """The facts in rows of two texts: the kind of a fact, and the fact as JSON.

    One row "path" (a list of schemas) and one "built_in" (OID to "name volatility") are needed; "function", "operator",
    "cast", "type" and "relation" have the names of the facts' fields, and `fields` for node trees (see node_tree).
    """
    found: dict[str, list[Any]] = {}
    for kind, document in rows:
        found.setdefault(kind, []).append(json.loads(document))
    built_in = {int(oid): BuiltIn(*text.rsplit(" ", 1)) for oid, text in found["built_in"][0].items()}
    return CatalogueFacts(
        built_in=built_in,
        functions=Facts(_function(row) for row in found.get("function", ())),
        operators=Facts(OperatorFact(**_numbers(row)) for row in found.get("operator", ())),
        casts=tuple(CastFact(**_numbers(row)) for row in found.get("cast", ())),
        types=Facts(_type(row) for row in found.get("type", ())),
        relations=Facts(_relation(row) for row in found.get("relation", ())),
        search_path=tuple(found["path"][0]),
    )


def _function(row: dict[str, Any]) -> FunctionFact:
    return FunctionFact(**{**_numbers(row), "extension": row["extension"] or ""})


def _type(row: dict[str, Any]) -> TypeFact:
    row = _numbers(row)
    checks = objects_of_fields(row["fields"] or ())
    return TypeFact(row["oid"], row["schema"], row["name"], _set(row["parts"]), checks)


def _relation(row: dict[str, Any]) -> RelationFact:
    row = _numbers(row)
    rules = objects_of_fields(row["fields"] or ())
    names = (row["schema"], row["name"], row["kind"])
    return RelationFact(row["oid"], *names, row["row_type"], _set(row["children"]), rules)


_NUMBERS = ("oid", "function", "source", "target", "row_type")


def _numbers(row: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL writes an oid into JSON as a string."""
    return {name: int(value) if name in _NUMBERS else value for name, value in row.items()}


def _set(numbers: list[str] | None) -> frozenset[int]:
    return frozenset(map(int, numbers or ()))
