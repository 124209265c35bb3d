"""Segments come in pages, and pages hold still only in an order."""

from collections.abc import Iterator

from directflow_runtime.errors import Problem

from directflow_gateway.advice.subject import Subject
from directflow_gateway.description.names import written


def ordering_warnings(subject: Subject) -> Iterator[Problem]:
    """A discovery query of several rows without ORDER BY."""
    if subject.role != "discovery" or subject.compiled.has_order_by or _has_one_row(subject):
        return
    yield subject.warning(
        subject.select_list.offset,
        "NO_ORDER_BY",
        "The segments have no order: PostgreSQL may return them in another order each time, so that in a list of pages "
        "one comes twice and another never.",
        f"Add ORDER BY at the end, for example ORDER BY {written(subject.key_column)}.",
    )


def _has_one_row(subject: Subject) -> bool:
    """A SELECT without FROM, or LIMIT 1: nothing to put in order."""
    statement = subject.tree.statements[0].one("stmt")
    if statement is None or statement.one("larg") is not None or statement.many("valuesLists"):
        return False
    limit = statement.one("limitCount")
    number = limit.one("ival") if limit is not None and limit.tag == "A_Const" else None
    return not statement.many("fromClause") or (number is not None and number.number("ival") == 1)
