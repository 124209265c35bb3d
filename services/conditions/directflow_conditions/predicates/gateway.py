"""The port to the gateway's engagement store: M predicates for N people in one EvaluatePredicates."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import grpc
from directflow.engagement.v1 import engagement_pb2 as pb
from directflow.gateway.v1 import engagement_store_service_pb2 as wire
from directflow.gateway.v1 import engagement_store_service_pb2_grpc as stubs
from directflow_runtime.remote import forwarded

from directflow_conditions.anchors import Anchor, insufficient
from directflow_conditions.leaves import predicate_of, scope_asked
from directflow_conditions.policies import RAW_CODES, Raw, bytes_table
from directflow_conditions.predicates.predicate import Scope
from directflow_conditions.predicates.wire import predicate_message, timestamp_message
from directflow_conditions.questions import Outcomes, QuestionSet

SAFE_METHODS: Final = ("directflow.gateway.v1.EngagementStoreService/EvaluatePredicates",)
"""What the channel may send again when the gateway was away: it reads."""

_RAW: Final = bytes_table({False: RAW_CODES[Raw.FALSE], True: RAW_CODES[Raw.TRUE]})


class UnreadableAnswer(Exception):
    """The gateway's answer breaks its contract: a defect on one of the two sides."""


class PredicateGateway:
    """The gateway's engagement store over gRPC; without a timeout, deadline and trace travel with the channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        # `_pb2_grpc` is untyped: this module alone carries the ignore.
        self._store: Any = stubs.EngagementStoreServiceStub(channel)  # type: ignore[no-untyped-call]

    async def ask(self, questions: QuestionSet, timeout: float | None = None) -> Sequence[Outcomes]:
        """The outcomes of each condition on engagement, TRUE or FALSE, with the events that counted."""
        evaluated = datetime.now(UTC)
        try:
            response = await self._store.EvaluatePredicates(request_for(questions, evaluated), timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise forwarded(error) from error
        return outcomes_from(response, len(questions.conditions), len(questions.profile_ids), evaluated)


def request_for(questions: QuestionSet, evaluated: datetime) -> wire.EvaluatePredicatesRequest:
    """Every predicate for every person, at a moment of ours: only so can it be told which window was looked at."""
    predicates = [predicate_message(predicate) for one in questions.conditions if (predicate := predicate_of(one))]
    return wire.EvaluatePredicatesRequest(
        parent=f"workspaces/{questions.conditions[0].workspace}",
        predicates=predicates,
        profile_ids=questions.profile_ids,
        anchors=_sufficient(questions.anchors, {scope_asked(one) for one in questions.conditions}),
        evaluation_time=timestamp_message(evaluated),
    )


def outcomes_from(
    response: wire.EvaluatePredicatesResponse, predicates: int, profiles: int, evaluated: datetime
) -> list[Outcomes]:
    """A column of outcomes for each predicate; another number of them is a defect."""
    expected = predicates * profiles
    if len(response.outcomes) != expected or len(response.counts) != expected:
        raise UnreadableAnswer(
            f"EvaluatePredicates answered {len(response.outcomes)} outcomes and {len(response.counts)} counts for "
            f"{predicates} predicates and {profiles} profiles"
        )
    raw = bytes(response.outcomes).translate(_RAW)
    counts = list(response.counts)
    return [
        Outcomes(raw[start : start + profiles], {}, counts[start : start + profiles], evaluated)
        for start in range(0, expected, profiles)
    ]


def _sufficient(anchors: Sequence[Anchor], scopes: set[Scope]) -> list[Any]:
    """The anchors, with stand-ins where one lacks what some predicate asks for.

    The gateway would refuse all for one that lacks it. What comes out for such a profile is thrown away by whoever
    knows that it could not be asked; the other predicates do not look at the part that stands in.
    """
    flow = set(insufficient(anchors, Scope.SINCE_FLOW_ENTRY)) if Scope.SINCE_FLOW_ENTRY in scopes else set()
    message = set(insufficient(anchors, Scope.THIS_MESSAGE)) if Scope.THIS_MESSAGE in scopes else set()
    completed: list[Any] = list(anchors)
    for index in flow | message:
        stand_in: Any = pb.Anchor.FromString(anchors[index].SerializeToString())
        if index in flow:
            stand_in.flow_enter_time.FromSeconds(0)
        if index in message:
            stand_in.message_id = "-"
        completed[index] = stand_in
    return completed
