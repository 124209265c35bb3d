"""Variables inside patterns, in the words of each kind: what in a value means more than itself, and what to write."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from directflow_runtime.errors import Problem

from directflow_gateway.advice.subject import Subject
from directflow_gateway.sql.tree import Node

_RULE = "VARIABLE_IN_PATTERN"
_LIKE, _REGEX, _JSONPATH, _TEXT_SEARCH = "like", "regular expression", "jsonpath", "text search"

_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        _LIKE: (
            "In a LIKE pattern % and _ in the value of {0} stand for any text and any character.",
            "Where the value is meant as it is: starts_with(column, '<%= {0} %>') or "
            "position('<%= {0} %>' IN column) > 0.",
        ),
        _REGEX: (
            "In a regular expression the value of {0} is a pattern: a dot in it matches any character, a bracket may "
            "make it fail.",
            "Where the value is meant as it is: column = '<%= {0} %>' or position('<%= {0} %>' IN column) > 0.",
        ),
        _JSONPATH: (
            "In a jsonpath the value of {0} is a part of the path: it can lead to other keys or make it fail.",
            "Hand it in as a variable: jsonb_path_exists(column, '$.key ? (@ == $v)', "
            "jsonb_build_object('v', '<%= {0} %>'::text)), or take the key by column->>'<%= {0} %>'.",
        ),
        _TEXT_SEARCH: (
            "In a tsquery the value of {0} is a part of the query: & | ! in it are operators, other text may make it "
            "fail.",
            "For what a person types write websearch_to_tsquery('<%= {0} %>').",
        ),
    }
)
_OPERATORS = MappingProxyType(
    {
        **dict.fromkeys(("~~", "~~*", "!~~", "!~~*"), _LIKE),
        **dict.fromkeys(("~", "~*", "!~", "!~*"), _REGEX),
        "@?": _JSONPATH,
    }
)
_KINDS = MappingProxyType({"AEXPR_LIKE": _LIKE, "AEXPR_ILIKE": _LIKE, "AEXPR_SIMILAR": _REGEX})
_TYPES = MappingProxyType({"jsonpath": _JSONPATH, "tsquery": _TEXT_SEARCH})


def pattern_warnings(subject: Subject) -> Iterator[Problem]:
    """The warnings on patterns that compilation and description gave, each in the words of its kind."""
    for warning in subject.description.warnings:
        number = _parameter_at(subject, warning)
        kind = _kind(subject, number) if number else ""
        if not kind:
            yield warning
            continue
        message, hint = _WORDS[kind]
        name = subject.compiled.parameters[number - 1].variables[0]
        yield replace(warning, message=message.format(name), hint=hint.format(name))


def _parameter_at(subject: Subject, warning: Problem) -> int:
    place = (warning.line, warning.column)
    numbered = enumerate(subject.compiled.parameters, 1)
    found = (n for n, parameter in numbered if warning.rule == _RULE and (parameter.line, parameter.column) == place)
    return next(found, 0)


def _kind(subject: Subject, number: int) -> str:
    type_name = subject.description.parameter_types[number - 1]
    if type_name in _TYPES:
        return _TYPES[type_name]
    for node in subject.tree.nodes():
        if node.tag == "ParamRef" and node.number("number") == number:
            return next(filter(None, (_kind_of(ancestor) for ancestor in node.ancestors())), "")
    return ""


def _kind_of(node: Node) -> str:
    if node.tag == "FuncCall":
        name = node.names("funcname")[-1]
        return _REGEX if name.startswith("regexp_") else _TEXT_SEARCH if name == "to_tsquery" else ""
    if node.tag != "A_Expr":
        return ""
    return _KINDS.get(node.text("kind")) or _OPERATORS.get((node.names("name") or ("",))[-1], "")
