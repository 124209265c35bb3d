"""The proof behind every compilation: a bound text that says anything else than its template is found out."""

import pytest
from directflow_gateway.sql import StatementRefused, Variable, compile_template
from directflow_gateway.sql import compile as compile_module
from directflow_gateway.sql.rewriting import Rewriter
from directflow_gateway.sql.source_map import Edit

TEMPLATE = "SELECT a FROM t WHERE tenant = 5 AND b = '<%= x %>' AND c = <%= y %> AND d IN (<%= l %>)"
LIST = [Variable("l", is_list=True)]


@pytest.mark.parametrize(
    "mistake",
    [
        lambda slot: f"${slot.number} OR true",
        lambda slot: f"'${slot.number}'",
        lambda slot: f"${slot.number}::text",
        lambda slot: f"-- ${slot.number}\n",
        lambda slot: f"${slot.number + 1}",
        lambda slot: f"${slot.number} || ${slot.number}",
        lambda slot: "NULL",
        lambda slot: f"(SELECT ${slot.number})",
        lambda slot: f"${slot.number}, ${slot.number}",
        lambda slot: f"lower(${slot.number})",
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_mistake_in_the_writing_never_reaches_the_server(mistake, number: int, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    written = Rewriter.plain

    def wrong(self, slot):  # type: ignore[no-untyped-def]
        if slot.number != number:
            yield from written(self, slot)
        else:
            yield Edit(slot.start, slot.end, mistake(slot))

    assert compile_template(TEMPLATE, LIST).text.endswith("b = $1 AND c = $2 AND d = ANY ($3)")
    monkeypatch.setattr(Rewriter, "plain", wrong)
    with pytest.raises(StatementRefused):
        compile_template(TEMPLATE, LIST)


def test_a_mistake_anywhere_else_in_the_text_never_reaches_the_server(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    real = compile_module.edited

    def wrong(source, edits):  # type: ignore[no-untyped-def]
        text, source_map = real(source, edits)
        return (text.replace("tenant = 5 AND", ""), source_map) if "= ANY" in text else (text, source_map)

    monkeypatch.setattr(compile_module, "edited", wrong)
    with pytest.raises(StatementRefused):
        compile_template(TEMPLATE, LIST)


@pytest.mark.parametrize("operator", ["<> ANY", "= ALL", "IN", "= ANY (ARRAY[1]) OR d = ANY"])
def test_a_list_becomes_exactly_its_own_operator(operator: str, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    def wrong(self, slot, operator_start):  # type: ignore[no-untyped-def]
        yield Edit(operator_start, operator_start + 2, operator)
        yield from self.plain(slot)

    monkeypatch.setattr(Rewriter, "any_of", wrong)
    with pytest.raises(StatementRefused):
        compile_template(TEMPLATE, LIST)


def test_a_lexer_that_mistakes_where_a_literal_ends_is_found_out(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    # As if backslashes escaped in plain literals: PostgreSQL sees 'a\\' and then code, such a lexer one literal.
    from directflow_gateway.sql import template as template_module
    from directflow_gateway.sql.lexer import Token, TokenKind, tokenize

    def wrong(text, tags=()):  # type: ignore[no-untyped-def]
        start = text.index("'a")
        yield from (token for token in tokenize(text, tags) if token.end <= start)
        yield Token(TokenKind.LITERAL, start, len(text))

    monkeypatch.setattr(template_module, "tokenize", wrong)
    with pytest.raises(StatementRefused):
        compile_template("SELECT 'a\\', <%= x %>, '1'")
