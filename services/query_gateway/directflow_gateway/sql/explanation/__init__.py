"""Why a statement has a row or has none: its WHERE taken apart into conjuncts, and asked about for one key."""

from directflow_gateway.sql.explanation.candidates import (
    KEY_VARIABLE,
    TOLD_VARIABLE,
    nearest_rows,
    write_candidates,
)
from directflow_gateway.sql.explanation.conjuncts import MOST_CONJUNCTS, Conjunct, conjuncts_of
from directflow_gateway.sql.explanation.plain_select import NotExplained, PlainSelect, plain_select

__all__ = [
    "KEY_VARIABLE",
    "MOST_CONJUNCTS",
    "TOLD_VARIABLE",
    "Conjunct",
    "NotExplained",
    "PlainSelect",
    "conjuncts_of",
    "nearest_rows",
    "plain_select",
    "write_candidates",
]
