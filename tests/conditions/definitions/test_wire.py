"""What a condition's author writes is read whole, or refused with every violation and its path."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from directflow.conditions.v1 import condition_service_pb2 as pb
from directflow.engagement.v1 import engagement_pb2 as engagement
from directflow.sql.v1 import sql_pb2
from directflow_conditions.condition import Condition, SqlQuery, Variable
from directflow_conditions.definitions.report import Report
from directflow_conditions.definitions.wire import (
    CONTENT_TYPE,
    body_of,
    definition_from,
    definition_in,
    fixed_definition,
    resource_message,
)
from directflow_conditions.expressions.expression import AllOf, AnyOf, Named, Negation
from directflow_conditions.policies import Decision, Policy
from directflow_conditions.predicates.predicate import (
    BounceKind,
    BucketPredicate,
    CountComparison,
    EventPredicate,
    EventType,
    Scope,
    SubscriptionPredicate,
    SubscriptionState,
    Window,
)
from directflow_conditions.violations import Violations
from directflow_runtime.definitions.cache import Saved
from directflow_runtime.definitions.document import Document
from directflow_runtime.errors import DirectFlowError, Problem
from directflow_runtime.variable_kinds import Kind
from google.protobuf import text_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

NAME = "workspaces/acme/conditions/premium"
CONNECTION = "workspaces/acme/connections/main"
SQL = "SELECT plan = '<%= plan %>' AS result FROM users WHERE id = '<%= profile_id %>'"


def read(message: pb.Condition) -> Condition:
    return definition_from(NAME, message, "condition", Violations()).condition


def violations(message: pb.Condition) -> list[tuple[str, str]]:
    with pytest.raises(DirectFlowError) as raised:
        read(message)
    assert raised.value.reason == "INVALID_REQUEST"
    return [(violation.field.removeprefix("condition."), violation.reason) for violation in raised.value.violations]


def over_sql(**fields: Any) -> pb.Condition:
    return pb.Condition(sql=pb.SqlCondition(**{"connection": CONNECTION, "sql": SQL, **fields}))


def declared(name: str = "plan", kind: str = "TEXT", is_list: bool = False, **fields: Any) -> pb.ConditionVariable:
    variable = sql_pb2.Variable(name=name, kind=f"VARIABLE_KIND_{kind}", list=is_list)
    return pb.ConditionVariable(variable=variable, **fields)


def on_events(**fields: Any) -> pb.Condition:
    event = engagement.EventPredicate(**{"type": engagement.EVENT_TYPE_OPENED, **fields})
    return pb.Condition(engagement=engagement.Predicate(event=event))


def leaf(id: str) -> pb.Expression:
    return pb.Expression(condition=f"workspaces/acme/conditions/{id}")


def every(*operands: pb.Expression) -> pb.Expression:
    return pb.Expression(all_of=pb.Operands(operands=operands))


# --- whole ------------------------------------------------------------------------------------------------------------

POLICY = Policy(Decision.TRUE, Decision.ERROR, Decision.FALSE, Decision.TRUE)
BEGIN, END = datetime(2026, 1, 2, 3, 4, 5, 6, UTC), datetime(2026, 2, 1, tzinfo=UTC)
EVENT = EventPredicate(
    EventType.BOUNCED, "email", "m", "c", "", CountComparison.AT_MOST, 3, Window(END - BEGIN, BEGIN, END),
    Scope.THIS_MESSAGE, False, BounceKind.HARD,
)  # fmt: skip
DEFINITIONS = [
    SqlQuery(CONNECTION, SQL, (Variable("plan", Kind.TEXT, False, True, "premium"), Variable("x", Kind.DATE))),
    SqlQuery(CONNECTION, SQL, (Variable("ids", Kind.INTEGER, True, True, (1, 2, None)), Variable("o", optional=True))),
    EVENT,
    *(EventPredicate(type) for type in EventType),
    EventPredicate(EventType.CLICKED, link_id="l", comparison=CountComparison.EXACTLY),
    EventPredicate(EventType.OPENED, include_machine_opens=True, scope=Scope.SINCE_FLOW_ENTRY),
    *(SubscriptionPredicate("email", state) for state in SubscriptionState),
    BucketPredicate("salt", 5, 4_999),
    AllOf((Named(NAME), AnyOf((Negation(Named(NAME)), Named(NAME))))),
]


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: type(one).__name__)
def test_a_condition_crosses_the_wire_and_comes_back_the_same(definition: Any) -> None:
    condition = Condition(NAME, definition, POLICY)
    message = pb.Condition.FromString(fixed_definition(condition).written)
    assert read(message) == condition


def test_what_the_author_wrote_is_shown_as_he_wrote_it_with_nothing_filled_in() -> None:
    written = over_sql(variables=[pb.ConditionVariable(variable=sql_pb2.Variable(name="plan"), description="The plan")])
    written.display_name = "Premium"
    definition = definition_from(NAME, written, "condition", Violations())
    body = body_of(definition, Report((Problem("RULE", "A problem."),)))
    saved = Document(NAME, body, CONTENT_TYPE, "7-x", 7, save_time=BEGIN)
    shown = resource_message(Saved(definition_in(saved), saved))
    assert (shown.name, shown.etag, shown.revision) == (NAME, "7-x", 7)
    assert shown.update_time.ToDatetime(UTC) == BEGIN
    assert shown.validation_report.problems[0].rule == "RULE"
    for added in ("name", "etag", "revision", "update_time", "validation_report"):
        shown.ClearField(added)
    assert shown == written


def test_what_a_client_sends_in_fields_of_ours_is_not_saved() -> None:
    written = over_sql()
    written.revision, written.etag, written.name = 99, "old", NAME
    written.validation_report.problems.add(rule="MINE")
    definition = definition_from(NAME, written, "condition", Violations())
    assert pb.Condition.FromString(definition.written) == over_sql()


def test_a_default_makes_a_variable_optional_and_a_policy_that_is_not_told_is_the_default() -> None:
    condition = read(over_sql(variables=[declared(default_value=sql_pb2.Value(text="premium"))]))
    assert condition.definition == SqlQuery(CONNECTION, SQL, (Variable("plan", optional=True, default="premium"),))
    assert condition.policy == Policy()


def test_a_default_of_null_is_no_value_and_yet_optional() -> None:
    (variable,) = read(over_sql(variables=[declared(default_value=sql_pb2.Value(null=True))])).definition.declared
    assert (variable.optional, variable.default) == (True, None)


# --- refused ----------------------------------------------------------------------------------------------------------


def test_all_violations_are_told_at_once() -> None:
    message = over_sql(
        connection="workspaces/other/connections/main",
        variables=[declared("1x"), declared("a"), declared("a", description="x" * 1_001)],
    )
    message.display_name = "x" * 201
    assert violations(message) == [
        ("display_name", "OUT_OF_RANGE"),
        ("sql.connection", "OTHER_WORKSPACE"),
        ("sql.variables[0].variable.name", "VARIABLE_NAME"),
        ("sql.variables[2].description", "OUT_OF_RANGE"),
        ("sql.variables[2].variable.name", "CONTRADICTION"),
    ]


@pytest.mark.parametrize("message", [pb.Condition(), pb.Condition(display_name="x")])
def test_a_definition_is_needed(message: pb.Condition) -> None:
    with pytest.raises(DirectFlowError) as raised:
        read(message)
    (violation,) = raised.value.violations
    assert (violation.field, violation.reason) == ("condition", "REQUIRED")


def test_sql_may_be_16_kib_and_no_more() -> None:
    fitting = "SELECT true AS result -- " + "é" * 8_000
    fitting += "x" * (16 * 1024 - len(fitting.encode()))
    assert read(over_sql(sql=fitting)).definition.sql == fitting
    assert violations(over_sql(sql=fitting + "x")) == [("sql.sql", "OUT_OF_RANGE")]


VALUE = sql_pb2.Value
LIST = VALUE(list=sql_pb2.ValueList(values=[VALUE(integer=1)]))


@pytest.mark.parametrize(
    ("variable", "field"),
    [
        (declared(kind="INTEGER", default_value=VALUE(text="abc")), "default_value"),
        (declared(kind="INTEGER", default_value=VALUE(number=1.5)), "default_value"),
        (declared(kind="DATE", default_value=VALUE(text="2023-02-29")), "default_value"),
        (declared(kind="UUID", default_value=VALUE(boolean=True)), "default_value"),
        (declared(kind="INTEGER", default_value=LIST), "default_value"),
        (declared(kind="INTEGER", is_list=True, default_value=VALUE(integer=1)), "default_value"),
        (declared(default_value=VALUE(text="x" * 65_537)), "default_value"),
        (declared(is_list=True, default_value=VALUE(list=sql_pb2.ValueList(values=[LIST]))), "default_value"),
        (declared("_df_x"), "variable.name"),
        (declared("a..b"), "variable.name"),
        (declared("x" * 129), "variable.name"),
    ],
)
def test_a_variable_that_cannot_be_meant_is_refused(variable: pb.ConditionVariable, field: str) -> None:
    assert [field for field, _ in violations(over_sql(variables=[variable]))] == [f"sql.variables[0].{field}"]


@pytest.mark.parametrize(
    "variable",
    [
        declared(kind="INTEGER", default_value=VALUE(text="12")),
        declared(kind="INTEGER", default_value=VALUE(number=3.0)),
        declared(kind="BOOLEAN", default_value=VALUE(integer=1)),
        declared(kind="INTEGER", is_list=True, default_value=LIST),
        declared("user.community_id"),
        declared("profile_id", kind="UUID"),
    ],
)
def test_a_variable_that_can_be_meant_is_read(variable: pb.ConditionVariable) -> None:
    assert read(over_sql(variables=[variable]))


@pytest.mark.parametrize("fields", [{"optional": True}, {"default_value": VALUE(text="1")}, {"is_list": True}])
def test_the_person_is_always_there_and_one(fields: dict[str, Any]) -> None:
    assert ("sql.variables[0]", "CONTRADICTION") in violations(over_sql(variables=[declared("profile_id", **fields)]))


def window(text: str) -> dict[str, Any]:
    return {"window": text_format.Parse(text, engagement.Window())}


@pytest.mark.parametrize(
    ("fields", "violation"),
    [
        ({"type": 0}, ("type", "REQUIRED")),
        ({"count": -1}, ("count", "OUT_OF_RANGE")),
        ({"count": 2**31}, ("count", "OUT_OF_RANGE")),
        ({"channel": "x" * 129}, ("channel", "OUT_OF_RANGE")),
        ({"link_id": "l"}, ("link_id", "CONTRADICTION")),
        ({"bounce_kind": engagement.BOUNCE_KIND_HARD}, ("bounce_kind", "CONTRADICTION")),
        ({"type": 4, "include_machine_opens": True}, ("include_machine_opens", "CONTRADICTION")),
        (window("last {}"), ("window.last", "OUT_OF_RANGE")),
        (window("last { seconds: -1 }"), ("window.last", "OUT_OF_RANGE")),
        (window("last { seconds: 1 nanos: -1 }"), ("window.last", "OUT_OF_RANGE")),
        (window("last { nanos: 1 }"), ("window.last", "OUT_OF_RANGE")),
        (window("last { seconds: 315576000001 }"), ("window.last", "OUT_OF_RANGE")),
        (window("begin_time { nanos: -1 }"), ("window.begin_time", "OUT_OF_RANGE")),
        (window("end_time { seconds: 253402300800 }"), ("window.end_time", "OUT_OF_RANGE")),
        (window("end_time { nanos: 1 }"), ("window.end_time", "OUT_OF_RANGE")),
        (window("begin_time { seconds: 5 } end_time { seconds: 5 }"), ("window.end_time", "CONTRADICTION")),
    ],
)
def test_a_question_about_events_that_cannot_be_meant_is_refused(
    fields: dict[str, Any], violation: tuple[str, str]
) -> None:
    field, reason = violation
    assert violations(on_events(**fields)) == [(f"engagement.event.{field}", reason)]


@pytest.mark.parametrize("fields", [{"link_id": "l", "type": 4}, {"include_machine_opens": True}, {"count": 0}])
def test_a_question_about_events_that_can_be_meant_is_read(fields: dict[str, Any]) -> None:
    assert read(on_events(**fields))


def test_a_window_is_read_to_the_microsecond() -> None:
    last = Duration(seconds=1, nanos=2_000)
    given = {"window": engagement.Window(last=last, begin_time=Timestamp(seconds=-1, nanos=1_000))}
    assert read(on_events(**given)).definition.window.begin == datetime(1969, 12, 31, 23, 59, 59, 1, UTC)


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        ("", [("engagement", "REQUIRED")]),
        ("subscription {}", [("engagement.subscription.channel", "REQUIRED"),
                             ("engagement.subscription.state", "REQUIRED")]),
        ("bucket { first: -1 last: 10000 }", [("engagement.bucket.salt", "REQUIRED"),
                                              ("engagement.bucket.first", "OUT_OF_RANGE"),
                                              ("engagement.bucket.last", "OUT_OF_RANGE")]),
        ("bucket { salt: 'x' first: 5 }", [("engagement.bucket.last", "CONTRADICTION")]),
    ],
)  # fmt: skip
def test_other_predicates_name_all_that_is_wrong(predicate: str, expected: list[tuple[str, str]]) -> None:
    message = pb.Condition(engagement=text_format.Parse(predicate, engagement.Predicate()))
    assert violations(message) == expected


@pytest.mark.parametrize(
    ("expression", "violation"),
    [
        (pb.Expression(), ("expression", "REQUIRED")),
        (every(), ("expression.all_of.operands", "OUT_OF_RANGE")),
        (every(*[leaf("a")] * 65), ("expression.all_of.operands", "OUT_OF_RANGE")),
        (every(leaf("a"), pb.Expression()), ("expression.all_of.operands[1]", "REQUIRED")),
        (
            pb.Expression(negation=pb.Expression(condition="workspaces/other/conditions/a")),
            ("expression.negation.condition", "OTHER_WORKSPACE"),
        ),
    ],
)
def test_an_expression_that_cannot_be_meant_is_refused(expression: pb.Expression, violation: tuple[str, str]) -> None:
    assert violations(pb.Condition(expression=expression)) == [violation]


def negated(depth: int) -> pb.Expression:
    expression = leaf("a")
    for _ in range(depth - 1):
        expression = pb.Expression(negation=expression)
    return expression


def test_an_expression_is_64_deep_and_no_deeper() -> None:
    assert read(pb.Condition(expression=negated(64)))
    ((_, reason),) = violations(pb.Condition(expression=negated(65)))
    assert reason == "OUT_OF_RANGE"


def test_an_expression_has_4096_parts_and_no_more_and_that_is_told_once() -> None:
    rows = [every(*[leaf("a")] * 64) for _ in range(62)]
    assert read(pb.Condition(expression=every(*rows, every(*[leaf("a")] * 63), leaf("a"))))
    assert len(violations(pb.Condition(expression=every(*rows, *rows[:2])))) == 1


def test_an_expression_names_a_thousand_conditions_and_no_more() -> None:
    rows = [every(*(leaf(f"c{64 * row + column}") for column in range(64))) for row in range(16)]
    assert violations(pb.Condition(expression=every(*rows))) == [("expression", "OUT_OF_RANGE")]


# --- documents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda body: (body, "application/json"),
        lambda body: (b"\xff" + body, CONTENT_TYPE),
        lambda body: (b"", CONTENT_TYPE),
        lambda body: (body + pb.Condition(policy=pb.Policy(on_null=77)).SerializeToString(), CONTENT_TYPE),
    ],
    ids=["another type", "torn", "empty", "a value of a later version"],
)
def test_a_document_that_this_version_cannot_read_is_no_condition(
    change: Callable[[bytes], tuple[bytes, str]],
) -> None:
    body, content_type = change(over_sql().SerializeToString())
    with pytest.raises(ValueError, match=r"document|must be set"):
        definition_in(Document(NAME, body, content_type, revision=1))
