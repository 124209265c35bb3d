"""The variables that a template names, each once, in the order of their first tags.

The gateway compiles templates and says what is wrong with them. What has to be known here is which values a statement
will need, so this reads just far enough to leave out tags in comments, which need none: a `--` or `/*` inside a literal
or a quoted name begins no comment, and comments nest.
"""

import re

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


def variable_names(template: str) -> tuple[str, ...]:
    """Names as they stand in the tags (`community_id`, `user.community_id`); empty for a template without any."""
    names = (name for code in _outside_of_comments(template) for name in _TAG.findall(code))
    return tuple(dict.fromkeys(names))


def _outside_of_comments(template: str) -> list[str]:
    pieces, start, depth, position = [], 0, 0, 0
    while token := _TOKEN.search(template, position):
        position = token.end()
        if depth and token[0] not in ("/*", "*/"):
            position = token.start() + 1  # inside a comment a quote opens nothing
        elif token[0] == "/*" or token[0].startswith("--"):
            pieces += [] if depth else [template[start : token.start()]]
            depth += token[0] == "/*"
            start = position
        elif token[0] == "*/" and depth:
            depth -= 1
            start = position
    return pieces if depth else [*pieces, template[start:]]
