"""From a line and column of a query to where that is in the file which holds the query."""

from yaml.nodes import ScalarNode

from directflow_cli.definitions.nodes import place
from directflow_cli.definitions.places import Place, Source, SqlPlace


def in_file(source: Source, node: ScalarNode, line: int, column: int, token: str) -> tuple[Place, SqlPlace | None]:
    """The place in the file; where the text is folded or escaped there, the scalar's place and the one in the query."""
    lines = _sql_lines(str(node.value))
    if not 1 <= line <= len(lines):
        return place(source, node), None
    text, length = lines[line - 1], max(1, len(token.split("\n")[0]))
    before = _characters_before(source, node, line, text)
    if before is None:
        return place(source, node), SqlPlace(line, column, text, length)
    return Place(source, _file_line(node, line), before + column, length), None


def _sql_lines(sql: str) -> list[str]:
    """As PostgreSQL's lexer counts them: a CR ends a line as well, and nothing else that Python calls a line break."""
    return sql.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _file_line(node: ScalarNode, line: int) -> int:
    """In a literal block the text begins on the line behind its mark; elsewhere only one line can be told."""
    begin: int = node.start_mark.line + 1
    return begin + line if node.style == "|" else begin


def _characters_before(source: Source, node: ScalarNode, line: int, text: str) -> int | None:
    """How much of the file's line lies before the query's line; None where that line is not there as it is."""
    at = _file_line(node, line)
    if at > len(source.lines) or (node.style != "|" and "\n" in node.value):
        return None
    written = source.lines[at - 1]
    if node.style == "|":
        # The block's indentation, which its first line settled.
        return len(written) - len(text) if written.endswith(text) else None
    begin: int = node.start_mark.column + (1 if node.style in ("'", '"') else 0)
    return begin if written[begin : begin + len(text)] == text else None
