"""The table of values in the chart's README."""

import json
from collections.abc import Iterable
from typing import Any

from chart_docs.comments import CommentError, Value

BEGIN = "<!-- values: generated from values.yaml by `make generate-chart` -->\n"
END = "<!-- values: end -->\n"


def with_table(readme: str, values: Iterable[Value]) -> str:
    """README's text with the table of these values between its two marks. Raises CommentError without them."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise CommentError("README.md has no place for the table: the lines " + repr(BEGIN + END))
    return before + begin + table(values) + end + after


def table(values: Iterable[Value]) -> str:
    lines = ["| value | default | |", "| --- | --- | --- |"]
    lines += [f"| `{value.name}` | {_code(value.default)} | {_cell(value.description)} |" for value in values]
    return "\n".join(lines) + "\n"


def _code(default: Any) -> str:
    return f"`{json.dumps(default, ensure_ascii=False)}`".replace("|", "\\|")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;") if "`" not in text else _between_code(text)


def _between_code(text: str) -> str:
    parts = text.replace("|", "\\|").split("`")
    return "`".join(part if place % 2 else part.replace("<", "&lt;") for place, part in enumerate(parts))
