"""Where libpg_query's scanner is no judge, a server is."""

import psycopg
import pytest
from directflow_gateway.sql import StatementRefused, compile_template
from directflow_gateway.sql.lexer import TokenKind, tokenize


@pytest.mark.parametrize("text", ["'a' --x\r'b'", "'a'--\n\t--'\n'b'", "'a' -- x\r\n \f'b'"])
def test_a_literal_continues_behind_a_line_comment(text: str, postgres_dsn: str) -> None:
    assert [token.kind for token in tokenize(text)] == [TokenKind.LITERAL]
    with psycopg.connect(postgres_dsn) as connection:
        # exec_params: the extended protocol, without psycopg's own reading of the text.
        assert connection.pgconn.exec_params(f"SELECT {text}".encode(), []).get_value(0, 0) == b"ab"


@pytest.mark.parametrize("text", ["SELECT '<%= x %>' --x\r'b'", "SELECT 'a' -- <%= x %>\n'<%= x %>'"])
def test_a_literal_that_continues_behind_a_comment_takes_no_variable(text: str) -> None:
    with pytest.raises(StatementRefused) as refused:
        compile_template(text)
    assert "continues" in refused.value.message
