"""conditions.v1 over gRPC: unpack, call, pack. Who may ask is settled before anything is looked up."""

from typing import Any, Final

from directflow.conditions.v1 import condition_service_pb2_grpc as condition_stubs
from directflow.conditions.v1 import evaluation_service_pb2 as wire
from directflow.conditions.v1 import evaluation_service_pb2_grpc as stubs
from directflow_runtime.errors import DirectFlowError, FieldViolation, StatusCode
from directflow_runtime.identity import require_workspace

from directflow_conditions.evaluation import Evaluator
from directflow_conditions.wire import evaluation_message, values_from, with_leaf

MAX_CONDITIONS: Final = 100


class EvaluationServicer(stubs.EvaluationServiceServicer):
    """What is not overridden answers UNIMPLEMENTED: BatchEvaluateConditions and StreamEvaluations come later."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator

    async def EvaluateCondition(
        self, request: wire.EvaluateConditionRequest, context: Any
    ) -> wire.EvaluateConditionResponse:
        require_workspace(request.condition, "condition")
        given = values_from(request.variables)
        evaluation = await self._evaluator.evaluate(request.condition, request.profile_id, given)
        message = evaluation_message(evaluation)
        if request.explain:
            with_leaf(message, request.condition)
        return wire.EvaluateConditionResponse(evaluation=message, revision=evaluation.revision)

    async def EvaluateConditions(
        self, request: wire.EvaluateConditionsRequest, context: Any
    ) -> wire.EvaluateConditionsResponse:
        _check_conditions(request.conditions)
        given = values_from(request.variables)
        evaluations = await self._evaluator.evaluate_all(request.conditions, request.profile_id, given)
        messages = [evaluation_message(evaluation) for evaluation in evaluations]
        if request.explain:
            messages = [with_leaf(*pair) for pair in zip(messages, request.conditions, strict=True)]
        return wire.EvaluateConditionsResponse(evaluations=messages)


def register(server: Any, evaluator: Evaluator) -> None:
    """Adds two of the API's services to a grpc.aio server; the third registers itself, see `engagement`.

    ConditionService is the generated one: its methods raise NotImplementedError, which callers see as UNIMPLEMENTED.
    """
    services: tuple[tuple[Any, Any], ...] = (
        (stubs.add_EvaluationServiceServicer_to_server, EvaluationServicer(evaluator)),
        (condition_stubs.add_ConditionServiceServicer_to_server, condition_stubs.ConditionServiceServicer()),
    )
    for add_to_server, servicer in services:
        add_to_server(servicer, server)


def _check_conditions(names: Any) -> None:
    if len(names) > MAX_CONDITIONS:
        raise _invalid("conditions", f"at most {MAX_CONDITIONS}")
    workspaces = {require_workspace(name, f"conditions[{index}]") for index, name in enumerate(names)}
    if len(workspaces) != 1:
        raise _invalid("conditions", "conditions of one workspace")


def _invalid(field: str, description: str) -> DirectFlowError:
    violations = [FieldViolation(field, description, "OUT_OF_RANGE")]
    return DirectFlowError(
        StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", f"{field}: {description}", violations=violations
    )
