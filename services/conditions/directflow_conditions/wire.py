"""Between the messages of conditions.v1 and plain values."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from directflow.conditions.v1 import condition_service_pb2 as conditions
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.column_encoding import field
from directflow_runtime.columns import INFINITY, MINUS_INFINITY
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_conditions.anchors import Anchor
from directflow_conditions.batches import DecisionCounts, EvaluatedBatch
from directflow_conditions.condition import Scalar, Value
from directflow_conditions.evaluation import Evaluation, LeafEvaluation
from directflow_conditions.policies import DECISION_CODES, RAW_CODES, Decision, Raw, bytes_table
from directflow_conditions.predicates.looked_at import looked_at
from directflow_conditions.predicates.predicate import EventPredicate
from directflow_conditions.predicates.wire import SCOPES
from directflow_conditions.profiles import Profiles, invalid
from directflow_conditions.questions import Failure

_RAW: Final = {
    Raw.TRUE: wire.RAW_OUTCOME_TRUE,
    Raw.FALSE: wire.RAW_OUTCOME_FALSE,
    Raw.NULL: wire.RAW_OUTCOME_NULL,
    Raw.NO_ROW: wire.RAW_OUTCOME_NO_ROW,
    Raw.MULTIPLE_ROWS: wire.RAW_OUTCOME_MULTIPLE_ROWS,
    Raw.ERROR: wire.RAW_OUTCOME_ERROR,
}
_DECIDED: Final = {
    Decision.TRUE: conditions.DECISION_TRUE,
    Decision.FALSE: conditions.DECISION_FALSE,
    Decision.ERROR: conditions.DECISION_ERROR,
}
_FIRST_MICROSECOND: Final = -62_135_596_800_000_000
_LAST_MICROSECOND: Final = 253_402_300_799_999_999
"""Of the years 1 and 9999."""

_RAW_TABLE: Final = bytes_table({RAW_CODES[raw]: number for raw, number in _RAW.items()})
_DECIDED_TABLE: Final = bytes_table({DECISION_CODES[decided]: number for decided, number in _DECIDED.items()})


def values_from(messages: Mapping[str, sql_pb2.Value]) -> dict[str, Value]:
    """The caller's values. A list within a list is INVALID_REQUEST; all such fields are named."""
    nested = [name for name, message in messages.items() if is_nested(message)]
    if nested:
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT,
            "INVALID_REQUEST",
            "a list may hold scalars only",
            violations=[FieldViolation(f"variables.{name}", "a list within a list") for name in nested],
        )
    return {name: value_from(message) for name, message in messages.items()}


def profiles_from(message: wire.ProfileColumns) -> Profiles:
    """Profiles as columns, which stay as they were sent. Ragged ones are INVALID_REQUEST; all of them are named."""
    count = len(message.profile_ids)
    violations = [
        FieldViolation(f"profiles.variable_columns[{index}]", wrong, "COLUMN")
        for index, column in enumerate(message.variable_columns)
        if (wrong := _wrong_with(column, count))
    ]
    if violations:
        raise invalid(violations)
    return Profiles(list(message.profile_ids), tuple(message.variable_names), message.variable_columns, message.anchors)


def evaluation_message(evaluation: Evaluation, explain: bool, anchor: Anchor | None) -> wire.Evaluation:
    """One evaluation on the wire; with `explain`, its leaves as well, asked with that anchor."""
    failure = evaluation.failure
    message = wire.Evaluation(
        raw=_RAW[evaluation.raw],
        decided=_DECIDED[evaluation.decided],
        error=_error(failure) if failure else None,
    )
    for leaf in evaluation.leaves if explain else ():
        message.leaves.append(_leaf_message(leaf, anchor))
    return message


def _leaf_message(leaf: LeafEvaluation, anchor: Anchor | None) -> wire.LeafEvaluation:
    message = wire.LeafEvaluation(
        condition=leaf.condition, raw=_RAW[leaf.raw], decided=_DECIDED[leaf.decided], event_count=leaf.event_count
    )
    predicate = leaf.leaf.definition
    if isinstance(predicate, EventPredicate) and leaf.evaluated is not None:
        looked = looked_at(predicate, leaf.evaluated, anchor)
        message.scope = SCOPES[predicate.scope]
        message.window_end_time.FromDatetime(looked.end)
        if looked.begin is not None:
            message.window_begin_time.FromDatetime(looked.begin)
    return message


def encoded_batch(batch: EvaluatedBatch) -> bytes:
    """The wire bytes of an EvaluationBatch: a packed enum of small numbers is the bytes that we hold already."""
    numbers = wire.EvaluationBatch
    return b"".join(
        (
            field(numbers.RAW_FIELD_NUMBER, batch.raw.translate(_RAW_TABLE)),
            field(numbers.DECIDED_FIELD_NUMBER, batch.decided.translate(_DECIDED_TABLE)),
            *(field(numbers.ERRORS_FIELD_NUMBER, error) for error in _encoded_errors(batch.failures)),
        )
    )


def summary_message(counts: DecisionCounts, revision: int) -> wire.EvaluationsSummary:
    """The last message of a stream."""
    return wire.EvaluationsSummary(
        profile_count=counts.total,
        true_count=counts.of(Decision.TRUE),
        false_count=counts.of(Decision.FALSE),
        error_count=counts.of(Decision.ERROR),
        revision=revision,
    )


def _encoded_errors(failures: Mapping[int, Failure]) -> Iterator[bytes]:
    for index, failure in failures.items():
        yield wire.IndexedError(index=index, error=_error(failure)).SerializeToString()


def _wrong_with(column: sql_pb2.Column, count: int) -> str:
    cells: dict[str, Any] = {described.name: value for described, value in column.ListFields()}
    validity = cells.pop("validity", b"")
    if len(cells) != 1:
        return "exactly one kind of cells in each column"
    (held,) = cells.values()
    if len(held) != count:
        return f"{len(held)} cells where there are {count} profiles"
    if validity and len(validity) != (count + 7) // 8:
        return f"{len(validity)} bytes of validity where {count} profiles take {(count + 7) // 8}"
    return "a timestamp lies outside the years 1 to 9999" if _has_no_time(column) else ""


def _has_no_time(column: sql_pb2.Column) -> bool:
    """The gateway would refuse it as ours; infinity, in both directions, is a time."""
    if not column.timestamps:
        return False
    cells = np.array(column.timestamps, np.int64)
    infinite = (cells == INFINITY) | (cells == MINUS_INFINITY)
    return bool(np.any(~infinite & ((cells < _FIRST_MICROSECOND) | (cells > _LAST_MICROSECOND))))


def _error(failure: Failure) -> wire.EvaluationError:
    return wire.EvaluationError(reason=failure.reason, message=failure.message, sqlstate=failure.sqlstate)


def is_nested(message: sql_pb2.Value) -> bool:
    """True for a list within a list, which is no value."""
    return any(element.WhichOneof("kind") == "list" for element in message.list.values)


def value_from(message: sql_pb2.Value) -> Value:
    """One value; what is in a list within a list counts as NULL."""
    if message.WhichOneof("kind") == "list":
        return tuple(_scalar(element) for element in message.list.values)
    return _scalar(message)


def _scalar(message: sql_pb2.Value) -> Scalar:
    match message.WhichOneof("kind"):
        case "boolean":
            return message.boolean
        case "integer":
            return message.integer
        case "number":
            return message.number
        case "text":
            return message.text
        case _:  # `null`, or nothing set: both mean NULL
            return None
