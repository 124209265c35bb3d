"""The variables that a template names, each once, in the order of their first tags.

The gateway compiles templates and says what is wrong with them. What has to be known here is which values a statement
will need, so this reads just far enough to leave out tags in comments, which need none: a `--` or `/*` inside a literal
or a quoted name begins no comment, and comments nest.
"""

import re
from dataclasses import dataclass

_TAG = re.compile(r"<%=\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*%>")
_TOKEN = re.compile(
    r"""
      --[^\r\n]*
    | (?<![A-Za-z0-9_$])[eE]'(?:[^'\\]|\\.)*'
    | '[^']*' | "[^"]*"
    | (?<![A-Za-z0-9_$])\$(?P<tag>(?:[A-Za-z_][A-Za-z0-9_]*)?)\$.*?\$(?P=tag)\$
    | /\* | \*/
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Tag:
    """One occurrence of a variable."""

    name: str
    """As it stands in the tag: `community_id`, `user.community_id`."""
    line: int
    """From 1."""
    column: int
    """From 1, in characters."""
    text: str


def variable_names(template: str) -> tuple[str, ...]:
    """Names as they stand in the tags; empty for a template without any."""
    names = (name for start, end in _outside_of_comments(template) for name in _TAG.findall(template, start, end))
    return tuple(dict.fromkeys(names))


def first_tags(template: str) -> dict[str, Tag]:
    """Each variable's first tag."""
    found: dict[str, Tag] = {}
    for start, end in _outside_of_comments(template):
        for match in _TAG.finditer(template, start, end):
            found.setdefault(match[1], _tag(template, match))
    return found


def _tag(template: str, match: re.Match[str]) -> Tag:
    line = template.count("\n", 0, match.start()) + 1
    return Tag(match[1], line, match.start() - template.rfind("\n", 0, match.start()), match[0])


def _outside_of_comments(template: str) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    start, depth, position = 0, 0, 0
    while token := _TOKEN.search(template, position):
        position = token.end()
        if depth and token[0] not in ("/*", "*/"):
            position = token.start() + 1  # inside a comment a quote opens nothing
        elif token[0] == "/*" or token[0].startswith("--"):
            pieces += [] if depth else [(start, token.start())]
            depth += token[0] == "/*"
            start = position
        elif token[0] == "*/" and depth:
            depth -= 1
            start = position
    return pieces if depth else [*pieces, (start, len(template))]
