"""Between messages and data sources: nothing is lost either way, and everything that is wrong is told at once."""

from typing import Any

import pytest
from directflow.segments.v1 import data_source_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_runtime.definitions.cache import Saved
from directflow_runtime.definitions.document import Document
from directflow_runtime.errors import DirectFlowError, Problem, Severity
from directflow_segments.audience.reachability import ContactRules, RequiredContact
from directflow_segments.data_sources import DataSource, Kind, Role, Variable
from directflow_segments.definitions import wire
from directflow_segments.definitions.report import Described, QueryReport, Report

NAME = "workspaces/acme/dataSources/communities"
FULL = DataSource(
    name=NAME,
    connection="workspaces/acme/connections/main",
    generator_sql="SELECT 1 AS profile_id -- ümlaut",
    discovery_sql="SELECT 'x' AS slug",
    preload_sql="SELECT '<%= profile_id %>'",
    display_name="Communities",
    key_column="slug",
    variables=(
        Variable("days", Kind.INTEGER, optional=True, default=30, description="How far back."),
        Variable("exact", Kind.NUMBER, optional=True, default="0.10"),
        Variable("ratio", Kind.NUMBER, optional=True, default=0.5),
        Variable("live", Kind.BOOLEAN, optional=True, default=False),
        Variable("since", Kind.DATE, optional=True, default="2026-02-28"),
        Variable("at", Kind.TIMESTAMP, optional=True, default="2026-02-28T12:00:00Z"),
        Variable("key", Kind.UUID, optional=True, default="f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        Variable("plans", Kind.TEXT, is_list=True, optional=True, default=("pro", None, "")),
        Variable("nobody", Kind.INTEGER, is_list=True, optional=True, default=()),
        Variable("user.tier", optional=True),
        Variable("needed"),
    ),
    bindings={"community_id": "id"},
    contact_rules=ContactRules(RequiredContact.EMAIL, check_format=False),
    revision=7,
)
NOTHING = Report((), ())


def stored(data_source: DataSource, report: Report = NOTHING, revision: int = 7) -> Document:
    return Document(NAME, wire.body(data_source, report), wire.CONTENT_TYPE, "e7", revision)


def message(**changes: Any) -> pb.DataSource:
    given = {"connection": "workspaces/acme/connections/main", "generator_sql": "SELECT 1", **changes}
    return pb.DataSource(**given)


def variable(name: str = "v", kind: int = 0, many: bool = False, **more: Any) -> pb.DataSourceVariable:
    return pb.DataSourceVariable(variable=sql_pb2.Variable(name=name, kind=kind, list=many), **more)  # type: ignore[arg-type]


def violations(given: pb.DataSource, name: str = NAME) -> list[tuple[str, str]]:
    with pytest.raises(DirectFlowError) as raised:
        wire.definition_from(given, name)
    assert raised.value.reason == "INVALID_REQUEST"
    return [(violation.field, violation.reason) for violation in raised.value.violations]


def test_a_data_source_comes_back_from_its_document_as_it_was() -> None:
    assert wire.read(stored(FULL)) == FULL


def test_what_a_get_shows_is_what_an_update_would_save_again() -> None:
    shown = wire.resource_message(Saved(FULL, stored(FULL)))
    assert (shown.name, shown.etag, shown.revision) == (NAME, "e7", 7)
    again = wire.definition_from(shown, NAME)
    assert wire.body(again, NOTHING) == wire.body(FULL, NOTHING)


def test_a_document_holds_neither_name_nor_etag_nor_revision() -> None:
    body = pb.DataSource.FromString(stored(FULL).body)
    assert (body.name, body.etag, body.revision, body.HasField("update_time")) == ("", "", 0, False)


def test_what_was_only_checked_has_neither_etag_nor_revision() -> None:
    shown = wire.resource_message(Saved(FULL, stored(FULL, revision=0)))
    assert (shown.name, shown.etag, shown.revision) == (NAME, "", 0)


def test_what_is_left_out_has_the_documented_default() -> None:
    read = wire.definition_from(message(variables=[variable()]), NAME)
    assert (read.key_column, read.contact_rules) == ("id", ContactRules(RequiredContact.ANY, check_format=True))
    assert read.variables == (Variable("v", Kind.TEXT),)


def test_a_variable_with_a_default_is_optional_also_where_that_is_null() -> None:
    null = variable(default_value=sql_pb2.Value(null=True))
    assert wire.definition_from(message(variables=[null]), NAME).variables == (Variable("v", optional=True),)


def test_equal_definitions_are_equal_bytes() -> None:
    one = wire.definition_from(message(bindings={"a": "x", "b": "y", "c": "z"}), NAME)
    other = wire.definition_from(message(bindings={"c": "z", "b": "y", "a": "x"}), NAME)
    assert wire.body(one, NOTHING) == wire.body(other, NOTHING)


def test_the_report_travels_with_the_document() -> None:
    described = sql_pb2.QueryReport(
        field="template",
        bound_sql="SELECT $1",
        variable_uses=[sql_pb2.VariableUse(name="a", inferred_type="integer"), sql_pb2.VariableUse(name="b")],
        set_form_reason="none",
    )
    told = QueryReport(Role.PRELOAD, Described(encoded=described.SerializeToString()), {"a": "profile"})
    problem = Problem("RULE", "Told.", Severity.WARNING, "preload_sql", 2, 3, "x", "y")
    shown = wire.resource_message(Saved(FULL, stored(FULL, Report((problem,), (told,))))).validation_report
    assert [(p.rule, p.field, p.line, p.column, p.token, p.hint) for p in shown.problems] == [
        ("RULE", "preload_sql", 2, 3, "x", "y")
    ]
    (query,) = shown.queries
    assert (query.field, query.bound_sql, query.set_form_reason) == ("preload_sql", "SELECT $1", "none")
    assert [use.source for use in query.variable_uses] == ["profile", ""]


def test_a_report_that_would_burst_its_document_is_cut_and_says_so() -> None:
    problems = tuple(Problem("RULE", "m" * 1_000, Severity.WARNING, token=str(n)) for n in range(1_000))
    shown = wire.report_message(Report(problems, ()))
    assert 0 < len(shown.problems) < 1_000
    assert len(shown.problems) + shown.omitted_problems == 1_000
    assert shown.ByteSize() <= wire.REPORT_BYTES


def test_a_report_of_thousands_of_columns_does_not_keep_a_definition_from_being_saved() -> None:
    columns = [sql_pb2.ColumnType(name=f"{n:063}", postgres_type="x" * 40) for n in range(10_000)]
    described = sql_pb2.QueryReport(schema=sql_pb2.Schema(columns=columns)).SerializeToString()
    problem = Problem("RULE", "Told.", Severity.WARNING)
    told = Report((problem,), (QueryReport(Role.GENERATOR, Described(encoded=described), {}),))
    body = wire.body(FULL, told)
    assert len(body) <= wire.DOCUMENT_BYTES
    assert [one.rule for one in pb.DataSource.FromString(body).validation_report.problems] == ["RULE"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff\xff", wire.CONTENT_TYPE),
        (b"", "text/plain"),
        (pb.DataSource(contact_rules={"required_contact": 99}).SerializeToString(), wire.CONTENT_TYPE),  # type: ignore[arg-type]
        (message(variables=[variable(kind=99)]).SerializeToString(), wire.CONTENT_TYPE),
    ],
    ids=["no message", "other type", "contact of a newer version", "kind of a newer version"],
)
def test_a_document_that_this_version_cannot_read_is_said_to_be_one(body: bytes, content_type: str) -> None:
    with pytest.raises(ValueError, match="workspaces/acme/dataSources/communities"):
        wire.read(Document(NAME, body, content_type, revision=1))


def test_everything_that_is_wrong_is_told_at_once_with_its_path() -> None:
    wrong = message(
        display_name="x" * 201,
        connection="workspaces/other/connections/main",
        discovery_sql="ü" * (8 * 1024 + 1),
        preload_sql="x" * (16 * 1024 + 1),
        key_column="k" * 64,
        bindings={"1st": "id", "ok": ""},
        variables=[variable("a"), variable("a"), variable("no spaces"), variable("d", description="x" * 2_001)],
    )
    assert violations(wrong) == [
        ("data_source.connection", "OTHER_WORKSPACE"),
        ("data_source.display_name", "TOO_LONG"),
        ("data_source.discovery_sql", "TOO_LONG"),
        ("data_source.preload_sql", "TOO_LONG"),
        ("data_source.key_column", "TOO_LONG"),
        ("data_source.bindings.1st", "VARIABLE_NAME"),
        ("data_source.bindings.ok", "REQUIRED"),
        ("data_source.variables[0].variable.name", "DUPLICATE"),
        ("data_source.variables[1].variable.name", "DUPLICATE"),
        ("data_source.variables[2].variable.name", "VARIABLE_NAME"),
        ("data_source.variables[3].description", "TOO_LONG"),
    ]


def test_the_longest_texts_are_allowed() -> None:
    wire.definition_from(message(display_name="ü" * 200, generator_sql="x" * 16 * 1024, key_column="k" * 63), NAME)


@pytest.mark.parametrize("connection", ["", "main", "workspaces/acme/dataSources/main", "workspaces/acme/connections/"])
def test_a_connection_needs_its_whole_name(connection: str) -> None:
    assert violations(message(connection=connection)) == [("data_source.connection", "RESOURCE_NAME")]


@pytest.mark.parametrize("data_source_id", ["", "1st", "-a", "a b", "a/b", "ä", "a" * 64, "a\n"])
def test_a_new_id_begins_with_a_letter_and_is_short(data_source_id: str) -> None:
    (violation,) = wire.new_id(data_source_id)
    assert (violation.field, violation.reason) == ("data_source_id", "RESOURCE_NAME")
    assert wire.new_id("a" * 63) == wire.new_id("A-b_9") == []


def value(**kind: Any) -> sql_pb2.Value:
    return sql_pb2.Value(**kind)


def many(*elements: sql_pb2.Value) -> sql_pb2.Value:
    return sql_pb2.Value(list=sql_pb2.ValueList(values=elements))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("TEXT", value(integer=1)),
        ("INTEGER", value(integer=-(2**63))),
        ("INTEGER", value(text="+7")),
        ("INTEGER", value(number=3.0)),
        ("NUMBER", value(text="1e-3")),
        ("NUMBER", value(number=float("inf"))),
        ("BOOLEAN", value(text="on")),
        ("DATE", value(text="2024-02-29")),
        ("TIMESTAMP", value(text="2024-02-29T12:30:00+01:00")),
    ],
)
def test_a_default_that_could_be_bound_is_taken(kind: str, given: sql_pb2.Value) -> None:
    number = sql_pb2.VariableKind.Value(f"VARIABLE_KIND_{kind}")
    wire.definition_from(message(variables=[variable(kind=number, default_value=given)]), NAME)
    wire.definition_from(message(variables=[variable(kind=number, many=True, default_value=many(given))]), NAME)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("INTEGER", value(text="seven")),
        ("INTEGER", value(number=3.5)),
        ("INTEGER", value(boolean=True)),
        ("NUMBER", value(text="1,5")),
        ("BOOLEAN", value(integer=2)),
        ("DATE", value(text="2023-02-29")),
        ("DATE", value(text="today")),
        ("TIMESTAMP", value(text="12:30")),
        ("UUID", value(text="f81d4fae")),
    ],
)
def test_a_default_that_could_not_be_bound_is_refused_and_not_shown(kind: str, given: sql_pb2.Value) -> None:
    number = sql_pb2.VariableKind.Value(f"VARIABLE_KIND_{kind}")
    one = message(variables=[variable(kind=number, default_value=given)])
    assert violations(one) == [("data_source.variables[0].default_value", "KIND_MISMATCH")]
    with pytest.raises(DirectFlowError) as raised:
        wire.definition_from(message(variables=[variable(kind=number, many=True, default_value=many(given))]), NAME)
    told = str(raised.value) + "".join(violation.description for violation in raised.value.violations)
    assert str(getattr(given, given.WhichOneof("kind") or "")) not in told


def test_a_default_is_a_list_exactly_where_the_variable_is_one() -> None:
    given = [variable("a", default_value=many()), variable("b", many=True, default_value=value(text="x"))]
    assert violations(message(variables=given)) == [
        ("data_source.variables[0].default_value", "WRONG_TYPE"),
        ("data_source.variables[1].default_value", "WRONG_TYPE"),
    ]


def test_a_list_within_a_list_is_no_default() -> None:
    given = [variable(many=True, default_value=many(many(value(text="x"))))]
    assert violations(message(variables=given)) == [("data_source.variables[0].default_value", "NESTED_LIST")]


def test_a_default_is_not_longer_than_a_value_may_be() -> None:
    given = [variable("a", default_value=value(text="x" * (64 * 1024 + 1)))]
    given.append(variable("b", many=True, default_value=many(*[value(text="")] * 10_001)))
    assert [reason for _, reason in violations(message(variables=given))] == ["TOO_LONG", "TOO_LONG"]


def test_a_data_source_of_many_long_defaults_is_too_long_as_a_whole() -> None:
    given = [variable(f"v{n}", default_value=value(text="x" * 60_000)) for n in range(10)]
    assert violations(message(variables=given)) == [("data_source", "TOO_LONG")]


def test_there_are_not_more_names_than_anybody_could_mean() -> None:
    bindings = {f"v{n}": "id" for n in range(1_001)}
    given = message(variables=[variable(f"v{n}") for n in range(1_001)], bindings=bindings)
    assert violations(given) == [("data_source.bindings", "TOO_MANY"), ("data_source.variables", "TOO_MANY")]
