"""Conditions and preloads that cannot be run for many people in one statement."""

from collections.abc import Iterator

from directflow_runtime.errors import Problem

from directflow_gateway.advice.subject import Subject
from directflow_gateway.sql.set_form import Risks
from directflow_gateway.sql.tree import Node

PROFILE = "profile_id"
_RULE = "NO_SET_FORM"
_COMPUTED_ALONE = "What it computes of"
"""How the reason begins that is about variables (queries/sets/preparing.py)."""
_SLOW = "For many people this statement runs once for each of them, which is slow. {}"


def set_form_warnings(subject: Subject, reason: str, remedy: str, risks: Risks) -> Iterator[Problem]:
    """Why there is no set form: none at all (`reason`), or none for many values of `profile_id`."""
    if not subject.compiled.parameters:
        yield subject.warning(
            subject.select_list.offset,
            "SAME_FOR_EVERYBODY",
            "The statement has no variable: everybody gets the same.",
            f"To ask about one person, compare a column with '<%= {PROFILE} %>'.",
        )
        return
    numbers = range(1, len(subject.compiled.parameters) + 1) if reason else sorted(subject.parameters_of(PROFILE))
    risky = next((number for number in numbers if risks.forbid(frozenset({number}))), 0)
    if reason and not (risky and reason.startswith(_COMPUTED_ALONE)):
        yield subject.warning(_place(subject, reason), _RULE, _SLOW.format(reason), remedy)
    elif risky:
        name = ", ".join(subject.compiled.parameters[risky - 1].variables)
        why = f"{_COMPUTED_ALONE} {name} alone may fail before any row is read."
        hint = f"Compare a column with '<%= {name} %>' as it is, and compute on the column's side."
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
