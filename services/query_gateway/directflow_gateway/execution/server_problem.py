"""PostgreSQL's objection to an author's statement as a problem of the template, in our own words.

The place comes from the error's position, the name from the author's text at that place, the rule from the SQLSTATE.
The server's own message is not used: it is localised, and for a literal it repeats the literal.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from directflow_runtime.errors import Problem
from psycopg import errors

from directflow_gateway.sql import CompiledStatement

_DOTTED_NAME = re.compile(r"""(?:[^\W\d][\w$]*|"(?:[^"]|"")+")(?:\s*\.\s*(?:[^\W\d][\w$]*|"(?:[^"]|"")+"))*""")

# {} is the author's word at the position with a blank in front, or nothing.
_SENTENCES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "42601": ("PostgreSQL finds a syntax error at or near{}.", ""),
        "42703": ("The column{} does not exist.", ""),
        "42P01": (
            "The table or view{} does not exist.",
            "Check the spelling, the schema, and that the role may use it.",
        ),
        "3F000": ("The schema of{} does not exist.", ""),
        "42883": (
            "No function or operator fits{} with arguments of these types.",
            "Check the name, the number of arguments and their types; a cast such as ::int may be needed.",
        ),
        "42702": ("The column{} is ambiguous.", "Put the table's name or alias and a dot in front of it."),
        "42725": ("The function or operator{} is ambiguous.", "Cast the arguments to the types that you mean."),
        "42803": (
            "The column at{} is neither in GROUP BY nor inside an aggregate function.",
            "Add it to GROUP BY or wrap it in an aggregate.",
        ),
        "42804": ("The type of the expression at{} is not the one that is needed here.", "Cast it to that type."),
        "42846": ("There is no cast between the types at{}.", ""),
        "42704": ("The type or object{} does not exist.", ""),
        "42712": ("The table name or alias{} is used twice.", "Give one of the two another alias."),
        "42P10": ("The ORDER BY, GROUP BY or DISTINCT at{} does not match the select list.", ""),
        "42P18": ("The type of the parameter{} cannot be told from where it stands.", "Cast it, for example ::text."),
        "42P08": ("The parameter{} has different types in different places.", "Cast it, for example ::text."),
        "42P20": ("The window function at{} may not stand here.", "Compute it in a subquery and filter around that."),
        "22P02": ("The literal at{} is not a value of its type.", ""),
        "22007": ("The literal at{} is not a date or time.", ""),
        "22008": ("The date or time at{} is out of range.", ""),
        "22003": ("The number at{} is out of range for its type.", ""),
    }
)


def condition_name(sqlstate: str) -> str:
    """PostgreSQL's name of a SQLSTATE: "UNDEFINED_COLUMN"; "SQLSTATE_..." for one that psycopg does not know."""
    try:
        name = errors.lookup(sqlstate).__name__
    except KeyError:
        return f"SQLSTATE_{sqlstate}"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def condition_words(sqlstate: str) -> str:
    """The same as words: "undefined column"."""
    return condition_name(sqlstate).replace("_", " ").lower()


def server_problem(sqlstate: str, position: int, compiled: CompiledStatement) -> Problem:
    """The objection as a problem. `position`: the server's, in characters of the sent text from 1; 0 for none."""
    line, column, token = compiled.position(position) if position else (0, 0, "")
    token = name_at(compiled.text, position) or token
    generic = f"PostgreSQL refuses the statement ({condition_words(sqlstate)})."
    sentence, hint = _SENTENCES.get(sqlstate, (generic, ""))
    message = sentence.format(f" {token}") if token else re.sub(r"( at(?: or near)?| of)?\{\}", "", sentence)
    return Problem(
        condition_name(sqlstate), message, field="template", line=line, column=column, token=token, hint=hint
    )


def name_at(text: str, position: int) -> str:
    """The whole dotted name at the position (from 1): the server points at the first part of `u.emial` only."""
    match = _DOTTED_NAME.match(text, position - 1) if position > 0 else None
    return match.group() if match else ""
