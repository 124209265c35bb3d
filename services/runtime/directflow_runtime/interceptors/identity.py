"""The caller's identity, and the current call, for everything further in."""

import math
from typing import Any

from directflow_runtime.calls import Call, CallRecord, call_scope, current_record
from directflow_runtime.identity import Admission, IdentityPolicy
from directflow_runtime.interceptors.method import Handler, Method


class Identity:
    """Asks the policy on each call, and makes the answer `current_call()`."""

    def __init__(self, policy: IdentityPolicy) -> None:
        self._policy = policy

    def wrap(self, method: Method, inner: Handler) -> Handler:
        """Runs `inner` as the peer's identity, or not at all. Reflection is for everybody who is somebody."""
        policy, name, for_everybody = self._policy, method.full_name, method.is_infrastructure

        async def admitted(request: Any, context: Any) -> Any:
            peer, proof = context.peer(), context.auth_context()
            admission = policy.identify(peer, proof) if for_everybody else policy.admit(name, peer, proof)
            record = current_record() or CallRecord(method.full_name)
            record.identity, record.may_define = admission.identity, admission.may_define
            with call_scope(_call(record, admission)):
                return await inner(request, context)

        return admitted


def _call(record: CallRecord, admission: Admission) -> Call:
    return Call(
        deadline=math.inf if record.deadline is None else record.deadline,
        identity=admission.identity,
        workspaces=admission.workspaces,
        trace_id=record.trace_id,
        span_id=record.span_id,
        method=record.method,
        may_define=admission.may_define,
    )
