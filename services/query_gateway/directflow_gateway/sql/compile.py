"""From a template to a bound statement: read the tags, judge their places, write `$n`, prove that nothing changed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from directflow_runtime.errors import Problem

from directflow_gateway.sql.contexts import NEVER_A_NAME, Form, Refusal, form_of, in_list_of, is_pattern, prefix_cast
from directflow_gateway.sql.equivalence import Expected, first_difference
from directflow_gateway.sql.guard.examination import MAX_PROBLEMS, examine
from directflow_gateway.sql.lexer import INSIGNIFICANT, TokenKind
from directflow_gateway.sql.limits import DEFAULT, HARD_MAX_SQL_BYTES, HARD_MAX_TOKENS, TextLimits
from directflow_gateway.sql.parameters import Context, Parameter, VariableUse, parameter_places
from directflow_gateway.sql.parser import ParseFailure, parse
from directflow_gateway.sql.position import Position, position_in
from directflow_gateway.sql.precheck import amount_problems, declaration_problems, text_problems
from directflow_gateway.sql.references import references_of
from directflow_gateway.sql.refusal import StatementRefused
from directflow_gateway.sql.rewriting import Rewriter
from directflow_gateway.sql.source_map import Edit, SourceMap, edited
from directflow_gateway.sql.statement import CompiledStatement, pattern_warning
from directflow_gateway.sql.template import Reading, Slot, literal_pieces, problem_at, read, unknown_tag
from directflow_gateway.sql.tree import Node, ParseTree
from directflow_gateway.sql.variables import Variable

_OURS = TextLimits(max_sql_bytes=HARD_MAX_SQL_BYTES, max_tokens=HARD_MAX_TOKENS)
"""The bound text is longer than the template by what a CAST takes; the author's limits hold for the template."""


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


@dataclass(frozen=True, slots=True, repr=False)
class _Compilation:
    template: str
    reading: Reading
    declared: Mapping[str, Variable]
    limits: TextLimits
    allowed: frozenset[str]

    def statement(self) -> CompiledStatement:
        """Two texts and two trees: the template with its literals, and the bound text that the server gets."""
        text, source_map = edited(self.template, [*self._comment_edits(), *self._code_edits()])
        tree = parse(text, self.limits)
        if isinstance(tree, ParseFailure):
            raise StatementRefused([self._syntax_problem(tree, text, source_map)])
        placed, problems = self._judged(tree, source_map)
        if problems:
            _raise([*problems, *examine(tree, self.allowed, self._locator(source_map))])
        return self._bound(tree, source_map, placed)

    def _comment_edits(self) -> Iterator[Edit]:
        # A space and not nothing: `/* *<%= x %>/ */` without its tag would end the comment early.
        return (Edit(tag.start, tag.end, " ") for tag in self.reading.comment_tags)

    def _code_edits(self) -> Iterator[Edit]:
        slots = (slot for slot in self.reading.slots if not slot.is_literal)
        return (Edit(slot.start, slot.end, f"${slot.number}") for slot in slots)

    def _locator(self, source_map: SourceMap) -> Callable[[int], Position]:
        def locate(offset: int) -> Position:
            source = source_map.source(offset)
            if source < 0:
                return Position()
            problem = problem_at(self.template, source, "", "")
            return Position(problem.line, problem.column, problem.token)

        return locate

    # --- the template's tree: what each slot is -----------------------------------------------------------------

    def _judged(self, tree: ParseTree, source_map: SourceMap) -> tuple[list[_Placed], list[Problem]]:
        nodes = _slot_nodes(tree, source_map, self.template, self.reading.slots)
        placed: list[_Placed] = []
        problems: list[Problem] = []
        for slot in self.reading.slots:
            form = self._form(slot, nodes.get(slot.number))
            if isinstance(form, Refusal):
                problems.append(problem_at(self.template, slot.place, form.message, form.hint))
            else:
                placed.append(_Placed(slot, nodes[slot.number], form))
        return placed, problems

    def _form(self, slot: Slot, node: Node | None) -> Form | Refusal:
        if node is None:
            return _CONSTANT_WANTED
        is_list = any(self._variable(tag.name).is_list for tag in slot.tags)
        if is_list and slot.is_literal and len(literal_pieces(self.template, slot)) > 1:
            return Refusal("A list cannot be a part of a literal.", "Write IN (<%= list %>) or = ANY (<%= list %>).")
        form = form_of(node, is_literal=slot.is_literal, is_list=is_list)
        if form is Form.INTERVAL_UNIT and not self._rewriter().interval_unit(slot):
            return Refusal(
                "A variable cannot stand in an interval with a range of units.",
                "Write the units into the literal: INTERVAL '<%= years %> years <%= months %> months'.",
            )
        return form

    def _variable(self, name: str) -> Variable:
        return self.declared.get(name) or Variable(name)

    def _rewriter(self) -> Rewriter:
        tokens = [token for token in self.reading.tokens if token.kind not in INSIGNIFICANT]
        return Rewriter(self.template, tokens)

    # --- the bound text -----------------------------------------------------------------------------------------

    def _bound(self, template_tree: ParseTree, template_map: SourceMap, placed: list[_Placed]) -> CompiledStatement:
        edits = list(self._comment_edits())
        for item in placed:
            edits += self._edits(item, lambda node: _source(template_tree, template_map, node))
        text, source_map = edited(self.template, edits)
        tree = parse(text, _OURS)
        if isinstance(tree, ParseFailure):
            raise StatementRefused([self._unbindable(placed, source_map.source(tree.offset))])
        locate = self._locator(source_map)
        _raise(examine(tree, self.allowed, locate))
        self._prove(template_tree, tree, placed)
        statement = tree.statements[0].one("stmt")
        return CompiledStatement(
            template=self.template,
            text=text,
            parameters=tuple(self._parameter(item) for item in placed),
            variables=MappingProxyType({t.name: self._variable(t.name) for item in placed for t in item.slot.tags}),
            references=references_of(tree, locate),
            has_order_by=statement is not None and bool(statement.many("sortClause")),
            body_end=tree.extent(tree.statements[0])[1],
            max_value_bytes=self.limits.max_value_bytes,
            warnings=tuple(pattern_warning(self.template, item.slot.place) for item in placed if is_pattern(item.node)),
            maps=(source_map,),
        )

    def _edits(self, item: _Placed, source: Callable[[Node | None], int]) -> Iterator[Edit]:
        rewriter = self._rewriter()
        if item.form is Form.PLAIN:
            return rewriter.plain(item.slot)
        if item.form is Form.IN_LIST:
            return rewriter.any_of(item.slot, source(in_list_of(item.node)))
        cast = prefix_cast(item.node)
        type_name = cast.one("typeName") if cast is not None else None
        if type_name is None:
            raise AssertionError(f"a literal of form {item.form} has no type in front")
        if item.form is Form.CAST:
            return rewriter.cast(item.slot, source(type_name), type_name)
        return rewriter.interval(item.slot, source(type_name))

    def _parameter(self, item: _Placed) -> Parameter:
        slot = item.slot
        pieces = literal_pieces(self.template, slot) if slot.is_literal else slot.tags
        place = position_in(self.template, slot.place)
        return Parameter(
            pieces=tuple(piece if isinstance(piece, str) else VariableUse(piece.name) for piece in pieces),
            context=_CONTEXTS[item.form] if item.form is not Form.PLAIN or not slot.is_literal else Context.LITERAL,
            offset=slot.place,
            line=place.line,
            column=place.column,
            unit=self._rewriter().interval_unit(slot) if item.form is Form.INTERVAL_UNIT else "",
        )

    def _prove(self, template_tree: ParseTree, tree: ParseTree, placed: list[_Placed]) -> None:
        expected = Expected(
            literals={id(item.node): item.slot.number for item in placed if item.slot.is_literal},
            lists=frozenset(item.slot.number for item in placed if item.form is Form.IN_LIST),
            places={number: places[0][0] for number, places in parameter_places(tree.text).items()},
        )
        if first_difference(template_tree, tree, expected) is not None:
            raise StatementRefused([self._unbindable(placed, -1)])

    # --- what PostgreSQL's grammar refuses ----------------------------------------------------------------------

    def _syntax_problem(self, failure: ParseFailure, text: str, source_map: SourceMap) -> Problem:
        source = source_map.source(failure.offset)
        slot = self._slot_at(source) or self._operator_before(source, text[failure.offset : failure.offset + 1])
        if slot is not None and failure.rule == "SYNTAX_ERROR":
            return problem_at(self.template, slot.place, NEVER_A_NAME, "Write the name or the keyword into the SQL.")
        tag = self._unknown_tag(source)
        return tag if tag is not None else failure.problem(self._locator(source_map))

    def _slot_at(self, source: int) -> Slot | None:
        return next((slot for slot in self.reading.slots if slot.start <= source < slot.end), None)

    def _operator_before(self, source: int, sign: str) -> Slot | None:
        """The tag before the place of the error, where it stands for a function, `<%= f %>(1)`, or an operator."""
        tokens = self._rewriter().tokens
        behind = next((index for index, token in enumerate(tokens) if token.start >= source), 0)
        tag, before = tokens[behind - 1 : behind], tokens[max(behind - 2, 0) : behind - 1]
        if not tag or tag[0].kind is not TokenKind.TAG:
            return None
        word = self.template[before[0].start : before[0].end].lower() if before else ""
        is_operand = bool(before) and before[0].kind is TokenKind.IDENTIFIER and word not in _BEFORE_A_VALUE
        return self._slot_at(tag[0].start) if sign == "(" or is_operand else None

    def _unknown_tag(self, source: int) -> Problem | None:
        """A `<% ... %>` in front of the error: the operators of pg_trgm, but here they make no sense as such."""
        for token in self.reading.tokens:
            if token.kind is TokenKind.OPERATOR and token.start <= source:
                word = self.template[token.start : token.end]
                if word.startswith("<%") and not word.startswith("<%%") and "%>" in self.template[token.start :]:
                    return unknown_tag(self.template, token.start)
        return None

    def _unbindable(self, placed: list[_Placed], source: int) -> Problem:
        """The template parses and its bound form does not, or means something else: whose fault is it?"""
        lists = [item.slot for item in placed if item.form is Form.IN_LIST]
        slot = self._slot_at(source)
        if slot is None and lists:
            message = "The comparison with a list is ambiguous here."
            hint = "Put brackets around it: (x IN (<%= list %>))."
            return problem_at(self.template, lists[0].place, message, hint)
        place = slot.place if slot is not None else placed[0].slot.place
        return problem_at(self.template, place, _CONSTANT_WANTED.message, _CONSTANT_WANTED.hint)


_BEFORE_A_VALUE = frozenset(
    {
        "select",
        "distinct",
        "all",
        "and",
        "or",
        "not",
        "where",
        "when",
        "then",
        "else",
        "case",
        "on",
        "having",
        "in",
        "like",
        "ilike",
        "to",
        "similar",
        "between",
        "is",
        "from",
        "limit",
        "offset",
        "fetch",
        "first",
        "next",
        "any",
        "some",
        "values",
        "escape",
        "zone",
        "by",
        "using",
    }
)

_CONSTANT_WANTED = Refusal("PostgreSQL takes only a constant here, no variable.", "Write the constant into the SQL.")

_CONTEXTS = {
    Form.PLAIN: Context.CODE,
    Form.CAST: Context.TYPED_LITERAL,
    Form.INTERVAL_UNIT: Context.INTERVAL,
    Form.IN_LIST: Context.IN_LIST,
}


def _slot_nodes(tree: ParseTree, source_map: SourceMap, template: str, slots: Sequence[Slot]) -> Mapping[int, Node]:
    """The node of each slot in the template's tree. A literal's must have exactly the content that our lexer saw."""
    literals = {slot.start: slot for slot in slots if slot.is_literal}
    nodes: dict[int, Node] = {}
    for node in tree.nodes():
        content = node.one("sval") if node.tag == "A_Const" else None
        slot = literals.get(_source(tree, source_map, node)) if content is not None and literals else None
        if node.tag == "ParamRef":
            nodes[node.number("number")] = node
        elif slot is not None and content is not None and content.text("sval") == _content(template, slot):
            nodes[slot.number] = node
    return nodes


def _content(template: str, slot: Slot) -> str:
    return template[slot.start + 1 : slot.end - 1].replace("''", "'")


def _source(tree: ParseTree, source_map: SourceMap, node: Node | None) -> int:
    return -1 if node is None else source_map.source(tree.char_offset(node.location))


def _raise(problems: Iterable[Problem]) -> None:
    found = sorted(problems, key=lambda problem: (problem.line, problem.column))
    if found:
        raise StatementRefused(found)
