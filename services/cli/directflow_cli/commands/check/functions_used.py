"""The functions and operators that a row's SQL uses, for rows whose `policy` is `function_allowlist`.

The row asks for this explicitly, so it is enough to read names: a name that is none of a function allows nothing.
"""

import re
from typing import Final

_PART: Final = r'(?:[^\W\d][\w$]*|"(?:[^"]|"")+")'
_TOKEN: Final = re.compile(
    rf"""
    --[^\r\n]* | /\*.*?\*/                                  # comments
    | (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*'    # literals
    | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$  # dollar quotes
    | (?P<name>{_PART}(?:\s*\.\s*{_PART})*)(?P<call>\s*\()?
    | (?P<operator>[-+*/<>=~!@\#%^&|`?]+)
    """,
    re.VERBOSE | re.DOTALL,
)


def functions_used(sql: str) -> list[str]:
    """Entries for `allowed_functions`: `name`, `schema.name`, and `operator:@@` for operators."""
    found: dict[str, None] = {}
    for token in _TOKEN.finditer(sql):
        if token["operator"]:
            found[f"operator:{token['operator']}"] = None
        elif token["name"]:
            found.update(dict.fromkeys(_entries(token["name"], called=bool(token["call"]))))
    return list(found)


def _entries(name: str, *, called: bool) -> list[str]:
    """A call allows itself; `row.name`, which may be a call as well, allows the function of that name."""
    parts = [_folded(part) for part in re.findall(_PART, name)]
    if called:
        return [".".join(parts)]
    return [parts[-1]] if len(parts) > 1 else []


def _folded(part: str) -> str:
    """As PostgreSQL stores it: quoted names as they are, others in lower case."""
    return part[1:-1].replace('""', '"') if part.startswith('"') else part.lower()
