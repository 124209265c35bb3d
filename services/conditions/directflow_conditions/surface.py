"""Who may call what of conditions.v1."""

from typing import Final

from directflow_runtime.surface import DEVELOPER, PLATFORM, Surface, methods

_CONDITIONS: Final = "directflow.conditions.v1.ConditionService"
_EVALUATIONS: Final = "directflow.conditions.v1.EvaluationService"
_ENGAGEMENT: Final = "directflow.conditions.v1.EngagementService"
_EVERYBODY: Final = (PLATFORM, DEVELOPER)

SURFACE: Final = Surface(
    {
        **methods(_CONDITIONS, _EVERYBODY, "GetCondition", "ListConditions", "ListConditionRevisions"),
        **methods(_CONDITIONS, (DEVELOPER,), "CreateCondition", "UpdateCondition", "DeleteCondition"),
        **methods(_CONDITIONS, (DEVELOPER,), "RollbackCondition"),
        **methods(_EVALUATIONS, _EVERYBODY, "EvaluateCondition", "EvaluateConditions"),
        **methods(_EVALUATIONS, _EVERYBODY, "BatchEvaluateConditions", "StreamEvaluations"),
        **methods(_ENGAGEMENT, _EVERYBODY, "RecordEngagement", "StreamEngagement", "ListEngagement"),
    }
)
