"""Conditions and preloads that cannot be run for many people in one statement."""

from collections.abc import Iterator

from directflow_runtime.errors import Problem

from directflow_gateway.advice.subject import Subject
from directflow_gateway.sql.set_form import Risks
from directflow_gateway.sql.tree import Node

PROFILE = "profile_id"
_RULE = "NO_SET_FORM"
_SLOW = "For many people this statement runs once for each of them, which is slow. {}"


def set_form_warnings(subject: Subject, reason: str, remedy: str, risks: Risks) -> Iterator[Problem]:
    """Why there is no set form: none at all (`reason`), or none for many values of `profile_id`."""
    if reason:
        yield subject.warning(_place(subject, reason), _RULE, _SLOW.format(reason), remedy)
        return
    numbers = subject.parameters_of(PROFILE)
    risky = next((number for number in sorted(numbers) if risks.forbid(frozenset({number}))), 0)
    if risky:
        why = f"What it computes of {PROFILE} alone may fail before any row is read."
        hint = f"Compare a column with '<%= {PROFILE} %>' as it is, and compute on the column's side."
        yield subject.warning_at_variable(risky, _RULE, _SLOW.format(why), hint)


def _place(subject: Subject, reason: str) -> int:
    """The function or window that the reason is about, where the author wrote it; else the SELECT."""
    for node in subject.tree.nodes():
        name = node.names("funcname")[-1:] if node.tag == "FuncCall" else ()
        if name and (f"reaches {name[0]}," in reason or ("window function" in reason and _is_inner_window(node))):
            return subject.tree.char_offset(node.location)
        if node.tag == "RangeTableSample" and "TABLESAMPLE" in reason:
            return subject.tree.char_offset(node.location)
    return subject.select_list.offset


def _is_inner_window(call: Node) -> bool:
    return call.one("over") is not None and sum(node.tag == "SelectStmt" for node in call.ancestors()) > 1
