"""Which parameter the server was reading when it failed, from the CONTEXT of its error message.

The server says it in its own language (lc_messages), and nowhere else:
    unnamed portal parameter $1 = '...'
    portal sin nombre, parámetro 1 = '...'      Spanish has no dollar sign
    이름없는 포탈 $1 매개 변수 = '...'              Korean has words behind the number
    unnamed portal parameter $1                 a value that the database's encoding cannot hold
The line is the last one: what the input function adds (`JSON data, line 1: {"a": $9`) stands above it, and may hold
the value. With log_parameter_max_length_on_error set, an error of the running statement lists all parameters behind a
colon (`unnamed portal with parameters: $1 = 'x'`), which says nothing about whose fault it is.
"""

import re

_NEITHER_VALUE_NOR_NAME = r"""[^\d'":\uff1a«»„“”「」=$]*"""
_PARAMETER = re.compile(
    rf"{_NEITHER_VALUE_NOR_NAME}(?:\$([0-9]+){_NEITHER_VALUE_NOR_NAME}(?:= '.*)?|([0-9]+) = '.*)", re.DOTALL
)


def rejected_parameter(context: str | None, parameters: int) -> int:
    """The number n of `$n` that the server could not read; 0 where the CONTEXT does not say. `parameters`: how many
    there are, for a number beyond is not ours."""
    match = _PARAMETER.fullmatch((context or "").rpartition("\n")[2])
    number = int(match[1] or match[2]) if match else 0
    return number if number <= parameters else 0
