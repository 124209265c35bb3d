"""Between conditions.v1.Condition, the definitions of the domain, and the documents that hold them."""

from collections.abc import Mapping
from typing import Any, Final

from directflow.conditions.v1 import condition_service_pb2 as pb
from directflow.sql.v1 import sql_pb2
from directflow_runtime.definitions.cache import Saved
from directflow_runtime.definitions.document import Document
from directflow_runtime.errors import DirectFlowError
from directflow_runtime.status import report_of
from google.protobuf.message import DecodeError

from directflow_conditions.condition import Condition, SqlQuery, workspace_of
from directflow_conditions.definitions.definition import Definition
from directflow_conditions.definitions.report import Report
from directflow_conditions.definitions.sql.wire import query_from, query_message
from directflow_conditions.expressions.expression import Expression
from directflow_conditions.expressions.plan import EXPRESSIONS
from directflow_conditions.expressions.wire import expression_from, expression_message
from directflow_conditions.policies import Decision, Policy
from directflow_conditions.predicates.predicate import Predicate
from directflow_conditions.predicates.wire import predicate_from, predicate_message
from directflow_conditions.violations import Violations

CONTENT_TYPE: Final = "application/x-protobuf; message=directflow.conditions.v1.Condition"
MAX_DISPLAY_NAME: Final = 200
SQL_FIELD: Final = "sql.sql"
_ADDED: Final = ("name", "etag", "revision", "update_time", "validation_report")
"""Fields that the service adds to what the author wrote."""

_DECISIONS: Final[Mapping[Decision, pb.Decision]] = {
    Decision.TRUE: pb.DECISION_TRUE,
    Decision.FALSE: pb.DECISION_FALSE,
    Decision.ERROR: pb.DECISION_ERROR,
}
_DECIDED: Final = {number: decision for decision, number in _DECISIONS.items()}


def definition_from(name: str, message: pb.Condition, path: str, violations: Violations) -> Definition:
    """What a request wants to save under `name`. Raises INVALID_REQUEST with all violations, its own under `path`."""
    condition = _condition_from(name, message, path, 0, violations)
    written = pb.Condition()
    written.CopyFrom(message)
    for added in _ADDED:
        written.ClearField(added)
    return Definition(condition, written.SerializeToString())


def definition_in(document: Document) -> Definition:
    """What a document holds. Raises ValueError where this version cannot read it."""
    if document.content_type != CONTENT_TYPE:
        raise ValueError("the document is no condition of conditions.v1")
    try:
        message = pb.Condition.FromString(document.body)
        condition = _condition_from(document.name, message, "condition", document.revision, Violations())
    except DecodeError:
        raise ValueError("the document does not parse") from None
    except LookupError:
        raise ValueError("the document holds a value that this version does not know") from None
    except DirectFlowError as error:
        raise ValueError(error.message) from None
    return Definition(condition, document.body)


def fixed_definition(condition: Condition) -> Definition:
    """A condition of the settings file."""
    return Definition(condition, condition_message(condition).SerializeToString())


def body_of(definition: Definition, report: Report) -> bytes:
    """The body of a document."""
    message = pb.Condition.FromString(definition.written)
    message.validation_report.CopyFrom(report_message(report))
    return message.SerializeToString()


def resource_message(saved: Saved[Definition]) -> pb.Condition:
    """The resource as it is shown: what the author wrote, and what saving it added."""
    document = saved.document
    message = pb.Condition.FromString(document.body or saved.definition.written)
    message.name, message.etag, message.revision = document.name, document.etag, document.revision
    if document.save_time is not None:
        message.update_time.FromDatetime(document.save_time)
    return message


def revision_message(definition: Definition | None, document: Document) -> pb.ConditionRevision:
    """One saved state; without its content where it is a deletion, or cannot be read any more."""
    shown = None if definition is None else resource_message(Saved(definition, document))
    message = pb.ConditionRevision(
        condition=shown, revision=document.revision, author=document.author, deleted=document.deleted
    )
    if document.save_time is not None:
        message.save_time.FromDatetime(document.save_time)
    return message


def report_message(report: Report) -> sql_pb2.ValidationReport:
    """The whole report."""
    message = report_of(report.problems)
    if report.query is not None:
        query = message.queries.add()
        query.ParseFromString(report.query.message)
        query.field = SQL_FIELD
        for use in query.variable_uses:
            use.source = report.sources.get(use.name, "")
    return message


def condition_message(condition: Condition) -> pb.Condition:
    """A condition on the wire, without what its author alone knows."""
    message = pb.Condition(policy=_policy_message(condition.policy))
    match condition.definition:
        case SqlQuery() as query:
            message.sql.CopyFrom(query_message(query))
        case expression if isinstance(expression, EXPRESSIONS):
            message.expression.CopyFrom(expression_message(expression))
        case predicate:
            message.engagement.CopyFrom(predicate_message(predicate))
    return message


def _condition_from(name: str, message: pb.Condition, path: str, revision: int, violations: Violations) -> Condition:
    if len(message.display_name) > MAX_DISPLAY_NAME:
        violations.add(f"{path}.display_name", f"at most {MAX_DISPLAY_NAME} characters")
    definition = _definition_from(message, workspace_of(name), path, violations)
    violations.refuse()
    if definition is None:  # what is missing has been told
        raise TypeError("a definition that breaks no rule was not read")
    return Condition(name, definition, _policy_from(message.policy), revision)


def _definition_from(
    message: pb.Condition, workspace: str, path: str, violations: Violations
) -> SqlQuery | Predicate | Expression | None:
    match message.WhichOneof("definition"):
        case "sql":
            return query_from(message.sql, workspace, f"{path}.sql", violations)
        case "engagement":
            return predicate_from(message.engagement, f"{path}.engagement", violations)
        case "expression":
            return expression_from(message.expression, workspace, f"{path}.expression", violations)
        case _:
            violations.add(path, "exactly one of sql, engagement and expression must be set", "REQUIRED")
            return None


def _policy_from(message: pb.Policy) -> Policy:
    told = {name: _DECIDED[number] for name in _OUTCOMES if (number := getattr(message, name))}
    return Policy(**told)


def _policy_message(policy: Policy) -> pb.Policy:
    decisions: dict[str, Any] = {name: _DECISIONS[getattr(policy, name)] for name in _OUTCOMES}
    return pb.Policy(**decisions)


_OUTCOMES: Final = ("on_null", "on_no_row", "on_multiple_rows", "on_error")
