"""One text many times over: parsed seldom, and planned for the values of each all the same."""

from directflow_gateway.execution.wire import Parameters, Statement, Wire

ALWAYS_CUSTOM = 5
"""So many times PostgreSQL plans what it parsed for the very values that it is given; behind that it may take one plan
for all values, with which an error that depends on them comes to somebody else, or to nobody. (plan_cache_mode would do
it too, and would also hold for whatever the author's functions run.)"""
UNNAMED = b""
"""Nothing to close, and nothing that a pooler has to know about. Whatever else is sent takes its place."""


class Repeated:
    """Hands statements to libpq, those of one text at less cost."""

    def __init__(self, wire: Wire, text: str) -> None:
        self._wire = wire
        self._text = text
        self._left = 0

    def send(self, statement: Statement) -> int:
        """How many results come before the statement's own."""
        if statement.text != self._text:
            self._wire.send(statement)
            self._left = 0
            return 0
        parses = 0 if self._left else 1
        if parses:
            self._wire.pgconn.send_prepare(UNNAMED, statement.text.encode())
            self._left = ALWAYS_CUSTOM
        self._left -= 1
        send_prepared(self._wire, UNNAMED, statement.parameters)
        return parses


def send_prepared(wire: Wire, name: bytes, parameters: Parameters) -> None:
    """Hands parameters for a prepared statement to libpq."""
    wire.pgconn.send_query_prepared(name, [None if text is None else text.encode() for text in parameters])
