"""What is refused before any tree: size, characters that cannot be sent, and declarations that make no sense."""

from collections.abc import Iterator, Sequence

from directflow_runtime.errors import Problem

from directflow_gateway.sql.lexer import INSIGNIFICANT
from directflow_gateway.sql.limits import TextLimits, too_large
from directflow_gateway.sql.position import position_in
from directflow_gateway.sql.template import Reading
from directflow_gateway.sql.variables import MAX_NAME_CHARACTERS, RESERVED_PREFIX, Variable, is_name


def text_problems(template: str, limits: TextLimits) -> Iterator[Problem]:
    """Size and characters. Cheap for a text of any length."""
    problem = too_large(template, limits)
    if problem is not None:
        yield problem
        return
    for offset, character in enumerate(template):
        if character == "\x00" or "\ud800" <= character <= "\udfff":
            place = position_in(template, offset)
            rule, what = ("NUL_BYTE", "a NUL character") if character == "\x00" else ("INVALID_UTF8", "invalid Unicode")
            # No token: a lone surrogate in it could not be sent to anybody.
            yield Problem(rule, f"The SQL contains {what}.", field="template", line=place.line, column=place.column)
            return


def amount_problems(reading: Reading, limits: TextLimits) -> Iterator[Problem]:
    """Tags and tokens."""
    if reading.tag_count > limits.max_tags:
        yield Problem("TOO_MANY_TAGS", f"The SQL has more than {limits.max_tags} tags.", field="template")
    if sum(token.kind not in INSIGNIFICANT for token in reading.tokens) > limits.max_tokens:
        message = f"The SQL has more than {limits.max_tokens} words and signs."
        yield Problem("TOO_MANY_TOKENS", message, field="template")


def declaration_problems(variables: Sequence[Variable]) -> Iterator[Problem]:
    """Names that no tag could have, or that two variables have."""
    seen: set[str] = set()
    for variable in variables:
        field = f"variables.{variable.name[:MAX_NAME_CHARACTERS]}"
        if not is_name(variable.name) or variable.name.startswith(RESERVED_PREFIX):
            message = (
                "The name of a variable has ASCII letters, digits, underscores and dots, at most"
                f" {MAX_NAME_CHARACTERS} of them, and does not begin with {RESERVED_PREFIX}."
            )
            yield Problem("VARIABLE_NAME", message, field="variables")
        elif variable.name in seen:
            yield Problem("VARIABLE_TWICE", f"The variable {variable.name} is declared twice.", field=field)
        seen.add(variable.name)
