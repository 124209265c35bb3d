"""The committed lists of names, read once."""

import functools
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


@functools.cache
def _names(file: str) -> frozenset[str]:
    return frozenset(files(_PACKAGE).joinpath("data", f"{file}.txt").read_text("utf-8").split())
