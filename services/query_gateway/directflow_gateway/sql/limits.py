"""How large a template, its statement and its values may be. Checked before any native parser sees the text."""

from dataclasses import dataclass

from directflow_runtime.errors import Problem

HARD_MAX_SQL_BYTES = 32 * 1024
HARD_MAX_TOKENS = 8_000
MAX_COMMENT_OPENINGS = 1_000
"""PostgreSQL's scanner needs quadratic time for nested comments: 8,000 openings cost half a second, 1,000 cost 8 ms."""


@dataclass(frozen=True, slots=True)
class TextLimits:
    """Limits on what an author may write and a caller may send. Sizes are in bytes of UTF-8.

    libpg_query overflows the C stack at tens of kilobytes of `1+1+...` and takes the process with it, so these are not
    a matter of taste: with 4,000 tokens the deepest statement needs less than 1 MiB of the parser's 64 MiB stack.
    """

    max_sql_bytes: int = 16 * 1024
    max_tokens: int = 4_000
    max_tags: int = 1_000
    max_value_bytes: int = 64 * 1024
    max_depth: int = 1_200
    """Levels of the syntax tree; a chain of n operators needs n, a subselect about four."""

    def __post_init__(self) -> None:
        if not 0 < self.max_sql_bytes <= HARD_MAX_SQL_BYTES:
            raise ValueError(f"max_sql_bytes must be between 1 and {HARD_MAX_SQL_BYTES}")
        if not 0 < self.max_tokens <= HARD_MAX_TOKENS:
            raise ValueError(f"max_tokens must be between 1 and {HARD_MAX_TOKENS}")


DEFAULT = TextLimits()


def too_large(text: str, limits: TextLimits) -> Problem | None:
    """The first limit on sheer size that `text` breaks, or None. Costs no parsing; `text` may be megabytes."""
    # len() first: encoding a hundred megabytes only to refuse them would be the attack.
    if len(text) > limits.max_sql_bytes or len(text.encode("utf-8", "replace")) > limits.max_sql_bytes:
        return Problem(
            "SQL_TOO_LONG",
            f"The SQL is longer than {limits.max_sql_bytes} bytes.",
            field="template",
            hint="Move parts of the query into a view, or pass a long list as one list variable.",
        )
    if text.count("/*") > MAX_COMMENT_OPENINGS:
        return Problem(
            "NESTS_TOO_DEEPLY", f"The SQL opens more than {MAX_COMMENT_OPENINGS} comments.", field="template"
        )
    return None
