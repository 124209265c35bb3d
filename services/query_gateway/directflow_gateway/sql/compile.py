"""From a template to a bound statement: read the tags, judge their places, write `$n`, prove that nothing changed."""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from directflow_runtime.errors import Problem

from directflow_gateway.sql.contexts import Form, Refusal, form_of, in_list_of, pattern_values, prefix_cast
from directflow_gateway.sql.equivalence import Expected, first_difference
from directflow_gateway.sql.faults import CONSTANT_WANTED, Faults, place_in
from directflow_gateway.sql.guard.examination import MAX_PROBLEMS, examine
from directflow_gateway.sql.lexer import INSIGNIFICANT
from directflow_gateway.sql.limits import DEFAULT, HARD_MAX_SQL_BYTES, HARD_MAX_TOKENS, TextLimits
from directflow_gateway.sql.parameters import Context, Parameter, VariableUse, parameter_places
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.position import position_in
from directflow_gateway.sql.precheck import amount_problems, declaration_problems, text_problems
from directflow_gateway.sql.references import references_of
from directflow_gateway.sql.refusal import StatementRefused
from directflow_gateway.sql.rewriting import Rewriter
from directflow_gateway.sql.source_map import Edit, SourceMap, edited
from directflow_gateway.sql.statement import CompiledStatement, pattern_warning
from directflow_gateway.sql.template import Reading, Slot, literal_pieces, problem_at, read
from directflow_gateway.sql.tree import Node, ParseTree
from directflow_gateway.sql.variables import Variable

_CONTEXTS = {
    Form.PLAIN: Context.CODE,
    Form.CAST: Context.TYPED_LITERAL,
    Form.INTERVAL_UNIT: Context.INTERVAL,
    Form.IN_LIST: Context.IN_LIST,
}


def compile_template(
    template: str,
    variables: Sequence[Variable] = (),
    *,
    limits: TextLimits = DEFAULT,
    allowed_functions: Iterable[str] = frozenset(),
) -> CompiledStatement:
    """The bound statement for `template`, checked by the guard. Raises StatementRefused with every problem found.

    `variables` declares kinds and lists; an undeclared variable is a text. `allowed_functions` are the connection's.
    """
    _raise([*text_problems(template, limits), *declaration_problems(variables)])
    reading = read(template)
    # Before the rest: sixteen kilobytes of bad tags are not worth a problem each.
    _raise(amount_problems(reading, limits))
    _raise(reading.problems[:MAX_PROBLEMS])
    declared = {variable.name: variable for variable in variables}
    return _Compilation(template, reading, declared, limits, frozenset(allowed_functions)).statement()


@dataclass(frozen=True, slots=True)
class _Placed:
    """A slot with its node in the template's tree, and the form its parameter takes."""

    slot: Slot
    node: Node
    form: Form


class _Compilation:
    """Two texts and two trees: the template with its literals, and the bound text that the server gets."""

    def __init__(
        self,
        template: str,
        reading: Reading,
        declared: Mapping[str, Variable],
        limits: TextLimits,
        allowed: frozenset[str],
    ) -> None:
        self._template = template
        self._slots = reading.slots
        # A space and not nothing: `/* *<%= x %>/ */` without its tag would end the comment early.
        self._comment_edits = [Edit(tag.start, tag.end, " ") for tag in reading.comment_tags]
        self._declared = declared
        self._limits = limits
        self._allowed = allowed
        tokens = [token for token in reading.tokens if token.kind not in INSIGNIFICANT]
        self._rewriter = Rewriter(template, tokens)
        self._faults = Faults(template, tokens, reading.slots)

    def statement(self) -> CompiledStatement:
        code = [Edit(slot.start, slot.end, f"${slot.number}") for slot in self._slots if not slot.is_literal]
        text, source_map = edited(self._template, [*self._comment_edits, *code])
        tree = parse(text, self._limits)
        if isinstance(tree, ParseFailure):
            raise StatementRefused([self._faults.of_template(tree, text, source_map)])
        placed, problems = self._judged(tree, source_map)
        if problems:
            _raise([*problems, *self._examined(tree, source_map)])
        return self._bound(tree, source_map, placed)

    def _examined(self, tree: ParseTree, source_map: SourceMap) -> list[Problem]:
        return examine(tree, self._allowed, functools.partial(place_in, self._template, source_map))

    def _judged(self, tree: ParseTree, source_map: SourceMap) -> tuple[list[_Placed], list[Problem]]:
        nodes = _slot_nodes(tree, source_map, self._template, self._slots)
        placed: list[_Placed] = []
        problems: list[Problem] = []
        for slot in self._slots:
            form = self._form(slot, nodes.get(slot.number))
            if isinstance(form, Refusal):
                problems.append(problem_at(self._template, slot.place, form.message, form.hint))
            else:
                placed.append(_Placed(slot, nodes[slot.number], form))
        return placed, problems

    def _form(self, slot: Slot, node: Node | None) -> Form | Refusal:
        if node is None:
            return CONSTANT_WANTED
        is_list = any(self._variable(tag.name).is_list for tag in slot.tags)
        if is_list and slot.is_literal and len(literal_pieces(self._template, slot)) > 1:
            return Refusal("A list cannot be a part of a literal.", "Write IN (<%= list %>) or = ANY (<%= list %>).")
        form = form_of(node, is_literal=slot.is_literal, is_list=is_list)
        if form is Form.INTERVAL_UNIT and not self._rewriter.interval_unit(slot):
            return Refusal(
                "A variable cannot stand in an interval with a range of units.",
                "Write the units into the literal: INTERVAL '<%= years %> years <%= months %> months'.",
            )
        return form

    def _variable(self, name: str) -> Variable:
        return self._declared.get(name) or Variable(name)

    def _bound(self, template_tree: ParseTree, template_map: SourceMap, placed: list[_Placed]) -> CompiledStatement:
        written = (edit for item in placed for edit in self._edits(item, template_tree, template_map))
        text, source_map = edited(self._template, [*self._comment_edits, *written])
        # The bound text is longer by what a CAST takes; the author's limits hold for the template.
        limits = replace(self._limits, max_sql_bytes=HARD_MAX_SQL_BYTES, max_tokens=HARD_MAX_TOKENS)
        tree = parse(text, limits)
        if isinstance(tree, ParseFailure):
            raise StatementRefused([self._faults.of_bound_text(source_map.source(tree.offset), _lists(placed))])
        _raise(self._examined(tree, source_map))
        self._prove(template_tree, tree, placed)
        return self._statement(tree, source_map, placed, pattern_values(template_tree))

    def _edits(self, item: _Placed, tree: ParseTree, source_map: SourceMap) -> Iterator[Edit]:
        if item.form is Form.PLAIN:
            return self._rewriter.plain(item.slot)
        expression = in_list_of(item.node)
        if item.form is Form.IN_LIST and expression is not None:
            return self._rewriter.any_of(item.slot, _source(tree, source_map, expression))
        cast = prefix_cast(item.node)
        type_name = cast.one("typeName") if cast is not None else None
        if type_name is None:
            raise AssertionError(f"the tree has nothing to write {item.form} with")
        start = _source(tree, source_map, type_name)
        if item.form is Form.CAST:
            return self._rewriter.cast(item.slot, start, type_name)
        return self._rewriter.interval(item.slot, start)

    def _prove(self, template_tree: ParseTree, tree: ParseTree, placed: list[_Placed]) -> None:
        expected = Expected(
            literals={id(item.node): item.slot.number for item in placed if item.slot.is_literal},
            lists=frozenset(slot.number for slot in _lists(placed)),
            places={number: places[0][0] for number, places in parameter_places(tree.text).items()},
        )
        if first_difference(template_tree, tree, expected) is not None:
            raise StatementRefused([self._faults.of_bound_text(-1, _lists(placed))])

    def _statement(
        self, tree: ParseTree, source_map: SourceMap, placed: list[_Placed], patterns: set[int]
    ) -> CompiledStatement:
        query = tree.statements[0].one("stmt")
        warned = [item.slot.place for item in placed if id(item.node) in patterns]
        return CompiledStatement(
            template=self._template,
            text=tree.text,
            parameters=tuple(self._parameter(item) for item in placed),
            variables=MappingProxyType({t.name: self._variable(t.name) for item in placed for t in item.slot.tags}),
            references=references_of(tree, functools.partial(place_in, self._template, source_map)),
            has_order_by=query is not None and bool(query.many("sortClause")),
            body_end=tree.extent(tree.statements[0])[1],
            max_value_bytes=self._limits.max_value_bytes,
            warnings=tuple(pattern_warning(self._template, place) for place in warned),
            maps=(source_map,),
        )

    def _parameter(self, item: _Placed) -> Parameter:
        slot = item.slot
        pieces = literal_pieces(self._template, slot) if slot.is_literal else slot.tags
        place = position_in(self._template, slot.place)
        is_plain_literal = slot.is_literal and item.form is Form.PLAIN
        return Parameter(
            pieces=tuple(piece if isinstance(piece, str) else VariableUse(piece.name) for piece in pieces),
            context=Context.LITERAL if is_plain_literal else _CONTEXTS[item.form],
            offset=slot.place,
            line=place.line,
            column=place.column,
            unit=self._rewriter.interval_unit(slot) if item.form is Form.INTERVAL_UNIT else "",
        )


def _lists(placed: Sequence[_Placed]) -> list[Slot]:
    return [item.slot for item in placed if item.form is Form.IN_LIST]


def _slot_nodes(tree: ParseTree, source_map: SourceMap, template: str, slots: Sequence[Slot]) -> Mapping[int, Node]:
    """The node of each slot in the template's tree. A literal's must have exactly the content that our lexer saw."""
    literals = {slot.start: slot for slot in slots if slot.is_literal}
    nodes: dict[int, Node] = {}
    for node in tree.nodes():
        if node.tag == "ParamRef":
            nodes[node.number("number")] = node
        content = node.one("sval") if literals and node.tag == "A_Const" else None
        slot = literals.get(_source(tree, source_map, node)) if content is not None else None
        if slot is not None and content is not None and content.text("sval") == _content(template, slot):
            nodes[slot.number] = node
    return nodes


def _content(template: str, slot: Slot) -> str:
    return template[slot.start + 1 : slot.end - 1].replace("''", "'")


def _source(tree: ParseTree, source_map: SourceMap, node: Node) -> int:
    return source_map.source(tree.char_offset(node.location))


def _raise(problems: Iterable[Problem]) -> None:
    found = sorted(problems, key=lambda problem: (problem.line, problem.column))
    if found:
        raise StatementRefused(found)
