"""EvaluationService over gRPC: unpack, call, pack. Who may ask is settled before anything is looked up."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs
from directflow_runtime.calls import note
from directflow_runtime.column_encoding import field, varint_field
from directflow_runtime.errors import DirectFlowError, FieldViolation
from directflow_runtime.identity import require_workspace

from directflow_conditions.batches import BatchEvaluator, DecisionCounts
from directflow_conditions.engagement.pipelining import in_order
from directflow_conditions.evaluation import Evaluator, Subject
from directflow_conditions.profiles import Profiles, invalid
from directflow_conditions.wire import (
    encoded_batch,
    evaluation_message,
    profiles_from,
    summary_message,
    values_from,
)

MAX_CONDITIONS: Final = 100


class EvaluationServicer(stubs.EvaluationServiceServicer):
    """One profile, or columns of them."""

    def __init__(self, evaluator: Evaluator, batches: BatchEvaluator, max_messages: int) -> None:
        """`max_messages` of one stream are read and not yet answered."""
        self._evaluator = evaluator
        self._batches = batches
        self._max_messages = max_messages

    async def EvaluateCondition(
        self, request: wire.EvaluateConditionRequest, context: Any
    ) -> wire.EvaluateConditionResponse:
        require_workspace(request.condition, "condition")
        subject = _subject(request)
        evaluation = await self._evaluator.evaluate(request.condition, subject)
        message = evaluation_message(evaluation, request.explain, subject.anchor)
        return wire.EvaluateConditionResponse(evaluation=message, revision=evaluation.revision)

    async def EvaluateConditions(
        self, request: wire.EvaluateConditionsRequest, context: Any
    ) -> wire.EvaluateConditionsResponse:
        _check_conditions(request.conditions)
        subject = _subject(request)
        evaluations = await self._evaluator.evaluate_all(request.conditions, subject)
        messages = [evaluation_message(evaluation, request.explain, subject.anchor) for evaluation in evaluations]
        return wire.EvaluateConditionsResponse(evaluations=messages)

    async def BatchEvaluateConditions(self, request: wire.BatchEvaluateConditionsRequest, context: Any) -> bytes:
        require_workspace(request.condition, "condition")
        batches = self._batches.start(request.condition, values_from(request.variables))
        batch = await batches.evaluate(profiles_from(request.profiles))
        note(rows=len(batch.raw))
        numbers = wire.BatchEvaluateConditionsResponse
        return field(numbers.EVALUATIONS_FIELD_NUMBER, encoded_batch(batch)) + varint_field(
            numbers.REVISION_FIELD_NUMBER, batches.revision
        )

    async def StreamEvaluations(
        self, requests: AsyncIterator[wire.StreamEvaluationsRequest], context: Any
    ) -> AsyncIterator[bytes | wire.StreamEvaluationsResponse]:
        start = await _start(requests)
        require_workspace(start.condition, "start.condition")
        batches = self._batches.start(start.condition, values_from(start.variables))
        counts = DecisionCounts()
        evaluations = in_order(_profiles(requests), batches.evaluate, self._max_messages)
        async with aclosing(evaluations):
            async for batch in evaluations:
                counts.add(batch)
                note(rows=counts.total)
                yield field(wire.StreamEvaluationsResponse.EVALUATIONS_FIELD_NUMBER, encoded_batch(batch))
        yield wire.StreamEvaluationsResponse(summary=summary_message(counts, batches.revision))


async def _start(requests: AsyncIterator[wire.StreamEvaluationsRequest]) -> wire.EvaluationStart:
    async for request in requests:
        if request.WhichOneof("message") != "start":
            raise _invalid("start", "the first message says what to evaluate", "REQUIRED")
        return request.start
    raise _invalid("start", "the stream has no message", "REQUIRED")


async def _profiles(requests: AsyncIterator[wire.StreamEvaluationsRequest]) -> AsyncIterator[Profiles]:
    async for request in requests:
        if request.WhichOneof("message") != "profiles":
            raise _invalid("profiles", "every message behind the first brings profiles", "REQUIRED")
        yield profiles_from(request.profiles)


def _subject(request: wire.EvaluateConditionRequest | wire.EvaluateConditionsRequest) -> Subject:
    anchor = request.anchor if request.HasField("anchor") else None
    return Subject(request.profile_id, values_from(request.variables), anchor)


def register(server: Any, servicer: EvaluationServicer) -> None:
    """Adds the service to a grpc.aio server."""
    add_to_server: Any = stubs.add_EvaluationServiceServicer_to_server
    add_to_server(servicer, server)


def _check_conditions(names: Any) -> None:
    if len(names) > MAX_CONDITIONS:
        raise _invalid("conditions", f"at most {MAX_CONDITIONS}")
    workspaces = {require_workspace(name, f"conditions[{index}]") for index, name in enumerate(names)}
    if len(workspaces) != 1:
        raise _invalid("conditions", "conditions of one workspace")


def _invalid(path: str, description: str, reason: str = "OUT_OF_RANGE") -> DirectFlowError:
    return invalid([FieldViolation(path, description, reason)])
