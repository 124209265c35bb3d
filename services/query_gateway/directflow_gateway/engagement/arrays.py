"""Columns as PostgreSQL's text form of an array: one parameter carries ten thousand values."""

from collections.abc import Iterable, Sequence


def text_array(values: Sequence[str]) -> str:
    """For a parameter of type text[]. Every element is quoted: NULL and braces are only texts then."""
    if not values:
        return "{}"
    plain = "".join(values)
    if '"' in plain or "\\" in plain:
        values = [value.replace("\\", "\\\\").replace('"', '\\"') for value in values]
    return '{"' + '","'.join(values) + '"}'


def plain_array(values: Iterable[int | str | None]) -> str:
    """For a parameter of type bigint[], or of texts that need no quotes, such as digests; None is NULL."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def integers(text: bytes | None) -> list[int]:
    """The elements of an array of integers without NULL; none for NULL, which is what array_agg over no row gives."""
    return [] if text is None or text == b"{}" else [int(item) for item in text[1:-1].split(b",")]
