"""The committed lists of names, read once."""

import functools
from collections.abc import Mapping
from importlib.resources import files

_PACKAGE = "directflow_gateway.sql"


def is_built_in(name: str) -> bool:
    """Whether `name` is a function of PostgreSQL's own that changes nothing and tells nothing about the server."""
    return name in _names("built_in_functions")


def extension_names() -> frozenset[str]:
    """Names of harmless functions of extensions that we trust; whose they are is for the catalogue to say."""
    return _names("extension_functions")


def is_refused_attribute(name: str) -> bool:
    """Whether `row.name` would call a refused function of PostgreSQL's own when the row has no such column."""
    return name in _names("refused_attributes")


def is_of_information_schema(name: str) -> bool:
    """Whether information_schema has a relation `name`: a role's search_path may make it reachable without a schema."""
    return name in _names("information_schema")


def similar_built_in(name: str) -> str:
    """The built-in function that `name` is probably a slip of (a letter more, less, other, or two swapped); else "".

    Looked up, not searched: a statement may hold a thousand unknown names.
    """
    if len(name) < SHORTEST_SLIP:
        return ""
    return min((known for part in _with_one_less(name) for known in _by_part().get(part, ())), default="")


SHORTEST_SLIP = 4
"""Among shorter names everything is similar to everything."""


def _with_one_less(name: str) -> set[str]:
    return {name, *(name[:place] + name[place + 1 :] for place in range(len(name)))}


@functools.cache
def _by_part() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in _names("built_in_functions"):
        for part in _with_one_less(name) if len(name) >= SHORTEST_SLIP else ():
            found[part] = (*found.get(part, ()), name)
    return found


@functools.cache
def _names(file: str) -> frozenset[str]:
    return frozenset(files(_PACKAGE).joinpath("data", f"{file}.txt").read_text("utf-8").split())
