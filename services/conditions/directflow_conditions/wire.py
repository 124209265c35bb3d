"""Between the messages of conditions.v1 and plain values."""

from collections.abc import Mapping
from typing import Final

from directflow.conditions.v1 import condition_service_pb2 as conditions
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.sql.v1 import sql_pb2
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode

from directflow_conditions.definitions import Scalar, Value
from directflow_conditions.evaluation import Evaluation, Failure
from directflow_conditions.policies import Decision, Raw

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


def values_from(messages: Mapping[str, sql_pb2.Value]) -> dict[str, Value]:
    """The caller's values. A list within a list is INVALID_REQUEST; all such fields are named."""
    nested = [name for name, message in messages.items() if _is_nested(message)]
    if nested:
        raise DirectFlowError(
            StatusCode.INVALID_ARGUMENT,
            "INVALID_REQUEST",
            "a list may hold scalars only",
            violations=[FieldViolation(f"variables.{name}", "a list within a list") for name in nested],
        )
    return {name: _value(message) for name, message in messages.items()}


def evaluation_message(evaluation: Evaluation) -> wire.Evaluation:
    """One evaluation on the wire."""
    failure = evaluation.failure
    return wire.Evaluation(
        raw=_RAW[evaluation.raw],
        decided=_DECIDED[evaluation.decided],
        error=_error(failure) if failure else None,
    )


def with_leaf(message: wire.Evaluation, condition: str) -> wire.Evaluation:
    """`explain` of a condition that is one leaf: itself."""
    message.leaves.add(condition=condition, raw=message.raw, decided=message.decided)
    return message


def _error(failure: Failure) -> wire.EvaluationError:
    return wire.EvaluationError(reason=failure.reason, message=failure.message, sqlstate=failure.sqlstate)


def _is_nested(message: sql_pb2.Value) -> bool:
    return any(element.WhichOneof("kind") == "list" for element in message.list.values)


def _value(message: sql_pb2.Value) -> Value:
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
