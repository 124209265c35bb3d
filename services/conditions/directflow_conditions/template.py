"""Which variables a template names, read as PostgreSQL would read the text around them.

This is no check of the template: the gateway compiles it and refuses what is wrong with it. Here it only has to be
known which values the statement needs, and a tag in a comment needs none.
"""

import re

_TAG = re.compile(r"<%=\s*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\s*%>", re.ASCII)
_SCANNED = re.compile(
    r"""
    (?P<line_comment>--[^\r\n]*)                       # a CR ends it as well (scan.l)
    | (?P<comment>/\*)                                 # nests: its end is found by hand
    | (?P<quoted>(?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'    # E'' alone has backslash escapes
        | '[^']*'                                      # '' inside one literal reads as two neighbours: the same here
        | "[^"]*"
        | (?<![\w$])\$(?P<dollar>(?:[^\W\d]\w*)?)\$.*?\$(?P=dollar)\$)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def variable_names(template: str) -> tuple[str, ...]:
    """Names of the variables outside of comments, each once, in the order of their first tags."""
    return tuple(dict.fromkeys(_TAG.findall(_without_comments(template))))


def _without_comments(template: str) -> str:
    kept: list[str] = []
    position = 0
    while found := _SCANNED.search(template, position):
        kept.append(template[position : found.start()])
        if found["quoted"]:
            kept.append(found["quoted"])
        position = _end_of_comment(template, found.end()) if found["comment"] else found.end()
        kept.append(" ")  # what a comment separates stays separate
    kept.append(template[position:])
    return "".join(kept)


def _end_of_comment(template: str, position: int) -> int:
    depth = 1
    while depth and (edge := _COMMENT_EDGE.search(template, position)):
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return len(template) if depth else position
